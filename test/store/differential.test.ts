// One random sequence of batches against every store: equal answers at every step, and equal dumps
// at the end. Batches go through the kernel, over ids and values that are as hostile as clients may
// send; two servers race on stale loads, so that conflicts occur; sweeps do what has come due. In the
// end each verb must have been seen to do its work.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { afterAll, expect, test } from "vitest";
import { SyncPostgres } from "../../bin/dst/postgres-bridge.ts";
import { testServer } from "../../bin/dst/postgres-server.ts";
import { Batch, type Entry } from "../../kernel/batch.ts";
import {
  type Command,
  type CreatePromise,
  keys,
  type SettlePromise,
} from "../../kernel/command.ts";
import {
  commandId,
  deadlineMs,
  durationMs,
  type InstantMs,
  instantMs,
  int64Max,
  position,
  promiseId,
  taskVersion,
} from "../../kernel/ids.ts";
import type { ListFilter, ListQuery } from "../../kernel/list.ts";
import type { Delivery, DueBounds, Loaded } from "../../kernel/ports.ts";
import { usualRules } from "../../kernel/rules.ts";
import type { LogRange, PromiseQuery } from "../../kernel/search.ts";
import { toQuery } from "../../kernel/search.ts";
import type { Component, StreamKey } from "../../kernel/stream.ts";
import { dueAt, promiseKey } from "../../kernel/stream.ts";
import { obligations } from "../../kernel/sweep.ts";
import type { Timers } from "../../kernel/timers.ts";
import type { WaitingQuery } from "../../kernel/waiting.ts";
import { CachedStore } from "../../store/cached.ts";
import { MemoryStore } from "../../store/memory.ts";
import { openPostgresReader } from "../../store/postgres-reader.ts";
import { openSqlite } from "../../store/sqlite.ts";
import { openReader } from "../../store/sqlite-reader.ts";
import type { Store } from "../../store/store.ts";
import { cron, ofPromise, sweptAt } from "../kernel/given.ts";
import { arbitraryPairs, arbitraryTimers, arbitraryValue, hostileIds } from "./arbitraries.ts";
import { waitingQuery } from "./given.ts";

type Step =
  /** What was loaded may be some batches old: another server's. */
  | { readonly kind: "batch"; readonly commands: readonly Command[]; readonly isStale: boolean }
  /** A write of timers only, as a heartbeat makes it. */
  | { readonly kind: "touch"; readonly id: string; readonly timers: Timers }
  /** Does what has come due. */
  | { readonly kind: "sweep"; readonly bounds: DueBounds }
  /** Asks, and asks again at once, when all that was handed out is claimed. */
  | { readonly kind: "due"; readonly bounds: DueBounds }
  | { readonly kind: "query"; readonly query: Omit<PromiseQuery, "now"> }
  | { readonly kind: "list"; readonly query: Omit<ListQuery, "now"> }
  | { readonly kind: "waiting"; readonly query: WaitingQuery }
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

const creation: fc.Arbitrary<CreatePromise> = fc.record({
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
  isShared: fc.boolean(),
});

const settlement: fc.Arbitrary<SettlePromise> = fc.record({
  kind: fc.constant("settle_promise" as const),
  id,
  outcome: fc.constantFrom("resolved", "rejected", "canceled"),
  value: arbitraryValue,
  key: idKey,
  strict: fc.boolean(),
  isShared: fc.boolean(),
});

const hotId = fc.constantFrom("a", "A").map(promiseId);
const held = { id: hotId, version: fc.constantFrom(0, 1, 1, 2).map(taskVersion) };
const lease = { pid: fc.constantFrom("w", "v"), ttl: fc.bigInt(1n, 6_000n).map(durationMs) };
const address = fc.constantFrom("poll://any@w", "http://h/\u{1f600}");

const ofTasks: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant("acquire_task" as const), ...held, ...lease }),
  fc
    .record({ kind: fc.constant("create_task" as const), action: creation, ...lease })
    .map((command) => {
      const tags = new Map([["resonate:target", "poll://any@w"], ...command.action.tags]);
      return { ...command, action: { ...command.action, id: promiseId("a"), tags } };
    }),
  fc.record({
    kind: fc.constant("heartbeat_task" as const),
    ...held,
    pid: fc.constantFrom("w", "v"),
  }),
  fc.record({ kind: fc.constantFrom("halt_task" as const, "continue_task" as const), id: hotId }),
  fc.record({ kind: fc.constant("release_task" as const), ...held }),
  fc.record({
    kind: fc.constant("suspend_task" as const),
    ...held,
    awaited: fc.constantFrom(["__proto__"], ["__proto__", "a\u{ffff}"]).map((ids) => {
      return ids.map(promiseId);
    }),
  }),
  fc.record({ kind: fc.constant("register_listener" as const), awaited: hotId, address }),
  fc.record({
    kind: fc.constant("note_told" as const),
    awaited: hotId,
    address,
    delivery: fc.constantFrom<Delivery>(
      { kind: "delivered" },
      { kind: "failed", reason: "no_receiver", cause: "" },
    ),
  }),
  fc.record({ kind: fc.constant("note_missed" as const), ...held }),
);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: creation },
  { weight: 3, arbitrary: settlement },
  { weight: 5, arbitrary: ofTasks },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("get_promise" as const), id }) },
  {
    weight: 2,
    arbitrary: fc
      .record({ kind: fc.constant("register_callback" as const), awaited: id, awaiter: id })
      .filter(({ awaited, awaiter }) => awaited !== awaiter),
  },
);

