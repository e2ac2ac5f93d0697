// Reads a whole database beside a running server, for `resonate log`: is every snapshot the fold of
// its log, and what does the log say? One read transaction and one row at a time, however long the
// log is. While it runs, the server's WAL cannot start anew, and grows.
//
//   V0. The file is sound: no page is damaged, and each index leads to every row that it should.
//   V1. A stream's events are numbered from one without a gap, and stand in the log in that order.
//       The first one names the stream, and no other one does.
//   V2. Folding them gives the snapshot, every field and every pair in its order; revisions have no
//       events to be told by. What the server could not read is a difference.
//   V3. What is indexed (states, deadline, timer, branch, tags) is what the fold says; so are the due
//       date and who is waited for, with the timers that are stored, which no event tells.
//   V4. A task that waits for a worker, or has one, has a clock, and no other one has; and only who is
//       to be told is being told.

import type { Columns } from "./columns.ts";
import { columns } from "./columns.ts";
import { type Deviation, Fold, show } from "./fold.ts";
import type { HistoryRow, StreamsRow } from "./rows.ts";
import { isCorrupt, translate } from "./sqlite-errors.ts";
import { openReadOnly, type SqliteFile } from "./sqlite-file.ts";
import { prepareReader, type ReaderStatements } from "./sqlite-statements.ts";
import { StoreError } from "./store.ts";
import { decodeWaiting } from "./waiting-rows.ts";

export type Report = {
  readonly streams: number;
  readonly events: number;
  readonly tags: number;
  /** Streams that are not what their log says, and what belongs to no stream. */
  readonly differing: number;
  /** Null: there is none. */
  readonly first: Difference | null;
};

export type Difference = Deviation & {
  /** Null: of no stream that there is. */
  readonly stream: { readonly kind: string; readonly id: string } | null;
};

/** @throws StoreError if the file cannot be read, with what to do about it */
export function openReader(path: string): Reader {
  return new Reader(openReadOnly(path));
}

export class Reader {
  readonly #file: SqliteFile;
  readonly #statements: ReaderStatements;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#statements = prepareReader(file.database);
  }

  /** @throws StoreError if the disk fails; what is wrong in the database is in the report */
  verify(): Report {
    this.#statements.begin.run();
    try {
      return new Verification(this.#statements).run();
    } catch (error) {
      throw translate(error, "read");
    } finally {
      this.#end();
    }
  }

  /**
   * The log as JSON, one event a line, oldest first, without line ends. A generator, so that whoever
   * writes the lines can wait for a slow reader.
   *
   * @throws StoreError if the disk fails, or an event is no JSON
   */
  *lines(): Generator<string> {
    this.#statements.begin.run();
    try {
      for (const row of this.#statements.selectLog.iterate(0)) {
        const { position, streamKind, id, version, kind, schema, at, command } = row;
        const stream = { kind: streamKind, id };
        const head = JSON.stringify({ position, stream, version, kind, schema, at, command });
        yield `${head.slice(0, -1)},"data":${json(row.data, position)}}`;
      }
    } catch (error) {
      throw translate(error, "read");
    } finally {
      this.#end();
    }
  }

  close(): void {
    this.#file.close();
  }

  /** SQLite may have ended the transaction itself, after an error. */
  #end(): void {
    if (this.#file.database.inTransaction) this.#statements.rollback.run();
  }
}

class Verification {
  readonly #statements: ReaderStatements;
  readonly #histories: IterableIterator<HistoryRow>;
  /** The next event, of whatever stream; null behind the last one. */
  #next: HistoryRow | null = null;
  #streams = 0;
  #events = 0;
  #tags = 0;
  #waiting = 0;
  #differing = 0;
  #first: Difference | null = null;

  constructor(statements: ReaderStatements) {
    this.#statements = statements;
    this.#histories = statements.selectHistories.iterate();
  }

  /** Once. */
  run(): Report {
    this.#note(null, this.#unsound());
    try {
      this.#walk();
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      this.#note(null, { field: "the file", expected: "readable", found: "damaged" }); // in the end
    } finally {
      this.#histories.return?.();
    }
    const [streams, events, tags] = [this.#streams, this.#events, this.#tags];
    return { streams, events, tags, differing: this.#differing, first: this.#first };
  }

  /** V0. */
  #unsound(): Deviation | null {
    const said = this.#statements.checkFile.get() ?? "";
    if (said === "ok") return null;
    const [line = ""] = said.replace(/^\*\*\* in database .*\n/, "").split("\n");
    return { field: "the file", expected: "sound", found: line };
  }

  /** Streams and events come in the same order, so one pass over both is enough. */
  #walk(): void {
    this.#advance();
    for (const row of this.#statements.selectStreams.iterate()) {
      const { kind, id } = row;
      const number = Number(row.number);
      this.#skipTo(number);
      const fold = this.#fold(row);
      this.#note(
        { kind, id },
        fold.deviation() ??
          this.#missing(number, columns(fold.state)) ??
          this.#unwaiting(number, row),
      );
      this.#streams += 1;
    }
    this.#skipTo(Number.POSITIVE_INFINITY);
    this.#note(null, this.#surplus());
  }

  #advance(): void {
    const { done, value } = this.#histories.next();
    this.#next = done === true ? null : value;
    if (done !== true) this.#events += 1;
  }

  #fold(row: StreamsRow): Fold {
    const fold = new Fold(row);
    for (; this.#next?.stream === Number(row.number); this.#advance()) fold.add(this.#next);
    return fold;
  }

  /** Passes over events of streams that there are not. */
  #skipTo(number: number): void {
    for (; this.#next !== null && this.#next.stream < number; this.#advance()) {
      const field = `the event at ${this.#next.position}`;
      this.#note(null, { field, expected: "a stream", found: "none" });
    }
  }

  #missing(number: number, found: Columns | null): Deviation | null {
    for (const [name, value] of found?.tags ?? []) {
      const row = this.#statements.selectTag.get(name, value, number);
      if (row === undefined) {
        return { field: `tags[${name}]`, expected: show(value), found: "no row" };
      }
      this.#tags += 1;
    }
    return null;
  }

  /** That the column is what it should be has been seen. */
  #unwaiting(number: number, row: StreamsRow): Deviation | null {
    for (const { receiver, offeredAt } of decodeWaiting(row.waiting)) {
      const stored = this.#statements.selectWaiting.get(receiver, offeredAt, number);
      if (stored === undefined) {
        return { field: `waiting[${receiver}]`, expected: show(offeredAt), found: "no row" };
      }
      this.#waiting += 1;
    }
    return null;
  }

  /** Each tag that is wanted has its row, so a row more is a row too many. */
  #surplus(): Deviation | null {
    const count = this.#statements.countTags.get()?.count ?? 0;
    if (this.#differing > 0) return null;
    if (count !== this.#tags) {
      return { field: "tags", expected: `${this.#tags}`, found: `${count}` };
    }
    const waiting = this.#statements.countWaiting.get()?.count ?? 0;
    if (waiting === this.#waiting) return null;
    return { field: "waiting", expected: `${this.#waiting}`, found: `${waiting}` };
  }

  #note(stream: Difference["stream"], deviation: Deviation | null): void {
    if (deviation === null) return;
    this.#differing += 1;
    this.#first ??= { stream, ...deviation };
  }
}

function json(data: string, position: number): string {
  try {
    JSON.parse(data);
  } catch (cause) {
    throw new StoreError("record_unreadable", `the event at ${position} is no JSON`, { cause });
  }
  return data.replaceAll("\n", " "); // between members, where alone an unescaped one can stand
}
