// What SQLite's errors mean, phase by phase. The rows are those that a decision hangs on.

import Sqlite from "better-sqlite3";
import { expect, test } from "vitest";
import { type Phase, translate } from "../../store/sqlite-errors.ts";
import { StoreError } from "../../store/store.ts";

// biome-ignore format: a table is read down its columns
test.each([
  ["SQLITE_FULL",              "write",  "store_overloaded"],
  ["SQLITE_FULL",              "commit", "store_overloaded"],
  ["SQLITE_BUSY",              "read",   "store_failed"],
  ["SQLITE_BUSY_SNAPSHOT",     "write",  "store_failed"],
  ["SQLITE_BUSY",              "commit", "store_failed"],
  ["SQLITE_LOCKED_SHAREDCACHE","write",  "store_failed"],
  ["SQLITE_IOERR_READ",        "read",   "store_failed"],
  ["SQLITE_IOERR_WRITE",       "write",  "store_failed"],
  ["SQLITE_IOERR_FSYNC",       "commit", "outcome_unknown, fatal"],
  ["SQLITE_CORRUPT_VTAB",      "commit", "outcome_unknown, fatal"],
  ["SQLITE_READONLY_DBMOVED",  "commit", "outcome_unknown, fatal"],
  ["SQLITE_NOMEM",             "commit", "outcome_unknown, fatal"],
  ["SQLITE_ERROR",             "commit", "outcome_unknown, fatal"],
  ["UNKNOWN_SQLITE_ERROR_NNN", "commit", "outcome_unknown, fatal"],
  ["SQLITE_CONSTRAINT_UNIQUE", "write",  "bug"],
  ["SQLITE_ERROR",             "read",   "bug"],
] as const)("sqlite errors: %s at %s is %s", (code, phase, meaning) => {
  expect(said(new Sqlite.SqliteError("", code), phase)).toBe(meaning);
});

test("sqlite errors: what SQLite did not throw stays what it is", () => {
  expect(said(new TypeError("ours"), "commit")).toBe("bug");
  const known = new StoreError("record_unreadable", "");
  expect(translate(known, "read")).toBe(known);
});

function said(error: unknown, phase: Phase): string {
  const translated = translate(error, phase);
  if (!(translated instanceof StoreError)) return translated === error ? "bug" : "lost";
  return translated.isFatal ? `${translated.failure}, fatal` : translated.failure;
}
