// The contract of a store, for every implementation. In the order of the verbs: load, commit, due,
// query, log; list and waiting are in reads.ts. What only a database can do wrong is in the test of that database.

import { fc, test as property } from "@fast-check/vitest";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Event } from "../../kernel/event.ts";
import { deadlineMs, instantMs, int64Max, position } from "../../kernel/ids.ts";
import type { PromiseQuery, StateFilter } from "../../kernel/search.ts";
import { absent, dueAt, fold } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { claimMs, type Store } from "../../store/store.ts";
import { ofPromise } from "../kernel/given.ts";
import { arbitraryHistory, arbitraryTimers } from "./arbitraries.ts";
import * as given from "./given.ts";
import {
  acquired,
  arm,
  commit,
  create,
  created,
  due,
  key,
  listening,
  now,
  query,
  read,
  registered,
  settled,
  stale,
  stream,
  timed,
  written,
} from "./given.ts";
import { filteredLists, lists, otherLists, waitings } from "./reads.ts";
import { schedules } from "./schedule-conformance.ts";

export function conformance(name: string, open: () => given.Given): void {
  describe(name, () => {
    let store: given.Given["store"];
    let close: () => void;
    beforeEach(() => {
      const opened = open();
      store = opened.store;
      close = () => opened.close();
    });
    afterEach(() => close());
    const it = (rule: string, run: (store: given.Given["store"]) => void) => {
      test(`store: ${rule}`, () => run(store));
    };
    loads(it);
    commits(it);
    timings(it);
    clocks(it);
    folds(() => store);
    dues(it);
    claims(it);
    filters(it);
    pages(it);
    logs(it);
    lists(it);
    filteredLists(it);
    otherLists(it);
    waitings(it);
    schedules(it, () => store);
  });
}

const nothing = { state: absent, timers: noTimers };

type It = (rule: string, run: (store: given.Given["store"]) => void) => void;

function loads(it: It): void {
  it("A3 a stream that was never written is there, absent, at zero", (store) => {
    expect(store.load([key("a")])).toEqual([
      { kind: "stream", stream: { key: key("a"), version: 0, revision: 0, ...nothing } },
    ]);
    expect(store.load([])).toEqual([]);
  });

  it("A4 streams are loaded as they were written, in the order of the keys", (store) => {
    const headers = new Map([
      ["__proto__", "x"],
      ["10", ""],
      ["9", "\u{1f600}"],
    ]);
    const param = { headers, data: "" };
    const tags = { "": "empty name", "resonate:timer": "true" };
    const birth = created({ timeoutAt: int64Max, tags, param, key: "" });
    const end = settled("rejected", { headers: new Map(), data: null });
    const change = written(store, "a", [birth, registered("b"), end]);
    expect(commit(store, change)).toEqual([]);
    expect(store.load([key("b"), key("a")])).toEqual([
      { kind: "stream", stream: { key: key("b"), version: 0, revision: 0, ...nothing } },
      {
        kind: "stream",
        stream: {
          ...{ key: key("a"), version: 3, revision: 1 },
          ...{ state: change.write?.snapshot, timers: noTimers },
        },
      },
    ]);
    const { promise } = ofPromise(stream(store, "a").state);
    expect(promise.kind === "settled" && [...(promise.param.headers ?? [])]).toEqual([...headers]);
  });

  it("an id is its bytes: case, composition and numbers make a difference", (store) => {
    const ids = ["é", "e\u0301", "E", "e", "10", "9", "__proto__", "a\u{ffff}", "a\u{1f600}", " a"];
    for (const id of ids) create(store, id, { key: id });
    const found = ids.map((id) => {
      const { promise } = ofPromise(stream(store, id).state);
      return promise.kind === "absent" ? null : promise.createKey;
    });
    expect(found).toEqual(ids);
  });

  it("reset leaves nothing, and positions begin anew", (store) => {
    create(store, "a", { tags: { x: "y" } });
    arm(store, "b", 5n);
    due(store, given.now, 1);
    store.reset();
    expect(stream(store, "a").revision).toBe(0);
    expect(due(store, 9_999_999)).toEqual({ streams: [], nextAt: null });
    expect(store.query(query())).toEqual({ rows: [], hasMore: false });
    create(store, "a", { tags: { x: "y" } });
    expect(store.query(query({ tags: new Map([["x", "y"]]) })).rows).toMatchObject([
      { id: "a", position: 1 },
    ]);
  });
}

