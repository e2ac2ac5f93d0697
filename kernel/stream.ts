// A stream is everything that must change together: one promise, its task, and those who wait for it.
// It is read, fenced and written as a whole.
//
//   S1. Folding the events of a stream gives its state, every field that a client can read.
//   S2. A stream has one due date: the earliest instant at which it wants attention, null if never.
//   S3. A task is born with a targeted promise and fulfilled with its settlement, by those very events.
//   S4. What befalls a task or a listener befalls it while its promise is pending, but for being told.

import { assert, unreachable } from "./assert.ts";
import * as callback from "./callback.ts";
import type { Event, RecordedEvent } from "./event.ts";
import {
  type DeadlineMs,
  deadlineMs,
  earliest,
  type PromiseId,
  type StreamRevision,
  type StreamVersion,
} from "./ids.ts";
import * as listener from "./listener.ts";
import * as promise from "./promise.ts";
import * as task from "./task.ts";
import type { Timers } from "./timers.ts";
import { isTargeted } from "./value.ts";

export type StreamKind = "promise";

/** Names a stream. A tuple, so that no two ids can run together with a kind. */
export type StreamKey = { readonly kind: StreamKind; readonly id: PromiseId };

export type StreamState = {
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

export const absent: StreamState = {
  promise: promise.absent,
  task: task.absent,
  callbacks: callback.noCallbacks,
  listeners: listener.noListeners,
};

export function promiseKey(id: PromiseId): StreamKey {
  return { kind: "promise", id };
}

export function evolve(state: StreamState, event: Event): StreamState {
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
    default:
      return unreachable(event);
  }
}

export function fold(events: readonly Event[]): StreamState {
  return events.reduce(evolve, absent);
}

/**
 * S2. While pending, an armed deadline and the clock of the task; after the settlement, now, as long as
 * somebody waits, or when a listener is to be told.
 */
export function dueAt(state: StreamState, { clockAt, tellings }: Timers): DeadlineMs | null {
  const { promise: record, callbacks, listeners } = state;
  switch (record.kind) {
    case "absent":
      return null;
    case "pending": {
      const isArmed = callbacks.length + listeners.length > 0 || promise.isAwaitable(record);
      return earliest(isArmed ? record.timeoutAt : null, clockAt);
    }
    case "settled": {
      const settledAt = deadlineMs(BigInt(record.settledAt));
      const drainAt = callbacks.length > 0 ? settledAt : null;
      return earliest(drainAt, listener.tellAt(listeners, tellings, settledAt));
    }
    default:
      return unreachable(record);
  }
}
