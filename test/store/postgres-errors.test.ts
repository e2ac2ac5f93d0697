// What Postgres's errors mean, phase by phase: every row of the table once, and those that a decision
// hangs on by their own code.

import { DatabaseError } from "pg";
import { expect, test } from "vitest";
import {
  isRepeatable,
  meanings,
  type Phase,
  translate,
  unconnected,
} from "../../store/postgres-errors.ts";
import { StoreError } from "../../store/store.ts";

const phases = ["read", "write", "commit"] as const;

function said(error: unknown, phase: Phase, isLost = false): string {
  const translated = translate(error, phase, isLost);
  if (!(translated instanceof StoreError)) return translated === error ? "bug" : "lost";
  expect(translated.isFatal).toBe(false); // the server goes on, with another connection
  expect(translated.cause).toBe(error);
  return translated.failure;
}

function raised(code: string): DatabaseError {
  const error = new DatabaseError("told to", 0, "error");
  error.code = code;
  return error;
}

/** read, write, commit */
// biome-ignore format: a table is read down its columns
const rows: readonly (readonly [code: string, row: string, ...said: string[]])[] = [
  ["40001", "40",    "store_overloaded", "store_overloaded", "store_overloaded"],
  ["40P01", "40",    "store_overloaded", "store_overloaded", "store_overloaded"],
  ["22012", "22012", "bug",              "store_overloaded", "store_overloaded"],
  ["40003", "40003", "store_failed",     "store_failed",     "outcome_unknown"],
  ["53100", "53",    "store_overloaded", "store_overloaded", "store_overloaded"],
  ["53200", "53",    "store_overloaded", "store_overloaded", "store_overloaded"],
  ["53300", "53",    "store_overloaded", "store_overloaded", "store_overloaded"],
  ["55P03", "55P03", "store_overloaded", "store_overloaded", "store_overloaded"],
  ["57014", "57014", "store_overloaded", "store_overloaded", "outcome_unknown"],
  ["57P01", "57",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["57P02", "57",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["57P03", "57",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["08006", "08",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["25006", "25",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["25P03", "25",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["28P01", "28",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["3D000", "3D",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["3F000", "3F",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["42501", "42501", "store_failed",     "store_failed",     "outcome_unknown"],
  ["42P01", "42P01", "store_failed",     "store_failed",     "outcome_unknown"],
  ["26000", "26",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["42P05", "42P05", "store_failed",     "store_failed",     "outcome_unknown"],
  ["58030", "58",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["F0000", "F0",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["XX001", "XX",    "store_failed",     "store_failed",     "outcome_unknown"],
  ["23505", "23",    "store_failed",     "store_failed",     "store_failed"],
  ["42601", "",      "bug",              "bug",              "outcome_unknown"],
  ["22021", "",      "bug",              "bug",              "outcome_unknown"],
  ["0A000", "",      "bug",              "bug",              "outcome_unknown"],
];

test.each(rows)("postgres errors: E1, E2 %s", (code, _row, ...expected) => {
  expect(phases.map((phase) => said(raised(code), phase))).toEqual(expected);
});

test("postgres errors: every row of the table is tested", () => {
  const tested = new Set(rows.map(([, row]) => row));
  expect(Object.keys(meanings).filter((row) => !tested.has(row))).toEqual([]);
});

const lost = ["store_failed", "store_failed", "outcome_unknown"];

test.each([
  Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", syscall: "read" }),
  Object.assign(new Error("write EPIPE"), { code: "EPIPE", syscall: "write" }),
  new Error("Connection terminated unexpectedly"),
  new Error("Connection terminated"),
  new Error("Query read timeout"),
  new Error("Client has encountered a connection error and is not queryable"),
  new Error("Client was closed and is not queryable"),
])("postgres errors: E2 a connection is lost: %s", (error) => {
  expect(phases.map((phase) => said(error, phase))).toEqual(lost);
});

test("postgres errors: E2 whatever is thrown on a connection that is lost comes of that", () => {
  const error = new Error("in no words that we know");
  expect(phases.map((phase) => said(error, phase, true))).toEqual(lost);
  expect(phases.map((phase) => said(error, phase))).toEqual(["bug", "bug", "bug"]);
});

test("postgres errors: what Postgres did not throw stays what it is", () => {
  expect(said(new TypeError("ours"), "commit")).toBe("bug");
  const known = new StoreError("record_unreadable", "");
  expect(translate(known, "read")).toBe(known);
  expect(translate("no error", "read", true)).toBe("no error");
});

test.each([
  [new Error("timeout exceeded when trying to connect"), "store_overloaded"],
  [raised("53300"), "store_overloaded"],
  [raised("28P01"), "store_failed"],
  [raised("57P03"), "store_failed"],
  [new Error("The server does not support SSL connections"), "store_failed"],
  [Object.assign(new Error("self-signed certificate"), { code: "X" }), "store_failed"],
  [Object.assign(new AggregateError([]), { code: "ECONNREFUSED" }), "store_failed"],
])("postgres errors: K1 without a connection nothing is unknown: %s", (error, failure) => {
  expect(unconnected(error)).toMatchObject({ failure, isFatal: false, cause: error });
});

test("postgres errors: of a host with several addresses each is told", () => {
  const each = ["::1", "127.0.0.1"].map((address) => new Error(`connect ECONNREFUSED ${address}`));
  const error = Object.assign(new AggregateError(each), { code: "ECONNREFUSED" });
  expect(unconnected(error)).toMatchObject({
    message:
      "Postgres, connect: ECONNREFUSED, connect ECONNREFUSED ::1, connect ECONNREFUSED 127.0.0.1",
  });
});

test("postgres errors: a bug at connecting stays one", () => {
  const bug = new TypeError("ours");
  expect(unconnected(bug)).toBe(bug);
});

test("postgres errors: E3 what a rival made impossible may be repeated", () => {
  const codes = ["40001", "40P01", "40003", "23505", "57014", "57P01"];
  const repeatable = codes.filter((code) => isRepeatable(translate(raised(code), "write")));
  expect(repeatable).toEqual(["40001", "40P01"]);
  expect(isRepeatable(raised("40001"))).toBe(true);
  expect(isRepeatable(new Error("40001"))).toBe(false);
});
