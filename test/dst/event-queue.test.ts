// The queue of all that is going to happen, driven by hand: events of a few actors on one millisecond,
// under each policy; then what holds under all of them. Who acts is a letter of the log.

import { expect, test } from "vitest";
import { Drawing } from "../../dst/choice.ts";
import { EventQueue } from "../../dst/event-queue.ts";
import type { Policy } from "../../dst/plan.ts";
import { Prng } from "../../dst/prng.ts";
import { quiet, seed } from "./play.ts";

const policies: readonly Policy[] = [
  { kind: "fifo" },
  { kind: "lifo" },
  { kind: "random" },
  { kind: "starve", actor: 1 },
  { kind: "pct", depth: 2 },
  { kind: "pct", depth: 3 },
];

/** Schedules one event for each actor, all at once. @returns the actors as they acted */
function order(queue: EventQueue, actors: readonly number[]): readonly number[] {
  const log: number[] = [];
  for (const actor of actors) queue.schedule(actor, 5, () => log.push(actor));
  while (queue.nextAt !== null) queue.step();
  return log;
}

/** Chooses these numbers, one after the other, then 0. */
function choosing(...choices: readonly number[]) {
  const left = [...choices];
  return { choose: () => left.shift() ?? 0 };
}

test.each<[what: string, policy: Policy, acted: readonly number[]]>([
  ["in the order in which they were scheduled", { kind: "fifo" }, [1, 2, 0, 1, 2]],
  ["in the opposite order", { kind: "lifo" }, [2, 1, 0, 2, 1]],
  ["all others before the one that is starved", { kind: "starve", actor: 1 }, [2, 0, 2, 1, 1]],
  ["all others before another one", { kind: "starve", actor: 2 }, [1, 0, 1, 2, 2]],
])("at one millisecond %s: %j", (_what, policy, acted) => {
  expect(order(new EventQueue(policy, quiet), [1, 2, 0, 1, 2])).toEqual(acted);
});

test("policy random: each event draws its own place", () => {
  const queue = new EventQueue({ kind: "random" }, choosing(7, 3, 9, 1, 3));
  expect(order(queue, [10, 11, 12, 13, 14])).toEqual([13, 11, 14, 10, 12]);
});

test("policy pct: an actor keeps its priority, and takes another one where it changes", () => {
  // Depth 2 has one change, at the fourth event; then priorities as the actors turn up.
  const queue = new EventQueue({ kind: "pct", depth: 2 }, choosing(3, 20, 10, 30));
  expect(order(queue, [1, 2, 1, 1, 2, 1])).toEqual([2, 2, 1, 1, 1, 1]);
  const later = new EventQueue({ kind: "pct", depth: 2 }, choosing(3, 20, 10, 5));
  expect(order(later, [1, 2, 1, 1, 2, 1])).toEqual([1, 1, 2, 2, 1, 1]);
  const deep = new EventQueue({ kind: "pct", depth: 3 }, choosing(2, 4, 20, 10, 5, 30));
  expect(order(deep, [1, 2, 1, 1, 2, 1])).toEqual([1, 1, 1, 2, 1, 2]);
});

test("H1: a policy that is told 0 everywhere orders events as they were scheduled", () => {
  const actors = [3, 1, 2, 1, 3, 0];
  for (const policy of policies) {
    const isOwn = policy.kind === "lifo" || policy.kind === "starve"; // these choose nothing
    if (!isOwn) expect(order(new EventQueue(policy, quiet), actors), policy.kind).toEqual(actors);
  }
});

test.each(policies)(
  "under the policy %j time never goes back, and nothing is lost or doubled",
  (policy) => {
    const prng = new Prng("events");
    const queue = new EventQueue(policy, new Drawing(seed("7")));
    const acted: number[] = [];
    const dues: number[] = [];
    let now = 0;
    const act = (number: number, due: number) => {
      expect(queue.now).toBe(due);
      expect(queue.now).toBeGreaterThanOrEqual(now);
      now = queue.now;
      acted.push(number);
      if (dues.length < 500) add();
    };
    const add = () => {
      const delay = prng.below(4);
      const [number, due] = [dues.length, queue.now + delay];
      dues.push(due);
      queue.schedule(prng.below(5), delay, () => act(number, due));
    };
    for (let count = 0; count < 20; count++) add();
    while (queue.nextAt !== null) queue.step();
    expect(acted.toSorted((left, right) => left - right)).toEqual(dues.map((_, index) => index));
  },
);

test("a world with nothing but alarm clocks is at rest", () => {
  const queue = new EventQueue({ kind: "fifo" }, quiet);
  expect(queue).toMatchObject({ now: 0, busy: 0, nextAt: null });
  queue.scheduleIdle(0, 50, () => queue.schedule(0, 10, () => undefined));
  expect(queue).toMatchObject({ busy: 0, nextAt: 50 });
  queue.step();
  expect(queue).toMatchObject({ now: 50, busy: 1, nextAt: 60 });
  queue.step();
  expect(queue).toMatchObject({ now: 60, busy: 0, nextAt: null });
});

test("events at one instant are counted, and anew at the next one", () => {
  const queue = new EventQueue({ kind: "fifo" }, quiet);
  const counts: number[] = [];
  for (const at of [5, 5, 5, 6, 6]) queue.schedule(0, at, () => counts.push(queue.atOnce));
  while (queue.nextAt !== null) queue.step();
  expect(counts).toEqual([0, 1, 2, 0, 1]);
});
