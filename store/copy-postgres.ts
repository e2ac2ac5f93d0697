// Both ends of a copy on Postgres: a database that is read, or one that is filled. Nothing holds for a
// session, so that a pooler may stand between.

import type { Write } from "../kernel/stream.ts";
import {
  type Contents,
  type CopiedEvent,
  type CopiedStream,
  type Counts,
  copiedEvent,
  named,
} from "./copy-contents.ts";
import {
  assertSource,
  type CopyTarget,
  notEmpty,
  type Reading,
  refusal,
  resumed,
} from "./copy-ends.ts";
import { createMark, dropMark, type Mark, markOf, markTable } from "./copy-mark.ts";
import { type Columns, listOf, names, unnested } from "./postgres-lists.ts";
import { foundSchema } from "./postgres-migrate.ts";
import { type OpenedPool, openPool } from "./postgres-open.ts";
import { wholeRows } from "./postgres-plan.ts";
import { PostgresPool, type Session, serverName } from "./postgres-pool.ts";
import * as queries from "./postgres-queries.ts";
import { dateOf, loadedOf, type PostgresEvent, type PostgresStream } from "./postgres-rows.ts";
import { type KeyRow, keyOf } from "./rows.ts";

/** To count a large table, or to look through it, takes its time. Arbitrary. */
const statementTimeoutMs = 600_000;

/** A page of rows, and its characters. Arbitrary: some MB in memory. */
const rowsMax = 1_000;
const weightMax = 4 * 1024 * 1024;

const int64Max = 2n ** 63n - 1n;

/** In each place of a list, the position at which it stands in the log. */
const streamColumns = { number: "bigint", ...queries.streamColumns } as const satisfies Columns;
const tagColumns = { stream: "bigint", ...queries.tagColumns } as const satisfies Columns;
const waitingColumns = { stream: "bigint", ...queries.waitingColumns } as const satisfies Columns;
const eventColumns = { position: "bigint", ...queries.eventColumns } as const satisfies Columns;

/** after a number, limit, weight */
const selectStreams = `
  SELECT number, kind, id, version, revision, due_at, schema, snapshot, timers FROM (
    SELECT *, sum(weight) OVER (ORDER BY number ROWS UNBOUNDED PRECEDING) - weight AS before
    FROM (SELECT * FROM streams WHERE number > $1 ORDER BY number LIMIT $2) AS page
  ) AS weighed WHERE before <= $3 ORDER BY number`;

const selectCounts = `
  SELECT (SELECT count(*) FROM streams) AS streams, (SELECT count(*) FROM events) AS events,
    (SELECT count(*) FROM tags) AS tags, (SELECT count(*) FROM waiting) AS waiting`;

/** The mark as it was, then as it is to be; none is written if somebody else has moved it (B3). */
const moveMark = `UPDATE ${markTable} SET stream = $3, position = $4
  WHERE stream = $1 AND position = $2 RETURNING 1`;

const markParameters = 4;
const tagsFrom = 1 + markParameters + Object.keys(streamColumns).length;
const waitingFrom = tagsFrom + Object.keys(tagColumns).length;

function into(table: string, columns: Columns, first: number): string {
  return `INSERT INTO ${table} (${names(columns)})
    SELECT * FROM ${unnested(columns, first)}`;
}

const insertStreams = `
  WITH created AS (${into("streams", streamColumns, 1 + markParameters)}),
    labelled AS (${into("tags", tagColumns, tagsFrom)}),
    offered AS (${into("waiting", waitingColumns, waitingFrom)})
  ${moveMark}`;

const insertEvents = `
  WITH logged AS (${into("events", eventColumns, 1 + markParameters)})
  ${moveMark}`;

/** B1. @throws StoreError */
export async function readPostgres<Answer>(
  { url }: PostgresPlace,
  work: Reading<Answer>,
): Promise<Answer> {
  const pool = new PostgresPool({ ...toOptions(url), connectionsMax: 1 });
  try {
    return await atOneMoment(pool, async (session) => {
      await assertIdle(session);
      const schema = await foundSchema(session);
      assertSource({ schema, mark: await markOf(session) });
      return await work(new PostgresContents(session));
    });
  } finally {
    await pool.close();
  }
}