function commits(it: It): void {
  it("A2 a component lands whole or not at all, and the others without it", (store) => {
    const conflicts = store.commit([
      { changes: [written(store, "a", [created()])] },
      { changes: [written(store, "b", [created()]), stale(written(store, "c", [created()]))] },
      { changes: [written(store, "d", [created()]), written(store, "e", [created()])] },
    ]);
    expect(conflicts).toEqual([1]);
    expect(["a", "b", "c", "d", "e"].map((id) => stream(store, id).version)).toEqual([
      1, 0, 0, 1, 1,
    ]);
    expect(store.query(query()).rows.map(({ id }) => id)).toEqual(["e", "d", "a"]);
  });

  it("A2 a stream that was only read must not have moved either", (store) => {
    create(store, "read");
    const [ahead, behind] = [read(store, "read"), stale(read(store, "read"))];
    expect(store.commit([{ changes: [behind, written(store, "a", [created()])] }])).toEqual([0]);
    expect(stream(store, "a").version).toBe(0);
    expect(store.commit([{ changes: [ahead, written(store, "a", [created()])] }])).toEqual([]);
    expect(stream(store, "read")).toMatchObject({ version: 1, revision: 1 });
  });

  it("A2 a stream that must not exist, and does, is a conflict", (store) => {
    const change = written(store, "a", [created({ key: "mine" })]);
    create(store, "a", { key: "theirs" });
    expect(commit(store, change)).toEqual([0]);
    expect(ofPromise(stream(store, "a").state).promise).toMatchObject({ createKey: "theirs" });
  });

  it("A2 of two components that share a stream the first wins", (store) => {
    const [first, second] = [created({ key: "1" }), created({ key: "2" })];
    const changes = [written(store, "a", [first]), written(store, "a", [second])];
    expect(commit(store, ...changes)).toEqual([1]);
    expect(ofPromise(stream(store, "a").state).promise).toMatchObject({ createKey: "1" });
  });

  it("A3 versions count events, and revisions every write", (store) => {
    commit(store, written(store, "a", [created(), registered("b")], 50n));
    expect(stream(store, "a")).toMatchObject({ version: 2, revision: 1 });
    commit(store, written(store, "a", [], 60n));
    expect(stream(store, "a")).toMatchObject({ version: 2, revision: 2 });
    expect(due(store, 59)).toEqual({ streams: [], nextAt: 60n });
    commit(store, written(store, "a", [settled()]));
    expect(stream(store, "a")).toMatchObject({ version: 3, revision: 3 });
  });

  it("A1 a commit of nothing, or of conflicts only, changes nothing", (store) => {
    create(store, "a");
    expect(store.commit([])).toEqual([]);
    expect(commit(store, stale(written(store, "a", [settled()])))).toEqual([0]);
    create(store, "b");
    expect(store.query(query()).rows.map((row) => row.position)).toEqual([2, 1]);
  });
}

const target = { "resonate:target": "poll://any@w" };
const told = {
  ...{ nextAt: deadlineMs(40n), toldAt: now, failureCount: 2, failedSince: now, isMissed: true },
};
const clock = (at: bigint) => ({ clockAt: deadlineMs(at) });

