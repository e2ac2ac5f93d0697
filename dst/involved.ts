// Which promises an intent is about, and which hang together.

import type { Action, Intent } from "./plan.ts";

/** The promises that an action is about; searches, and readings of the whole log, are about none. */
export function idsOf(action: Action): readonly string[] {
  switch (action.kind) {
    case "create":
    case "settle":
    case "get":
      return [action.id];
    case "callback":
      return [action.awaited, action.awaiter];
    case "events":
      return action.of === null ? [] : [action.of];
    case "search":
      return [];
  }
}

/** These promises, and all that callbacks connect with them. */
export function connected(ids: Iterable<string>, intents: readonly Intent[]): ReadonlySet<string> {
  const callbacks = intents.flatMap(({ action }) => (action.kind === "callback" ? [action] : []));
  const byAwaited = Map.groupBy(callbacks, ({ awaited }) => awaited);
  const byAwaiter = Map.groupBy(callbacks, ({ awaiter }) => awaiter);
  const found = new Set(ids);
  for (const id of found) {
    // A set hands out what is added while it is walked.
    for (const { awaiter } of byAwaited.get(id) ?? []) found.add(awaiter);
    for (const { awaited } of byAwaiter.get(id) ?? []) found.add(awaited);
  }
  return found;
}
