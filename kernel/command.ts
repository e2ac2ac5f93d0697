// What may be asked of the kernel, in the imperative, and what it may answer.

import { unreachable } from "./assert.ts";
import type { Outcome } from "./event.ts";
import type {
  DeadlineMs,
  DurationMs,
  InstantMs,
  PromiseId,
  ScheduleId,
  TaskVersion,
} from "./ids.ts";
import type { List, Page, ShownPromise } from "./list.ts";
import type { Delivery } from "./ports.ts";
import type { PromiseRecord } from "./promise.ts";
import type {
  CreateSchedule,
  DeleteSchedule,
  FireSchedule,
  ScheduleRecord,
  ScheduleRefusal,
} from "./schedule.ts";
import type { EventPage, PromisePage, ReadEvents, SearchPromises } from "./search.ts";
import { promiseKey, type StreamKey, scheduleKey } from "./stream.ts";
import type { TaskRecord, TaskRefusal } from "./task.ts";
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
  /** Whoever creates what exists is shown it, whatever the keys (protocol.md §3.1). */
  readonly isShared: boolean;
};

export type SettlePromise = {
  readonly kind: "settle_promise";
  readonly id: PromiseId;
  readonly outcome: Exclude<Outcome, "timedout">;
  readonly value: Value;
  readonly key: string | null;
  /** A repetition is accepted only if the promise ended in the outcome asked for. */
  readonly strict: boolean;
  /** Whoever settles what is settled is shown it, whatever the keys (protocol.md §3.1). */
  readonly isShared: boolean;
};

export type GetPromise = { readonly kind: "get_promise"; readonly id: PromiseId };

/** Asks that `awaiter` be woken once `awaited` is settled (protocol.md §3.1). */
export type RegisterCallback = {
  readonly kind: "register_callback";
  readonly awaited: PromiseId;
  readonly awaiter: PromiseId;
};

/** Asks that the address be told once `awaited` is settled. */
export type RegisterListener = {
  readonly kind: "register_listener";
  readonly awaited: PromiseId;
  readonly address: string;
};

// Of tasks (protocol.md §3.2).

export type GetTask = { readonly kind: "get_task"; readonly id: PromiseId };
export type HaltTask = { readonly kind: "halt_task"; readonly id: PromiseId };
export type ContinueTask = { readonly kind: "continue_task"; readonly id: PromiseId };

type OfHolder = { readonly id: PromiseId; readonly version: TaskVersion };
type Lease = { readonly pid: string; readonly ttl: DurationMs };

export type AcquireTask = OfHolder & Lease & { readonly kind: "acquire_task" };
/** Creates a promise whose task is held from the start, or acquires the task that is there. */
export type CreateTask = Lease & { readonly kind: "create_task"; readonly action: CreatePromise };
export type ReleaseTask = OfHolder & { readonly kind: "release_task" };
/** Settles the promise of the task. */
export type FulfillTask = OfHolder & {
  readonly kind: "fulfill_task";
  readonly outcome: SettlePromise["outcome"];
  readonly value: Value;
};
export type SuspendTask = OfHolder & {
  readonly kind: "suspend_task";
  /** Not the task's own. One that is there twice counts once, unless strict (origin.ts). */
  readonly awaited: readonly PromiseId[];
};
/** Another promise is created or settled, if the task is held. */
export type FenceTask = OfHolder & {
  readonly kind: "fence_task";
  readonly action: CreatePromise | SettlePromise;
};
export type HeartbeatTask = OfHolder & { readonly kind: "heartbeat_task"; readonly pid: string };

export type TaskCommand =
  | GetTask
  | HaltTask
  | ContinueTask
  | AcquireTask
  | CreateTask
  | ReleaseTask
  | FulfillTask
  | SuspendTask
  | FenceTask
  | HeartbeatTask;

export type GetSchedule = { readonly kind: "get_schedule"; readonly id: ScheduleId };

/** Of schedules (protocol.md §3.3). */
export type ScheduleCommand = CreateSchedule | GetSchedule | DeleteSchedule;

export type ClientCommand =
  | CreatePromise
  | SettlePromise
  | GetPromise
  | RegisterCallback
  | RegisterListener
  | TaskCommand
  | ScheduleCommand;

