// The statements of the Postgres store that never change. They are text: kysely, which builds the
// searches (postgres-search.ts), has no words for what most of them are made of. Lists come as one
// parameter a column (postgres-lists.ts), so a statement is the same however long they are.

import { type Columns, names, unnested } from "./postgres-lists.ts";

/** What each write of a stream sets. */
const writtenColumns = {
  version: "bigint",
  revision: "bigint",
  due_at: "bigint",
  state: "text",
  weight: "bigint",
  schema: "integer",
  snapshot: "json",
  timers: "json",
  task_state: "text",
  waiting: "json",
} as const satisfies Columns;

/** What never changes once a promise is created (columns.ts). */
const fixedColumns = {
  timeout_at: "bigint",
  is_timer: "boolean",
  branch: "bytea",
} as const satisfies Columns;

const keyColumns = { kind: "text", id: "text" } as const satisfies Columns;

export const updateColumns = { ...keyColumns, ...writtenColumns } as const satisfies Columns;

/** All but the number, which is the position of the first event. */
export const streamColumns = { ...updateColumns, ...fixedColumns } as const satisfies Columns;

/** All but the position, which is drawn as they are written. */
export const eventColumns = {
  stream_kind: "text",
  id: "text",
  version: "bigint",
  kind: "text",
  schema: "integer",
  at: "bigint",
  command: "text",
  data: "json",
} as const satisfies Columns;

export const tagColumns = { ...keyColumns, tag: "bytea" } as const satisfies Columns;

/** All but the number of the stream. */
export const waitingColumns = {
  ...keyColumns,
  receiver: "bytea",
  offered_at: "bigint",
} as const satisfies Columns;

/** kinds, ids; without those that do not exist */
export const selectStreams = `
  SELECT k.place, s.version, s.revision, s.schema, s.snapshot, s.timers
  FROM ${unnested(keyColumns, 1)} WITH ORDINALITY AS k (kind, id, place)
  JOIN streams AS s ON s.kind = k.kind AND s.id = k.id`;

/**
 * Marks where the positions of this transaction begin, and keeps the mark as long as it runs: none of
 * them is smaller (postgres-log.ts). The mark is the name of a lock, which is held by many. A setting of
 * the transaction says that it has one.
 */
const mark = `
  SELECT pg_advisory_xact_lock_shared('events'::regclass::oid::integer,
    ((CASE WHEN is_called THEN last_value ELSE 0 END << 32) >> 32)::integer),
    set_config('resonate.marked', 'on', true)
  FROM events_position`;

const isMarked = "current_setting('resonate.marked', true) = 'on'";

/**
 * @param synchronousCommit "on", or what is stronger
 * @param settings what else the transaction sets for itself
 */
export function beginWrite(synchronousCommit: string, settings = ""): string {
  return `BEGIN ISOLATION LEVEL READ COMMITTED; ${settings}
    SET LOCAL synchronous_commit = ${synchronousCommit};
    ${mark}`;
}

/** @param settings what the transaction sets for itself */
export function beginRead(settings: string): string {
  return `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${settings}`;
}

/** kinds, ids; in the one order in which every server locks */
export const lockStreams = `
  SELECT k.place, s.version, s.revision, s.waiting
  FROM ${unnested(keyColumns, 1)} WITH ORDINALITY AS k (kind, id, place)
  JOIN streams AS s ON s.kind = k.kind AND s.id = k.id
  ORDER BY s.kind, s.id
  FOR UPDATE OF s`;

/**
 * Fails with `division_by_zero` unless the number of rows is the one that was meant, which undoes the
 * transaction: a rival has come between (G5). So it does where nothing is marked: what begins the
 * transaction has failed, and what was sent along with it would be one of its own (G1).
 */
function asMeant(count: string, parameter: number): string {
  const isMeant = `${count} = $${parameter}::bigint AND ${isMarked}`;
  return `SELECT 1 / CASE WHEN ${isMeant} THEN 1 ELSE 0 END`;
}

