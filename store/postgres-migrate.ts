// Brings a Postgres database to the schema that this server knows, and tells what it would refuse.
// Several servers may start at once: the first migrates, the others wait for it.
//
//   G3. A migration is a transaction of its own, number included, and may take its time, as may those
//       who wait for it. A newer schema is left alone.

import { type Migration, migrations } from "./migrate.ts";
import type { PostgresPool, Session } from "./postgres-pool.ts";
import { StoreError } from "./store.ts";

/** "RSNT": the name of the lock that a migration holds. */
const migrationLock = 1381191252;

/** @throws StoreError; the database is then at the last migration that succeeded */
export async function migratePostgres(
  pool: PostgresPool,
  known: readonly Migration[] = migrations,
): Promise<void> {
  if ((await pool.use("read", schemaOf)) === known.length) return;
  for (const { number, postgres } of known) {
    await pool.use("write", (session) => apply(session, { number, postgres, known }));
  }
}

async function apply(
  session: Session,
  {
    number,
    postgres,
    known,
  }: {
    readonly number: number;
    readonly postgres: readonly string[];
    readonly known: readonly Migration[];
  },
): Promise<void> {
  await session.longScript(`BEGIN;
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
    SELECT pg_advisory_xact_lock(${migrationLock})`);
  const schema = await schemaOf(session);
  if (schema > known.length) throw newer(schema, known.length);
  if (schema >= number) {
    await session.rollBack();
    return;
  }
  if (schema === 0) await begin(session);
  for (const statement of postgres) await session.longScript(statement);
  await session.script(`UPDATE resonate SET schema = ${number}`);
  await session.commit();
}

/** The schema of the database; 0: it has none of our tables. */
export async function schemaOf(session: Session): Promise<number> {
  const isOurs = await hasAny(session, ["resonate"]);
  if (!isOurs) return 0;
  const [row] = await session.rows<{ readonly schema: number }>("SELECT schema FROM resonate");
  return row?.schema ?? 0;
}

/** Not by `to_regclass`, which may not know yet what was committed while we waited for the lock. */
async function hasAny(session: Session, tables: readonly string[]): Promise<boolean> {
  const found = await session.rows(
    `SELECT 1 FROM information_schema.tables
      WHERE table_schema = current_schema() AND table_name = ANY ($1::text[])`,
    [tables],
  );
  return found.length > 0;
}

async function begin(session: Session): Promise<void> {
  if (await hasAny(session, ["streams", "events", "tags"])) {
    const advice = "give this server another database, or another search_path";
    const message = `the database belongs to another program: ${advice}`;
    throw new StoreError("store_failed", message);
  }
  await session.script("CREATE TABLE resonate (schema INTEGER NOT NULL)");
  await session.script("INSERT INTO resonate VALUES (0)");
}

function newer(schema: number, known: number): StoreError {
  const versions = `has schema version ${schema}, and this server knows version ${known}`;
  const advice = "start the server that wrote it, or a newer one";
  return new StoreError("store_failed", `the database ${versions}: ${advice}`);
}
