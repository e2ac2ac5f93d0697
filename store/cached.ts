// The streams that were used last, kept in memory before a store that is alone with its streams. A
// promise is mostly read and settled soon after it was created: that spares a statement and a parse.
//
//   M1. What is kept is what the store holds: a write is kept once it has landed. A stream that had
//       moved, or of which nobody knows whether it was written, is forgotten; one that was only read,
//       as a task is by each of its fences, stays.
//   M2. What is kept is bounded, by count and by weight; everything else is one read away.

import { assert } from "../kernel/assert.ts";
import { type InstantMs, streamRevision } from "../kernel/ids.ts";
import type { Listed, ListQuery } from "../kernel/list.ts";
import type { Due, DueBounds, Loaded } from "../kernel/ports.ts";
import type { Found, LogPage, LogRange, PromiseQuery } from "../kernel/search.ts";
import type { Component, Stream, StreamKey } from "../kernel/stream.ts";
import { StreamMap } from "../kernel/stream-map.ts";
import type { WaitingPage, WaitingQuery } from "../kernel/waiting.ts";
import type { Store } from "./store.ts";
import { streamWeight } from "./weight.ts";

export type CacheBounds = {
  readonly streamsMax: number;
  /** In characters of payload. */
  readonly weightMax: number;
};

/** Arbitrary: some 50 MiB when both are reached. */
export const cacheBounds: CacheBounds = { streamsMax: 16_384, weightMax: 16 * 1024 * 1024 };

export class CachedStore implements Store {
  readonly #store: Store;
  readonly #bounds: CacheBounds;
  /** Whatever is used goes to the young. When they are half of what may be, they become the old. */
  #young = new StreamMap<Stream>();
  #old = new StreamMap<Stream>();
  #youngWeight = 0;

  constructor(store: Store, bounds: CacheBounds = cacheBounds) {
    this.#store = store;
    this.#bounds = bounds;
  }

  load(keys: readonly StreamKey[]): readonly Loaded[] {
    const kept = keys.map((key) => this.#recall(key));
    const missing = keys.filter((_, index) => kept[index] === null);
    if (missing.length === 0) return kept.flatMap((stream) => stream ?? []).map(loaded);
    const read = this.#store.load(missing).values();
    return kept.map((stream) => {
      if (stream !== null) return loaded(stream);
      const { value } = read.next();
      assert(value !== undefined, "a store answers for fewer streams than it was asked for");
      if (value.kind === "stream" && value.stream.revision > 0) this.#keep(value.stream);
      return value;
    });
  }

  commit(components: readonly Component[]): readonly number[] {
    const all = components.flatMap(({ changes }) => changes);
    for (const { key, write } of all) if (write !== null) this.#forget(key); // M1
    const conflicts = this.#store.commit(components);
    const moved = new Set(conflicts);
    for (const [index, { changes }] of components.entries()) {
      for (const { key, expectedRevision, write } of changes) {
        if (moved.has(index)) this.#forget(key); // M1
        if (moved.has(index) || write === null) continue;
        const revision = streamRevision(expectedRevision + 1);
        const { version, snapshot: state, timers } = write;
        this.#keep({ key, revision, version, state, timers });
      }
    }
    return conflicts;
  }

  query(query: PromiseQuery): Found {
    return this.#store.query(query);
  }

  list(queries: readonly ListQuery[]): readonly Listed[] {
    return this.#store.list(queries);
  }

  waiting(query: WaitingQuery): WaitingPage {
    const page = this.#store.waiting(query);
    this.#expect(page.streams);
    return page;
  }

  due(now: InstantMs, bounds: DueBounds): Due {
    const due = this.#store.due(now, bounds);
    this.#expect(due.streams);
    return due;
  }

  log(ranges: readonly LogRange[]): readonly LogPage[] {
    return this.#store.log(ranges);
  }

  reset(): void {
    this.#young = new StreamMap();
    this.#old = new StreamMap();
    this.#youngWeight = 0;
    this.#store.reset();
  }

  /** Streams in memory now; never more than `streamsMax`. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  #recall(key: StreamKey): Stream | null {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old === undefined) return null;
    this.#old.delete(key);
    this.#keep(old);
    return old;
  }

  /** They are about to be loaded. */
  #expect(streams: readonly Stream[]): void {
    for (const stream of streams) {
      this.#forget(stream.key); // or it would be counted twice
      this.#keep(stream);
    }
  }

  /** M2. */
  #keep(stream: Stream): void {
    const { streamsMax, weightMax } = this.#bounds;
    const weight = streamWeight(stream);
    if (weight > weightMax / 2) return;
    const isFull = (this.#young.size + 1) * 2 > streamsMax;
    if (isFull || (this.#youngWeight + weight) * 2 > weightMax) {
      this.#old = this.#young;
      this.#young = new StreamMap();
      this.#youngWeight = 0;
    }
    this.#young.set(stream.key, stream);
    this.#youngWeight += weight;
  }

  #forget(key: StreamKey): void {
    const young = this.#young.get(key);
    if (young !== undefined) this.#youngWeight -= streamWeight(young);
    this.#young.delete(key);
    this.#old.delete(key);
  }
}

function loaded(stream: Stream): Loaded {
  return { kind: "stream", stream };
}
