// The statements of postgres-reader.ts, and how a table is read in pages: each goes on behind the last row
// of the one before, along an index, and ends by count or by bytes.

import { type Columns, unnested } from "./postgres-lists.ts";
import type { Session } from "./postgres-pool.ts";

export type PageBounds = { readonly rowsMax: number; readonly bytesMax: number };

/** Arbitrary: a page takes some milliseconds, and little memory. A row may be longer than a page. */
export const pageBounds: PageBounds = { rowsMax: 500, bytesMax: 4 * 1024 * 1024 };

export type ReadStream = {
  readonly number: bigint;
  readonly kind: string;
  readonly id: string;
  readonly version: bigint;
  readonly revision: bigint;
  readonly schema: number;
  readonly snapshot: string;
  readonly timers: string | null;
  readonly due_at: bigint | null;
  readonly state: string | null;
  readonly timeout_at: bigint | null;
  readonly is_timer: boolean | null;
  readonly task_state: string | null;
  readonly branch: Buffer | null;
  readonly waiting: string | null;
};

export type ReadEvent = {
  readonly position: bigint;
  readonly stream_kind: string;
  readonly id: string;
  readonly version: bigint;
  readonly kind: string;
  readonly schema: number;
  readonly at: bigint;
  readonly command: string;
  readonly data: string;
};

export type Place = { readonly place: bigint };
export type Counts = { readonly tags: bigint; readonly waiting: bigint };
export type Ends = { readonly drawn: bigint; readonly last: bigint };

/** However long it takes: whoever asks for it waits. */
export const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
  SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`;

/** rows, bytes, then the place behind which it begins */
export const selectStreams = page(
  "streams",
  `number, kind, id, version, revision, schema, snapshot, timers,
    due_at, state, timeout_at, is_timer, task_state, branch, waiting`,
  { order: "kind, id", after: "($3, $4)", bytes: "octet_length(snapshot)" },
);

const eventColumns = "position, stream_kind, id, version, kind, schema, at, command, data";

/** rows, bytes, then the place behind which it begins */
export const selectHistories = page("events", eventColumns, {
  order: "stream_kind, id, version",
  after: "($3, $4, $5)",
  bytes: "octet_length(data)",
});

/** rows, bytes, then the place behind which it begins */
export const selectLog = page("events", eventColumns, {
  order: "position",
  after: "($3)",
  bytes: "octet_length(data)",
});

type Paging = { readonly order: string; readonly after: string; readonly bytes: string };

/** The first row always; then those before which there are less bytes than a page may have. */
function page(table: string, columns: string, { order, after, bytes }: Paging): string {
  return `SELECT ${columns} FROM (
    SELECT *, sum(${bytes}) OVER (ORDER BY ${order} ROWS UNBOUNDED PRECEDING) - ${bytes} AS before
    FROM (SELECT ${columns} FROM ${table} WHERE (${order}) > ${after}
      ORDER BY ${order} LIMIT $1) AS rows
  ) AS weighed WHERE before < $2 ORDER BY ${order}`;
}

/** Of one table, from `first` on; a page that is empty is the last. */
export async function* pages<Row extends object>(
  session: Session,
  text: string,
  { rowsMax, bytesMax }: PageBounds,
  { first, after }: { readonly first: readonly unknown[]; after(row: Row): readonly unknown[] },
): AsyncGenerator<readonly Row[]> {
  let place = first;
  for (;;) {
    const page = await session.rows<Row>(text, [rowsMax, bytesMax, ...place]);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    place = after(last);
  }
}

export const tagKeys = {
  kind: "text",
  id: "text",
  stream: "bigint",
  tag: "bytea",
} as const satisfies Columns;

/** The place of each that there is. */
export const selectTags = `
  SELECT k.place FROM ${unnested(tagKeys, 1)} WITH ORDINALITY AS k (kind, id, stream, tag, place)
  JOIN tags AS t ON t.tag = k.tag AND t.stream = k.stream AND t.id = k.id AND t.kind = k.kind`;

export const waitingKeys = {
  kind: "text",
  id: "text",
  stream: "bigint",
  receiver: "bytea",
  offered_at: "bigint",
} as const satisfies Columns;

/** The place of each that there is. */
export const selectWaiting = `
  SELECT k.place FROM ${unnested(waitingKeys, 1)}
    WITH ORDINALITY AS k (kind, id, stream, receiver, offered_at, place)
  JOIN waiting AS w ON w.receiver = k.receiver AND w.offered_at = k.offered_at
    AND w.stream = k.stream AND w.id = k.id AND w.kind = k.kind`;

export const selectCounts = `
  SELECT (SELECT count(*) FROM tags) AS tags, (SELECT count(*) FROM waiting) AS waiting`;

/** No index forbids it: it would have to hold the position of every event a second time. */
export const selectTwice = `
  SELECT position FROM events GROUP BY position HAVING count(*) > 1 ORDER BY position LIMIT 1`;

/** The last position that was drawn, by whomever, and the last one that is seen here. */
export const selectEnds = `
  SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS drawn,
    coalesce((SELECT max(position) FROM events), 0) AS last
  FROM events_position`;
