// A run that fails for a known reason must shrink to just that reason. The worlds here are small
// fakes that fail if a condition on plan and choices holds, so that what has to be left is known.

import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { Anchored, Anchoring } from "../../dst/anchors.ts";
import { type Choices, Recording, Replaying } from "../../dst/choice.ts";
import { parseName, printName } from "../../dst/choice-name.ts";
import { type Budget, Descent, type Run } from "../../dst/descent.ts";
import { draw, usualWishes } from "../../dst/draw.ts";
import type { Action, Intent, Plan } from "../../dst/plan.ts";
import { Redrawn } from "../../dst/redraw.ts";
import { choicesOf, decodeReplay, encodeReplay, type Replay, replayOf } from "../../dst/replay.ts";
import { report } from "../../dst/report.ts";
import { simulate } from "../../dst/run.ts";
import { type Shrunk, shrink } from "../../dst/shrink.ts";
import { advance } from "../../dst/simplify.ts";
import { compareSizes, Scale } from "../../dst/size.ts";
import { timeline } from "../../dst/timeline.ts";
import type { TraceRecord } from "../../dst/trace.ts";
import type { Failure } from "../../dst/verdict.ts";
import { limits } from "../../kernel/limits.ts";
import { MemoryStore } from "../../store/memory.ts";
import { failure, faults, get, outcomeOf, planOf, seed } from "./failing.ts";

const endless: Budget = { candidatesMax: 100_000, isSpent: () => false };

/** What a fake world can see: its plan, and the choices that it asks for. */
type Seen = {
  readonly plan: Plan;
  readonly choose: (site: string, key: string | number) => number;
  /** Lets the clock of the world go on. */
  readonly pass: (at: number) => void;
};
type World = (seen: Seen) => Failure | null;

const silence: TraceRecord = { at: 0, actor: "", kind: "call", entity: "", text: "", ids: [] };

/** Counts its runs. */
function running(world: World): Run & { readonly plans: Plan[] } {
  const plans: Plan[] = [];
  const run: Run = (plan, choices, onRecord) => {
    plans.push(plan);
    const recording = new Recording(new Replaying(choices));
    const choose = (site: string, key: string | number) => {
      return recording.choose("fault", site, key, 1_000_000);
    };
    const pass = (at: number) => onRecord?.({ ...silence, at });
    const outcome = outcomeOf(world({ plan, choose, pass }));
    return { outcome, choices: recording.choices };
  };
  return Object.assign(run, { plans });
}

function shrunk(plan: Plan, choices: Choices, world: World, budget = endless): Shrunk {
  const run = running(world);
  const found = run(plan, choices, null).outcome.failure;
  if (found === null) throw new Error("the world does not fail");
  const result = shrink({ plan, choices, failure: found }, run, budget);
  if (result === null) throw new Error("the world does not fail again");
  expect(run(result.plan, result.choices, null).outcome.failure).toEqual(result.outcome.failure);
  return result;
}

function many(count: number): readonly Intent[] {
  return Array.from({ length: count }, (_, key) => {
    return { key, at: 3 * key, client: key % 8, action: { kind: "get", id: `id/${key % 40}` } };
  });
}

function keysOf({ plan }: Pick<Shrunk, "plan">): readonly number[] {
  return plan.intents.map(({ key }) => key);
}

function has(plan: Plan, ...keys: readonly number[]): boolean {
  return keys.every((wanted) => plan.intents.some(({ key }) => key === wanted));
}

