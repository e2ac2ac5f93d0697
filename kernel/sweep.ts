// Due streams, turned into the commands that they are due for. The sweep decides nothing: every
// command checks again when it runs, so that late, early and double firings are harmless.

import { assert } from "./assert.ts";
import type { InternalCommand } from "./command.ts";
import { type InstantMs, isDue } from "./ids.ts";
import type { Cron } from "./ports.ts";
import { firings } from "./schedule.ts";
import { drains } from "./settle.ts";
import { dueAt, type Stream } from "./stream.ts";

export type Sweeping = {
  readonly now: InstantMs;
  readonly cron: Cron;
  /** Of one schedule; it stays due, so that the others follow. */
  readonly firingsMax: number;
};

/** What one stream owes at `now`; nothing, if the index of due dates was wrong about it. */
export function obligations(stream: Stream, at: Sweeping): readonly InternalCommand[] {
  const { key, state, timers } = stream;
  const { now, cron, firingsMax: max } = at;
  if (key.kind === "schedule") {
    assert(state.kind === "schedule", "the stream of a schedule holds none");
    return firings(key.id, state.schedule, { now, cron, max });
  }
  assert(state.kind === "promise", "the stream of a promise holds none");
  const { promise, task } = state;
  const due = dueAt(state, timers);
  if (due === null || !isDue(due, now)) return [];
  if (promise.kind === "settled") return drains(key, state, { tellings: timers.tellings, now });
  const isOver = promise.kind === "pending" && isDue(promise.timeoutAt, now); // timeout always wins
  if (isOver) return [{ kind: "settle_at_deadline", id: key.id }];
  return [{ kind: task.kind === "acquired" ? "expire_lease" : "dispatch_again", id: key.id }];
}