export type PostgresPlace = {
  readonly url: string;
  /** Without a secret. */
  readonly place: string;
};

/** B2. @throws StoreError */
export async function openPostgresTarget({ url }: PostgresPlace): Promise<CopyTarget> {
  const admit = async (session: Session) => {
    await assertIdle(session);
    if ((await foundSchema(session)) === 0 || (await markOf(session)) !== null) return;
    await assertEmpty(session);
  };
  return new PostgresTarget(await openPool({ ...toOptions(url), admit }));
}

async function assertEmpty(session: Session): Promise<void> {
  const any = "SELECT 1 FROM streams UNION ALL SELECT 1 FROM events LIMIT 1";
  const found = await session.rows(any);
  if (found.length > 0) throw notEmpty();
}

function toOptions(address: string) {
  const queryTimeoutMs = statementTimeoutMs + 5_000; // after the server should have given up itself
  const bounds = { statementTimeoutMs, queryTimeoutMs, connectionsMax: 2 };
  return { address, ...bounds, isPooled: true, name: "resonate store copy" };
}

/** A server that asks nothing at the moment keeps a connection all the same. */
async function assertIdle(session: Session): Promise<void> {
  const others = await session.rows(
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
    [serverName],
  );
  if (others.length === 0) return;
  const advice = "stop it first, and whatever else of Resonate is connected";
  throw refusal(`a Resonate server runs on it: ${advice}`);
}

async function atOneMoment<Answer>(
  pool: PostgresPool,
  work: (session: Session) => Promise<Answer>,
): Promise<Answer> {
  return await pool.use("read", async (session) => {
    // It may stand still for as long as the other side writes.
    await session.script(`${queries.beginRead(pool.localSettings)}
      SET LOCAL idle_in_transaction_session_timeout = 0`);
    const answer = await work(session);
    await session.rollBack();
    return answer;
  });
}

type StreamRow = PostgresStream &
  KeyRow & { readonly number: bigint; readonly due_at: bigint | null };

class PostgresContents implements Contents {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async counts(): Promise<Counts> {
    type Row = Readonly<Record<keyof Counts, bigint>>;
    const [row] = await this.#session.rows<Row>(selectCounts);
    const { streams = 0n, events = 0n, tags = 0n, waiting = 0n } = row ?? {};
    const [streamCount, eventCount] = [Number(streams), Number(events)];
    return {
      streams: streamCount,
      events: eventCount,
      tags: Number(tags),
      waiting: Number(waiting),
    };
  }

  async *streams(after: number): AsyncGenerator<CopiedStream> {
    for (let last = BigInt(after); ; ) {
      const values = [last, rowsMax, weightMax];
      const rows = await this.#session.rows<StreamRow>(selectStreams, values);
      for (const row of rows) yield named("the", row, () => copiedStream(row));
      const end = rows.at(-1);
      if (end === undefined) return;
      last = end.number;
    }
  }

  async *events(after: number): AsyncGenerator<CopiedEvent> {
    for (let last = BigInt(after); ; ) {
      const values = [rowsMax, weightMax, last, int64Max];
      const rows = await this.#session.rows<PostgresEvent>(queries.selectLog, values);
      for (const row of rows) yield eventIn(row);
      const end = rows.at(-1);
      if (end === undefined) return;
      last = end.position;
    }
  }
}

function copiedStream(row: StreamRow): CopiedStream {
  const stream = loadedOf(keyOf(row), row);
  return { number: Number(row.number), stream, dueAt: dateOf(row.due_at) };
}

function eventIn(row: PostgresEvent): CopiedEvent {
  const { stream_kind: kind, id, kind: event, schema, command, data } = row;
  const numbers = { position: Number(row.position), version: Number(row.version) };
  return copiedEvent(
    { kind, id },
    { ...numbers, ...{ at: Number(row.at), kind: event, schema, command, data } },
  );
}

