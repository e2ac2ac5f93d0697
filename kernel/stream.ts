// A stream is everything that must change together: one promise and those who wait for it. It is
// read, fenced and written as a whole.
//
//   S1. Folding the events of a stream gives its state, every field that a client can read.
//   S2. A stream has one due date: the earliest instant at which it wants attention, null if never.

import { assert, unreachable } from "./assert.ts";
import * as callback from "./callback.ts";
import type { Event, RecordedEvent } from "./event.ts";
import {
  type DeadlineMs,
  deadlineMs,
  type PromiseId,
  type StreamRevision,
  type StreamVersion,
} from "./ids.ts";
import * as promise from "./promise.ts";

export type StreamKind = "promise";

/** Names a stream. A tuple, so that no two ids can run together with a kind. */
export type StreamKey = { readonly kind: StreamKind; readonly id: PromiseId };

export type StreamState = {
  readonly promise: promise.PromiseState;
  /** Who is to be woken, in the order of registration; only ever shrinks once it is settled. */
  readonly callbacks: callback.Callbacks;
};

/** A stream as it is stored: state, and the numbers that fence it. */
export type Stream = {
  readonly key: StreamKey;
  readonly version: StreamVersion;
  readonly revision: StreamRevision;
  readonly state: StreamState;
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
  /** Those of this batch, oldest first. */
  readonly events: readonly RecordedEvent[];
  /** The state after the last event. Redundant, like every snapshot; tests hold it to the fold. */
  readonly snapshot: StreamState;
  readonly dueAt: DeadlineMs | null;
};

/** The streams of commands that depend on each other: lands whole or not at all. */
export type Component = { readonly changes: readonly Change[] };

export const absent: StreamState = { promise: promise.absent, callbacks: callback.noCallbacks };

export function promiseKey(id: PromiseId): StreamKey {
  return { kind: "promise", id };
}

export function evolve(state: StreamState, event: Event): StreamState {
  switch (event.kind) {
    case "promise_created":
    case "promise_settled":
      return { ...state, promise: promise.evolve(state.promise, event) };
    case "callback_registered":
      assert(state.promise.kind === "pending", "a callback on a promise that is not pending"); // C1
      return { ...state, callbacks: callback.evolve(state.callbacks, event) };
    case "callback_drained":
      assert(state.promise.kind === "settled", "a drain before the settlement"); // C2
      return { ...state, callbacks: callback.evolve(state.callbacks, event) };
    default:
      return unreachable(event);
  }
}

export function fold(events: readonly Event[]): StreamState {
  return events.reduce(evolve, absent);
}

/** S2. An armed deadline while pending; after the settlement, now, as long as somebody waits. */
export function dueAt(state: StreamState): DeadlineMs | null {
  const isAwaited = state.callbacks.length > 0;
  switch (state.promise.kind) {
    case "absent":
      return null;
    case "pending":
      return isAwaited || promise.isAwaitable(state.promise) ? state.promise.timeoutAt : null;
    case "settled":
      return isAwaited ? deadlineMs(BigInt(state.promise.settledAt)) : null;
    default:
      return unreachable(state.promise);
  }
}
