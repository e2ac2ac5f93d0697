// Plans and failures, for the tests of what is done with a run that failed.

import { fc } from "@fast-check/vitest";
import type { Choices } from "../../dst/choice.ts";
import { faultNames } from "../../dst/faults.ts";
import type { Action, Deadline, Faults, Intent, PairList, Plan } from "../../dst/plan.ts";
import { plainRules } from "../../dst/rules.ts";
import { parseSeed, type Seed } from "../../dst/seed.ts";
import type { Failure, Outcome } from "../../dst/verdict.ts";
import { int64Max } from "../../kernel/ids.ts";
import { bounds, limits } from "../../kernel/limits.ts";

export const seed = parseSeed("0x9f3c") as Seed;
export const noFaults = faults({});

export function faults(on: Partial<Faults>): Faults {
  return { ...Object.fromEntries(faultNames.map((name) => [name, 0])), ...on } as Faults;
}

export function planOf(intents: readonly Intent[], change: Partial<Plan> = {}): Plan {
  return {
    ...{ seed, store: "memory", nodes: 1, clients: 8, policy: { kind: "fifo" }, limits: limits() },
    ...{
      rules: plainRules,
      faults: noFaults,
      delayMax: 0,
      healAt: 0,
      isSearched: false,
      isCanary: false,
      intents,
    },
    ...change,
  };
}

export function get(key: number, id: string, at = 0, client = 0): Intent {
  return { key, at, client, action: { kind: "get", id } };
}

export const failure: Failure = {
  ...{ class: "safety", oracle: "W", rule: "answer", message: "the answers differ" },
  ...{ expected: "pending 1", actual: "pending 2", ids: ["a"], intent: null, at: 0, record: 0 },
};

export function outcomeOf(found: Failure | null): Outcome {
  return {
    ...{ seed, failure: found, trace: "00000000000000ff", records: 0, checkpoints: [] },
    ...{ operations: 0, simulatedMs: 0, faults: 0, pending: 0, unresolved: 0, isWeak: false },
    ...{ search: null, counters: new Map(), sometimes: new Set<string>() },
  };
}

const count = fc.nat({ max: 1_000_000 });
const text = fc
  .oneof(
    fc.constantFrom("", "__proto__", "</script>", "\u2028", "é", "\u{1f600}", "'\"\\\n\u001b"),
    fc.string({ unit: "binary", maxLength: 8 }),
  )
  .filter((each) => each.isWellFormed() && !each.includes("\0"));
const id = text.map((each) => `p${each}`);
const pairs: fc.Arbitrary<PairList> = fc.array(fc.tuple(text, text), { maxLength: 3 });
const value = fc.record({ headers: fc.option(pairs), data: fc.option(text) });
const conditions = { key: fc.option(text), strict: fc.boolean() };

const deadline: fc.Arbitrary<Deadline> = fc.oneof(
  fc.record({ from: fc.constant("request" as const), ms: fc.integer() }),
  fc.record({ from: fc.constant("start" as const), ms: fc.integer() }),
  fc.record({
    from: fc.constant("epoch" as const),
    ms: fc.bigInt({ min: 0n, max: int64Max }).map(String),
  }),
);

