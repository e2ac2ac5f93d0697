// The promise: what may happen to one (`decide`), and what did (`evolve`). Both are pure. `decide`
// answers every command, since clients may ask for anything. `evolve` asserts, since events are our
// own past: one that cannot have happened means that a stream is corrupt.
//
// The table of all answers is promise-api.md §4.2; test/kernel/promise.test.ts is the same table.
//
//   P1. A settled promise never changes again.
//   P2. A promise that is due is settled, at the deadline, before anything is decided about it.
//   P3. A repetition, told by its idempotency key, changes nothing and is shown the promise.
//   P4. Two keys match if both are present and equal. Absent matches nothing, not even absent.
//   P5. A promise that is due when it is created is born settled, at the deadline.
//   P6. Strict narrows what counts as a repetition: create wants it pending, settle the same outcome.
//   P7. At its deadline a timer is resolved, any other promise timed out; the value is empty.
//   P8. It is settled no earlier than it was created, should the clock have gone back in between.
//   P9. Through the current protocol, whoever asks for what is done already is shown it.

import { assert, unreachable } from "./assert.ts";
import type { CreatePromise, PromiseRefusal, SettlePromise } from "./command.ts";
import type { Outcome, PromiseCreated, PromiseSettled } from "./event.ts";
import { type DeadlineMs, earlier, type InstantMs, instantMs, isDue } from "./ids.ts";
import { areAwaitable, emptyValue, isTimer, type Tags, type Value } from "./value.ts";

type Created = {
  readonly createdAt: InstantMs;
  readonly timeoutAt: DeadlineMs;
  readonly param: Value;
  readonly tags: Tags;
  readonly createKey: string | null;
  readonly isExternal: boolean;
};

export type PendingPromise = Created & { readonly kind: "pending" };
export type SettledPromise = Created & {
  readonly kind: "settled";
  readonly outcome: Outcome;
  readonly settledAt: InstantMs;
  readonly value: Value;
  readonly settleKey: string | null;
};

export type PromiseRecord = PendingPromise | SettledPromise;
export type PromiseState = { readonly kind: "absent" } | PromiseRecord;
export type PromiseEvent = PromiseCreated | PromiseSettled;

export type Decision =
  | { readonly kind: "accepted"; readonly events: readonly PromiseEvent[] }
  | { readonly kind: "refused"; readonly refusal: PromiseRefusal };

export const absent: PromiseState = { kind: "absent" };
const repeated: Decision = { kind: "accepted", events: [] };

export function evolve(state: PromiseState, event: PromiseEvent): PromiseRecord {
  switch (event.kind) {
    case "promise_created": {
      assert(state.kind === "absent", "a promise is created twice");
      const { createdAt, timeoutAt, param, tags, key, isExternal } = event;
      assert(createdAt <= timeoutAt, "a promise is created after its deadline");
      return { kind: "pending", createdAt, timeoutAt, param, tags, createKey: key, isExternal };
    }
    case "promise_settled": {
      assert(state.kind === "pending", "a promise is settled that is not pending"); // P1
      const { outcome, settledAt, value, key } = event;
      assert(settledAt >= state.createdAt, "a promise is settled before it is created"); // P8
      assert(settledAt <= state.timeoutAt, "a promise is settled after its deadline"); // P2
      return { ...state, kind: "settled", outcome, settledAt, value, settleKey: key };
    }
    default:
      return unreachable(event);
  }
}

/** P2: the settlement that a passed deadline calls for, null if there is nothing to settle. */
export function timeout(state: PromiseState, now: InstantMs): PromiseSettled | null {
  if (state.kind !== "pending" || !isDue(state.timeoutAt, now)) return null;
  const outcome = isTimer(state.tags) ? "resolved" : "timedout"; // P7
  const settledAt = earlier(state.timeoutAt, now);
  return { kind: "promise_settled", outcome, settledAt, value: emptyValue, key: null };
}

/** The promise as a client may see it at `now`: a passed deadline shows, written or not. */
export function project(promise: PromiseRecord, now: InstantMs): PromiseRecord {
  const settled = timeout(promise, now);
  return settled === null ? promise : evolve(promise, settled);
}

/** @param state with the timeout already folded in (P2) */
export function decideCreate(
  state: PromiseState,
  command: CreatePromise,
  now: InstantMs,
): Decision {
  assert(timeout(state, now) === null, "a decision is taken on a promise that is due");
  if (state.kind === "absent") {
    const { timeoutAt, param, tags, key, isExternal } = command;
    const createdAt = earlier(timeoutAt, now);
    const kind = "promise_created";
    const created: PromiseCreated = { kind, createdAt, timeoutAt, param, tags, key, isExternal };
    const settled = timeout(evolve(state, created), now); // P5
    return { kind: "accepted", events: settled === null ? [created] : [created, settled] };
  }
  if (command.isShared) return repeated; // P9
  const isRepeated = matches(state.createKey, command.key);
  const isAcceptable = !command.strict || state.kind === "pending"; // P6
  return isRepeated && isAcceptable ? repeated : refuse("promise_already_exists"); // P3
}

/** @param state with the timeout already folded in (P2) */
export function decideSettle(
  state: PromiseState,
  command: SettlePromise,
  now: InstantMs,
): Decision {
  assert(timeout(state, now) === null, "a decision is taken on a promise that is due");
  if (state.kind === "absent") return refuse("promise_not_found");
  const { outcome, value, key, strict, isShared } = command;
  if (state.kind === "pending") {
    const settledAt = instantMs(Math.max(now, state.createdAt)); // P8
    return {
      kind: "accepted",
      events: [{ kind: "promise_settled", outcome, settledAt, value, key }],
    };
  }
  if (isShared) return repeated; // P9
  const isRepeated = matches(state.settleKey, key);
  const isAcceptable = !strict || state.outcome === outcome; // P6
  return isRepeated && isAcceptable ? repeated : refuse(`promise_already_${state.outcome}`); // P3
}

/** Whether others may await it, which also means that its deadline is kept unasked. */
export function isAwaitable(promise: PromiseRecord): boolean {
  return promise.isExternal || areAwaitable(promise.tags);
}

function matches(stored: string | null, sent: string | null): boolean {
  return stored !== null && stored === sent; // P4
}

function refuse(refusal: PromiseRefusal): Decision {
  return { kind: "refused", refusal };
}
