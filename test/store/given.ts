// What tests of a store are made of: events, and the components that carry them. A change is built
// on what the store holds, as the kernel builds it, so that a test says only what it is about.

import { parseAddress, receiverOf } from "../../kernel/address.ts";
import { assert } from "../../kernel/assert.ts";
import type { Event, Outcome } from "../../kernel/event.ts";
import {
  commandId,
  deadlineMs,
  durationMs,
  instantMs,
  int64Max,
  promiseId,
  scheduleId,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import type { ListQuery } from "../../kernel/list.ts";
import type { Due } from "../../kernel/ports.ts";
import type { PromiseQuery } from "../../kernel/search.ts";
import {
  type Change,
  dueAt,
  evolve,
  type PromiseKey,
  promiseKey,
  type ScheduleKey,
  type Stream,
  type StreamKey,
  scheduleKey,
} from "../../kernel/stream.ts";
import { noTimers, type Timers } from "../../kernel/timers.ts";
import { emptyValue, noPairs, type Tags, type Value } from "../../kernel/value.ts";
import type { WaitingQuery } from "../../kernel/waiting.ts";
import type { Reader } from "../../store/reader.ts";
import type { Store } from "../../store/store.ts";

export type Given = { readonly store: Store; close(): void };

export type Traits = {
  readonly timeoutAt?: bigint;
  readonly tags?: Readonly<Record<string, string>>;
  readonly param?: Value;
  readonly key?: string;
};

export const now = instantMs(1_000);

export const key = (name: string): PromiseKey => promiseKey(promiseId(name));
export const scheduleNamed = (name: string): ScheduleKey => scheduleKey(scheduleId(name));

export function created({ timeoutAt = int64Max, tags, param, key }: Traits = {}): Event {
  return {
    kind: "promise_created",
    createdAt: instantMs(1),
    timeoutAt: deadlineMs(timeoutAt),
    param: param ?? emptyValue,
    tags: tags === undefined ? noPairs : new Map(Object.entries(tags)),
    key: key ?? null,
    isExternal: true,
  };
}

export function settled(outcome: Outcome = "resolved", value: Value = emptyValue): Event {
  return { kind: "promise_settled", outcome, settledAt: instantMs(1), value, key: null };
}

export function acquired(pid = "w1", ttl = 60_000n): Event {
  return { kind: "task_acquired", pid, ttl: durationMs(ttl) };
}

/** Of a schedule, from 1 on. */
export function scheduled(nextRunAt: bigint, promiseTags: Tags = noPairs): Event {
  return {
    kind: "schedule_created",
    ...{ cron: "* * * * *", promiseIdTemplate: "{{.id}}-{{.timestamp}}", promiseTags },
    ...{ promiseTimeoutMs: int64Max, promiseParam: { headers: null, data: "é" } },
    ...{ createdAt: instantMs(1), nextRunAt: deadlineMs(nextRunAt) },
  };
}

export function fired(occurrenceAt: number, nextRunAt: bigint): Event {
  const nextAt = deadlineMs(nextRunAt);
  return { kind: "schedule_fired", occurrenceAt: instantMs(occurrenceAt), nextRunAt: nextAt };
}

export function listening(address: string): Event {
  return { kind: "listener_registered", address };
}

export function registered(awaiter: string): Event {
  return { kind: "callback_registered", awaiter: promiseId(awaiter) };
}

/** Of a promise by its name alone. */
type Name = string | StreamKey;

export function stream(store: Store, name: Name): Stream {
  const of = typeof name === "string" ? key(name) : name;
  const [loaded] = store.load([of]);
  assert(loaded?.kind === "stream", `${of.id} cannot be read`);
  return loaded.stream;
}

/** @param date when it is due, whatever the kernel would say; null: never */
export function written(
  store: Store,
  name: Name,
  events: readonly Event[],
  date: bigint | null = null,
): Change {
  return writtenTo(stream(store, name), events, date);
}

/** The same for a stream that was loaded before. */
export function writtenTo(
  { key, version, revision, state, timers }: Stream,
  events: readonly Event[],
  date: bigint | null = null,
): Change {
  const at = instantMs(7);
  const write = {
    version: streamVersion(version + events.length),
    events: events.map((event, index) => {
      return { at, command: commandId(`${key.id}-${version + index + 1}`), event };
    }),
    snapshot: events.reduce(evolve, state),
    timers,
    dueAt: date === null ? null : deadlineMs(date),
  };
  return { key, expectedRevision: revision, write };
}

/** What moves with these timers, due when the kernel says so; without events, as a heartbeat does. */
export function timed(
  store: Store,
  name: Name,
  timers: Partial<Timers>,
  ...events: readonly Event[]
): Change {
  const { write, ...change } = written(store, name, events);
  assert(write !== null, "a write that is none");
  const set = { ...noTimers, ...timers };
  return { ...change, write: { ...write, timers: set, dueAt: dueAt(write.snapshot, set) } };
}

export function read(store: Store, name: string): Change {
  const { key, revision } = stream(store, name);
  return { key, expectedRevision: revision, write: null };
}

/** As if another server had been faster. */
export function stale(change: Change): Change {
  return { ...change, expectedRevision: streamRevision(change.expectedRevision + 1) };
}

/** Each in a component of its own. */
export function commit(store: Store, ...changes: readonly Change[]): readonly number[] {
  return store.commit(changes.map((change) => ({ changes: [change] })));
}

/** The whole log, by lines. */
export async function exported(reader: Reader): Promise<readonly string[]> {
  const lines: string[] = [];
  await reader.export(async (line) => lines.push(line) > 0);
  return lines;
}

/** Creates a promise. */
export function create(store: Store, name: string, traits: Traits = {}): void {
  commit(store, written(store, name, [created(traits)]));
}

/** Creates a promise that is due at this instant. */
export function arm(store: Store, name: string, dueAt: bigint): void {
  commit(store, written(store, name, [created({ timeoutAt: dueAt })], dueAt));
}

export function query(chosen: Partial<PromiseQuery> = {}): PromiseQuery {
  const all = { pattern: "*", anyOf: null, tags: noPairs, before: null, limit: 100 } as const;
  return { ...all, weightMax: Number.MAX_SAFE_INTEGER, now, ...chosen };
}

export function listQuery(chosen: Partial<ListQuery> = {}): ListQuery {
  const all = { of: "promise", idPrefix: "", after: null, anyOf: null, tags: noPairs } as const;
  return { ...all, limit: 100, weightMax: Number.MAX_SAFE_INTEGER, now, ...chosen };
}

/** What waits for who holds this address, of whatever weight. */
export function waitingQuery(address: string, chosen: Partial<WaitingQuery> = {}): WaitingQuery {
  const parsed = parseAddress(address);
  const receiver = parsed?.kind === "poll" ? receiverOf(parsed) : null;
  assert(receiver !== null, `${address} is nobody's`);
  const all = { receiver, before: now, after: null, limit: 100 };
  return { ...all, weightMax: Number.MAX_SAFE_INTEGER, ...chosen };
}

/** What is due at this instant, of whatever weight. */
export function due(store: Store, at: number, limit = 99): Due {
  return store.due(instantMs(at), { limit, weightMax: Number.MAX_SAFE_INTEGER });
}
