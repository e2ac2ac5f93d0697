// The stored forms: that they hold everything, that they hold it for ever, and that damage is found.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import type { Event } from "../../kernel/event.ts";
import { deadlineMs, durationMs, instantMs, int64Max, promiseId } from "../../kernel/ids.ts";
import { absentOf, evolve, fold, type StreamState } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";
import * as codec from "../../store/codec.ts";
import { Undecodable } from "../../store/members.ts";
import {
  arbitraryEvent,
  arbitraryHistory,
  arbitraryScheduleHistory,
  arbitraryTimers,
} from "./arbitraries.ts";
import { created, fired, registered, scheduled, settled } from "./given.ts";

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
  expect(codec.decodePromiseStream(snapshot(state))).toEqual(state);
});

property.prop([arbitraryScheduleHistory])(
  "codec: T1 a snapshot of a schedule is decoded to what it was",
  (events) => {
    const state = events.reduce(evolve, absentOf("schedule"));
    expect(codec.decodeSnapshot("schedule", snapshot(state))).toEqual(state);
  },
);

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
  { kind: "listener_registered", address: "poll://any@workers" },
  { kind: "listener_drained", address: "poll://any@workers", wasTold: true },
  { kind: "listener_drained", address: "http://[::1]:9/é?\u{1f600}", wasTold: false },
  { kind: "task_acquired", pid: "w1", ttl: durationMs(60_000n) },
  { kind: "task_acquired", pid: "", ttl: durationMs(int64Max) },
  { kind: "task_released" },
  { kind: "task_suspended" },
  { kind: "task_resumed", awaited: promiseId("bar") },
  { kind: "resumes_cleared" },
  { kind: "task_halted" },
  { kind: "task_continued" },
  { kind: "lease_expired" },
  {
    kind: "schedule_created",
    cron: "0 */5 * * * MON-FRI",
    promiseIdTemplate: "{{.id}}-{{.timestamp}}",
    promiseTimeoutMs: int64Max,
    promiseParam: { headers: null, data: "aGVsbG8=" },
    promiseTags: new Map([
      ["resonate:target", "poll://any@workers"],
      ["resonate:timezone", "Europe/Zurich"],
    ]),
    createdAt: instantMs(1_795_361_820_125),
    nextRunAt: deadlineMs(1_795_362_000_000n),
  },
  {
    kind: "schedule_created",
    ...{ cron: "@yearly", promiseIdTemplate: "é\u{1f600}", promiseTimeoutMs: 0n },
    ...{ promiseParam: { headers: new Map([["10", ""]]), data: null }, promiseTags: noPairs },
    ...{ createdAt: instantMs(0), nextRunAt: deadlineMs(31_536_000_000n) },
  },
  {
    kind: "schedule_fired",
    occurrenceAt: instantMs(1_795_362_000_000),
    nextRunAt: deadlineMs(int64Max),
  },
  { kind: "schedule_deleted" },
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
  ["task_acquired",       1, '{"pid":"w","ttl":60}'],
  ["task_acquired",       1, '{"pid":"w","ttl":"0"}'],
  ["task_acquired",       1, '{"pid":"w","ttl":"9223372036854775808"}'],
  ["task_acquired",       1, '{"pid":null,"ttl":"60"}'],
  ["task_released",       1, "null"],
  ["schedule_deleted",    1, "null"],
  ["schedule_deleted",    2, "{}"],
  ["schedule_fired",      1, '{"occurrenceAt":"1","nextRunAt":"2"}'],
  ["schedule_fired",      1, '{"occurrenceAt":1,"nextRunAt":2}'],
  ["schedule_created",    1, '{"createdAt":1,"nextRunAt":"2"}'],
  ["task_released",       2, "{}"],
  ["task_resumed",        1, '{"awaited":""}'],
  ["listener_registered", 1, '{"address":""}'],
  ["listener_drained",    1, '{"address":"poll://any@w"}'],
  ["promise_settled",     1, '{"outcome":"pending","settledAt":1,"value":{"headers":null,"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":-1,"value":{"headers":null,"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":1.5,"value":{"headers":null,"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":1,"value":{"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":1,"value":{"headers":{},"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":1,"value":{"headers":[["a"]],"data":null},"key":null}'],
  ["promise_settled",     1, '{"outcome":"resolved","settledAt":1,"value":{"headers":null,"data":null}}'],
];

test.each(damaged)("codec: T2 %s, schema %d, %s is found to be damaged", (kind, schema, data) => {
  expect(() => codec.decodeEvent({ kind, schema, data })).toThrow(Undecodable);
});