test("of thousands of intents and choices, those that matter are left (R8)", () => {
  const plan = planOf(many(5000), {
    ...{ nodes: 3, faults: faults({ crash: 5, slow: 9 }), policy: { kind: "random" } },
    ...{ delayMax: 50, healAt: 20_000, limits: limits({ batchMax: 3, dueMax: 7 }) },
  });
  const choices = new Map(plan.intents.map(({ key }) => [`crash ${key}`, 999_999]));
  const result = shrunk(plan, choices, ({ plan, choose }) => {
    const struck =
      plan.faults.crash > 0 ? plan.intents.filter(({ key }) => choose("crash", key)) : [];
    const isStruck = struck.some(({ key }) => key === 4001);
    const isFull = plan.limits.batchMax === 3 && plan.nodes > 1;
    return isStruck && isFull && has(plan, 17, 2500, 4001) ? failure : null;
  });
  expect(keysOf(result)).toEqual([17, 2500, 4001]);
  expect([...result.choices]).toEqual([["crash 4001", 999_999]]);
  expect(result.plan).toMatchObject({ nodes: 2, delayMax: 0, healAt: 0, clients: 1 });
  expect(result.plan.faults).toEqual(faults({ crash: 5 }));
  expect(result.plan.limits).toEqual(limits({ batchMax: 3 }));
  expect(result.plan.policy).toEqual({ kind: "fifo" });
  expect(result.plan.intents.map(({ at }) => at)).toEqual([0, 0, 0]);
  expect(result).toMatchObject({
    isMinimal: true,
    before: { intents: 5000 },
    after: { intents: 3 },
  });
  expect(result.candidates).toBeLessThan(500);
});

property.prop([
  fc.uniqueArray(fc.nat({ max: 63 }), { minLength: 1, maxLength: 6 }),
  fc.uniqueArray(fc.nat({ max: 31 }), { maxLength: 4 }),
  fc.boolean(),
])(
  "the result is one-minimal, also where things only matter together (R8)",
  (needed, struck, isOdd) => {
    const plan = planOf(many(64), { faults: faults({ crash: 1, slow: 1 }) });
    const choices = new Map(Array.from({ length: 32 }, (_, key) => [`crash ${key}`, 7]));
    const world: World = ({ plan, choose }) => {
      const isStruck = struck.every((key) => choose("crash", key) !== 0);
      // An odd number of the others hides the failure.
      const isHidden = isOdd && plan.intents.length % 2 !== needed.length % 2;
      return has(plan, ...needed) && isStruck && plan.faults.slow > 0 && !isHidden ? failure : null;
    };
    if (world({ plan, choose: () => 1, pass: () => undefined }) === null) return;
    const result = shrunk(plan, choices, world);
    const fails = (intents: readonly Intent[], chosen: Choices) => {
      return running(world)({ ...result.plan, intents }, chosen, null).outcome.failure !== null;
    };
    const { intents } = result.plan;
    for (const gone of intents) {
      expect(
        fails(
          intents.filter((each) => each !== gone),
          result.choices,
        ),
      ).toBe(false);
    }
    for (const gone of result.choices.keys()) {
      expect(fails(intents, new Map([...result.choices].filter(([name]) => name !== gone)))).toBe(
        false,
      );
    }
    expect(result.choices.size).toBe(struck.length);
    expect(result.plan.faults).toEqual(faults({ slow: 1 }));
  },
);

/** A node that may be killed each time it wakes, `turns` times for each intent. */
function waking(isFailing: (killedAt: readonly string[], plan: Plan) => boolean, turns = 1): World {
  return ({ plan, choose, pass }) => {
    const killedAt = plan.intents.flatMap(({ key, at }) => {
      pass(at);
      const wakes = Array.from({ length: turns }, (_, turn) => ({ turn, is: choose("kill", 0) }));
      return wakes.flatMap(({ turn, is }) => (is === 0 ? [] : [`${key}/${turn}`]));
    });
    return isFailing(killedAt, plan) ? failure : null;
  };
}

test("a fault finds its moment again when what came before it goes (R12)", () => {
  const world = waking((killedAt, plan) => killedAt.includes("700/2") && has(plan, 17), 4);
  const result = shrunk(planOf(many(1000)), new Map([["kill 0 #2802", 999_999]]), world);
  expect(keysOf(result)).toEqual([17, 700]);
  expect([...result.choices]).toEqual([["kill 0 #6", 999_999]]);
});

const anyKill: World = waking((killedAt) => killedAt.length > 0);
const timedKill: World = ({ plan, choose }) => {
  const choices = plan.intents.map(({ at }) => choose("kill", `n0@${at}`));
  return choices.some((choice) => choice > 0) ? failure : null;
};

