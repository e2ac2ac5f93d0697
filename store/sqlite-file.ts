// A SQLite database as a server holds it: locked against a second server, durable, at our schema.
//
//   F1. One server a file. The lock is a transaction on an empty database beside it, `<path>-lock`,
//       so that the end of the process releases it, however it comes, and readers are not in its way.
//   F2. What is committed survives a power cut: WAL with FULL syncs, EXTRA where WAL is not to be
//       had; read back from SQLite, not believed.

import { closeSync, existsSync, openSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import Sqlite, { type Database } from "better-sqlite3";
import { markIn, refuseUnfinished } from "./copy-mark.ts";
import {
  foundSchema,
  migrate,
  migrations,
  type OnMigrated,
  schemaKnown,
  schemaOf,
} from "./migrate.ts";
import { refusal } from "./sqlite-errors.ts";
import { StoreError } from "./store.ts";

export type FileOptions = {
  /** How long a transaction waits for a lock that a backup or another tool holds, ms. */
  readonly busyTimeoutMs?: number;
  readonly onMigrated?: OnMigrated;
  /** Looks at the database before anything in it is changed; throws what is against it. */
  readonly admit?: (database: Database) => void;
};

export type SqliteFile = { readonly database: Database; close(): void };

/** Without a file there is nothing to lock and nothing to survive. */
export const inMemory = ":memory:";

/** As the old server's flag (promise-api.md §6.1). */
const busyTimeoutMs = 10_000;

/** Pages of 4 KiB in the WAL before a commit writes them back. Measured: see DESIGN.md. */
const checkpointPages = 4_000;

/** What a WAL that has once been longer is cut to, bytes: twice a usual one. */
const walBytesKept = 32 * 1024 * 1024;

/** KiB. Arbitrary: the upper levels of every index at some ten million promises. */
const cacheKib = 64 * 1024;

/** @throws StoreError if it cannot be served, with what to do about it */
export function openFile(path: string, options: FileOptions = {}): SqliteFile {
  if (path === inMemory) return opened(() => open(path, options), path);
  return opened(() => {
    const place = placeOf(path);
    const lock = acquire(place);
    try {
      const { database } = open(place, options);
      const close = () => {
        database.close();
        lock.close(); // last, so that nobody finds the file free while it is still open
      };
      return { database, close };
    } catch (error) {
      lock.close();
      throw error;
    }
  }, path);
}

/** For a tool: it changes nothing, and a server may run beside it. */
export function openReadOnly(path: string): SqliteFile {
  return opened(() => {
    const database = new Sqlite(path, { readonly: true, fileMustExist: true });
    try {
      const schema = schemaOf(database);
      if (schema !== schemaKnown) {
        const versions = `has schema version ${schema}, and this program reads ${schemaKnown}`;
        throw new StoreError("store_failed", `${path} ${versions}: start a server on it first`);
      }
      return { database, close: () => database.close() };
    } catch (error) {
      database.close();
      throw error;
    }
  }, path);
}

/** For a copy: it changes nothing, and no server runs on the file until it is closed. */
export function openIdle(path: string): SqliteFile {
  if (!existsSync(path)) throw new StoreError("store_failed", `there is no file ${path}`);
  return opened(() => {
    const lock = acquire(realpathSync(path));
    try {
      const database = new Sqlite(path, { readonly: true, fileMustExist: true });
      const close = () => {
        database.close();
        lock.close();
      };
      return { database, close };
    } catch (error) {
      lock.close();
      throw error;
    }
  }, path);
}

/**
 * The schema of a file that may be newer than we know; 0: it is empty, or there is none, and none is made.
 *
 * @throws StoreError if it is not ours, or cannot be read
 */
export function readSchema(path: string): number {
  if (path === inMemory || !existsSync(path)) return 0;
  return opened(() => {
    const database = new Sqlite(path, { readonly: true, fileMustExist: true });
    try {
      return foundSchema(database);
    } finally {
      database.close();
    }
  }, path);
}

function opened<Opened>(open: () => Opened, path: string): Opened {
  try {
    return open();
  } catch (error) {
    throw refusal(error, path);
  }
}

function open(path: string, options: FileOptions): SqliteFile {
  const database = new Sqlite(path, { timeout: options.busyTimeoutMs ?? busyTimeoutMs });
  try {
    schemaOf(database); // a file that is not ours is left as it is
    (options.admit ?? refuseHalf)(database);
    if (path !== inMemory) makeDurable(database);
    database.pragma(`cache_size = ${-cacheKib}`);
    database.pragma("temp_store = MEMORY");
    migrate(database, migrations, options.onMigrated);
    return { database, close: () => database.close() };
  } catch (error) {
    database.close();
    throw error;
  }
}

function refuseHalf(database: Database): void {
  refuseUnfinished(markIn(database));
}

/** F2. */
function makeDurable(database: Database): void {
  const mode = database.pragma("journal_mode = WAL", { simple: true });
  const [name, level] = mode === "wal" ? ["FULL", 2] : ["EXTRA", 3];
  database.pragma(`synchronous = ${name}`);
  const found = database.pragma("synchronous", { simple: true });
  if (found !== level) {
    const because = `synchronous is ${found} in journal mode ${mode}, and must be ${name}`;
    throw new StoreError(
      "store_failed",
      `the database ${database.name} is not durable: ${because}`,
    );
  }
  database.pragma("fullfsync = ON"); // elsewhere than on macOS it changes nothing
  database.pragma(`wal_autocheckpoint = ${checkpointPages}`);
  database.pragma(`journal_size_limit = ${walBytesKept}`);
}

/** F1. */
function acquire(path: string): Database {
  const lock = new Sqlite(`${path}-lock`, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (!(error instanceof Sqlite.SqliteError) || error.code !== "SQLITE_BUSY") throw error;
    const advice = "stop that one first, or give this one a file of its own";
    const message = `the database ${path} is in use by another Resonate server: ${advice}`;
    throw new StoreError("store_failed", message, { cause: error });
  }
}

/**
 * One name for one file, however it is reached, or two servers would hold two locks. The file is made
 * first: until it is there, nobody can tell where a link leads.
 */
function placeOf(path: string): string {
  if (!existsSync(path)) make(path);
  return realpathSync(path);
}

/** Empty, which to SQLite is a database without tables. */
function make(path: string): void {
  const folder = dirname(path);
  if (!existsSync(folder)) {
    throw new StoreError("store_failed", `the folder ${folder} does not exist: create it first`);
  }
  try {
    closeSync(openSync(path, "a"));
  } catch (cause) {
    const because = cause instanceof Error ? cause.message : String(cause);
    const message = `the database ${path} cannot be made: ${because}`;
    throw new StoreError("store_failed", message, { cause });
  }
}
