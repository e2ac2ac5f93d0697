// What an error of SQLite means for the commands that it strikes. The ground is whether the
// transaction is known to be without effect: until COMMIT is called it can be rolled back, and a
// COMMIT that fails in a way not listed here may be on the disk or not (promise-api.md §6.3, §7).

import Sqlite from "better-sqlite3";
import { StoreError } from "./store.ts";

/** `write` is all of a writing transaction up to its COMMIT; `commit` is that alone. */
export type Phase = "read" | "write" | "commit";

type Meaning = "store_overloaded" | "store_failed" | "outcome_unknown" | "bug";

/** By primary code; extended ones (SQLITE_IOERR_FSYNC) mean what their family means. */
// biome-ignore format: a table is read down its columns
const meanings: Readonly<Record<string, Readonly<Record<Phase, Meaning>>>> = {
  // The disk, or a quota, is full; SQLite has rolled back, or lets us.
  SQLITE_FULL:     { read: "store_failed", write: "store_overloaded", commit: "store_overloaded" },
  // Another process holds a lock, a backup for one. A COMMIT that is refused so can be rolled back.
  SQLITE_BUSY:     { read: "store_failed", write: "store_failed",     commit: "store_failed" },
  SQLITE_LOCKED:   { read: "store_failed", write: "store_failed",     commit: "store_failed" },
  // The disk, the file or the machine is broken.
  SQLITE_IOERR:    { read: "store_failed", write: "store_failed",     commit: "outcome_unknown" },
  SQLITE_CORRUPT:  { read: "store_failed", write: "store_failed",     commit: "outcome_unknown" },
  SQLITE_NOTADB:   { read: "store_failed", write: "store_failed",     commit: "outcome_unknown" },
  SQLITE_NOMEM:    { read: "store_failed", write: "store_failed",     commit: "outcome_unknown" },
  SQLITE_CANTOPEN: { read: "store_failed", write: "store_failed",     commit: "outcome_unknown" },
  SQLITE_READONLY: { read: "store_failed", write: "store_failed",     commit: "outcome_unknown" },
  SQLITE_PERM:     { read: "store_failed", write: "store_failed",     commit: "outcome_unknown" },
  SQLITE_AUTH:     { read: "store_failed", write: "store_failed",     commit: "outcome_unknown" },
  SQLITE_PROTOCOL: { read: "store_failed", write: "store_failed",     commit: "outcome_unknown" },
  SQLITE_NOLFS:    { read: "store_failed", write: "store_failed",     commit: "outcome_unknown" },
  SQLITE_TOOBIG:   { read: "store_failed", write: "store_failed",     commit: "outcome_unknown" },
};

/** Our statements are wrong, or what they assume (SQLITE_ERROR, SQLITE_CONSTRAINT, …). */
const unlisted: Readonly<Record<Phase, Meaning>> = {
  read: "bug",
  write: "bug",
  commit: "outcome_unknown",
};

/** @returns what to throw: a bug is thrown as it came */
export function translate(error: unknown, phase: Phase): unknown {
  if (!(error instanceof Sqlite.SqliteError)) return error;
  const meaning = (meanings[primaryCode(error.code)] ?? unlisted)[phase];
  if (meaning === "bug") return error;
  const isFatal = meaning === "outcome_unknown";
  const message = `SQLite, ${phase}: ${error.code}, ${error.message}`;
  return new StoreError(meaning, message, { cause: error, isFatal });
}

/** A page, or what a row says of its pages, is damaged: a read goes on with the other rows. */
export function isCorrupt(error: unknown): boolean {
  return error instanceof Sqlite.SqliteError && primaryCode(error.code) === "SQLITE_CORRUPT";
}

/** For the opening of a file: all that SQLite says is a reason not to start. */
export function refusal(error: unknown, path: string): unknown {
  if (!(error instanceof Sqlite.SqliteError)) return error;
  const message = `the database ${path} cannot be opened: ${error.code}, ${error.message}`;
  return new StoreError("store_failed", message, { cause: error });
}

function primaryCode(code: string): string {
  return /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? "";
}