class PostgresTarget implements CopyTarget {
  readonly #pool: PostgresPool;
  readonly #begin: string;

  constructor({ pool, synchronousCommit }: OpenedPool) {
    this.#pool = pool;
    this.#begin = queries.beginWrite(synchronousCommit, pool.localSettings);
  }

  async begin(wanted: Mark): Promise<Mark> {
    return await this.#write(async (session) => {
      await assertIdle(session); // the source has been read meanwhile, which takes its time
      const found = await markOf(session, "wait");
      if (found !== null) return resumed(found, wanted);
      await assertEmpty(session); // another copy may have come to its end meanwhile
      const { source, hash, stream, position } = wanted;
      await session.script(createMark("BIGINT"));
      const values = [source, hash, stream, position];
      await session.rows(`INSERT INTO ${markTable} VALUES ($1, $2, $3, $4)`, values);
      return wanted;
    });
  }

  async putStreams(batch: readonly CopiedStream[], mark: Mark): Promise<Mark> {
    const rows = batch.map(({ number, stream, dueAt }) => {
      const { key, version, revision, state: snapshot, timers } = stream;
      const write: Write = { version, events: [], snapshot, timers, dueAt };
      return { number, ...wholeRows({ key, version, revision, write }) };
    });
    const tags = rows.flatMap((row) => row.tags.map((tag) => ({ stream: row.number, ...tag })));
    const offers = rows.flatMap((row) =>
      row.waiting.map((each) => ({ stream: row.number, ...each })),
    );
    return await this.#put(insertStreams, mark, {
      after: { ...mark, stream: batch.at(-1)?.number ?? mark.stream },
      lists: [
        ...listOf(
          streamColumns,
          rows.map(({ number, stream }) => ({ number, ...stream })),
        ),
        ...listOf(tagColumns, tags),
        ...listOf(waitingColumns, offers),
      ],
    });
  }

  async putEvents(batch: readonly CopiedEvent[], mark: Mark): Promise<Mark> {
    const rows = batch.map(({ key: { kind: stream_kind, id }, row }) => ({
      stream_kind,
      id,
      ...row,
    }));
    return await this.#put(insertEvents, mark, {
      after: { ...mark, position: batch.at(-1)?.row.position ?? mark.position },
      lists: listOf(eventColumns, rows),
    });
  }

  async read<Answer>(work: Reading<Answer>): Promise<Answer> {
    return await atOneMoment(this.#pool, (session) => work(new PostgresContents(session)));
  }

  /** Who searches at once finds statistics; who writes at once draws positions behind the last. */
  async finish(mark: Mark): Promise<void> {
    await this.#write(async (session) => {
      await this.#move(session, moveMark, { from: mark, after: mark, lists: [] });
      if (mark.position > 0)
        await session.rows("SELECT setval('events_position', $1)", [mark.position]);
      await session.script(`${dropMark}; ANALYZE streams, events, tags, waiting`);
    });
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #put(
    statement: string,
    from: Mark,
    { after, lists }: { readonly after: Mark; readonly lists: readonly unknown[] },
  ): Promise<Mark> {
    await this.#write((session) => this.#move(session, statement, { from, after, lists }));
    return after;
  }

  async #move(
    session: Session,
    statement: string,
    move: { readonly from: Mark; readonly after: Mark; readonly lists: readonly unknown[] },
  ): Promise<void> {
    const { from, after, lists } = move;
    const values = [from.stream, from.position, after.stream, after.position, ...lists];
    const moved = await session.rows(statement, values);
    if (moved.length !== 1) throw refusal("somebody else fills it as well, and only one copy may");
  }

  /** B3. */
  async #write<Answer>(work: (session: Session) => Promise<Answer>): Promise<Answer> {
    return await this.#pool.use("write", async (session) => {
      await session.script(this.#begin);
      const answer = await work(session);
      await session.commit();
      return answer;
    });
  }
}
