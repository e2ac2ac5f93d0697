// Values as hostile as clients may send them, and histories that the kernel could have made.

import { fc } from "@fast-check/vitest";
import type { Event, PromiseCreated, PromiseSettled } from "../../kernel/event.ts";
import { deadlineMs, instantMs, int64Max, promiseId } from "../../kernel/ids.ts";
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

const arbitraryCreated: fc.Arbitrary<PromiseCreated> = fc.record({
  kind: fc.constant("promise_created" as const),
  createdAt: fc.nat(50).map(instantMs),
  timeoutAt: deadline.map(deadlineMs),
  param: arbitraryValue,
  tags: arbitraryPairs,
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

export const arbitraryEvent: fc.Arbitrary<Event> = fc.oneof(
  arbitraryCreated,
  arbitrarySettled,
  fc.record({ kind: fc.constant("callback_registered" as const), awaiter: arbitraryId }),
  fc.record({ kind: fc.constant("callback_drained" as const), awaiter: arbitraryId }),
);

/** Created, perhaps awaited, perhaps settled, perhaps drained. */
export const arbitraryHistory: fc.Arbitrary<readonly Event[]> = fc
  .tuple(
    arbitraryCreated,
    fc.uniqueArray(arbitraryId, { maxLength: 3 }),
    fc.option(arbitrarySettled),
    fc.nat(3),
  )
  .map(([created, awaiters, settled, drained]) => {
    const registrations = awaiters.map((awaiter) => ({
      kind: "callback_registered" as const,
      awaiter,
    }));
    if (settled === null) return [created, ...registrations];
    const drains = awaiters
      .slice(0, drained)
      .map((awaiter) => ({ kind: "callback_drained" as const, awaiter }));
    return [created, ...registrations, settled, ...drains];
  });
