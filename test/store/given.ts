// What tests of a store are made of: events, and the components that carry them. A change is built
// on what the store holds, as the kernel builds it, so that a test says only what it is about.

import { assert } from "../../kernel/assert.ts";
import type { Event, Outcome } from "../../kernel/event.ts";
import {
  commandId,
  deadlineMs,
  durationMs,
  instantMs,
  int64Max,
  promiseId,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import type { Due } from "../../kernel/ports.ts";
import type { PromiseQuery } from "../../kernel/search.ts";
import {
  type Change,
  dueAt,
  evolve,
  promiseKey,
  type Stream,
  type StreamKey,
} from "../../kernel/stream.ts";
import { noTimers, type Timers } from "../../kernel/timers.ts";
import { emptyValue, noPairs, type Value } from "../../kernel/value.ts";
import type { Store } from "../../store/store.ts";

export type Given = { readonly store: Store; close(): void };

export type Traits = {
  readonly timeoutAt?: bigint;
  readonly tags?: Readonly<Record<string, string>>;
  readonly param?: Value;
  readonly key?: string;
};

export const now = instantMs(1_000);

export const key = (name: string): StreamKey => promiseKey(promiseId(name));

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

export function listening(address: string): Event {
  return { kind: "listener_registered", address };
}

export function registered(awaiter: string): Event {
  return { kind: "callback_registered", awaiter: promiseId(awaiter) };
}

export function stream(store: Store, name: string): Stream {
  const [loaded] = store.load([key(name)]);
  assert(loaded?.kind === "stream", `${name} cannot be read`);
  return loaded.stream;
}

/** @param date when it is due, whatever the kernel would say; null: never */
export function written(
  store: Store,
  name: string,
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
  name: string,
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

/** What is due at this instant, of whatever weight. */
export function due(store: Store, at: number, limit = 99): Due {
  return store.due(instantMs(at), { limit, weightMax: Number.MAX_SAFE_INTEGER });
}
