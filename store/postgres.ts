// The store of one server or of many: a Postgres, through a few connections. Calls overlap; each is one
// transaction, or one statement.
//
// A batch is one `load`, which is one statement, and one `commit`, which is one transaction of a fixed
// number of statements: mark, lock, update, insert, commit. Locking all streams of a batch first, those
// included that are only read, makes READ COMMITTED enough: what was compared cannot move until the
// transaction ends (DESIGN.md).
//
//   G4. Every server locks streams in the order of their keys, and then creates in the order of their
//       keys. So no two wait for each other; if they do, one of them begins anew.
//   G5. Who finds, when all is locked and compared, that a rival has created a stream meanwhile, rolls
//       all back and begins anew; then the stream is there to be compared.

import { earliest, type InstantMs, later } from "../kernel/ids.ts";
import type { Due, DueBounds, Loaded } from "../kernel/ports.ts";
import {
  eventWeight,
  type Found,
  type LogPage,
  type LogRange,
  type PromiseQuery,
  weight,
} from "../kernel/search.ts";
import type { Component, StreamKey } from "../kernel/stream.ts";
import { StreamMap } from "../kernel/stream-map.ts";
import { Undecodable } from "./members.ts";
import { type Bounds, page, type Reading } from "./page.ts";
import { isRepeatable } from "./postgres-errors.ts";
import { listOf } from "./postgres-lists.ts";
import { wholeUpTo } from "./postgres-log.ts";
import { type Fence, keyLists, keysOf, type Plan, plan } from "./postgres-plan.ts";
import type { PoolFigures, PostgresPool, Session } from "./postgres-pool.ts";
import * as queries from "./postgres-queries.ts";
import {
  type ClaimedRow,
  claimedOf,
  dateOf,
  foundOf,
  type LoadedRow,
  type LockedRow,
  loadedOf,
  loggedOf,
  type PostgresEvent,
  type PostgresFound,
} from "./postgres-rows.ts";
import { search } from "./postgres-search.ts";
import { type AsyncStore, claimMs, StoreError, unwritten } from "./store.ts";

/** How often a commit is begun anew. Arbitrary: each time a rival was faster, so somebody gets on. */
const attemptsMax = 8;

export class PostgresStore implements AsyncStore {
  readonly #pool: PostgresPool;
  readonly #beginWrite: string;

  /** @param synchronousCommit "on", or what is stronger; see `openPostgres` */
  constructor(pool: PostgresPool, synchronousCommit: string) {
    this.#pool = pool;
    this.#beginWrite = queries.beginWrite(synchronousCommit);
  }

  get connections(): PoolFigures {
    return this.#pool.figures;
  }

  async load(keys: readonly StreamKey[]): Promise<readonly Loaded[]> {
    if (keys.length === 0) return [];
    const rows = await this.#pool.use("read", (session) => {
      return session.rows<LoadedRow>(queries.selectStreams, keyLists(keys));
    });
    const found = new Map(rows.map((row) => [Number(row.place), row]));
    return keys.map((key, index) => {
      const row = found.get(index + 1);
      const stream = orNull(() => (row === undefined ? unwritten(key) : loadedOf(key, row)));
      return stream === null ? { kind: "unreadable", key } : { kind: "stream", stream }; // A6
    });
  }

  async commit(components: readonly Component[]): Promise<readonly number[]> {
    const keys = keysOf(components);
    if (keys.length === 0) return [];
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const conflicts = await this.#attempt(components, keys, attempt === attemptsMax);
      if (conflicts !== null) return conflicts;
    }
    const message = "a commit was begun anew too often: others write the same streams all the time";
    throw new StoreError("store_overloaded", message);
  }

  query(query: PromiseQuery): Promise<Found> {
    return this.#read((session) => {
      return filled(
        query,
        async (last: PostgresFound | undefined) => {
          const before = last?.number ?? (query.before === null ? null : BigInt(query.before));
          const { sql, parameters } = search(query, before);
          return await session.rows<PostgresFound>(sql, parameters);
        },
        { read: (row) => readable(`the promise ${row.id}`, () => foundOf(row)), weight },
      );
    });
  }

  /** A damaged stream is claimed like any other, so it keeps no other one from being swept (A6). */
  async due(now: InstantMs, { limit, weightMax }: DueBounds): Promise<Due> {
    const endsAt = now + claimMs;
    const rows = await this.#pool.use("write", (session) => {
      const values = [now, now + 2 * claimMs, limit, weightMax, endsAt];
      return session.rows<ClaimedRow>(queries.claimDue, values);
    });
    const streams = rows.flatMap((row) => orNull(() => claimedOf(row)) ?? []);
    return { streams, nextAt: nextOf(rows[0], now) };
  }

  async log(ranges: readonly LogRange[]): Promise<readonly LogPage[]> {
    const isWhole = ranges.some(({ of }) => of === null);
    const end = isWhole ? await this.#whole() : 0n;
    return await this.#read(async (session) => {
      const pages: LogPage[] = [];
      for (const range of ranges) {
        const { of } = range;
        pages.push(await (of === null ? log(session, range, end) : history(session, of, range)));
      }
      return pages;
    });
  }

  /** Erases everything. */
  async reset(): Promise<void> {
    await this.#pool.use("write", (session) => session.script(queries.deleteAll));
  }

  /** Waits for the calls that are under way. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** Null: a rival has come between, and nothing is written. */
  async #attempt(
    components: readonly Component[],
    keys: readonly StreamKey[],
    isLast: boolean,
  ): Promise<readonly number[] | null> {
    try {
      return await this.#pool.use("write", async (session) => {
        await session.script(this.#beginWrite); // A1, G1
        const rows = await session.rows<LockedRow>(queries.lockStreams, keyLists(keys)); // G4
        const planned = plan(components, fences(keys, rows));
        const isWritten = await write(session, planned);
        if (isWritten) await session.commit();
        else await session.rollBack(); // G5
        return isWritten || isNothing(planned) ? planned.conflicts : null;
      });
    } catch (error) {
      if (isLast || !isRepeatable(error)) throw error;
      return null;
    }
  }

  /** G2. Before the transaction that reads, whose moment is that of its first statement. */
  async #whole(): Promise<bigint> {
    const [drawn, marks] = await this.#pool.use("read", (session) => {
      return session.script(queries.selectMarks);
    });
    const names = marks?.rows.map(({ mark }) => BigInt(mark)) ?? [];
    return wholeUpTo(BigInt(drawn?.rows[0]?.drawn ?? 0), names);
  }

  /** A4. */
  #read<Answer>(work: (session: Session) => Promise<Answer>): Promise<Answer> {
    return this.#pool.use("read", async (session) => {
      await session.script(queries.beginRead);
      const answer = await work(session);
      await session.rollBack();
      return answer;
    });
  }
}

