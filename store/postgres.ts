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

import { earliest, type InstantMs, later, type Receiver } from "../kernel/ids.ts";
import type { Listed, ListQuery } from "../kernel/list.ts";
import type { Due, DueBounds, Loaded } from "../kernel/ports.ts";
import type { Found, LogPage, LogRange, PromiseQuery } from "../kernel/search.ts";
import type { Component, StreamKey } from "../kernel/stream.ts";
import { StreamMap } from "../kernel/stream-map.ts";
import type { WaitingPage, WaitingQuery } from "../kernel/waiting.ts";
import { isRepeatable } from "./postgres-errors.ts";
import { listOf } from "./postgres-lists.ts";
import { wholeUpTo } from "./postgres-log.ts";
import { digest, type Fence, keyLists, keysOf, type Plan, plan } from "./postgres-plan.ts";
import type { PoolFigures, PostgresPool, Session } from "./postgres-pool.ts";
import * as queries from "./postgres-queries.ts";
import { find, history, listed, log, orNull, readable, waiting } from "./postgres-reads.ts";
import {
  type ClaimedRow,
  dateOf,
  keyedOf,
  type LoadedRow,
  type LockedRow,
  loadedOf,
} from "./postgres-rows.ts";
import { breakIn, type Probe, unprobed } from "./probe.ts";
import { type AsyncStore, claimMs, StoreError, unwritten } from "./store.ts";
import { decodeWaiting } from "./waiting-rows.ts";

/** How often a commit is begun anew. Arbitrary: each time a rival was faster, so somebody gets on. */
const attemptsMax = 8;

/** `hasMore`: there are others that nobody has claimed, and that are due some time. */
type Claimed = { readonly due: Due; readonly hasMore: boolean };

export class PostgresStore implements AsyncStore {
  readonly #pool: PostgresPool;
  readonly #beginRead: string;
  readonly #beginWrite: string;
  readonly #probe: Probe;

  /** @param synchronousCommit "on", or what is stronger; see `openPostgres` */
  constructor(pool: PostgresPool, synchronousCommit: string, probe: Probe = unprobed) {
    this.#pool = pool;
    this.#probe = probe;
    this.#beginRead = queries.beginRead(pool.localSettings);
    this.#beginWrite = queries.beginWrite(synchronousCommit, pool.localSettings);
  }

  get connections(): PoolFigures {
    return this.#pool.figures;
  }

  async load(keys: readonly StreamKey[]): Promise<readonly Loaded[]> {
    breakIn(this.#probe, "read");
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
    return this.#read((session) => find(session, query));
  }

  list(queries: readonly ListQuery[]): Promise<readonly Listed[]> {
    return this.#read(async (session) => {
      const pages: Listed[] = [];
      for (const query of queries) pages.push(await listed(session, query));
      return pages;
    });
  }

  waiting(query: WaitingQuery): Promise<WaitingPage> {
    return this.#read((session) => waiting(session, query));
  }

  async due(now: InstantMs, bounds: DueBounds): Promise<Due> {
    breakIn(this.#probe, "read");
    const claimed = await this.#claim(now, bounds);
    const limit = this.#cut(claimed);
    if (limit === claimed.due.streams.length) return claimed.due;
    const keys = claimed.due.streams.map(({ key }) => key);
    await this.#pool.use("write", (session) => {
      return session.write(queries.releaseClaims, keyLists(keys));
    });
    return (await this.#claim(now, { ...bounds, limit })).due;
  }

  /** A damaged stream is claimed like any other, so it keeps no other one from being swept (A6). */
  async #claim(now: InstantMs, { limit, weightMax }: DueBounds): Promise<Claimed> {
    const endsAt = now + claimMs;
    const rows = await this.#pool.use("write", (session) => {
      const values = [now, now + 2 * claimMs, limit, weightMax, endsAt];
      return session.rows<ClaimedRow>(queries.claimDue, values);
    });
    const streams = rows.flatMap((row) => orNull(() => keyedOf(row)) ?? []);
    const [dates] = rows;
    const hasMore = dates !== undefined && (dates.left_at ?? dates.passed_at) !== null;
    return { due: { streams, nextAt: nextOf(dates, now) }, hasMore };
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

  /** Messages that wait for a worker; for metrics. */
  async missedCount(): Promise<number> {
    const [row] = await this.#pool.use("read", (session) => {
      return session.rows<{ readonly count: bigint }>(queries.countMissed);
    });
    return Number(row?.count ?? 0);
  }

  /** Of these receivers those for whom something waits that found nobody. */
  async missed(receivers: readonly Receiver[]): Promise<readonly Receiver[]> {
    const rows = await this.#pool.use("read", (session) => {
      type Row = { readonly place: bigint };
      return session.rows<Row>(queries.selectMissed, [receivers.map(digest)]);
    });
    return rows.flatMap(({ place }) => receivers[Number(place) - 1] ?? []);
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
        breakIn(this.#probe, "commit.begin");
        const planned = plan(components, fences(keys, rows));
        const isWritten = await this.#write(session, planned);
        breakIn(this.#probe, "commit.end");
        if (isWritten) await session.commit();
        else await session.rollBack(); // G5
        return isWritten || isNothing(planned) ? planned.conflicts : null;
      });
    } catch (error) {
      if (isLast || !isRepeatable(error)) throw error;
      return null;
    }
  }

  /** @returns whether all of it is written; if not, nothing may be committed */
  async #write(session: Session, planned: Plan): Promise<boolean> {
    const { writeCount, updates, creations, tags, events, ended, begun, offered } = planned;
    if (isNothing(planned)) return false;
    if (updates.length > 0) {
      const count = await session.write(queries.updateStreams, [
        ...listOf(queries.updateColumns, updates),
        ...listOf(queries.waitingColumns, ended),
        ...listOf(queries.waitingColumns, begun),
      ]);
      if (count !== updates.length) return false;
    }
    for (let index = 0; index < writeCount; index++) breakIn(this.#probe, "commit.middle");
    if (events.length === 0) return true;
    const [row] = await session.rows<{ readonly count: bigint }>(queries.insertAll, [
      ...listOf(queries.eventColumns, events),
      ...listOf(queries.streamColumns, creations),
      ...listOf(queries.tagColumns, tags),
      ...listOf(queries.waitingColumns, offered),
    ]);
    const rows = [events, creations, tags, offered].map(({ length }) => length);
    return row?.count === BigInt(rows.reduce((sum, each) => sum + each));
  }

  /** How many of them a sweep hands out that a probe makes short, as sqlite.ts asks it. */
  #cut({ due: { streams }, hasMore }: Claimed): number {
    const places = streams.length + (hasMore ? 1 : 0);
    for (let count = 1; count < places; count++) {
      if (this.#probe("due.short")) return Math.min(count, streams.length);
    }
    return streams.length;
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
      await session.script(this.#beginRead);
      breakIn(this.#probe, "read");
      const answer = await work(session);
      await session.rollBack();
      return answer;
    });
  }
}

function fences(keys: readonly StreamKey[], rows: readonly LockedRow[]): StreamMap<Fence> {
  const found = new StreamMap<Fence>();
  for (const { place, version, revision, ...row } of rows) {
    const key = keys[Number(place) - 1];
    if (key === undefined) continue;
    const waiting = readable(`the stream ${key.id}`, () => decodeWaiting(row.waiting));
    found.set(key, { version: Number(version), revision: Number(revision), waiting });
  }
  return found;
}

function isNothing({ updates, creations }: Plan): boolean {
  return updates.length + creations.length === 0;
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
