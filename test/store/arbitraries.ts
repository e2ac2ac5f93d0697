// Values as hostile as clients may send them, and histories that the kernel could have made.

import { fc } from "@fast-check/vitest";
import { AssertionError } from "../../kernel/assert.ts";
import type { Event, PromiseCreated, PromiseSettled } from "../../kernel/event.ts";
import { deadlineMs, durationMs, instantMs, int64Max, promiseId } from "../../kernel/ids.ts";
import type { Telling } from "../../kernel/listener.ts";
import { absent, absentOf, evolve, type StreamState } from "../../kernel/stream.ts";
import type { Timers } from "../../kernel/timers.ts";
import type { Pairs, Value } from "../../kernel/value.ts";

/** Close to each other in every order but that of their bytes. */
export const hostileIds = [
  "__proto__",
  "constructor",
  "10",
  "9",
  "a",
  "A",
  "a\u{ffff}",
  "a\u{1f600}",
  "a\u{1f600}b",
  "\u{d7ff}",
  "\u{e000}",
  "\u{10ffff}",
  "\u{10ffff}\u{10ffff}",
  "é",
  "e\u0301",
  "a%b",
  "a_b",
  "a?b",
  "a[b]",
  "a]b",
  "a\\b",
  " ",
  "'\"",
  "x".repeat(2048),
  "é".repeat(1024),
];

const text = fc.oneof(
  fc.constantFrom("", "__proto__", "10", "9", "é", "e\u0301", "\u{1f600}", "\u{ffff}", "'\"\\\n"),
  fc
    .string({ unit: "binary", maxLength: 8 })
    .filter((each) => each.isWellFormed() && !each.includes("\0")),
);

export const arbitraryPairs: fc.Arbitrary<Pairs> = fc
  .array(fc.tuple(text, text), { maxLength: 4 })
  .map((pairs) => new Map(pairs));

export const arbitraryValue: fc.Arbitrary<Value> = fc.record({
  headers: fc.option(arbitraryPairs),
  data: fc.option(text),
});

const arbitraryId = fc
  .oneof(
    fc.constantFrom(...hostileIds),
    text.filter((id) => id !== ""),
  )
  .map(promiseId);
const deadline = fc.oneof(
  fc.constantFrom(int64Max, int64Max - 1n, 2n ** 53n, 2n ** 53n + 1n),
  fc.bigInt(100n, int64Max),
);

const date = fc.oneof(fc.bigInt(0n, int64Max), fc.constant(int64Max)).map(deadlineMs);

/** Most histories are of tasks. */
const tags = fc
  .tuple(arbitraryPairs, fc.constantFrom("poll://any@w", "poll://any@w/\u{1f600}", null))
  .map(([pairs, target]) => {
    return target === null ? pairs : new Map([["resonate:target", target], ...pairs]);
  });

const arbitraryCreated: fc.Arbitrary<PromiseCreated> = fc.record({
  kind: fc.constant("promise_created" as const),
  createdAt: fc.nat(50).map(instantMs),
  timeoutAt: deadline.map(deadlineMs),
  param: arbitraryValue,
  tags,
  key: fc.option(text),
  isExternal: fc.boolean(),
});

const arbitrarySettled: fc.Arbitrary<PromiseSettled> = fc.record({
  kind: fc.constant("promise_settled" as const),
  outcome: fc.constantFrom("resolved", "rejected", "canceled", "timedout"),
  settledAt: fc.integer({ min: 50, max: 100 }).map(instantMs),
  value: arbitraryValue,
  key: fc.option(text),
});

/** A few, so that who was registered is met again. */
const awaiter = fc.oneof(arbitraryId, fc.constantFrom("a", "b").map(promiseId));
const address = fc.constantFrom("poll://any@w", "poll://uni@w/é", "http://h:1/?a=%20#'\"\\");

/** @param kind one of whose members nothing is said */
const bare = <Kind extends Event["kind"]>(kind: Kind) => fc.record({ kind: fc.constant(kind) });