test.each([
  ["by its time", many(10), anyKill, "kill 0 #9", "kill 0"],
  ["by its turn", many(10).map((each) => ({ ...each, at: 0 })), anyKill, "kill 0 #9", "kill 0"],
  ["by the time in its name", many(10), timedKill, "kill n0@27", "kill n0@0"],
])(
  "a fault that may come as early as it likes comes first, %s",
  (_how, intents, world, late, early) => {
    const start = { plan: planOf(intents), choices: [[late, 7]] as const };
    const descent = Descent.from(start, failure, running(world), endless);
    if (descent !== null) advance(descent);
    expect(descent?.best.choices).toEqual([[early, 7]]);
  },
);

property.prop([
  fc.array(fc.tuple(fc.nat({ max: 3 }), fc.constantFrom("a", "b #2", "c"), fc.nat({ max: 2 }))),
])("in the same world, choices that are found by their time are what they were (R12)", (asked) => {
  const play = (inner: Choices, onAt: (at: number) => void) => {
    const recording = new Recording(new Replaying(inner));
    let at = 0;
    for (const [gap, entity] of asked) {
      at += gap;
      onAt(at);
      recording.choose("fault", "site", entity, 10);
    }
    return [...recording.choices];
  };
  const draws = asked.map(([, , value]) => value).values();
  const drawn = new Recording({ choose: () => draws.next().value ?? 0 });
  for (const [, entity] of asked) drawn.choose("fault", "site", entity, 10);
  const noting = new Anchoring([...drawn.choices]);
  expect(play(noting, (at) => noting.onRecord({ at }))).toEqual([...drawn.choices]);
  const anchored = new Anchored(noting.anchors);
  expect(play(anchored, (at) => anchored.onRecord({ at }))).toEqual([...drawn.choices]);
});

test("of one entity, a late choice never overtakes an early one, and none is made twice (R12)", () => {
  const noting = new Anchoring([
    ["site a", 1],
    ["site a #2", 2],
  ]);
  for (const [name, at] of [
    ["site a", 10],
    ["site a #1", 20],
    ["site a #2", 30],
  ] as const) {
    noting.onRecord({ at });
    noting.get(name);
  }
  const anchored = new Anchored(noting.anchors);
  const ask = (at: number) => {
    anchored.onRecord({ at });
    return anchored.get("site a #99");
  };
  expect([5, 29, 29, 40, 50].map(ask)).toEqual([undefined, 1, undefined, 2, undefined]);
  expect(anchored.get("site b")).toBeUndefined();
});

test("where every request moves the delays of all others, other draws do with less", () => {
  const world: World = ({ plan, choose }) => {
    const delays = plan.intents.map(({ key }) =>
      choose("request", `${key} of ${plan.intents.length}`),
    );
    const late = plan.intents.filter((_, index) => (delays[index] ?? 0) > 0).map(({ key }) => key);
    const isStruck = choose("slow", `n0 load id/20 ${plan.intents.length}`) > 0;
    const isFailing = late.includes(100) && late.includes(140) && isStruck;
    return isFailing ? { ...failure, ids: ["id/20"] } : null;
  };
  const plan = planOf(many(500), { delayMax: 9, faults: faults({ slow: 1, crash: 1 }) });
  const choices = new Map([
    ...[100, 140].map((key) => [`request ${key} of 500`, 8] as const),
    ["slow n0 load id/20 500", 999_999],
  ]);
  const result = shrunk(plan, choices, world);
  expect(keysOf(result)).toEqual([100, 140]);
  expect(result.after).toMatchObject({ choices: 3, faults: 0 });
});