const create = fc.record({
  ...{ kind: fc.constant("create" as const), id, deadline, param: value, tags: pairs },
  ...{ ...conditions, isExternal: fc.boolean() },
});
const settle = fc.record({
  ...{ kind: fc.constant("settle" as const), id, value, ...conditions },
  outcome: fc.constantFrom("resolved" as const, "rejected" as const, "canceled" as const),
});
const callback = fc.record({
  kind: fc.constant("callback" as const),
  ...{ awaited: id, awaiter: id.map((each) => `w${each}`) },
});
const search = fc.record({
  ...{ kind: fc.constant("search" as const), pattern: text, tags: pairs },
  state: fc.constantFrom(null, "pending" as const, "resolved" as const, "rejected" as const),
  limit: fc.integer({ min: 1, max: 100 }),
  before: fc.oneof(fc.constantFrom("start" as const, "next" as const), count),
});
const events = fc.record({
  ...{ kind: fc.constant("events" as const), of: fc.option(id) },
  after: fc.oneof(fc.constantFrom("start" as const, "next" as const), count),
  limit: fc.integer({ min: 1, max: 100 }),
});
const ofTask = { id, lag: fc.integer({ min: -2, max: 2 }) };
const lease = { pid: text, ttl: fc.integer({ min: 1, max: 2 ** 50 }) };
const other = id.map((each) => `o${each}`);
const inner = fc.oneof(create, settle).chain((each) => other.map((id) => ({ ...each, id })));
const targeted = create.map((each) => {
  const tags = each.tags.filter(([name]) => name !== "resonate:target");
  return { ...each, tags: [...tags, ["resonate:target", "poll://any@g"] as const] };
});
const taskActions: readonly fc.Arbitrary<Action>[] = [
  fc.record({ kind: fc.constantFrom("look" as const, "halt" as const, "continue" as const), id }),
  fc.record({ kind: fc.constant("acquire" as const), ...ofTask, ...lease }),
  fc.record({ kind: fc.constant("start" as const), ...lease, action: targeted }),
  fc.record({ kind: fc.constant("release" as const), ...ofTask }),
  fc.record({ kind: fc.constant("heartbeat" as const), ...ofTask, pid: text }),
  fc
    .record({ kind: fc.constant("suspend" as const), ...ofTask, awaited: fc.tuple(other) })
    .filter(({ id, awaited }) => !awaited.includes(id)),
  fc
    .record({ kind: fc.constant("fence" as const), ...ofTask, action: inner })
    .filter(({ id, action }) => action.id !== id),
  fc.record({ kind: fc.constant("listen" as const), awaited: id, address: text }),
  fc.record({ kind: fc.constant("share" as const), action: inner }),
];
const action: fc.Arbitrary<Action> = fc.oneof(
  ...[create, settle, callback, search, events],
  fc.record({ kind: fc.constant("get" as const), id }),
  ...taskActions,
);

const arbitraryLimits = fc
  .record(
    Object.fromEntries(
      Object.entries(bounds).map(([name, { simulated }]) => {
        return [name, fc.integer({ min: simulated[0], max: simulated[1] })];
      }),
    ),
    { requiredKeys: [] },
  )
  .map((chosen) => limits(chosen));

const duration = fc.integer({ min: 1, max: 1e9 });

export const arbitraryPlan: fc.Arbitrary<Plan> = fc.record({
  seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((each) => parseSeed(`${each}`) as Seed),
  store: fc.constantFrom("memory", "sqlite"),
  nodes: fc.integer({ min: 1, max: 3 }),
  clients: fc.constant(8),
  policy: fc.oneof(
    fc.constantFrom({ kind: "fifo" as const }, { kind: "lifo" as const }),
    fc.constant({ kind: "random" as const }),
    fc.record({ kind: fc.constant("starve" as const), actor: fc.nat({ max: 9 }) }),
    fc.record({ kind: fc.constant("pct" as const), depth: fc.integer({ min: 1, max: 3 }) }),
  ),
  limits: arbitraryLimits,
  rules: fc.record({
    ...{ retryMs: duration, patienceMs: duration, retentionMs: duration },
    awaitsAny: fc.boolean(),
    preloadMax: fc.nat({ max: 1000 }),
    isStrict: fc.boolean(),
  }),
  faults: fc
    .array(fc.tuple(fc.constantFrom(...faultNames), count), { maxLength: 5 })
    .map((on) => faults(Object.fromEntries(on))),
  ...{ delayMax: count, healAt: count, isSearched: fc.boolean(), isCanary: fc.boolean() },
  intents: fc.uniqueArray(
    fc.record({ key: count, at: count, client: fc.nat({ max: 7 }), action }),
    {
      selector: ({ key }) => key,
      maxLength: 20,
    },
  ),
});

export const arbitraryChoices: fc.Arbitrary<Choices> = fc
  .array(
    fc.tuple(
      fc.tuple(text, text).map((names) => names.join(" ")),
      fc.integer({ min: 1 }),
    ),
  )
  .map((choices) => new Map(choices));
