// What the clients of a run mean to do: shapes, drawn by weights that differ from seed to seed, one
// beginning after the other, until there are enough intents. So some seeds hardly ever search, and
// others do little else.

import { IdGroups } from "./id-groups.ts";
import type { Intent } from "./plan.ts";
import { Prng } from "./prng.ts";
import { elsewhere, filters, follow, ledger, silence, walk } from "./read-shapes.ts";
import { Scene, Script } from "./scene.ts";
import { clockwork, misfit, withdrawn } from "./schedule-shapes.ts";
import {
  alike,
  around,
  backbone,
  births,
  burst,
  chain,
  cold,
  crowd,
  edge,
  fan,
  hot,
  noise,
  race,
  repeat,
  type Shape,
} from "./shapes.ts";
import { lapse, listeners, poison, scuffle, workflow } from "./task-shapes.ts";
import { Values } from "./values.ts";

export type WorkloadOptions = {
  readonly seed: string;
  readonly clients: number;
  /** How many intents there are. */
  readonly operations: number;
  /** The longest delay of each step of the outside, ms. */
  readonly delayMax: number;
  readonly isSearched: boolean;
};

export type Workload = {
  /** By time; keys rise from 1. */
  readonly intents: readonly Intent[];
  /** How often each shape was drawn. */
  readonly counts: ReadonlyMap<ShapeName, number>;
};

/** The weight of each, before a seed makes more or less of it. Arbitrary. */
export const shapes = {
  hot: [hot, 12],
  cold: [cold, 8],
  edge: [edge, 16],
  births: [births, 8],
  race: [race, 10],
  repeat: [repeat, 12],
  backbone: [backbone, 14],
  around: [around, 12],
  fan: [fan, 6],
  chain: [chain, 6],
  crowd: [crowd, 4],
  burst: [burst, 6],
  alike: [alike, 6],
  noise: [noise, 12],
  walk: [walk, 8],
  filters: [filters, 8],
  follow: [follow, 6],
  elsewhere: [elsewhere, 3],
  scuffle: [scuffle, 16],
  workflow: [workflow, 18],
  lapse: [lapse, 8],
  poison: [poison, 3],
  listeners: [listeners, 8],
  clockwork: [clockwork, 5],
  withdrawn: [withdrawn, 5],
  misfit: [misfit, 4],
  ledger: [ledger, 8],
  silence: [silence, 1],
} as const satisfies Record<string, readonly [Shape, weight: number]>;

export type ShapeName = keyof typeof shapes;

export const shapeNames = Object.keys(shapes) as readonly ShapeName[]; // `keys` forgets the names

/** Between two intents on average, ms: 1,300 in one and a half minutes (simulation.md §4). */
const gapMs = 70;

export function drawWorkload(options: WorkloadOptions): Workload {
  const { seed, clients, operations, delayMax, isSearched } = options;
  const prng = new Prng(`${seed}/workload`);
  const groups = new IdGroups({ seed, clients, isSearched });
  const script = new Script();
  const props = { prng, values: new Values(seed), groups, delayMax, script };
  const lot = drawLot(prng);
  const counts = new Map<ShapeName, number>();
  const meanMs = Math.max(gapMs, Math.ceil((6 * delayMax) / clients)); // else clients fall behind
  let at = 0;
  while (script.length < operations) {
    const name = prng.pick(lot);
    const before = script.length;
    if (name === "silence") at = script.endsAt + 1; // nobody else speaks
    shapes[name][0](new Scene(props, groups.next(), at));
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (name === "silence") at = script.endsAt;
    at += prng.below(2 * meanMs * (script.length - before) + 1);
  }
  return { intents: script.inOrder().slice(0, operations), counts };
}

/**
 * Each name as often as it weighs. A third of the shapes is left out, a third weighs four times; but
 * silence, which takes hours, never does.
 */
function drawLot(prng: Prng): readonly ShapeName[] {
  const lot = shapeNames.flatMap((name) => {
    const factor = prng.pick(name === "silence" ? [0, 0, 1] : [0, 1, 4]);
    return Array.from({ length: shapes[name][1] * factor }, () => name);
  });
  return lot.length === 0 ? shapeNames : lot;
}
