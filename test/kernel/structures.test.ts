// The small structures under the kernel: byte order, ring, stream map, components.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { tie } from "../../kernel/component.ts";
import { deadlineMs, earlier, earliest, instantMs, isDue, promiseId } from "../../kernel/ids.ts";
import { compareBytes } from "../../kernel/order.ts";
import { Queue } from "../../kernel/queue.ts";
import { promiseKey } from "../../kernel/stream.ts";
import { StreamMap } from "../../kernel/stream-map.ts";

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom("a", "z", "\uffff", "\ue000", "😀"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
});

property.prop([anyText, anyText])("order: by the bytes of UTF-8", (left, right) => {
  expect(Math.sign(compareBytes(left, right))).toBe(
    Buffer.compare(Buffer.from(left), Buffer.from(right)),
  );
});

test("order: an astral character comes behind U+FFFF, where `<` puts it before", () => {
  expect("😀" < "\uffff").toBe(true);
  expect(compareBytes("😀", "\uffff")).toBeGreaterThan(0);
});

test("queue: first in, first out, and full is a value", () => {
  const queue = new Queue<number>(2);
  expect([queue.push(1), queue.push(2), queue.push(3), queue.size]).toEqual([true, true, false, 2]);
  expect([queue.shift(), queue.push(4), queue.shift(), queue.shift(), queue.shift()]).toEqual([
    1,
    true,
    2,
    4,
    undefined,
  ]);
  expect(() => new Queue(0)).toThrow("a queue of 0");
});

property.prop([fc.array(fc.oneof(fc.integer(), fc.constant(null)))])(
  "queue: does what an array does that is never longer than its bound",
  (steps) => {
    const queue = new Queue<number>(3);
    const model: number[] = [];
    for (const step of steps) {
      if (step === null) {
        expect(queue.shift()).toBe(model.shift());
      } else {
        expect(queue.push(step)).toBe(model.length < 3);
        if (model.length < 3) model.push(step);
      }
      expect(queue.size).toBe(model.length);
    }
  },
);

test("stream map: keys are tuples; set, get, replace, delete, clear", () => {
  const map = new StreamMap<number>();
  const [a, b] = [promiseKey(promiseId("__proto__")), promiseKey(promiseId("10"))];
  map.set(a, 1);
  map.set(b, 2);
  map.set(a, 3);
  expect([map.size, map.get(a), map.has(b), [...map.values()]]).toEqual([2, 3, true, [3, 2]]);
  expect([map.delete(a), map.delete(a), map.size, map.get(a)]).toEqual([true, false, 1, undefined]);
  map.clear();
  expect([map.size, map.has(b)]).toEqual([0, false]);
});

const key = (name: string) => promiseKey(promiseId(name));

const distinct = (names: readonly string[]) => [...new Set(names.join(""))].join("");

test.each([
  ["nothing", [], []],
  ["apart", ["a", "b"], [[0], [1]]],
  ["one stream", ["a", "a", "b"], [[0, 1], [2]]],
  ["through others", ["ab", "cd", "bc", "e"], [[0, 1, 2], [3]]],
  ["a late link joins two groups", ["a", "b", "a", "b", "ab"], [[0, 1, 2, 3, 4]]],
] as const)("component: B2 %s", (_what, touched, expected) => {
  const { groups, streams } = tie(touched.map((names) => [...names].map(key)));
  expect(streams.size).toBe(new Set(touched.join("")).size);
  expect(groups.map(({ commands }) => commands)).toEqual(expected);
  const keys = groups.map(({ keys }) => keys.map(({ id }) => id).join(""));
  expect(keys).toEqual(
    expected.map((group) => distinct(group.map((index) => touched[index] ?? ""))),
  );
});

const letters = fc.array(fc.constantFrom(..."abcdefgh"), { minLength: 1, maxLength: 3 });
property.prop([fc.array(letters, { maxLength: 12 })])(
  "component: B2 two commands are together if and only if a chain of shared streams ties them",
  (touched) => {
    const groups = tie(touched.map((names) => names.map(key))).groups.map(
      ({ commands }) => commands,
    );
    expect(groups.flat().toSorted((a, b) => a - b)).toEqual(touched.map((_, index) => index));
    const reach = (from: number) => {
      const names = new Set(touched[from]);
      const seen = new Set([from]);
      for (let grown = true; grown; ) {
        const more = touched.flatMap((each, index) => {
          return !seen.has(index) && each.some((name) => names.has(name)) ? [index] : [];
        });
        grown = more.length > 0;
        for (const index of more) {
          seen.add(index);
          for (const name of touched[index] ?? []) names.add(name);
        }
      }
      return [...seen].toSorted((a, b) => a - b);
    };
    for (const group of groups) expect(group).toEqual(reach(group[0] ?? -1));
  },
);

test("ids: a deadline has passed at its very instant", () => {
  const [deadline, before, at] = [deadlineMs(5n), instantMs(4), instantMs(5)];
  expect([isDue(deadline, before), isDue(deadline, at)]).toEqual([false, true]);
  expect([earlier(deadline, before), earlier(deadline, instantMs(9))]).toEqual([4, 5]);
  expect([earliest(null, null), earliest(deadline, null), earliest(null, deadline)]).toEqual([
    null,
    5n,
    5n,
  ]);
  expect(earliest(deadlineMs(7n), deadline)).toBe(5n);
});

test.each([
  ["promise id", () => promiseId("")],
  ["instant", () => instantMs(1.5)],
  ["instant", () => instantMs(-1)],
  ["deadline", () => deadlineMs(-1n)],
  ["deadline", () => deadlineMs(2n ** 63n)],
] as const)("ids: a bad %s is a bug", (_what, make) => {
  expect(make).toThrow();
});