/** What moves without events. */
function timings(it: It): void {
  it("A3 a write without events moves timers, due date and revision, and nothing else", (store) => {
    const all = { of: null, after: 0, limit: 9, weightMax: 999 };
    commit(store, timed(store, "a", clock(20n), created({ tags: target }), acquired()));
    const before = stream(store, "a");
    const log = store.log([all]);
    const timers = {
      ...{ clockAt: deadlineMs(int64Max - 1n), releaseCount: 7, offeredAt: now, isMissed: true },
      tellings: new Map([["http://é/'\"", told]]),
    };
    expect(commit(store, timed(store, "a", timers))).toEqual([]);
    expect(stream(store, "a")).toEqual({ ...before, revision: 2, timers });
    expect(store.log([all])).toEqual(log);
    expect(due(store, 9_999)).toEqual({ streams: [], nextAt: int64Max - 1n });
    expect(commit(store, timed(store, "a", {}))).toEqual([]);
    expect(stream(store, "a")).toEqual({ ...before, revision: 3, timers: noTimers });
  });

  it("A3 timers are written with the events of their stream, and left by a mere read", (store) => {
    const birth = created({ tags: target });
    commit(store, timed(store, "a", clock(20n), birth));
    store.commit([{ changes: [read(store, "a"), written(store, "b", [created()])] }]);
    expect(stream(store, "a").timers).toEqual({ ...noTimers, ...clock(20n) });
    commit(store, timed(store, "a", clock(90n), acquired()));
    expect(stream(store, "a")).toMatchObject({ version: 2, revision: 2, timers: clock(90n) });
    commit(store, timed(store, "a", {}, settled()));
    expect(stream(store, "a")).toMatchObject({ state: { task: { kind: "fulfilled" } } });
    expect(stream(store, "a").timers).toEqual(noTimers);
    expect(due(store, 9_999)).toEqual({ streams: [], nextAt: null });
  });

  it("A2 of two writes without events from one revision the first wins", (store) => {
    commit(store, timed(store, "a", clock(20n), created({ tags: target }), acquired()));
    const [first, second] = [clock(30n), clock(40n)].map((timers) => timed(store, "a", timers));
    const expiry = timed(store, "a", clock(50n), { kind: "lease_expired" });
    const reader = read(store, "a");
    const changes = [first, second, expiry].flatMap((change) => change ?? []);
    expect(commit(store, ...changes)).toEqual([1, 2]);
    expect(commit(store, expiry)).toEqual([0]); // the lease has just been prolonged
    expect(store.commit([{ changes: [reader, written(store, "b", [created()])] }])).toEqual([0]);
    expect(stream(store, "a")).toMatchObject({ version: 2, revision: 2, timers: clock(30n) });
    expect(commit(store, stale(timed(store, "a", clock(60n))))).toEqual([0]);
    expect(due(store, 29)).toEqual({ streams: [], nextAt: 30n });
  });

  it("A2 a write without events falls with its component", (store) => {
    commit(store, timed(store, "a", clock(20n), created({ tags: target })));
    const changes = [timed(store, "a", clock(30n)), stale(written(store, "b", [created()]))];
    expect(store.commit([{ changes }])).toEqual([0]);
    expect(stream(store, "a")).toMatchObject({ revision: 1, timers: clock(20n) });
  });
}

function clocks(it: It): void {
  it("a stream is due by the clock of its task, its deadline, or who is to be told", (store) => {
    const birth = created({ timeoutAt: 50n, tags: target });
    commit(store, timed(store, "a", clock(20n), birth));
    expect(due(store, 0).nextAt).toBe(20n);
    commit(store, timed(store, "a", clock(70n), listening("poll://any@v"), acquired()));
    expect(due(store, 0).nextAt).toBe(50n);
    commit(store, timed(store, "a", {}, settled()));
    expect(due(store, 0).nextAt).toBe(1n);
    const tellings = new Map([["poll://any@v", told]]);
    commit(store, timed(store, "a", { tellings }));
    expect(due(store, 0).nextAt).toBe(40n);
    expect(due(store, 40).streams).toEqual([stream(store, "a")]);
    const drained = { kind: "listener_drained", address: "poll://any@v", wasTold: true } as const;
    commit(store, timed(store, "a", {}, drained));
    expect(due(store, 9_999)).toEqual({ streams: [], nextAt: null });
  });

  it("A5, A7 a write without events ends a claim", (store) => {
    commit(store, timed(store, "only", clock(20n), created({ tags: target })));
    expect(names(store, 30)).toEqual(["only"]);
    commit(store, timed(store, "only", clock(9_000n)));
    expect(due(store, 31)).toEqual({ streams: [], nextAt: 9_000n }); // not the end of the claim
    for (const id of ["sooner", "later"]) {
      commit(store, timed(store, id, clock(20n), created({ tags: target })));
    }
    expect(names(store, 30)).toEqual(["sooner", "later"]);
    commit(store, timed(store, "sooner", clock(25n)), timed(store, "later", clock(60n)));
    expect(due(store, 24)).toEqual({ streams: [], nextAt: 25n });
    expect(names(store, 31)).toEqual(["sooner"]);
    expect(names(store, 60)).toEqual(["later"]);
  });
}

