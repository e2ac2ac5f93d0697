// From a seed to a plan: which world, which faults, which intents. What a wish does not say is drawn.
//
//   D3. A wish changes only what it names: everything is drawn, whether it is wished otherwise or not,
//       and the store has no say at all. (Intents hang on the number of clients, and the actor that
//       is starved on that of all actors.)

import { assert } from "../kernel/assert.ts";
import { bounds, type Limits, limits } from "../kernel/limits.ts";
import { type FaultName, faultNames, groups } from "./faults.ts";
import type { Faults, Plan, Policy, StoreKind } from "./plan.ts";
import { Prng } from "./prng.ts";
import { drawRules } from "./rules.ts";
import type { Seed } from "./seed.ts";
import { drawWorkload } from "./workload.ts";

/** Ranges include both ends; null: as drawn. */
export type Wishes = {
  readonly size: "short" | "long";
  readonly store: StoreKind;
  readonly nodes: Range;
  readonly clients: Range | null;
  readonly operations: number | null;
  readonly policy: Policy["kind"] | null;
  /** A list: these and no others; "single": one; "swarm": some groups; "drawn": any of these. */
  readonly faults: "none" | "single" | "swarm" | "drawn" | readonly FaultName[];
  readonly limits: Partial<Limits>;
  readonly isCanary: boolean;
  readonly isSearched: boolean | "sampled";
};

type Range = readonly [min: number, max: number];

export const usualWishes: Wishes = {
  size: "short",
  store: "memory",
  nodes: [1, 3],
  clients: null,
  operations: null,
  policy: null,
  faults: "drawn",
  limits: {},
  isCanary: false,
  isSearched: "sampled",
};

/** simulation.md §4. */
const operationsOf = { short: 1300, long: 13_000 };
const usualClients: Range = [2, 12];
const searchedPercent = 5;

/**
 * The highest intensity of each fault, in a million of the occasions that it has. Drawn log-uniformly
 * from a hundredth of it. Arbitrary: often enough to strike in a short run, seldom enough that most
 * requests are answered.
 */
const intensityMax: Readonly<Record<FaultName, number>> = {
  // Of submissions.
  aio_full: 50_000,
  fail_before: 50_000,
  rolled_back: 100_000,
  fail_after: 50_000,
  fail_landing_later: 50_000,
  fail_never_landing: 50_000,
  hang: 2000,
  slow: 100_000,
  false_conflict: 100_000,
  unreadable: 10_000,
  slow_sync: 200_000,
  // Of events of the world.
  power_cut: 15_000,
  kill: 2000,
  graceful_stop: 20_000,
  pause: 3000,
  // Of crash points passed.
  crash: 20_000,
  // Of starts of a process.
  quick_restart: 500_000,
  other_limits: 500_000,
  // Of lives of a clock.
  offset: 500_000,
  drift: 500_000,
  // Of readings of a clock.
  jump_forward: 500,
  jump_back: 1000,
  freeze: 1000,
  // Of requests.
  request_delayed: 100_000,
  request_lost: 50_000,
  request_duplicated: 100_000,
  response_lost: 50_000,
  client_gives_up: 50_000,
  // Of retries.
  retry_same_key: 500_000,
  retry_other_key: 200_000,
  other_node: 500_000,
  // Of messages.
  no_receiver: 300_000,
  message_lost: 200_000,
  message_delayed: 100_000,
  // Of events of the world.
  worker_connects: 20_000,
  // Of probe sites and of their evaluations (simulation.md §3).
  probe: 250_000,
};

export function draw(seed: Seed, wishes: Wishes): Plan {
  const prng = new Prng(`${seed}/swarm`);
  const nodes = drawNodes(prng, wishes.nodes);
  const clients = prng.between(...(wishes.clients ?? usualClients));
  const policy = drawPolicy(prng, 1 + nodes + clients, wishes.policy);
  const delayMax = prng.pick([0, 0, 1, 1, 5, 5, 20, 50, 200, 500]);
  const drawnLimits = drawLimits(prng);
  const faults = drawFaults(prng, wishes.faults);
  const isSampled = prng.chance(searchedPercent);
  const isSearched = wishes.isSearched === "sampled" ? isSampled : wishes.isSearched;
  const operations = wishes.operations ?? operationsOf[wishes.size];
  const { intents } = drawWorkload({ seed, clients, operations, delayMax, isSearched });
  const healAt = (intents.at(-1)?.at ?? 0) + 1000 + 10 * delayMax;
  return {
    seed,
    store: wishes.store,
    nodes,
    clients,
    policy,
    limits: limits({ ...drawnLimits, ...wishes.limits }),
    rules: drawRules(prng, healAt),
    faults,
    delayMax,
    healAt,
    intents,
    isSearched,
    isCanary: wishes.isCanary && BigInt(`0x${seed}`) % 100n === 0n, // simulation.md §7
  };
}

/** Alone for half of the seeds. */
function drawNodes(prng: Prng, [min, max]: Range): number {
  assert(1 <= min && min <= max, "there is no such number of nodes");
  const isAlone = prng.chance(50);
  const several = prng.between(Math.min(Math.max(2, min), max), max);
  return isAlone ? min : several;
}

/** @param actors the store, the nodes, the clients */
function drawPolicy(prng: Prng, actors: number, wished: Policy["kind"] | null): Policy {
  const policies: Readonly<Record<Policy["kind"], Policy>> = {
    fifo: { kind: "fifo" },
    lifo: { kind: "lifo" },
    random: { kind: "random" },
    starve: { kind: "starve", actor: prng.below(actors) },
    pct: { kind: "pct", depth: prng.between(2, 3) },
  };
  const kind = prng.pick(["fifo", "lifo", "random", "random", "starve", "pct", "pct"] as const);
  return policies[wished ?? kind];
}

/** A few seeds run with the usual limits, a few with the smallest, most with some of each. */
function drawLimits(prng: Prng): Partial<Limits> {
  const mode = prng.below(20);
  const drawn = Object.entries(bounds).map(([name, { usual, simulated }]) => {
    const [min, max] = simulated;
    const [isUsual, some] = [prng.chance(50), prng.logUniform(min, max)];
    if (mode < 3) return [name, usual];
    if (mode === 3) return [name, min];
    return [name, isUsual ? usual : some];
  });
  return Object.fromEntries(drawn);
}

/** Of a hundred seeds 20 are without faults, 10 have a single one (simulation.md §3). */
function drawFaults(prng: Prng, wished: Wishes["faults"]): Faults {
  const share = prng.below(100);
  const single = prng.pick(faultNames);
  const swarm: readonly FaultName[] = Object.values(groups).flatMap((group) => {
    return prng.chance(50) ? group : [];
  });
  const drawn = share < 20 ? "none" : share < 30 ? "single" : "swarm";
  const kind = wished === "drawn" ? drawn : wished;
  const chosen = { none: [], single: [single], swarm };
  const names = new Set<FaultName>(typeof kind === "string" ? chosen[kind] : kind);
  const faults = faultNames.map((name) => {
    const max = intensityMax[name];
    const intensity = prng.logUniform(Math.ceil(max / 100), max);
    return [name, names.has(name) ? intensity : 0];
  });
  return Object.fromEntries(faults) as Faults; // `fromEntries` forgets the names
}