const endedFrom = 1 + Object.keys(updateColumns).length;
const begunFrom = endedFrom + Object.keys(waitingColumns).length;
const updatedAt = begunFrom + Object.keys(waitingColumns).length;

/**
 * Streams that exist, and are locked; a null snapshot stays as it is. A write ends a claim (A5). Then what
 * no longer waits, what waits now, and how many streams there are.
 */
export const updateStreams = `
  WITH ended AS (
    DELETE FROM waiting AS w
    USING ${unnested(waitingColumns, endedFrom)} AS e (${names(waitingColumns)}), streams AS s
    WHERE s.kind = e.kind AND s.id = e.id AND w.receiver = e.receiver
      AND w.offered_at = e.offered_at AND w.stream = s.number AND w.id = e.id
  ), begun AS (
    INSERT INTO waiting (stream, ${names(waitingColumns)})
    SELECT s.number, ${names(waitingColumns, "b")}
    FROM ${unnested(waitingColumns, begunFrom)} AS b (${names(waitingColumns)})
    JOIN streams AS s ON s.kind = b.kind AND s.id = b.id
  ), updated AS (
    UPDATE streams AS s
    SET claimed_until = NULL, ${Object.keys(writtenColumns).map(assignment).join(", ")}
    FROM ${unnested(updateColumns, 1)} AS n (${names(updateColumns)})
    WHERE s.kind = n.kind AND s.id = n.id
    RETURNING 1
  )
  ${asMeant("(SELECT count(*) FROM updated)", updatedAt)}`;

function assignment(column: string): string {
  if (column === "snapshot") return "snapshot = coalesce(n.snapshot, s.snapshot)";
  if (column === "schema") {
    return "schema = CASE WHEN n.snapshot IS NULL THEN s.schema ELSE n.schema END";
  }
  return `${column} = n.${column}`;
}

const eventsFrom = 1;
const streamsFrom = eventsFrom + Object.keys(eventColumns).length;
const tagsFrom = streamsFrom + Object.keys(streamColumns).length;
const waitingFrom = tagsFrom + Object.keys(tagColumns).length;
const insertedAt = waitingFrom + Object.keys(waitingColumns).length;

/** Nobody else is in the way of what follows: all that is new is ours. */
const areOurs = `(SELECT count(*) FROM created) = cardinality($${streamsFrom}::text[])`;

/** Of new streams: the rows of another table, which name a stream by its number as well. */
function insertBeside(table: string, columns: Columns, first: number): string {
  return `
    INSERT INTO ${table} (stream, ${names(columns)})
    SELECT l.position, ${names(columns, "r")}
    FROM ${unnested(columns, first)} AS r (${names(columns)})
    JOIN logged AS l ON l.stream_kind = r.kind AND l.id = r.id AND l.version = 1
    WHERE ${areOurs}
    RETURNING 1`;
}

/**
 * New streams, in the order of their keys (G4), then events, tags and what waits, as long as no rival has
 * created one of the streams; what is not written counts as missing. Last how many rows there are.
 */
export const insertAll = `
  WITH logged AS MATERIALIZED (
    SELECT nextval('events_position') AS position, ${names(eventColumns, "e")}
    FROM ${unnested(eventColumns, eventsFrom)}
      WITH ORDINALITY AS e (${names(eventColumns)}, place)
    ORDER BY e.place
  ), created AS (
    INSERT INTO streams (number, ${names(streamColumns)})
    SELECT l.position, ${names(streamColumns, "n")}
    FROM ${unnested(streamColumns, streamsFrom)} AS n (${names(streamColumns)})
    JOIN logged AS l ON l.stream_kind = n.kind AND l.id = n.id AND l.version = 1
    ORDER BY n.kind, n.id
    ON CONFLICT DO NOTHING RETURNING 1
  ), recorded AS (
    INSERT INTO events (position, ${names(eventColumns)})
    SELECT position, ${names(eventColumns)} FROM logged WHERE ${areOurs}
    RETURNING 1
  ), labelled AS (${insertBeside("tags", tagColumns, tagsFrom)}
  ), offered AS (${insertBeside("waiting", waitingColumns, waitingFrom)}
  )
  ${asMeant(
    `(SELECT count(*) FROM created) + (SELECT count(*) FROM recorded)
    + (SELECT count(*) FROM labelled) + (SELECT count(*) FROM offered)`,
    insertedAt,
  )}`;