function folds(store: () => Store): void {
  const write = fc.tuple(fc.integer({ min: 0, max: 9 }), arbitraryTimers);
  property.prop([arbitraryHistory, fc.array(write, { maxLength: 6 })])(
    "store: A3 whatever happens to a stream, its state is the fold of its log",
    (history, writes) => {
      store().reset();
      let from = 0;
      for (const [count, timers] of [[1, noTimers] as const, ...writes]) {
        const events = history.slice(from, from + count);
        from += events.length;
        expect(commit(store(), timed(store(), "a", timers, ...events))).toEqual([]);
      }
      const { state, timers, ...numbers } = stream(store(), "a");
      const [log] = store().log([{ of: key("a"), after: 0, limit: 99, weightMax: 1e9 }]);
      expect(log?.events.map(({ event }) => event)).toEqual(history.slice(0, from));
      expect(numbers).toEqual({ key: key("a"), version: from, revision: writes.length + 1 });
      expect(state).toEqual(fold(history.slice(0, from)));
      expect(timers).toEqual(writes.at(-1)?.[1] ?? noTimers);
      const date = dueAt(state, timers);
      const found = due(store(), 0);
      expect(found.streams).toHaveLength(date === 0n ? 1 : 0);
      expect(found.nextAt).toBe(date === 0n ? null : date);
    },
  );
}

function names(store: Store, at: number, limit = 99): readonly string[] {
  return due(store, at, limit).streams.map((each) => each.key.id);
}

const weights: readonly (readonly [what: string, ...Event[]])[] = [
  ["but never none, and what is left over is next", registered("56789")],
  ["listeners counted", listening("56789")],
];

function dues(it: It): void {
  it("due streams come by date, then by creation", (store) => {
    for (const id of ["b", "\u{1f600}", "\u{ffff}", "10", "9", "a"]) arm(store, id, 20n);
    arm(store, "late", 21n);
    arm(store, "early", 19n);
    expect(due(store, 18)).toEqual({ streams: [], nextAt: 19n });
    const order = ["early", "b", "\u{1f600}", "\u{ffff}", "10", "9", "a"];
    expect(names(store, 20)).toEqual(order);
  });

  it("what is due comes with its snapshot, at its very instant", (store) => {
    arm(store, "a", 20n);
    expect(due(store, 20, 1).streams).toEqual([stream(store, "a")]);
  });

  it("no more come than asked for, and then it is to be asked again at once", (store) => {
    for (const id of ["a", "b", "c"]) arm(store, id, 20n);
    const { streams, nextAt } = due(store, 30, 2);
    expect([streams.length, nextAt]).toEqual([2, 20n]);
    expect(names(store, 30, 2)).toEqual(["c"]);
  });

  for (const [what, ...more] of weights)
    it(`no more come than weigh enough, ${what}`, (store) => {
      const birth = created({ timeoutAt: 20n, param: { headers: null, data: "1234" } });
      const events = [birth];
      const awaited = [birth, ...more];
      commit(store, written(store, "a", awaited, 20n), written(store, "b", awaited, 21n));
      commit(store, written(store, "c", events, 22n));
      const seen = [1, 10, 11, 20, 21].map((weightMax) => {
        const { streams, nextAt } = store.due(instantMs(30), { limit: 9, weightMax });
        commit(
          store,
          ...streams.map(({ key: { id } }, at) => written(store, id, [], 20n + BigInt(at))),
        );
        return [streams.map(({ key: { id } }) => id).join(" "), nextAt];
      });
      expect(seen).toEqual([
        ["a", 21n],
        ["a", 21n],
        ["a b", 22n],
        ["a b", 22n],
        ["a b c", null],
      ]);
    });

  it("the next date is exact to the last digit, and null if there is none", (store) => {
    create(store, "never");
    expect(due(store, 1)).toEqual({ streams: [], nextAt: null });
    arm(store, "last", int64Max - 1n);
    expect(due(store, 1)).toEqual({ streams: [], nextAt: int64Max - 1n });
  });
}

