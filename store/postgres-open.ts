// Opens a Postgres for service: at our schema, and found to be what the store relies on.
//
//   G6. What is committed survives a power cut, if the server does what it is told: every commit sets
//       `synchronous_commit`, and it is read back here, not believed. What only its operator can set
//       (fsync, full_page_writes) is warned about.
//   G7. A server that does not show the marks of transactions (G1) is refused, since its log could not
//       be followed.
//   G10. So is one that takes no writes, as a standby does.

import { markOf, refuseUnfinished } from "./copy-mark.ts";
import { migrations, type OnMigrated } from "./migrate.ts";
import { PostgresStore } from "./postgres.ts";
import { migratePostgres } from "./postgres-migrate.ts";
import { type PoolOptions, PostgresPool, type Session } from "./postgres-pool.ts";
import { beginWrite, selectMarks } from "./postgres-queries.ts";
import { type Probe, unprobed } from "./probe.ts";
import { StoreError } from "./store.ts";

export type PostgresOptions = PoolOptions & {
  /** Told of what the operator should know; a sentence each. */
  readonly onWarning?: (warning: string) => void;
  readonly onMigrated?: OnMigrated;
  readonly probe?: Probe;
  /** Looks at the database before anything in it is changed; throws what is against it. */
  readonly admit?: (session: Session) => Promise<void>;
};

export type OpenedPool = { readonly pool: PostgresPool; readonly synchronousCommit: string };

/** @throws StoreError if it cannot be served, with what to do about it */
export async function openPostgres({
  probe = unprobed,
  ...options
}: PostgresOptions): Promise<PostgresStore> {
  const { pool, synchronousCommit } = await openPool(options);
  return new PostgresStore(pool, synchronousCommit, probe);
}

/** What a store is made of. @throws StoreError */
export async function openPool({
  onWarning = () => {},
  onMigrated = () => {},
  admit = refuseHalf,
  ...options
}: Omit<PostgresOptions, "probe">): Promise<OpenedPool> {
  const pool = new PostgresPool(options);
  try {
    const synchronousCommit = await pool.use("read", (session) => examine(session, onWarning));
    await pool.use("read", admit);
    await migratePostgres(pool, migrations, onMigrated);
    await pool.use("write", (session) =>
      assertDurable(session, beginWrite(synchronousCommit, pool.localSettings), synchronousCommit),
    );
    return { pool, synchronousCommit };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

async function refuseHalf(session: Session): Promise<void> {
  refuseUnfinished(await markOf(session));
}

type Settings = {
  readonly encoding: string;
  readonly fsync: string;
  readonly pages: string;
  readonly synchronous: string;
};

/** @returns what each commit is to set */
async function examine(session: Session, onWarning: (warning: string) => void): Promise<string> {
  const [found] = await session.rows<Settings>(`SELECT
    current_setting('server_encoding') AS encoding,
    current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS pages,
    current_setting('synchronous_commit') AS synchronous`);
  if (found?.encoding !== "UTF8") {
    const advice = "create one with ENCODING 'UTF8'";
    throw refusal(`the database is encoded in ${found?.encoding}, and must be in UTF8: ${advice}`);
  }
  const lost = "what is acknowledged may be lost when the machine stops";
  if (found.fsync !== "on") onWarning(`Postgres runs with fsync = ${found.fsync}: ${lost}`);
  if (found.pages !== "on") onWarning(`Postgres runs with full_page_writes off: ${lost}`);
  return found.synchronous === "remote_apply" ? "remote_apply" : "on"; // never less than it was
}

/** G6, G7, G10. */
async function assertDurable(
  session: Session,
  begin: string,
  synchronousCommit: string,
): Promise<void> {
  await session.script(begin);
  const [found] = await session.rows<{ readonly setting: string; readonly only: string }>(
    `SELECT current_setting('synchronous_commit') AS setting,
      current_setting('transaction_read_only') AS only`,
  );
  const [, marks] = await session.script(selectMarks);
  await session.rollBack();
  if (found?.setting !== synchronousCommit) {
    const because = `synchronous_commit is ${found?.setting}, and must be ${synchronousCommit}`;
    throw refusal(`the database is not durable: ${because}`);
  }
  if (found.only !== "off") throw refusal("the database is read-only: name the primary server");
  if ((marks?.rows.length ?? 0) > 0) return;
  throw refusal("the server does not show advisory locks in pg_locks: use another server");
}

function refusal(message: string): StoreError {
  return new StoreError("store_failed", message);
}
