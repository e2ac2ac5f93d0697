// What only a Postgres can be: older or newer or not ours, opened by several at once, not durable,
// damaged; and what its columns and indexes must bear.

import { afterAll, beforeEach, expect, test } from "vitest";
import { SyncPostgres } from "../../bin/dst/postgres-bridge.ts";
import { ask, testServer } from "../../bin/dst/postgres-server.ts";
import { instantMs, position } from "../../kernel/ids.ts";
import { MemoryStore } from "../../store/memory.ts";
import { migrations, schemaKnown } from "../../store/migrate.ts";
import { migratePostgres } from "../../store/postgres-migrate.ts";
import { openPostgres } from "../../store/postgres-open.ts";
import { tagDigest } from "../../store/postgres-plan.ts";
import { PostgresPool } from "../../store/postgres-pool.ts";
import { search } from "../../store/postgres-search.ts";
import { StoreError, unwritten } from "../../store/store.ts";
import { ofPromise } from "../kernel/given.ts";
import {
  arm,
  commit,
  create,
  created,
  due,
  key,
  listening,
  query,
  read,
  registered,
  settled,
  stale,
  stream,
  timed,
  written,
  writtenTo,
} from "./given.ts";

const server = await testServer();
/** Of a database that tests share, one after the other. */
const same = await server.database();
const store = new SyncPostgres({ address: same });
let url = same;
beforeEach(() => {
  url = same;
  store.reset();
});
afterAll(async () => {
  store.close();
  await server.stop();
});

/** For those tests that need one to themselves. */
async function fresh(): Promise<void> {
  url = await server.database();
}

