// The stored forms: that they hold everything, that they hold it for ever, and that damage is found.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import type { Event } from "../../kernel/event.ts";
import { deadlineMs, instantMs, int64Max, promiseId } from "../../kernel/ids.ts";
import { fold, type StreamState } from "../../kernel/stream.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";
import * as codec from "../../store/codec.ts";
import { arbitraryEvent, arbitraryHistory } from "./arbitraries.ts";

const stored = (event: Event) => {
  return {
    kind: event.kind,
    schema: codec.eventSchema(event.kind),
    data: codec.encodeEvent(event),
  };
};
const snapshot = (state: StreamState) => {
  return { schema: codec.snapshotSchema, snapshot: codec.encodeSnapshot(state) };
};

property.prop([arbitraryEvent])("codec: T1 an event is decoded to what it was", (event) => {
  const decoded = codec.decodeEvent(stored(event));
  expect(decoded).toEqual(event);
  expect(codec.encodeEvent(decoded)).toBe(codec.encodeEvent(event)); // pairs in their order
});

property.prop([arbitraryHistory])("codec: T1 a snapshot is decoded to what it was", (events) => {
  const state = fold(events);
  expect(codec.decodeSnapshot(snapshot(state))).toEqual(state);
});

/** What each line of the golden file was written for. The file only ever grows. */
const golden: readonly Event[] = [
  {
    kind: "promise_created",
    createdAt: instantMs(1_795_361_820_125),
    timeoutAt: deadlineMs(2_524_608_000_000n),
    param: { headers: null, data: "aGVsbG8=" },
    tags: noPairs,
    key: "foo-create",
    isExternal: true,
  },
  {
    kind: "promise_created",
    createdAt: instantMs(0),
    timeoutAt: deadlineMs(int64Max),
    param: {
      headers: new Map([
        ["__proto__", "x"],
        ["10", ""],
        ["9", "é\u{1f600}\u2028"],
      ]),
      data: "",
    },
    tags: new Map([
      ["resonate:timer", "true"],
      ["constructor", '"\\\n'],
    ]),
    key: null,
    isExternal: false,
  },
  {
    kind: "promise_settled",
    outcome: "resolved",
    settledAt: instantMs(1_795_361_824_871),
    value: { headers: new Map(), data: null },
    key: "",
  },
  {
    kind: "promise_settled",
    outcome: "rejected",
    settledAt: instantMs(7),
    value: emptyValue,
    key: null,
  },
  {
    kind: "promise_settled",
    outcome: "canceled",
    settledAt: instantMs(7),
    value: emptyValue,
    key: "k",
  },
  {
    kind: "promise_settled",
    outcome: "timedout",
    settledAt: instantMs(7),
    value: emptyValue,
    key: null,
  },
  { kind: "callback_registered", awaiter: promiseId("bar") },
  { kind: "callback_drained", awaiter: promiseId("bar") },
];

test("codec: T3 events of every schema are read for ever", () => {
  const file = join(import.meta.dirname, "../golden/events.ndjson");
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const decoded = lines.map((line) => {
    const { kind, schema, data } = JSON.parse(line);
    return codec.decodeEvent({ kind, schema, data: JSON.stringify(data) });
  });
  expect(decoded).toEqual(golden);
  const kinds = new Set(
    golden.map((event) => stored(event)).map(({ kind, schema }) => `${kind} ${schema}`),
  );
  expect(
    lines.map((line) => JSON.parse(line)).map(({ kind, schema }) => `${kind} ${schema}`),
  ).toEqual(
    expect.arrayContaining([...kinds]), // every form that is written today has a line
  );
});

test("codec: T3 events are written as the golden file has them", () => {
  const file = join(import.meta.dirname, "../golden/events.ndjson");
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const written = golden.map((event) => {
    const { kind, schema, data } = stored(event);
    return `{"kind":"${kind}","schema":${schema},"data":${data}}`;
  });
  expect(written).toEqual(lines);
});

