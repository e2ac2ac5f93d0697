// What happens to a Postgres and to the way there, and what the store says of it: connections that are
// cut at COMMIT, backends that are killed, servers that stop and start, rivals, waits without end.

import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { ask, ownServer } from "../../bin/dst/postgres-server.ts";
import { instantMs } from "../../kernel/ids.ts";
import type { Stream } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { PostgresStore } from "../../store/postgres.ts";
import { openPostgres } from "../../store/postgres-open.ts";
import { type PoolOptions, PostgresPool } from "../../store/postgres-pool.ts";
import { beginWrite, lockStreams } from "../../store/postgres-queries.ts";
import { StoreError, unwritten } from "../../store/store.ts";
import { created, key, registered, settled, writtenTo } from "./given.ts";
import { proxyTo } from "./postgres-proxy.ts";

const server = await ownServer();
let url: string;
let closings: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  url = await server.database();
});
afterEach(async () => {
  for (const close of closings.toReversed()) await close();
  closings = [];
});
afterAll(() => server.stop());

async function open(options: Partial<PoolOptions> = {}): Promise<PostgresStore> {
  const store = await openPostgres({ address: url, ...options });
  closings.push(() => store.close());
  return store;
}

async function read(store: PostgresStore, name: string): Promise<Stream> {
  const [loaded] = await store.load([key(name)]);
  if (loaded?.kind !== "stream") throw new Error(`${name} cannot be read`);
  return loaded.stream;
}

async function create(store: PostgresStore, name: string, dueAt: bigint | null = null) {
  const change = writtenTo(await read(store, name), [created()], dueAt);
  return await store.commit([{ changes: [change] }]);
}

async function failureOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return "none";
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    expect(error.isFatal).toBe(false);
    return error.failure;
  }
}

/** Another program, that holds the lock of a stream. */
async function blocker(name: string) {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  await client.query("BEGIN");
  await client.query("SELECT 1 FROM streams WHERE id = $1 FOR UPDATE", [name]);
  const release = () => client.end();
  return { client, release };
}

