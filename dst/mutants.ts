// Planted bugs (simulation.md §7): each changes a few words of the source and must be found by one of
// the named oracles. Plain data; bin/dst/plant.ts edits the source as it is loaded, so that what is
// served holds no switch for any of this.
//
// Not yet planted, since nothing that they break is there yet:
//
//   messages   poison-blocks-others: the limit of open sends is that of the real sender (aio/)
//   Postgres   log-follower-skips: only there an event becomes visible behind a later one
//   others     upcast-drops-field: no event has a second schema; tail-folded-twice: no server folds a
//              log; clock-back-hot-loop: the clamp is the clock's, not the kernel's;
//              collation-locale: no store sorts by locale; list-order-utf16 is next to it

import { batches } from "./mutants/batches.ts";
import { codecs } from "./mutants/codecs.ts";
import { messages } from "./mutants/messages.ts";
import { promises } from "./mutants/promises.ts";
import { reads } from "./mutants/reads.ts";
import { schedules } from "./mutants/schedules.ts";
import { stores } from "./mutants/stores.ts";
import { sweeps } from "./mutants/sweeps.ts";
import { tasks } from "./mutants/tasks.ts";
import type { OracleCode } from "./verdict.ts";

/** What is replaced stands in its file exactly once; if not, the edit is stale. */
export type Edit = {
  /** Relative to the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
};

export type Mutant = Edit & {
  readonly name: string;
  /** One sentence. */
  readonly fault: string;
  /** Edits without which the fault would not show, mostly of an assertion that guards against it. */
  readonly also?: readonly Edit[];
  /** One of them must find it. */
  readonly oracles: readonly OracleCode[];
  /** Found within so many seeds. */
  readonly seedsMax: number;
  /** Flags of `resonate dst run`, without which it cannot be seen, or hardly ever. */
  readonly flags?: readonly string[];
};

export const mutants: readonly Mutant[] = [
  ...promises,
  ...batches,
  ...sweeps,
  ...reads,
  ...stores,
  ...codecs,
  ...tasks,
  ...messages,
  ...schedules,
];

/** All of a mutant, in no particular order. */
export function editsOf(mutant: Mutant): readonly Edit[] {
  return [mutant, ...(mutant.also ?? [])];
}

/**
 * @param edits of this one file; none of them overlaps another one
 * @returns null if one of them is stale
 */
export function planted(source: string, edits: readonly Edit[]): string | null {
  const places = edits.map((edit) => ({ ...edit, at: source.indexOf(edit.find) }));
  const isStale = places.some(({ find, at }) => at === -1 || source.indexOf(find, at + 1) !== -1);
  if (isStale) return null;
  const lastFirst = places.sort((left, right) => right.at - left.at);
  return lastFirst.reduce((text, { find, replace, at }) => {
    return text.slice(0, at) + replace + text.slice(at + find.length);
  }, source);
}
