// The outside of one process: each thing that can befall a submission strikes once, at the settlement of
// a promise, and the run tells what the store did, what the client was told, and what is true afterwards.
// Then every place at which a process can be killed, and what of its work is there in the next one.

import { expect, test } from "vitest";
import { type CrashPoint, crashPoints } from "../../dst/crash-points.ts";
import { draw, usualWishes } from "../../dst/draw.ts";
import { groups } from "../../dst/faults.ts";
import type { Probe } from "../../store/probe.ts";
import { openSqlite, type SqliteStore } from "../../store/sqlite.ts";
import {
  answers,
  create,
  get,
  history,
  list,
  type Played,
  play,
  playPlan,
  type Setting,
  search,
  seed,
  settle,
  story,
  strikes,
  until,
  verdict,
  worker,
} from "./play.ts";

const steps = [
  [0, 0, create("a")],
  [10, 0, settle("a")],
  [100, 1, get("a")],
] as const;

/** What the store did from the settlement on, until the promise is read. */
function effects(played: Played): readonly string[] {
  const lines = story(played, "effect").filter((line) => / n0\.1 (load|commit|log) /.test(line));
  return lines
    .map((line) => line.replace("node 0 effect n0.1 ", ""))
    .filter((line) => Number.parseInt(line, 10) >= 10 && Number.parseInt(line, 10) < 100);
}

const settled = 'changed "a" resolved';
const load = '10 load 4 "a" version 1, revision 1';

type Row = readonly [
  what: string,
  choices: Setting["choices"],
  effects: readonly string[],
  answer: string,
  state: string,
];

// biome-ignore format: a table
test.each<Row>([
  ["nothing",
    {}, [load, "10 commit 5 committed"], settled, "resolved"],
  ["the queue of submissions is full as it loads",
    { "aio_full n0 load a #1": strikes }, [], "failed: store_overloaded", "pending"],
  ["the queue of submissions is full as it commits",
    { "aio_full n0 commit a #1": strikes }, [load], "failed: store_overloaded", "pending"],
  ["the load fails",
    { "fail_before n0 load a #1": strikes }, [], "failed: store_failed", "pending"],
  ["the load is rolled back",
    { "rolled_back n0 load a #1": strikes }, [], "failed: store_overloaded", "pending"],
  ["the record cannot be read",
    { "unreadable n0 load a #1": strikes }, ['10 load 4 "a" unreadable'], "failed: record_unreadable", "pending"],
  ["the commit fails before it is written",
    { "fail_before n0 commit a #1": strikes }, [load], "failed: store_failed", "pending"],
  ["the commit is rolled back",
    { "rolled_back n0 commit a #1": strikes }, [load], "failed: store_overloaded", "pending"],
  ["the commit lands and its answer is lost",
    { "fail_after n0 commit a #1": strikes }, [load, "10 commit 5 committed", "10 log 6 1 events"], settled, "resolved"],
  ["the commit is lost",
    { "fail_never_landing n0 commit a #1": strikes }, [load, "10 log 6 0 events"], "failed: outcome_unknown", "pending"],
  ["the commit is said to be lost and lands later",
    { "fail_landing_later n0 commit a #1": strikes, "landing n0 commit a": 50 }, [load, "10 log 6 0 events"],
    "failed: outcome_unknown", "resolved"],
  ["the commit lands while the log is asked for it",
    { "fail_landing_later n0 commit a #1": strikes, "landing n0 commit a": 2, "slow n0 log a": strikes,
      "slowness n0 log a": 5 }, [load, "15 log 6 1 events"], settled, "resolved"],
  ["the commit arrives late",
    { "slow n0 commit a #2": strikes, "slowness n0 commit a": 7 }, [load, "17 commit 5 committed"], settled, "resolved"],
  ["the answer to the commit arrives late",
    { "slow n0 commit a #3": strikes, "slowness n0 commit a": 7 }, [load, "10 commit 5 committed"], settled, "resolved"],
  ["the commit is durable late",
    { "slow_sync n0 commit a #1": strikes, "sync n0 commit a": 7 }, [load, "17 commit 5 committed"], settled, "resolved"],
  ["the promise is said to have moved",
    { "false_conflict n0 commit a #1": strikes },
    [load, "10 commit 5 committed, but for the components 0", '10 load 6 "a" version 1, revision 1', "10 commit 7 committed"],
    settled, "resolved"],
  ["the load is never answered",
    { "hang n0 load a #1": strikes, "doom 0": 4 }, [load], "unknown", "pending"],
  ["the commit is never answered",
    { "hang n0 commit a #1": strikes, "doom 0": 4 }, [load, "10 commit 5 committed"], "unknown", "resolved"],
])("as a promise is settled, %s", (_what, choices = {}, did, answer, state) => {
  const played = play(steps, { choices });
  expect(verdict(played)).toBeNull();
  expect(effects(played)).toEqual(did);
  expect(answers(played)[1]).toBe(`op 1 ${answer}`);
  expect(answers(played)[2]).toBe(`op 2 unchanged "a" ${state}`);
  const struck = Object.keys(choices).filter((name) => choices[name] === strikes);
  expect(story(played, "fault")).toHaveLength(struck.length);
});