async function refusal(address = url): Promise<StoreError> {
  try {
    const store = await openPostgres({ address });
    await store.close();
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error("it is not refused");
}

test("postgres: the schema is what it was when it was released", async () => {
  await fresh();
  await (await openPostgres({ address: url })).close();
  const columns = await ask(
    url,
    `SELECT format('%s.%s %s%s%s', table_name, column_name, data_type,
      CASE WHEN collation_name IS NULL THEN '' ELSE ' COLLATE ' || collation_name END,
      CASE WHEN is_nullable = 'NO' THEN ' NOT NULL' ELSE '' END) AS line
    FROM information_schema.columns WHERE table_schema = 'public'
    ORDER BY table_name, ordinal_position`,
  );
  const indexes = await ask(
    url,
    "SELECT indexdef AS line FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname",
  );
  const text = [...columns, ...indexes].map(({ line }) => line).join("\n");
  await expect(`${text}\n`).toMatchFileSnapshot("../golden/schema-postgres.txt");
});

test("postgres: G3 many servers that start at once make one schema", async () => {
  await fresh();
  const stores = await Promise.all(Array.from({ length: 5 }, () => openPostgres({ address: url })));
  for (const store of stores) expect(await store.load([key("a")])).toHaveLength(1);
  for (const store of stores) await store.close();
  expect(await ask(url, "SELECT schema FROM resonate")).toEqual([{ schema: schemaKnown }]);
});

test("postgres: G3 a migration that fails leaves the one before it, and goes on from there", async () => {
  await fresh();
  const pool = new PostgresPool({ address: url, statementTimeoutMs: 200, queryTimeoutMs: 300 });
  const twice = ["CREATE TABLE next (x INTEGER)", "CREATE TABLE next (x INTEGER)"];
  const number = schemaKnown + 1;
  const next = { number, name: "next", sqlite: [], postgres: twice };
  await expect(migratePostgres(pool, [...migrations, next])).rejects.toThrow("already exists");
  expect(await ask(url, "SELECT schema FROM resonate")).toEqual([{ schema: schemaKnown }]);
  const right = { ...next, postgres: ["SELECT pg_sleep(0.4)", ...twice.slice(1)] };
  await Promise.all([1, 2].map(() => migratePostgres(pool, [...migrations, right])));
  expect(await ask(url, "SELECT schema, (SELECT count(*)::int FROM next) FROM resonate")).toEqual([
    { schema: number, count: 0 },
  ]);
  await pool.close();
});

test("postgres: G3 a newer schema is refused, with both versions", async () => {
  await fresh();
  await (await openPostgres({ address: url })).close();
  await ask(url, "UPDATE resonate SET schema = 77");
  const { failure, message } = await refusal();
  expect(failure).toBe("store_failed");
  expect(message).toContain(`has schema version 77, and this server knows version ${schemaKnown}`);
});

test("postgres: tables of another program are left as they are", async () => {
  await fresh();
  await ask(url, "CREATE TABLE events (theirs TEXT)");
  expect((await refusal()).message).toContain("belongs to another program: give this server");
  const tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'";
  expect(await ask(url, tables)).toEqual([{ table_name: "events" }]);
});

test("postgres: G6 a database in another encoding is refused", async () => {
  await fresh();
  await ask(url, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
  const latin = new URL(url);
  latin.pathname = "/latin";
  const { message } = await refusal(latin.href);
  await ask(url, "DROP DATABASE latin WITH (FORCE)");
  expect(message).toContain("encoded in LATIN1, and must be in UTF8: create one");
});

test("postgres: G7 a server that hides the marks of transactions is refused", async () => {
  await fresh();
  const name = new URL(url).pathname.slice(1);
  await ask(url, `ALTER DATABASE ${name} SET search_path = public, pg_catalog`);
  await ask(url, "CREATE VIEW public.pg_locks AS SELECT * FROM pg_catalog.pg_locks WHERE false");
  expect((await refusal()).message).toContain("does not show advisory locks in pg_locks");
});

test("postgres: G10 a database that takes no writes is refused", async () => {
  await fresh();
  await (await openPostgres({ address: url })).close();
  const name = new URL(url).pathname.slice(1);
  await ask(url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  expect((await refusal()).message).toBe("the database is read-only: name the primary server");
});

test("postgres: K3 a transaction that the server has rolled back is not taken for committed", async () => {
  const pool = new PostgresPool({ address: url });
  const committed = pool.use("write", async (session) => {
    await session.script("BEGIN");
    await session.rows("SELECT 1 / 0").catch(() => []);
    await session.commit();
  });
  await expect(committed).rejects.toMatchObject({ failure: "store_failed" });
  expect(pool.figures).toMatchObject({ total: 0 }); // K2
  await pool.close();
});

test("postgres: K4 a 64-bit integer arrives to the last digit, and so does a text", async () => {
  const pool = new PostgresPool({ address: url });
  const rows = await pool.use("read", (session) => {
    return session.rows("SELECT 9223372036854775807 AS most, 7 AS few, 'ü' AS text, true AS yes");
  });
  expect(rows).toEqual([{ most: 9_223_372_036_854_775_807n, few: 7, text: "ü", yes: true }]);
  await pool.close();
});

test("postgres: G6 commits are synchronous though the database says otherwise, or stronger", async () => {
  await fresh();
  const name = new URL(url).pathname.slice(1);
  const warnings: string[] = [];
  const seen: string[] = [];
  for (const setting of ["off", "local", "remote_write", "on", "remote_apply"]) {
    await ask(url, `ALTER DATABASE ${name} SET synchronous_commit = '${setting}'`);
    const onWarning = (warning: string) => warnings.push(warning);
    const opened = await openPostgres({ address: url, onWarning });
    await ask(
      url,
      `CREATE TABLE IF NOT EXISTS seen (setting TEXT);
      CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
      CREATE OR REPLACE TRIGGER noting AFTER INSERT ON events EXECUTE FUNCTION note()`,
    );
    const birth = writtenTo(unwritten(key(setting)), [created()]);
    await opened.commit([{ changes: [birth] }]);
    await opened.close();
  }
  for (const { setting } of await ask(url, "SELECT setting FROM seen")) seen.push(setting);
  expect(seen).toEqual(["on", "on", "on", "on", "remote_apply"]);
  const [{ fsync }] = await ask(url, "SHOW fsync");
  expect(warnings.filter((warning) => warning.includes("fsync = off"))).toHaveLength(
    fsync === "off" ? 5 : 0,
  );
});

test("postgres: A6 a damaged record is told of, and keeps no other from being swept", async () => {
  for (const id of ["a", "b", "c", "d"]) arm(store, id, 20n);
  await ask(url, "UPDATE streams SET snapshot = '{' WHERE id = 'a'");
  await ask(url, "UPDATE streams SET version = -1 WHERE id = 'b'");
  await ask(url, "UPDATE streams SET timers = '[]' WHERE id = 'c'");
  expect(store.load([key("a"), key("b"), key("c"), key("d")])).toMatchObject([
    { kind: "unreadable", key: key("a") },
    { kind: "unreadable" },
    { kind: "unreadable" },
    { kind: "stream" },
  ]);
  expect(due(store, 30, 2)).toEqual({ streams: [], nextAt: 20n });
  expect(due(store, 31, 2)).toMatchObject({ streams: [{ key: key("d") }], nextAt: 5_030n });
  expect(due(store, 32)).toEqual({ streams: [], nextAt: 5_030n }); // no hot loop
  expect(() => store.query(query())).toThrow("the promise a: no JSON");
  expect(store.query(query({ pattern: "d" })).rows).toHaveLength(1);
});

test("postgres: A6 a due stream of an unknown kind is passed over, and so is a wild date", async () => {
  for (const id of ["a", "b"]) arm(store, id, 20n);
  await ask(url, "UPDATE streams SET kind = 'later' WHERE id = 'a'");
  expect(due(store, 30)).toMatchObject({ streams: [{ key: key("b") }] });
});

test("postgres: A6 a damaged event fails a log that comes upon it, and no other", async () => {
  commit(store, written(store, "a", [created(), registered("b"), settled()]));
  create(store, "b");
  await ask(url, "UPDATE events SET data = '{' WHERE version = 2");
  const bounds = { limit: 9, weightMax: 999 };
  const whole = { of: null, after: 0, ...bounds };
  const failure = () => store.log([whole]);
  expect(failure).toThrow("the event at 2: no JSON");
  expect(() => store.log([{ ...whole, of: key("a") }])).toThrow("the event at 2");
  expect(store.log([{ ...whole, limit: 1 }])).toMatchObject([{ events: [{ position: 1 }] }]);
  expect(store.log([{ ...whole, after: 2 }])[0]?.events).toHaveLength(2);
  expect(store.log([{ ...whole, of: key("b") }])[0]?.events).toHaveLength(1);
});

test("postgres: A6 an event that belongs to no stream is in the way of that stream alone", async () => {
  create(store, "a");
  await ask(url, "DELETE FROM streams WHERE id = 'a'");
  const birth = written(store, "a", [created()]);
  expect(() => store.commit([{ changes: [birth] }])).toThrow("Postgres, write: 23505");
  create(store, "b");
  expect(stream(store, "b").version).toBe(1);
});

test("postgres: A1 a commit that fails in its midst leaves nothing, and the store goes on", () => {
  create(store, "a");
  const broken = written(store, "c", [created()]);
  const gap = { ...broken, write: broken.write && { ...broken.write, events: [] } };
  expect(() => commit(store, written(store, "b", [created()]), gap)).toThrow("leaves a gap");
  expect(stream(store, "b").version).toBe(0);
  create(store, "b");
  expect(stream(store, "b").version).toBe(1);
});

test("postgres: A2 a stream that two components write, one after the other, is written once", () => {
  const memory = new MemoryStore();
  const first = written(memory, "a", [created(), registered("x")]);
  commit(memory, first);
  const second = written(memory, "a", [settled()], 5n);
  commit(memory, second);
  const third = timed(memory, "a", {});
  expect(commit(store, first, second, stale(third), third)).toEqual([2]);
  commit(memory, third);
  expect(stream(store, "a")).toEqual(stream(memory, "a"));
  const all = { of: null, after: 0, limit: 9, weightMax: 999 };
  expect(store.log([all])).toEqual(memory.log([all]));
  expect(store.commit([{ changes: [read(store, "a")] }])).toEqual([]);
  expect(due(store, 5)).toEqual(due(memory, 5));
});

test("postgres: tags, keys and ids may be longer than an entry of an index", () => {
  const long = "é".repeat(300_000);
  const id = "\u{1f600}".repeat(512); // 2048 bytes
  create(store, id, { tags: { [long]: long, short: "x" }, key: long });
  expect(store.query(query({ tags: new Map([[long, long]]) })).rows).toMatchObject([{ id }]);
  expect(store.query(query({ tags: new Map([[long, "x"]]) })).rows).toEqual([]);
  expect(ofPromise(stream(store, id).state).promise).toMatchObject({ createKey: long });
  const pattern = `${"\u{1f600}".repeat(511)}*`;
  expect(store.query(query({ pattern })).rows).toMatchObject([{ id }]);
});

test("postgres: R4 a page is as long as it may be, however the statements are cut", () => {
  const birth = created({ param: { headers: null, data: "1234" } });
  for (const id of ["a", "b", "c", "d", "e"]) {
    commit(store, written(store, id, [birth, listening(`http://${"x".repeat(5_000)}`)]));
  }
  const pages = [1, 5, 6, 24, 25, 26].map((weightMax) => {
    const { rows, hasMore } = store.query(query({ weightMax }));
    return [rows.map(({ id }) => id).join(""), hasMore];
  });
  expect(pages).toEqual([
    ["e", true],
    ["e", true],
    ["ed", true],
    ["edcba", false],
    ["edcba", false],
    ["edcba", false],
  ]);
  expect(store.query(query({ weightMax: 24, limit: 3, before: position(9) }))).toMatchObject({
    rows: [{ id: "d" }, { id: "c" }, { id: "b" }],
    hasMore: true,
  });
  const data = "\u0001".repeat(100); // six bytes each in JSON
  for (let index = 0; index < 9; index++) {
    commit(store, written(store, "z", [index === 0 ? birth : registered(`${data}${index}`)]));
  }
  const [all] = store.log([{ of: key("z"), after: 0, limit: 9, weightMax: 700 }]);
  expect(all).toMatchObject({ end: 9, events: { length: 8 } });
  const [some] = store.log([{ of: null, after: 10, limit: 5, weightMax: 9_999 }]);
  expect(some).toMatchObject({ end: 19, events: { length: 5 } });
});

test("postgres: a search is led by an index, among many promises", async () => {
  // The n-th is p<n>: one in ten is resolved, one in a thousand rejected, a few are overdue.
  await ask(
    url,
    `INSERT INTO streams (number, kind, id, version, revision, state, timeout_at, due_at, is_timer,
      weight, schema, snapshot)
    SELECT n, 'promise', 'p' || n, 1, 1, CASE WHEN n % 1000 = 0 THEN 'rejected'
        WHEN n % 10 = 0 THEN 'resolved' ELSE 'pending' END,
      CASE WHEN n % 5003 = 0 THEN 5 ELSE 1000000 + n END,
      CASE WHEN n % 2 = 0 THEN NULL WHEN n % 5003 = 0 THEN 5 ELSE 1000000 + n END,
      false, 1, 2, repeat('x', 200)
    FROM generate_series(1, 30000) AS n`,
  );
  await ask(
    url,
    `INSERT INTO tags (tag, stream, kind, id)
    SELECT CASE WHEN n % 3 = 0 THEN $1::bytea ELSE $2 END, n, 'promise', 'p' || n
    FROM generate_series(1, 30000) AS n`,
    [tagDigest("t", "many"), tagDigest("t", "other")],
  );
  await ask(url, "ANALYZE streams, tags");
  const led = async (chosen: Parameters<typeof query>[0]) => {
    const { sql, parameters } = search(query({ limit: 10, ...chosen }), null);
    const values = parameters.map((each) => (typeof each === "bigint" ? `${each}` : each));
    const lines = (await ask(url, `EXPLAIN ${sql}`, values)).map((row) => row["QUERY PLAN"]);
    const scans = lines.flatMap((line) => /(Seq Scan|Index.* Scan.*) on (\w+)/.exec(line) ?? []);
    return scans.filter((_, index) => index % 3 === 0).map(nameOf);
  };
  const past = { state: "pending", isPast: true, isTimer: false } as const;
  const rejected = { state: "rejected", isPast: null, isTimer: null } as const;
  expect(await led({ pattern: "p77" })).toEqual(["streams_pkey"]);
  expect(await led({ pattern: "p777*" })).toEqual(["streams_pkey"]);
  expect(await led({})).toEqual(["streams_number"]);
  expect(await led({ tags: new Map([["t", "many"]]) })).toEqual(["tags_pkey", "streams_pkey"]);
  expect(await led({ anyOf: [rejected] })).toEqual(["streams_state"]);
  expect(await led({ anyOf: [rejected, past] })).toEqual([
    "streams_state",
    "streams_due",
    "streams_unarmed",
  ]);
});

/** The index of a line of a plan, or the table that is read as a whole. */
function nameOf(line: string): string {
  return /(?:using|Bitmap Index Scan on|Seq Scan on) (\w+)/.exec(line)?.[1] ?? line;
}

test("postgres: an id is ordered by its bytes, whatever the order of the database", async () => {
  await fresh();
  const name = new URL(url).pathname.slice(1);
  await ask(
    url,
    `CREATE DATABASE ${name}_icu TEMPLATE template0 ENCODING 'UTF8'
      LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'`,
  );
  const address = new URL(url);
  address.pathname = `/${name}_icu`;
  const other = new SyncPostgres({ address: address.href });
  const ids = ["a", "B", "b", "A1", "a1", "aé", "ae\u0301", "a\u{ffff}", "a\u{1f600}", "a-b", "ab"];
  for (const id of ids) create(other, id);
  const found = ["a*", "A*", "aé*", "a\u{ffff}*", "a-*"].map((pattern) => {
    return other.query(query({ pattern })).rows.map(({ id }) => id);
  });
  const expected = ["a", "A", "aé", "a\u{ffff}", "a-"].map((prefix) => {
    return ids.filter((id) => id.startsWith(prefix)).toReversed();
  });
  expect(found).toEqual(expected);
  expect(other.due(instantMs(1), { limit: 1, weightMax: 1 })).toEqual({
    streams: [],
    nextAt: null,
  });
  other.close();
  await ask(url, `DROP DATABASE ${name}_icu WITH (FORCE)`);
});
