// One seed of a range, as fuzz runs it: now and then twice, now and then with a search of its
// history.

import type { Wishes } from "../../dst/draw.ts";
import type { Plan } from "../../dst/plan.ts";
import { seedAt } from "../../dst/seed.ts";
import type { Failure, Outcome } from "../../dst/verdict.ts";
import { differs, type Examined, examine } from "./examine.ts";
import type { Lab } from "./lab.ts";
import { resultJson, resultLine } from "./line.ts";
import type { Setup } from "./messages.ts";
import type { Tally } from "./tally.ts";

/** True for `percent` of any hundred indexes in a row, evenly spread. */
export function isSampled(index: number, percent: number): boolean {
  return Math.floor(((index + 1) * percent) / 100) > Math.floor((index * percent) / 100);
}

export function wishesAt({ wishes, wgl }: Setup, index: number): Wishes {
  return wgl === null ? wishes : { ...wishes, isSearched: isSampled(index, wgl) };
}

/**
 * Adds what it found to the tally.
 *
 * @returns what is to be printed about it; null: nothing
 */
export function trial(lab: Lab, setup: Setup, index: number, tally: Tally): string | null {
  const plan = lab.draw(seedAt(setup.base, index), wishesAt(setup, index));
  const { outcome: first, wallMs } = examine(lab, plan, { hasTripwires: true });
  const others = [
    ...(isSampled(index, setup.recheck) ? [again(lab, plan, first)] : []),
    ...(setup.isDifferential ? [onBothStores(lab, plan)] : []),
  ];
  const failure = [first.failure, ...others.map((other) => other.failure)].find(isFailure) ?? null;
  const outcome = { ...first, failure };
  const busyMs = others.reduce((sum, other) => sum + other.wallMs, wallMs);
  tally.add(outcome, { times: 1 + others.length, busyMs });
  const told = { plan, outcome, wallMs, commit: setup.commit, sometimes: lab.sometimes.size };
  if (failure !== null) {
    const line = resultLine(told);
    tally.fail({ seed: plan.seed, index, failure, endedProcess: false, line });
  }
  return setup.isJson ? resultJson(told) : null;
}

type Comparison = { readonly failure: Failure | null; readonly wallMs: number };

function again(lab: Lab, plan: Plan, first: Outcome): Comparison {
  const { outcome, wallMs } = examine(lab, plan, { hasTripwires: true });
  return { failure: differs(first, outcome, "the second time"), wallMs };
}

function onBothStores(lab: Lab, plan: Plan): Comparison {
  const [memory, sqlite] = (["memory", "sqlite"] as const).map((store) => {
    return examine(lab, { ...unprobed(plan), store }, { hasTripwires: true });
  }) as [Examined, Examined]; // one for each
  const failure = differs(memory.outcome, sqlite.outcome, "on sqlite");
  const wallMs = memory.wallMs + sqlite.wallMs;
  if (failure === null) return { failure, wallMs };
  return { failure: { ...failure, class: "safety", oracle: "X" }, wallMs };
}

/** Probes differ by store. */
export function unprobed(plan: Plan): Plan {
  return { ...plan, faults: { ...plan.faults, probe: 0 } };
}

function isFailure(failure: Failure | null): failure is Failure {
  return failure !== null;
}
