// The simulation on Postgres: what its probes break in upon, the bridge that a run reaches it by, and that
// it gives the same run as SQLite, probes included.

import { Writable } from "node:stream";
import { afterAll, beforeEach, expect, test } from "vitest";
import { diff } from "../../bin/dst/determinism.ts";
import { examine } from "../../bin/dst/examine.ts";
import { parse } from "../../bin/dst/flags.ts";
import { SyncPostgres } from "../../bin/dst/postgres-bridge.ts";
import { testServer } from "../../bin/dst/postgres-server.ts";
import { endSharedPostgres } from "../../bin/dst/postgres-shared.ts";
import { lab } from "../../bin/dst/real-lab.ts";
import { diffFlags } from "../../bin/dst/tables.ts";
import { draw, usualWishes } from "../../dst/draw.ts";
import type { StoreKind } from "../../dst/plan.ts";
import { seedAt } from "../../dst/seed.ts";
import type { Outcome } from "../../dst/verdict.ts";
import { type ProbeSite, probeSites } from "../../store/probe.ts";
import { openSqlite } from "../../store/sqlite.ts";
import { StoreError } from "../../store/store.ts";
import { seed } from "../dst/play.ts";
import {
  arm,
  commit,
  create,
  created,
  due,
  key,
  listQuery,
  query,
  stream,
  waitingQuery,
  written,
} from "../store/given.ts";

const server = await testServer();
const store = new SyncPostgres({ address: await server.database() });
beforeEach(() => store.begin(() => false));
afterAll(async () => {
  store.close();
  endSharedPostgres();
  await server.stop();
});

/** Told each site that is passed; strikes at the n-th of a kind. */
function striking(site: ProbeSite, nth: number) {
  const passed: ProbeSite[] = [];
  const probe = (each: ProbeSite) => {
    passed.push(each);
    return each === site && passed.filter((other) => other === site).length === nth;
  };
  return { passed, probe };
}

test.each<[ProbeSite, number]>([
  ["commit.begin", 1],
  ["commit.middle", 1],
  ["commit.middle", 2],
  ["commit.end", 1],
])("postgres: A1 a commit that is broken in upon at %s, %i has done nothing", (site, nth) => {
  const { passed, probe } = striking(site, nth);
  store.begin(probe);
  const changes = ["a", "b"].map((id) => written(store, id, [created()]));
  const failure = expect.objectContaining({ failure: "store_failed" });
  expect(() => commit(store, ...changes)).toThrow(failure);
  expect(passed.at(-1)).toBe(site);
  expect(["a", "b"].map((id) => stream(store, id).version)).toEqual([0, 0]);
  expect(commit(store, ...changes)).toEqual([]);
});

test("postgres: every read may be broken in upon", () => {
  let isStruck = false;
  store.begin((site) => site === "read" && isStruck);
  create(store, "a");
  isStruck = true;
  const reads = [
    () => store.load([key("a")]),
    () => store.query(query()),
    () => store.list([listQuery()]),
    () => store.waiting(waitingQuery("poll://any@w")),
    () => store.log([{ of: null, after: 0, limit: 1, weightMax: 1 }]),
    () => due(store, 5),
  ];
  for (const read of reads) expect(read).toThrow(StoreError);
  isStruck = false;
  for (const read of reads) read();
});

test("postgres: A5 a sweep that is cut short has claimed what it hands out, and no more", () => {
  const told = [1, 2, 3, 4].map((nth) => {
    const { passed, probe } = striking("due.short", nth);
    const onSqlite = striking("due.short", nth);
    const sqlite = openSqlite(":memory:", { probe: onSqlite.probe });
    store.begin(probe);
    for (const each of [store, sqlite]) {
      for (const id of ["a", "b", "c", "d"]) arm(each, id, id === "d" ? 90n : 20n);
    }
    const [first, second] = [store, sqlite].map((each) => [due(each, 30), due(each, 31)]);
    expect(first).toEqual(second);
    expect(passed).toEqual(onSqlite.passed);
    sqlite.close();
    return first?.map(({ streams }) => streams.map((each) => each.key.id).join(""));
  });
  expect(told).toEqual([
    ["a", "bc"],
    ["ab", "c"],
    ["abc", ""],
    ["abc", ""],
  ]);
});

test("postgres: a probe that throws leaves a bridge that goes on", () => {
  store.begin((site) => {
    if (site === "commit.middle") throw new TypeError("ours");
    return false;
  });
  const change = written(store, "a", [created()]);
  expect(() => commit(store, change)).toThrow("ours");
  store.begin(() => false);
  expect(stream(store, "a").version).toBe(0);
  create(store, "a");
});

const wishes = { ...usualWishes, operations: 250, faults: ["probe", "crash", "kill"] } as const;

function run(index: number, store: StoreKind): Outcome {
  const plan = draw(seedAt(seed("42"), index), wishes);
  const faults = { ...plan.faults, probe: 50_000 };
  return examine(lab, { ...plan, store, faults }, { hasTripwires: true }).outcome;
}

test.each(probeSites)(
  "X: a plan gives the same run on Postgres as on SQLite, probes at %s included, and trips no wire",
  (site) => {
    const isStruck = ({ counters }: Outcome) => counters.has(`probe ${site}`);
    const index = Array.from({ length: 60 }).findIndex((_, at) => isStruck(run(at, "sqlite")));
    const outcome = run(index, "postgres");
    expect(outcome).toEqual(run(index, "sqlite"));
    expect([outcome.failure, isStruck(outcome)]).toEqual([null, true]);
  },
  120_000,
);

test("resonate dst diff: three stores agree", async () => {
  let text = "";
  const stream = () => {
    return new Writable({
      write: (chunk, _encoding, done) => {
        text += chunk;
        done();
      },
    });
  };
  const outside = {
    ...{ environment: {}, home: "/", workingDirectory: "/" },
    ...{ stdout: stream(), stderr: stream() },
  };
  const words = [
    "--stores",
    "memory,sqlite,postgres",
    "--seeds",
    "2",
    "--from",
    "7",
    "--ops",
    "100",
  ];
  const call = parse(words, diffFlags, false);
  if (call.kind !== "call") throw new Error(JSON.stringify(call));
  expect(await diff({ ...call, outside })).toBe(0);
  expect(text).toContain('SAME seeds=2 check="memory and sqlite"\n');
  expect(text).toContain('SAME seeds=2 check="memory and postgres"\n');
}, 120_000);
