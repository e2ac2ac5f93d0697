// Who waits for a promise. A callback stands in the stream of the promise that is awaited, and names
// the promise that is to be woken. Protocol.md §3.1 `promise.register_callback` and §4 "drain".
//
//   C1. A waiter is registered once, and only while both promises are pending.
//   C2. A callback is drained once, and only after the promise it waits for is settled.
//   C3. A promise never waits for itself.

import { assert, unreachable } from "./assert.ts";
import type { CallbackRefusal, PromiseRefusal } from "./command.ts";
import type { CallbackDrained, CallbackRegistered } from "./event.ts";
import type { PromiseId } from "./ids.ts";
import { isAwaitable, type PromiseState } from "./promise.ts";
import { isTargeted } from "./value.ts";

export type CallbackEvent = CallbackRegistered | CallbackDrained;
export type Callbacks = readonly PromiseId[];

export type CallbackDecision =
  | { readonly kind: "accepted"; readonly events: readonly CallbackEvent[] }
  | { readonly kind: "refused"; readonly refusal: PromiseRefusal | CallbackRefusal };

type Awaited = { readonly promise: PromiseState; readonly callbacks: Callbacks };

export const noCallbacks: Callbacks = [];
const unchanged: CallbackDecision = { kind: "accepted", events: [] };

export function evolve(callbacks: Callbacks, event: CallbackEvent): Callbacks {
  const isPresent = callbacks.includes(event.awaiter);
  switch (event.kind) {
    case "callback_registered":
      assert(!isPresent, "a callback is registered twice"); // C1
      return [...callbacks, event.awaiter];
    case "callback_drained":
      assert(isPresent, "a callback is drained that is not registered"); // C2
      return callbacks.filter((awaiter) => awaiter !== event.awaiter);
    default:
      return unreachable(event);
  }
}

/** Refusals in the order of protocol.md §3.1; both promises with their timeouts folded in. */
export function decideRegister(
  awaited: Awaited & { readonly awaitsAny: boolean },
  awaiter: PromiseState,
  awaiterId: PromiseId,
): CallbackDecision {
  if (awaited.promise.kind === "absent") return refuse("promise_not_found");
  if (awaiter.kind === "absent") return refuse("awaiter_not_found");
  if (!isTargeted(awaiter.tags)) return refuse("awaiter_not_targeted");
  if (!awaited.awaitsAny && !isAwaitable(awaited.promise)) return refuse("awaited_not_awaitable");
  const areLive = awaited.promise.kind === "pending" && awaiter.kind === "pending";
  if (!areLive || awaited.callbacks.includes(awaiterId)) return unchanged; // C1
  return { kind: "accepted", events: [{ kind: "callback_registered", awaiter: awaiterId }] };
}

/** Checks again what made the drain due: by now another node may have been faster. */
export function decideDrain(awaited: Awaited, awaiterId: PromiseId): readonly CallbackEvent[] {
  const isOwed = awaited.promise.kind === "settled" && awaited.callbacks.includes(awaiterId);
  return isOwed ? [{ kind: "callback_drained", awaiter: awaiterId }] : []; // C2
}

function refuse(refusal: PromiseRefusal | CallbackRefusal): CallbackDecision {
  return { kind: "refused", refusal };
}