function claims(it: It): void {
  it("A5 a claim keeps a stream for its time, and not longer", (store) => {
    arm(store, "a", 20n);
    expect(due(store, 30)).toMatchObject({ streams: [{ key: key("a") }] });
    expect(due(store, 29 + claimMs)).toEqual({
      streams: [],
      nextAt: BigInt(30 + claimMs),
    });
    expect(names(store, 30 + claimMs)).toEqual(["a"]);
    expect(due(store, 31 + claimMs).nextAt).toBe(BigInt(30 + 2 * claimMs));
  });

  it("A5 a claim of the call itself does not count for the next date, an older one does", (store) => {
    arm(store, "a", 20n);
    expect(due(store, 30).nextAt).toBe(null);
    arm(store, "b", 20n);
    expect(due(store, 31)).toMatchObject({
      streams: [{ key: key("b") }],
      nextAt: BigInt(30 + claimMs),
    });
  });

  it("A5 of a claim and a due date the earlier one is next", (store) => {
    arm(store, "a", 20n);
    arm(store, "b", 40n);
    expect(due(store, 30).nextAt).toBe(40n);
    expect(due(store, 40).nextAt).toBe(BigInt(30 + claimMs));
  });

  it("A5, A7 a write ends a claim, whatever it says of the due date", (store) => {
    for (const id of ["same", "later", "never"]) arm(store, id, 20n);
    expect(names(store, 30)).toHaveLength(3);
    commit(store, written(store, "same", [], 20n));
    commit(store, written(store, "later", [], 50n));
    commit(store, written(store, "never", [settled()], null));
    expect(names(store, 31)).toEqual(["same"]);
    expect(names(store, 50)).toEqual(["later"]);
    expect(names(store, 30 + 2 * claimMs)).toEqual(["same", "later"]);
  });

  it("A8 a claim by a clock that is far ahead counts for nothing", (store) => {
    for (const id of ["a", "b"]) arm(store, id, 20n);
    expect(names(store, 1_000_000_000, 1)).toEqual(["a"]);
    expect(names(store, 30)).toEqual(["a", "b"]);
    expect(due(store, 31)).toEqual({ streams: [], nextAt: BigInt(30 + claimMs) });
  });

  it("A8 a claim by a clock that is a little ahead holds", (store) => {
    arm(store, "a", 20n);
    expect(names(store, 30 + claimMs)).toEqual(["a"]);
    expect(due(store, 30)).toEqual({ streams: [], nextAt: BigInt(30 + 2 * claimMs) });
  });

  it("A7 a claim that has ended for one has ended for all, whatever their clocks", (store) => {
    for (const id of ["a", "b"]) arm(store, id, 20n);
    expect(names(store, 30)).toEqual(["a", "b"]);
    expect(names(store, 30 + claimMs, 1)).toEqual(["a"]);
    expect(names(store, 31)).toEqual(["b"]);
  });

  it("A5 a conflict leaves a claim as it is, and so does a mere read", (store) => {
    for (const id of ["a", "b"]) arm(store, id, 20n);
    expect(names(store, 30)).toEqual(["a", "b"]);
    commit(store, stale(written(store, "a", [settled()])));
    store.commit([{ changes: [read(store, "b"), written(store, "c", [created()])] }]);
    expect(names(store, 31)).toEqual([]);
  });

  it("A7 a claim that a write has ended does not end the next one", (store) => {
    arm(store, "older", 20n);
    expect(names(store, 29)).toEqual(["older"]);
    arm(store, "a", 20n);
    expect(names(store, 30)).toEqual(["a"]);
    commit(store, written(store, "a", [], 20n));
    expect(names(store, 40)).toEqual(["a"]);
    expect(due(store, 30 + claimMs)).toMatchObject({
      streams: [{ key: key("older") }],
      nextAt: BigInt(40 + claimMs),
    });
    expect(names(store, 40 + claimMs)).toEqual(["a"]);
  });
}

const patterns: readonly (readonly [pattern: string, ids: readonly string[]])[] = [
  ["a/b", ["a/b"]],
  ["a", []],
  ["A/b", []],
  ["a/*", ["a/b/c", "a/b"]],
  ["*b*", ["xbx", "a/b/c", "a/b"]],
  ["a*b", ["a/b"]],
  ["*/*/*", ["a/b/c"]],
  ["**", ["é", "e\u0301", "\\", "x]", "x[a]", "x?y", "x_y", "x%y", "xbx", "a/b/c", "a/b"]],
  ["x%*", ["x%y"]],
  ["x_*", ["x_y"]],
  ["x?*", ["x?y"]],
  ["x?y", ["x?y"]],
  ["*[a]", ["x[a]"]],
  ["*[*", ["x[a]"]],
  ["x]*", ["x]"]],
  ["*\\*", ["\\"]],
  ["**y", ["x?y", "x_y", "x%y"]],
  ["e*", ["e\u0301"]],
  ["*\u0301", ["e\u0301"]],
];

