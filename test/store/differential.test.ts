// One random sequence of batches against every store: equal answers at every step, and equal dumps
// at the end. Batches go through the kernel, over ids and values that are as hostile as clients may
// send; two servers race on stale loads, so that conflicts occur. In the end each verb must have
// been seen to do its work.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { afterAll, expect, test } from "vitest";
import { Batch, type Entry } from "../../kernel/batch.ts";
import { type Command, keys } from "../../kernel/command.ts";
import {
  commandId,
  deadlineMs,
  earliest,
  type InstantMs,
  instantMs,
  int64Max,
  position,
  promiseId,
} from "../../kernel/ids.ts";
import type { DueBounds, Loaded } from "../../kernel/ports.ts";
import type { LogRange, PromiseQuery } from "../../kernel/search.ts";
import { toQuery } from "../../kernel/search.ts";
import type { Component, StreamKey } from "../../kernel/stream.ts";
import { promiseKey } from "../../kernel/stream.ts";
import { CachedStore } from "../../store/cached.ts";
import { MemoryStore } from "../../store/memory.ts";
import { openSqlite } from "../../store/sqlite.ts";
import type { Store } from "../../store/store.ts";
import { openReader } from "../../store/verify.ts";
import { arbitraryPairs, arbitraryValue, hostileIds } from "./arbitraries.ts";

type Step =
  /** What was loaded may be some batches old: another server's. */
  | { readonly kind: "batch"; readonly commands: readonly Command[]; readonly isStale: boolean }
  /** A write of timers only, as a heartbeat makes it. */
  | { readonly kind: "touch"; readonly id: string; readonly dueAt: bigint | null }
  | { readonly kind: "due"; readonly bounds: DueBounds }
  | { readonly kind: "query"; readonly query: Omit<PromiseQuery, "now"> }
  | { readonly kind: "log"; readonly range: LogRange }
  | { readonly kind: "wait"; readonly ms: number };

/** A few are used often, so that something happens to them. */
const id = fc
  .oneof(
    fc.constantFrom("a", "A", "a\u{ffff}", "a\u{1f600}", "__proto__"),
    fc.constantFrom(...hostileIds),
  )
  .map(promiseId);
const idKey = fc.option(fc.constantFrom("", "k"));
const smallTags = fc.oneof(
  fc
    .constantFrom<readonly (readonly [string, string])[]>(
      [],
      [["t", "x"]],
      [
        ["t", "x"],
        ["10", ""],
      ],
      [["resonate:timer", "true"]],
      [["resonate:target", "poll://any@w"]],
    )
    .map((pairs) => new Map(pairs)),
  arbitraryPairs,
);

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("create_promise" as const),
      id,
      timeoutAt: fc
        .oneof(fc.bigInt(0n, 12_000n), fc.constantFrom(int64Max, int64Max - 1n))
        .map(deadlineMs),
      param: arbitraryValue,
      tags: smallTags,
      key: idKey,
      strict: fc.boolean(),
      isExternal: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("settle_promise" as const),
      id,
      outcome: fc.constantFrom("resolved", "rejected", "canceled"),
      value: arbitraryValue,
      key: idKey,
      strict: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("get_promise" as const), id }) },
  {
    weight: 2,
    arbitrary: fc
      .record({ kind: fc.constant("register_callback" as const), awaited: id, awaiter: id })
      .filter(({ awaited, awaiter }) => awaited !== awaiter),
  },
);

const piece = fc.constantFrom(
  "*",
  "a",
  "\u{1f600}",
  "é",
  "x",
  "%",
  "_",
  "?",
  "[",
  "]",
  "\\",
  "**",
  "\u{10ffff}",
  "1",
);
const pattern = fc.oneof(
  fc.constantFrom("*", "a*", "*a*", "**"),
  fc.constantFrom(...hostileIds),
  fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join("")),
);
const bound = {
  limit: fc.integer({ min: 1, max: 4 }),
  weightMax: fc.constantFrom(1, 30, 2_500, 1_000_000),
};

const search: fc.Arbitrary<Omit<PromiseQuery, "now">> = fc
  .record({
    kind: fc.constant("search_promises" as const),
    pattern,
    state: fc.option(fc.constantFrom("pending", "resolved", "rejected")),
    tags: fc.oneof({ weight: 4, arbitrary: fc.constant(new Map<string, string>()) }, smallTags),
    limit: fc.integer({ min: 1, max: 12 }),
    before: fc.option(fc.integer({ min: 1, max: 60 }).map(position)),
    weightMax: bound.weightMax,
  })
  .map(({ weightMax, ...chosen }) => toQuery(chosen, weightMax, instantMs(0)));

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("batch" as const),
      commands: fc.array(command, { minLength: 1, maxLength: 5 }),
      isStale: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.boolean()),
    }),
  },
  fc.record({
    kind: fc.constant("touch" as const),
    id,
    dueAt: fc.option(fc.oneof(fc.bigInt(0n, 20_000n), fc.constant(int64Max))),
  }),
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("due" as const), bounds: fc.record(bound) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("query" as const), query: search }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("log" as const),
      range: fc.record({ of: fc.option(id.map(promiseKey)), after: fc.nat(4), ...bound }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.constantFrom(1, 999, 5_000, -700),
    }),
  },
);

type Given = { readonly store: Store; stale: readonly Loaded[] };

/** What has been seen, over all sequences. */
const seen = new Map<string, number>();
const see = (what: string, isSeen: boolean) => {
  if (isSeen) seen.set(what, (seen.get(what) ?? 0) + 1);
};

