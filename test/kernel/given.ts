// Pasts for the tables of the kernel: the events of a stream, folded, with the timers that a server
// would have left beside them; and a cron to go with them.

import { assert } from "../../kernel/assert.ts";
import type { Event } from "../../kernel/event.ts";
import {
  type DeadlineMs,
  deadlineMs,
  type InstantMs,
  instantMs,
  later,
  promiseId,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import type { Cron, CronNext } from "../../kernel/ports.ts";
import {
  fold,
  type PromiseStream,
  promiseKey,
  type Stream,
  type StreamState,
} from "../../kernel/stream.ts";
import type { Sweeping } from "../../kernel/sweep.ts";
import { noTimers, type Timers } from "../../kernel/timers.ts";
import { emptyValue, type Tags } from "../../kernel/value.ts";

/** Of a stream that is known to be a promise's. */
export function ofPromise(state: StreamState): PromiseStream {
  assert(state.kind === "promise", "the stream of a promise holds something else");
  return state;
}

/** Of every task in these pasts that is pending: the retry clock, far from any of their instants. */
export const retryAt: DeadlineMs = deadlineMs(5_000_000n);

/** The instant from which the leases in these pasts are counted. */
const heldFrom = instantMs(0);

/** What stands beside such a state: the clock that a task of this kind always has (timers.ts, I1). */
export function timersOf({ task }: PromiseStream): Timers {
  if (task.kind === "pending") return { ...noTimers, clockAt: retryAt };
  if (task.kind === "acquired") return { ...noTimers, clockAt: later(heldFrom, task.ttl) };
  return noTimers;
}

export function stream(id: string, events: readonly Event[], timers?: Timers): Stream {
  const state = fold(events);
  const numbers = {
    version: streamVersion(events.length),
    revision: streamRevision(events.length),
  };
  const key = promiseKey(promiseId(id));
  return { key, ...numbers, state, timers: timers ?? timersOf(state) };
}

export function tagged(tags: Readonly<Record<string, string>>): Tags {
  return new Map(Object.entries(tags));
}

/** Created at 1. */
export function born(timeoutAt: number | bigint, tags: Tags, isExternal: boolean): Event {
  return {
    ...{ kind: "promise_created", createdAt: instantMs(1), param: emptyValue, tags },
    ...{ timeoutAt: deadlineMs(BigInt(timeoutAt)), key: null, isExternal },
  };
}

export const tenYearsMs = 315_576_000_000;

/** Every 10 ms; or once, at 110; or a while after being asked. */
export const cron: Cron = {
  next({ expression, zone }, after): CronNext {
    if (expression === "bad") return { kind: "invalid", part: "expression" };
    if (zone === "Mars") return { kind: "invalid", part: "zone" };
    const at = places[expression]?.(after) ?? null;
    return at === null ? { kind: "never" } : { kind: "occurs", at: instantMs(at) };
  },
};
const places: Readonly<Record<string, (after: InstantMs) => number | null>> = {
  tens: (after) => Math.floor(after / 10) * 10 + 10,
  once: (after) => (after < 110 ? 110 : null),
  never: () => null,
  "ten years": (after) => after + tenYearsMs,
  "over ten years": (after) => after + tenYearsMs + 1,
};

/** How a stream is swept. */
export function sweptAt(now: number): Sweeping {
  return { now: instantMs(now), cron, firingsMax: 100 };
}
