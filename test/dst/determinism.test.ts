// That a plan and its choices give one run, to the bit: twice in one process, after other runs, watched or
// not, on another store. Then the hash itself: all that a record holds counts in it, and nothing that two
// stores may tell differently. What another process or another Node does is for `resonate dst determinism`.

import { describe, expect, test } from "vitest";
import { digestCompletion, digestResponse, digestSubmission } from "../../dst/digest.ts";
import { draw, usualWishes } from "../../dst/draw.ts";
import { faultNames } from "../../dst/faults.ts";
import type { Faults, Plan } from "../../dst/plan.ts";
import { simulate } from "../../dst/run.ts";
import { seedAt } from "../../dst/seed.ts";
import { checkpointEvery, recordKinds, TraceHash, type TraceRecord } from "../../dst/trace.ts";
import { Tracer } from "../../dst/tracer.ts";
import type { Outcome } from "../../dst/verdict.ts";
import type { Response } from "../../kernel/command.ts";
import {
  commandId,
  deadlineMs,
  instantMs,
  position,
  promiseId,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import type { Completion, Submission } from "../../kernel/ports.ts";
import type { PromiseRecord, SettledPromise } from "../../kernel/promise.ts";
import type { LoggedEvent } from "../../kernel/search.ts";
import { absent, promiseKey } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";
import { openSqlite } from "../../store/sqlite.ts";
import { created, settled } from "../store/given.ts";
import { memory, playPlan, seed } from "./play.ts";

const base = seed("42");
const plans = Array.from({ length: 8 }, (_, index) => {
  return draw(seedAt(base, index), { ...usualWishes, operations: 400, faults: "swarm" });
});

function run(plan: Plan): Outcome {
  return simulate(plan, { openStore: memory, onRecord: null, choices: null, onChoices: null });
}

describe("the same plan gives the same run", () => {
  const first = plans.map(run);

  test("twice, and after other runs", () => {
    expect(first.map(({ failure }) => failure)).toEqual(plans.map(() => null));
    expect(plans.toReversed().map(run).toReversed()).toEqual(first);
    expect(new Set(first.map(({ trace }) => trace)).size).toBe(plans.length);
    expect(first.some(({ checkpoints }) => checkpoints.length > 1)).toBe(true);
    expect(first.some(({ faults }) => faults > 20)).toBe(true);
  });

  test("watched, and recorded", () => {
    for (const [index, plan] of plans.slice(0, 3).entries()) {
      expect(playPlan(plan, null).outcome).toEqual(first[index]);
      let chosen = 0;
      const recorded = simulate(plan, {
        ...{ openStore: memory, onRecord: null, choices: null },
        onChoices: ({ size }) => {
          chosen = size;
        },
      });
      expect(recorded).toEqual(first[index]);
      expect(chosen).toBeGreaterThan(0);
    }
  });

  test("X: on SQLite, where nothing is asked of a store that only the memory can do", () => {
    for (const plan of plans.slice(0, 5)) {
      const both = { ...plan, faults: { ...plan.faults, power_cut: 0, probe: 0 } };
      const store = openSqlite(":memory:");
      const tools = { onRecord: null, choices: null, onChoices: null };
      const onSqlite = simulate({ ...both, store: "sqlite" }, { ...tools, openStore: () => store });
      store.close();
      expect(onSqlite).toEqual(run(both));
    }
  });

  test("and another seed another one", () => {
    const [plan] = plans;
    if (plan === undefined) throw new Error("there is no plan");
    const often = Object.fromEntries(faultNames.map((name) => [name, 1000])) as Faults;
    const noisy = { ...plan, faults: often, delayMax: 5 };
    expect(run({ ...noisy, seed: seed("8") }).trace).not.toBe(run(noisy).trace);
  });
});

test("a checkpoint is made every thousand records, and is the hash of all before it", () => {
  const [long, short] = [new TraceHash(), new TraceHash()];
  for (let count = 1; count <= 2 * checkpointEvery + 1; count++) {
    for (const hash of [long, short]) {
      if (hash === short && count > checkpointEvery) continue;
      hash.count(count);
      hash.end();
    }
  }
  expect(long.records).toBe(2 * checkpointEvery + 1);
  expect(long.checkpoints).toEqual([short.digest, expect.stringMatching(/^[0-9a-f]{16}$/)]);
  expect(new Set([...long.checkpoints, long.digest]).size).toBe(3);
});

/** All digests are different. */
function distinct(digests: readonly (string | number)[]): void {
  expect(new Set(digests).size).toBe(digests.length);
}

test("texts, numbers and their order count", () => {
  const texts = [
    ["ab", "c"],
    ["a", "bc"],
    ["abc", ""],
    ["c", "ab"],
    ["\0", ""],
    ["", "\0"],
    ["é", ""],
    ["e\u0301", ""],
  ];
  distinct(
    texts.map((pair) => {
      const hash = new TraceHash();
      for (const text of pair) hash.text(text);
      return hash.digest;
    }),
  );
  const numbers = [0, 1, -1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 52, 2 ** 53 - 1];
  distinct(
    numbers.map((number) => {
      const hash = new TraceHash();
      hash.count(number);
      return hash.digest;
    }),
  );
});

test("every member of a record counts, but not the words it is shown in", () => {
  const usual = { at: 1, actor: "node 0", kind: "start", entity: "n0.1", digest: 5 } as const;
  const digest = (more: object) => {
    const tracer = new Tracer(null);
    tracer.record({ ...usual, ...more });
    return tracer.hash.digest;
  };
  const others = [{ at: 2 }, { actor: "node 1" }, { entity: "n0.2" }, { digest: 6 }];
  const kinds = recordKinds.map((kind) => ({ kind }));
  distinct([...others, ...kinds].map(digest));
  expect(digest({})).toBe(digest({ kind: "start" }));
  expect(digest({ text: () => "hello", ids: ["a"] })).toBe(digest({}));
});

test("a record is put into words only for whoever reads it", () => {
  const records: TraceRecord[] = [];
  const words = () => "words";
  const entry = { at: 1, actor: "node 0", kind: "start", entity: "n0.1", text: words } as const;
  new Tracer((record) => records.push(record)).record(entry);
  new Tracer(null).record({ ...entry, text: () => expect.fail("nobody reads this") });
  expect(records).toEqual([
    { at: 1, actor: "node 0", kind: "start", entity: "n0.1", text: "words", ids: [] },
  ]);
});

const promise: SettledPromise = {
  ...{ kind: "settled", param: emptyValue, tags: noPairs, timeoutAt: deadlineMs(9n) },
  ...{ createdAt: instantMs(1), createKey: null, isExternal: false },
  ...{ outcome: "resolved", settledAt: instantMs(2), value: emptyValue, settleKey: null },
};

const promises: readonly PromiseRecord[] = [
  promise,
  { ...promise, kind: "pending" } as unknown as PromiseRecord,
  { ...promise, param: { headers: null, data: "" } },
  { ...promise, param: { headers: noPairs, data: null } },
  { ...promise, value: { headers: null, data: "" } },
  { ...promise, value: { headers: new Map([["a", "b"]]), data: null } },
  {
    ...promise,
    value: {
      headers: new Map([
        ["a", ""],
        ["b", ""],
      ]),
      data: null,
    },
  },
  { ...promise, tags: new Map([["a", "b"]]) },
  { ...promise, tags: new Map([["ab", ""]]) },
  { ...promise, timeoutAt: deadlineMs(10n) },
  { ...promise, timeoutAt: deadlineMs(2n ** 63n - 1n) },
  { ...promise, timeoutAt: deadlineMs(2n ** 63n - 2n) },
  { ...promise, createdAt: instantMs(0) },
  { ...promise, createKey: "" },
  { ...promise, settleKey: "" },
  { ...promise, isExternal: true },
  { ...promise, outcome: "rejected" },
  { ...promise, settledAt: instantMs(3) },
];

const id = promiseId("a");
const key = promiseKey(id);
const event: LoggedEvent = {
  ...{ at: instantMs(1), command: commandId("n-1"), event: created() },
  ...{ position: position(1), key, version: streamVersion(1) },
};

test("every member of an answer counts, but not where a store has put it", () => {
  const answer = (each: PromiseRecord): Response => ({
    kind: "promise",
    id,
    promise: each,
    changed: true,
  });
  const page = (...events: readonly LoggedEvent[]): Response => ({
    kind: "events",
    page: { events, next: null },
  });
  const found = { promises: [{ id, promise }], before: null };
  const responses: readonly Response[] = [
    ...promises.map(answer),
    { ...answer(promise), changed: false } as Response,
    { ...answer(promise), id: promiseId("b") } as Response,
    { kind: "promises", page: found },
    { kind: "promises", page: { ...found, before: position(1) } },
    { kind: "promises", page: { ...found, promises: [] } },
    page(),
    page(event),
    page(event, event),
    page({ ...event, version: streamVersion(2) }),
    page({ ...event, command: commandId("n-2") }),
    page({ ...event, at: instantMs(2) }),
    page({ ...event, event: settled() }),
    { kind: "events", page: { events: [event], next: 1 } },
    { kind: "refused", refusal: "promise_not_found" },
    { kind: "refused", refusal: "awaiter_not_found" },
    { kind: "failed", failure: "store_failed" },
    { kind: "failed", failure: "outcome_unknown" },
  ];
  distinct(responses.map(digestResponse));
  const at = (place: number, next: number) => {
    return digestResponse({
      kind: "events",
      page: { events: [{ ...event, position: position(place) }], next },
    });
  };
  expect(at(1, 1)).toBe(at(7, 7));
  const before = (place: number) => {
    return digestResponse({ kind: "promises", page: { ...found, before: position(place) } });
  };
  expect(before(1)).toBe(before(7));
});

test("what is asked of the store counts, and what it says", () => {
  const numbers = { version: streamVersion(1), revision: streamRevision(1) };
  const stream = { key, ...numbers, state: absent, timers: noTimers };
  const change = { key, expectedRevision: streamRevision(1), write: null };
  const write = { version: streamVersion(2), events: [], timers: noTimers, dueAt: null };
  const states = promises.map((each) => ({ ...absent, promise: each }));
  const commit = (...changes: readonly object[]) => ({ kind: "commit", components: [{ changes }] });
  const bounds = { limit: 1, weightMax: 1 };
  const query = {
    pattern: "*",
    anyOf: null,
    tags: noPairs,
    before: null,
    now: instantMs(1),
    ...bounds,
  };
  const submissions = [
    { kind: "load", keys: [key] },
    { kind: "load", keys: [key, key] },
    commit(change),
    commit(change, change),
    commit({ ...change, expectedRevision: 2 }),
    ...[absent, ...states].map((snapshot) => commit({ ...change, write: { ...write, snapshot } })),
    commit({ ...change, write: { ...write, snapshot: { ...absent, callbacks: [id] } } }),
    commit({ ...change, write: { ...write, version: 3, snapshot: absent } }),
    { kind: "query", query },
    { kind: "query", query: { ...query, pattern: "a" } },
    { kind: "query", query: { ...query, now: instantMs(2) } },
    { kind: "log", ranges: [{ of: null, after: 0, ...bounds }] },
    { kind: "log", ranges: [{ of: key, after: 0, ...bounds }] },
    { kind: "due", now: instantMs(1), bounds },
    { kind: "due", now: instantMs(2), bounds },
  ] as readonly Submission[];
  distinct(submissions.map(digestSubmission));
  const completions: readonly Completion[] = [
    { kind: "loaded", streams: [{ kind: "stream", stream }] },
    {
      kind: "loaded",
      streams: [{ kind: "stream", stream: { ...stream, version: streamVersion(2) } }],
    },
    {
      kind: "loaded",
      streams: [{ kind: "stream", stream: { ...stream, revision: streamRevision(2) } }],
    },
    { kind: "loaded", streams: [{ kind: "unreadable", key }] },
    { kind: "committed", conflicts: [] },
    { kind: "committed", conflicts: [0] },
    { kind: "committed", conflicts: [0, 1] },
    { kind: "found", found: { rows: [], hasMore: false } },
    { kind: "found", found: { rows: [{ id, position: position(1), promise }], hasMore: false } },
    { kind: "logged", pages: [] },
    { kind: "logged", pages: [{ events: [event], end: 1 }] },
    { kind: "due", due: { streams: [], nextAt: null } },
    { kind: "due", due: { streams: [stream], nextAt: null } },
    { kind: "failed", failure: "store_failed" },
    { kind: "failed", failure: "outcome_unknown" },
  ];
  distinct(completions.map(digestCompletion));
});
