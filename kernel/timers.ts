// The clock of a task, and what else is kept beside the log because it is no fact: it may be lost or
// be off and nothing a client can read would differ (design.md, "What is not a fact is not an event").
// Protocol.md §4.
//
//   I1. A task has one clock, by its state: pending tries again, acquired holds a lease, others none.
//   I2. To dispatch is to offer the task to its target and to try again after the retry interval.
//   I3. Nothing is offered before the promise's delay, and a timer's task never: no worker runs a sleep.
//   I4. Who releases a task again and again gets it later each time, up to the retry interval.
//   I5. A dispatch that found no receiver is kept in mind until somebody connects or takes the task. When
//       the clock offers it once more, that is not told anew: a backlog that nobody takes is written
//       once for each interval, and not twice.

import {
  type DeadlineMs,
  type DurationMs,
  deadlineMs,
  type InstantMs,
  int64Max,
  isDue,
  later,
} from "./ids.ts";
import { noTellings, type Tellings } from "./listener.ts";
import type { PendingPromise } from "./promise.ts";
import { isTimer } from "./value.ts";

export type Timers = {
  /** When to try again, or when the lease ends (I1). */
  readonly clockAt: DeadlineMs | null;
  /** Releases since it was last suspended, woken, continued, or let lapse. */
  readonly releaseCount: number;
  /** When it was last offered; null: not since its clock was set to something else. */
  readonly offeredAt: InstantMs | null;
  /** I5. */
  readonly isMissed: boolean;
  /** Of the listeners, once the promise is settled. */
  readonly tellings: Tellings;
};

/** What a step makes of a task's timers, and whether it is offered to its target. */
export type Dispatch = { readonly timers: Timers; readonly isOffered: boolean };

export const noTimers: Timers = {
  clockAt: null,
  releaseCount: 0,
  offeredAt: null,
  isMissed: false,
  tellings: noTellings,
};

const unoffered = { offeredAt: null, isMissed: false } as const;

/** Specified in protocol.md, decision 15. */
const freeReleases = 3;
const firstPauseMs = 100;

/** Of a task that is pending from now on, or still. */
export function dispatch(
  timers: Timers,
  promise: PendingPromise,
  { now, retryMs }: { readonly now: InstantMs; readonly retryMs: number },
): Dispatch {
  const waitsUntil = isTimer(promise.tags) ? promise.timeoutAt : delayAt(promise); // I3
  if (waitsUntil !== null && !isDue(waitsUntil, now)) {
    return { timers: { ...timers, ...unoffered, clockAt: waitsUntil }, isOffered: false };
  }
  const clockAt = later(now, retryMs); // I2
  return { timers: { ...timers, ...unoffered, clockAt, offeredAt: now }, isOffered: true };
}

/** The same once its clock has run out (I5). */
export function redispatch(
  timers: Timers,
  promise: PendingPromise,
  at: { readonly now: InstantMs; readonly retryMs: number },
): Dispatch {
  const { timers: next, isOffered } = dispatch(timers, promise, at);
  return { timers: { ...next, isMissed: timers.isMissed && isOffered }, isOffered };
}

/** The same for a reason that begins anew to count releases: it was woken, continued, or has lapsed. */
export function dispatchAnew(
  promise: PendingPromise,
  at: { readonly now: InstantMs; readonly retryMs: number },
): Dispatch {
  return dispatch(noTimers, promise, at);
}

/** I4. */
export function dispatchReleased(
  timers: Timers,
  promise: PendingPromise,
  at: { readonly now: InstantMs; readonly retryMs: number },
): Dispatch {
  const releaseCount = timers.releaseCount + 1;
  if (releaseCount <= freeReleases) return dispatch({ ...timers, releaseCount }, promise, at);
  const doublings = releaseCount - freeReleases - 1;
  const pauseMs = Math.min(at.retryMs, firstPauseMs * 2 ** Math.min(doublings, 32));
  const clockAt = later(at.now, pauseMs);
  return { timers: { ...timers, ...unoffered, clockAt, releaseCount }, isOffered: false };
}

/** Of a task that is held from now on, or still. */
export function lease(timers: Timers, now: InstantMs, ttl: DurationMs): Timers {
  return { ...timers, ...unoffered, clockAt: later(now, ttl) };
}

/** I5. */
export function missed(timers: Timers): Timers {
  return { ...timers, isMissed: true };
}

/** Before then nothing is offered; null: at once. A promise may be older than the rule that checks it. */
function delayAt({ tags }: PendingPromise): DeadlineMs | null {
  const text = tags.get("resonate:delay") ?? "";
  if (!/^0*[0-9]{1,19}$/.test(text)) return null;
  const at = BigInt(text);
  return at <= int64Max ? deadlineMs(at) : null;
}
