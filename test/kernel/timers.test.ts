// The clock of a task, by table: what a step sets it to, and whether the task is offered.
//
// I1 (one clock by state) is kept by whoever applies these; here is what each of them says.

import { expect, test } from "vitest";
import { deadlineMs, durationMs, instantMs, int64Max } from "../../kernel/ids.ts";
import type { PendingPromise } from "../../kernel/promise.ts";
import {
  type Dispatch,
  dispatch,
  dispatchAnew,
  dispatchReleased,
  lease,
  missed,
  noTimers,
  redispatch,
  type Timers,
} from "../../kernel/timers.ts";
import { emptyValue } from "../../kernel/value.ts";

const [now, retryMs] = [instantMs(1_000), 30_000];
const at = { now, retryMs };

function promise(tags: Readonly<Record<string, string>> = {}): PendingPromise {
  return {
    ...{ kind: "pending", createdAt: instantMs(1), timeoutAt: deadlineMs(90_000n) },
    ...{
      param: emptyValue,
      tags: new Map(Object.entries(tags)),
      createKey: null,
      isExternal: false,
    },
  };
}

const timers = (clockAt: number, releaseCount = 0): Timers => {
  return { ...noTimers, clockAt: deadlineMs(BigInt(clockAt)), releaseCount };
};
const offered = (clockAt: number, releaseCount = 0): Dispatch => {
  return { timers: { ...timers(clockAt, releaseCount), offeredAt: at.now }, isOffered: true };
};
const kept = (clockAt: number, releaseCount = 0): Dispatch => {
  return { timers: timers(clockAt, releaseCount), isOffered: false };
};
const delay = (text: string) => promise({ "resonate:delay": text });
const timer = promise({ "resonate:timer": "true" });
const twice = { ...noTimers, releaseCount: 2 };

test.each<[string, Dispatch, Dispatch]>([
  ["I2 a dispatch offers, and tries again", dispatch(noTimers, promise(), at), offered(31_000)],
  ["I2 and goes on to count releases", dispatch(twice, promise(), at), offered(31_000, 2)],
  ["I3 a delay that lies ahead is waited for", dispatch(twice, delay("1001"), at), kept(1_001, 2)],
  ["I3 a delay that is over is none", dispatch(noTimers, delay("1000"), at), offered(31_000)],
  ["I3 a delay with zeros in front", dispatch(noTimers, delay("0001002"), at), kept(1_002)],
  ["I3 a delay that is no number is none", dispatch(noTimers, delay("soon"), at), offered(31_000)],
  ["I3 nor is one beyond 64 bits", dispatch(noTimers, delay(`${2n ** 63n}`), at), offered(31_000)],
  ["I3 a timer is never offered", dispatch(noTimers, timer, at), kept(90_000)],
  ["I4 whoever is woken begins anew", dispatchAnew(promise(), at), offered(31_000)],
])("%s", (_rule, dispatched, expected) => {
  expect(dispatched).toEqual(expected);
});

test("I4: three releases in a row are free, each further one waits twice as long", () => {
  const pauses: (readonly [number, boolean])[] = [];
  let last = noTimers;
  for (let release = 1; release <= 16; release++) {
    const { timers, isOffered } = dispatchReleased(last, promise(), at);
    pauses.push([Number(timers.clockAt) - now, isOffered]);
    last = timers;
  }
  expect(pauses).toEqual([
    ...[1, 2, 3].map(() => [retryMs, true]),
    ...[100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600].map((ms) => [ms, false]),
    ...[30_000, 30_000, 30_000, 30_000].map((ms) => [ms, false]),
  ]);
});

test("I4: a very patient releaser still gets a whole number", () => {
  const { timers } = dispatchReleased({ ...noTimers, releaseCount: 1e6 }, promise(), at);
  expect(timers.clockAt).toBe(31_000n);
});

test("I1: a lease ends a ttl from now, or never, and forgets what was missed", () => {
  expect(lease(missed(twice), now, durationMs(5n))).toEqual(timers(1_005, 2));
  expect(lease(noTimers, now, durationMs(int64Max)).clockAt).toBe(int64Max);
});

test("I5: a dispatch that found nobody is kept in mind until somebody connects, or takes it", () => {
  expect(missed(timers(7, 1))).toEqual({ ...timers(7, 1), isMissed: true });
  expect(dispatch(missed(noTimers), promise(), at).timers.isMissed).toBe(false);
  expect(redispatch(missed(noTimers), promise(), at).timers.isMissed).toBe(true);
  expect(redispatch(noTimers, promise(), at)).toEqual(offered(31_000));
  expect(redispatch(missed(noTimers), delay("1001"), at)).toEqual(kept(1_001));
  expect(dispatchReleased(missed(noTimers), promise(), at).timers.isMissed).toBe(false);
});
