// Not by chance but one by one (simulation.md §3): every place in a script where a process can be killed
// or a submission can fail, and for the shortest scripts every pair of such places.

import type { Chooser, StreamName } from "./choice.ts";
import type { FaultName } from "./faults.ts";
import type { Plan } from "./plan.ts";
import type { Script } from "./scripts.ts";
import type { Outcome } from "./verdict.ts";

/** What is done at each place. */
export const blows = [
  "crash",
  "fail_before",
  "fail_after",
  "fail_landing_later",
] as const satisfies readonly FaultName[];
export type Blow = (typeof blows)[number];

/** Where it strikes: how many such places were passed before, from one. */
export type Hit = { readonly blow: Blow; readonly place: number };

export type Result = {
  readonly runs: number;
  readonly failed: readonly { readonly hits: readonly Hit[]; readonly outcome: Outcome }[];
};

type Run = (plan: Plan, chooser: Chooser) => Outcome;

/** Quiet, but for these hits. */
class Aimed implements Chooser {
  readonly #hits: readonly Hit[];
  readonly passed = new Map<string, number>();

  constructor(hits: readonly Hit[]) {
    this.#hits = hits;
  }

  choose(_stream: StreamName, site: string, _key: string | number, count: number): number {
    const place = (this.passed.get(site) ?? 0) + 1;
    this.passed.set(site, place);
    return this.#hits.some((hit) => hit.blow === site && hit.place === place) ? count - 1 : 0;
  }
}

/** @param arePairs every two places, too */
export function search({ plan }: Script, run: Run, arePairs: boolean): Result {
  const failed: { readonly hits: readonly Hit[]; readonly outcome: Outcome }[] = [];
  // A server that has the store to itself lives and dies with its transactions.
  const possible = blows.filter((blow) => plan.nodes > 1 || blow !== "fail_landing_later");
  let runs = 0;
  const attempt = (hits: readonly Hit[]): ReadonlyMap<string, number> => {
    const aimed = new Aimed(hits);
    const faults = { ...plan.faults, ...Object.fromEntries(possible.map((blow) => [blow, 1])) };
    const outcome = run({ ...plan, faults }, aimed);
    runs += 1;
    if (outcome.failure !== null) failed.push({ hits, outcome });
    return aimed.passed;
  };
  const single = hitsOf(attempt([]));
  for (const hit of single) {
    const more = hitsOf(attempt([hit]));
    if (!arePairs) continue;
    for (const second of more) if (comesAfter(second, hit)) attempt([hit, second]);
  }
  return { runs, failed };
}

function hitsOf(passed: ReadonlyMap<string, number>): readonly Hit[] {
  return blows.flatMap((blow) => {
    return Array.from({ length: passed.get(blow) ?? 0 }, (_, index) => ({
      blow,
      place: index + 1,
    }));
  });
}

/** Each pair once; two blows of one kind in their order. */
function comesAfter(second: Hit, first: Hit): boolean {
  if (second.blow === first.blow) return second.place > first.place;
  return blows.indexOf(second.blow) > blows.indexOf(first.blow);
}