test.each([
  ["fail_before n0 query *", "failed: store_failed"],
  ["rolled_back n0 query *", "failed: store_overloaded"],
  ["aio_full n0 query *", "failed: store_overloaded"],
  ["fail_before n0 log a", "failed: store_failed"],
  ["rolled_back n0 log all", "failed: store_overloaded"],
])("a read that meets %s has failed and no effect", (fault, failure) => {
  const reads = [
    [0, 0, create("a")],
    [10, 0, search()],
    [20, 0, history("a")],
    [30, 0, history(null)],
  ] as const;
  const played = play(reads, { choices: { [fault]: strikes } });
  expect(verdict(played)).toBeNull();
  const failures = answers(played).filter((line) => line.includes("failed"));
  expect(failures).toEqual([expect.stringContaining(failure)]);
});

test("of several components one may be said to have moved; the others land", () => {
  const several = [
    [0, 0, create("a")],
    [0, 1, create("b")],
    [0, 2, create("c")],
  ] as const;
  const choices = { "false_conflict n0 commit a": strikes, "refused n0 commit a": 1 };
  const played = play(several, { choices });
  expect(verdict(played)).toBeNull();
  const commits = story(played, "effect").filter((line) => line.includes("commit"));
  expect(commits.map((line) => line.replace("0 node 0 effect n0.1 ", ""))).toEqual([
    "commit 3 committed, but for the components 1",
    "commit 5 committed",
  ]);
  const lists = played.records.filter(({ entity }) => entity === "n0.1 load 4");
  expect(lists[0]?.ids).toEqual(["b"]);
});

test.each([0, 1, 2])("a real conflict and a false one, at %i, are told apart", (refused) => {
  const three = [
    [0, 0, create("a")],
    [0, 2, create("b")],
    [0, 4, create("c")],
    [0, 1, create("c")], // by the other server, which is faster
  ] as const;
  const choices = {
    "slow n0 commit a": strikes,
    "slowness n0 commit a": 20,
    "false_conflict n0 commit a": strikes,
    "refused n0 commit a": refused,
  };
  const played = play(three, { choices, nodes: 2, clients: 6 });
  expect(verdict(played)).toBeNull();
  const commits = story(played, "effect").filter((line) => line.includes("n0.1 commit 3"));
  const list = refused === 2 ? "2" : `${refused}, 2`;
  expect(commits).toEqual([
    `20 node 0 effect n0.1 commit 3 committed, but for the components ${list}`,
  ]);
  expect(answers(played).slice(0, 4).toSorted()).toEqual([
    'op 0 changed "a" pending',
    'op 1 changed "c" pending',
    'op 2 changed "b" pending',
    "op 3 promise_already_exists",
  ]);
});

test("Z1: what a tick has handed over never leaves a process that is killed after it", () => {
  const played = play(steps, { choices: { "crash load.consumed n0 load a #1": strikes } });
  expect(verdict(played)).toBeNull();
  expect(
    story(played, "executed", "submission", "crash").filter((line) => line.startsWith("10 ")),
  ).toEqual([
    '10 node 0 submission n0.1 load 4 load "a"',
    "10 node 0 executed batch 4 at 1800000000010",
    "10 node 0 crash n0.1 load.consumed",
  ]);
  expect(answers(played)).toEqual([
    'op 0 changed "a" pending',
    "op 1 unknown",
    'op 2 unchanged "a" pending',
    'op 3 unchanged "a" pending', // asked by the simulation, at the end
  ]);
});

