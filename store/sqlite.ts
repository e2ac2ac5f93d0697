// The store of a single server: one SQLite file, one connection, every call answered at once.
//
// A batch is one `load`, which is one read transaction, and one `commit`, which is one write
// transaction with one sync. Rows are written one by one through prepared statements: measured, it
// is no slower than one statement for all of them (DESIGN.md).

import type { Database } from "better-sqlite3";
import { assert } from "../kernel/assert.ts";
import { earliest, type InstantMs, instantMs, isDue } from "../kernel/ids.ts";
import { isListed, type Listed, type ListQuery, type ListRow } from "../kernel/list.ts";
import type { Due, DueBounds, Loaded } from "../kernel/ports.ts";
import {
  eventWeight,
  type Found,
  type LogPage,
  type LogRange,
  type PromiseQuery,
  weight,
} from "../kernel/search.ts";
import type { Component, Stream, StreamKey, Write } from "../kernel/stream.ts";
import type { WaitingPage, WaitingPlace, WaitingQuery } from "../kernel/waiting.ts";
import { Claims } from "./claims.ts";
import { encodeEvent, encodeTimers, eventSchema } from "./codec.ts";
import { columns } from "./columns.ts";
import { Undecodable } from "./members.ts";
import { page } from "./page.ts";
import { breakIn, type Probe, unprobed } from "./probe.ts";
import {
  dueAtOf,
  type EventRow,
  eventOf,
  type FenceRow,
  keyOf,
  type ListedRow,
  listedOf,
  promiseOf,
  streamOf,
} from "./rows.ts";
import { isCorrupt, type Phase, translate } from "./sqlite-errors.ts";
import { type FileOptions, openFile, type SqliteFile } from "./sqlite-file.ts";
import { ListSearch } from "./sqlite-list.ts";
import { insertEvent, insertStream, keepWaiting, rowOf, type Waited } from "./sqlite-rows.ts";
import { Search } from "./sqlite-search.ts";
import { Shapes } from "./sqlite-shapes.ts";
import { prepare, type Statements } from "./sqlite-statements.ts";
import { type Store, StoreError, unwritten } from "./store.ts";
import { encodeWaiting } from "./waiting-rows.ts";
import { streamWeight } from "./weight.ts";

/**
 * @param path a file, made if there is none, or ":memory:"
 * @throws StoreError if it cannot be served, with what to do about it
 */
export function openSqlite(
  path: string,
  { probe = unprobed, ...options }: FileOptions & { readonly probe?: Probe } = {},
): SqliteStore {
  return new SqliteStore(openFile(path, options), probe);
}

export class SqliteStore implements Store {
  readonly #file: SqliteFile;
  readonly #database: Database;
  readonly #statements: Statements;
  readonly #search: Search;
  readonly #list: ListSearch;
  readonly #claims = new Claims();
  readonly #probe: Probe;
  /** The last position of the log, as of the transaction under way. */
  #end = 0;

  constructor(file: SqliteFile, probe: Probe = unprobed) {
    this.#probe = probe;
    this.#file = file;
    this.#database = file.database;
    this.#statements = prepare(file.database);
    const shapes = new Shapes(file.database);
    this.#search = new Search(shapes);
    this.#list = new ListSearch(shapes);
  }

  load(keys: readonly StreamKey[]): readonly Loaded[] {
    return this.#read(() => keys.map((key) => this.#load(key)));
  }