/** What chance brings about too seldom: a task that sleeps, and those who are to be told. */
const scene: fc.Arbitrary<readonly Command[]> = fc
  .tuple(id, id, creation, settlement, fc.integer({ min: 1, max: 6 }))
  .filter(([task, awaited]) => task !== awaited)
  .map(([task, awaited, creation, settlement, length]) => {
    const ever = { ...creation, timeoutAt: deadlineMs(int64Max), isExternal: true };
    const tags = new Map([["resonate:target", "poll://any@w"]]);
    const lease = { pid: "w", ttl: durationMs(4_000n) };
    const version = taskVersion(1);
    const commands: readonly Command[] = [
      { ...ever, id: awaited },
      { kind: "create_task", action: { ...ever, id: task, tags }, ...lease },
      { kind: "suspend_task", id: task, version, awaited: [awaited] },
      { kind: "register_listener", awaited, address: "poll://any@w" },
      { kind: "register_listener", awaited, address: "http://h/" },
      { ...settlement, id: awaited },
    ];
    return commands.slice(0, length);
  });

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

const filter: fc.Arbitrary<ListFilter> = fc.record({
  promise: fc.option(fc.constantFrom("pending", "resolved", "rejected", "canceled", "timedout")),
  tasks: fc.option(
    fc.subarray(["pending", "acquired", "suspended", "halted", "fulfilled"] as const, {
      minLength: 1,
    }),
  ),
  isPast: fc.option(fc.boolean()),
  isTimer: fc.option(fc.boolean()),
});

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

const list: fc.Arbitrary<Omit<ListQuery, "now">> = fc
  .record({
    idPrefix: fc.oneof(fc.constant(""), fc.constantFrom("a", "ab", "\u{10ffff}", ...hostileIds)),
    after: fc.option(fc.oneof(id, fc.constantFrom("", "\u{1f600}", "\0"))),
    anyOf: fc.option(fc.array(filter, { minLength: 1, maxLength: 2 })),
    tags: fc.oneof({ weight: 4, arbitrary: fc.constant(new Map<string, string>()) }, smallTags),
    limit: fc.integer({ min: 1, max: 12 }),
    weightMax: bound.weightMax,
  })
  .map((chosen) => ({ of: "promise" as const, ...chosen }));