function fences(keys: readonly StreamKey[], rows: readonly LockedRow[]): StreamMap<Fence> {
  const found = new StreamMap<Fence>();
  for (const { place, version, revision } of rows) {
    const key = keys[Number(place) - 1];
    if (key !== undefined) {
      found.set(key, { version: Number(version), revision: Number(revision) });
    }
  }
  return found;
}

function isNothing({ updates, creations }: Plan): boolean {
  return updates.length + creations.length === 0;
}

/** @returns whether all of it is written; if not, nothing may be committed */
async function write(session: Session, planned: Plan): Promise<boolean> {
  const { updates, creations, tags, events } = planned;
  if (isNothing(planned)) return false;
  if (updates.length > 0) {
    const values = listOf(queries.streamColumns, updates);
    const count = await session.write(queries.updateStreams, values);
    if (count !== updates.length) return false;
  }
  if (events.length === 0) return true;
  const [row] = await session.rows<{ readonly count: bigint }>(queries.insertAll, [
    ...listOf(queries.eventColumns, events),
    ...listOf(queries.streamColumns, creations),
    ...listOf(queries.tagColumns, tags),
  ]);
  return row?.count === BigInt(events.length + creations.length + tags.length);
}

/** When to ask again (A5). */
function nextOf(row: ClaimedRow | undefined, now: InstantMs) {
  if (row === undefined) return null;
  const left = dateOf(row.left_at);
  const passed = dateOf(row.passed_at);
  // What has come due and was not to be had is locked by somebody who is about to write it.
  const isLocked = passed !== null && passed <= now;
  const free = isLocked ? later(now, claimMs) : passed;
  return earliest(left ?? free, dateOf(row.ends_at));
}

async function log(session: Session, range: LogRange, end: bigint): Promise<LogPage> {
  const { limit, weightMax } = range;
  const { rows } = await filled(
    range,
    (last: PostgresEvent | undefined) => {
      const after = last?.position ?? range.after;
      return session.rows<PostgresEvent>(queries.selectLog, [limit + 1, weightMax, after, end]);
    },
    readingEvents,
  );
  const [found] = await session.rows<{ readonly last: bigint | null }>(queries.selectEnd, [end]);
  return { events: rows, end: Number(found?.last ?? 0) };
}

async function history(session: Session, key: StreamKey, range: LogRange): Promise<LogPage> {
  const { limit, weightMax } = range;
  const { kind, id } = key;
  const { rows } = await filled(
    range,
    (last: PostgresEvent | undefined) => {
      const after = last?.version ?? range.after;
      const values = [limit + 1, weightMax, after, kind, id];
      return session.rows<PostgresEvent>(queries.selectHistory, values);
    },
    readingEvents,
  );
  const [found] = await session.rows<{ readonly version: bigint }>(queries.selectVersion, [
    ...[kind, id],
  ]);
  return { events: rows, end: Number(found?.version ?? 0) };
}

const readingEvents = {
  read: (row: PostgresEvent) => {
    return readable(`the event at ${row.position}`, () => loggedOf(row));
  },
  weight: eventWeight,
};

/**
 * A page of rows that come in pieces, since a statement stops where a page may be full.
 *
 * @param ask for the rows behind this one; undefined: from the first
 */
async function filled<Stored extends { readonly available: bigint }, Row>(
  bounds: Bounds,
  ask: (last: Stored | undefined) => Promise<readonly Stored[]>,
  reading: Reading<Stored, Row>,
) {
  const stored: Stored[] = [];
  for (;;) {
    const more = await ask(stored.at(-1));
    stored.push(...more);
    const isAll = BigInt(more.length) === (more[0]?.available ?? 0n);
    const found = page(stored, bounds, reading);
    if (found.hasMore || isAll) return found;
  }
}

/** Null for a damaged record. */
function orNull<Read>(read: () => Read): Read | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Undecodable) return null;
    throw error;
  }
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