/** kinds, ids, how many: streams that nobody creates before the transaction ends (G9). */
export const reserve = `
  WITH reserved AS (
    INSERT INTO streams (number, kind, id, version, revision, weight, schema, snapshot)
    SELECT 0, k.kind, k.id, 0, 0, 0, 0, '' FROM ${unnested(keyColumns, 1)} AS k (kind, id)
    ORDER BY k.kind, k.id
    ON CONFLICT DO NOTHING RETURNING 1
  )
  ${asMeant("(SELECT count(*) FROM reserved)", 1 + Object.keys(keyColumns).length)}`;

/** kinds, ids: in the same transaction, so that nobody ever sees them. */
export const releaseReserved = `
  DELETE FROM streams AS s USING ${unnested(keyColumns, 1)} AS k (kind, id)
  WHERE s.kind = k.kind AND s.id = k.id AND s.version = 0`;

/** A claim that has not ended, nor comes from a clock that is far ahead ($2; claims.ts, A8). */
const isClaimed = "(claimed_until > $1 AND claimed_until <= $2)";
const isFree = `(claimed_until IS NULL OR NOT ${isClaimed})`;

/**
 * now, the last instant at which a claim may end, limit, weight, the end of the new claims. Each row
 * is a stream that was claimed, with what sets the next date; a single one of nulls, if none was.
 *
 * Streams that somebody else has locked are passed over, and are as good as claimed until he is done:
 * `passed_at` is the date of the first. `left_at` is that of the first that the bounds left over.
 */
export const claimDue = claim("s.snapshot, s.timers");

/** The same without what may be damaged. */
export const claimDueKeys = claim("NULL AS snapshot, NULL AS timers");

function claim(texts: string): string {
  return `
  WITH candidates AS MATERIALIZED (
    SELECT kind, id, number, due_at, weight FROM streams
    WHERE due_at <= $1 AND ${isFree}
    ORDER BY due_at, number LIMIT $3::bigint + 1
    FOR UPDATE SKIP LOCKED
  ), ranked AS MATERIALIZED (
    SELECT kind, id, due_at, row_number() OVER (ORDER BY due_at, number) AS place,
      sum(weight) OVER (ORDER BY due_at, number ROWS UNBOUNDED PRECEDING) - weight AS before
    FROM candidates
  ), chosen AS MATERIALIZED (
    SELECT kind, id, place FROM ranked WHERE place <= $3 AND (place = 1 OR before < $4)
  ), ended AS MATERIALIZED (
    SELECT kind, id FROM streams
    WHERE claimed_until IS NOT NULL AND NOT ${isClaimed}
      AND (kind, id) NOT IN (SELECT kind, id FROM chosen)
    FOR UPDATE SKIP LOCKED
  ), touched AS MATERIALIZED (
    SELECT kind, id, place FROM chosen
    UNION ALL SELECT kind, id, NULL FROM ended
  ), claimed AS (
    UPDATE streams AS s SET claimed_until = CASE WHEN t.place IS NULL THEN NULL ELSE $5::bigint END
    FROM touched AS t WHERE s.kind = t.kind AND s.id = t.id
    RETURNING t.place, s.kind, s.id, s.version, s.revision, s.schema, ${texts}
  )
  SELECT c.*, dates.*
  FROM (
    SELECT
      (SELECT min(due_at) FROM ranked
        WHERE (kind, id) NOT IN (SELECT kind, id FROM chosen)) AS left_at,
      (SELECT due_at FROM streams WHERE due_at IS NOT NULL AND ${isFree}
          AND (kind, id) NOT IN (SELECT kind, id FROM candidates)
        ORDER BY due_at LIMIT 1) AS passed_at,
      (SELECT min(claimed_until) FROM streams WHERE ${isClaimed}) AS ends_at
  ) AS dates
  LEFT JOIN claimed AS c ON c.place IS NOT NULL
  ORDER BY c.place`;
}

