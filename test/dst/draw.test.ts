// What a seed draws. First what may never change unseen (the golden file), then the world (swarm,
// limits, wishes), then the intents: that they are legal, that all shapes and instants are there, and
// that a fair share of them is refused, told by letting the kernel play them one after the other.

import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { brokenCreationRules } from "../../api/creation.ts";
import { worldEpoch } from "../../dst/clock.ts";
import { draw, usualWishes, type Wishes } from "../../dst/draw.ts";
import { faultNames, groups, million } from "../../dst/faults.ts";
import { IdGroups } from "../../dst/id-groups.ts";
import { idsOf } from "../../dst/involved.ts";
import { nextOf } from "../../dst/model/cron.ts";
import { nameOf } from "../../dst/names.ts";
import type {
  Action,
  CreateAction,
  Deadline,
  Intent,
  PairList,
  Plan,
  SettleAction,
} from "../../dst/plan.ts";
import { Prng } from "../../dst/prng.ts";
import { modelCron } from "../../dst/run.ts";
import { Scene, Script } from "../../dst/scene.ts";
import { parseSeed, type Seed, seedAt } from "../../dst/seed.ts";
import { Values } from "../../dst/values.ts";
import { drawWorkload, type ShapeName, shapeNames, shapes } from "../../dst/workload.ts";
import type { Command, CreatePromise } from "../../kernel/command.ts";
import { execute } from "../../kernel/execute.ts";
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
  taskVersion,
} from "../../kernel/ids.ts";
import { bounds } from "../../kernel/limits.ts";
import { usualRules } from "../../kernel/rules.ts";
import { absentOf, promiseKey, type StreamKey, scheduleKey } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { areAwaitable, isTimer } from "../../kernel/value.ts";
import { WorkingSet } from "../../kernel/working-set.ts";

const base = seed("42");
const empty: Wishes = { ...usualWishes, operations: 0 };
/** Drawn once: all short, and as the swarm will have it. */
const plans = seeds(60).map((each) => draw(each, usualWishes));

function seed(text: string): Seed {
  const parsed = parseSeed(text);
  if (parsed === null) throw new Error(`${text} is no seed`);
  return parsed;
}

function seeds(count: number): readonly Seed[] {
  return Array.from({ length: count }, (_, index) => seedAt(base, index));
}

function sha(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}

/** Long texts are cut, and letters shown as they are written. */
function legible(intent: Intent): string {
  const cut = (_: string, value: unknown) => {
    return typeof value === "string" && value.length > 60 ? `${value.length} letters` : value;
  };
  const escaped = (letter: string) => `\\u{${letter.codePointAt(0)?.toString(16)}}`;
  return JSON.stringify(intent, cut).replace(/[^ -~]/gu, escaped);
}

function timeoutAt(deadline: Deadline, at: number): bigint {
  if (deadline.from === "epoch") return BigInt(deadline.ms);
  return BigInt(worldEpoch + deadline.ms + (deadline.from === "request" ? at : 0));
}

/** How many of the values are so. */
function share<Value>(values: readonly Value[], isSo: (value: Value) => boolean): number {
  return values.filter(isSo).length / values.length;
}

test("what seed 42 draws changes by decision only", async () => {
  const { intents, ...world } = draw(base, usualWishes);
  const { counts } = drawWorkload({ ...world, operations: intents.length });
  const long = draw(base, { ...usualWishes, size: "long" });
  const lines = [
    `world ${sha(world)}`,
    `intents ${sha(intents)}`,
    `long ${sha(long.intents)}`,
    ...Object.entries(world).map(([name, value]) => `${name} ${JSON.stringify(value)}`),
    ...[...counts].map(([name, count]) => `shape ${name} ${count}`),
    ...intents.slice(0, 30).map(legible),
    "",
  ];
  await expect(lines.join("\n")).toMatchFileSnapshot("../golden/dst-seed-42.txt");
});

test("a seed draws the same plan again, and another seed another", () => {
  const [one, two] = seeds(2);
  if (one === undefined || two === undefined) throw new Error("too few seeds");
  draw(two, usualWishes); // no plan leaves a trace in the next one
  expect(draw(one, usualWishes)).toStrictEqual(plans[0]);
  expect(draw(two, usualWishes).intents).not.toEqual(plans[0]?.intents);
});

test("a plan survives a file", () => {
  for (const plan of plans) expect(JSON.parse(JSON.stringify(plan))).toStrictEqual(plan);
});

test("of a hundred seeds, 20 have no fault, 10 a single one, 70 some groups of them", () => {
  const counts = seeds(2000).map((each) => {
    return Object.values(draw(each, empty).faults).filter((intensity) => intensity > 0).length;
  });
  const none = share(counts, (count) => count === 0);
  const single = share(counts, (count) => count === 1);
  expect(none).toBeGreaterThan(0.18);
  expect(none).toBeLessThan(0.24); // a swarm, too, may have no group
  expect(single).toBeGreaterThan(0.08);
  expect(single).toBeLessThan(0.15); // two groups have one fault
});

test("a swarm has each group of faults for half of its seeds, whole or not at all", () => {
  const swarm = seeds(2000).map((each) => draw(each, { ...empty, faults: "swarm" }).faults);
  for (const [group, names] of Object.entries(groups)) {
    const counts = swarm.map((faults) => names.filter((name) => faults[name] > 0).length);
    expect(
      [...new Set(counts)].toSorted((a, b) => a - b),
      group,
    ).toEqual([0, names.length]);
    const on = share(counts, (count) => count > 0);
    expect(on, group).toBeGreaterThan(0.45);
    expect(on, group).toBeLessThan(0.55);
  }
});

