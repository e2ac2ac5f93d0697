// The statements of queries.ts, prepared once for one connection, with what they take and give.

import type { Database, Statement } from "better-sqlite3";
import * as queries from "./queries.ts";
import type {
  DueRow,
  EventRow,
  FenceRow,
  KeyRow,
  LogRow,
  NumberedRow,
  StreamRow,
  StreamsRow,
  WaitingRow,
} from "./rows.ts";

type Key = [kind: string, id: string];
type Written = [
  version: number,
  revision: number,
  dueAt: bigint | null,
  state: string | null,
  schema: number,
  snapshot: string,
  timers: string | null,
  taskState: string | null,
  waiting: string | null,
];
type Fixed = [timeoutAt: bigint | null, isTimer: number | null, branch: string | null];
type Event = [
  position: number,
  stream: number,
  version: number,
  kind: string,
  schema: number,
  at: number,
  command: string,
  id: string | null,
  data: string,
];
type Waiting = [receiver: string, offeredAt: number, stream: number];
type Tag = [name: string, value: string, stream: number];

export type Statements = ReturnType<typeof prepare>;
export type ReaderStatements = ReturnType<typeof prepareReader>;

export function prepare(database: Database) {
  return {
    ...transaction(database),
    beginImmediate: prepared<[]>(database, "BEGIN IMMEDIATE"),
    selectStream: prepared<Key, StreamRow>(database, queries.selectStream),
    selectFence: prepared<Key, FenceRow>(database, queries.selectFence),
    selectEnd: prepared<[], { readonly end: number | null }>(database, queries.selectEnd),
    selectKey: prepared<[number: bigint], KeyRow>(database, queries.selectKey),
    selectDue: prepared<[], DueRow>(database, queries.selectDue).safeIntegers(),
    selectLog: prepared<[after: number], LogRow>(database, queries.selectLog),
    selectHistory: prepared<[stream: number, after: number], EventRow>(
      database,
      queries.selectHistory,
    ),
    insertStream: prepared<[number: number, ...Key, ...Written, ...Fixed]>(
      database,
      queries.insertStream,
    ),
    updateStream: prepared<[...Written, number: number]>(database, queries.updateStream),
    updateTimers: prepared<
      [
        revision: number,
        dueAt: bigint | null,
        timers: string | null,
        waiting: string | null,
        number: number,
      ]
    >(database, queries.updateTimers),
    insertEvent: prepared<Event>(database, queries.insertEvent),
    insertTag: prepared<Tag>(database, queries.insertTag),
    insertWaiting: prepared<Waiting>(database, queries.insertWaiting),
    deleteWaiting: prepared<Waiting>(database, queries.deleteWaiting),
    selectWaiting: prepared<
      [receiver: string, before: number, afterAt: number, afterNumber: number],
      WaitingRow
    >(database, queries.selectWaiting),
    countMissed: prepared<[], { readonly count: number }>(database, queries.countMissed),
    deletions: queries.deletions.map((text) => prepared<[]>(database, text)),
  };
}

export function prepareReader(database: Database) {
  return {
    ...transaction(database),
    /** "ok", or what is broken in the file. */
    checkFile: database.prepare<[], string>("PRAGMA integrity_check(1)").pluck(),
    selectLog: prepared<[after: number], LogRow>(database, queries.selectLog),
    selectStreams: prepared<[], StreamsRow>(database, queries.selectStreams).safeIntegers(),
    selectHistories: prepared<[], NumberedRow>(database, queries.selectHistories),
    selectTag: prepared<Tag, { readonly stream: number }>(database, queries.selectTag),
    selectWaiting: prepared<Waiting, { readonly stream: number }>(
      database,
      queries.selectWaitingRow,
    ),
    countWaiting: prepared<[], { readonly count: number }>(database, queries.countWaiting),
    countTags: prepared<[], { readonly count: number }>(database, queries.countTags),
  };
}

function transaction(database: Database) {
  return {
    begin: prepared<[]>(database, "BEGIN"),
    commit: prepared<[]>(database, "COMMIT"),
    rollback: prepared<[]>(database, "ROLLBACK"),
  };
}

function prepared<Parameters extends unknown[], Row = never>(
  database: Database,
  text: string,
): Statement<Parameters, Row> {
  return database.prepare<Parameters, Row>(text);
}