test("Z1: a process that is killed with the first submission of a tick hands over no other", () => {
  const both = [
    [0, 0, create("a")],
    [10, 1, settle("a")],
    [10, 2, search()],
    [20, 3, get("a")],
  ] as const;
  const played = play(both, { choices: { "crash load.submitted n0 load a #1": strikes } });
  expect(verdict(played)).toBeNull();
  const last = story(played, "submission", "crash").filter((line) => line.startsWith("10 "));
  expect(last).toEqual([
    '10 node 0 submission n0.1 load 4 load "a"',
    "10 node 0 crash n0.1 load.submitted",
  ]);
});

test("Z2: a dead process hears nothing any more, and what it has written lands all the same", () => {
  const choices = {
    "slow_sync n0 commit a #1": strikes,
    "sync n0 commit a": 40,
    "crash commit.done n0 commit a #1": strikes,
    "quick_restart 0": strikes,
  };
  const between = [30, 2, get("a")] as const;
  const played = play([...steps, between], { choices });
  expect(verdict(played)).toBeNull();
  expect(answers(played)).toEqual([
    'op 0 changed "a" pending',
    "op 1 unknown",
    'op 2 unchanged "a" pending', // after 20 ms it is not durable yet
    'op 3 unchanged "a" resolved',
    'op 4 unchanged "a" resolved',
  ]);
  const heard = story(played, "completion", "effect").filter((line) =>
    line.includes("n0.1 commit 5"),
  );
  expect(heard).toEqual([]);
});

test("Z2: what is on its way to a process when it dies never arrives", () => {
  const choices = {
    "slow n0 load a #3": strikes, // the answer to the load of the settlement
    "slowness n0 load a": 30,
    "kill n0@15": strikes,
  };
  const between = [15, 2, get("b")] as const;
  const played = play([...steps, between], { choices });
  expect(verdict(played)).toBeNull();
  const loads = story(played, "effect", "completion", "crash").filter((line) =>
    /load 4|crash/.test(line),
  );
  expect(loads).toEqual([
    '10 node 0 effect n0.1 load 4 "a" version 1, revision 1',
    "15 node 0 crash n0.1 kill",
  ]);
});

test("Z2: a dead process's reads are answered to nobody", () => {
  const choices = {
    "slow n0 query *": strikes,
    "slowness n0 query *": 30,
    "kill n0@15": strikes,
  };
  const played = play([...steps.slice(0, 1), [10, 1, search()], [15, 0, get("a")]], { choices });
  expect(verdict(played)).toBeNull();
  const queries = story(played, "submission", "effect", "completion", "crash");
  expect(queries.filter((line) => /query|crash/.test(line))).toEqual([
    '10 node 0 submission n0.1 query 4 query "*", limit 10',
    "15 node 0 crash n0.1 kill",
  ]);
});