test("every fault strikes in some seed, now more often, now less", () => {
  const drawn = seeds(1000).map((each) => draw(each, empty).faults);
  for (const name of faultNames) {
    const intensities = drawn.map((faults) => faults[name]).filter((intensity) => intensity > 0);
    const [min, max] = [Math.min(...intensities), Math.max(...intensities)];
    expect(intensities.length, name).toBeGreaterThan(200);
    expect(min, name).toBeLessThan(max / 10);
    expect(max, name).toBeLessThanOrEqual(million);
    expect(intensities.every(Number.isSafeInteger), name).toBe(true);
  }
});

test("faults may be named", () => {
  const on = (faults: Wishes["faults"]): readonly string[] => {
    const drawn = Object.entries(draw(base, { ...empty, faults }).faults);
    return drawn.filter(([, intensity]) => intensity > 0).map(([name]) => name);
  };
  expect(on("none")).toEqual([]);
  expect(on("single")).toHaveLength(1);
  expect(on(["kill", "hang"])).toEqual(["hang", "kill"]);
  expect(on(faultNames)).toEqual(faultNames);
});

test("a limit is the usual one or within its range, and each end of the range is met", () => {
  const drawn = seeds(2000).map((each) => draw(each, empty).limits);
  for (const [name, { usual, simulated }] of Object.entries(bounds)) {
    const [min, max] = simulated;
    const values = drawn.map((limits) => limits[name as keyof typeof bounds]);
    const strange = values.filter((value) => value !== usual && (value < min || value > max));
    expect(strange, name).toEqual([]);
    const some = values.filter((value) => value !== usual);
    if (max >= 32)
      expect(
        share(some, (value) => value <= max / 8),
        name,
      ).toBeGreaterThan(0.3);
    expect(values, name).toContain(min);
    if (name !== "sweepShareMax")
      expect(share(values, (value) => value === usual)).toBeGreaterThan(0.4);
    if (max < 100) expect(values, name).toContain(max);
  }
  const whole = drawn.map((limits) => Object.values(limits).filter((value) => value === 1).length);
  expect(Math.max(...whole)).toBe(Object.keys(bounds).length);
});

test("nodes, clients, policies, delays and searches are drawn in all sizes and kinds", () => {
  const drawn = seeds(2000).map((each) => draw(each, empty));
  const nodes = drawn.map((plan) => plan.nodes);
  expect(share(nodes, (count) => count === 1)).toBeGreaterThan(0.45);
  expect(share(nodes, (count) => count === 1)).toBeLessThan(0.55);
  const inOrder = (left: number, right: number) => left - right;
  expect([...new Set(nodes)].toSorted(inOrder)).toEqual([1, 2, 3]);
  const clients = [...new Set(drawn.map((plan) => plan.clients))].toSorted(inOrder);
  expect(clients).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  for (const kind of ["fifo", "lifo", "random", "starve", "pct"]) {
    expect(
      share(drawn, (plan) => plan.policy.kind === kind),
      kind,
    ).toBeGreaterThan(0.1);
  }
  const depths = drawn.flatMap(({ policy }) => (policy.kind === "pct" ? [policy.depth] : []));
  expect([...new Set(depths)].toSorted(inOrder)).toEqual([2, 3]);
  const isActor = ({ policy, nodes, clients }: Plan) => {
    return policy.kind !== "starve" || (policy.actor >= 0 && policy.actor <= nodes + clients);
  };
  expect(drawn.every(isActor)).toBe(true);
  expect(share(drawn, (plan) => plan.delayMax === 0)).toBeGreaterThan(0.1);
  expect(share(drawn, (plan) => plan.delayMax >= 200)).toBeGreaterThan(0.1);
  const searched = share(drawn, (plan) => plan.isSearched);
  expect(searched).toBeGreaterThan(0.03);
  expect(searched).toBeLessThan(0.07);
});

test.each<[name: keyof Plan, wishes: Partial<Wishes>, granted: unknown]>([
  ["store", { store: "sqlite" }, "sqlite"],
  ["nodes", { nodes: [3, 3], policy: "pct" }, 3],
  ["policy", { policy: "lifo" }, { kind: "lifo" }],
  ["faults", { faults: "none" }, Object.fromEntries(faultNames.map((name) => [name, 0]))],
  ["limits", { limits: { queueMax: 7 } }, expect.objectContaining({ queueMax: 7 })],
  ["isCanary", { isCanary: true }, expect.any(Boolean)],
])("D3: a wish about %s changes nothing else", (name, wishes, granted) => {
  const usual: Wishes = {
    ...empty,
    operations: 20,
    policy: wishes.policy === "pct" ? "pct" : null,
  };
  const without = (plan: Plan) => Object.entries(plan).filter(([each]) => each !== name);
  for (const each of seeds(20)) {
    const wished = draw(each, { ...usual, ...wishes });
    expect(without(wished)).toEqual(without(draw(each, usual)));
    expect(wished[name]).toEqual(granted);
  }
});

