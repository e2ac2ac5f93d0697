// Brings a database to the schema that this server knows. Migrations are numbered from one, each is
// applied in a transaction of its own, and none is edited once it is released.

import type { Database } from "better-sqlite3";
import { streams } from "./migrations/0001-streams.ts";
import { timers } from "./migrations/0002-timers.ts";
import { StoreError } from "./store.ts";

export type Migration = {
  readonly number: number;
  readonly sqlite: readonly string[];
  /** Applied by postgres-migrate.ts. */
  readonly postgres: readonly string[];
};

/** In order, without a gap; a database says in `user_version` how far it has come. */
export const migrations: readonly Migration[] = [streams, timers];

export const schemaKnown = migrations.length;

/** "RSNT". */
export const applicationId = 1381191252;

/**
 * The schema of a database; 0: it is empty.
 *
 * @throws StoreError if this server must not touch it
 */
export function schemaOf(database: Database): number {
  const schema = Number(database.pragma("user_version", { simple: true }));
  const owner = Number(database.pragma("application_id", { simple: true }));
  const tables = database.prepare<[], unknown>("SELECT 1 FROM sqlite_schema LIMIT 1").all();
  const isEmpty = schema === 0 && owner === 0 && tables.length === 0;
  if (!isEmpty && owner !== applicationId) {
    throw refusal(database, "belongs to another program: give this server another file");
  }
  if (schema > schemaKnown) {
    const versions = `has schema version ${schema}, and this server knows version ${schemaKnown}`;
    throw refusal(database, `${versions}: start the server that wrote it, or a newer one`);
  }
  return schema;
}

/** @throws StoreError, and what SQLite throws; the database is then at the last one that succeeded */
export function migrate(database: Database, known: readonly Migration[] = migrations): void {
  for (const { number, sqlite } of known.slice(schemaOf(database))) {
    const apply = database.transaction(() => {
      for (const statement of sqlite) database.exec(statement);
      database.pragma(`user_version = ${number}`);
    });
    apply.immediate();
  }
}

function refusal(database: Database, because: string): StoreError {
  return new StoreError("store_failed", `the database ${database.name} ${because}`);
}