const stateRows: readonly (readonly [filters: readonly StateFilter[] | null, ids: string])[] = [
  [null, "timer past open timedout canceled rejected resolved"],
  [[], ""],
  [[{ state: "pending", isPast: null, isTimer: null }], "timer past open"],
  [[{ state: "pending", isPast: false, isTimer: null }], "open"],
  [[{ state: "pending", isPast: true, isTimer: null }], "timer past"],
  [[{ state: "pending", isPast: true, isTimer: true }], "timer"],
  [[{ state: "pending", isPast: true, isTimer: false }], "past"],
  [[{ state: "pending", isPast: null, isTimer: false }], "past open"],
  [[{ state: "resolved", isPast: null, isTimer: null }], "resolved"],
  [
    [
      { state: "rejected", isPast: null, isTimer: null },
      { state: "canceled", isPast: null, isTimer: null },
      { state: "timedout", isPast: null, isTimer: null },
      { state: "pending", isPast: true, isTimer: false },
    ],
    "past timedout canceled rejected",
  ],
];

function find(store: Store, chosen: Partial<PromiseQuery>): readonly [ids: string, more: boolean] {
  const { rows, hasMore } = store.query(query(chosen));
  return [rows.map(({ id }) => id).join(" "), hasMore];
}

function filters(it: It): void {
  it("R2 promises come newest first, with what is stored of them", (store) => {
    create(store, "b");
    create(store, "a", { key: "k" });
    commit(store, written(store, "b", [settled()]));
    expect(store.query(query())).toEqual({
      rows: [
        { id: "a", position: 2, promise: ofPromise(stream(store, "a").state).promise },
        { id: "b", position: 1, promise: ofPromise(stream(store, "b").state).promise },
      ],
      hasMore: false,
    });
  });

  for (const [pattern, ids] of patterns) {
    it(`the pattern ${pattern} matches whole ids, and only * is special`, (store) => {
      for (const id of patterns[7]?.[1].toReversed() ?? []) create(store, id);
      expect(find(store, { pattern })).toEqual([ids.join(" "), false]);
    });
  }

  for (const [anyOf, ids] of stateRows) {
    it(`R1 states are filtered as of now: ${JSON.stringify(anyOf)}`, (store) => {
      for (const outcome of ["resolved", "rejected", "canceled", "timedout"] as const) {
        commit(store, written(store, outcome, [created({ timeoutAt: 5n }), settled(outcome)]));
      }
      create(store, "open", { timeoutAt: BigInt(given.now) + 1n });
      create(store, "past", { timeoutAt: BigInt(given.now) });
      create(store, "timer", { timeoutAt: 999n, tags: { "resonate:timer": "true" } });
      expect(find(store, { anyOf })).toEqual([ids, false]);
      expect(find(store, { anyOf, pattern: "t*" })).toEqual([
        ids
          .split(" ")
          .filter((id) => id.startsWith("t"))
          .join(" "),
        false,
      ]);
    });
  }

  it("every tag must be there, with its very value", (store) => {
    create(store, "none");
    create(store, "one", { tags: { a: "1", "": "", "10": "x" } });
    create(store, "two", { tags: { a: "1", b: '"2"', "%": "_" } });
    create(store, "other", { tags: { a: "2", b: '"2"' } });
    const tagged = (...tags: readonly (readonly [string, string])[]) => {
      return find(store, { tags: new Map(tags) })[0];
    };
    expect(tagged(["a", "1"])).toBe("two one");
    expect(tagged(["a", "1"], ["b", '"2"'])).toBe("two");
    expect(tagged(["b", '"2"'], ["a", "1"], ["%", "_"])).toBe("two");
    expect(tagged(["", ""], ["10", "x"])).toBe("one");
    expect(tagged(["A", "1"])).toBe("");
    expect(tagged(["a", "*"])).toBe("");
    const pending = [{ state: "pending", isPast: false, isTimer: null }] as const;
    expect(find(store, { tags: new Map([["a", "1"]]), anyOf: pending, pattern: "t*" })[0]).toBe(
      "two",
    );
    expect(find(store, { tags: new Map([["a", "1"]]), anyOf: pending, pattern: "*e" })[0]).toBe(
      "one",
    );
    expect(find(store, { tags: new Map([["a", "2"]]), pattern: "other" })[0]).toBe("other");
    expect(find(store, { tags: new Map([["a", "1"]]), pattern: "other" })[0]).toBe("");
  });
}

