// What an error of Postgres means for the commands that it strikes. As with SQLite the ground is
// whether the transaction is known to be without effect: it is until COMMIT is sent. From then on,
// only a server that says why it has rolled back is believed; a connection that breaks, or an answer
// that does not come, may have been a commit (simulation.md §10.1, 6). Nothing here is fatal: whoever
// asks again gets another connection.
//
//   E1. Before COMMIT is sent, whatever fails has had no effect.
//   E2. A connection that is lost while COMMIT is under way leaves an unknown outcome.
//   E3. A commit that a rival made impossible (40001, 40P01, and 22012, by which our statements say so)
//       has had no effect, and may be repeated.
//   E4. COMMIT goes out along with the last statements. Of one of those that fails, E1 holds if the server
//       answers COMMIT with ROLLBACK; without that answer E2 holds: a pooler that has lost the server says
//       so to whichever statement is not answered yet, be it committed or not.
//   E5. COMMIT with a warning is of unknown outcome: so a server answers that was told not to wait for its
//       standby, on which the transaction may be missing.

import { DatabaseError } from "pg";
import { StoreError } from "./store.ts";

/** `write` is all of a writing transaction until its COMMIT is sent; `commit` is that alone. */
export type Phase = "read" | "write" | "commit";

type Meaning = "store_overloaded" | "store_failed" | "outcome_unknown" | "bug";
type Meanings = Readonly<Record<Phase, Meaning>>;

/** By SQLSTATE, or by the first two characters, which are its class. */
// biome-ignore format: a table is read down its columns
export const meanings: Readonly<Record<string, Meanings>> = {
  // A rival was faster, or two waited for each other; rolled back.
  "40":    { read: "store_overloaded", write: "store_overloaded", commit: "store_overloaded" },
  "22012": { read: "bug",              write: "store_overloaded", commit: "store_overloaded" },
  "40003": { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  // Disk, memory or connections are used up; rolled back.
  "53":    { read: "store_overloaded", write: "store_overloaded", commit: "store_overloaded" },
  // A lock or a statement took too long.
  "55P03": { read: "store_overloaded", write: "store_overloaded", commit: "store_overloaded" },
  "57014": { read: "store_overloaded", write: "store_overloaded", commit: "outcome_unknown" },
  // The server is stopped, starts, or has thrown us out.
  "57":    { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  // The connection is broken.
  "08":    { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  // The transaction is gone, or the server is a standby now.
  "25":    { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  // We are not let in, or the database, the schema or a table is gone.
  "28":    { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  "3D":    { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  "3F":    { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  "42501": { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  "42P01": { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  // A prepared statement is gone, or there already: somebody between us and the server shares sessions.
  "26":    { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  "42P05": { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  // The machine, the files or the server are broken.
  "58":    { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  "F0":    { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  "XX":    { read: "store_failed",     write: "store_failed",     commit: "outcome_unknown" },
  // A row that should not be there, as after damage; rolled back.
  "23":    { read: "store_failed",     write: "store_failed",     commit: "store_failed" },
};

/** Our statements are wrong, or what they assume. */
const unlisted: Meanings = { read: "bug", write: "bug", commit: "outcome_unknown" };

/** Of what pg and the sockets say themselves, in no fixed words: what is left of the connection. */
const connectionLost: Meanings = {
  read: "store_failed",
  write: "store_failed",
  commit: "outcome_unknown",
};

/** pg's own, which carry no code (pg 8.23, client.js and query.js). */
const saidByClient = [
  "Connection terminated",
  "Query read timeout",
  "Client has encountered a connection error and is not queryable",
  "Client was closed and is not queryable",
];

/** @returns what to throw: a bug is thrown as it came */
export function translate(error: unknown, phase: Phase, isLost = false): unknown {
  const found = meaningsOf(error, isLost);
  if (found === null || !(error instanceof Error)) return error;
  const meaning = found[phase];
  if (meaning === "bug") return error;
  return new StoreError(meaning, `Postgres, ${phase}: ${words(error)}`, { cause: error });
}

/** For a connection that could not be had: nothing was asked, so nothing is unknown. */
export function unconnected(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TypeError) return error;
  const isExhausted = error.message === "timeout exceeded when trying to connect"; // pg-pool
  const isFull = error instanceof DatabaseError && (error.code ?? "").startsWith("53");
  const failure = isExhausted || isFull ? "store_overloaded" : "store_failed";
  return new StoreError(failure, `Postgres, connect: ${words(error)}`, { cause: error });
}

/** E3. */
export function isRepeatable(error: unknown): boolean {
  const cause = error instanceof StoreError ? error.cause : error;
  return cause instanceof DatabaseError && rivalries.has(cause.code ?? "");
}

const rivalries = new Set(["40001", "40P01", "22012"]);

/** What is stored is damaged, where it was read: `data_corrupted`, `index_corrupted`. */
export function isDamage(error: unknown): boolean {
  const cause = error instanceof StoreError ? error.cause : error;
  return cause instanceof DatabaseError && (cause.code === "XX001" || cause.code === "XX002");
}

function meaningsOf(error: unknown, isLost: boolean): Meanings | null {
  if (error instanceof DatabaseError) {
    const code = error.code ?? "";
    return meanings[code] ?? meanings[code.slice(0, 2)] ?? unlisted;
  }
  return isLost || isOfConnection(error) ? connectionLost : null;
}

function isOfConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const isOfSystem = "syscall" in error || ("code" in error && /^E[A-Z]+$/.test(`${error.code}`));
  return isOfSystem || saidByClient.some((text) => error.message.startsWith(text));
}

/** For the operator. Of a host with several addresses the error is one of errors, without a word of its own. */
export function words(error: Error): string {
  const code = "code" in error && typeof error.code === "string" ? `${error.code}, ` : "";
  const each: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  const messages = each.map((one) => (one instanceof Error ? one.message : String(one)));
  return `${code}${error.message === "" ? messages.join(", ") : error.message}`;
}