test.each(["9223372036854775808", "-1", "", " 1", "0x10", "1e3"])(
  "codec: T2 %j is no deadline",
  (timeoutAt) => {
    const [event] = golden;
    const text = event === undefined ? "" : codec.encodeEvent(event);
    const data = text.replace('"2524608000000"', JSON.stringify(timeoutAt));
    expect(data).not.toBe(text);
    expect(() => codec.decodeEvent({ kind: "promise_created", schema: 1, data })).toThrow(
      Undecodable,
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
  expect(codec.decodePromiseStream({ schema, snapshot: text }).promise).toMatchObject(at);
  expect(text).toContain(from);
  const damaged = text.replace(from, to);
  expect(() => codec.decodePromiseStream({ schema, snapshot: damaged })).toThrow(Undecodable);
});

test.each([0, 1.5, 3, Number.NaN])(
  "codec: T2 a snapshot of the schema %d is not read",
  (schema) => {
    const { snapshot: text } = snapshot(fold(golden.slice(0, 1)));
    expect(() => codec.decodePromiseStream({ schema, snapshot: text })).toThrow(Undecodable);
  },
);

const birth = created({ tags: { "resonate:target": "poll://any@w" } });
const held = fold([birth, { kind: "task_acquired", pid: "w", ttl: durationMs(60n) }]);

// biome-ignore format: a table is read down its columns
test.each([
  ["lost",                               fold([birth]), /"task":\{.*?\}/,       '"task":null'],
  ["there without a target",             fold([birth]), "resonate:target",      "resonate:tarmac"],
  ["fulfilled while its promise is not", fold([birth]), '"kind":"pending","version"', '"kind":"fulfilled","version"'],
  ["pending though its promise is not",  fold([birth, settled()]), '"kind":"fulfilled"', '"kind":"suspended"'],
  ["of no known kind",                   fold([birth]), '"kind":"pending","version"', '"kind":"asleep","version"'],
  ["of less than no version",            held,          '"version":1',          '"version":-1'],
  ["resumed by nobody",                  held,          '"resumes":[]',         '"resumes":[""]'],
  ["resumed by nothing",                 held,          '"resumes":[],',        ""],
  ["held for no time",                   held,          '"ttl":"60"',           '"ttl":"0"'],
  ["held by nobody",                     held,          '"pid":"w"',            '"pid":null'],
  ["listened to by nobody",              held,          '"listeners":[]',       '"listeners":[""]'],
  ["without its listeners",              held,          ',"listeners":[]',      ""],
])("codec: T2 a task that is %s is found to be damaged", (_what, state, from, to) => {
  const { schema, snapshot: text } = snapshot(state);
  const damaged = text.replace(from, to);
  expect(damaged).not.toBe(text);
  expect(codec.decodePromiseStream({ schema, snapshot: text })).toEqual(state);
  expect(() => codec.decodePromiseStream({ schema, snapshot: damaged })).toThrow(Undecodable);
});

const every = scheduled(30n, new Map([["resonate:target", "poll://any@w"]]));

// biome-ignore format: a table is read down its columns
test.each([
  ["never moves on",           '"nextRunAt":"40"', '"nextRunAt":"30"'],
  ["was fired at no instant",  '"lastRunAt":30',   '"lastRunAt":"30"'],
  ["was fired, or was not",    '"lastRunAt":30,',  ""],
  ["has no expression",        '"cron":"* * * * *",', ""],
  ["lets time run backwards",  `"promiseTimeoutMs":"${int64Max}"`, '"promiseTimeoutMs":"-1"'],
  ["lets time run too long",   `"promiseTimeoutMs":"${int64Max}"`, '"promiseTimeoutMs":"9223372036854775808"'],
  ["has tags that are no list", '"promiseTags":[["resonate:target","poll://any@w"]]', '"promiseTags":{}'],
])("codec: T2 a schedule that %s is found to be damaged", (_what, from, to) => {
  const state = [every, fired(30, 40n)].reduce(evolve, absentOf("schedule"));
  const { schema, snapshot: text } = snapshot(state);
  const damaged = text.replace(from, to);
  expect(damaged).not.toBe(text);
  expect(codec.decodeSnapshot("schedule", { schema, snapshot: text })).toEqual(state);
  expect(() => codec.decodeSnapshot("schedule", { schema, snapshot: damaged })).toThrow(Undecodable);
});

test("codec: T2 a promise is no schedule, and no schedule is of a schema before there were any", () => {
  const promise = snapshot(fold([created()]));
  const { snapshot: text } = snapshot(absentOf("schedule"));
  expect(() => codec.decodeSnapshot("schedule", promise)).toThrow(Undecodable);
  expect(() => codec.decodeSnapshot("schedule", { schema: 1, snapshot: text })).toThrow(
    Undecodable,
  );
});

test("codec: T4 a snapshot of schema 1 has the task that its promise calls for", () => {
  const older = (events: readonly Event[]) => {
    const { promise, callbacks } = JSON.parse(codec.encodeSnapshot(fold(events)));
    return { schema: 1, snapshot: JSON.stringify({ promise, callbacks }) };
  };
  const histories = [
    [],
    [created({ tags: { t: "x" } }), registered("b")],
    [birth],
    [birth, registered("b"), settled("rejected")],
  ];
  const kinds = histories.map((events) => {
    const state = codec.decodePromiseStream(older(events));
    expect(state).toEqual(fold(events));
    return state.task.kind;
  });
  expect(kinds).toEqual(["absent", "absent", "pending", "fulfilled"]);
});

property.prop([arbitraryTimers])("codec: T1 timers are decoded to what they were", (timers) => {
  const decoded = codec.decodeTimers(codec.encodeTimers(timers));
  expect(decoded).toEqual(timers);
  expect([...decoded.tellings]).toEqual([...timers.tellings]);
});

test("codec: T1 timers that say nothing are null, and those that say anything are not", () => {
  const toldAt = instantMs(0);
  const told = { nextAt: deadlineMs(0n), toldAt, failureCount: 0 };
  const telling = { ...told, failedSince: null, isMissed: false };
  const tellings = new Map([["poll://any@w", telling]]);
  expect(codec.encodeTimers({ ...noTimers })).toBe(null);
  expect(codec.encodeTimers({ ...noTimers, clockAt: deadlineMs(0n), tellings })).toBe(
    '{"clockAt":"0","releaseCount":0,"offeredAt":null,"isMissed":false,"tellings":' +
      '[["poll://any@w",{"nextAt":"0","toldAt":0,"failureCount":0,"failedSince":null,"isMissed":false}]]}',
  );
  const sets = [{ clockAt: deadlineMs(0n) }, { releaseCount: 1 }, { isMissed: true }];
  for (const set of [...sets, { offeredAt: instantMs(0) }]) {
    const timers = { ...noTimers, ...set };
    expect(codec.decodeTimers(codec.encodeTimers(timers))).toEqual(timers);
  }
});

const someTimers =
  '{"clockAt":"5","releaseCount":1,"offeredAt":4,"isMissed":false,"tellings":' +
  '[["poll://any@w",{"nextAt":"7","toldAt":6,"failureCount":1,"failedSince":3,"isMissed":true}]]}';

// biome-ignore format: a table is read down its columns
test.each([
  ['"5"',              "5"],
  ['"5"',              '"-5"'],
  ['"5"',              '"9223372036854775808"'],
  ['"clockAt":"5",',   ""],
  ['"releaseCount":1', '"releaseCount":-1'],
  ['"releaseCount":1', '"releaseCount":1.5'],
  ['"isMissed":false', '"isMissed":0'],
  ['"offeredAt":4',    '"offeredAt":"4"'],
  ['"offeredAt":4,',   ''],
  ['"toldAt":6',       '"toldAt":null'],
  [/"tellings".*\]/,   '"tellings":{}'],
  [/"tellings".*\]/,   '"tellings":["poll://any@w"]'],
  [/"tellings".*\]/,   '"tellings":[["poll://any@w"]]'],
  ['"poll://any@w"',   '""'],
  ['"7"',              "null"],
  ['"failureCount":1', '"failureCount":"1"'],
  ['"failedSince":3',  '"failedSince":-3'],
  ['"isMissed":true',  '"isMissed":"true"'],
  [/^.*$/,             ""],
  [/^.*$/,             "null"],
  [/^.*$/,             "[]"],
])("codec: T2 timers with %s made %j are found to be damaged", (from, to) => {
  const damaged = someTimers.replace(from, to);
  expect(damaged).not.toBe(someTimers);
  expect(codec.decodeTimers(someTimers).tellings.get("poll://any@w")?.isMissed).toBe(true);
  expect(() => codec.decodeTimers(damaged)).toThrow(Undecodable);
});

