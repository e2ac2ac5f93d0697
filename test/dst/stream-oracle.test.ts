// What the store holds of each stream, judged write by write: one promise by hand, and each row a write
// as some server or store might have made it. What a store can do behind the back of all others is
// lying-stores.test.ts.

import { expect, test } from "vitest";
import { promiseStream } from "../../dst/names.ts";
import { Past } from "../../dst/past.ts";
import { StreamOracle, showEvent } from "../../dst/stream-oracle.ts";
import { toModelRecord } from "../../dst/to-model.ts";
import { Violation } from "../../dst/verdict.ts";
import type { Event } from "../../kernel/event.ts";
import { commandId, deadlineMs, instantMs, promiseId, streamVersion } from "../../kernel/ids.ts";
import type { PromiseRecord } from "../../kernel/promise.ts";
import { type Change, dueAt, evolve, type StreamState, type Write } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";
import { MemoryStore } from "../../store/memory.ts";
import { created, key, registered, settled, stream } from "../store/given.ts";

const a = key("a");

type Lies = {
  /** What the server writes, and so is stored and judged. */
  readonly server?: (write: Write) => Write;
  /** What the store makes of it. */
  readonly store?: (write: Write) => Write;
  /** What the model says in place of what the server does. */
  readonly model?: (state: StreamState) => StreamState;
};

class Bench {
  readonly store = new MemoryStore();
  readonly past = new Past();
  readonly oracle = new StreamOracle(this.store, this.past);
  #moment = 0;