test("draws are the same for the same plan and number, and faults that are on strike for certain", () => {
  const plan = planOf([], { delayMax: 9 });
  const names = Array.from({ length: 200 }, (_, index) => [
    `slow n0 ${index}`,
    `tick ${index}`,
  ]).flat();
  const drawn = (number: number, likely: readonly string[] = []) => {
    const redrawn = new Redrawn({ plan, number, likely });
    return names.map((name) => redrawn.get(name));
  };
  expect(drawn(1)).toEqual(drawn(1));
  expect(drawn(1)).not.toEqual(drawn(3));
  const strikes = (number: number, likely: readonly string[]) => {
    return drawn(number, likely).filter((_, index) => index % 2 === 0);
  };
  const all = Array.from({ length: 40 }, (_, number) => strikes(number, ["slow"])).flat();
  expect(new Set(all)).toEqual(new Set([undefined, 999_999]));
  const narrow = Array.from({ length: 40 }, (_, number) => strikes(2 * number, ["crash"])).flat();
  expect(new Set(narrow)).toEqual(new Set([undefined]));
  for (const value of drawn(1)) expect(value ?? 0).toBeGreaterThanOrEqual(0);
});

test("a name that says the time needs no record to tell it (R12)", () => {
  const noting = new Anchoring([["kill n0@30", 7]]);
  for (const name of ["kill n0@10", "kill n0@30"]) noting.get(name);
  expect([...noting.anchors]).toEqual([["kill n0", [{ at: 30, turn: 0, value: 7 }]]]);
  const anchored = new Anchored(noting.anchors);
  const given = ["kill n0@20", "kill n0@29", "kill n0@31"].map((name) => anchored.get(name));
  expect(given).toEqual([undefined, undefined, 7]);
});

test("names of choices are taken apart and put together again", () => {
  const names = ["kill n0@0", "kill n0@17 #2", "load n0 load a b #12", "load a #b", "load a #01"];
  const odd = [
    "load a #0",
    "a # 1",
    "a @7",
    "load a@",
    "load @5",
    "load a\nb #2",
    "a b@01",
    "site ",
  ];
  for (const name of [...names, ...odd]) expect(printName(parseName(name))).toBe(name);
  expect(parseName("fail_after n0 due@60 #2")).toEqual({
    ...{ site: "fail_after", entity: "n0 due", at: 60, occurrence: 2 },
  });
  expect(parseName("home 3")).toEqual({ site: "home", entity: "3", at: null, occurrence: 0 });
});

test("what is named by its time keeps its place when time is squeezed", () => {
  const world: World = ({ plan, choose }) => {
    const [first, second] = plan.intents.map(({ at }) => at);
    if (first === undefined || second === undefined || second - first < 50) return null;
    return choose("kill", `n0@${second + 3}`) > 0 && plan.healAt > second ? failure : null;
  };
  const plan = planOf([get(1, "a", 5000), get(2, "a", 9000)], { healAt: 9500 });
  const result = shrunk(plan, new Map([["kill n0@9003", 7]]), world);
  expect(result.plan.intents.map(({ at }) => at)).toEqual([0, 100]);
  expect([...result.choices]).toEqual([["kill n0@103", 7]]);
  expect(result.plan.healAt).toBeLessThanOrEqual(1000);
});

test("what comes after the failure is cut, and other promises, in a handful of runs", () => {
  const world: World = ({ plan }) => {
    return has(plan, 100) ? { ...failure, at: 300, intent: 100, ids: ["id/20"] } : null;
  };
  const result = shrunk(planOf(many(5000)), new Map(), world, { ...endless, candidatesMax: 6 });
  expect(result.after.intents).toBeLessThan(5);
});

test("the promises that callbacks connect with the failure stay with it", () => {
  const waits = (key: number, awaited: string, awaiter: string): Intent => {
    return { key, at: 0, client: 0, action: { kind: "callback", awaited, awaiter } };
  };
  const chain = [waits(1, "b", "a"), waits(2, "b", "c"), get(3, "c"), get(4, "z"), get(5, "z")];
  const run = running(({ plan }) => (has(plan, 1, 2, 3) ? { ...failure, ids: ["a"] } : null));
  const found = { plan: planOf(chain), choices: new Map(), failure };
  const result = shrink(found, run, { ...endless, candidatesMax: 4 });
  expect(result?.plan.intents.map(({ key }) => key)).toEqual([1, 2, 3]);
});