test("Z3: whatever befalls the store, only a commit is of unknown outcome", () => {
  const names = [...groups.store, ...groups.durability];
  const counts = new Map<string, number>();
  for (const number of Array.from({ length: 24 }, (_, index) => String(index + 1))) {
    const wishes = { ...usualWishes, operations: 300, faults: names };
    const drawn = draw(seed(number), wishes);
    const often = Object.fromEntries(names.map((name) => [name, name === "hang" ? 1_000 : 60_000]));
    const played = playPlan({ ...drawn, faults: { ...drawn.faults, ...often } }, null);
    expect(verdict(played)).toBeNull();
    for (const { kind, entity, text } of played.records) {
      if (kind !== "completion" || !text.startsWith("failed")) continue;
      const what = `${entity.split(" ")[1]} ${text}`;
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
  }
  const unknown = [...counts.keys()].filter((what) => what.endsWith("outcome_unknown"));
  expect(unknown).toEqual(["commit failed: outcome_unknown"]);
  for (const kind of ["load", "commit", "query", "log", "due"]) {
    expect(counts.get(`${kind} failed: store_failed`), kind).toBeGreaterThan(0);
    expect(counts.get(`${kind} failed: store_overloaded`), kind).toBeGreaterThan(0);
  }
});

/** What is read after a crash at each place of a settlement. */
const left: Partial<Record<CrashPoint, "pending" | "resolved">> = {
  "load.submitted": "pending",
  "load.done": "pending",
  "load.completed": "pending",
  "load.consumed": "pending",
  "commit.submitted": "pending",
  "commit.done": "resolved",
  "commit.durable": "resolved",
  "commit.completed": "resolved",
  "commit.consumed": "resolved",
};

test.each(Object.entries(left))(
  "a process that is killed at %s of a settlement leaves the promise %s",
  (point, state) => {
    const kind = point.split(".")[0];
    const played = play(steps, { choices: { [`crash ${point} n0 ${kind} a #1`]: strikes } });
    expect(verdict(played)).toBeNull();
    expect(story(played, "crash")).toEqual([`10 node 0 crash n0.1 ${point}`]);
    expect(answers(played).slice(1, 3)).toEqual(["op 1 unknown", `op 2 unchanged "a" ${state}`]);
  },
);

const others = crashPoints.filter((point) => !(point in left));

test.each(others)("a process can be killed at %s, too", (point) => {
  const [kind] = point.split(".");
  const busy = [
    [0, 0, until(40, "a")],
    [10, 0, search()],
    [20, 0, history("a")],
    ...(kind === "send" ? [[0, 1, worker("w")] as const] : []),
    ...(kind === "list" ? [[30, 0, list()] as const] : []),
  ] as const;
  const names: Readonly<Record<string, string>> = {
    query: "n0 query *",
    list: "n0 list 1",
    log: "n0 log a",
    due: "n0 due@0",
    send: "n0 send execute w",
    waiting: 'n0 waiting ["default","w1"]',
    boot: "n0.1",
    stop: "n0.1",
  };
  const stops = point === "stop" ? { "graceful_stop n0@0 #2": strikes } : {};
  const connects = kind === "waiting" ? { "worker_connects n0@0": strikes } : {};
  const choices = { ...stops, ...connects, [`crash ${point} ${names[kind ?? ""]}`]: strikes };
  const played = play(busy, { choices });
  expect(verdict(played)).toBeNull();
  expect(story(played, "crash")).toEqual([expect.stringMatching(` crash n0.1 ${point}$`)]);
  expect(story(played, "start").map((line) => line.split(" ")[4])).toEqual(["n0.1", "n0.2"]);
});

test.each([
  ["read", 2], // after the first sweep and the first load
  ["commit.begin", 1],
  ["commit.middle", 1],
  ["commit.end", 1],
])("a store that is broken in upon at %s has done nothing", (site, count) => {
  const opened: SqliteStore[] = [];
  const openStore = (probe: Probe) => {
    const store = openSqlite(":memory:", { probe });
    opened.push(store);
    return store;
  };
  const breaking = { [`probe ${site} #${count}`]: strikes };
  const played = play(steps, { choices: { ...breaking, [`open ${site}`]: 3 }, openStore });
  const closed = play(steps, { choices: breaking, openStore }); // this run leaves the site alone
  for (const store of opened) store.close();
  expect(verdict(played)).toBeNull(); // nor are the oracles disturbed, which read the same store
  expect(answers(played).slice(1, 3)).toEqual([
    "op 1 failed: store_failed",
    'op 2 unchanged "a" pending',
  ]);
  expect(answers(closed)[1]).toBe('op 1 changed "a" resolved');
});

test("a sweep may be broken off, and goes on where it ended", () => {
  const armed = [
    [0, 0, until(50, "a")],
    [0, 1, until(50, "b")],
  ] as const;
  const choices = { "open due.short": 3, "probe due.short": strikes };
  const played = play(armed, { choices });
  expect(verdict(played)).toBeNull();
  const sweeps = story(played, "effect").filter(
    (line) => line.startsWith("50 ") && line.includes(" due "),
  );
  expect(sweeps.map((line) => line.replace("50 node 0 effect n0.1 ", ""))).toEqual([
    'due 4 due: "a"',
    'due 7 due: "b"',
  ]);
  expect(
    story(play(armed), "effect").filter((line) => line.includes('due: "a", "b"')),
  ).toHaveLength(1);
});

test.each([
  ["is there", {}, ["delivered"]],
  ["is not there", { "no_receiver n0 send execute w": strikes }, ["not delivered: no_receiver"]],
  [
    "is not heard of",
    { "message_lost n0 send execute w": strikes },
    ["not delivered: stream_lost"],
  ],
])("Z4: a message is sent once, and its receiver %s", (_what, choices, told) => {
  const played = play([[0, 1, worker("w")]], { choices, healAt: 100 });
  expect(verdict(played)).toBeNull();
  const sends = played.records.filter(
    ({ kind, entity }) => kind === "effect" && / send /.test(entity),
  );
  expect(sends.filter(({ at }) => at < 100).map(({ text }) => text)).toEqual(told);
});
