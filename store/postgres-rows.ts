// Rows as Postgres gives them, 64-bit integers as bigints, and what rows.ts makes of them.

import type { Stream, StreamKey } from "../kernel/stream.ts";
import { int64 } from "./members.ts";
import {
  type EventRow,
  eventOf,
  type FoundRow,
  type KeyRow,
  keyOf,
  type ListedRow,
  promiseOf,
  type StreamRow,
  streamOf,
} from "./rows.ts";

/** The columns of `Row`, their counts as bigints. */
type Big<Row, Counts extends keyof Row> = Omit<Row, Counts> & Readonly<Record<Counts, bigint>>;

export type PostgresStream = Big<StreamRow, "version" | "revision">;

/** `place` counts from one. */
export type LoadedRow = PostgresStream & { readonly place: bigint };
export type LockedRow = {
  readonly place: bigint;
  readonly version: bigint;
  readonly revision: bigint;
  readonly waiting: string | null;
};

/** The dates are the same in every row; the rest is null in a row that stands for none. */
export type ClaimedRow = Nullable<KeyedStream> & {
  readonly left_at: bigint | null;
  readonly passed_at: bigint | null;
  readonly ends_at: bigint | null;
};

type KeyedStream = PostgresStream & KeyRow;

type Nullable<Row> = { readonly [Column in keyof Row]: Row[Column] | null };

/** `available` counts the rows that there are, whether the page is cut before them or not. */
export type PostgresEvent = Big<EventRow, "position" | "version" | "at"> & {
  readonly stream_kind: string;
  readonly id: string;
  readonly available: bigint;
};

export type PostgresFound = Big<FoundRow, "number"> & { readonly available: bigint };

export type PostgresListed = ListedRow & { readonly available: bigint };

/** A place, and the stream that is there; nulls if there is none. */
export type PostgresWaiting = Nullable<KeyedStream> & {
  readonly offered_at: bigint;
  readonly stream: bigint;
  readonly available: bigint;
};

export function loadedOf(key: StreamKey, row: PostgresStream): Stream {
  return streamOf(key, {
    ...{ version: Number(row.version), revision: Number(row.revision) },
    ...{ schema: row.schema, snapshot: row.snapshot, timers: row.timers },
  });
}

/** Null: the row stands for no stream. */
export function keyedOf(row: Nullable<KeyedStream>): Stream | null {
  const { kind, id, version, revision, schema, snapshot, timers } = row;
  if (kind === null || id === null || version === null || revision === null) return null;
  if (schema === null || snapshot === null) return null;
  return loadedOf(keyOf({ kind, id }), { version, revision, schema, snapshot, timers });
}

/** Null: none was claimed. */
export function claimedKeyOf({ kind, id }: Nullable<KeyRow>): StreamKey | null {
  return kind === null || id === null ? null : keyOf({ kind, id });
}

export function loggedOf(row: PostgresEvent) {
  const { position, version, at, stream_kind: kind, id, ...event } = row;
  return eventOf(keyOf({ kind, id }), {
    ...event,
    ...{ position: Number(position), version: Number(version), at: Number(at) },
  });
}

export function foundOf({ number, id, schema, snapshot }: PostgresFound) {
  return promiseOf({ number: Number(number), id, schema, snapshot });
}

export function dateOf(date: bigint | null) {
  return date === null ? null : int64(date);
}