function pages(it: It): void {
  it("R3 there is more if and only if one more would match, on every way to it", (store) => {
    const tags = { t: "x" };
    for (const id of ["p1", "q", "p2", "p3"]) {
      create(store, id, id === "q" ? {} : { tags, timeoutAt: 5n });
    }
    const pending = { state: "pending", isPast: null, isTimer: false } as const;
    const ways: readonly Partial<PromiseQuery>[] = [
      { pattern: "p*" },
      { pattern: "*p*" },
      { tags: new Map([["t", "x"]]) },
      { anyOf: [{ ...pending, isPast: true }] },
      { anyOf: [pending, { ...pending, state: "resolved" }], pattern: "*p*" },
    ];
    for (const way of ways) {
      expect(find(store, { ...way, limit: 2 })).toEqual(["p3 p2", true]);
      expect(find(store, { ...way, limit: 3 })).toEqual(["p3 p2 p1", false]);
      expect(find(store, { ...way, limit: 2, before: position(4) })).toEqual(["p2 p1", false]);
      expect(find(store, { ...way, limit: 1, before: position(3) })).toEqual(["p1", false]);
      expect(find(store, { ...way, before: position(1) })).toEqual(["", false]);
    }
    expect(find(store, { pattern: "p2", before: position(3) })).toEqual(["", false]);
    expect(find(store, { pattern: "p2", before: position(4) })).toEqual(["p2", false]);
  });

  it("R4 a page ends once it weighs enough, but not before its first row", (store) => {
    for (const id of ["a", "b", "c"]) {
      create(store, id, { param: { headers: null, data: "123456789" } });
    }
    expect(find(store, { weightMax: 1 })).toEqual(["c", true]);
    expect(find(store, { weightMax: 10 })).toEqual(["c", true]);
    expect(find(store, { weightMax: 11 })).toEqual(["c b", true]);
    expect(find(store, { weightMax: 21 })).toEqual(["c b a", false]);
    expect(find(store, { weightMax: 30 })).toEqual(["c b a", false]);
  });
}

function logs(it: It): void {
  const all = { of: null, after: 0, limit: 100, weightMax: 1_000_000 };

  it("the log holds every event as it was written, in the order of the commits", (store) => {
    commit(store, written(store, "a", [created({ timeoutAt: int64Max }), registered("b")]));
    commit(store, written(store, "b", [created({ tags: { __proto__x: "" } })]));
    commit(store, written(store, "a", [settled("canceled")]));
    const place = (position: number, id: string, version: number) => {
      return { position, key: key(id), version, at: 7, command: `${id}-${version}` };
    };
    expect(store.log([all])).toEqual([
      {
        events: [
          { ...place(1, "a", 1), event: created({ timeoutAt: int64Max }) },
          { ...place(2, "a", 2), event: registered("b") },
          { ...place(3, "b", 1), event: created({ tags: { __proto__x: "" } }) },
          { ...place(4, "a", 3), event: settled("canceled") },
        ],
        end: 4,
      },
    ]);
  });

  it("ranges are answered each for itself, in their order", (store) => {
    create(store, "a");
    commit(store, written(store, "b", [created(), registered("a"), settled()]));
    const pages = store.log([
      { ...all, of: key("b"), after: 1 },
      { ...all, after: 1, limit: 2 },
      { ...all, of: key("nobody") },
      { ...all, of: key("b"), after: 3 },
      { ...all, after: Number.MAX_SAFE_INTEGER },
      { ...all, of: key("b"), limit: 1 },
    ]);
    const seen = pages.map(({ events, end }) => [events.map((each) => each.position), end]);
    expect(seen).toEqual([
      [[3, 4], 3],
      [[2, 3], 4],
      [[], 0],
      [[], 3],
      [[], 4],
      [[2], 3],
    ]);
    expect(store.log([])).toEqual([]);
    expect(pages[1]?.events.map((each) => each.version)).toEqual([1, 2]);
  });

  it("an empty log ends at zero", (store) => {
    expect(store.log([all])).toEqual([{ events: [], end: 0 }]);
  });

  it("R4 a page of the log ends once it weighs enough, but not before its first event", (store) => {
    commit(store, written(store, "a", [created(), registered("b"), settled()]));
    const counts = [1, 2, 3, 4, 5].map((weightMax) => {
      const ranges = [
        { ...all, weightMax },
        { ...all, of: key("a"), weightMax },
      ];
      return store.log(ranges).map(({ events }) => events.length);
    });
    expect(counts).toEqual([
      [1, 1],
      [2, 2],
      [2, 2],
      [3, 3],
      [3, 3],
    ]);
  });
}
