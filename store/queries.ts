// The statements of the SQLite store, built and checked against the tables by kysely, which runs
// none of them. Searches, whose shape varies, are in sqlite-search.ts.
//
// A value in a statement stands for a parameter; parameters are bound in the order of the text.

import {
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Tables } from "./schema.ts";

export const tables = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

/** Placeholders: only their type counts. */
const number = 0;
const int64 = 0n;
const kind = "promise";
const text = "";

/** kind, id */
export const selectStream = tables
  .selectFrom("streams")
  .select(["version", "revision", "schema", "snapshot", "timers"])
  .where("kind", "=", kind)
  .where("id", "=", text)
  .compile().sql;

/** kind, id */
export const selectFence = tables
  .selectFrom("streams")
  .select(["number", "version", "revision", "waiting"])
  .where("kind", "=", kind)
  .where("id", "=", text)
  .compile().sql;

/** What each write of a stream with events sets. */
const written = {
  version: number,
  revision: number,
  due_at: int64,
  state: text,
  schema: number,
  snapshot: text,
  timers: text,
  task_state: text,
  waiting: text,
};

/** What never changes once a promise is created (columns.ts); an index of it is written only then. */
const fixed = { timeout_at: int64, is_timer: number, branch: text };

/** number, kind, id, what is written, what is fixed */
export const insertStream = tables
  .insertInto("streams")
  .values({ number, kind, id: text, ...written, ...fixed })
  .compile().sql;

/** what is written, number */
export const updateStream = tables
  .updateTable("streams")
  .set(written)
  .where("number", "=", number)
  .compile().sql;

/** revision, due date, timers, waiting, number: the snapshot stays as it is, and is not encoded again. */
export const updateTimers = tables
  .updateTable("streams")
  .set({ revision: number, due_at: int64, timers: text, waiting: text })
  .where("number", "=", number)
  .compile().sql;

/** In the order of the columns. */
export const insertEvent = tables
  .insertInto("events")
  .values({
    position: number,
    stream: number,
    version: number,
    kind: text,
    schema: number,
    at: number,
    command: text,
    id: text,
    data: text,
  })
  .compile().sql;

/** In the order of the columns. */
export const insertTag = tables
  .insertInto("tags")
  .values({ name: text, value: text, stream: number })
  .compile().sql;

/** In the order of the columns. */
export const insertWaiting = tables
  .insertInto("waiting")
  .values({ receiver: text, offered_at: number, stream: number })
  .compile().sql;

/** In the order of the columns. */
export const deleteWaiting = tables
  .deleteFrom("waiting")
  .where("receiver", "=", text)
  .where("offered_at", "=", number)
  .where("stream", "=", number)
  .compile().sql;

/** receiver, before an instant, after a place */
export const selectWaiting = tables
  .selectFrom("waiting")
  .select(["offered_at", "stream"])
  .where("receiver", "=", text)
  .where("offered_at", "<", number)
  .where(({ eb, refTuple, tuple }) =>
    eb(refTuple("offered_at", "stream"), ">", tuple(number, number)),
  )
  .orderBy("offered_at")
  .orderBy("stream")
  .compile().sql;

/** What found nobody (kernel/waiting.ts, U1): out of an index that holds nothing else. */
export const countMissed = tables
  .selectFrom("waiting")
  .select(({ fn }) => fn.countAll().as("count"))
  .where("offered_at", "=", (eb) => eb.lit(0))
  .compile().sql;

export const countWaiting = tables
  .selectFrom("waiting")
  .select(({ fn }) => fn.countAll().as("count"))
  .compile().sql;

/** In the order of the columns. */
export const selectWaitingRow = tables
  .selectFrom("waiting")
  .select("stream")
  .where("receiver", "=", text)
  .where("offered_at", "=", number)
  .where("stream", "=", number)
  .compile().sql;

export const selectEnd = tables
  .selectFrom("events")
  .select(({ fn }) => fn.max("position").as("end"))
  .compile().sql;

/**
 * Every stream with a due date, those that lie ahead included: the reader stops where it likes. Out
 * of the index alone, so that a damaged row is in nobody's way.
 */
export const selectDue = tables
  .selectFrom("streams")
  .select(["number", "due_at"])
  .where("due_at", "is not", null)
  .orderBy("due_at")
  .orderBy("number")
  .compile().sql;

/** number */
export const selectKey = tables
  .selectFrom("streams")
  .select(["kind", "id"])
  .where("number", "=", number)
  .compile().sql;

/** after a position */
export const selectLog = tables
  .selectFrom("events as e")
  .crossJoin("streams as s") // in this order: the log leads
  .select(["e.position", "e.version", "e.kind", "e.schema", "e.at", "e.command", "e.data"])
  .select(["s.kind as streamKind", "s.id"])
  .whereRef("s.number", "=", "e.stream")
  .where("e.position", ">", number)
  .orderBy("e.position")
  .compile().sql;

/** stream, after a version */
export const selectHistory = tables
  .selectFrom("events")
  .select(["position", "version", "kind", "schema", "at", "command", "data"])
  .where("stream", "=", number)
  .where("version", ">", number)
  .orderBy("version")
  .compile().sql;

/** Every stream, oldest first. */
export const selectStreams = tables
  .selectFrom("streams")
  .select(["number", "kind", "id", "version", "revision", "schema", "snapshot", "timers"])
  .select(["due_at", "state", "timeout_at", "is_timer", "task_state", "branch", "waiting"])
  .orderBy("number")
  .compile().sql;

/** after a number: every stream, oldest first, as far as it is not derived. */
export const selectStreamsAfter = tables
  .selectFrom("streams")
  .select(["number", "kind", "id", "version", "revision", "schema", "snapshot", "timers", "due_at"])
  .where("number", ">", number)
  .orderBy("number")
  .compile().sql;

/** Every event, stream by stream. */
export const selectHistories = tables
  .selectFrom("events")
  .select(["position", "stream", "version", "kind", "schema", "at", "command", "id", "data"])
  .orderBy("stream")
  .orderBy("version")
  .compile().sql;

/** branch: every promise of it, by id. What each task comes with, so it is compiled once. */
export const selectBranch = tables
  .selectFrom("streams")
  .select(["kind", "id", "schema", "snapshot"])
  .where("branch", "=", text)
  .orderBy("id")
  .compile().sql;

/** name, value, stream */
export const selectTag = tables
  .selectFrom("tags")
  .select("stream")
  .where("name", "=", text)
  .where("value", "=", text)
  .where("stream", "=", number)
  .compile().sql;

export const countTags = tables
  .selectFrom("tags")
  .select(({ fn }) => fn.countAll().as("count"))
  .compile().sql;

export const deletions = (["waiting", "tags", "events", "streams"] as const).map(
  (table) => tables.deleteFrom(table).compile().sql,
);
