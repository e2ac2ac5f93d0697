// What has happened: facts, in the past tense, never edited once they are written. The log of them
// is the truth; every other picture of a stream is folded from it (stream.ts, `evolve`).
//
// Those of schedules are in schedule.ts. The stored form of each kind is frozen in store/codec.ts and
// test/golden; a new member comes with a new schema version and an upcaster there.

import type { CommandId, DeadlineMs, DurationMs, InstantMs, PromiseId } from "./ids.ts";
import type { ScheduleEvent } from "./schedule.ts";
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

/** In the stream of the promise that is awaited: an address that wants to be told. */
export type ListenerRegistered = {
  readonly kind: "listener_registered";
  readonly address: string;
};

/** It was told, or could not be told for too long. */
export type ListenerDrained = {
  readonly kind: "listener_drained";
  readonly address: string;
  readonly wasTold: boolean;
};

/** A worker holds the task from now on: the version has grown by one, and it has no resumes. */
export type TaskAcquired = {
  readonly kind: "task_acquired";
  /** The worker's name for itself. */
  readonly pid: string;
  /** How long it may be silent. */
  readonly ttl: DurationMs;
};

/** Its worker gave it back. */
export type TaskReleased = { readonly kind: "task_released" };

/** Its worker left it to wait; the callbacks that will wake it are in the streams of the awaited. */
export type TaskSuspended = { readonly kind: "task_suspended" };

/** Something that it awaited is settled: it wakes if it sleeps, and else keeps that in mind. */
export type TaskResumed = { readonly kind: "task_resumed"; readonly awaited: PromiseId };

/** Its worker has been told what it kept in mind. */
export type ResumesCleared = { readonly kind: "resumes_cleared" };

export type TaskHalted = { readonly kind: "task_halted" };
export type TaskContinued = { readonly kind: "task_continued" };

/** Its worker was silent for too long. */
export type LeaseExpired = { readonly kind: "lease_expired" };

export type Event =
  | PromiseCreated
  | PromiseSettled
  | CallbackRegistered
  | CallbackDrained
  | ListenerRegistered
  | ListenerDrained
  | TaskAcquired
  | TaskReleased
  | TaskSuspended
  | TaskResumed
  | ResumesCleared
  | TaskHalted
  | TaskContinued
  | LeaseExpired
  | ScheduleEvent;

/** An event as a batch hands it to the store: with its cause, and the instant of the batch. */
export type RecordedEvent = {
  readonly at: InstantMs;
  readonly command: CommandId;
  readonly event: Event;
};