  commit(components: readonly Component[]): readonly number[] {
    const conflicts: number[] = [];
    const written: StreamKey[] = [];
    this.#write(() => {
      this.#end = this.#statements.selectEnd.get()?.end ?? 0;
      for (const [index, component] of components.entries()) {
        const isApplied = this.#apply(component);
        if (!isApplied)
          conflicts.push(index); // A2
        else for (const { key, write } of component.changes) if (write !== null) written.push(key);
      }
    });
    for (const key of written) this.#claims.end(key); // A5
    return conflicts;
  }

  query(query: PromiseQuery): Found {
    return this.#read(() => {
      return page(this.#search.run(query), query, {
        read: (row) => readable(`the promise ${row.id}`, () => promiseOf(row)),
        weight,
      });
    });
  }

  list(queries: readonly ListQuery[]): readonly Listed[] {
    return this.#read(() => queries.map((query) => this.#listed(query)));
  }

  waiting(query: WaitingQuery): WaitingPage {
    return this.#read(() => this.#waiting(query));
  }

  due(now: InstantMs, bounds: DueBounds): Due {
    this.#claims.expire(now);
    const endsAt = this.#claims.endsAt; // of the older claims (A5)
    const { streams, nextAt } = this.#read(() => this.#due(now, bounds));
    for (const { key } of streams) this.#claims.claim(key, now);
    return { streams, nextAt: earliest(nextAt, endsAt) };
  }

  log(ranges: readonly LogRange[]): readonly LogPage[] {
    return this.#read(() => {
      return ranges.map((range) => {
        return range.of === null ? this.#log(range) : this.#history(range.of, range);
      });
    });
  }

  /** Erases everything. */
  reset(): void {
    this.#write(() => {
      for (const deletion of this.#statements.deletions) deletion.run();
    });
    this.#claims.clear();
  }

  /** Messages that wait for a worker; for metrics. */
  get missedCount(): number {
    return this.#read(() => this.#statements.countMissed.get()?.count ?? 0);
  }

  close(): void {
    this.#file.close();
  }

  #load(key: StreamKey): Loaded {
    const stream = orNull(() => {
      const row = this.#statements.selectStream.get(key.kind, key.id);
      return row === undefined ? unwritten(key) : streamOf(key, row);
    });
    return stream === null ? { kind: "unreadable", key } : { kind: "stream", stream }; // A6
  }

  /** @returns whether it landed: first all of it is checked, then all of it is written */
  #apply({ changes }: Component): boolean {
    const { selectFence } = this.#statements;
    const fences = changes.map(({ key }) => selectFence.get(key.kind, key.id));
    const hasMoved = changes.some((change, index) => {
      return (fences[index]?.revision ?? 0) !== change.expectedRevision;
    });
    if (hasMoved) return false;
    for (const [index, { key, write }] of changes.entries()) {
      if (write !== null) this.#put(key, write, fences[index] ?? null);
    }
    return true;
  }

  /** Row, events and tags of one stream (A3). */
  #put(key: StreamKey, write: Write, fence: FenceRow | null): void {
    const { version, events } = write;
    const versionBefore = fence?.version ?? 0;
    assert(versionBefore + events.length === version, "a write leaves a gap in its stream");
    assert(version > 0, "a stream is written that has no event");
    const number = fence?.number ?? this.#end + 1;
    const waiting = encodeWaiting(write);
    const place = { number, key };
    if (fence === null)
      insertStream(this.#statements, { ...place, revision: 1 }, { ...write, waiting });
    else this.#update(fence, { ...write, waiting });
    breakIn(this.#probe, "commit.middle");
    for (const [index, { at, command, event }] of events.entries()) {
      this.#end += 1;
      insertEvent(this.#statements, place, {
        ...{ position: this.#end, version: versionBefore + index + 1, at, command },
        ...{ kind: event.kind, schema: eventSchema(event.kind), data: encodeEvent(event) },
      });
    }
  }

  #update({ number, revision, waiting: before }: FenceRow, write: Waited): void {
    const { updateStream, updateTimers } = this.#statements;
    const { events, dueAt, timers, waiting } = write;
    if (events.length === 0) {
      updateTimers.run(revision + 1, dueAt, encodeTimers(timers), waiting, number);
    } else {
      updateStream.run(...rowOf(write, columns(write.snapshot), revision + 1), number);
    }
    keepWaiting(this.#statements, number, { before, after: waiting });
  }

  #listed(query: ListQuery): Listed {
    const rows = this.#list.run(query);
    const read = (row: ListedRow) => readable(`the stream ${row.id}`, () => listedOf(row));
    if (query.of === "promise") return page(rows, query, { read, weight: streamWeight });
    const found = listedOnly(rows, query, read);
    return page(found, query, { read: (row) => row, weight: streamWeight });
  }

  /** A stream that cannot be read is passed over, as when it is due (A6). */
  #waiting({ receiver, before, after, limit, weightMax }: WaitingQuery): WaitingPage {
    const { offeredAt, number } = after ?? { offeredAt: -1, number: 0 };
    const streams: Stream[] = [];
    let sum = 0;
    let next: WaitingPlace | null = null;
    const selected = this.#statements.selectWaiting;
    for (const row of selected.iterate(receiver, before, offeredAt, number)) {
      if (streams.length >= limit || sum >= weightMax) return { streams, next };
      next = { offeredAt: instantMs(row.offered_at), number: row.stream };
      const key = orNull(() => this.#key(BigInt(row.stream)));
      const loaded = key === null ? null : this.#load(key);
      if (loaded?.kind !== "stream" || loaded.stream.revision === 0) continue; // its index broke
      streams.push(loaded.stream);
      sum += streamWeight(loaded.stream);
    }
    return { streams, next: null };
  }

  /** A stream that cannot be read is passed over: what it owes cannot be told (A6). */
  #due(now: InstantMs, { limit, weightMax }: DueBounds): Due {
    const streams: Stream[] = [];
    let sum = 0;
    for (const row of this.#statements.selectDue.iterate()) {
      const key = orNull(() => this.#key(row.number));
      const dueAt = orNull(() => dueAtOf(row));
      if (key === null || dueAt === null || this.#claims.has(key)) continue;
      const isFull = streams.length >= limit || sum >= weightMax;
      const isShort = streams.length > 0 && this.#probe("due.short");
      if (isFull || isShort || !isDue(dueAt, now)) return { streams, nextAt: dueAt };
      const loaded = this.#load(key);
      if (loaded.kind === "unreadable" || loaded.stream.revision === 0) continue; // its index broke
      streams.push(loaded.stream);
      sum += streamWeight(loaded.stream);
    }
    return { streams, nextAt: null };
  }

  #key(number: bigint): StreamKey | null {
    const row = this.#statements.selectKey.get(number);
    return row === undefined ? null : keyOf(row);
  }

  #log(range: LogRange): LogPage {
    const { selectLog, selectEnd } = this.#statements;
    const { rows } = page(selectLog.iterate(range.after), range, {
      read: (row) => readableEvent(row, () => keyOf({ kind: row.streamKind, id: row.id })),
      weight: eventWeight,
    });
    return { events: rows, end: selectEnd.get()?.end ?? 0 };
  }

  #history(key: StreamKey, range: LogRange): LogPage {
    const fence = this.#statements.selectFence.get(key.kind, key.id);
    if (fence === undefined) return { events: [], end: 0 };
    const { rows } = page(
      this.#statements.selectHistory.iterate(fence.number, range.after),
      range,
      {
        read: (row) => readableEvent(row, () => key),
        weight: eventWeight,
      },
    );
    return { events: rows, end: fence.version };
  }

  /** One transaction, so that all that is read is of one moment (A4). */
  #read<Answer>(work: () => Answer): Answer {
    const { begin, rollback } = this.#statements;
    return this.#attempt("read", () => {
      begin.run();
      breakIn(this.#probe, "read");
      const answer = work();
      rollback.run(); // COMMIT fails once a damaged page was met, though it was only read
      return answer;
    });
  }

  /** A1. */
  #write(work: () => void): void {
    const { beginImmediate, commit } = this.#statements;
    this.#attempt("write", () => {
      beginImmediate.run();
      breakIn(this.#probe, "commit.begin");
      work();
      breakIn(this.#probe, "commit.end");
    });
    this.#attempt("commit", () => commit.run());
  }

  #attempt<Answer>(phase: Phase, work: () => Answer): Answer {
    try {
      return work();
    } catch (error) {
      this.#rollBack();
      throw translate(error, phase);
    }
  }

  /** SQLite may have done it already. */
  #rollBack(): void {
    try {
      if (this.#database.inTransaction) this.#statements.rollback.run();
    } catch (cause) {
      const message = "a transaction of SQLite can neither go on nor be rolled back";
      throw new StoreError("outcome_unknown", message, { cause, isFatal: true });
    }
  }
}

/** Schedules are few, and their tags are in no column. */
function* listedOnly(
  rows: Iterable<ListedRow>,
  query: ListQuery,
  read: (row: ListedRow) => ListRow,
): Generator<ListRow> {
  for (const row of rows) {
    const found = read(row);
    if (isListed(query, found.state)) yield found;
  }
}

/** Null for a damaged record, whether its row or a page of it is damaged. */
function orNull<Read>(read: () => Read): Read | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Undecodable || isCorrupt(error)) return null;
    throw error;
  }
}

function readableEvent(row: EventRow, key: () => StreamKey) {
  return readable(`the event at ${row.position}`, () => eventOf(key(), row));
}

/** A6. @throws StoreError */
function readable<Read>(what: string, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    throw new StoreError("record_unreadable", `${what}: ${error.message}`, { cause: error });
  }
}
