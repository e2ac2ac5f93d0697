// The reference store, and the one that a simulation runs on: a Map. It keeps every event and every
// stream for as long as it lives. The other stores are right when they agree with it.

import { assert } from "../kernel/assert.ts";
import {
  type DeadlineMs,
  earliest,
  type InstantMs,
  isDue,
  position,
  streamRevision,
  streamVersion,
} from "../kernel/ids.ts";
import { isListed, type Listed, type ListQuery, type ListRow } from "../kernel/list.ts";
import { compareBytes } from "../kernel/order.ts";
import type { Due, DueBounds, Loaded } from "../kernel/ports.ts";
import {
  eventWeight,
  type Found,
  type FoundPromise,
  type LoggedEvent,
  type LogPage,
  type LogRange,
  matches,
  type PromiseQuery,
  type StateFilter,
  weight,
} from "../kernel/search.ts";
import type { Change, Component, Stream, StreamKey, Write } from "../kernel/stream.ts";
import { StreamMap } from "../kernel/stream-map.ts";
import {
  type WaitingPage,
  type WaitingPlace,
  type WaitingQuery,
  waiting,
} from "../kernel/waiting.ts";
import { Claims } from "./claims.ts";
import { type Columns, columns } from "./columns.ts";
import { Heap } from "./heap.ts";
import { page } from "./page.ts";
import { breakIn, type Probe, unprobed } from "./probe.ts";
import { type Store, unwritten } from "./store.ts";
import { streamWeight } from "./weight.ts";

type Row = {
  readonly key: StreamKey;
  /** Counts streams in the order of their creation. */
  readonly number: number;
  readonly events: LoggedEvent[];
  /** Replaced as a whole, since it is handed out. */
  stream: Stream;
  dueAt: DeadlineMs | null;
  /** Its place among the due streams; null while it is claimed, or never due. */
  timer: Timer | null;
};

/** Dead once its row has another one. */
type Timer = { readonly row: Row; readonly dueAt: DeadlineMs };

export class MemoryStore implements Store {
  readonly #rows = new StreamMap<Row>();
  /** Oldest first. */
  readonly #created: Row[] = [];
  /** An event stands at its position less one. */
  readonly #log: LoggedEvent[] = [];
  readonly #timers = new Heap(compareTimers);
  readonly #claims = new Claims();
  readonly #probe: Probe;

  constructor(probe: Probe = unprobed) {
    this.#probe = probe;
  }

