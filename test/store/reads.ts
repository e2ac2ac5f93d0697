// The contract of a store, continued: the searches in the order of ids, and what waits for workers.

import { expect } from "vitest";
import type { Event } from "../../kernel/event.ts";
import {
  commandId,
  deadlineMs,
  instantMs,
  scheduleId,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import type { ListFilter, ListQuery } from "../../kernel/list.ts";
import { absentOf, type Change, dueAt, evolve, scheduleKey } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { emptyValue } from "../../kernel/value.ts";
import type { Store } from "../../store/store.ts";
import {
  acquired,
  commit,
  create,
  created,
  listening,
  listQuery,
  now,
  settled,
  stream,
  timed,
  waitingQuery,
  written,
} from "./given.ts";

type It = (rule: string, run: (store: Store) => void) => void;

const any = "poll://any@w";
const target = { "resonate:target": any };

function listed(store: Store, chosen: Partial<ListQuery> = {}): readonly string[] {
  return store.list([listQuery(chosen)]).flatMap(({ rows, hasMore }) => {
    return [...rows.map(({ key }) => key.id), ...(hasMore ? ["…"] : [])];
  });
}

export function lists(it: It): void {
  it("L2 promises are listed by the bytes of their ids, whatever the order of their creation", (store) => {
    const ids = ["b", "\u{1f600}", "a:1", "\ufffd", "a", "B", "a0", "10", "9", "é"];
    for (const id of ids) create(store, id);
    expect(listed(store)).toEqual([
      "10",
      "9",
      "B",
      "a",
      "a0",
      "a:1",
      "b",
      "é",
      "\ufffd",
      "\u{1f600}",
    ]);
  });

  it("L2 a prefix is compared byte for byte, and nothing in it is special", (store) => {
    const ids = [
      "a",
      "a%",
      "a%b",
      "a*",
      "a[b]",
      "aB",
      "ab",
      "a_",
      "b",
      "\u{10ffff}",
      "\u{10ffff}a",
      "a\u{10ffff}",
    ];
    for (const id of ids) create(store, id);
    expect(listed(store, { idPrefix: "a%" })).toEqual(["a%", "a%b"]);
    expect(listed(store, { idPrefix: "a*" })).toEqual(["a*"]);
    expect(listed(store, { idPrefix: "a[" })).toEqual(["a[b]"]);
    expect(listed(store, { idPrefix: "aB" })).toEqual(["aB"]);
    expect(listed(store, { idPrefix: "a_" })).toEqual(["a_"]);
    expect(listed(store, { idPrefix: "\u{10ffff}" })).toEqual(["\u{10ffff}", "\u{10ffff}a"]);
    expect(listed(store, { idPrefix: "a\u{10ffff}" })).toEqual(["a\u{10ffff}"]);
    expect(listed(store, { idPrefix: "c" })).toEqual([]);
  });

  it("L2, L3 pages go on behind the last id, and there is more if another one matches", (store) => {
    for (const id of ["a", "b", "c"]) create(store, id);
    expect(listed(store, { limit: 2 })).toEqual(["a", "b", "…"]);
    expect(listed(store, { limit: 3 })).toEqual(["a", "b", "c"]);
    expect(listed(store, { limit: 2, after: "b" })).toEqual(["c"]);
    expect(listed(store, { limit: 1, after: "aa" })).toEqual(["b", "…"]);
    expect(listed(store, { after: "\0" })).toEqual(["a", "b", "c"]);
    expect(listed(store, { after: "\u{10ffff}" })).toEqual([]);
    expect(listed(store, { idPrefix: "b", after: "a" })).toEqual(["b"]);
    expect(listed(store, { idPrefix: "a", after: "b" })).toEqual([]);
  });

  it("L4 a page ends once it weighs enough, but never before its first row", (store) => {
    const heavy = { param: { headers: null, data: "x".repeat(100) } };
    for (const id of ["a", "b", "c"]) create(store, id, heavy);
    expect(listed(store, { weightMax: 1 })).toEqual(["a", "…"]);
    expect(listed(store, { weightMax: 101 })).toEqual(["a", "…"]);
    expect(listed(store, { weightMax: 102 })).toEqual(["a", "b", "…"]);
    expect(listed(store, { weightMax: 203 })).toEqual(["a", "b", "c"]);
  });
}

export function filteredLists(it: It): void {
  it("L1 filters name states as they are stored, deadlines and timers", (store) => {
    const timer = { "resonate:timer": "true" };
    create(store, "pending", { timeoutAt: 1_001n });
    create(store, "overdue", { timeoutAt: 1_000n });
    create(store, "timer", { timeoutAt: 1_000n, tags: timer });
    commit(store, written(store, "resolved", [created({ timeoutAt: 5n }), settled()]));
    commit(store, timed(store, "acquired", {}, created({ tags: target }), acquired()));
    commit(store, timed(store, "fulfilled", {}, created({ tags: target }), settled()));
    const none: ListFilter = { promise: null, tasks: null, isPast: null, isTimer: null };
    const rows: readonly (readonly [Partial<ListFilter>, readonly string[]])[] = [
      [{ promise: "resolved" }, ["fulfilled", "resolved"]],
      [{ promise: "pending", isPast: false }, ["acquired", "pending"]],
      [{ promise: "pending", isPast: true, isTimer: true }, ["timer"]],
      [{ promise: "pending", isPast: true, isTimer: false }, ["overdue"]],
      [{ tasks: ["acquired", "fulfilled"] }, ["acquired", "fulfilled"]],
      [{ tasks: ["acquired"], isPast: true }, []],
      [{ tasks: ["pending"] }, []],
    ];
    for (const [filter, expected] of rows) {
      expect(listed(store, { anyOf: [{ ...none, ...filter }] })).toEqual(expected);
    }
    const both = rows.slice(2, 4).map(([filter]) => ({ ...none, ...filter }));
    expect(listed(store, { anyOf: both })).toEqual(["overdue", "timer"]);
  });

  it("every tag must be there; a branch is one like the others", (store) => {
    create(store, "c", { tags: { "resonate:branch": "x", t: "1" } });
    create(store, "a", { tags: { "resonate:branch": "x", t: "2", u: "" } });
    create(store, "b", { tags: { "resonate:branch": "", t: "1" } });
    create(store, "d", { tags: { "resonate:branch": "y", t: "1" } });
    const by = (tags: Readonly<Record<string, string>>, chosen: Partial<ListQuery> = {}) => {
      return listed(store, { tags: new Map(Object.entries(tags)), ...chosen });
    };
    expect(by({ "resonate:branch": "x" })).toEqual(["a", "c"]);
    expect(by({ "resonate:branch": "x" }, { limit: 1 })).toEqual(["a", "…"]);
    expect(by({ "resonate:branch": "x" }, { after: "a" })).toEqual(["c"]);
    expect(by({ "resonate:branch": "x" }, { idPrefix: "c" })).toEqual(["c"]);
    expect(by({ "resonate:branch": "x", t: "1" })).toEqual(["c"]);
    expect(by({ "resonate:branch": "" })).toEqual(["b"]);
    expect(by({ t: "1" })).toEqual(["b", "c", "d"]);
    expect(by({ u: "" })).toEqual(["a"]);
    expect(by({ v: "" })).toEqual([]);
  });
}

export function otherLists(it: It): void {
  it("schedules are listed apart from promises, and by the tags of their promises", (store) => {
    create(store, "s1", { tags: { t: "1" } });
    commit(
      store,
      schedule("s2", { t: "1" }),
      schedule("s1", { t: "1", u: "2" }),
      schedule("r", {}),
    );
    commit(store, schedule("gone", {}, true));
    expect(listed(store)).toEqual(["s1"]);
    const of = "schedule" as const;
    expect(listed(store, { of })).toEqual(["r", "s1", "s2"]);
    expect(listed(store, { of, tags: new Map([["t", "1"]]) })).toEqual(["s1", "s2"]);
    expect(
      listed(store, {
        of,
        tags: new Map([
          ["t", "1"],
          ["u", "2"],
        ]),
      }),
    ).toEqual(["s1"]);
    expect(listed(store, { of, idPrefix: "s", limit: 1 })).toEqual(["s1", "…"]);
  });

  it("several pages are of one moment, in the order of the questions", (store) => {
    for (const id of ["a", "b"]) create(store, id);
    expect(store.list([])).toEqual([]);
    const [first, second] = store.list([listQuery({ idPrefix: "b" }), listQuery({ limit: 1 })]);
    expect(first?.rows).toEqual([{ key: stream(store, "b").key, state: stream(store, "b").state }]);
    expect(second).toMatchObject({ rows: [{ key: { id: "a" } }], hasMore: true });
  });
}

/** A new one; as it may be with no event of another stream in between. */
function schedule(name: string, tags: Readonly<Record<string, string>>, isDeleted = false): Change {
  const key = scheduleKey(scheduleId(name));
  const born: Event = {
    ...{ kind: "schedule_created", cron: "* * * * *", promiseIdTemplate: "x" },
    ...{
      promiseTimeoutMs: 1n,
      promiseParam: emptyValue,
      promiseTags: new Map(Object.entries(tags)),
    },
    ...{ createdAt: now, nextRunAt: deadlineMs(60_000n) },
  };
  const events: readonly Event[] = isDeleted ? [born, { kind: "schedule_deleted" }] : [born];
  const snapshot = events.reduce(evolve, absentOf("schedule"));
  const recorded = events.map((event) => ({ at: now, command: commandId(`${name}-1`), event }));
  const [version, at] = [streamVersion(events.length), dueAt(snapshot, noTimers)];
  const write = { version, events: recorded, snapshot, timers: noTimers, dueAt: at };
  return { key, expectedRevision: streamRevision(0), write };
}

function awaited(store: Store, address: string, chosen = {}): readonly string[] {
  const { streams, next } = store.waiting(waitingQuery(address, chosen));
  const more = next === null ? [] : [`${next.offeredAt}`];
  return [...streams.map(({ key }) => key.id), ...more];
}

export const offered = (at: number, isMissed = false) => {
  return { clockAt: deadlineMs(99_999n), offeredAt: instantMs(at), isMissed };
};
export const telling = (toldAt: number, isMissed: boolean) => {
  const numbers = { toldAt: instantMs(toldAt), failureCount: 1, failedSince: null };
  return { ...numbers, nextAt: deadlineMs(99_999n), isMissed };
};

export function waitings(it: It): void {
  it("U1 a task is found by its receiver: what was missed first, then by when it was offered", (store) => {
    const births: readonly (readonly [string, number, boolean])[] = [
      ["late", 900, false],
      ["early", 800, false],
      ["missed", 950, true],
      ["new", 1_000, false],
    ];
    for (const [id, at, isMissed] of births) {
      commit(store, timed(store, id, offered(at, isMissed), created({ tags: target })));
    }
    commit(store, timed(store, "waits", { clockAt: deadlineMs(9n) }, created({ tags: target })));
    expect(awaited(store, any)).toEqual(["missed", "early", "late"]);
    expect(awaited(store, "poll://any@w/x")).toEqual(["missed", "early", "late"]);
    expect(awaited(store, "poll://uni@w/x")).toEqual([]);
    expect(awaited(store, "poll://any@v")).toEqual([]);
    expect(awaited(store, any, { before: instantMs(801) })).toEqual(["missed", "early"]);
    const [first] = store.waiting(waitingQuery(any)).streams;
    expect(first).toEqual(stream(store, "missed"));
  });

  it("U1 it is found until it is taken, wherever it has been in between", (store) => {
    commit(store, timed(store, "a", offered(900), created({ tags: target })));
    commit(store, timed(store, "a", offered(900, true)));
    expect(awaited(store, any)).toEqual(["a"]);
    commit(store, timed(store, "a", offered(1_000)));
    expect(awaited(store, any)).toEqual([]);
    commit(store, timed(store, "a", offered(950)));
    expect(awaited(store, any)).toEqual(["a"]);
    commit(store, timed(store, "a", { clockAt: deadlineMs(9n) }, acquired()));
    expect(awaited(store, any)).toEqual([]);
    commit(store, timed(store, "a", offered(960), { kind: "task_released" }));
    expect(awaited(store, any)).toEqual(["a"]);
    commit(store, timed(store, "a", {}, settled()));
    expect(awaited(store, any)).toEqual([]);
  });

  it("U2 who is to be told is found by each receiver", (store) => {
    const [one, two, push] = ["poll://uni@w/1", "poll://uni@w/2", "http://l"];
    const heard = [any, one, two, push].map((address) => listening(address));
    commit(store, timed(store, "a", {}, created(), ...heard));
    expect(awaited(store, any)).toEqual([]);
    const tellings = new Map([
      [any, telling(900, true)],
      [one, telling(900, false)],
      [push, telling(900, true)],
    ]);
    commit(store, timed(store, "a", { tellings }, settled()));
    expect([any, one, two].map((address) => awaited(store, address))).toEqual([["a"], ["a"], []]);
    const told = { kind: "listener_drained", address: any, wasTold: true } as const;
    const others = new Map([[one, telling(900, false)]]);
    commit(store, timed(store, "a", { tellings: others }, told));
    expect([any, one, two].map((address) => awaited(store, address))).toEqual([[], ["a"], []]);
  });

  it("pages end by count and by weight, and go on behind their last stream", (store) => {
    for (const id of ["c", "b", "a"]) {
      commit(store, timed(store, id, offered(900, true), created({ tags: target })));
    }
    commit(store, timed(store, "z", offered(800), created({ tags: target })));
    const { streams, next } = store.waiting(waitingQuery(any, { limit: 2 }));
    expect(streams.map(({ key }) => key.id)).toEqual(["c", "b"]);
    expect(awaited(store, any, { limit: 2, after: next })).toEqual(["a", "z"]);
    expect(awaited(store, any, { weightMax: 1, after: next })).toEqual(["a", "0"]);
    expect(awaited(store, any, { limit: 4 })).toEqual(["c", "b", "a", "z"]);
  });
}
