// Reads as values: patterns, the questions that a search turns into, and the pages that come back.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import {
  commandId,
  deadlineMs,
  instantMs,
  position,
  promiseId,
  streamVersion,
} from "../../kernel/ids.ts";
import type { PromiseRecord } from "../../kernel/promise.ts";
import {
  eventWeight,
  type LoggedEvent,
  matches,
  type SearchState,
  toEventPage,
  toPage,
  toQuery,
  weight,
} from "../../kernel/search.ts";
import { promiseKey } from "../../kernel/stream.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";

// biome-ignore format: a table is read down its columns
test.each([
  ["*",      "",        true],
  ["*",      "a/b",     true],
  ["a",      "a",       true],
  ["a",      "A",       false],
  ["a",      "ab",      false],
  ["a*",     "a",       true],
  ["a*",     "ba",      false],
  ["*a",     "ba",      true],
  ["*a",     "ab",      false],
  ["a*a",    "a",       false],
  ["a*a",    "aa",      true],
  ["a*b*c",  "a-b-c",   true],
  ["a*b*c",  "acb",     false],
  ["a**c",   "ac",      true],
  ["*ab*ab", "ab",      false],
  ["*ab*ab", "abab",    true],
  ["%_?[a]\\", "%_?[a]\\", true],
  ["%",      "a",       false],
  ["?",      "a",       false],
  ["[a]",    "a",       false],
])("search: pattern %s on %s: %s", (pattern, id, expected) => {
  expect(matches(pattern, id)).toBe(expected);
});

const text = fc.string({ unit: fc.constantFrom("a", "b", "*", "%"), maxLength: 12 });
property.prop([text, text])(
  "search: a pattern says what the regular expression says",
  (pattern, id) => {
    const escaped = pattern.split("*").map((piece) => piece.replace(/[%]/g, "\\$&"));
    expect(matches(pattern, id)).toBe(new RegExp(`^${escaped.join("[^]*")}$`).test(id));
  },
);

const search = {
  kind: "search_promises",
  pattern: "*",
  tags: noPairs,
  limit: 2,
  before: null,
} as const;

test.each([
  [null, null],
  ["pending", [["pending", false, null]]],
  [
    "resolved",
    [
      ["resolved", null, null],
      ["pending", true, true],
    ],
  ],
  [
    "rejected",
    [
      ["rejected", null, null],
      ["canceled", null, null],
      ["timedout", null, null],
      ["pending", true, false],
    ],
  ],
] as const)(
  "search: R1 state %s asks for overdue promises by what they will be",
  (state, expected) => {
    const query = toQuery({ ...search, state: state as SearchState | null }, 100, instantMs(7));
    const anyOf =
      query.anyOf?.map((filter) => [filter.state, filter.isPast, filter.isTimer]) ?? null;
    expect(anyOf).toEqual(expected);
    expect(query).toMatchObject({ pattern: "*", limit: 2, weightMax: 100, now: 7 });
  },
);

const pending: PromiseRecord = {
  ...{ kind: "pending", createdAt: instantMs(1), timeoutAt: deadlineMs(50n), createKey: null },
  ...{
    param: { headers: new Map([["a", "bc"]]), data: "1234" },
    tags: new Map([["x", "y"]]),
    isExternal: true,
  },
};
const row = (name: string, at: number) => ({
  id: promiseId(name),
  position: position(at),
  promise: pending,
});

test("search: R1 a row past its deadline is shown settled", () => {
  const found = { rows: [row("a", 9)], hasMore: false };
  expect(toPage(found, instantMs(49)).promises[0]?.promise.kind).toBe("pending");
  expect(toPage(found, instantMs(50)).promises[0]?.promise).toMatchObject({
    kind: "settled",
    outcome: "timedout",
  });
});

test("search: R2 R3 a page has a successor if and only if there is more", () => {
  const rows = [row("b", 9), row("a", 4)];
  expect(toPage({ rows, hasMore: true }, instantMs(1)).before).toBe(4);
  expect(toPage({ rows, hasMore: false }, instantMs(1)).before).toBeNull();
  expect(toPage({ rows: [], hasMore: false }, instantMs(1)).before).toBeNull();
});

test("search: R4 a promise and an event weigh what their texts do", () => {
  expect(weight(row("abc", 1))).toBe(3 + 2 + 3 + 4);
  const settled: PromiseRecord = {
    ...{
      ...pending,
      kind: "settled",
      outcome: "resolved",
      settledAt: instantMs(2),
      settleKey: null,
    },
    value: { headers: null, data: "12" },
  };
  expect(weight({ ...row("abc", 1), promise: settled })).toBe(3 + 2 + 3 + 4 + 2);
  const logged = {
    key: promiseKey(promiseId("abc")),
    position: position(1),
    version: streamVersion(1),
  };
  const recorded = { ...logged, at: instantMs(1), command: commandId("n-1") };
  const over = {
    kind: "promise_settled",
    outcome: "resolved",
    settledAt: instantMs(2),
    key: null,
  } as const;
  expect(
    eventWeight({ ...recorded, event: { ...over, value: { headers: null, data: "12" } } }),
  ).toBe(5);
  expect(
    eventWeight({ ...recorded, event: { kind: "callback_drained", awaiter: promiseId("w") } }),
  ).toBe(4);
});

const event = (at: number, version: number): LoggedEvent => ({
  ...{ position: position(at), key: promiseKey(promiseId("a")), version: streamVersion(version) },
  ...{ at: instantMs(1), command: commandId("n-1") },
  event: {
    kind: "promise_settled",
    outcome: "resolved",
    settledAt: instantMs(1),
    value: emptyValue,
    key: null,
  },
});

test.each([
  ["a history counts versions", promiseKey(promiseId("a")), 3, 2],
  ["the log counts positions", null, 12, 11],
  ["at its end there is no next", null, 11, null],
] as const)("events: %s", (_what, of, end, next) => {
  const read = { kind: "read_events", of, after: 0, limit: 2 } as const;
  expect(toEventPage({ events: [event(7, 1), event(11, 2)], end }, read).next).toBe(next);
});

test("events: an empty page has no next", () => {
  const read = { kind: "read_events", of: null, after: 99, limit: 2 } as const;
  expect(toEventPage({ events: [], end: 12 }, read)).toEqual({ events: [], next: null });
});