  load(keys: readonly StreamKey[]): readonly Loaded[] {
    breakIn(this.#probe, "read");
    return keys.map((key) => ({ kind: "stream", stream: this.#stream(key) }));
  }

  commit(components: readonly Component[]): readonly number[] {
    breakIn(this.#probe, "commit.begin"); // later it would be too late: nothing is rolled back here
    const conflicts: number[] = [];
    for (const [index, { changes }] of components.entries()) {
      if (changes.some((change) => this.#hasMoved(change))) {
        conflicts.push(index); // A2
      } else {
        for (const { key, write } of changes) if (write !== null) this.#write(key, write);
      }
    }
    return conflicts;
  }

  query(query: PromiseQuery): Found {
    breakIn(this.#probe, "read");
    return page(this.#find(query), query, { read: (found) => found, weight });
  }

  list(queries: readonly ListQuery[]): readonly Listed[] {
    breakIn(this.#probe, "read");
    const reading = { read: (row: ListRow) => row, weight: streamWeight };
    return queries.map((query) => page(this.#inOrder(query), query, reading));
  }

  waiting({ receiver, before, after, limit, weightMax }: WaitingQuery): WaitingPage {
    breakIn(this.#probe, "read");
    const found = this.#created.flatMap(({ events, stream }) => {
      const number = events[0]?.position ?? 0;
      const own = waiting(stream.state, stream.timers).find((each) => each.receiver === receiver);
      if (own === undefined || own.offeredAt >= before) return [];
      return [{ place: { offeredAt: own.offeredAt, number }, stream }];
    });
    found.sort((left, right) => comparePlaces(left.place, right.place));
    const rest = found.filter(({ place }) => after === null || comparePlaces(place, after) > 0);
    const reading = {
      read: (each: (typeof rest)[number]) => each,
      weight: ({ stream }: (typeof rest)[number]) => streamWeight(stream),
    };
    const { rows, hasMore } = page(rest, { limit, weightMax }, reading);
    const next = hasMore ? (rows.at(-1)?.place ?? null) : null;
    return { streams: rows.map(({ stream }) => stream), next };
  }

  /** Messages that wait for a worker; for metrics. */
  get missedCount(): number {
    return this.#created
      .flatMap(({ stream }) => waiting(stream.state, stream.timers))
      .filter(({ offeredAt }) => offeredAt === 0).length;
  }

  due(now: InstantMs, { limit, weightMax }: DueBounds): Due {
    for (const key of this.#claims.expire(now)) this.#rearm(key);
    const endsAt = this.#claims.endsAt; // of the older claims (A5)
    const streams: Stream[] = [];
    for (let sum = 0; streams.length < limit && sum < weightMax; ) {
      const timer = this.#nextTimer();
      if (timer === undefined || !isDue(timer.dueAt, now)) break;
      if (streams.length > 0 && this.#probe("due.short")) break;
      this.#timers.pop();
      timer.row.timer = null;
      this.#claims.claim(timer.row.key, now); // A5
      streams.push(timer.row.stream);
      sum += streamWeight(timer.row.stream);
    }
    return { streams, nextAt: earliest(this.#nextTimer()?.dueAt ?? null, endsAt) };
  }

  log(ranges: readonly LogRange[]): readonly LogPage[] {
    breakIn(this.#probe, "read");
    return ranges.map((range) => {
      const log = range.of === null ? this.#log : (this.#rows.get(range.of)?.events ?? []);
      const reading = { read: (event: LoggedEvent) => event, weight: eventWeight };
      return { events: page(from(log, range.after), range, reading).rows, end: log.length };
    });
  }

  /** Erases everything. */
  reset(): void {
    this.#rows.clear();
    this.#created.length = 0;
    this.#log.length = 0;
    this.#timers.clear();
    this.#claims.clear();
  }

  #stream(key: StreamKey): Stream {
    const row = this.#rows.get(key);
    if (row !== undefined) return row.stream;
    return unwritten(key);
  }

  #hasMoved({ key, expectedRevision }: Change): boolean {
    return (this.#rows.get(key)?.stream.revision ?? 0) !== expectedRevision;
  }

  #write(key: StreamKey, { version, events, snapshot, timers, dueAt }: Write): void {
    const row = this.#rows.get(key) ?? this.#create(key);
    assert(row.stream.version + events.length === version, "a write leaves a gap in its stream");
    assert(version > 0, "a stream is written that has no event");
    for (const recorded of events) this.#append(row, recorded);
    const revision = streamRevision(row.stream.revision + 1);
    row.stream = { key, version, revision, state: snapshot, timers }; // A3
    this.#claims.end(key);
    this.#arm(row, dueAt);
  }

  #create(key: StreamKey): Row {
    const number = this.#created.length;
    const row = { key, number, events: [], stream: this.#stream(key), dueAt: null, timer: null };
    this.#rows.set(key, row);
    this.#created.push(row);
    return row;
  }

  #append({ key, events }: Row, { at, command, event }: Write["events"][number]): void {
    const place = { position: position(this.#log.length + 1), key };
    const logged = { at, command, event, ...place, version: streamVersion(events.length + 1) };
    events.push(logged);
    this.#log.push(logged);
  }

  #arm(row: Row, dueAt: DeadlineMs | null): void {
    row.dueAt = dueAt;
    if (row.timer?.dueAt === dueAt) return; // still in its place
    row.timer = dueAt === null ? null : { row, dueAt };
    if (row.timer !== null) this.#timers.push(row.timer);
  }

  /** Puts a stream back that was handed out and never written. */
  #rearm(key: StreamKey): void {
    const row = this.#rows.get(key);
    if (row !== undefined) this.#arm(row, row.dueAt);
  }

  #nextTimer(): Timer | undefined {
    for (;;) {
      const timer = this.#timers.peek();
      if (timer === undefined || timer.row.timer === timer) return timer;
      this.#timers.pop();
    }
  }

  /** By the bytes of their ids. */
  *#inOrder(query: ListQuery): Generator<ListRow> {
    const { of: kind, idPrefix, after } = query;
    const rows = this.#created.filter(({ key, stream }) => {
      const isBehind = after === null || compareBytes(key.id, after) > 0;
      const isAsked = key.kind === kind && key.id.startsWith(idPrefix) && isBehind;
      return isAsked && isListed(query, stream.state);
    });
    rows.sort((left, right) => compareBytes(left.key.id, right.key.id));
    for (const { key, stream } of rows) yield { key, state: stream.state };
  }

  /** Newest first. */
  *#find({ pattern, anyOf, tags, before, now }: PromiseQuery): Generator<FoundPromise> {
    for (const { key, events, stream } of backwards(this.#created)) {
      const { state } = stream;
      const place = events[0]?.position;
      const found = columns(state);
      if (found === null || place === undefined) continue;
      if (key.kind !== "promise" || state.kind !== "promise") continue;
      const { promise } = state;
      if (promise.kind === "absent") continue;
      if (before !== null && place >= before) continue;
      if (anyOf !== null && !anyOf.some((filter) => holds(filter, found, now))) continue;
      if (!tags.entries().every(([name, value]) => found.tags.get(name) === value)) continue;
      if (matches(pattern, key.id)) yield { id: key.id, position: place, promise };
    }
  }
}

function holds({ state, isPast, isTimer }: StateFilter, found: Columns, now: InstantMs): boolean {
  if (found.state !== state) return false;
  if (isPast !== null && isDue(found.timeoutAt, now) !== isPast) return false;
  return isTimer === null || found.isTimer === isTimer;
}

function comparePlaces(left: WaitingPlace, right: WaitingPlace): number {
  return left.offeredAt - right.offeredAt || left.number - right.number;
}

function compareTimers(left: Timer, right: Timer): number {
  if (left.dueAt !== right.dueAt) return left.dueAt < right.dueAt ? -1 : 1;
  return left.row.number - right.row.number;
}

function* from<Member>(members: readonly Member[], index: number): Generator<Member> {
  for (let at = index; at < members.length; at++) {
    const member = members[at];
    if (member !== undefined) yield member;
  }
}

function* backwards<Member>(members: readonly Member[]): Generator<Member> {
  for (let at = members.length - 1; at >= 0; at--) {
    const member = members[at];
    if (member !== undefined) yield member;
  }
}