const arbitraryStep: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant("callback_registered" as const), awaiter }),
  fc.record({ kind: fc.constant("callback_drained" as const), awaiter }),
  fc.record({ kind: fc.constant("listener_registered" as const), address }),
  fc.record({ kind: fc.constant("listener_drained" as const), address, wasTold: fc.boolean() }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("task_acquired" as const),
      pid: text,
      ttl: fc.oneof(fc.bigInt(1n, int64Max), fc.constant(int64Max)).map(durationMs),
    }),
  },
  bare("task_released"),
  bare("task_suspended"),
  fc.record({ kind: fc.constant("task_resumed" as const), awaited: awaiter }),
  bare("resumes_cleared"),
  bare("task_halted"),
  bare("task_continued"),
  bare("lease_expired"),
);

const arbitraryScheduled: fc.Arbitrary<Event> = fc.record({
  kind: fc.constant("schedule_created" as const),
  ...{ cron: text, promiseIdTemplate: text, promiseParam: arbitraryValue, promiseTags: tags },
  promiseTimeoutMs: fc.oneof(fc.bigInt(0n, int64Max), fc.constantFrom(0n, int64Max)),
  createdAt: fc.nat(50).map(instantMs),
  nextRunAt: deadline.map(deadlineMs),
});

/** Fired now and then, deleted, made anew: as far as can be. */
export const arbitraryScheduleHistory: fc.Arbitrary<readonly Event[]> = fc
  .tuple(
    arbitraryScheduled,
    fc.array(
      fc.oneof(
        arbitraryScheduled,
        fc.constant({ kind: "schedule_deleted" } as const),
        fc.constant("fired"),
      ),
      { maxLength: 8 },
    ),
  )
  .map(([created, others]) => {
    const history: Event[] = [];
    let state = absentOf("schedule");
    for (const each of [created, ...others]) {
      const event = typeof each === "string" ? firing(state) : each;
      const next = event === null ? null : follow(state, event);
      if (event === null || next === null) continue;
      history.push(event);
      state = next;
    }
    return history;
  });

/** At its next run; null: it has none that our clock can show. */
function firing(state: StreamState): Event | null {
  if (state.kind !== "schedule" || state.schedule.kind === "absent") return null;
  const { nextRunAt } = state.schedule;
  if (nextRunAt > Number.MAX_SAFE_INTEGER) return null;
  const next = deadlineMs(nextRunAt + 60_000n);
  return { kind: "schedule_fired", occurrenceAt: instantMs(Number(nextRunAt)), nextRunAt: next };
}

export const arbitraryEvent: fc.Arbitrary<Event> = fc.oneof(
  arbitraryCreated,
  arbitrarySettled,
  arbitraryScheduled,
  bare("schedule_deleted"),
  fc.record({
    kind: fc.constant("schedule_fired" as const),
    occurrenceAt: fc.nat().map(instantMs),
    nextRunAt: date,
  }),
  {
    weight: 5,
    arbitrary: arbitraryStep,
  },
);

/** Created, then whatever can happen, perhaps settled, then what can happen still. */
export const arbitraryHistory: fc.Arbitrary<readonly Event[]> = fc
  .tuple(
    arbitraryCreated,
    fc.array(arbitraryStep, { maxLength: 24 }),
    fc.option(arbitrarySettled),
    fc.array(arbitraryStep, { maxLength: 12 }),
  )
  .map(([created, before, settled, after]) => {
    const wished = [created, ...before, ...(settled === null ? [] : [settled, ...after])];
    const history: Event[] = [];
    let state: StreamState = absent;
    for (const event of wished) {
      const next = follow(state, event);
      if (next === null) continue;
      history.push(event);
      state = next;
    }
    return history;
  });

/** Null: it cannot happen then. */
function follow(state: StreamState, event: Event): StreamState | null {
  try {
    return evolve(state, event);
  } catch (error) {
    if (error instanceof AssertionError) return null;
    throw error;
  }
}

const arbitraryTelling: fc.Arbitrary<Telling> = fc.record({
  nextAt: date,
  toldAt: fc.nat().map(instantMs),
  failureCount: fc.nat(),
  failedSince: fc.option(fc.nat().map(instantMs)),
  isMissed: fc.boolean(),
});

export const arbitraryTimers: fc.Arbitrary<Timers> = fc.record({
  clockAt: fc.option(date),
  releaseCount: fc.nat(),
  offeredAt: fc.option(fc.nat().map(instantMs)),
  isMissed: fc.boolean(),
  tellings: fc.array(fc.tuple(address, arbitraryTelling)).map((pairs) => new Map(pairs)),
});