/** What the kernel asks of itself. Each is checked again when it runs: late or double does no harm. */
export type InternalCommand =
  | { readonly kind: "settle_at_deadline"; readonly id: PromiseId }
  | {
      readonly kind: "drain_callback";
      readonly awaited: PromiseId;
      readonly awaiter: PromiseId;
    }
  | { readonly kind: "expire_lease"; readonly id: PromiseId }
  | { readonly kind: "dispatch_again"; readonly id: PromiseId }
  | FireSchedule
  /** Its `execute` found nobody. */
  | { readonly kind: "note_missed"; readonly id: PromiseId; readonly version: TaskVersion }
  /** A worker has come for what nobody could take, or was offered before this instant (waiting.ts). */
  | { readonly kind: "offer_missed"; readonly id: PromiseId; readonly before: InstantMs }
  | {
      readonly kind: "tell_missed";
      readonly awaited: PromiseId;
      readonly address: string;
      readonly before: InstantMs;
    }
  | { readonly kind: "tell_listener"; readonly awaited: PromiseId; readonly address: string }
  | {
      readonly kind: "note_told";
      readonly awaited: PromiseId;
      readonly address: string;
      readonly delivery: Delivery;
    };

export type Command = ClientCommand | InternalCommand;

/** What a client may submit: commands, which run in batches, and reads, which do not. */
export type Request = ClientCommand | SearchPromises | ReadEvents | List;

/** The domain says no. A value, answered with 4xx; nothing is gained by sending it again. */
export type Refusal =
  | PromiseRefusal
  | CallbackRefusal
  | TaskRefusal
  | TaskCreationRefusal
  | StrictRefusal
  | ScheduleRefusal;
export type PromiseRefusal =
  | "promise_not_found"
  | "promise_already_exists"
  | `promise_already_${Outcome}`;
export type CallbackRefusal =
  /** Of a suspension, which is refused otherwise than a callback. */
  "awaited_not_found" | "awaiter_not_found" | "awaiter_not_targeted" | "awaited_not_awaitable";

export type TaskCreationRefusal =
  /** The promise is there and has no target. */
  | "promise_not_targeted"
  /** Its task is held, sleeps, or is halted. */
  | "task_already_exists";

/** Of a strict server only (origin.ts). */
export type StrictRefusal =
  /** Of the awaiter and the awaited, or of a task and what it fences. */
  "origins_differ" | "awaited_repeated" | "timer_with_target";

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
  | { readonly kind: "task"; readonly id: PromiseId; readonly task: TaskRecord }
  /** To whoever holds the task from now on, or finds it fulfilled. */
  | {
      readonly kind: "claim";
      readonly id: PromiseId;
      readonly task: TaskRecord;
      readonly promise: PromiseRecord;
      /** What it may ask for next (preload.ts); so below. */
      readonly preload: readonly ShownPromise[];
    }
  | { readonly kind: "schedule"; readonly id: ScheduleId; readonly schedule: ScheduleRecord }
  /** It is done, and there is nothing to say about it. */
  | { readonly kind: "done" }
  /** Something that the task would await is settled already: it is held as before (300). */
  | {
      readonly kind: "not_suspended";
      readonly id: PromiseId;
      readonly promise: PromiseRecord;
      readonly preload: readonly ShownPromise[];
    }
  /** The task is held, and this was said to its action. */
  | { readonly kind: "fenced"; readonly inner: Response }
  | { readonly kind: "promises"; readonly page: PromisePage }
  | { readonly kind: "events"; readonly page: EventPage }
  | Page
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "failed"; readonly failure: Failure };

/** The streams that a command may touch: known before it runs, so a batch loads them at once. */
export function keys(command: Command): readonly StreamKey[] {
  switch (command.kind) {
    case "create_promise":
    case "settle_promise":
    case "get_promise":
    case "settle_at_deadline":
    case "get_task":
    case "halt_task":
    case "continue_task":
    case "acquire_task":
    case "release_task":
    case "fulfill_task":
    case "heartbeat_task":
    case "expire_lease":
    case "dispatch_again":
    case "note_missed":
    case "offer_missed":
      return [promiseKey(command.id)];
    case "register_callback":
    case "drain_callback":
      return [promiseKey(command.awaited), promiseKey(command.awaiter)];
    case "register_listener":
    case "tell_listener":
    case "tell_missed":
    case "note_told":
      return [promiseKey(command.awaited)];
    case "create_task":
      return [promiseKey(command.action.id)];
    case "fence_task":
      return [promiseKey(command.id), promiseKey(command.action.id)];
    case "suspend_task":
      return [command.id, ...command.awaited].map(promiseKey);
    case "create_schedule":
    case "get_schedule":
    case "delete_schedule":
      return [scheduleKey(command.id)];
    case "fire_schedule": {
      const promise = command.promiseId === null ? [] : [promiseKey(command.promiseId)];
      return [scheduleKey(command.id), ...promise];
    }
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