const intents: readonly Intent[] = [
  {
    key: 1,
    ...{ at: 1234, client: 3 },
    action: {
      ...{
        kind: "create",
        id: "order/7",
        deadline: { from: "epoch", ms: "9223372036854775807" },
      },
      ...{ param: { headers: [["a", "b"]], data: "dg==" }, key: "k-17", strict: true },
      tags: [
        ["resonate:target", "poll://any@default"],
        ["color", "red"],
      ],
      isExternal: true,
    },
  },
  {
    key: 2,
    ...{ at: 5678, client: 5 },
    action: {
      ...{ kind: "settle", id: "order/7", outcome: "rejected", key: "k-18", strict: true },
      value: { headers: null, data: "dg==" },
    },
  },
];

function plainOf(isKept: (create: Extract<Action, { kind: "create" }>, plan: Plan) => boolean) {
  const world: World = ({ plan }) => {
    const { action } = plan.intents.find(({ key }) => key === 1) ?? {};
    return action?.kind === "create" && has(plan, 2) && isKept(action, plan) ? failure : null;
  };
  return shrunk(planOf(intents), new Map(), world).plan;
}

test("values, ids and times that do not matter vanish", () => {
  expect(plainOf(() => true).intents).toEqual([
    {
      ...{ key: 1, at: 0, client: 0 },
      action: {
        ...{ kind: "create", id: "a", deadline: { from: "request", ms: 1_000_000 } },
        ...{ param: { headers: null, data: null }, tags: [], key: null, strict: false },
        isExternal: false,
      },
    },
    {
      ...{ key: 2, at: 0, client: 0 },
      action: {
        ...{ kind: "settle", id: "a", outcome: "resolved", value: { headers: null, data: null } },
        ...{ key: null, strict: false },
      },
    },
  ]);
});

test("of what matters, the plainest form is left", () => {
  const plan = plainOf(({ tags, key, deadline, param }, { intents: [first, second] }) => {
    const isTagged = tags.some(([name]) => name === "color");
    const isSoon =
      deadline.from === "request" && deadline.ms < 50 ? true : deadline.from === "epoch";
    const isLater = (second?.at ?? 0) - (first?.at ?? 0) >= 40;
    return isTagged && key !== null && param.data !== null && isSoon && isLater;
  });
  const [first, second] = plan.intents;
  expect(first?.action).toMatchObject({
    ...{ deadline: { from: "request", ms: 0 }, param: { headers: null, data: "x" } },
    ...{ tags: [["color", "x"]], key: "k" },
  });
  expect([first?.at, second?.at]).toEqual([0, 100]);
});

test("ids keep their places in the names of choices when they are shortened", () => {
  const choices = new Map([
    ["fail_after n0 commit order/7 #2", 999_999],
    ["fail_after n0 commit order/70", 999_998],
  ]);
  const world: World = ({ plan, choose }) => {
    const [action] = plan.intents.map(({ action }) => action);
    if (action?.kind !== "create") return null;
    const name = `n0 commit ${action.id}`;
    const times = [0, 1, 2].map(() => choose("fail_after", name));
    return times[2] === 999_999 ? failure : null;
  };
  const result = shrunk(planOf(intents.slice(0, 1)), choices, world);
  expect([...result.choices]).toEqual([["fail_after n0 commit a #2", 999_999]]);
});

test("a store that does not matter is the memory, and an order that does not matter is not searched", () => {
  const plan = planOf(many(3), { store: "sqlite", isSearched: true });
  expect(shrunk(plan, new Map(), () => failure).plan).toMatchObject({
    ...{ store: "memory", isSearched: false, intents: [] },
  });
  const isSqlite: World = ({ plan }) => (plan.store === "sqlite" ? failure : null);
  expect(shrunk(plan, new Map(), isSqlite).plan.store).toBe("sqlite");
});

test("a failure of another rule or another oracle is another failure (R5)", () => {
  const world: World = ({ plan }) => {
    if (has(plan, 1, 2, 3)) return failure;
    if (has(plan, 1, 2)) return { ...failure, rule: "record" };
    return has(plan, 1) ? { ...failure, oracle: "S" } : null;
  };
  expect(keysOf(shrunk(planOf(many(50)), new Map(), world))).toEqual([1, 2, 3]);
});

