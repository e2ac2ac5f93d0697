// What is read in pages, each in a transaction that its caller has begun. A statement brings as much as a
// page may hold by the weights that are stored; where a page can hold more, it is gone on with.

import { instantMs } from "../kernel/ids.ts";
import { isListed, type Listed, type ListQuery, type ListRow } from "../kernel/list.ts";
import {
  eventWeight,
  type Found,
  type LogPage,
  type LogRange,
  type PromiseQuery,
  weight,
} from "../kernel/search.ts";
import type { Stream, StreamKey } from "../kernel/stream.ts";
import type { WaitingPage, WaitingPlace, WaitingQuery } from "../kernel/waiting.ts";
import { Undecodable } from "./members.ts";
import type { Bounds, Reading } from "./page.ts";
import { list } from "./postgres-list.ts";
import { digest } from "./postgres-plan.ts";
import type { Session } from "./postgres-pool.ts";
import * as queries from "./postgres-queries.ts";
import {
  foundOf,
  keyedOf,
  loggedOf,
  type PostgresEvent,
  type PostgresFound,
  type PostgresListed,
  type PostgresWaiting,
} from "./postgres-rows.ts";
import { search } from "./postgres-search.ts";
import { listedOf } from "./rows.ts";
import { StoreError } from "./store.ts";
import { streamWeight } from "./weight.ts";

/** `available`: how many rows there are within the limit, whether all of them were brought or not. */
type Piece = { readonly available: bigint };

export function find(session: Session, query: PromiseQuery): Promise<Found> {
  const start = query.before === null ? null : BigInt(query.before);
  const rows = pieces(query, (last: PostgresFound | undefined) => {
    const { sql, parameters } = search(query, last?.number ?? start);
    return session.rows<PostgresFound>(sql, parameters);
  });
  const read = (row: PostgresFound) => readable(`the promise ${row.id}`, () => foundOf(row));
  return page(rows, query, { read, weight });
}

export function listed(session: Session, query: ListQuery): Promise<Listed> {
  const rows = pieces(query, (last: PostgresListed | undefined) => {
    const { sql, parameters } = list(query, last?.id ?? query.after);
    return session.rows<PostgresListed>(sql, parameters);
  });
  const read = (row: PostgresListed) => readable(`the stream ${row.id}`, () => listedOf(row));
  if (query.of === "promise") return page(rows, query, { read, weight: streamWeight });
  const found = listedOnly(rows, query, read);
  return page(found, query, { read: (row) => row, weight: streamWeight });
}

/** Schedules are few, and their tags are in no column. */
async function* listedOnly(
  rows: AsyncIterable<PostgresListed>,
  query: ListQuery,
  read: (row: PostgresListed) => ListRow,
): AsyncGenerator<ListRow> {
  for await (const row of rows) {
    const found = read(row);
    if (isListed(query, found.state)) yield found;
  }
}

/** A stream that cannot be read is passed over, as when it is due (A6). */
export async function waiting(session: Session, query: WaitingQuery): Promise<WaitingPage> {
  const { receiver, before, after, limit, weightMax } = query;
  const rows = pieces(query, (last: PostgresWaiting | undefined) => {
    const { offered_at, stream } = last ?? placeOf(after);
    const values = [digest(receiver), before, offered_at, stream, limit + 1, weightMax];
    return session.rows<PostgresWaiting>(queries.selectWaiting, values);
  });
  const streams: Stream[] = [];
  let sum = 0;
  let next: WaitingPlace | null = null;
  for await (const row of rows) {
    if (streams.length >= limit || sum >= weightMax) return { streams, next };
    next = { offeredAt: instantMs(Number(row.offered_at)), number: Number(row.stream) };
    const stream = orNull(() => keyedOf(row));
    if (stream === null) continue;
    streams.push(stream);
    sum += streamWeight(stream);
  }
  return { streams, next: null };
}

function placeOf(after: WaitingPlace | null): { offered_at: bigint; stream: bigint } {
  if (after === null) return { offered_at: -1n, stream: 0n };
  return { offered_at: BigInt(after.offeredAt), stream: BigInt(after.number) };
}

/** @param end up to which position the log is whole */
export async function log(session: Session, range: LogRange, end: bigint): Promise<LogPage> {
  const { limit, weightMax } = range;
  const rows = pieces(range, (last: PostgresEvent | undefined) => {
    const after = last?.position ?? range.after;
    return session.rows<PostgresEvent>(queries.selectLog, [limit + 1, weightMax, after, end]);
  });
  const { rows: events } = await page(rows, range, readingEvents);
  const [found] = await session.rows<{ readonly last: bigint | null }>(queries.selectEnd, [end]);
  return { events, end: Number(found?.last ?? 0) };
}

export async function history(
  session: Session,
  { kind, id }: StreamKey,
  range: LogRange,
): Promise<LogPage> {
  const { limit, weightMax } = range;
  const rows = pieces(range, (last: PostgresEvent | undefined) => {
    const values = [limit + 1, weightMax, last?.version ?? range.after, kind, id];
    return session.rows<PostgresEvent>(queries.selectHistory, values);
  });
  const { rows: events } = await page(rows, range, readingEvents);
  const [found] = await session.rows<{ readonly version: bigint }>(queries.selectVersion, [
    ...[kind, id],
  ]);
  return { events, end: Number(found?.version ?? 0) };
}

const readingEvents = {
  read: (row: PostgresEvent) => {
    return readable(`the event at ${row.position}`, () => loggedOf(row));
  },
  weight: eventWeight,
};

/**
 * All rows, asked for as they are wanted.
 *
 * @param ask for one more than `limit` of the rows behind this one; undefined: from the first
 */
async function* pieces<Stored extends Piece>(
  { limit }: Bounds,
  ask: (last: Stored | undefined) => Promise<readonly Stored[]>,
): AsyncGenerator<Stored> {
  let last: Stored | undefined;
  for (;;) {
    const more = await ask(last);
    yield* more;
    if (more.length <= limit && BigInt(more.length) === (more[0]?.available ?? 0n)) return;
    last = more.at(-1);
  }
}

/** As page.ts cuts it. */
async function page<Stored, Row>(
  stored: AsyncIterable<Stored>,
  { limit, weightMax }: Bounds,
  { read, weight }: Reading<Stored, Row>,
): Promise<{ readonly rows: readonly Row[]; readonly hasMore: boolean }> {
  const rows: Row[] = [];
  let sum = 0;
  for await (const each of stored) {
    if (rows.length >= limit || sum >= weightMax) return { rows, hasMore: true };
    const row = read(each);
    rows.push(row);
    sum += weight(row);
  }
  return { rows, hasMore: false };
}

/** Null for a damaged record. */
export function orNull<Read>(read: () => Read): Read | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Undecodable) return null;
    throw error;
  }
}

/** A6. @throws StoreError */
export function readable<Read>(what: string, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    throw new StoreError("record_unreadable", `${what}: ${error.message}`, { cause: error });
  }
}