/** Behind every instant at which something was offered here. */
const int31Max = 2 ** 31 - 1;
const receivers = ["poll://any@w", "poll://uni@w/é"].map((text) => waitingQuery(text).receiver);
const waitingFor: fc.Arbitrary<WaitingQuery> = fc.record({
  receiver: fc.constantFrom(...receivers),
  before: fc.constantFrom(1, 1_000, 9_000_000, int31Max).map(instantMs),
  after: fc.option(
    fc.record({ offeredAt: fc.constantFrom(0, 1_000).map(instantMs), number: fc.nat(60) }),
    { freq: 2 },
  ),
  limit: fc.integer({ min: 1, max: 2 }),
  weightMax: bound.weightMax,
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant("batch" as const),
      commands: fc.oneof(
        { weight: 5, arbitrary: fc.array(command, { minLength: 1, maxLength: 5 }) },
        { weight: 1, arbitrary: scene },
      ),
      isStale: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.boolean()),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("touch" as const),
      id: fc.oneof(hotId, id),
      timers: arbitraryTimers,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("sweep" as const), bounds: fc.record(bound) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("due" as const), bounds: fc.record(bound) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("query" as const), query: search }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("list" as const), query: list }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("waiting" as const), query: waitingFor }) },
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
const server = await testServer();
const database = await server.database();
const postgres = new SyncPostgres({ address: database });
afterAll(async () => {
  disk.close();
  ram.close();
  postgres.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

const sequence = fc.array(step, { minLength: 20, maxLength: 60 });

property.prop([sequence], { numRuns: 200 })(
  "stores: A2 one sequence of batches has one sequence of answers, and one end",
  (steps) => compare(steps, [memory, cached, disk]),
);

property.prop([sequence], { numRuns: 40 })(
  "stores: A2 one sequence of batches has one sequence of answers, on Postgres as in memory",
  (steps) => compare(steps, [memory, postgres]),
  120_000,
);

function compare(steps: readonly Step[], compared: readonly Store[]): void {
  const stores = compared.map((store): Given => {
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
}

test("stores: V2 in the end the file and the Postgres are what their logs say", async () => {
  for (const reader of [openReader(path), await openPostgresReader({ address: database })]) {
    const { events, first } = await reader.verify();
    await reader.close();
    expect(events).toBeGreaterThan(0);
    expect(first).toBe(null);
  }
});

test.each([
  "a commit that lands",
  "a conflict",
  "a conflict beside one that lands",
  "a touch that lands",
  "a clock that moves alone",
  "a telling that moves alone",
  "a sweep that does something",
  "a task that is acquired",
  "a task that is suspended",
  "a task that is halted",
  "a due stream",
  "a claim that is next",
  "a due date that is next",
  "nothing that is next",
  "a page that has more",
  "a page that has all",
  "an empty page",
  "a list that has more",
  "a list that has all",
  "a stream that waits for a worker",
  "more that waits",
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
      return run(store, entries, old, now);
    }
    case "touch":
      return touch(store, promiseKey(promiseId(step.id)), step.timers);
    case "sweep": {
      const { streams, nextAt } = store.due(now, step.bounds);
      const owed = streams.flatMap((each) => obligations(each, sweptAt(now)));
      const entries = owed.map((command, place) => entry(command, `${index}-${place}`));
      see("a sweep that does something", entries.length > 0);
      return [nextAt, run(store, entries, store.load(new Batch(entries).keys()), now)];
    }
    case "due":
      return [0, 1].map(() => {
        const due = store.due(now, step.bounds);
        see("a due stream", due.streams.length > 0);
        see("nothing that is next", due.nextAt === null);
        see("a claim that is next", due.nextAt === BigInt(now + 5_000));
        see("a due date that is next", due.nextAt !== null && due.nextAt < now + 5_000);
        return due;
      });
    case "query": {
      const found = store.query({ ...step.query, now });
      see("a page that has more", found.hasMore);
      see("a page that has all", !found.hasMore && found.rows.length > 1);
      see("an empty page", found.rows.length === 0);
      return found;
    }
    case "list": {
      const pages = store.list([{ ...step.query, now }]);
      see(
        "a list that has more",
        pages.some(({ hasMore }) => hasMore),
      );
      see(
        "a list that has all",
        pages.some(({ rows, hasMore }) => rows.length > 1 && !hasMore),
      );
      return pages;
    }
    case "waiting": {
      const page = store.waiting(step.query);
      see("a stream that waits for a worker", page.streams.length > 0);
      see("more that waits", page.next !== null);
      return page;
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

function run(
  store: Store,
  entries: readonly Entry[],
  loaded: readonly Loaded[],
  now: InstantMs,
): readonly number[] {
  const { writing } = new Batch(entries).execute(loaded, { now, rules: usualRules, cron });
  return commit(
    store,
    writing.map(({ changes }) => ({ changes })),
  );
}

function commit(store: Store, components: readonly Component[]): readonly number[] {
  const conflicts = store.commit(components);
  see("a commit that lands", conflicts.length < components.length);
  see("a conflict", conflicts.length > 0);
  const written = components.flatMap(({ changes }) => changes.flatMap(({ write }) => write ?? []));
  for (const { snapshot } of written) see(`a task that is ${ofPromise(snapshot).task.kind}`, true);
  see(
    "a conflict beside one that lands",
    conflicts.length > 0 && conflicts.length < components.length,
  );
  return conflicts;
}

const untold = {
  ...{ nextAt: deadlineMs(7n), toldAt: instantMs(3), failureCount: 0, failedSince: null },
  isMissed: false,
};

/** With clocks for those who have one, and tellings of those who are to be told. */
function touch(store: Store, key: StreamKey, wanted: Timers): readonly number[] {
  const [loaded] = store.load([key]);
  if (loaded?.kind !== "stream" || loaded.stream.version === 0) return [];
  const { version, revision } = loaded.stream;
  const state = ofPromise(loaded.stream.state);
  const runs = state.task.kind === "pending" || state.task.kind === "acquired";
  const told = state.promise.kind === "settled" ? state.listeners : [];
  const [telling = untold] = wanted.tellings.values();
  const timers = {
    ...wanted,
    clockAt: runs ? (wanted.clockAt ?? deadlineMs(5n)) : null,
    tellings: new Map(told.map((address) => [address, telling])),
  };
  see("a touch that lands", true);
  see("a clock that moves alone", runs);
  see("a telling that moves alone", timers.tellings.size > 0);
  const write = { version, events: [], snapshot: state, timers, dueAt: dueAt(state, timers) };
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
