// Which promises an intent is about, and which hang together.

import { scheduleName } from "./model/record.ts";
import type { Action, Intent } from "./plan.ts";

/** The streams that an action is about, by name; searches, and readings of the whole log, are about none. */
export function idsOf(action: Action): readonly string[] {
  switch (action.kind) {
    case "create":
    case "settle":
    case "get":
    case "look":
    case "halt":
    case "continue":
    case "acquire":
    case "release":
    case "heartbeat":
    case "fulfill":
      return [action.id];
    case "start":
    case "share":
      return [action.action.id];
    case "fence":
      return [action.id, action.action.id];
    case "suspend":
      return [action.id, ...action.awaited];
    case "listen":
      return [action.awaited];
    case "callback":
      return [action.awaited, action.awaiter];
    case "events":
      return action.of === null ? [] : [action.of];
    case "schedule":
    case "show":
    case "unschedule":
      return [scheduleName(action.id)];
    case "search":
    case "list_promises":
    case "list_tasks":
    case "list_schedules":
      return [];
  }
}

/** These promises, and all that callbacks, suspensions and fences connect with them. */
export function connected(ids: Iterable<string>, intents: readonly Intent[]): ReadonlySet<string> {
  const neighbours = new Map<string, Set<string>>();
  for (const { action } of intents) {
    const tied = idsOf(action);
    if (tied.length < 2) continue;
    for (const id of tied) {
      neighbours.set(id, new Set([...(neighbours.get(id) ?? []), ...tied]));
    }
  }
  const found = new Set(ids);
  for (const id of found) {
    // A set hands out what is added while it is walked.
    for (const other of neighbours.get(id) ?? []) found.add(other);
  }
  return found;
}