test("wishes are granted: size, operations, clients, limits, search", () => {
  const wishes: Wishes = {
    ...usualWishes,
    operations: 77,
    clients: [5, 5],
    limits: { batchMax: 3, sweepShareMax: 9 },
    isSearched: true,
  };
  const plan = draw(base, wishes);
  expect(plan.intents).toHaveLength(77);
  expect(plan).toMatchObject({ clients: 5, isSearched: true });
  expect(plan.limits).toMatchObject({ batchMax: 3, sweepShareMax: 3 });
  expect(draw(base, { ...wishes, isSearched: false }).isSearched).toBe(false);
});

test("the canary sings for every hundredth seed, if it is wanted", () => {
  const wishes: Wishes = { ...empty, isCanary: true };
  for (const hundreds of ["0", "100", "18446744073709551600"]) {
    expect(draw(seed(hundreds), wishes).isCanary).toBe(true);
    expect(draw(seed(hundreds), empty).isCanary).toBe(false);
  }
  for (const others of ["1", "10", "50", "99", "101", "0x100"]) {
    expect(draw(seed(others), wishes).isCanary).toBe(false);
  }
});

test("a short run has 1,300 intents in a minute or two and a long one 13,000 in ten times that", () => {
  for (const [size, count, minutes] of [
    ["short", 1300, [1, 2]],
    ["long", 13_000, [12, 20]],
  ] as const) {
    for (const each of seeds(6)) {
      const { intents, healAt, delayMax } = draw(each, { ...usualWishes, size });
      expect(intents).toHaveLength(count);
      const at = intents.at(-1)?.at ?? 0;
      expect(healAt).toBeGreaterThan(at + delayMax);
      const gaps = intents.map((intent, index) => intent.at - (intents[index - 1]?.at ?? 0));
      const spokenMs = gaps.filter((gap) => gap < 60_000).reduce((sum, gap) => sum + gap, 0);
      if (delayMax <= 20) expect(spokenMs).toBeGreaterThan(minutes[0] * 60_000);
      if (delayMax <= 20) expect(spokenMs).toBeLessThan(minutes[1] * 60_000);
    }
  }
});

test("clients of a slow world have the time to do what they mean to do", () => {
  const slow = plans.filter(({ delayMax }) => delayMax >= 200);
  expect(slow.length).toBeGreaterThan(5);
  for (const { intents, clients, delayMax } of slow) {
    const busyMs = (4 * delayMax * intents.length) / clients;
    expect(intents.at(-1)?.at).toBeGreaterThan(busyMs);
  }
});

test("intents come in order of time, numbered from 1, for clients that exist", () => {
  for (const { intents, clients } of plans) {
    expect(intents.map(({ key }) => key)).toEqual(intents.map((_, index) => index + 1));
    let before = 0;
    for (const { at, client } of intents) {
      if (!Number.isSafeInteger(at) || at < before) throw new Error(`${at} after ${before}`);
      if (!(client >= 0 && client < clients)) throw new Error(`there is no client ${client}`);
      before = at;
    }
    expect(new Set(intents.map(({ client }) => client)).size).toBe(clients);
  }
});

test("D2: no promise is asked to wait for itself", () => {
  const long = seeds(4).map((each) => draw(each, { ...usualWishes, size: "long" }));
  const callbacks = [...plans, ...long].flatMap(({ intents }) => {
    return intents.flatMap(({ action }) => (action.kind === "callback" ? [action] : []));
  });
  expect(callbacks.length).toBeGreaterThan(10_000);
  expect(callbacks.filter(({ awaited, awaiter }) => awaited === awaiter)).toEqual([]);
  const scene = sceneOf(new Script());
  expect(() => scene.register("p", "p")).toThrow("wait for itself");
});

function sceneOf(script: Script): Scene {
  const groups = new IdGroups({ seed: base, clients: 2, isSearched: false });
  const [prng, values] = [new Prng(base), new Values(base)];
  return new Scene({ prng, values, groups, delayMax: 0, script }, groups.fresh(), 0);
}

test("every shape is drawn, and no seed draws them all alike", () => {
  const counts = new Map<ShapeName, number[]>(shapeNames.map((name) => [name, []]));
  for (const { seed, clients, delayMax, isSearched } of plans) {
    const drawn = drawWorkload({ seed, clients, delayMax, isSearched, operations: 1300 }).counts;
    for (const name of shapeNames) counts.get(name)?.push(drawn.get(name) ?? 0);
  }
  for (const [name, each] of counts) {
    expect(Math.max(...each), name).toBeGreaterThan(name === "silence" ? 0 : 5);
    expect(
      share(each, (count) => count > 0),
      name,
    ).toBeGreaterThan(name === "silence" ? 0.05 : 0.4);
    expect(Math.min(...each), name).toBe(0);
  }
});

