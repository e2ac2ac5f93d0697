// Reads a whole Postgres, for `resonate log`: in one transaction that sees one moment, a page at a time.
// While it runs, the server keeps what others delete or replace.

import { compareBytes } from "../kernel/order.ts";
import type { Deviation } from "./fold.ts";
import { assertKnown, schemaKnown } from "./migrate.ts";
import { isDamage } from "./postgres-errors.ts";
import { type Columns, type ListRow, listOf } from "./postgres-lists.ts";
import { foundSchema } from "./postgres-migrate.ts";
import { digest, tagDigest } from "./postgres-plan.ts";
import { longestMs, type PoolOptions, PostgresPool, type Session } from "./postgres-pool.ts";
import * as queries from "./postgres-reader-queries.ts";
import { lineOf, type Reader } from "./reader.ts";
import type { HistoryRow, KeyRow, StreamsRow } from "./rows.ts";
import { StoreError } from "./store.ts";
import { type Owed, type Paid, type Report, type Source, verify } from "./verify.ts";

/** An event that knows its stream by its key. */
type KeyedEvent = HistoryRow & { readonly stream: KeyRow };

/** @throws StoreError if it cannot be read, with what to do about it */
export async function openPostgresReader(options: PoolOptions): Promise<PostgresReader> {
  // Of a page it takes as long as it takes, and as long as whoever is told waits before the next one.
  const patience = { statementTimeoutMs: 0, queryTimeoutMs: longestMs };
  const pool = new PostgresPool({
    name: "resonate log",
    ...options,
    ...patience,
    connectionsMax: 1,
  });
  try {
    const schema = await pool.use("read", foundSchema);
    assertKnown("the database", schema);
    if (schema === schemaKnown) return new PostgresReader(pool);
    const versions = `has schema version ${schema}, and this program reads ${schemaKnown}`;
    const message = `the database ${versions}: run resonate migrate up first`;
    throw new StoreError("store_failed", message);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

export class PostgresReader implements Reader {
  readonly #pool: PostgresPool;
  readonly #bounds: queries.PageBounds;

  /** @param bounds of a page */
  constructor(pool: PostgresPool, bounds: queries.PageBounds = queries.pageBounds) {
    this.#pool = pool;
    this.#bounds = bounds;
  }

  verify(): Promise<Report> {
    return this.#reading((session) => verify(new PostgresSource(session, this.#bounds)));
  }

  /** All that is committed; what commits later may come before it. */
  export(take: (line: string) => Promise<boolean>): Promise<void> {
    return this.#reading(async (session) => {
      const rows = queries.pages(session, queries.selectLog, this.#bounds, {
        first: [0],
        after: ({ position }: queries.ReadEvent) => [position],
      });
      for await (const page of rows) {
        for (const { stream_kind: streamKind, position, version, at, ...event } of page) {
          const numbers = { position: Number(position), version: Number(version), at: Number(at) };
          const isWanted = await take(lineOf({ streamKind, ...event, ...numbers }));
          if (!isWanted) return;
        }
      }
    });
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  #reading<Answer>(work: (session: Session) => Promise<Answer>): Promise<Answer> {
    return this.#pool.use("read", async (session) => {
      await session.script(queries.begin);
      const answer = await work(session);
      await session.rollBack();
      return answer;
    });
  }
}

/** Streams come by kind and id, in the order of their bytes. */
class PostgresSource implements Source<KeyedEvent> {
  readonly name = "the database";
  readonly encoding = { branch: (branch: string) => digest(branch).toString("hex") };
  readonly #session: Session;
  readonly #bounds: queries.PageBounds;

  constructor(session: Session, bounds: queries.PageBounds) {
    this.#session = session;
    this.#bounds = bounds;
  }

  /** Pages and indexes are for Postgres' own tools; see DESIGN.md. */
  async unsound(): Promise<Deviation | null> {
    const [twice] = await this.#session.rows<{ readonly position: bigint }>(queries.selectTwice);
    if (twice !== undefined) {
      const field = `the events at ${twice.position}`;
      return { field, expected: "one", found: "several" };
    }
    const [found] = await this.#session.rows<queries.Ends>(queries.selectEnds);
    if (found === undefined || found.drawn >= found.last) return null;
    const expected = `at or behind ${found.last}`;
    return { field: "events_position", expected, found: `at ${found.drawn}` };
  }

  async *streams(): AsyncGenerator<readonly StreamsRow[]> {
    const rows = queries.pages(this.#session, queries.selectStreams, this.#bounds, {
      first: ["", ""],
      after: ({ kind, id }: queries.ReadStream) => [kind, id],
    });
    for await (const page of rows) yield page.map(streamsRow);
  }

  async *events(): AsyncGenerator<KeyedEvent> {
    const rows = queries.pages(this.#session, queries.selectHistories, this.#bounds, {
      first: ["", "", 0],
      after: ({ stream_kind, id, version }: queries.ReadEvent) => [stream_kind, id, version],
    });
    for await (const page of rows) yield* page.map(keyedEvent);
  }

  compare({ stream }: KeyedEvent, { kind, id }: StreamsRow): number {
    return compareBytes(stream.kind, kind) || compareBytes(stream.id, id);
  }

  async paid(owed: readonly Owed[]): Promise<readonly Paid[]> {
    const tags = await this.#found(
      queries.selectTags,
      queries.tagKeys,
      owed.flatMap(({ row, tags }) => {
        return [...tags].map(([name, value]) => ({ ...keyed(row), tag: tagDigest(name, value) }));
      }),
    );
    const waiting = await this.#found(
      queries.selectWaiting,
      queries.waitingKeys,
      owed.flatMap(({ row, waiting }) => {
        return waiting.map(({ receiver, offeredAt }) => {
          return { ...keyed(row), receiver: digest(receiver), offered_at: offeredAt };
        });
      }),
    );
    return owed.map((each) => ({
      tags: [...each.tags].map(() => tags.next().value === true),
      waiting: each.waiting.map(() => waiting.next().value === true),
    }));
  }

  /** Whether there is a row for each of them. */
  async #found<Of extends Columns>(
    text: string,
    columns: Of,
    wanted: readonly ListRow<Of>[],
  ): Promise<Iterator<boolean>> {
    if (wanted.length === 0) return [].values();
    const rows = await this.#session.rows<queries.Place>(text, listOf(columns, wanted));
    const places = new Set(rows.map(({ place }) => Number(place)));
    return wanted.map((_, index) => places.has(index + 1)).values();
  }

  async counts() {
    const [found] = await this.#session.rows<queries.Counts>(queries.selectCounts);
    return { tags: Number(found?.tags ?? 0), waiting: Number(found?.waiting ?? 0) };
  }

  isDamage(error: unknown): boolean {
    return isDamage(error);
  }
}

function keyed({ kind, id, number }: StreamsRow) {
  return { kind, id, stream: number };
}

function streamsRow({ schema, branch, is_timer, ...row }: queries.ReadStream): StreamsRow {
  return {
    ...row,
    schema: BigInt(schema),
    branch: branch === null ? null : branch.toString("hex"),
    is_timer: is_timer === null ? null : BigInt(is_timer),
  };
}

function keyedEvent(row: queries.ReadEvent): KeyedEvent {
  const { stream_kind: kind, id, position, version, at, ...event } = row;
  return {
    ...event,
    ...{ position: Number(position), version: Number(version), at: Number(at) },
    ...{ stream: { kind, id }, id: version === 1n ? id : null },
  };
}
