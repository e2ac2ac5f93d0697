// The disk, driven by hand: what is written, what is durable, and what a power cut leaves. Each commit
// creates promises or settles them; what became of it goes into one log, with what the store then shows.

import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { Disk, type Landing, type Written } from "../../dst/disk.ts";
import { Crash } from "../../dst/verdict.ts";
import { instantMs } from "../../kernel/ids.ts";
import { absent } from "../../kernel/stream.ts";
import { MemoryStore } from "../../store/memory.ts";
import { type Store, StoreError } from "../../store/store.ts";
import { created, key, query, read, registered, settled, stream, written } from "../store/given.ts";
import { lying } from "./play.ts";

class Bench {
  readonly log: string[] = [];
  readonly store: Store;
  readonly disk: Disk;

  constructor(store: Store = new MemoryStore()) {
    this.store = store;
    this.disk = new Disk(store);
  }

  /** Creates each of these promises, in one component. */
  create(...names: readonly string[]): Written {
    const changes = names.map((name) => written(this.store, name, [created()]));
    return this.disk.write([{ changes }], (landing) => this.#ended(names.join("+"), landing));
  }

  /** Whoever the store shows a promise. */
  get shown(): readonly string[] {
    const { rows } = this.store.query(query());
    return rows.map(({ id }) => id as string).reverse();
  }

  #ended(name: string, landing: Landing): void {
    const more = landing.kind === "landed" && landing.conflicts.length > 0 ? " refused" : "";
    this.log.push(`${name} ${landing.kind}${more}`);
  }
}

describe("Y1: a commit is seen by nobody before it is durable", () => {
  test("by no kind of reading", () => {
    const { disk, store, log } = new Bench();
    const change = written(store, "a", [created({ timeoutAt: 5n })], 5n);
    disk.write([{ changes: [change] }], ({ kind }) => log.push(kind));
    const whole = { of: null, after: 0, limit: 9, weightMax: 9 };
    expect(disk.read({ kind: "load", keys: [key("a")] })).toMatchObject({
      streams: [{ kind: "stream", stream: { version: 0, revision: 0, state: absent } }],
    });
    expect(disk.read({ kind: "query", query: query() })).toMatchObject({ found: { rows: [] } });
    expect(disk.read({ kind: "log", ranges: [whole] })).toMatchObject({ pages: [{ events: [] }] });
    const bounds = { limit: 9, weightMax: 9 };
    const sweep = { kind: "due", now: instantMs(9), bounds } as const;
    expect(disk.read(sweep)).toMatchObject({ due: { streams: [], nextAt: null } });
    expect(log).toEqual([]);
  });

  test("and by everybody at one instant afterwards, all of it", () => {
    const bench = new Bench();
    const both = bench.create("a", "b");
    expect(bench.disk.writtenCount).toBe(1);
    bench.disk.sync(both);
    expect(bench.shown).toEqual(["a", "b"]);
    expect(bench.log).toEqual(["a+b landed"]);
    expect(bench.disk.writtenCount).toBe(0);
  });
});

describe("Y2: commits that share a stream become durable as they were written", () => {
  test("one that is synced first waits for the one before it", () => {
    const bench = new Bench();
    const [first, second] = [bench.create("a"), bench.create("b", "a")];
    bench.disk.sync(second);
    expect(bench.log).toEqual([]);
    bench.disk.sync(first);
    expect(bench.log).toEqual(["a landed", "b+a landed refused"]); // as it has loaded before that
  });

  test("even if one of them only reads it", () => {
    const bench = new Bench();
    bench.disk.sync(bench.create("a"));
    const settling = written(bench.store, "a", [settled()]);
    const reading = { changes: [read(bench.store, "a"), written(bench.store, "b", [created()])] };
    const first = bench.disk.write([reading], ({ kind }) => bench.log.push(`reader ${kind}`));
    const second = bench.disk.write([{ changes: [settling] }], ({ kind }) => {
      bench.log.push(`writer ${kind}`);
    });
    bench.disk.sync(second);
    bench.disk.sync(first);
    expect(bench.log).toEqual(["a landed", "reader landed", "writer landed"]);
  });

  test("others overtake", () => {
    const bench = new Bench();
    const [first, second] = [bench.create("a"), bench.create("b")];
    bench.disk.sync(second);
    bench.disk.sync(first);
    expect(bench.log).toEqual(["b landed", "a landed"]);
    expect(bench.shown).toEqual(["b", "a"]);
  });
});

