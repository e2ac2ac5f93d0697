// Both ends of a copy on SQLite: a file that is read, or one that is filled.

import type { Database, Statement } from "better-sqlite3";
import type { StreamKey } from "../kernel/stream.ts";
import {
  type Contents,
  type CopiedEvent,
  type CopiedStream,
  type Counts,
  copiedEvent,
  named,
  unreadable,
} from "./copy-contents.ts";
import { assertSource, type CopyTarget, notEmpty, type Reading, resumed } from "./copy-ends.ts";
import { createMark, dropMark, type Mark, markIn, markTable } from "./copy-mark.ts";
import { int64 } from "./members.ts";
import { foundSchema } from "./migrate.ts";
import { selectLog, selectStreamsAfter } from "./queries.ts";
import { keyOf, type LogRow, type StreamsRow, streamOf } from "./rows.ts";
import { type Phase, translate } from "./sqlite-errors.ts";
import { openFile, openIdle, type SqliteFile } from "./sqlite-file.ts";
import { insertEvent, insertStream } from "./sqlite-rows.ts";
import { prepare, type Statements } from "./sqlite-statements.ts";
import { encodeWaiting } from "./waiting-rows.ts";

/** B1. @throws StoreError */
export async function readSqlite<Answer>(path: string, work: Reading<Answer>): Promise<Answer> {
  const { database, close } = openIdle(path);
  try {
    assertSource({ schema: foundSchema(database), mark: markIn(database) });
    return await atOneMoment(database, work);
  } finally {
    close();
  }
}

/** B2. @throws StoreError */
export function openSqliteTarget(path: string): CopyTarget {
  return new SqliteTarget(openFile(path, { admit: assertFillable }));
}

function assertFillable(database: Database): void {
  if (foundSchema(database) === 0 || markIn(database) !== null) return;
  const { streams, events } = countsOf(database);
  if (streams + events > 0) throw notEmpty();
}

async function atOneMoment<Answer>(database: Database, work: Reading<Answer>): Promise<Answer> {
  database.exec("BEGIN");
  try {
    return await work(new SqliteContents(database));
  } finally {
    if (database.inTransaction) database.exec("ROLLBACK"); // after an error SQLite may have done it
  }
}

class SqliteContents implements Contents {
  readonly #database: Database;
  readonly #selectStreams: Statement<[after: number], StreamsRow>;
  readonly #selectLog: Statement<[after: number], LogRow>;

  constructor(database: Database) {
    this.#database = database;
    this.#selectStreams = database.prepare<[number], StreamsRow>(selectStreamsAfter).safeIntegers();
    this.#selectLog = database.prepare<[number], LogRow>(selectLog);
  }

  async counts(): Promise<Counts> {
    return attempt("read", () => countsOf(this.#database));
  }

  *streams(after: number): Generator<CopiedStream> {
    try {
      for (const row of this.#selectStreams.iterate(after)) {
        yield named("the", row, () => copiedStream(row));
      }
    } catch (error) {
      throw translate(error, "read");
    }
  }

  *events(after: number): Generator<CopiedEvent> {
    try {
      for (const { streamKind: kind, id, ...row } of this.#selectLog.iterate(after)) {
        yield copiedEvent({ kind, id }, row);
      }
    } catch (error) {
      throw translate(error, "read");
    }
  }
}

function copiedStream(row: StreamsRow): CopiedStream {
  const { version, revision, schema, snapshot, timers } = row;
  const stored = { schema: Number(schema), snapshot, timers };
  const numbers = { version: Number(version), revision: Number(revision) };
  return {
    number: Number(row.number),
    stream: streamOf(keyOf(row), { ...numbers, ...stored }),
    dueAt: row.due_at === null ? null : int64(row.due_at),
  };
}

/** The log may hold events of no stream. */
function countsOf(database: Database): Counts {
  const [streams = 0, events = 0, tags = 0, waiting = 0] = (
    ["streams", "events", "tags", "waiting"] as const
  ).map((table) => {
    const has = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(table);
    if (has === undefined) return 0; // of an older schema
    return database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;
  });
  return { streams, events, tags, waiting };
}

class SqliteTarget implements CopyTarget {
  readonly #file: SqliteFile;
  readonly #database: Database;
  readonly #statements: Statements;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#database = file.database;
    this.#statements = prepare(file.database);
  }

  async begin(wanted: Mark): Promise<Mark> {
    return this.#write(() => {
      const found = markIn(this.#database);
      if (found !== null) return resumed(found, wanted);
      const { source, hash, stream, position } = wanted;
      this.#database.exec(createMark("INTEGER"));
      const insert = this.#database.prepare(`INSERT INTO ${markTable} VALUES (?, ?, ?, ?)`);
      insert.run(source, hash, stream, position);
      return wanted;
    });
  }

  async putStreams(batch: readonly CopiedStream[], mark: Mark): Promise<Mark> {
    return this.#write(() => {
      for (const { number, stream, dueAt } of batch) {
        const { key, version, revision, state: snapshot, timers } = stream;
        const write = { version, events: [], snapshot, timers, dueAt };
        const waited = { ...write, waiting: encodeWaiting(write) };
        insertStream(this.#statements, { number, key, revision }, waited);
      }
      return this.#advance({ ...mark, stream: batch.at(-1)?.number ?? mark.stream });
    });
  }

  async putEvents(batch: readonly CopiedEvent[], mark: Mark): Promise<Mark> {
    return this.#write(() => {
      for (const { key, row } of batch) {
        insertEvent(this.#statements, { number: this.#numberOf(key), key }, row);
      }
      return this.#advance({ ...mark, position: batch.at(-1)?.row.position ?? mark.position });
    });
  }

  async read<Answer>(work: Reading<Answer>): Promise<Answer> {
    return await atOneMoment(this.#database, work);
  }

  async finish(): Promise<void> {
    this.#write(() => this.#database.exec(dropMark));
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  #numberOf({ kind, id }: StreamKey): number {
    const fence = this.#statements.selectFence.get(kind, id);
    if (fence === undefined) throw unreadable(`an event of the ${kind} ${id}`, "no such stream");
    return fence.number;
  }

  #advance(mark: Mark): Mark {
    const update = this.#database.prepare(`UPDATE ${markTable} SET stream = ?, position = ?`);
    update.run(mark.stream, mark.position);
    return mark;
  }

  /** B3. */
  #write<Answer>(work: () => Answer): Answer {
    return attempt("write", () => this.#database.transaction(work).immediate());
  }
}

function attempt<Answer>(phase: Phase, work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    throw translate(error, phase);
  }
}
