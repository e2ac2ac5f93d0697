// The cache against the contract of a store, with room for less than is in use; then its own rules.

import { expect, test } from "vitest";
import { deadlineMs, instantMs, promiseId } from "../../kernel/ids.ts";
import { promiseKey } from "../../kernel/stream.ts";
import { CachedStore } from "../../store/cached.ts";
import { MemoryStore } from "../../store/memory.ts";
import { StoreError } from "../../store/store.ts";
import { conformance } from "./conformance.ts";
import {
  commit,
  create,
  created,
  key,
  read,
  settled,
  stale,
  stream,
  timed,
  waitingQuery,
  written,
} from "./given.ts";

conformance("cached", () => {
  const store = new CachedStore(new MemoryStore(), { streamsMax: 4, weightMax: 100 });
  return { store, close: () => {} };
});

conformance("cached, all of it", () => {
  return { store: new CachedStore(new MemoryStore()), close: () => {} };
});

/** A memory store that counts the streams it is asked for, and can be told to fail a commit. */
class Scripted extends MemoryStore {
  asked = 0;
  fault: "before" | "after" | null = null;

  override load(keys: Parameters<MemoryStore["load"]>[0]) {
    this.asked += keys.length;
    return super.load(keys);
  }

  override commit(components: Parameters<MemoryStore["commit"]>[0]) {
    if (this.fault === null) return super.commit(components);
    if (this.fault === "after") super.commit(components);
    throw new StoreError("outcome_unknown", "told to");
  }
}

function start(bounds = { streamsMax: 8, weightMax: 1000 }) {
  const store = new Scripted();
  return { store, cached: new CachedStore(store, bounds) };
}

test("cached: M1 what was written, and what was read, is not read again", () => {
  const { store, cached } = start();
  create(cached, "a");
  create(store, "b");
  stream(cached, "b");
  store.asked = 0;
  expect(stream(cached, "a")).toEqual(stream(store, "a"));
  expect(stream(cached, "b")).toMatchObject({ revision: 1 });
  expect(store.asked).toBe(1); // the one that asks the store itself
});

test("cached: M1 what a commit has only read is still known", () => {
  const { store, cached } = start();
  create(cached, "task");
  create(cached, "child");
  const settles = written(cached, "child", [settled()]);
  expect(cached.commit([{ changes: [read(cached, "task"), settles] }])).toEqual([]);
  store.asked = 0;
  expect(stream(cached, "task").revision).toBe(1);
  expect(store.asked).toBe(0);
});

test("cached: M1 a write without events is kept like any other", () => {
  const { store, cached } = start();
  create(cached, "a");
  commit(cached, timed(cached, "a", { clockAt: deadlineMs(5n) }));
  store.asked = 0;
  expect(stream(cached, "a")).toMatchObject({ revision: 2, timers: { clockAt: 5n } });
  expect(store.asked).toBe(0);
});

test("cached: M1 what does not exist is not kept: another one may write it", () => {
  const { store, cached } = start();
  expect(stream(cached, "a").revision).toBe(0);
  create(store, "a");
  expect(stream(cached, "a").revision).toBe(1);
});

test.each(["before", "after"] as const)(
  "cached: M1 after a commit that failed %s its effect, what it was about is read again",
  (fault) => {
    const { store, cached } = start();
    create(cached, "a");
    create(cached, "b");
    const change = written(cached, "a", [settled()]);
    store.fault = fault;
    expect(() => commit(cached, change)).toThrow("told to");
    store.fault = null;
    store.asked = 0;
    expect(stream(cached, "a").revision).toBe(fault === "before" ? 1 : 2);
    expect(stream(cached, "b").revision).toBe(1);
    expect(store.asked).toBe(1);
  },
);

test("cached: M1 a component that lost a race is read again, those that were only read included", () => {
  const { store, cached } = start();
  create(cached, "a");
  create(cached, "b");
  const change = written(cached, "a", [settled()]);
  commit(store, written(store, "b", [settled()]));
  expect(cached.commit([{ changes: [change, read(cached, "b")] }])).toEqual([0]);
  expect(stream(cached, "b")).toEqual(stream(store, "b"));
  expect(commit(cached, stale(written(cached, "a", [settled()])))).toEqual([0]);
  expect(stream(cached, "a")).toEqual(stream(store, "a"));
});

test("cached: M2 never more than so many; what is used stays", () => {
  const { store, cached } = start({ streamsMax: 8, weightMax: 1e9 });
  for (let number = 0; number < 50; number++) {
    create(cached, `p${number}`);
    stream(cached, "p0");
    expect(cached.size).toBeLessThanOrEqual(8);
  }
  store.asked = 0;
  stream(cached, "p0");
  expect(store.asked).toBe(0);
});

test("cached: M2 never heavier than so much, however few", () => {
  const { store, cached } = start({ streamsMax: 1000, weightMax: 1000 });
  const param = { headers: null, data: "x".repeat(200) };
  for (let number = 0; number < 50; number++) {
    create(cached, `p${number}`, { param });
    expect(cached.size).toBeLessThanOrEqual(4);
  }
  create(cached, "huge", { param: { headers: null, data: "x".repeat(600) } });
  store.asked = 0;
  stream(cached, "huge");
  expect(store.asked).toBe(1);
});

test("cached: M2 what is found to be waiting again and again weighs once", () => {
  const { store, cached } = start({ streamsMax: 1000, weightMax: 2000 });
  const param = { headers: null, data: "x".repeat(200) };
  const tags = { "resonate:target": "poll://any@g" };
  create(cached, "other");
  const offered = { clockAt: deadlineMs(5n), offeredAt: instantMs(4) };
  commit(cached, timed(cached, "a", offered, created({ param, tags })));
  for (let count = 0; count < 20; count++) cached.waiting(waitingQuery("poll://any@g"));
  store.asked = 0;
  stream(cached, "other");
  expect(store.asked).toBe(0);
});

test("cached: after a reset nothing is left", () => {
  const { cached } = start();
  create(cached, "a");
  cached.reset();
  expect([cached.size, stream(cached, "a").revision]).toEqual([0, 0]);
  expect(cached.load([key("a"), promiseKey(promiseId("b"))])).toHaveLength(2);
});