describe("Y3: a power cut drops what is written and not durable, but for a first part of it", () => {
  test.each([
    [0, ["a dropped", "b dropped", "c dropped"], []],
    [1, ["a landed", "b dropped", "c dropped"], ["a"]],
    [2, ["a landed", "b landed", "c dropped"], ["a", "b"]],
    [9, ["a landed", "b landed", "c landed"], ["a", "b", "c"]],
  ])("of three, %i survive at the most", (survivors, log, shown) => {
    const bench = new Bench();
    const commits = [bench.create("a"), bench.create("b"), bench.create("c")];
    bench.disk.cut(survivors);
    expect(bench.log).toEqual(log);
    expect(bench.shown).toEqual(shown);
    expect(bench.disk.writtenCount).toBe(0);
    for (const each of commits) bench.disk.sync(each); // too late
    expect(bench.log).toEqual(log);
    expect(bench.shown).toEqual(shown);
  });

  test("and what is durable stays", () => {
    const bench = new Bench();
    bench.disk.sync(bench.create("a"));
    bench.create("b");
    bench.disk.cut(0);
    expect(bench.shown).toEqual(["a"]);
  });
});

type Act =
  | { readonly kind: "write"; readonly ids: readonly string[] }
  | { readonly kind: "sync"; readonly which: number }
  | { readonly kind: "cut"; readonly survivors: number };

const ids = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), {
  minLength: 1,
  maxLength: 3,
});
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("write" as const), ids }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("sync" as const), which: fc.nat(5) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("cut" as const), survivors: fc.nat(4) }),
    },
  ),
  { minLength: 10, maxLength: 40 },
);

type Commit = {
  readonly ids: readonly string[];
  readonly written: Written;
  readonly ends: Landing[];
};

property.prop([acts], { seed: 42 })(
  "Y1, Y2, Y3: in whatever order commits are written, synced and cut off",
  (list) => {
    const store = new MemoryStore();
    const disk = new Disk(store);
    const commits: Commit[] = [];
    const open = () => commits.filter(({ ends }) => ends.length === 0);
    const isFree = (commit: Commit, among: readonly Commit[]) => {
      const earlier = among.slice(0, among.indexOf(commit));
      return !earlier.some((other) => other.ids.some((id) => commit.ids.includes(id)));
    };
    for (const act of list) {
      const before = open();
      if (act.kind === "write") commits.push(write(store, disk, act.ids));
      if (act.kind === "sync") {
        const commit = before[act.which];
        if (commit === undefined) continue;
        disk.sync(commit.written);
        expect(open().filter((each) => each.written.isSynced && isFree(each, open()))).toEqual([]);
        const landed = before.filter(({ ends }) => ends.length > 0);
        expect(landed.every(({ written }) => written.isSynced)).toBe(true);
        for (const each of landed) {
          const inItsWay = before
            .slice(0, before.indexOf(each))
            .filter(({ ends }) => ends.length === 0);
          expect(inItsWay.some((other) => other.ids.some((id) => each.ids.includes(id)))).toBe(
            false,
          );
        }
      }
      if (act.kind === "cut") {
        disk.cut(act.survivors);
        const kinds = before.map(({ ends }) => ends[0]?.kind);
        expect(kinds).toEqual(before.map((_, at) => (at < act.survivors ? "landed" : "dropped")));
      }
      expect(events(store)).toBe(commits.reduce((sum, each) => sum + eventsOf(each), 0));
      expect(commits.every(({ ends }) => ends.length <= 1)).toBe(true);
      expect(disk.writtenCount).toBe(open().length);
    }
  },
);

/** Creates these promises, or lets somebody wait for those that are there. */
function write(store: Store, disk: Disk, names: readonly string[]): Commit {
  const ends: Landing[] = [];
  const changes = names.map((name) => {
    const { version } = stream(store, name);
    return written(store, name, [version === 0 ? created() : registered(`w${version}`)]);
  });
  return { ids: names, ends, written: disk.write([{ changes }], (landing) => ends.push(landing)) };
}

/** How many events the store shows. */
function events(store: Store): number {
  return store.log([{ of: null, after: 0, limit: 999, weightMax: 2 ** 40 }])[0]?.events.length ?? 0;
}

/** How many events of a commit there have to be: one for each promise, unless it was refused. */
function eventsOf({ ids, ends: [end] }: Commit): number {
  return end?.kind === "landed" && end.conflicts.length === 0 ? ids.length : 0;
}

test("a store that fails is a failure; one that must stop, or throws a bug, is a crash", () => {
  const failing = (error: unknown) => {
    const raise = () => {
      throw error;
    };
    return new Bench(lying(() => ({ commit: raise, log: raise }))(() => false));
  };
  const log = { kind: "log", ranges: [] } as const;
  const full = failing(new StoreError("store_overloaded", "the disk is full"));
  full.disk.sync(full.create("a"));
  expect(full.log).toEqual(["a refused"]);
  expect(full.disk.read(log)).toEqual({ kind: "failed", failure: "store_overloaded" });
  for (const error of [
    new StoreError("store_failed", "an I/O error", { isFatal: true }),
    new TypeError("not a function"),
  ]) {
    const broken = failing(error);
    const commit = broken.create("a");
    expect(() => broken.disk.sync(commit)).toThrow(Crash);
    expect(() => broken.disk.read(log)).toThrow(Crash);
  }
  const unsure = failing(new StoreError("outcome_unknown", "the connection dropped"));
  expect(() => unsure.disk.read(log)).toThrow("a read of unknown outcome");
});