const folder = mkdtempSync(join(tmpdir(), "resonate-"));
const path = join(folder, "resonate.db");
const memory = new MemoryStore();
const disk = openSqlite(path);
const ram = openSqlite(":memory:");
const cached = new CachedStore(ram, { streamsMax: 6, weightMax: 200 }); // less than is in use
afterAll(() => {
  disk.close();
  ram.close();
  rmSync(folder, { recursive: true });
});

property.prop([fc.array(step, { minLength: 20, maxLength: 60 })], { numRuns: 200 })(
  "stores: A2 one sequence of batches has one sequence of answers, and one end",
  (steps) => {
    const stores = [memory, cached, disk].map((store): Given => {
      store.reset();
      return { store, stale: allKeys(store) };
    });
    let now = instantMs(1_000);
    for (const [index, each] of steps.entries()) {
      if (each.kind === "wait") now = instantMs(Math.max(0, now + each.ms));
      const [expected, ...others] = stores.map((given) => take(given, each, index, now));
      for (const other of others) expect(other).toEqual(expected);
    }
    const [expected, ...others] = stores.map(({ store }) => dump(store));
    for (const other of others) expect(other).toEqual(expected);
  },
);

test("stores: V2 in the end the file is what its log says", () => {
  const reader = openReader(path);
  const { events, first } = reader.verify();
  reader.close();
  expect(events).toBeGreaterThan(0);
  expect(first === null || first.field === "columns.due_at").toBe(true); // a touch may set any date
});

test.each([
  "a commit that lands",
  "a conflict",
  "a conflict beside one that lands",
  "a touch that lands",
  "a due stream",
  "a claim that is next",
  "a due date that is next",
  "nothing that is next",
  "a page that has more",
  "a page that has all",
  "an empty page",
  "a history",
  "a part of the log",
  "an empty history",
])("stores: the sequences have come upon %s", (what) => {
  expect(seen.get(what) ?? 0).toBeGreaterThan(10);
});

function take({ store, stale }: Given, step: Step, index: number, now: InstantMs): unknown {
  switch (step.kind) {
    case "batch": {
      const entries = step.commands.map((command, place) => entry(command, `${index}-${place}`));
      const loaded = store.load(new Batch(entries).keys());
      const old = step.isStale ? loaded.map((each) => older(each, stale)) : loaded;
      const { writing } = new Batch(entries).execute(old, now);
      return commit(
        store,
        writing.map(({ changes }) => ({ changes })),
      );
    }
    case "touch":
      return touch(store, promiseKey(promiseId(step.id)), step.dueAt);
    case "due": {
      const due = store.due(now, step.bounds);
      see("a due stream", due.streams.length > 0);
      see("nothing that is next", due.nextAt === null);
      see("a claim that is next", due.nextAt === BigInt(now + 5_000));
      see("a due date that is next", due.nextAt !== null && due.nextAt < now + 5_000);
      return due;
    }
    case "query": {
      const found = store.query({ ...step.query, now });
      see("a page that has more", found.hasMore);
      see("a page that has all", !found.hasMore && found.rows.length > 1);
      see("an empty page", found.rows.length === 0);
      return found;
    }
    case "log": {
      const pages = store.log([step.range]);
      const count = pages[0]?.events.length ?? 0;
      see("a history", step.range.of !== null && count > 0);
      see("an empty history", step.range.of !== null && count === 0);
      see("a part of the log", step.range.of === null && count > 0);
      return pages;
    }
    case "wait":
      return null;
  }
}

function commit(store: Store, components: readonly Component[]): readonly number[] {
  const conflicts = store.commit(components);
  see("a commit that lands", conflicts.length < components.length);
  see("a conflict", conflicts.length > 0);
  see(
    "a conflict beside one that lands",
    conflicts.length > 0 && conflicts.length < components.length,
  );
  return conflicts;
}

function touch(store: Store, key: StreamKey, dueAt: bigint | null): readonly number[] {
  const [loaded] = store.load([key]);
  if (loaded?.kind !== "stream" || loaded.stream.version === 0) return [];
  const { version, revision, state } = loaded.stream;
  const asked = dueAt === null ? null : deadlineMs(dueAt);
  const isPending = asked !== null && state.promise.kind === "pending";
  const latest = isPending ? state.promise.timeoutAt : null; // S2: no later than any of its dates
  const write = { version, events: [], snapshot: state, dueAt: earliest(asked, latest) };
  see("a touch that lands", true);
  return store.commit([{ changes: [{ key, expectedRevision: revision, write }] }]);
}

function entry(command: Command, name: string): Entry {
  return {
    command,
    keys: keys(command),
    id: commandId(name),
    attempt: 1,
    origin: { kind: "drain" },
  };
}

/** The same stream as it was when the sequence began: it did not exist. */
function older(loaded: Loaded, stale: readonly Loaded[]): Loaded {
  const wanted = loaded.kind === "stream" ? loaded.stream.key : loaded.key;
  return stale.find((each) => each.kind === "stream" && each.stream.key.id === wanted.id) ?? loaded;
}

function allKeys(store: Store): readonly Loaded[] {
  return store.load(hostileIds.map((name) => promiseKey(promiseId(name))));
}

function dump(store: Store): unknown {
  const all = { pattern: "*", anyOf: null, tags: new Map(), before: null, limit: 999 };
  const weightMax = Number.MAX_SAFE_INTEGER;
  return {
    streams: allKeys(store),
    log: store.log([{ of: null, after: 0, limit: 9_999, weightMax }]),
    promises: store.query({ ...all, weightMax, now: instantMs(0) }),
    due: store.due(instantMs(Number.MAX_SAFE_INTEGER - 10_000), { limit: 999, weightMax }),
  };
}
