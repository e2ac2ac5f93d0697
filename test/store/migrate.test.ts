// Migrations of both databases: applied once, by however many; whole or not at all, whatever ends; and the
// same by hand, out of a script.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import Sqlite, { type Database } from "better-sqlite3";
import { afterAll, expect, test } from "vitest";
import { ask, testServer } from "../../bin/dst/postgres-server.ts";
import {
  type Migration,
  migrate,
  migrations,
  schemaKnown,
  sqliteScript,
} from "../../store/migrate.ts";
import { foundSchema, migratePostgres, postgresScript } from "../../store/postgres-migrate.ts";
import { openPostgres } from "../../store/postgres-open.ts";
import { PostgresPool } from "../../store/postgres-pool.ts";

const server = await testServer();
afterAll(() => server.stop());

async function withPool<Answer>(url: string, use: (pool: PostgresPool) => Promise<Answer>) {
  const pool = new PostgresPool({ address: url, statementTimeoutMs: 300 });
  try {
    return await use(pool);
  } finally {
    await pool.close();
  }
}

/** All that a database is made of, as Postgres tells it, with what is in our own table. */
async function anatomy(url: string): Promise<readonly string[]> {
  const rows = await ask(
    url,
    `SELECT format('%s.%s %s %s %s %s', c.relname, a.attnum, a.attname,
        format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation) AS line
      FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
      WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND c.relkind IN ('r', 'S')
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s owned by %s.%s', objid::regclass, refobjid::regclass, refobjsubid)
      FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'a'
        AND objid IN (SELECT oid FROM pg_class WHERE relkind = 'S')
    ORDER BY 1`,
  );
  const marks = await ask(url, "SELECT format('schema %s', schema) AS line FROM resonate");
  return [...rows, ...marks].map(({ line }) => line);
}

/** As a tool does it that goes on after an error. */
async function carelessly(url: string, script: string): Promise<readonly string[]> {
  const failures: string[] = [];
  await withPool(url, (pool) =>
    pool.use("write", async (session) => {
      for (const statement of script.split(";\n")) {
        await session.script(statement).catch((error) => failures.push(error.message));
      }
    }),
  );
  return failures;
}

test("migrations have numbers without a gap, and a word each", () => {
  expect(migrations.map(({ number }) => number)).toEqual(migrations.map((_, index) => index + 1));
  for (const { name } of migrations) expect(name).toMatch(/^[a-z]+$/);
});

test("postgres: G3 of many who migrate at once, each migration is applied by one", async () => {
  const url = await server.database();
  const slow: Migration = {
    ...{ number: schemaKnown + 1, name: "slow", sqlite: [] },
    postgres: ["CREATE TABLE slow (x INTEGER)", "SELECT pg_sleep(0.5)"],
  };
  const known = [...migrations, slow];
  const applied: number[] = [];
  const note = ({ number }: Migration) => applied.push(number);
  await Promise.all(
    Array.from({ length: 6 }, () => withPool(url, (pool) => migratePostgres(pool, known, note))),
  );
  expect(applied).toEqual(known.map(({ number }) => number));
  expect(await withPool(url, (pool) => pool.use("read", foundSchema))).toBe(known.length);
});

test("postgres: G3 who waits for a migration sees it, whatever the database is set to", async () => {
  const url = await server.database();
  const name = new URL(url).pathname.slice(1);
  await ask(url, `ALTER DATABASE ${name} SET default_transaction_isolation = 'serializable'`);
  const stores = await Promise.all(Array.from({ length: 5 }, () => openPostgres({ address: url })));
  for (const store of stores) await store.close();
  expect(await ask(url, "SELECT schema FROM resonate")).toEqual([{ schema: schemaKnown }]);
});

