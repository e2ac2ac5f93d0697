// Rows of the tables, and what they mean. Whatever stands in a row, reading it throws `Undecodable`
// at worst (codec.ts, T2): a file may have been damaged, or edited by hand.

import {
  commandId,
  type DeadlineMs,
  instantMs,
  position,
  streamRevision,
  streamVersion,
} from "../kernel/ids.ts";
import type { ListRow } from "../kernel/list.ts";
import type { FoundPromise, LoggedEvent } from "../kernel/search.ts";
import type { Stream, StreamKey } from "../kernel/stream.ts";
import {
  decodeEvent,
  decodePromiseStream,
  decodeSnapshot,
  decodeTimers,
  type StoredEvent,
  type StoredSnapshot,
} from "./codec.ts";
import { count, id, int64, nonEmpty, scheduleName, Undecodable } from "./members.ts";

/** What fences a stream, and names it in the other tables. */
export type FenceRow = {
  readonly number: number;
  readonly version: number;
  readonly revision: number;
  readonly waiting: string | null;
};

export type StreamRow = StoredSnapshot & {
  readonly version: number;
  readonly revision: number;
  readonly timers: string | null;
};

export type KeyRow = { readonly kind: string; readonly id: string };

/** Read with bigints, for the sake of the due date. */
export type DueRow = { readonly number: bigint; readonly due_at: bigint };

export type ListedRow = StoredSnapshot & KeyRow;

export type WaitingRow = { readonly offered_at: number; readonly stream: number };

export type FoundRow = StoredSnapshot & { readonly number: number; readonly id: string };

export type EventRow = StoredEvent & {
  readonly position: number;
  readonly version: number;
  readonly at: number;
  readonly command: string;
};

/** An event of the whole log, with the key of its stream. */
export type LogRow = EventRow & { readonly streamKind: string; readonly id: string };

/** As verify.ts reads it, with bigints. */
export type StreamsRow = KeyRow & {
  readonly number: bigint;
  readonly version: bigint;
  readonly revision: bigint;
  readonly schema: bigint;
  readonly snapshot: string;
  readonly timers: string | null;
  readonly due_at: bigint | null;
  readonly state: string | null;
  readonly timeout_at: bigint | null;
  readonly is_timer: bigint | null;
  readonly task_state: string | null;
  readonly branch: string | null;
  readonly waiting: string | null;
};

/** An event as verify.ts reads it; the first one of a stream carries its id, the others null. */
export type HistoryRow = EventRow & { readonly id: string | null };

/** The same in SQLite, where an event knows its stream by number. */
export type NumberedRow = HistoryRow & { readonly stream: number };

export function keyOf({ kind, id: name }: KeyRow): StreamKey {
  if (kind === "promise") return { kind, id: id(name) };
  if (kind === "schedule") return { kind, id: scheduleName(name) };
  throw new Undecodable(`a stream of the unknown kind ${kind}`);
}

export function streamOf(key: StreamKey, row: StreamRow): Stream {
  return {
    key,
    version: streamVersion(count(row.version)),
    revision: streamRevision(count(row.revision)),
    state: decodeSnapshot(key.kind, row),
    timers: decodeTimers(row.timers),
  };
}

export function dueAtOf({ due_at }: DueRow): DeadlineMs {
  return int64(due_at);
}

export function listedOf(row: ListedRow): ListRow {
  const key = keyOf(row);
  return { key, state: decodeSnapshot(key.kind, row) };
}

export function promiseOf(row: FoundRow): FoundPromise {
  const { promise } = decodePromiseStream(row);
  if (promise.kind === "absent") throw new Undecodable("no promise");
  return { id: id(row.id), position: position(count(row.number)), promise };
}

export function eventOf(key: StreamKey, row: EventRow): LoggedEvent {
  return {
    at: instantMs(count(row.at)),
    command: commandId(nonEmpty(row.command)),
    event: decodeEvent(row),
    position: position(count(row.position)),
    key,
    version: streamVersion(count(row.version)),
  };
}