test("every kind of intent is drawn, with every choice that it has", () => {
  const seen = new Set<string>();
  for (const { action } of plans.flatMap(({ intents }) => intents)) describe(action, seen);
  const cases = [
    ...["request", "start", "epoch"].map((from) => `create ${from}`),
    ...["0", `${int64Max}`, `${2n ** 53n - 1n}`, `${2n ** 53n}`, `${2n ** 53n + 1n}`],
    ...["-1", "0", "1"].map((ms) => `create request ${ms}`),
    ...["create strict", "create not strict", "create external", "create not external"],
    ...["create keyed", "create not keyed", "settle keyed", "settle not keyed"],
    ...["headers null", "headers 0", "headers 3", "text null", "text ", "text long"],
    ...["settle resolved", "settle rejected", "settle canceled", "settle strict"],
    ...[null, "pending", "resolved", "rejected"].map((state) => `search ${state}`),
    ...["start", "next", "number"].map((before) => `search ${before}`),
    ...["start", "next", "number"].flatMap((after) => [`log ${after}`, `history ${after}`]),
    ...[0, 1, 2, 3].map((stars) => `search stars ${stars}`),
    ...["search tags 0", "search tags 2", "search limit 1", "search limit 100"],
    ...["timer", "timeout", "target", "external", "scope"].map((name) => `tag resonate:${name}`),
    ...["__proto__", "10", "9", "constructor", "\u{e9}", "e\u{301}"].map((name) => `tag ${name}`),
    ...["__proto__", "10", "9", "a/b", "a%2Fb", "\u{e9}", "e\u{301}", "*"].map((id) => `id ${id}`),
    ...["a\u{ffff}", "a\u{1f600}", ":", ".", "x".repeat(2048)].map((id) => `id ${id}`),
  ];
  expect(cases.filter((each) => !seen.has(each))).toEqual([]);
});

function describe(action: Action, seen: Set<string>): void {
  for (const id of idsOf(action)) seen.add(`id ${id}`);
  const { kind } = action;
  if (kind === "create" || kind === "settle") {
    seen.add(`${kind} ${action.strict ? "strict" : "not strict"}`);
    seen.add(`${kind} ${action.key === null ? "not keyed" : "keyed"}`);
    const { headers, data } = kind === "create" ? action.param : action.value;
    seen.add(`headers ${headers === null ? null : headers.length}`);
    seen.add(`text ${data !== null && data.length > 100 ? "long" : data}`);
  }
  if (kind === "create") {
    const { from, ms } = action.deadline;
    seen.add(`create ${from}`).add(from === "epoch" ? ms : `create ${from} ${ms}`);
    seen.add(`create ${action.isExternal ? "external" : "not external"}`);
    for (const [name] of action.tags) seen.add(`tag ${name}`);
  }
  if (kind === "settle") seen.add(`settle ${action.outcome}`);
  if (kind === "search") {
    const { state, before, pattern, tags, limit } = action;
    seen.add(`search ${state}`).add(`search ${typeof before === "number" ? "number" : before}`);
    seen.add(`search stars ${pattern.split("*").length - 1}`).add(`search tags ${tags.length}`);
    seen.add(`search limit ${limit}`);
  }
  if (kind === "events") {
    const after = typeof action.after === "number" ? "number" : action.after;
    seen.add(`${action.of === null ? "log" : "history"} ${after}`);
  }
}