test("every run on the way is smaller than the best one before it, and none is made twice (R6, R7)", () => {
  const run = running(({ plan }) => (has(plan, 3, 40) ? failure : null));
  const plan = planOf(many(100), { delayMax: 9, nodes: 2 });
  const result = shrink({ plan, choices: new Map(), failure }, run, endless);
  const [, ...candidates] = run.plans.map((each) => JSON.stringify(each));
  expect(new Set(candidates).size).toBe(candidates.length);
  expect(candidates.length).toBe(result?.candidates);
  expect(Math.max(...run.plans.map(({ intents }) => intents.length))).toBe(100);
});

test("a candidate that is larger is not even run, and one that grows in the run is not taken (R6)", () => {
  const run = running(() => failure);
  const small = { plan: planOf(many(2)), choices: [] };
  const descent = Descent.from(small, failure, run, endless);
  expect(descent?.try({ plan: planOf(many(3)), choices: [] })).toBe(false);
  expect(descent?.try({ ...small, plan: { ...small.plan, nodes: 2 } })).toBe(false);
  expect(run.plans.length).toBe(1);
  expect(descent?.try({ ...small, plan: planOf(many(1)) })).toBe(true);
  expect(descent?.best.plan.intents.length).toBe(1);
});

test("of two that are equally large, the one that fails sooner is taken (R6)", () => {
  const world: World = ({ plan }) => ({ ...failure, record: plan.intents[0]?.key ?? 0 });
  const start = { plan: planOf([get(5, "a")]), choices: [] };
  const descent = Descent.from(start, failure, running(world), endless);
  expect(descent?.try({ ...start, plan: planOf([get(6, "a")]) })).toBe(false);
  expect(descent?.try({ ...start, plan: planOf([get(4, "a")]) })).toBe(true);
  expect(descent?.failure.record).toBe(4);
});

test("limits that matter become one rather than what they happen to be", () => {
  const world: World = ({ plan }) => (plan.limits.dueMax < 5 ? failure : null);
  const plan = planOf(many(3), { limits: limits({ dueMax: 3, readsMax: 7 }) });
  expect(shrunk(plan, new Map(), world).plan.limits).toEqual(limits({ dueMax: 1 }));
});

test("what is chosen for a client goes with it when it gets another number", () => {
  const world: World = ({ plan, choose }) => {
    const homes = new Map(plan.intents.map(({ client }) => [client, choose("home", client)]));
    const [first = 0, second = 0] = plan.intents.map(({ client }) => homes.get(client) ?? 0);
    return plan.intents.length >= 2 && first !== second ? failure : null;
  };
  const intents = [get(100, "a", 0, 3), get(101, "a", 0, 6)];
  const result = shrunk(planOf(intents), new Map([["home 6", 2]]), world);
  expect(result.plan.intents.map(({ client }) => client)).toEqual([0, 1]);
  expect([...result.choices]).toEqual([["home 1", 1]]);
});

test("sizes are compared part by part, and every part of a value weighs something (R4)", () => {
  const scale = new Scale();
  const weigh = (plan: Plan) => scale.weigh({ plan, choices: [] });
  const one = planOf([get(1, "a")], { delayMax: 1_000_000, isSearched: true });
  expect(compareSizes(weigh(one), weigh(planOf(many(2))))).toBeLessThan(0);
  const plain = weigh(planOf([get(1, "a")], { clients: 1 }));
  const heavier: readonly Partial<Plan>[] = [
    { nodes: 2 },
    { clients: 2 },
    { faults: faults({ slow: 1 }) },
    { policy: { kind: "lifo" } },
    { limits: limits({ dueMax: 1 }) },
    { store: "sqlite" },
    { isSearched: true },
    { delayMax: 1 },
    { healAt: 1 },
    { intents: [get(1, "aa")] },
    { intents: [get(1, "\u{e9}")] },
    { intents: [get(1, "a", 1)] },
  ];
  for (const change of heavier) {
    const plan = planOf([get(1, "a")], { clients: 1, ...change });
    expect(compareSizes(weigh(plan), plain), JSON.stringify(change)).toBeGreaterThan(0);
    expect(compareSizes(plain, weigh(plan)), JSON.stringify(change)).toBeLessThan(0);
  }
});

