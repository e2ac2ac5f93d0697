// How streams and events are written into the tables of SQLite, row by row: for the store, and for a copy
// of another store.

import type { StreamKey, Write } from "../kernel/stream.ts";
import { encodeSnapshot, encodeTimers, snapshotSchema } from "./codec.ts";
import { type Columns, columns } from "./columns.ts";
import type { EventRow } from "./rows.ts";
import type { Statements } from "./sqlite-statements.ts";
import { decodeWaiting } from "./waiting-rows.ts";

/** A write, and its column for who waits. */
export type Waited = Write & { readonly waiting: string | null };

export type StreamPlace = {
  /** The position of its first event. */
  readonly number: number;
  readonly key: StreamKey;
};

/** A new stream, its tags, and what waits. */
export function insertStream(
  statements: Statements,
  { number, key: { kind, id }, revision }: StreamPlace & { readonly revision: number },
  write: Waited,
): void {
  const found = columns(write.snapshot);
  const { timeoutAt = null, branch = null } = found ?? {};
  const isTimer = found === null ? null : Number(found.isTimer);
  const row = rowOf(write, found, revision);
  statements.insertStream.run(number, kind, id, ...row, timeoutAt, isTimer, branch);
  for (const [name, value] of found?.tags ?? []) statements.insertTag.run(name, value, number);
  keepWaiting(statements, number, { before: null, after: write.waiting });
}

/** What each write with events sets (queries.ts). */
export function rowOf(write: Waited, found: Columns | null, revision: number) {
  const { version, snapshot, timers, dueAt, waiting } = write;
  return [
    version,
    revision,
    dueAt,
    found?.state ?? null,
    snapshotSchema,
    encodeSnapshot(snapshot),
    encodeTimers(timers),
    found?.taskState ?? null,
    waiting,
  ] as const;
}

/** Keeps the table as the column says. */
export function keepWaiting(
  { insertWaiting, deleteWaiting }: Statements,
  number: number,
  { before, after }: { readonly before: string | null; readonly after: string | null },
): void {
  if (before === after) return;
  for (const { receiver, offeredAt } of decodeWaiting(before)) {
    deleteWaiting.run(receiver, offeredAt, number);
  }
  for (const { receiver, offeredAt } of decodeWaiting(after)) {
    insertWaiting.run(receiver, offeredAt, number);
  }
}

export function insertEvent(
  statements: Statements,
  { number, key }: StreamPlace,
  { position, version, kind, schema, at, command, data }: EventRow,
): void {
  const named = version === 1 ? key.id : null; // the log names each stream once
  const place = [position, number, version] as const;
  statements.insertEvent.run(...place, kind, schema, at, command, named, data);
}
