// What has happened: facts, in the past tense, never edited once they are written. The log of them
// is the truth; every other picture of a stream is folded from it (stream.ts, `evolve`).
//
// The stored form of each kind is frozen in store/codec.ts and test/golden; a new member comes with
// a new schema version and an upcaster there.

import type { CommandId, DeadlineMs, InstantMs, PromiseId } from "./ids.ts";
import type { Tags, Value } from "./value.ts";

/** How a promise ended. `timedout` only ever by its deadline; a timer's deadline says `resolved`. */
export type Outcome = "resolved" | "rejected" | "canceled" | "timedout";

export type PromiseCreated = {
  readonly kind: "promise_created";
  readonly createdAt: InstantMs;
  readonly timeoutAt: DeadlineMs;
  readonly param: Value;
  readonly tags: Tags;
  /** The idempotency key that the client sent along. */
  readonly key: string | null;
  /** Created through the original API: anybody may await and settle it, so its deadline is armed. */
  readonly isExternal: boolean;
};

export type PromiseSettled = {
  readonly kind: "promise_settled";
  readonly outcome: Outcome;
  readonly settledAt: InstantMs;
  readonly value: Value;
  /** The idempotency key that the client sent along; null by a deadline, which nobody sent. */
  readonly key: string | null;
};

/** In the stream of the promise that is awaited. */
export type CallbackRegistered = {
  readonly kind: "callback_registered";
  readonly awaiter: PromiseId;
};

/** In the stream of the promise that was awaited: this waiter is owed nothing any more. */
export type CallbackDrained = { readonly kind: "callback_drained"; readonly awaiter: PromiseId };

export type Event = PromiseCreated | PromiseSettled | CallbackRegistered | CallbackDrained;

/** An event as a batch hands it to the store: with its cause, and the instant of the batch. */
export type RecordedEvent = {
  readonly at: InstantMs;
  readonly command: CommandId;
  readonly event: Event;
};