test("clients act one millisecond before a deadline, at it, and one after it", () => {
  const counts = new Map<string, number>();
  for (const { intents } of plans) {
    const deadlines = new Map<string, number>();
    for (const { at, action } of intents) {
      const isDated = action.kind === "create" && action.deadline.from === "start";
      if (isDated && !deadlines.has(action.id))
        deadlines.set(action.id, Number(action.deadline.ms));
      for (const id of idsOf(action)) {
        const name = `${action.kind} ${at - (deadlines.get(id) ?? Number.NaN)}`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
    }
  }
  for (const kind of ["settle", "get", "create", "callback"]) {
    for (const offset of [-1, 0, 1]) {
      expect(counts.get(`${kind} ${offset}`) ?? 0, `${kind} ${offset}`).toBeGreaterThan(60);
    }
  }
});

type Creation = Extract<Action, { kind: "create" }>;

test.each<[what: string, min: number, max: number, isSo: (action: Creation) => boolean]>([
  ["strict", 0.25, 0.4, ({ strict }) => strict],
  ["external", 0.5, 0.85, ({ isExternal }) => isExternal],
  ["keyed", 0.6, 0.8, ({ key }) => key !== null],
  ["targeted", 0.35, 0.65, ({ tags }) => tags.some(([name]) => name === "resonate:target")],
  ["timers", 0.17, 0.3, ({ tags }) => isTimer(new Map(tags))],
  ["awaitable by no tag", 0.2, 0.5, ({ tags }) => !areAwaitable(new Map(tags))],
  ["with tags of clients", 0.4, 0.7, ({ tags }) => tags.some(([name]) => !isOurs(name))],
  ["with a payload", 0.3, 0.5, ({ param }) => param.headers !== null || param.data !== null],
  ["due at an instant", 0.3, 0.6, ({ deadline }) => deadline.from === "start"],
  ["due at an extreme", 0.08, 0.3, ({ deadline }) => deadline.from === "epoch"],
])("of the promises that are created, a fair share is %s", (_what, min, max, isSo) => {
  const creations = plans.flatMap(({ intents }) => {
    return intents.flatMap(({ action }) => (action.kind === "create" ? [action] : []));
  });
  expect(share(creations, isSo)).toBeGreaterThan(min);
  expect(share(creations, isSo)).toBeLessThan(max);
});

function isOurs(name: string): boolean {
  return name.startsWith("resonate:");
}

function clientOf({ client }: Intent): number {
  return client;
}

/** Of one kind, in order. */
function of<Kind extends Action["kind"]>(intents: readonly Intent[], kind: Kind) {
  type Actions = Extract<Action, { kind: Kind }>;
  const isOfKind = (intent: Intent): intent is Intent & { action: Actions } => {
    return intent.action.kind === kind;
  };
  return intents.filter(isOfKind);
}

/** How many there are of the most frequent one. */
function most(names: readonly unknown[]): number {
  return Math.max(0, ...[...Map.groupBy(names, String).values()].map((same) => same.length));
}

/** Callbacks at this distance from the settlement or deadline of the one that is awaited. */
function callbacksAt(intents: readonly Intent[], offset: number): boolean {
  const [{ action: first } = {}] = of(intents, "create");
  const settledAt = of(intents, "settle").map(({ at }) => at);
  const dueAt = first?.deadline.from === "start" ? [first.deadline.ms] : [];
  const ends = [...settledAt, ...dueAt];
  return of(intents, "callback").some(({ at }) => ends.includes(at - offset));
}

function isAwaitedMissing(intents: readonly Intent[]): boolean {
  const ids = new Set(of(intents, "create").map(({ action }) => action.id));
  return of(intents, "callback").every(({ action }) => !ids.has(action.awaited));
}

function areRivals(intents: readonly Intent[], kind: "create" | "settle"): boolean {
  const places = Map.groupBy(of(intents, kind), ({ at, action }) => `${at} ${action.id}`);
  return [...places.values()].some((each) => new Set(each.map(clientOf)).size > 1);
}

function isInterrupted(intents: readonly Intent[]): boolean {
  const first = intents.findIndex(({ action }) => "after" in action || "before" in action);
  const reader = intents[first]?.client;
  const rest = intents.slice(first).filter(({ action }) => !("after" in action));
  return rest.some(({ client, action }) => client !== reader && action.kind !== "search");
}

function kindsOf(intents: readonly Intent[]): string {
  return intents.map(({ action }) => action.kind).join(" ");
}

function longestPause(intents: readonly Intent[]): number {
  const pauses = intents.map(({ at }, index) => at - (intents[index - 1]?.at ?? at));
  return Math.max(...pauses);
}

const life = "create create callback settle get settle get";

test.each<[shape: ShapeName, what: string, min: number, isSo: (it: readonly Intent[]) => boolean]>([
  [
    "hot",
    "more than five on one id",
    0.6,
    (it) => most(it.flatMap((each) => idsOf(each.action))) > 5,
  ],
  ["cold", "one client after the other", 0.9, (it) => kindsOf(it).startsWith("create")],
  ["edge", "a settlement at the deadline", 0.4, (it) => isSettledAtDeadline(it, 0)],
  ["edge", "a settlement just before it", 0.4, (it) => isSettledAtDeadline(it, -1)],
  ["edge", "a settlement just after it", 0.25, (it) => isSettledAtDeadline(it, 1)],
  ["births", "dead on arrival", 0.6, (it) => of(it, "create").some(isBornSettled)],
  ["race", "settlements at one instant", 0.5, (it) => areRivals(it, "settle")],
  ["race", "creations at one instant", 0.25, (it) => areRivals(it, "create")],
  ["repeat", "the same key again", 0.42, (it) => most(keysOf(it)) > 2],
  ["repeat", "strict and not", 0.5, (it) => new Set(keysOf(it, true)).size > 1],
  ["backbone", "the usual life", 0.4, (it) => kindsOf(it) === life],
  ["backbone", "another life", 0.3, (it) => kindsOf(it) !== life],
  ["around", "a callback just before", 0.6, (it) => callbacksAt(it, -1)],
  ["around", "a callback at the instant", 0.6, (it) => callbacksAt(it, 0)],
  ["around", "a callback just after", 0.5, (it) => callbacksAt(it, 1)],
  ["around", "a callback for nothing", 0.1, isAwaitedMissing],
  ["fan", "many awaiters of one", 0.7, (it) => most(of(it, "callback").map(awaitedOf)) > 2],
  ["chain", "one awaits the next", 0.9, (it) => of(it, "callback").some(isAwaitedIn(it))],
  ["crowd", "many due at one instant", 0.8, (it) => most(of(it, "create").map(msOf)) > 3],
  ["burst", "all clients at once", 0.9, (it) => most(it.map(({ at }) => at)) >= 4],
  [
    "alike",
    "several ids of a family",
    0.9,
    (it) => new Set(it.flatMap((each) => idsOf(each.action))).size > 1,
  ],
  [
    "noise",
    "more than two kinds",
    0.6,
    (it) => new Set(it.map(({ action }) => action.kind)).size > 2,
  ],
  ["walk", "page after page", 1, (it) => of(it, "search").filter(isNext).length > 1],
  ["walk", "writes in between", 0.6, isInterrupted],
  ["filters", "each state", 1, (it) => new Set(of(it, "search").map(stateOf)).size === 4],
  ["follow", "page after page", 1, (it) => of(it, "events").filter(isNext).length > 1],
  ["follow", "writes in between", 0.8, isInterrupted],
  ["elsewhere", "a place of its own", 1, (it) => it.every(isPlaced)],
  ["elsewhere", "in the history of one promise", 0.4, (it) => it.some(isHistory)],
  ["ledger", "page after page", 1, (it) => it.some(isNext)],
  ["ledger", "writes in between", 0.5, isInterrupted],
  ["clockwork", "fired promises that are asked for", 0.2, isFiredAskedFor],
  ["clockwork", "several occurrences", 0.5, (it) => of(it, "schedule").some(isRepeated)],
  ["withdrawn", "a deletion at the instant of a firing", 0.3, isDeletedAtOnce],
  ["withdrawn", "another one of that id", 0.4, (it) => of(it, "schedule").length > 1],
  ["misfit", "what is refused", 0.4, (it) => of(it, "schedule").some(isMisfit)],
  ["silence", "a pause of minutes to hours", 1, (it) => longestPause(it) > 10 * 60_000],
])("the shape %s makes likely: %s", (name, _what, min, isSo) => {
  const groups = new IdGroups({ seed: base, clients: 4, isSearched: false });
  const [prng, values] = [new Prng(`${base}/test`), new Values(base)];
  const scenes = Array.from({ length: 200 }, () => {
    const script = new Script();
    const scene = new Scene({ prng, values, groups, delayMax: 0, script }, groups.fresh(), 1000);
    shapes[name][0](scene);
    return script.inOrder();
  });
  expect(share(scenes, isSo)).toBeGreaterThanOrEqual(min);
});

function isSettledAtDeadline(intents: readonly Intent[], offset: number): boolean {
  const [{ action } = {}] = of(intents, "create");
  return of(intents, "settle").some(({ at }) => at - offset === action?.deadline.ms);
}

function isBornSettled({ at, action }: Intent & { readonly action: Creation }): boolean {
  return timeoutAt(action.deadline, at) <= worldEpoch + at;
}

function keysOf(intents: readonly Intent[], isStrictShown = false): readonly string[] {
  return [...of(intents, "create"), ...of(intents, "settle")]
    .filter(({ action }) => action.key !== null)
    .map(({ action }) => `${action.kind} ${action.key} ${isStrictShown ? action.strict : ""}`);
}

function awaitedOf({ action }: Intent): string {
  return action.kind === "callback" ? action.awaited : "";
}

function isAwaitedIn(intents: readonly Intent[]): (intent: Intent) => boolean {
  const awaited = new Set(of(intents, "callback").map(awaitedOf));
  return ({ action }) => action.kind === "callback" && awaited.has(action.awaiter);
}

function msOf({ action }: Intent): number | string {
  return action.kind === "create" ? action.deadline.ms : "";
}

function isNext({ action }: Intent): boolean {
  return (action.kind === "search" ? action.before : "after" in action && action.after) === "next";
}

function isPlaced({ action }: Intent): boolean {
  const place = action.kind === "search" ? action.before : "after" in action && action.after;
  return typeof place === "number";
}

function isHistory({ action }: Intent): boolean {
  return action.kind === "events" && action.of !== null;
}

function stateOf({ action }: Intent): string | null {
  return action.kind === "search" ? action.state : "";
}

type Scheduled = Intent & { readonly action: Extract<Action, { kind: "schedule" }> };

/** The first occurrences of a schedule that a client creates at once, ms since the start of the world. */
function occurrences({ at, action: { cron, tags } }: Scheduled): readonly number[] {
  const zone = new Map(tags).get("resonate:timezone") ?? "UTC";
  const found: number[] = [];
  for (let after = worldEpoch + at; found.length < 5; ) {
    const next = nextOf({ expression: cron, zone }, after);
    if (next.kind !== "occurs") break;
    found.push(next.at - worldEpoch);
    after = next.at;
  }
  return found;
}

function isRepeated(intent: Scheduled): boolean {
  const [first = 0, second = Number.POSITIVE_INFINITY] = occurrences(intent);
  return second - first < 60_000;
}

function isMisfit(intent: Scheduled): boolean {
  return occurrences(intent).length === 0;
}

function isDeletedAtOnce(intents: readonly Intent[]): boolean {
  const [first] = of(intents, "schedule");
  const fired = first === undefined ? [] : occurrences(first);
  return of(intents, "unschedule").some(({ at }) => fired.includes(at));
}

function isFiredAskedFor(intents: readonly Intent[]): boolean {
  const asked = new Set(intents.flatMap(({ action }) => idsOf(action)));
  return of(intents, "schedule").some((intent) => {
    return occurrences(intent).some((at) => asked.has(`${intent.action.id}-${worldEpoch + at}`));
  });
}

test("what is scheduled ends by itself: within a day it is fired a dozen times at the most", () => {
  const counts = plans.flatMap(({ intents }) => {
    return of(intents, "schedule").map((intent) => {
      const zone = new Map(intent.action.tags).get("resonate:timezone") ?? "UTC";
      const rule = { expression: intent.action.cron, zone };
      let [after, count] = [worldEpoch + intent.at, 0];
      for (const end = after + 86_400_000; ; count += 1) {
        const next = nextOf(rule, after);
        if (next.kind !== "occurs" || next.at > end) return count;
        after = next.at;
      }
    });
  });
  expect(counts.length).toBeGreaterThan(plans.length);
  expect(Math.max(...counts)).toBeGreaterThan(5);
  expect(Math.max(...counts)).toBeLessThanOrEqual(12);
});

test("D1: a group is worn out sooner if its history is searched", () => {
  for (const isSearched of [true, false]) {
    const groups = new IdGroups({ seed: base, clients: 12, isSearched });
    const uses = most(Array.from({ length: 500 }, () => groups.next().id(0)));
    if (isSearched) expect(uses).toBeLessThanOrEqual(2);
    else expect(uses).toBeGreaterThan(4);
  }
});

test("what the API would refuse before the kernel is not drawn", () => {
  const isText = (text: string) => text.isWellFormed() && !text.includes("\0");
  const isShort = (text: string) => isText(text) && text !== "" && Buffer.byteLength(text) <= 2048;
  const arePairs = (pairs: PairList) => {
    return new Set(pairs.map(([name]) => name)).size === pairs.length && pairs.flat().every(isText);
  };
  const isLegal = ({ at, action }: Intent): boolean => {
    if (
      !idsOf(action)
        .map((name) => keyOf(name).id)
        .every(isShort)
    )
      return false;
    if (action.kind === "schedule") return arePairs(action.tags) && isShort(action.promiseId);
    if (action.kind === "create") {
      const { id, tags, param, key } = action;
      const timeout = timeoutAt(action.deadline, at);
      const rules = brokenCreationRules({ id, timeoutAt: timeout, tags: new Map(tags) });
      const isInRange = timeout >= 0n && timeout <= int64Max;
      const areTexts = arePairs(tags) && arePairs(param.headers ?? []) && isText(param.data ?? "");
      return isInRange && areTexts && rules.length === 0 && (key === null || isShort(key));
    }
    if (action.kind === "settle") {
      const { value, key } = action;
      const areTexts = arePairs(value.headers ?? []) && isText(value.data ?? "");
      return areTexts && (key === null || isShort(key));
    }
    if (action.kind !== "search" && action.kind !== "events") return true;
    if (action.limit < 1 || action.limit > 100) return false;
    if (action.kind === "events") return true;
    const bytes = Buffer.byteLength(action.tags.flat().join(""));
    return isShort(action.pattern) && arePairs(action.tags) && bytes <= 4096;
  };
  const illegal = plans.flatMap(({ intents }) => intents.filter((intent) => !isLegal(intent)));
  expect(illegal).toEqual([]);
});

test("D1: what is searched for an order falls into small parts, each used by few clients", () => {
  const wishes: Wishes = { ...usualWishes, isSearched: true, clients: [12, 12] };
  for (const each of seeds(20)) {
    const { intents } = draw(each, wishes);
    const parts = partsOf(intents);
    for (const part of parts) expect(new Set(part.map(clientOf)).size).toBeLessThanOrEqual(5);
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(80);
    expect(parts.length).toBeGreaterThan(40);
  }
  const usual = draw(base, { ...wishes, isSearched: false });
  expect(Math.max(...partsOf(usual.intents).map((part) => new Set(part.map(clientOf)).size))).toBe(
    12,
  );
});

/** Intents that callbacks bring together; searches and histories belong to none. */
function partsOf(intents: readonly Intent[]): readonly (readonly Intent[])[] {
  const parents = new Map<string, string>();
  const root = (id: string): string => {
    const parent = parents.get(id) ?? id;
    return parent === id ? id : root(parent);
  };
  const commands = intents.filter(
    ({ action }) =>
      !["search", "events", "list_promises", "list_tasks", "list_schedules"].includes(action.kind),
  );
  for (const { action } of commands) {
    const [first = "", ...others] = idsOf(action);
    for (const id of others) parents.set(root(id), root(first));
  }
  return [...Map.groupBy(commands, ({ action }) => root(idsOf(action)[0] ?? "")).values()];
}

test("a fair share of a seed is refused, and each refusal, change and repetition is met", () => {
  const answers = new Map<string, number>();
  for (const { intents } of plans) {
    const told = play(intents);
    const refused = told.filter((answer) => answer.includes("refused")).length / intents.length;
    expect(refused).toBeGreaterThan(0.11);
    expect(refused).toBeLessThan(0.55);
    for (const answer of told) answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
  const total = [...answers].filter(([answer]) => answer.includes("refused"));
  const refusals = total.reduce((sum, [, count]) => sum + count, 0);
  const all = plans.reduce((sum, { intents }) => sum + intents.length, 0);
  expect(refusals / all).toBeGreaterThan(0.25);
  expect(refusals / all).toBeLessThan(0.42);
  const ends = ["resolved", "rejected", "canceled", "timedout"];
  const expected = [
    ...["create_promise", "settle_promise", "register_callback"].flatMap((kind) => [
      `${kind} changed`,
      `${kind} repeated`,
    ]),
    "create_promise refused promise_already_exists",
    ...ends.map((end) => `settle_promise refused promise_already_${end}`),
    ...["settle_promise", "get_promise", "register_callback"].map(
      (kind) => `${kind} refused promise_not_found`,
    ),
    ...["awaiter_not_found", "awaiter_not_targeted", "awaited_not_awaitable"].map(
      (refusal) => `register_callback refused ${refusal}`,
    ),
  ];
  const rare = expected.filter((answer) => (answers.get(answer) ?? 0) < 2 * plans.length);
  expect(rare).toEqual([]);
  const ofTasks = [
    ...[
      ...["get", "acquire", "create", "release", "suspend", "fence", "heartbeat", "halt"],
      "continue",
    ].map((verb) => `${verb}_task repeated`),
    ...["fulfill_task changed", "register_listener changed", "register_listener repeated"],
    ...["release", "fulfill", "suspend", "fence"].map(
      (verb) => `${verb}_task refused task_not_held`,
    ),
    ...["task_not_found", "task_not_pending", "task_version_mismatch"].map((refusal) => {
      return `acquire_task refused ${refusal}`;
    }),
    ...["create_task refused task_already_exists", "create_task refused promise_not_targeted"],
    ...["halt_task refused task_fulfilled", "continue_task refused task_not_halted"],
    ...["suspend_task refused awaited_not_found", "suspend_task refused awaited_not_awaitable"],
  ];
  expect(ofTasks.filter((answer) => (answers.get(answer) ?? 0) < plans.length / 4)).toEqual([]);
});

/** What the kernel answers if nothing is ever late, lost or at the same time. */
function play(intents: readonly Intent[]): readonly string[] {
  const names = new Set(intents.flatMap(({ action }) => idsOf(action)));
  const [version, revision] = [streamVersion(0), streamRevision(0)];
  const streams = [...names].map((name) => {
    const key = keyOf(name);
    return { key, version, revision, state: absentOf(key.kind), timers: noTimers };
  });
  const set = new WorkingSet(streams);
  return intents.flatMap((intent) => {
    const command = toCommand(intent, (id) => {
      const { task } = set.state(promiseKey(promiseId(id)));
      return task.kind === "absent" ? 0 : task.version;
    });
    if (command === null) return [];
    const author = { command: commandId(`${intent.key}`), now: instantMs(worldEpoch + intent.at) };
    const run = (each: Command) =>
      execute(set, each, { ...author, rules: usualRules, cron: modelCron });
    const { response, caused } = run(command);
    for (const each of caused) run(each);
    if (response?.kind === "refused") return [`${command.kind} refused ${response.refusal}`];
    const changed = response?.kind === "promise" && response.changed;
    return [`${command.kind} ${changed ? "changed" : "repeated"}`];
  });
}

function keyOf(name: string): StreamKey {
  const [, id] = name.split("\0");
  return id === undefined ? promiseKey(promiseId(name)) : scheduleKey(scheduleId(id));
}

test("a stream is named by its kind and id", () => {
  for (const key of [promiseKey(promiseId("a")), scheduleKey(scheduleId("a"))]) {
    expect(keyOf(nameOf(key))).toEqual(key);
  }
});

const noValue = { headers: null, data: null } as const;

function toChange(action: CreateAction | SettleAction, at: number, isShared: boolean) {
  const [id, { key, strict }] = [promiseId(action.id), action];
  if (action.kind === "settle") {
    const { outcome } = action;
    const rest = { key, strict, isShared };
    return { kind: "settle_promise" as const, id, outcome, value: noValue, ...rest };
  }
  const timeout = deadlineMs(timeoutAt(action.deadline, at));
  const rest = { key, strict, isExternal: action.isExternal, isShared };
  const tags = new Map(action.tags);
  return { kind: "create_promise" as const, id, timeoutAt: timeout, param: noValue, tags, ...rest };
}

/** @param versionOf the task as it is: whoever is behind is so by intent */
function toCommand({ at, action }: Intent, versionOf: (id: string) => number): Command | null {
  switch (action.kind) {
    case "create":
    case "settle":
      return toChange(action, at, false);
    case "share":
      return toChange(action.action, at, true);
    case "look":
      return { kind: "get_task", id: promiseId(action.id) };
    case "halt":
      return { kind: "halt_task", id: promiseId(action.id) };
    case "continue":
      return { kind: "continue_task", id: promiseId(action.id) };
    case "listen":
      return {
        ...{ kind: "register_listener", awaited: promiseId(action.awaited) },
        address: action.address,
      };
    case "start": {
      const created = toChange(action.action, at, true) as CreatePromise;
      return { kind: "create_task", pid: action.pid, ttl: ttlOf(action), action: created };
    }
    case "acquire":
    case "release":
    case "heartbeat":
    case "fulfill":
    case "suspend":
    case "fence":
      return toClaimed(action, at, versionOf(action.id) + action.lag);
    case "get":
      return { kind: "get_promise", id: promiseId(action.id) };
    case "callback": {
      const [awaited, awaiter] = [promiseId(action.awaited), promiseId(action.awaiter)];
      return { kind: "register_callback", awaited, awaiter };
    }
    case "schedule": {
      const { cron, promiseId: promiseIdTemplate, promiseTimeout, tags } = action;
      return {
        ...{ kind: "create_schedule", id: scheduleId(action.id), cron, promiseIdTemplate },
        ...{ promiseTimeoutMs: BigInt(promiseTimeout), promiseParam: noValue },
        promiseTags: new Map(tags),
      };
    }
    case "show":
      return { kind: "get_schedule", id: scheduleId(action.id) };
    case "unschedule":
      return { kind: "delete_schedule", id: scheduleId(action.id) };
    case "search":
    case "events":
    case "list_promises":
    case "list_tasks":
    case "list_schedules":
      return null;
  }
}

type Claimed = Extract<Action, { readonly lag: number }>;

function toClaimed(action: Claimed, at: number, version: number): Command {
  const claim = { id: promiseId(action.id), version: taskVersion(Math.max(0, version)) };
  switch (action.kind) {
    case "acquire":
      return { kind: "acquire_task", ...claim, pid: action.pid, ttl: ttlOf(action) };
    case "release":
      return { kind: "release_task", ...claim };
    case "heartbeat":
      return { kind: "heartbeat_task", ...claim, pid: action.pid };
    case "fulfill":
      return { kind: "fulfill_task", ...claim, outcome: action.outcome, value: noValue };
    case "suspend":
      return { kind: "suspend_task", ...claim, awaited: action.awaited.map(promiseId) };
    default:
      return { kind: "fence_task", ...claim, action: toChange(action.action, at, true) };
  }
}

function ttlOf({ ttl }: { readonly ttl: number }) {
  return durationMs(BigInt(ttl));
}