// biome-ignore format: a table is read down its columns
const damaged: readonly (readonly [kind: string, schema: number, data: string])[] = [
  ["promise_forgotten",   1, "{}"],
  ["__proto__",           1, "{}"],
  ["toString",            1, "{}"],
  ["callback_registered", 0, '{"awaiter":"a"}'],
  ["callback_registered", 2, '{"awaiter":"a"}'],
  ["callback_registered", 1.5, '{"awaiter":"a"}'],
  ["callback_registered", 1, ""],
  ["callback_registered", 1, '{"awaiter":"a"'],
  ["callback_registered", 1, "null"],
  ["callback_registered", 1, '"awaiter"'],
  ["callback_registered", 1, "[]"],
  ["callback_registered", 1, '{"awaiter":""}'],
  ["callback_registered", 1, '{"awaiter":7}'],
  ["promise_settled",     1, '{"outcome":"pending","settledAt":1,"value":{"headers":null,"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":-1,"value":{"headers":null,"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":1.5,"value":{"headers":null,"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":1,"value":{"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":1,"value":{"headers":{},"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":1,"value":{"headers":[["a"]],"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":1,"value":{"headers":null,"data":null}}'],
];

test.each(damaged)("codec: T2 %s, schema %d, %s is found to be damaged", (kind, schema, data) => {
  expect(() => codec.decodeEvent({ kind, schema, data })).toThrow(codec.Undecodable);
});

test.each(["9223372036854775808", "-1", "", " 1", "0x10", "1e3"])(
  "codec: T2 %j is no deadline",
  (timeoutAt) => {
    const [event] = golden;
    const text = event === undefined ? "" : codec.encodeEvent(event);
    const data = text.replace('"2524608000000"', JSON.stringify(timeoutAt));
    expect(data).not.toBe(text);
    expect(() => codec.decodeEvent({ kind: "promise_created", schema: 1, data })).toThrow(
      codec.Undecodable,
    );
  },
);

test.each([
  ["created after its deadline", '"createdAt":10', '"createdAt":31'],
  [
    "pending after its deadline",
    '"kind":"settled","createdAt":10',
    '"kind":"pending","createdAt":31',
  ],
  ["settled before it was created", '"settledAt":20', '"settledAt":9'],
  ["settled after its deadline", '"settledAt":20', '"settledAt":31'],
])("codec: T2 a promise that was %s is found to be damaged", (_what, from, to) => {
  const at = { createdAt: instantMs(10), timeoutAt: deadlineMs(30n), settledAt: instantMs(20) };
  const [, birth, , , end] = golden;
  if (birth?.kind !== "promise_created" || end?.kind !== "promise_settled") expect.fail();
  const { schema, snapshot: text } = snapshot(
    fold([
      { ...birth, createdAt: at.createdAt, timeoutAt: at.timeoutAt },
      { ...end, settledAt: at.settledAt },
    ]),
  );
  expect(codec.decodeSnapshot({ schema, snapshot: text }).promise).toMatchObject(at);
  expect(text).toContain(from);
  const damaged = text.replace(from, to);
  expect(() => codec.decodeSnapshot({ schema, snapshot: damaged })).toThrow(codec.Undecodable);
});

test("codec: T2 a snapshot of an unknown schema is not read", () => {
  const { snapshot: text } = snapshot(fold(golden.slice(0, 1)));
  expect(() => codec.decodeSnapshot({ schema: 2, snapshot: text })).toThrow(codec.Undecodable);
});

property.prop([fc.json(), arbitraryHistory, fc.nat(), fc.string({ maxLength: 3 })])(
  "codec: T2 whatever stands in a row, it is decoded or found undecodable",
  (json, events, place, junk) => {
    const { schema, snapshot: text } = snapshot(fold(events));
    const at = place % text.length;
    const cut = text.slice(0, at) + junk + text.slice(at + 1);
    for (const each of [json, cut]) {
      try {
        codec.decodeSnapshot({ schema, snapshot: each });
      } catch (error) {
        expect(error).toBeInstanceOf(codec.Undecodable);
      }
    }
  },
);
