// The small parts that the stores are made of.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { promiseId, streamRevision, streamVersion } from "../../kernel/ids.ts";
import { absent, fold } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { columns } from "../../store/columns.ts";
import { Heap } from "../../store/heap.ts";
import { page } from "../../store/page.ts";
import { streamWeight } from "../../store/weight.ts";
import { acquired, created, key, listening, registered, settled } from "./given.ts";

property.prop([fc.array(fc.oneof(fc.nat(20), fc.constant(null)))])(
  "heap: the least comes first, however pushes and pops alternate",
  (steps) => {
    const heap = new Heap<number>((left, right) => left - right);
    const model: number[] = [];
    for (const step of steps) {
      if (step === null) {
        expect(heap.pop()).toBe(model.shift());
      } else {
        heap.push(step);
        model.push(step);
        model.sort((left, right) => left - right);
      }
      expect(heap.peek()).toBe(model[0]);
    }
    heap.clear();
    expect(heap.pop()).toBe(undefined);
  },
);

test("page: R4 what lies beyond a page need not be readable", () => {
  const reading = { read: (row: number) => (row < 3 ? row : expect.fail("read")), weight: () => 1 };
  expect(page([1, 2, 3], { limit: 2, weightMax: 9 }, reading)).toEqual({
    rows: [1, 2],
    hasMore: true,
  });
  expect(page([1, 2, 3], { limit: 9, weightMax: 2 }, reading)).toEqual({
    rows: [1, 2],
    hasMore: true,
  });
  expect(page([1, 2], { limit: 2, weightMax: 2 }, reading)).toEqual({
    rows: [1, 2],
    hasMore: false,
  });
});

test("columns: what a search may ask of a promise", () => {
  const tags = { "resonate:timeout": "true" };
  const birth = created({ timeoutAt: 5n, tags });
  expect(columns(absent)).toBe(null);
  const none = { taskState: null, branch: null };
  const shared = { ...none, timeoutAt: 5n, tags: new Map(Object.entries(tags)), isTimer: true };
  expect(columns(fold([birth]))).toEqual({ ...shared, state: "pending" });
  expect(columns(fold([birth, settled("canceled")]))).toEqual({ ...shared, state: "canceled" });
  expect(columns(fold([created()]))).toMatchObject({ isTimer: false });
  const target = { "resonate:target": "poll://any@w", "resonate:branch": "b" };
  const called = created({ tags: target });
  expect(columns(fold([called]))).toMatchObject({ taskState: "pending", branch: "b" });
  expect(columns(fold([called, settled()]))).toMatchObject({ taskState: "fulfilled", branch: "b" });
  expect(columns(fold([created({ tags: { "resonate:branch": "" } })]))).toMatchObject(none);
});

test("weight: a stream weighs what it carries: payloads, and whoever waits, is told, was awaited or works", () => {
  const birth = created({
    tags: { "resonate:target": "t" },
    param: { headers: null, data: "12345" },
  });
  const events = [
    ...[birth, registered("a".repeat(10)), listening("b".repeat(20)), acquired("c".repeat(40))],
    { kind: "task_resumed", awaited: promiseId("d".repeat(80)) } as const,
  ];
  const numbers = { version: streamVersion(5), revision: streamRevision(1), timers: noTimers };
  const weights = events.map((_, index) => {
    const state = fold(events.slice(0, index + 1));
    return streamWeight({ key: key("1234567"), state, ...numbers });
  });
  expect(weights).toEqual([7 + 16 + 5, 38, 58, 98, 178]);
});
