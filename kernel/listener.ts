// Who is told that a promise has settled. A listener is an address; it stands in the stream of the
// promise it awaits. Protocol.md §1.5 `unblock`, §3.1 `promise.register_listener`, §4 "listener drain".
//
//   G1. An address listens once, and only to a pending promise that may be awaited.
//   G2. Once the promise is settled each listener is told. It leaves when that is confirmed, or at the
//       end of the retention: never because something was merely sent.
//   G3. What was handed over and is neither confirmed nor denied is sent again after a while.
//   G4. A push that failed is sent again after a second, then twice as late each time, up to a minute.
//   G5. A worker that is not connected is waited for, and not tried again by the clock; it is due once
//       more at the end of the retention.
//   G6. The retention counts from the first failure.

import { assert, unreachable } from "./assert.ts";
import type { PromiseRefusal } from "./command.ts";
import type { ListenerDrained, ListenerRegistered } from "./event.ts";
import { type DeadlineMs, earliest, type InstantMs, isDue, later } from "./ids.ts";
import { isAwaitable, type PromiseState } from "./promise.ts";

/** As it was sent; valid addresses only (address.ts). */
export type Listeners = readonly string[];
export type ListenerEvent = ListenerRegistered | ListenerDrained;

export type ListenerDecision =
  | { readonly kind: "accepted"; readonly events: readonly ListenerEvent[] }
  | { readonly kind: "refused"; readonly refusal: PromiseRefusal | "awaited_not_awaitable" };

/** How far the telling of one listener has come. No fact: kept beside the log, as timers are. */
export type Telling = {
  /** When to tell it next, unless its worker connects before. */
  readonly nextAt: DeadlineMs;
  /** When it was last told. */
  readonly toldAt: InstantMs;
  readonly failureCount: number;
  readonly failedSince: InstantMs | null;
  /** Its worker was not there. */
  readonly isMissed: boolean;
};

/** By address; one that is not in here has not been told anything yet. */
export type Tellings = ReadonlyMap<string, Telling>;

export const noListeners: Listeners = [];
export const noTellings: Tellings = new Map();

const firstPauseMs = 1_000; // these two are specified in protocol.md §1.4
const pauseMaxMs = 60_000;

export function evolve(listeners: Listeners, event: ListenerEvent): Listeners {
  const isPresent = listeners.includes(event.address);
  switch (event.kind) {
    case "listener_registered":
      assert(!isPresent, "a listener is registered twice"); // G1
      return [...listeners, event.address];
    case "listener_drained":
      assert(isPresent, "a listener is drained that is not registered"); // G2
      return listeners.filter((address) => address !== event.address);
    default:
      return unreachable(event);
  }
}

/** Refusals in the order of protocol.md §3.1; the promise with its timeout folded in. */
export function decideListen(
  awaited: {
    readonly promise: PromiseState;
    readonly listeners: Listeners;
    /** Whatever it is tagged with (protocol.md, `--protocol-await-any`). */
    readonly awaitsAny: boolean;
  },
  address: string,
): ListenerDecision {
  const { promise, listeners, awaitsAny } = awaited;
  if (promise.kind === "absent") return { kind: "refused", refusal: "promise_not_found" };
  if (!awaitsAny && !isAwaitable(promise))
    return { kind: "refused", refusal: "awaited_not_awaitable" };
  const isNew = promise.kind === "pending" && !listeners.includes(address); // G1
  return { kind: "accepted", events: isNew ? [{ kind: "listener_registered", address }] : [] };
}

/** When the next of them wants to be told; null: none does. `settledAt` is when the first ones did. */
export function tellAt(
  listeners: Listeners,
  tellings: Tellings,
  settledAt: DeadlineMs,
): DeadlineMs | null {
  return listeners.reduce<DeadlineMs | null>((soonest, address) => {
    return earliest(soonest, tellings.get(address)?.nextAt ?? settledAt);
  }, null);
}

/** Those that are to be told now, in the order of registration. */
export function untold(
  listeners: Listeners,
  tellings: Tellings,
  now: InstantMs,
): readonly string[] {
  return listeners.filter((address) => {
    const telling = tellings.get(address);
    return telling === undefined || isDue(telling.nextAt, now);
  });
}

/** Its message is handed over (G3). */
export function tell(
  telling: Telling | undefined,
  { now, patienceMs }: { readonly now: InstantMs; readonly patienceMs: number },
): Telling {
  const { failureCount = 0, failedSince = null } = telling ?? {};
  const nextAt = later(now, patienceMs);
  return { nextAt, toldAt: now, failureCount, failedSince, isMissed: false };
}

/** @returns null: given up (G2) */
export function fail(
  telling: Telling,
  failure: { readonly now: InstantMs; readonly isPush: boolean; readonly retentionMs: number },
): Telling | null {
  const { now, isPush, retentionMs } = failure;
  const failedSince = telling.failedSince ?? now; // G6
  const endsAt = later(failedSince, retentionMs);
  if (isDue(endsAt, now)) return null;
  const failed = { ...telling, failureCount: telling.failureCount + 1, failedSince };
  if (!isPush) return { ...failed, nextAt: endsAt, isMissed: true }; // G5
  const doublings = Math.min(telling.failureCount, 16);
  const nextAt = later(now, Math.min(pauseMaxMs, firstPauseMs * 2 ** doublings)); // G4
  const atLast = endsAt < nextAt ? endsAt : nextAt;
  return { ...failed, nextAt: atLast, isMissed: false };
}