describe("the budget ends it (R7)", () => {
  const plan = planOf(many(1000));
  const world: World = ({ plan }) => (has(plan, 1, 500, 999) ? failure : null);

  test("by count", () => {
    const result = shrunk(plan, new Map(), world, { ...endless, candidatesMax: 10 });
    expect(result).toMatchObject({ candidates: 10, isMinimal: false });
    expect(result.after.intents).toBeLessThanOrEqual(1000);
  });

  test("by whatever else is measured, and what was reached is kept", () => {
    const asked = { count: 0 };
    const isSpent = () => {
      asked.count += 1;
      return asked.count > 25;
    };
    const result = shrunk(plan, new Map(), world, { candidatesMax: 100_000, isSpent });
    expect(result).toMatchObject({ candidates: 25, isMinimal: false });
    expect(asked.count).toBe(26);
  });
});

test("a run that does not fail again as it is said to is not shrunk", () => {
  const run = running(() => ({ ...failure, rule: "other" }));
  const found = { plan: planOf(many(3)), choices: new Map(), failure };
  expect(shrink(found, run, endless)).toBeNull();
  expect(
    shrink(
      found,
      running(() => null),
      endless,
    ),
  ).toBeNull();
});

test("the same failure shrinks to the same result (R9)", () => {
  const plan = planOf(many(300), { faults: faults({ crash: 1, slow: 3 }), nodes: 3, delayMax: 8 });
  const choices = new Map(plan.intents.map(({ key }) => [`request ${key}`, (key % 8) + 1]));
  const world: World = ({ plan, choose }) => {
    const delays = plan.intents.map(({ key }) => choose("request", key));
    return delays.filter((delay) => delay > 5).length >= 3 ? failure : null;
  };
  const results = [1, 2].map(() => shrunk(plan, choices, world));
  expect(results[0]).toEqual(results[1]);
  expect(results[0]?.after).toMatchObject({ intents: 3, choices: 3, nodes: 1, faults: 0 });
});

test("a failure of the real simulation shrinks, and its file, report and picture show it again", () => {
  const run: Run = (plan, choices, onRecord) => {
    let made: Choices = new Map();
    const onChoices = (all: Choices) => {
      made = all;
    };
    const openStore = () => new MemoryStore();
    return { outcome: simulate(plan, { openStore, onRecord, choices, onChoices }), choices: made };
  };
  const wishes = { ...usualWishes, operations: 200, faults: "swarm" } as const;
  const plan = { ...draw(seed, wishes), isCanary: true };
  const openStore = () => new MemoryStore();
  const made: Choices[] = [];
  const onChoices = (all: Choices) => made.push(all);
  const tools = { openStore, onRecord: null, choices: null, onChoices };
  const found = simulate(plan, tools).failure;
  expect(found).toMatchObject({ oracle: "W" });
  const [choices = new Map()] = made;
  const result = shrink({ plan, choices, failure: found as Failure }, run, endless);
  expect(result?.after.intents).toBeLessThanOrEqual(2);
  expect(result?.isMinimal).toBe(true);
  const shorter = result as Shrunk;
  const file = decodeReplay(encodeReplay(replayOf(shorter, null))) as Replay;
  const records: TraceRecord[] = [];
  const again = run(file.plan, choicesOf(file), (record) => records.push(record)).outcome;
  expect(again.failure).toEqual(shorter.outcome.failure);
  expect(again.trace).toBe(shorter.outcome.trace);
  const shown = { plan: file.plan, failure: again.failure as Failure, records };
  expect(report({ ...shown, shrunk: shorter, commands: [] })).toContain("safety: W ");
  expect(timeline(shown)).toContain("<!doctype html>");
});
