// To which call graph a promise belongs (protocol.md §2.3), and what strict servers refuse for it
// (decisions 5, 6 and 7). Only in strict mode does anybody ask.
//
//   N1. The origin of a promise is its tag; without one, what its id begins with, up to the first colon,
//       else up to the first dot, else all of it. One that is not there yet has the tags it is to get.
//   N2. Who awaits, who is awaited, and what a task does under its fence have one origin; but a task may
//       create a root: a promise that is its own origin.

import type { CreatePromise, Refusal, SettlePromise } from "./command.ts";
import type { PromiseId } from "./ids.ts";
import type { PromiseState } from "./promise.ts";
import { isTargeted, isTimer, noPairs, type Tags } from "./value.ts";

/** Where promises are looked up. */
type Streams = { readonly state: (id: PromiseId) => { readonly promise: PromiseState } };

/** N1. */
export function originOf(id: PromiseId, promise: PromiseState, planned: Tags = noPairs): string {
  const tags = promise.kind === "absent" ? planned : promise.tags;
  const [beforeColon = id, ...afterColon] = id.split(":");
  const [beforeDot = id] = id.split(".");
  return tags.get("resonate:origin") ?? (afterColon.length > 0 ? beforeColon : beforeDot);
}

/** Of a callback, or of all those that a suspension awaits, in their order; null: nothing is wrong. */
export function refuseAwaited(
  streams: Streams,
  awaiter: PromiseId,
  awaited: readonly PromiseId[],
): Refusal | null {
  const own = originOf(awaiter, streams.state(awaiter).promise);
  const isOwn = (id: PromiseId) => originOf(id, streams.state(id).promise) === own;
  if (!awaited.every(isOwn)) return "origins_differ"; // N2
  return new Set(awaited).size < awaited.length ? "awaited_repeated" : null;
}

/** N2. */
export function refuseFenced(
  streams: Streams,
  task: PromiseId,
  action: CreatePromise | SettlePromise,
): Refusal | null {
  const { promise } = streams.state(action.id);
  const isCreation = action.kind === "create_promise";
  const origin = originOf(action.id, promise, isCreation ? action.tags : noPairs);
  if (isCreation && origin === action.id) return null;
  return origin === originOf(task, streams.state(task).promise) ? null : "origins_differ";
}

/** Decision 5: in a fence it is the action that is refused, once the task is known to be held. */
export function isTimerWithTarget(action: CreatePromise | SettlePromise): boolean {
  return action.kind === "create_promise" && isTimer(action.tags) && isTargeted(action.tags);
}
