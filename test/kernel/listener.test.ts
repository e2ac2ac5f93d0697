// The rules of a listener, by table: who may listen, and how the telling goes on after a failure.
//
// G1 to G6 of listener.ts.

import { describe, expect, test } from "vitest";
import { deadlineMs, instantMs, int64Max } from "../../kernel/ids.ts";
import {
  decideListen,
  evolve,
  fail,
  noListeners,
  noTellings,
  type Telling,
  tell,
  tellAt,
  untold,
} from "../../kernel/listener.ts";
import { absent, type PromiseState } from "../../kernel/promise.ts";
import { emptyValue } from "../../kernel/value.ts";

const [a, b, c] = ["poll://uni@g/a", "http://b", "poll://any@g"];
const created = {
  ...{ createdAt: instantMs(1), timeoutAt: deadlineMs(100n), param: emptyValue },
  ...{ tags: new Map(), createKey: null, isExternal: true },
};
const pending: PromiseState = { kind: "pending", ...created };
const inner: PromiseState = { ...pending, isExternal: false };
const settled: PromiseState = {
  ...{ ...created, kind: "settled", outcome: "resolved", settledAt: instantMs(9) },
  ...{ value: emptyValue, settleKey: null },
};
const registered = { kind: "listener_registered", address: a };

test.each<[string, PromiseState, readonly string[], string, readonly unknown[]]>([
  ["to nothing", absent, [], "promise_not_found", []],
  ["G1 to what nobody may await", inner, [], "awaited_not_awaitable", []],
  ["G1 to a pending promise", pending, [], "accepted", [registered]],
  ["G1 beside another one", pending, [b], "accepted", [registered]],
  ["G1 a second time", pending, [b, a], "accepted", []],
  ["G1 to a settled promise", settled, [], "accepted", []],
])("listening %s", (_what, promise, listeners, answer, events) => {
  const decision = decideListen({ promise, listeners, awaitsAny: false }, a);
  expect(decision.kind === "refused" ? decision.refusal : decision.kind).toBe(answer);
  expect(decision.kind === "accepted" ? decision.events : []).toEqual(events);
});

test("G2: a listener stays until it is drained, in its place", () => {
  const three = [a, b, c].reduce((listeners, address) => {
    return evolve(listeners, { kind: "listener_registered", address });
  }, noListeners);
  expect(three).toEqual([a, b, c]);
  expect(evolve(three, { kind: "listener_drained", address: b, wasTold: true })).toEqual([a, c]);
});

test.each([
  ["G1 registered twice", { kind: "listener_registered", address: a }],
  ["G2 drained without being there", { kind: "listener_drained", address: b, wasTold: true }],
] as const)("an event that cannot have happened is a bug: %s", (_what, event) => {
  expect(() => evolve([a], event)).toThrow();
});

const now = instantMs(1_000_000);
const telling = (nextAt: number, failures = 0, since: number | null = null): Telling => ({
  nextAt: deadlineMs(BigInt(nextAt)),
  toldAt: now,
  failureCount: failures,
  failedSince: since === null ? null : instantMs(since),
  isMissed: false,
});

describe("when each is told", () => {
  const settledAt = deadlineMs(7n);
  const tellings = new Map([
    [a, telling(1_000_000)],
    [b, telling(1_000_001)],
  ]);

  test.each<[string, readonly string[], bigint | null, readonly string[]]>([
    ["nobody", [], null, []],
    ["G2 one that was never told, since the settlement", [b, c], 7n, [c]],
    ["G3 one whose time has come again", [b, a], 1_000_000n, [a]],
    ["G3 one that is being told", [b], 1_000_001n, []],
    ["all that are due, in their order", [c, b, a], 7n, [c, a]],
  ])("%s", (_what, listeners, at, told) => {
    expect(tellAt(listeners, tellings, settledAt)).toBe(at);
    expect(untold(listeners, tellings, now)).toEqual(told);
  });

  test("G2: before anything was said, all of them", () => {
    expect(untold([a, b], noTellings, now)).toEqual([a, b]);
  });
});

test("G3: what is handed over waits for its confirmation, and remembers its failures", () => {
  const at = { now, patienceMs: 500 };
  expect(tell(undefined, at)).toEqual(telling(1_000_500));
  const missed = { ...telling(5, 3, 900_000), isMissed: true };
  expect(tell(missed, at)).toEqual(telling(1_000_500, 3, 900_000));
});

test("G4: a push is tried again after 1 s, doubling up to a minute", () => {
  const pauses: number[] = [];
  let last: Telling | null = telling(0);
  for (let count = 0; count < 9 && last !== null; count++) {
    last = fail(last, { now, isPush: true, retentionMs: 86_400_000 });
    pauses.push(Number(last?.nextAt) - now);
    expect(last).toMatchObject({ failureCount: count + 1, failedSince: now, isMissed: false });
  }
  expect(pauses.map((ms) => ms / 1_000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test("G5: for a worker it waits, until the end of the retention", () => {
  const failed = fail(telling(0), { now, isPush: false, retentionMs: 60_000 });
  expect(failed).toEqual({ ...telling(1_060_000, 1, 1_000_000), isMissed: true });
});

test.each([
  ["the last instant before it", 940_001, 1_000_001],
  ["its end", 940_000, null],
  ["long after it", 1, null],
] as const)("G6: the retention counts from the first failure: %s", (_what, since, nextAt) => {
  for (const isPush of [true, false]) {
    const next = fail(telling(0, 5, since), { now, isPush, retentionMs: 60_000 });
    expect(next?.nextAt ?? null).toBe(nextAt === null ? null : BigInt(nextAt));
  }
});

test("G4: at the end of time it stands still", () => {
  const at = { now, patienceMs: Number.MAX_SAFE_INTEGER };
  expect(tell(undefined, at).nextAt).toBeLessThanOrEqual(int64Max);
});
