// The store of one server or of many: a Postgres, through a few connections. Calls overlap; each is one
// transaction, or one statement.
//
// A batch is one `load`, which is one statement, and one `commit`, which is one transaction, sent in two
// messages whatever its size: begin, mark and lock; then update, insert and COMMIT. Where all is new it is
// one. Locking all streams of a batch first, those included that are only read, makes READ COMMITTED
// enough: what was compared cannot move until the transaction ends (DESIGN.md).
//
//   G4. Every server locks streams in the order of their keys, and then creates in the order of their
//       keys. So no two wait for each other; if they do, one of them begins anew.
//   G5. Whose statement finds that a rival has created a stream meanwhile, fails, and with it all that it
//       wrote; it begins anew, and then the stream is there to be compared.
//   G8. A stream that is not there cannot be locked. So it is looked for once more when all others are
//       locked: whoever creates it and has read one of them is done by then, or comes after us.
//   G9. Of two who each create what the other one has found absent, at most one lands: whoever creates,
//       puts a row where he has found nothing, and takes it away again before he commits. If that makes
//       the two wait for each other, one of them begins anew, as in G4.

import type { QueryConfig } from "pg";
import { earliest, type InstantMs, later, type Receiver } from "../kernel/ids.ts";
import type { Listed, ListQuery } from "../kernel/list.ts";
import type { Due, DueBounds, Loaded } from "../kernel/ports.ts";
import type { Found, LogPage, LogRange, PromiseQuery } from "../kernel/search.ts";
import type { Component, StreamKey } from "../kernel/stream.ts";
import { StreamMap } from "../kernel/stream-map.ts";
import type { WaitingPage, WaitingQuery } from "../kernel/waiting.ts";
import { isDamage, isRepeatable } from "./postgres-errors.ts";
import { listOf } from "./postgres-lists.ts";
import { wholeUpTo } from "./postgres-log.ts";
import { digest, type Fence, keyLists, keysOf, type Plan, plan } from "./postgres-plan.ts";
import type { PoolFigures, PostgresPool, Session } from "./postgres-pool.ts";
import * as queries from "./postgres-queries.ts";
import { find, history, listed, log, orNull, readable, waiting } from "./postgres-reads.ts";
import { type ClaimedRow, claimedKeyOf, dateOf, keyedOf, type LockedRow } from "./postgres-rows.ts";
import { load, salvage } from "./postgres-salvage.ts";
import { breakIn, type Probe, unprobed } from "./probe.ts";
import { type AsyncStore, claimMs, StoreError } from "./store.ts";
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
    try {
      return await this.#pool.use("read", (session) => load(session, keys));
    } catch (error) {
      if (!isDamage(error)) throw error;
      return await this.#read((session) => salvage(session, keys)); // A6
    }
  }

  async commit(components: readonly Component[]): Promise<readonly number[]> {
    const keys = keysOf(components);
    if (keys.length === 0) return [];
    const areAllNew = this.#probe === unprobed && components.every(isNew);
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const work = attempt === 1 && areAllNew ? this.#create : this.#write;
      const conflicts = await this.#attempt(attempt === attemptsMax, (session) => {
        return work.call(this, session, components, keys);
      });
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
    const values = [now, now + 2 * claimMs, limit, weightMax, endsAt];
    const { rows, streams } = await this.#claimed(values);
    const [dates] = rows;
    const hasMore = dates !== undefined && (dates.left_at ?? dates.passed_at) !== null;
    return { due: { streams, nextAt: nextOf(dates, now) }, hasMore };
  }

  async #claimed(values: readonly unknown[]) {
    const claim = (text: string) => {
      return this.#pool.use("write", (session) => session.rows<ClaimedRow>(text, values));
    };
    try {
      const rows = await claim(queries.claimDue);
      return { rows, streams: rows.flatMap((row) => orNull(() => keyedOf(row)) ?? []) };
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    const rows = await claim(queries.claimDueKeys);
    const keys = rows.flatMap((row) => orNull(() => claimedKeyOf(row)) ?? []);
    const loaded = await this.#read((session) => salvage(session, keys));
    return { rows, streams: loaded.flatMap((each) => (each.kind === "stream" ? each.stream : [])) };
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

  /** Null: a rival has come between, and nothing is written (G5). */
  async #attempt(
    isLast: boolean,
    work: (session: Session) => Promise<readonly number[]>,
  ): Promise<readonly number[] | null> {
    try {
      return await this.#pool.use("write", work);
    } catch (error) {
      if (isLast || !isRepeatable(error)) throw error;
      return null;
    }
  }

  /** Streams that nobody has seen yet, in the hope that there is no rival: all in one message. */
  async #create(session: Session, components: readonly Component[]): Promise<readonly number[]> {
    const planned = plan(components, new StreamMap());
    await session.commit([{ text: this.#beginWrite }, ...this.#statements(planned)]);
    return planned.conflicts;
  }

  async #write(
    session: Session,
    components: readonly Component[],
    keys: readonly StreamKey[],
  ): Promise<readonly number[]> {
    const found = await this.#lock(session, components, keys);
    breakIn(this.#probe, "commit.begin");
    const planned = plan(components, found);
    const statements = this.#statements(planned);
    if (statements.length === 0) await session.rollBack();
    else if (this.#probe === unprobed) await session.commit(statements);
    else await this.#commitProbed(session, planned.writeCount, statements);
    return planned.conflicts;
  }

  async #lock(
    session: Session,
    components: readonly Component[],
    keys: readonly StreamKey[],
  ): Promise<StreamMap<Fence>> {
    const found = new StreamMap<Fence>();
    const lock = async (some: readonly StreamKey[]) => {
      const rows = await session.rows<LockedRow>(queries.lockStreams, keyLists(some)); // G4
      for (const row of rows) note(found, some, row);
    };
    await Promise.all([session.script(this.#beginWrite), lock(keys)]); // A1, G1
    const absent = onlyRead(components).filter((key) => !found.has(key));
    if (absent.length > 0 && found.size > 0) await lock(absent); // G8
    return found;
  }

  /** In the order in which they are sent. */
  #statements(planned: Plan): readonly QueryConfig[] {
    const { updates, creations, tags, events, ended, begun, offered, reserved } = planned;
    const keys = keyLists(reserved);
    const written = [
      ...listOf(queries.updateColumns, updates),
      ...listOf(queries.waitingColumns, ended),
      ...listOf(queries.waitingColumns, begun),
      updates.length,
    ];
    const inserted = [
      ...listOf(queries.eventColumns, events),
      ...listOf(queries.streamColumns, creations),
      ...listOf(queries.tagColumns, tags),
      ...listOf(queries.waitingColumns, offered),
      events.length + creations.length + tags.length + offered.length,
    ];
    // What is inserted has one plan, however full the tables are.
    const name = this.#pool.keepsPrepared ? { name: "insert_all" } : {};
    return [
      ...(updates.length === 0 ? [] : [{ text: queries.updateStreams, values: written }]),
      ...(reserved.length === 0
        ? []
        : [
            { text: queries.reserve, values: [...keys, reserved.length] },
            { text: queries.releaseReserved, values: [...keys] },
          ]),
      ...(events.length === 0 ? [] : [{ ...name, text: queries.insertAll, values: inserted }]),
    ];
  }

  /** Statement by statement, so that it can be broken in between. */
  async #commitProbed(
    session: Session,
    writeCount: number,
    statements: readonly QueryConfig[],
  ): Promise<void> {
    const [first, ...rest] = statements;
    if (first !== undefined) await session.query(first);
    for (let index = 0; index < writeCount; index++) breakIn(this.#probe, "commit.middle");
    for (const each of rest) await session.query(each);
    breakIn(this.#probe, "commit.end");
    await session.commit();
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

function note(found: StreamMap<Fence>, keys: readonly StreamKey[], row: LockedRow): void {
  const key = keys[Number(row.place) - 1];
  if (key === undefined) return;
  const waiting = readable(`the stream ${key.id}`, () => decodeWaiting(row.waiting));
  found.set(key, { version: Number(row.version), revision: Number(row.revision), waiting });
}

function onlyRead(components: readonly Component[]): readonly StreamKey[] {
  const changes = components.flatMap((component) => component.changes);
  return changes.filter(({ write }) => write === null).map(({ key }) => key);
}

function isNew({ changes }: Component): boolean {
  return changes.every(({ expectedRevision, write }) => expectedRevision === 0 && write !== null);
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