test("codec: the histories of these tests hold every event there is", () => {
  const sample = { seed: 7, numRuns: 300 };
  const histories = [arbitraryHistory, arbitraryScheduleHistory];
  const kinds = histories.flatMap((each) => fc.sample(each, sample).flat()).map(({ kind }) => kind);
  expect([...new Set(kinds)].toSorted()).toEqual(
    [...new Set(golden.map(({ kind }) => kind))].toSorted(),
  );
});

property.prop([
  fc.json(),
  arbitraryHistory,
  arbitraryTimers,
  fc.nat(),
  fc.string({ maxLength: 3 }),
  fc.constantFrom(1, 2),
])(
  "codec: T2 whatever stands in a row, it is decoded or found undecodable",
  (json, events, timers, place, junk, schema) => {
    const cut = (text: string) => {
      const at = place % text.length;
      return text.slice(0, at) + junk + text.slice(at + 1);
    };
    const snapshots = [json, cut(snapshot(fold(events)).snapshot)];
    const readings = [
      ...snapshots.map((each) => () => codec.decodePromiseStream({ schema, snapshot: each })),
      () => codec.decodeTimers(json),
      () => codec.decodeTimers(cut(codec.encodeTimers(timers) ?? "null")),
    ];
    for (const read of readings) {
      try {
        read();
      } catch (error) {
        expect(error).toBeInstanceOf(Undecodable);
      }
    }
  },
);
