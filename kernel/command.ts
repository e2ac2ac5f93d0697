// What may be asked of the kernel, in the imperative, and what it may answer.

import { unreachable } from "./assert.ts";
import type { Outcome } from "./event.ts";
import type { DeadlineMs, PromiseId } from "./ids.ts";
import type { PromiseRecord } from "./promise.ts";
import type { EventPage, PromisePage, ReadEvents, SearchPromises } from "./search.ts";
import { promiseKey, type StreamKey } from "./stream.ts";
import type { Tags, Value } from "./value.ts";

export type CreatePromise = {
  readonly kind: "create_promise";
  readonly id: PromiseId;
  readonly timeoutAt: DeadlineMs;
  readonly param: Value;
  readonly tags: Tags;
  /** The idempotency key, the client's name for this attempt; null if it sent none. */
  readonly key: string | null;
  /** A repetition is accepted only while the promise is pending. */
  readonly strict: boolean;
  readonly isExternal: boolean;
};

export type SettlePromise = {
  readonly kind: "settle_promise";
  readonly id: PromiseId;
  readonly outcome: Exclude<Outcome, "timedout">;
  readonly value: Value;
  readonly key: string | null;
  /** A repetition is accepted only if the promise ended in the outcome asked for. */
  readonly strict: boolean;
};

export type GetPromise = { readonly kind: "get_promise"; readonly id: PromiseId };

/** Asks that `awaiter` be woken once `awaited` is settled (protocol.md §3.1). */
export type RegisterCallback = {
  readonly kind: "register_callback";
  readonly awaited: PromiseId;
  readonly awaiter: PromiseId;
};

export type ClientCommand = CreatePromise | SettlePromise | GetPromise | RegisterCallback;

/** What the kernel asks of itself. Each is checked again when it runs: late or double does no harm. */
export type InternalCommand =
  | { readonly kind: "settle_at_deadline"; readonly id: PromiseId }
  | {
      readonly kind: "drain_callback";
      readonly awaited: PromiseId;
      readonly awaiter: PromiseId;
    };

export type Command = ClientCommand | InternalCommand;

/** What a client may submit: commands, which run in batches, and reads, which do not. */
export type Request = ClientCommand | SearchPromises | ReadEvents;

/** The domain says no. A value, answered with 4xx; nothing is gained by sending it again. */
export type Refusal = PromiseRefusal | CallbackRefusal;
export type PromiseRefusal =
  | "promise_not_found"
  | "promise_already_exists"
  | `promise_already_${Outcome}`;
export type CallbackRefusal =
  | "awaiter_not_found"
  | "awaiter_not_targeted"
  | "awaited_not_awaitable";

/** The outside broke. A value, answered with 5xx; sending it again may help. */
export type Failure =
  /** Without effect: the queue of requests is full. */
  | "queue_full"
  /** Without effect: the store's queue or disk is full, or other servers were faster each time. */
  | "store_overloaded"
  /** Without effect: the store failed before anything was written. */
  | "store_failed"
  /** Without effect: what is stored under one of the command's keys cannot be read. */
  | "record_unreadable"
  /** With or without effect: the answer of the store was lost. */
  | "outcome_unknown";

export type Response =
  | {
      readonly kind: "promise";
      readonly id: PromiseId;
      readonly promise: PromiseRecord;
      /** False for a read and for a repetition. */
      readonly changed: boolean;
    }
  | { readonly kind: "promises"; readonly page: PromisePage }
  | { readonly kind: "events"; readonly page: EventPage }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "failed"; readonly failure: Failure };

/** The streams that a command may touch: known before it runs, so a batch loads them at once. */
export function keys(command: Command): readonly StreamKey[] {
  switch (command.kind) {
    case "create_promise":
    case "settle_promise":
    case "get_promise":
    case "settle_at_deadline":
      return [promiseKey(command.id)];
    case "register_callback":
    case "drain_callback":
      return [promiseKey(command.awaited), promiseKey(command.awaiter)];
    default:
      return unreachable(command);
  }
}

export function refused(refusal: Refusal): Response {
  return { kind: "refused", refusal };
}

export function failed(failure: Failure): Response {
  return { kind: "failed", failure };
}
