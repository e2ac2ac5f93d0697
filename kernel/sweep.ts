// Due streams, turned into the commands that they are due for. The sweep decides nothing: every
// command checks again when it runs, so that late, early and double firings are harmless.

import type { InternalCommand } from "./command.ts";
import { type InstantMs, isDue } from "./ids.ts";
import { drains } from "./settle.ts";
import { dueAt, type Stream } from "./stream.ts";

/** What one stream owes at `now`; nothing, if the index of due dates was wrong about it. */
export function obligations(stream: Stream, now: InstantMs): readonly InternalCommand[] {
  const { key, state, timers } = stream;
  const { promise, task } = state;
  const due = dueAt(state, timers);
  if (due === null || !isDue(due, now)) return [];
  if (promise.kind === "settled") return drains(key, state, { tellings: timers.tellings, now });
  const isOver = promise.kind === "pending" && isDue(promise.timeoutAt, now); // timeout always wins
  if (isOver) return [{ kind: "settle_at_deadline", id: key.id }];
  return [{ kind: task.kind === "acquired" ? "expire_lease" : "dispatch_again", id: key.id }];
}
