// The search for another order, beside the witness: it agrees on what servers really answer, and it finds
// by itself what a blind witness would let pass. The worlds run to their end first; then one answer that
// a client got is replaced by another.

import { expect, test } from "vitest";
import { draw, usualWishes } from "../../dst/draw.ts";
import { live } from "../../dst/ending.ts";
import type { Operation } from "../../dst/operation.ts";
import { searchForOrder } from "../../dst/second-opinion.ts";
import { Violation } from "../../dst/verdict.ts";
import type { World } from "../../dst/world.ts";
import type { Response } from "../../kernel/command.ts";
import {
  create,
  get,
  playPlan,
  type Setting,
  type Step,
  search,
  seed,
  settle,
  strikes,
  until,
  wait,
  worker,
  worldOf,
} from "./play.ts";

function lived(steps: readonly Step[], setting: Setting = {}): World {
  const world = worldOf(steps, setting);
  live(world);
  return world;
}

function opinion(world: World): string {
  try {
    return searchForOrder(world).verdict;
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return `${error.oracle} ${error.rule} ${error.detail.ids?.join()}`;
  }
}

function operation({ operations }: World, number: number): Operation {
  const found = operations[number];
  if (found === undefined) throw new Error(`there is no operation ${number}`);
  return found;
}

/** What the client got is another answer than what the server gave. */
function corrupt(of: Operation, change: (response: Response) => Response): void {
  const { ending } = of;
  if (ending?.kind !== "answered") throw new Error("nobody got an answer");
  of.ending = { kind: "answered", response: change(ending.response) };
}

/** The promise as it was while pending. */
function pending(response: Response): Response {
  if (response.kind !== "promise") return response;
  const { kind: _, ...rest } = response.promise;
  return { ...response, promise: { ...rest, kind: "pending" } };
}

const life: readonly Step[] = [
  [0, 0, create("a")],
  [0, 1, worker("w")],
  [0, 2, until(40, "b")],
  [10, 0, wait("a", "w")],
  [20, 0, settle("a")],
  [30, 1, get("a")],
  [50, 2, get("b")],
  [60, 3, settle("b")],
  [70, 0, create("a")],
];

test("it agrees with the witness on the runs of seeds", () => {
  const verdicts = new Map<string, number>();
  let steps = 0;
  for (let number = 0; number < 12; number++) {
    const wishes = { ...usualWishes, operations: 150, isSearched: true };
    const { failure, search } = playPlan(draw(seed(String(number)), wishes), null).outcome;
    expect(failure, `seed ${number}`).toBeNull();
    const verdict = search?.verdict ?? "none";
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    steps += search?.steps ?? 0;
  }
  expect([...verdicts]).toEqual([["ok", 12]]);
  expect(steps).toBeGreaterThan(1_000);
  const plan = draw(seed("1"), { ...usualWishes, operations: 50, isSearched: false });
  expect(playPlan(plan, null).outcome.search).toBeNull();
});

test("with a blind witness, each answer that is told wrong is found by it", () => {
  const wrong = (response: Response): Response => {
    if (response.kind !== "promise") return { kind: "refused", refusal: "awaiter_not_targeted" };
    const param = { headers: null, data: "never sent" };
    return { ...response, promise: { ...response.promise, param } };
  };
  const honest = lived(life);
  expect(opinion(honest)).toBe("ok");
  for (const { number, request } of honest.operations) {
    const world = lived(life);
    corrupt(operation(world, number), wrong);
    const id = "id" in request ? request.id : "a";
    expect(opinion(world), `operation ${number}`).toMatch(new RegExp(`^G order .*\\b${id}\\b`));
  }
});

test("an answer that is told to be a change and was none is found, and the other way round", () => {
  const turned = (response: Response): Response => {
    return response.kind === "promise" ? { ...response, changed: !response.changed } : response;
  };
  for (const number of [0, 3, 4, 5]) {
    const world = lived(life);
    corrupt(operation(world, number), turned);
    expect(opinion(world), `operation ${number}`).toMatch(/^G order /);
  }
});

test("an answer that is too old is found, but not while the settlement is under way", () => {
  const after: readonly Step[] = [
    [0, 0, create("a")],
    [10, 0, settle("a")],
    [20, 1, get("a")],
  ];
  const stale = lived(after);
  corrupt(operation(stale, 2), pending);
  expect(opinion(stale)).toBe("G order a");
  // Called before the settlement, and answered after it: either order is one.
  const during: readonly Step[] = [
    [0, 0, create("a")],
    [10, 1, get("a")],
    [12, 0, settle("a")],
  ];
  const choices = { "slow n1 load a": strikes, "slowness n1 load a": 9 };
  for (const change of [(response: Response) => response, pending]) {
    const world = lived(during, { nodes: 2, choices });
    const { calledAt, answeredAt } = operation(world, 1);
    const settlement = operation(world, 2);
    expect(calledAt).toBeLessThan(settlement.calledAt);
    expect(answeredAt).toBeGreaterThan(settlement.answeredAt ?? 0);
    corrupt(operation(world, 1), change);
    expect(opinion(world)).toBe("ok");
  }
});

test("what the server did by itself belongs to the order", () => {
  const world = lived([
    [0, 0, until(40, "b")],
    [50, 1, get("b")],
  ]);
  expect(world.history.map(({ command }) => command.kind)).toEqual(["settle_at_deadline"]);
  const awaited = lived(life);
  const kinds = awaited.history.map(({ command }) => command.kind);
  expect(kinds.filter((kind) => kind !== "dispatch_again")).toEqual([
    "drain_callback",
    "settle_at_deadline",
  ]);
  expect(kinds).toContain("dispatch_again");
  const read = lived([
    [0, 0, until(40, "b")],
    [20, 1, get("b")],
  ]);
  expect(opinion(read)).toBe("ok");
  const [own] = read.history;
  if (own === undefined) throw new Error("the deadline was not met");
  read.history[0] = { ...own, at: operation(read, 1).calledAt - 0.5 }; // before it was seen pending
  expect(opinion(read)).toBe("G order b");
});

test("an answer that nobody heard is free, as far as its effect is", () => {
  const steps: readonly Step[] = [
    [0, 0, create("a")],
    [10, 0, settle("a")],
    [100, 1, get("a")],
  ];
  const landed = lived(steps, { choices: { "crash commit.durable n0 commit a #1": strikes } });
  expect(operation(landed, 1)).toMatchObject({ hasLanded: true, ending: { kind: "pending" } });
  expect(opinion(landed)).toBe("ok");
  operation(landed, 1).hasLanded = false; // nobody has settled it, then
  expect(opinion(landed)).toBe("G order a");
  const lost = lived(steps, { choices: { "crash load.done n0 load a #1": strikes } });
  expect(opinion(lost)).toBe("ok");
  corrupt(operation(lost, 2), (response) => {
    if (response.kind !== "promise") return response;
    const { createKey, createdAt, isExternal, param, tags, timeoutAt } = response.promise;
    const settled = {
      kind: "settled",
      outcome: "resolved",
      value: param,
      settledAt: createdAt,
      settleKey: null,
    } as const;
    return {
      ...response,
      promise: { createKey, createdAt, isExternal, param, tags, timeoutAt, ...settled },
    };
  });
  expect(opinion(lost)).toBe("G order a");
});

test("searches and histories are the witness's alone", () => {
  const world = lived([
    [0, 0, create("a")],
    [10, 1, search()],
  ]);
  corrupt(operation(world, 1), () => ({ kind: "promises", page: { promises: [], before: null } }));
  expect(opinion(world)).toBe("ok");
});
