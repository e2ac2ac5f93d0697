// Pasts for the tables of the kernel: the events of a stream, folded, with the timers that a server
// would have left beside them.

import type { Event } from "../../kernel/event.ts";
import {
  type DeadlineMs,
  deadlineMs,
  instantMs,
  later,
  promiseId,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import { fold, promiseKey, type Stream, type StreamState } from "../../kernel/stream.ts";
import { noTimers, type Timers } from "../../kernel/timers.ts";
import { emptyValue, type Tags } from "../../kernel/value.ts";

/** Of every task in these pasts that is pending: the retry clock, far from any of their instants. */
export const retryAt: DeadlineMs = deadlineMs(5_000_000n);

/** The instant from which the leases in these pasts are counted. */
const heldFrom = instantMs(0);

/** What stands beside such a state: the clock that a task of this kind always has (timers.ts, I1). */
export function timersOf({ task }: StreamState): Timers {
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