test("postgres: G3 a migration whose backend is ended is not there, and is done by the next", async () => {
  const url = await server.database();
  const slow: Migration = {
    ...{ number: schemaKnown + 1, name: "slow", sqlite: [] },
    postgres: ["CREATE TABLE slow (x INTEGER)", "SELECT pg_sleep(1)"],
  };
  const known = [...migrations, slow];
  const applied: number[] = [];
  const bring = () => {
    return withPool(url, (pool) =>
      migratePostgres(pool, known, ({ number }) => applied.push(number)),
    );
  };
  const ended = expect(bring()).rejects.toMatchObject({
    failure: "store_failed",
    message: expect.stringContaining("migration 3 slow: Postgres, write: 57P01"),
  });
  for (let count = 0; count === 0; await pause(10)) {
    const found = await ask(
      url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event = 'PgSleep'`,
    );
    count = found.length;
  }
  await ended;
  expect(applied).toEqual([1, 2]);
  expect((await anatomy(url)).filter((line) => line.includes("slow"))).toEqual([]);
  expect((await anatomy(url)).at(-1)).toBe(`schema ${schemaKnown}`);
  await bring();
  expect(applied).toEqual([1, 2, 3]);
  expect((await anatomy(url)).at(-1)).toBe("schema 3");
});

test("postgres: another program's table named as ours is refused, whatever is in it", async () => {
  for (const table of ["resonate (theirs TEXT)", "resonate (schema INTEGER)", "waiting (x TEXT)"]) {
    const url = await server.database();
    await ask(url, `CREATE TABLE ${table}`);
    await expect(openPostgres({ address: url })).rejects.toThrow("belongs to another program");
  }
});

test.each(Array.from({ length: schemaKnown }, (_, schema) => schema))(
  "postgres: the script from schema %i leaves what the migrations would, and only once",
  async (schema) => {
    const [byHand, usual] = [await server.database(), await server.database()];
    for (const url of [byHand, usual]) {
      await withPool(url, (pool) => migratePostgres(pool, migrations.slice(0, schema)));
    }
    const script = postgresScript(schema);
    await ask(byHand, script);
    await withPool(usual, (pool) => migratePostgres(pool));
    const expected = await anatomy(usual);
    expect(await anatomy(byHand)).toEqual(expected);
    await expect(ask(byHand, script)).rejects.toThrow();
    const failures = await carelessly(byHand, script);
    const because =
      schema === 0 ? 'relation "resonate" already exists' : /^the schema is not 1: ask/;
    expect(failures[0]).toMatch(because);
    expect(await anatomy(byHand)).toEqual(expected);
    await (await openPostgres({ address: byHand })).close();
  },
);

function inFile(database: Database) {
  const asked = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name";
  const rows = database.prepare(asked).all();
  const marks = ["user_version", "application_id"].map((name) => {
    return database.pragma(name, { simple: true });
  });
  const tables = ["streams", "events", "tags", "waiting"].map((name) => {
    return database.prepare(`SELECT * FROM ${name}`).all();
  });
  return { rows, marks, tables };
}

/** All but what only the shell of SQLite knows. */
function statements(script: string): string {
  return script.replaceAll(/^\..*$/gm, "");
}

test.each(["", readFileSync(join(import.meta.dirname, "../golden/file-1.sql"), "utf8")])(
  "sqlite: the script leaves what the migrations would, and only once",
  (file) => {
    const [byHand, usual] = [new Sqlite(":memory:"), new Sqlite(":memory:")];
    for (const database of [byHand, usual]) database.exec(file);
    const script = sqliteScript(file === "" ? 0 : 1);
    byHand.exec(statements(script));
    migrate(usual);
    const expected = inFile(usual);
    expect(inFile(byHand)).toEqual(expected);
    expect(() => byHand.exec(statements(script))).toThrow(
      /the schema is not [01]: ask for another/,
    );
    byHand.exec("ROLLBACK"); // as the shell does when it ends
    expect(inFile(byHand)).toEqual(expected);
    expect(script).toMatch(/^\.bail on\nPRAGMA journal_mode = WAL;\n/);
    for (const database of [byHand, usual]) database.close();
  },
);
