// Due streams, turned into the commands that they are due for. The sweep decides nothing: every
// command checks again when it runs, so that late, early and double firings are harmless.

import type { InternalCommand } from "./command.ts";
import { type InstantMs, isDue } from "./ids.ts";
import { drains } from "./settle.ts";
import { dueAt, type Stream } from "./stream.ts";

/** What one stream owes at `now`; nothing, if the index of due dates was wrong about it. */
export function obligations({ key, state }: Stream, now: InstantMs): readonly InternalCommand[] {
  const due = dueAt(state);
  if (due === null || !isDue(due, now)) return [];
  if (state.promise.kind === "pending") return [{ kind: "settle_at_deadline", id: key.id }];
  return drains(key, state);
}