/** kinds, ids: of claims that were made a moment ago. */
export const releaseClaims = `
  UPDATE streams AS s SET claimed_until = NULL
  FROM ${unnested(keyColumns, 1)} AS k (kind, id) WHERE s.kind = k.kind AND s.id = k.id`;

/**
 * How far the log is whole: the last position that was drawn, then the marks of the transactions that
 * may have drawn one and not yet shown it. In this order (postgres-log.ts).
 */
export const selectMarks = `
  SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS drawn FROM events_position;
  SELECT objid::bigint AS mark FROM pg_locks
  WHERE locktype = 'advisory' AND objsubid = 2 AND classid = 'events'::regclass::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const loggedColumns = "position, stream_kind, id, version, kind, schema, at, command, data";

/** What it may weigh, and more: a character of a payload is at least a byte of its event. */
const eventBytes = "octet_length(id) + octet_length(data)";

/** @param events all that are wanted, in their order; one more than may be shown */
function cut(events: string, order: string): string {
  return `SELECT ${loggedColumns}, available FROM (
    SELECT *, count(*) OVER () AS available,
      sum(${eventBytes}) OVER (ORDER BY ${order} ROWS UNBOUNDED PRECEDING)
        - (${eventBytes}) AS before
    FROM (${events}) AS events
  ) AS weighed WHERE before <= $2 ORDER BY ${order}`;
}

/** limit, weight, after a position, up to one */
export const selectLog = cut(
  `SELECT ${loggedColumns} FROM events WHERE position > $3 AND position <= $4
    ORDER BY position LIMIT $1`,
  "position",
);

/** up to a position */
export const selectEnd = "SELECT max(position) AS last FROM events WHERE position <= $1";

/** limit, weight, after a version, kind, id */
export const selectHistory = cut(
  `SELECT ${loggedColumns} FROM events WHERE stream_kind = $4 AND id = $5 AND version > $3
    ORDER BY version LIMIT $1`,
  "version",
);

/** kind, id */
export const selectVersion = "SELECT version FROM streams WHERE kind = $1 AND id = $2";

/**
 * receiver, before an instant, after an instant and a number, limit, weight: oldest first. Streams as
 * `selectStreams` gives them, as far as a page may reach.
 */
export const selectWaiting = `
  SELECT offered_at, stream, available, kind, id, version, revision, schema, snapshot, timers FROM (
    SELECT w.offered_at, w.stream, s.*, count(*) OVER () AS available,
      sum(coalesce(s.weight, 0)) OVER (ORDER BY w.offered_at, w.stream ROWS UNBOUNDED PRECEDING)
        - coalesce(s.weight, 0) AS before
    FROM (SELECT * FROM waiting WHERE receiver = $1 AND offered_at < $2
        AND (offered_at, stream) > ($3, $4)
      ORDER BY offered_at, stream LIMIT $5) AS w
    LEFT JOIN streams AS s ON s.kind = w.kind AND s.id = w.id
  ) AS weighed WHERE before <= $6 ORDER BY offered_at, stream`;

/** What found nobody (kernel/waiting.ts, U1): out of an index that holds nothing else. */
export const countMissed = "SELECT count(*) AS count FROM waiting WHERE offered_at = 0";

/** digests of receivers; those for whom something waits that found nobody: one look into the key each. */
export const selectMissed = `
  SELECT r.place FROM unnest($1::bytea[]) WITH ORDINALITY AS r (receiver, place)
  WHERE EXISTS (SELECT 1 FROM waiting AS w WHERE w.receiver = r.receiver AND w.offered_at = 0)`;

/** One transaction, as a script is. Not TRUNCATE, which makes new files: 31 ms instead of 5. */
export const deleteAll = `
  DELETE FROM waiting; DELETE FROM tags; DELETE FROM events; DELETE FROM streams;
  ALTER SEQUENCE events_position RESTART`;