async function waiters(): Promise<readonly { readonly pid: number }[]> {
  for (;;) {
    const found = await ask(
      url,
      `SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (found.length > 0) return found;
    await pause(10);
  }
}

async function deadlocks(): Promise<number> {
  const text = "SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()";
  const [found] = await ask(url, text);
  return found.deadlocks;
}

test("postgres: E2 a connection cut at COMMIT leaves an unknown outcome, and never two", async () => {
  const proxy = await proxyTo(url);
  const store = await open({ address: proxy.url });
  closings.push(() => proxy.close());
  const direct = await open();
  const seen = new Set<string>();
  for (let index = 0; index < 20; index++) {
    const name = `p${index}`;
    const change = writtenTo(await read(store, name), [created(), registered("x")]);
    proxy.mischief = index % 2 === 0 ? "answer_lost" : "request_lost";
    expect(await failureOf(store.commit([{ changes: [change] }]))).toBe("outcome_unknown");
    proxy.mischief = null;
    const isThere = (await read(direct, name)).version === 2;
    seen.add(`${index % 2 === 0 ? "answer" : "request"} lost, ${isThere ? "landed" : "not"}`);
    // Whoever asks again is told of the truth by the revision.
    expect(await store.commit([{ changes: [change] }])).toEqual(isThere ? [0] : []);
    expect(await read(direct, name)).toMatchObject({ version: 2, revision: 1 });
  }
  expect(proxy.struck).toBe(20);
  expect([...seen].toSorted()).toEqual(["answer lost, landed", "request lost, not"]);
});

test("postgres: E4 who stands between may lose the answers of all that came before COMMIT, too", async () => {
  const proxy = await proxyTo(url);
  const store = await open({ address: proxy.url });
  closings.push(() => proxy.close());
  const direct = await open();
  await create(direct, "old");
  for (const [name, event] of [
    ["new", created()],
    ["old", settled()],
  ] as const) {
    const before = await read(store, name);
    const change = writtenTo(before, [event]);
    proxy.mischief = "answer_forged";
    expect(await failureOf(store.commit([{ changes: [change] }]))).toBe("outcome_unknown");
    proxy.mischief = null;
    expect(await read(direct, name)).toMatchObject({ version: before.version + 1 });
  }
  expect(proxy.struck).toBe(2);
});

test("postgres: G1 what is sent along with a beginning that fails is not written", async () => {
  const direct = await open();
  const pool = new PostgresPool({ address: url });
  const store = new PostgresStore(pool, "on; ROLLBACK; SELECT 1 FROM nowhere"); // and no transaction is open
  closings.push(() => store.close());
  const change = writtenTo(await read(direct, "a"), [created()]);
  expect(await failureOf(store.commit([{ changes: [change] }]))).toBe("outcome_unknown");
  expect(await read(direct, "a")).toMatchObject({ version: 0 });
});

test("postgres: E2 a COMMIT that is never answered leaves an unknown outcome", async () => {
  const proxy = await proxyTo(url);
  const store = await open({ address: proxy.url, queryTimeoutMs: 300 });
  closings.push(() => proxy.close());
  const change = writtenTo(await read(store, "a"), [created()]);
  proxy.mischief = "answer_late";
  expect(await failureOf(store.commit([{ changes: [change] }]))).toBe("outcome_unknown");
  proxy.mischief = null;
  expect(await read(store, "a")).toMatchObject({ version: 1, revision: 1 });
});

test("postgres: E1 a backend that is ended before COMMIT has done nothing", async () => {
  const store = await open();
  await create(store, "a");
  const change = writtenTo(await read(store, "a"), [settled()]);
  const other = writtenTo(await read(store, "b"), [created()]);
  const { release } = await blocker("a");
  const failure = failureOf(store.commit([{ changes: [change] }, { changes: [other] }]));
  for (const { pid } of await waiters()) await ask(url, "SELECT pg_terminate_backend($1)", [pid]);
  expect(await failure).toBe("store_failed");
  await release();
  expect(await read(store, "b")).toMatchObject({ version: 0 });
  expect(await store.commit([{ changes: [change] }])).toEqual([]);
});

test("postgres: E1 a lock that is not to be had in time means too much work, and nothing done", async () => {
  const store = await open({ statementTimeoutMs: 200 });
  await create(store, "a");
  const change = writtenTo(await read(store, "a"), [settled()]);
  const { release } = await blocker("a");
  expect(await failureOf(store.commit([{ changes: [change] }]))).toBe("store_overloaded");
  await release();
  expect(await store.commit([{ changes: [change] }])).toEqual([]);
});

test("postgres: K1 who gets no connection in time is told that it is too much", async () => {
  const store = await open({ connectionsMax: 1, connectTimeoutMs: 1_000 });
  await create(store, "a");
  const change = writtenTo(await read(store, "a"), [settled()]);
  const { release } = await blocker("a");
  const commit = store.commit([{ changes: [change] }]);
  await waiters();
  expect(await failureOf(store.load([key("a")]))).toBe("store_overloaded");
  expect(store.connections).toEqual({ total: 1, idle: 0, waiting: 0 });
  await release();
  expect(await commit).toEqual([]);
});

test("postgres: K1 a server that is full is too much, too", async () => {
  const [found] = await ask(url, "SHOW max_connections");
  const greedy = await Promise.all(
    Array.from({ length: Number(found.max_connections) }, async () => {
      const client = new Client({ connectionString: url });
      client.on("error", () => {});
      await client.connect().catch(() => {});
      return client;
    }),
  );
  expect(await failureOf(openPostgres({ address: url }))).toBe("store_overloaded");
  for (const client of greedy) await client.end().catch(() => {});
});

test("postgres: a server that is killed and starts again is served again, by the same store", async () => {
  const store = await open();
  await create(store, "a");
  const change = writtenTo(await read(store, "a"), [settled()]);
  const { release } = await blocker("a");
  const failure = failureOf(store.commit([{ changes: [change] }]));
  await waiters();
  await server.kill();
  expect(await failure).toBe("store_failed");
  expect(await failureOf(store.load([key("a")]))).toBe("store_failed");
  expect(await failureOf(store.due(instantMs(1), { limit: 1, weightMax: 1 }))).toBe("store_failed");
  await server.restart();
  await release().catch(() => {});
  expect(await read(store, "a")).toMatchObject({ version: 1 });
  expect(await store.commit([{ changes: [change] }])).toEqual([]);
});

test("postgres: E1, E2 under fire: what is acknowledged is there, what has failed is not", async () => {
  const store = await open({ connectTimeoutMs: 2_000 });
  const outcomes = new Map<string, string>();
  let isOver = false;
  const write = async (writer: number) => {
    for (let index = 0; !isOver; index++) {
      const name = `w${writer}-${index}`;
      const birth = writtenTo(unwritten(key(name)), [created(), registered("x")]);
      outcomes.set(name, await failureOf(store.commit([{ changes: [birth] }])));
    }
  };
  const shoot = async () => {
    for (let round = 0; round < 3; round++) {
      await pause(150);
      await ask(
        url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = 'resonate' AND datname = current_database()`,
      );
      await pause(100);
      await server.kill();
      await pause(50);
      await server.restart();
    }
    await pause(150);
    isOver = true;
  };
  await Promise.all([shoot(), ...[1, 2, 3, 4].map(write)]);
  const rows = await ask(url, "SELECT id, count(*)::int AS events FROM events GROUP BY id");
  const found = new Map(rows.map(({ id, events }) => [id, events]));
  const expected = { none: [2], store_failed: [0], store_overloaded: [0], outcome_unknown: [0, 2] };
  for (const [name, outcome] of outcomes) {
    const may: Readonly<Record<string, readonly number[]>> = expected;
    expect(may[outcome], `${name}: ${outcome}`).toContain(found.get(name) ?? 0);
  }
  const landed = [...outcomes.values()].filter((outcome) => outcome === "none").length;
  expect(landed).toBeGreaterThan(20);
  expect(outcomes.size).toBeGreaterThan(landed);
});