  write(events: readonly Event[], { server = same, store = same, model = same }: Lies = {}) {
    const { version, revision, state } = stream(this.store, "a");
    const recorded = events.map((event, index) => {
      return { at: instantMs(7), command: commandId(`a-${version + index + 1}`), event };
    });
    const snapshot = events.reduce(evolve, state);
    const next = streamVersion(version + events.length);
    const honest = {
      version: next,
      events: recorded,
      snapshot,
      timers: noTimers,
      dueAt: dueAt(snapshot, noTimers),
    };
    const write = server(honest);
    const change = (each: Write): Change => ({ key: a, expectedRevision: revision, write: each });
    this.#moment += 1;
    this.past.set("a", toModelRecord({ state: model(snapshot), timers: noTimers }), this.#moment);
    this.store.commit([{ changes: [change(store(write))] }]);
    return this.oracle.written(change(write), write);
  }
}

function same<Same>(as: Same): Same {
  return as;
}

/** The oracle, the rule and the promise of what is thrown. */
function found(work: () => unknown): string {
  try {
    work();
    return "nothing";
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return `${error.oracle} ${error.rule} ${error.detail.ids?.join() ?? ""}`;
  }
}

const drained: Event = { kind: "callback_drained", awaiter: promiseId("b") };
const deadline = 1_000n;

/** Pending, until a deadline, with two that wait for it. */
function pending(): Bench {
  const bench = new Bench();
  bench.write([created({ timeoutAt: deadline, tags: { t: "u" }, key: "k" })]);
  bench.write([registered("b"), registered("c")]);
  return bench;
}

test("a life as it should be is judged write by write, and once more at the end", () => {
  const bench = new Bench();
  expect(bench.oracle.seen("a")).toBeNull();
  const kinds = (events: readonly Event[]) => {
    return bench.write(events).map(({ version, event }) => `${version} ${event.kind}`);
  };
  expect(kinds([created()])).toEqual(["1 promise_created"]);
  expect(kinds([registered("b"), registered("c")])).toEqual([
    "2 callback_registered",
    "3 callback_registered",
  ]);
  expect(kinds([settled()])).toEqual(["4 promise_settled"]);
  expect(kinds([drained])).toEqual(["5 callback_drained"]);
  expect(kinds([])).toEqual([]); // a write of timers only
  expect(bench.oracle.seen("a")).toMatchObject({ version: 5, revision: 5 });
  bench.oracle.inspect();
});

const due = (at: bigint | null) => (write: Write) => {
  return { ...write, dueAt: at === null ? null : deadlineMs(at) };
};

test.each([
  ["a pending promise that is never due", [], null],
  ["one that is due a millisecond late", [], deadline + 1n],
  ["one that is due a millisecond early", [], deadline - 1n],
  ["a settled promise that is due by its deadline, and somebody waits", [settled()], deadline],
  ["one that is never due, and somebody waits", [settled()], null],
])("S1: %s", (_what, events, at) => {
  expect(found(() => pending().write(events, { server: due(at) }))).toBe("S due a");
  expect(found(() => pending().write(events))).toBe("nothing");
});

test("S1: a settled promise for which nobody waits any more is never due", () => {
  const bench = new Bench();
  bench.write([created({ timeoutAt: deadline })]);
  expect(found(() => bench.write([settled()], { server: due(1n) }))).toBe("S due a");
});

test("T1: a write that is done twice has another revision", () => {
  const bench = pending();
  const { revision, state, version } = stream(bench.store, "a");
  const write = {
    version,
    events: [],
    snapshot: state,
    timers: noTimers,
    dueAt: dueAt(state, noTimers),
  };
  bench.store.commit([{ changes: [{ key: a, expectedRevision: revision, write }] }]);
  expect(found(() => bench.write([settled()]))).toBe("T revision a");
});

test("T1: a stream that was written and shown to nobody is found at the end", () => {
  const bench = pending();
  const { revision, state, version } = stream(bench.store, "a");
  const write = {
    version,
    events: [],
    snapshot: state,
    timers: noTimers,
    dueAt: dueAt(state, noTimers),
  };
  bench.store.commit([{ changes: [{ key: a, expectedRevision: revision, write }] }]);
  expect(found(() => bench.oracle.inspect())).toBe("T revision a");
});

function promised(changed: Partial<PromiseRecord>): (write: Write) => Write {
  return (write) => {
    const state = promiseStream(write.snapshot);
    const promise = { ...state.promise, ...changed } as PromiseRecord;
    return { ...write, snapshot: { ...state, promise } };
  };
}

const other = { headers: null, data: "other" };

test.each<[what: string, Partial<PromiseRecord>]>([
  ["its data", { param: other }],
  ["its headers", { param: { headers: new Map([["a", "b"]]), data: null } }],
  ["that it has tags", { tags: noPairs }],
  ["a tag", { tags: new Map([["t", "v"]]) }],
  ["its deadline", { timeoutAt: deadlineMs(deadline + 1n) }],
  ["when it was created", { createdAt: instantMs(2) }],
  ["its key", { createKey: null }],
  ["who may await it", { isExternal: false }],
])("T2: of what a promise was created with, nothing changes: %s", (_what, changed) => {
  const [bench, late] = [pending(), pending()];
  expect(found(() => bench.write([], { store: promised(changed) }))).toBe("T immutable a");
  expect(found(() => late.write([settled()], { store: promised(changed) }))).toBe("T immutable a");
});

test.each<[what: string, Partial<PromiseRecord>]>([
  ["that it is settled", { kind: "pending" }],
  ["how it ended", { outcome: "canceled" }],
  ["when it ended", { settledAt: instantMs(2) }],
  ["its value", { value: other }],
  ["the key of its settlement", { settleKey: "k" }],
  ["its tags", { tags: noPairs }],
])("T2: of a settled promise nothing changes: %s", (_what, changed) => {
  const bench = pending();
  bench.write([settled("resolved", emptyValue)]);
  expect(found(() => bench.write([drained], { store: promised(changed) }))).toBe("T immutable a");
});

test("T2: a promise does not vanish", () => {
  const gone = (write: Write): Write => {
    const state = promiseStream(write.snapshot);
    return { ...write, snapshot: { ...state, promise: { kind: "absent" } } };
  };
  expect(found(() => pending().write([settled()], { store: gone }))).toBe("T vanished a");
});

function events(change: (events: Write["events"]) => Write["events"]): (write: Write) => Write {
  return (write) => {
    const changed = change(write.events);
    const version = streamVersion(write.version + changed.length - write.events.length);
    return { ...write, version, events: changed };
  };
}

test.each<[what: string, store: (write: Write) => Write]>([
  ["is not there", events((all) => all.slice(1))],
  ["is there twice", events((all) => all.flatMap((event) => [event, event]))],
  ["has another instant", events((all) => all.map((event) => ({ ...event, at: instantMs(8) })))],
  ["has another cause", events((all) => all.map((each) => ({ ...each, command: commandId("b") })))],
  [
    "says something else",
    events((all) => all.map((each) => ({ ...each, event: settled("canceled") }))),
  ],
])("F1: an event of a commit %s", (_what, store) => {
  expect(found(() => pending().write([settled()], { store }))).toBe("F log a");
});

test("F2: a snapshot that is not what the model says", () => {
  const nobody = (state: StreamState): StreamState => {
    return { ...promiseStream(state), callbacks: [] };
  };
  expect(found(() => pending().write([settled()], { model: nobody }))).toBe("W snapshot a");
  const store = (write: Write) => ({ ...write, snapshot: nobody(write.snapshot) });
  expect(found(() => pending().write([], { store }))).toBe("W snapshot a");
});

test("F2: a snapshot that is not the fold of the log, though the model agrees with it", () => {
  // As if the server folded a drain live, and not when it reads it back.
  const kept = (state: StreamState): StreamState => ({
    ...promiseStream(state),
    callbacks: [promiseId("c"), promiseId("b")],
  });
  const server = (write: Write): Write => {
    const snapshot = kept(write.snapshot);
    return { ...write, snapshot, dueAt: dueAt(snapshot, noTimers) };
  };
  expect(found(() => pending().write([settled()], { server, model: kept }))).toBe("F fold a");
});

test("F3: an event that is edited where it lies is found at the end", () => {
  for (const edit of [
    (event: { at: number }) => (event.at += 1),
    (event: { command: string }) => (event.command = "b"),
    (event: { position: number }) => (event.position += 1),
    ({ event }: { event: { key?: string } }) => (event.key = "l"),
    ({ event }: { event: { tags?: Map<string, string> } }) => event.tags?.set("t", "v"),
  ]) {
    const bench = pending();
    const [page] = bench.store.log([{ of: a, after: 0, limit: 1, weightMax: 1 }]);
    const first = page?.events[0];
    expect(found(() => bench.oracle.inspect())).toBe("nothing");
    edit(first as never); // what is handed out is the store's own
    expect(found(() => bench.oracle.inspect())).toMatch(/^F immutable a$|^W snapshot a$/);
  }
});

test("all that the log holds of an event is compared", () => {
  const bench = new Bench();
  const value = { headers: new Map([["h", "1"]]), data: "v" };
  const all = [created({ key: "k" }), registered("b"), settled("rejected", value), drained];
  const texts = all.flatMap((event) => bench.write([event]).map(showEvent));
  expect(texts).toEqual([
    '1 "a" 1 a-1 7 promise_created pending external 1 9223372036854775807 null [[null,null],[null,null],[],"k",null]',
    '2 "a" 2 a-2 7 callback_registered b',
    '3 "a" 3 a-3 7 promise_settled rejected 1 [[["h","1"]],"v",null]',
    '4 "a" 4 a-4 7 callback_drained b',
  ]);
});
