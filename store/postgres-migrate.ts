// Brings a Postgres database to the schema that this server knows, and tells what it would refuse.
// Several servers may start at once: the first migrates, the others wait for it.
//
//   G3. A migration is a transaction of its own, number included, and may take its time, as may those
//       who wait for it. Whoever has waited looks again, so each is applied once. A newer schema is left
//       alone.

import { DatabaseError } from "pg";
import { assertKnown, block, type Migration, migrations, type OnMigrated } from "./migrate.ts";
import type { PostgresPool, Session } from "./postgres-pool.ts";
import { StoreError } from "./store.ts";

/** "RSNT": the name of the lock that a migration holds. */
const migrationLock = 1381191252;

const tables = ["streams", "events", "tags", "waiting"];

/** @throws StoreError; the database is then at the last migration that succeeded */
export async function migratePostgres(
  pool: PostgresPool,
  known: readonly Migration[] = migrations,
  onMigrated: OnMigrated = () => {},
): Promise<void> {
  const schema = await pool.use("read", foundSchema);
  assertKnown("the database", schema, known.length);
  for (const migration of known.slice(schema)) {
    const isApplied = await applied(pool, migration, known);
    if (isApplied) onMigrated(migration);
  }
}

/** @returns false: somebody else was faster */
async function applied(
  pool: PostgresPool,
  migration: Migration,
  known: readonly Migration[],
): Promise<boolean> {
  try {
    return await pool.use("write", (session) => apply(session, migration, known));
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof DatabaseError)) throw error;
    const { number, name } = migration;
    const failure = error instanceof StoreError ? error.failure : "store_failed";
    throw new StoreError(failure, `migration ${number} ${name}: ${error.message}`, {
      cause: error,
    });
  }
}

async function apply(
  session: Session,
  migration: Migration,
  known: readonly Migration[],
): Promise<boolean> {
  await session.longScript(begin.join("; "));
  const schema = await foundSchema(session);
  assertKnown("the database", schema, known.length);
  if (schema >= migration.number) {
    await session.rollBack();
    return false;
  }
  for (const statement of changes(migration)) await session.longScript(statement);
  await session.commit();
  return true;
}

const begin = [
  "BEGIN ISOLATION LEVEL READ COMMITTED", // or whoever has waited for the lock would not see why
  "SET LOCAL statement_timeout = 0",
  "SET LOCAL idle_in_transaction_session_timeout = 0",
  `SELECT pg_advisory_xact_lock(${migrationLock})`,
];

/** Of a migration, its number included. */
function changes({ number, postgres }: Migration): readonly string[] {
  if (number > 1) return [...postgres, `UPDATE resonate SET schema = ${number}`];
  const mark = "CREATE TABLE resonate (schema INTEGER NOT NULL)";
  return [mark, ...postgres, `INSERT INTO resonate VALUES (${number})`];
}

/**
 * What `migratePostgres` would do to a database of this schema, for somebody who does it by hand. A
 * statement that fails lets all fail that follow in its transaction, whatever the tool makes of it.
 */
export function postgresScript(schema: number, known: readonly Migration[] = migrations): string {
  const blocks = known.slice(schema).map((migration) => {
    return block(migration, [...begin, ...guard(migration), ...changes(migration), "COMMIT"]);
  });
  return blocks.join("");
}

/** The first migration makes what another one would find. */
function guard({ number }: Migration): readonly string[] {
  if (number === 1) return [];
  const because = `'the schema is not ${number - 1}: ask for another plan'`;
  const differs = `(SELECT schema FROM resonate) <> ${number - 1}`;
  return [`DO $$ BEGIN IF ${differs} THEN RAISE EXCEPTION ${because}; END IF; END $$`];
}

/**
 * The schema of the database; 0: it has none of our tables. It may be newer than what this server knows.
 *
 * @throws StoreError if it belongs to somebody else
 */
export async function foundSchema(session: Session): Promise<number> {
  // One statement, so one moment: another server may commit its migration between two of them. Not by
  // `to_regclass`, which may not know yet what was committed while we waited for the lock.
  const [look] = await session.rows<{ readonly isMarked: boolean; readonly hasAny: boolean }>(
    `SELECT
      EXISTS (SELECT 1 FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = 'resonate'
          AND column_name = 'schema') AS "isMarked",
      EXISTS (SELECT 1 FROM information_schema.tables
        WHERE table_schema = current_schema() AND table_name = ANY ($1::text[])) AS "hasAny"`,
    [["resonate", ...tables]],
  );
  if (look?.hasAny === false) return 0;
  const text = "SELECT schema FROM resonate";
  const [found] =
    look?.isMarked === true ? await session.rows<{ readonly schema: number }>(text) : [];
  if (found !== undefined) return found.schema;
  const advice = "give this server another database, or another search_path";
  throw new StoreError("store_failed", `the database belongs to another program: ${advice}`);
}