test("postgres: K2 an idle connection that breaks is replaced, without a word", async () => {
  const store = await open();
  await create(store, "a");
  await ask(
    url,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'resonate'",
  );
  while (store.connections.total > 0) await pause(10);
  expect(await read(store, "a")).toMatchObject({ version: 1 });
});

test("postgres: there is nobody, or nobody who lets us in", async () => {
  const address = new URL(url);
  address.port = "1";
  expect(await failureOf(openPostgres({ address: address.href }))).toBe("store_failed");
  const stranger = new URL(url);
  stranger.password = "wrong";
  expect(await failureOf(openPostgres({ address: stranger.href }))).toBe("store_failed");
  const { hostname: host, port } = new URL(url);
  const parts = { host, port: Number(port), database: "nowhere", user: "postgres" };
  expect(await failureOf(openPostgres({ address: { ...parts, password: "resonate" } }))).toBe(
    "store_failed",
  );
  expect(await failureOf(openPostgres({ address: url, tls: true }))).toBe("store_failed");
});

test("postgres: A2, G4, G5 of two stores that race exactly one wins, and neither waits for ever", async () => {
  // A plan that meets the streams in the order in which they are named, as in a large table.
  for (const plan of ["hashjoin", "mergejoin", "seqscan", "bitmapscan"]) {
    await ask(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET enable_${plan} = off`);
  }
  const stores = [await open(), await open()];
  const [first] = stores;
  if (first === undefined) throw new Error("no store");
  const names = ["a", "b", "c", "d"];
  const old = ["x", "y"];
  for (const name of old) await create(first, name);
  for (let round = 0; round < 25; round++) {
    const fresh = names.map((name) => `${name}${round}`);
    const shared = round % 2 === 0 ? fresh : [...fresh, ...old]; // what is new alone cannot be locked
    const streams = await Promise.all(shared.map((name) => read(first, name)));
    const outcomes = await Promise.all(
      stores.map((store, index) => {
        const order = index === 0 ? streams : streams.toReversed();
        const changes = order.map((stream) => {
          return writtenTo(stream, stream.version === 0 ? [created()] : [registered(`r${round}`)]);
        });
        return store.commit([{ changes }]);
      }),
    );
    expect(outcomes.toSorted((left, right) => left.length - right.length)).toEqual([[], [0]]);
    for (const name of fresh) expect(await read(first, name)).toMatchObject({ revision: 1 });
  }
  expect(await read(first, "x")).toMatchObject({ version: 13, revision: 13 });
  expect(await deadlocks()).toBe(0);
});

test("postgres: G8 who creates what a commit has found absent, and was there first, is not overlooked", async () => {
  const store = await open();
  await create(store, "a");
  const [a, absent] = [await read(store, "a"), await read(store, "x")];
  const { key: name, revision: expectedRevision } = absent;
  const onlyRead = { key: name, expectedRevision, write: null };
  const component = { changes: [writtenTo(a, [settled()]), onlyRead] };
  const { client, release } = await blocker("a"); // as one who reads `a` and creates `x`
  const commit = store.commit([component]);
  await waiters();
  await client.query(`INSERT INTO streams
    SELECT (jsonb_populate_record(s, '{"id": "x", "number": 99}')).* FROM streams AS s WHERE id = 'a'`);
  await client.query("COMMIT");
  await release();
  expect(await commit).toEqual([0]);
  expect(await read(store, "a")).toMatchObject({ revision: 1 });
});

test("postgres: G9 of two who each create what the other one has found absent, one lands", async () => {
  const stores = await Promise.all([open(), open()]);
  await ask(
    url,
    `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END $$;
    CREATE TRIGGER dawdling AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION dawdle()`,
  );
  const absent = (name: string) => {
    const { key: of, revision: expectedRevision } = unwritten(key(name));
    return { key: of, expectedRevision, write: null };
  };
  const birth = (name: string) => writtenTo(unwritten(key(name)), [created()]);
  const outcomes = await Promise.all(
    stores.map((store, index) => {
      const [ours, theirs] = index === 0 ? (["x", "y"] as const) : (["y", "x"] as const);
      return store.commit([{ changes: [birth(ours), absent(theirs), absent("z")] }]);
    }),
  );
  expect(outcomes.toSorted((left, right) => left.length - right.length)).toEqual([[], [0]]);
  expect(await ask(url, "SELECT version::int FROM streams")).toEqual([{ version: 1 }]);
});

test("postgres: of two stores that move what waits, each leaves the table as the column says", async () => {
  const stores = await Promise.all([open(), open()]);
  const birth = created({ tags: { "resonate:target": "poll://any@w" } });
  const moveBy = async (store: PostgresStore, step: number) => {
    let landed = 0;
    for (let round = 1; round <= 40; round++) {
      const before = await read(store, "a");
      const { write, ...change } = writtenTo(before, before.version === 0 ? [birth] : []);
      if (write === null) throw new Error("a write that is none");
      const offeredAt = instantMs(round * step);
      const moved = { ...change, write: { ...write, timers: { ...noTimers, offeredAt } } };
      landed += (await store.commit([{ changes: [moved] }])).length === 0 ? 1 : 0;
    }
    return landed;
  };
  const [ours = 0, theirs = 0] = await Promise.all(stores.map((each, at) => moveBy(each, at + 10)));
  expect([ours > 0, theirs > 0, ours + theirs < 80]).toEqual([true, true, true]);
  const kept = `SELECT waiting::jsonb -> 0 ->> 1 AS at FROM streams`;
  const rows = "SELECT offered_at::text AS at FROM waiting";
  expect(await ask(url, rows)).toEqual(await ask(url, kept));
});

test("postgres: E3 a deadlock with somebody else ends, and the commit lands", async () => {
  const store = await open();
  for (const name of ["a", "b"]) await create(store, name);
  const changes = await Promise.all(
    ["a", "b"].map(async (name) => writtenTo(await read(store, name), [settled()])),
  );
  const rival = new Client({ connectionString: url });
  rival.on("error", () => {});
  await rival.connect();
  await rival.query("BEGIN; SET LOCAL deadlock_timeout = '10s'"); // so that the store is the one
  await rival.query("SELECT 1 FROM streams WHERE id = 'b' FOR UPDATE");
  const commit = store.commit([{ changes }]); // has `a`, waits for `b`
  await waiters();
  const waiting = rival.query("SELECT 1 FROM streams WHERE id = 'a' FOR UPDATE");
  await waiting;
  await rival.query("ROLLBACK");
  await rival.end();
  expect(await commit).toEqual([]);
  expect(await deadlocks()).toBeGreaterThanOrEqual(1); // or it was faster twice
});

test("postgres: A5 two stores that sweep at once share the work", async () => {
  const stores = [await open(), await open()];
  const [first] = stores;
  if (first === undefined) throw new Error("no store");
  const changes = Array.from({ length: 400 }, (_, index) => key(`p${index}`));
  const loaded = await first.load(changes);
  await first.commit(
    loaded.flatMap((each) => {
      return each.kind === "stream" ? [{ changes: [writtenTo(each.stream, [created()], 5n)] }] : [];
    }),
  );
  const handed: string[] = [];
  const bounds = { limit: 20, weightMax: 1e9 };
  for (let round = 0; round < 9; round++) {
    const shares = await Promise.all(stores.map((store) => store.due(instantMs(10), bounds)));
    for (const { streams } of shares) {
      expect(streams).toHaveLength(20);
      handed.push(...streams.map(({ key: { id } }) => id));
    }
  }
  for (let left = 2; left > 0; left--) {
    const { streams } = await first.due(instantMs(10), bounds);
    handed.push(...streams.map(({ key: { id } }) => id));
  }
  expect(handed).toHaveLength(400);
  expect(new Set(handed).size).toBe(400);
});

test("postgres: A5 what somebody has locked is asked for again when a claim of his would end", async () => {
  const store = await open();
  await create(store, "a", 5n);
  await create(store, "b", 6n);
  const { release } = await blocker("a");
  const now = instantMs(10);
  const due = await store.due(now, { limit: 9, weightMax: 1e9 });
  expect(due).toMatchObject({ streams: [{ key: key("b") }], nextAt: 5_010n });
  await release();
  expect(await store.due(now, { limit: 9, weightMax: 1e9 })).toMatchObject({
    streams: [{ key: key("a") }],
  });
});

test("postgres: E5 a commit that no longer waits for its standby is of unknown outcome", async () => {
  const store = await open();
  await create(store, "a");
  const change = writtenTo(await read(store, "a"), [settled()]);
  const set = async (setting: string) => {
    await ask(url, `ALTER SYSTEM SET synchronous_standby_names = '${setting}'`);
    await ask(url, "SELECT pg_reload_conf()");
  };
  closings.push(() => set(""));
  await set("nobody");
  const commit = failureOf(store.commit([{ changes: [change] }]));
  const cancel = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`;
  while ((await ask(url, cancel)).length === 0) await pause(10);
  expect(await commit).toBe("outcome_unknown");
  await set("");
  expect(await read(store, "a")).toMatchObject({ revision: 2 }); // here it is
});

test("postgres: who stands still in a transaction loses it, and what it has locked", async () => {
  const store = await open();
  await create(store, "a");
  const pool = new PostgresPool({ address: url, statementTimeoutMs: 300 });
  closings.push(() => pool.close());
  const paused = pool.use("write", async (session) => {
    await session.script(beginWrite("on"));
    await session.rows(lockStreams, [["promise"], ["a"]]);
    await pause(1_000); // as a process that is stopped
    await session.commit();
  });
  const change = writtenTo(await read(store, "a"), [settled()]);
  const [failure, conflicts] = await Promise.all([
    failureOf(paused),
    store.commit([{ changes: [change] }]),
  ]);
  expect([failure, conflicts]).toEqual(["outcome_unknown", []]);
});

test("postgres: to close waits for what is under way", async () => {
  const store = await openPostgres({ address: url });
  await create(store, "a");
  const change = writtenTo(await read(store, "a"), [settled()]);
  const { release } = await blocker("a");
  const commit = store.commit([{ changes: [change] }]);
  await waiters();
  const closed = store.close();
  await release();
  expect(await commit).toEqual([]);
  await closed;
  expect(await failureOf(store.load([key("a")]))).toBe("store_failed");
});
