// A stream is everything that must change together: one promise, its task, and those who wait for it;
// or one schedule. It is read, fenced and written as a whole.
//
//   S1. Folding the events of a stream gives its state, every field that a client can read.
//   S2. A stream has one due date: the earliest instant at which it wants attention, null if never.
//   S3. A task is born with a targeted promise and fulfilled with its settlement, by those very events.
//   S4. What befalls a task or a listener befalls it while its promise is pending, but for being told.
//   S5. A schedule is due at its next run, until it has caught up.

import { AssertionError, assert, unreachable } from "./assert.ts";
import * as callback from "./callback.ts";
import type { Event, RecordedEvent } from "./event.ts";
import {
  type DeadlineMs,
  deadlineMs,
  earliest,
  type PromiseId,
  type ScheduleId,
  type StreamRevision,
  type StreamVersion,
} from "./ids.ts";
import * as listener from "./listener.ts";
import * as promise from "./promise.ts";
import * as schedule from "./schedule.ts";
import * as task from "./task.ts";
import type { Timers } from "./timers.ts";
import { isTargeted } from "./value.ts";

/** Names a stream. A tuple, so that no two ids can run together with a kind. */
export type StreamKey = PromiseKey | ScheduleKey;
export type PromiseKey = { readonly kind: "promise"; readonly id: PromiseId };
export type ScheduleKey = { readonly kind: "schedule"; readonly id: ScheduleId };
export type StreamKind = StreamKey["kind"];

/** Of the kind of its key. */
export type StreamState = PromiseStream | ScheduleStream;

export type ScheduleStream = {
  readonly kind: "schedule";
  readonly schedule: schedule.ScheduleState;
};

export type PromiseStream = {
  readonly kind: "promise";
  readonly promise: promise.PromiseState;
  readonly task: task.TaskState;
  /** Who is to be woken, in the order of registration; only ever shrinks once it is settled. */
  readonly callbacks: callback.Callbacks;
  /** Who is to be told; likewise. */
  readonly listeners: listener.Listeners;
};

/** A stream as it is stored: state, and the numbers that fence it. */
export type Stream = {
  readonly key: StreamKey;
  readonly version: StreamVersion;
  readonly revision: StreamRevision;
  readonly state: StreamState;
  readonly timers: Timers;
};

/** What a batch wants of one stream. Without a write, it only asks that the revision still holds. */
export type Change = {
  readonly key: StreamKey;
  readonly expectedRevision: StreamRevision;
  readonly write: Write | null;
};

export type Write = {
  /** Version of the last event, the new ones included. */
  readonly version: StreamVersion;
  /** Those of this batch, oldest first; none if only its timers are written. */
  readonly events: readonly RecordedEvent[];
  /** The state after the last event. Redundant, like every snapshot; tests hold it to the fold. */
  readonly snapshot: StreamState;
  readonly timers: Timers;
  readonly dueAt: DeadlineMs | null;
};

/** The streams of commands that depend on each other: lands whole or not at all. */
export type Component = { readonly changes: readonly Change[] };

export const absent: PromiseStream = {
  kind: "promise",
  promise: promise.absent,
  task: task.absent,
  callbacks: callback.noCallbacks,
  listeners: listener.noListeners,
};

const noSchedule: ScheduleStream = { kind: "schedule", schedule: schedule.absent };

/** Before its first event. */
export function absentOf(kind: StreamKind): StreamState {
  return kind === "promise" ? absent : noSchedule;
}

export function promiseKey(id: PromiseId): PromiseKey {
  return { kind: "promise", id };
}

export function scheduleKey(id: ScheduleId): ScheduleKey {
  return { kind: "schedule", id };
}

export function evolve(state: StreamState, event: Event): StreamState {
  if (state.kind === "promise") return evolvePromise(state, event);
  switch (event.kind) {
    case "schedule_created":
    case "schedule_fired":
    case "schedule_deleted":
      return { ...state, schedule: schedule.evolve(state.schedule, event) };
    default:
      throw new AssertionError(`a schedule has the event ${event.kind}`);
  }
}

function evolvePromise(state: PromiseStream, event: Event): PromiseStream {
  switch (event.kind) {
    case "promise_created": {
      const born = isTargeted(event.tags) ? task.born : task.absent; // S3
      return { ...state, promise: promise.evolve(state.promise, event), task: born };
    }
    case "promise_settled": {
      const settled = promise.evolve(state.promise, event);
      return { ...state, promise: settled, task: task.fulfilled(state.task) }; // S3
    }
    case "callback_registered":
      assert(state.promise.kind === "pending", "a callback on a promise that is not pending"); // C1
      return { ...state, callbacks: callback.evolve(state.callbacks, event) };
    case "callback_drained":
      assert(state.promise.kind === "settled", "a drain before the settlement"); // C2
      return { ...state, callbacks: callback.evolve(state.callbacks, event) };
    case "listener_registered":
      assert(state.promise.kind === "pending", "a listener to a promise that is not pending"); // S4
      return { ...state, listeners: listener.evolve(state.listeners, event) };
    case "listener_drained":
      assert(state.promise.kind === "settled", "a listener is told before the settlement"); // S4
      return { ...state, listeners: listener.evolve(state.listeners, event) };
    case "task_acquired":
    case "task_released":
    case "task_suspended":
    case "task_resumed":
    case "resumes_cleared":
    case "task_halted":
    case "task_continued":
    case "lease_expired":
      assert(state.promise.kind === "pending", "a task moves after the settlement"); // S4
      return { ...state, task: task.evolve(state.task, event) };
    case "schedule_created":
    case "schedule_fired":
    case "schedule_deleted":
      throw new AssertionError(`a promise has the event ${event.kind}`);
    default:
      return unreachable(event);
  }
}

/** Of a promise. */
export function fold(events: readonly Event[]): PromiseStream {
  return events.reduce(evolvePromise, absent);
}

/** S2. */
export function dueAt(state: StreamState, timers: Timers): DeadlineMs | null {
  return state.kind === "promise" ? promiseDueAt(state, timers) : schedule.dueAt(state.schedule); // S5
}

/** Whether a pending promise is settled at its deadline although nobody touches it. */
export function isArmed({ promise: record, callbacks, listeners }: PromiseStream): boolean {
  if (record.kind !== "pending") return false;
  return callbacks.length + listeners.length > 0 || promise.isAwaitable(record);
}

/**
 * While pending, an armed deadline and the clock of the task; after the settlement, now, as long as
 * somebody waits, or when a listener is to be told.
 */
function promiseDueAt(state: PromiseStream, { clockAt, tellings }: Timers): DeadlineMs | null {
  const { promise: record, callbacks, listeners } = state;
  switch (record.kind) {
    case "absent":
      return null;
    case "pending":
      return earliest(isArmed(state) ? record.timeoutAt : null, clockAt);
    case "settled": {
      const settledAt = deadlineMs(BigInt(record.settledAt));
      const drainAt = callbacks.length > 0 ? settledAt : null;
      return earliest(drainAt, listener.tellAt(listeners, tellings, settledAt));
    }
    default:
      return unreachable(record);
  }
}
