// The mark of a copy that is not complete: a table of one row in the target, which tells whose copy it is
// and how far it has come. It is written with each batch, and gone with the table when all is checked.

import type { Database } from "better-sqlite3";
import type { Session } from "./postgres-pool.ts";
import { StoreError } from "./store.ts";

export type Mark = {
  /** Where the source was, for people. */
  readonly source: string;
  /** Of all that was to be copied (copy-contents.ts): it tells one source from another. */
  readonly hash: string;
  /** The number of the last stream that is here. */
  readonly stream: number;
  /** Of the last event that is here. */
  readonly position: number;
};

export const markTable = "resonate_copy";

export const createMark = (integer: string) => `CREATE TABLE ${markTable} (
  source TEXT NOT NULL, hash TEXT NOT NULL, stream ${integer} NOT NULL, position ${integer} NOT NULL)`;

export const dropMark = `DROP TABLE ${markTable}`;

const selectMark = `SELECT source, hash, stream, position FROM ${markTable}`;

/** Null: there is none. */
export function markIn(database: Database): Mark | null {
  const isThere = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(markTable);
  if (isThere === undefined) return null;
  return database.prepare<[], Mark>(selectMark).get() ?? null;
}

/**
 * The same of a Postgres.
 *
 * @param lock "wait": in a transaction that is to write, for who writes it at the moment
 */
export async function markOf(session: Session, lock?: "wait"): Promise<Mark | null> {
  const tables = await session.rows(
    `SELECT 1 FROM information_schema.tables
      WHERE table_schema = current_schema() AND table_name = $1`,
    [markTable],
  );
  if (tables.length === 0) return null;
  type Row = Mark & { readonly stream: bigint; readonly position: bigint };
  const [row] = await session.rows<Row>(
    lock === undefined ? selectMark : `${selectMark} FOR UPDATE`,
  );
  if (row === undefined) return null;
  return { ...row, stream: Number(row.stream), position: Number(row.position) };
}

/** B4. @throws StoreError */
export function refuseUnfinished(mark: Mark | null): void {
  if (mark === null) return;
  const advice = "finish it with the same resonate store copy, or choose another database";
  throw new StoreError(
    "store_failed",
    `the database is an unfinished copy of ${mark.source}: ${advice}`,
  );
}
