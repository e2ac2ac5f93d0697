// Brings a database to the schema that this server knows. Migrations are numbered from one, each is
// applied in a transaction of its own, number included, and none is edited once it is released.

import type { Database } from "better-sqlite3";
import { streams } from "./migrations/0001-streams.ts";
import { timers } from "./migrations/0002-timers.ts";
import { StoreError } from "./store.ts";

export type Migration = {
  readonly number: number;
  /** One word, for operators. */
  readonly name: string;
  readonly sqlite: readonly string[];
  /** Applied by postgres-migrate.ts. */
  readonly postgres: readonly string[];
};

/** Told of each migration once it is committed. */
export type OnMigrated = (migration: Migration) => void;

/** In order, without a gap; a database says in `user_version` how far it has come. */
export const migrations: readonly Migration[] = [streams, timers];

export const schemaKnown = migrations.length;

/** "RSNT". */
export const applicationId = 1381191252;

/**
 * The schema of a database; 0: it is empty. It may be newer than what this server knows.
 *
 * @throws StoreError if it belongs to somebody else
 */
export function foundSchema(database: Database): number {
  const schema = Number(database.pragma("user_version", { simple: true }));
  const owner = Number(database.pragma("application_id", { simple: true }));
  const tables = database.prepare<[], unknown>("SELECT 1 FROM sqlite_schema LIMIT 1").all();
  const isEmpty = schema === 0 && owner === 0 && tables.length === 0;
  if (isEmpty || owner === applicationId) return schema;
  const message = `the database ${database.name} belongs to another program`;
  throw new StoreError("store_failed", `${message}: give this server another file`);
}

/**
 * The same, of a database that this server may serve.
 *
 * @throws StoreError if this server must not touch it
 */
export function schemaOf(database: Database, known = schemaKnown): number {
  const schema = foundSchema(database);
  assertKnown(`the database ${database.name}`, schema, known);
  return schema;
}

/**
 * @param name of the database, in a sentence
 * @throws StoreError if the schema is newer than what is known
 */
export function assertKnown(name: string, schema: number, known = schemaKnown): void {
  if (schema <= known) return;
  const versions = `has schema version ${schema}, and this server knows version ${known}`;
  const advice = "start the server that wrote it, or a newer one";
  throw new StoreError("store_failed", `${name} ${versions}: ${advice}`);
}

/** @throws StoreError, and what SQLite throws; the database is then at the last one that succeeded */
export function migrate(
  database: Database,
  known: readonly Migration[] = migrations,
  onMigrated: OnMigrated = () => {},
): void {
  for (const migration of known.slice(schemaOf(database, known.length))) {
    const apply = database.transaction(() => {
      for (const statement of changes(migration)) database.exec(statement);
    });
    apply.immediate();
    onMigrated(migration);
  }
}

/** Of a migration, its number included. */
function changes({ number, sqlite }: Migration): readonly string[] {
  return [...sqlite, `PRAGMA user_version = ${number}`];
}

/**
 * What `migrate` would do to a file of this schema, for somebody who does it by hand with `sqlite3`.
 * The tool must stop at the first error, or it would go on in the midst of a transaction.
 */
export function sqliteScript(schema: number, known: readonly Migration[] = migrations): string {
  const blocks = known.slice(schema).map((migration) => {
    const statements = ["BEGIN IMMEDIATE", ...guard(migration), ...changes(migration), "COMMIT"];
    return block(migration, statements);
  });
  return `.bail on\nPRAGMA journal_mode = WAL;\n${blocks.join("")}`;
}

/** SQLite raises errors of our own choice nowhere but in a constraint. */
function guard({ number }: Migration): readonly string[] {
  const name = `the schema is not ${number - 1}: ask for another plan`;
  return [
    `CREATE TEMP TABLE plan (found INTEGER CONSTRAINT "${name}" CHECK (found = ${number - 1}))`,
    "INSERT INTO temp.plan SELECT user_version FROM pragma_user_version",
    "DROP TABLE temp.plan",
  ];
}

/** A migration within a script. */
export function block({ number, name }: Migration, statements: readonly string[]): string {
  return `\n-- ${number} ${name}\n${statements.map((statement) => `${statement};\n`).join("")}`;
}
