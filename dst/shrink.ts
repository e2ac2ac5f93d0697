// Makes a failing run smaller until nothing more can be taken away (simulation.md §6). A candidate is
// the same world with fewer things in it, run from the choices of the first run: what is taken away
// takes its own choices along, and the others stay where they are. Where that leaves too much, choices
// are drawn anew (redraw.ts).
//
//   R8. Unless the budget ends it, no single intent, fault or choice of the result can be left out.
//   R9. The same failure shrinks to the same result, as long as the budget does not end it.

import type { Choices } from "./choice.ts";
import { type Budget, Descent, type Run } from "./descent.ts";
import type { Plan } from "./plan.ts";
import { sorted } from "./replay.ts";
import { passes } from "./shrink-passes.ts";
import { type Sizes, sizesOf } from "./size.ts";
import type { Failure, Outcome } from "./verdict.ts";

export type Shrunk = {
  readonly plan: Plan;
  readonly choices: Choices;
  /** Of this plan with these choices. */
  readonly outcome: Outcome;
  /** How many candidates were run. */
  readonly candidates: number;
  readonly before: Sizes;
  readonly after: Sizes;
  /** False: the budget was spent before all had been tried. */
  readonly isMinimal: boolean;
};

type Found = { readonly plan: Plan; readonly choices: Choices; readonly failure: Failure };

/** @returns null if the run, made from these choices, does not fail in this way */
export function shrink(found: Found, run: Run, budget: Budget): Shrunk | null {
  const start = { plan: found.plan, choices: sorted(found.choices) };
  const descent = Descent.from(start, found.failure, run, budget);
  if (descent === null) return null;
  for (let reached = null; reached !== descent.best && !descent.isSpent; ) {
    reached = descent.best; // R8: again, until a whole round changes nothing
    for (const pass of passes) pass(descent);
  }
  const { best, outcome, candidates, isSpent } = descent;
  const choices = new Map(best.choices);
  const sizes = { before: sizesOf(start), after: sizesOf(best) };
  return { plan: best.plan, choices, outcome, candidates, ...sizes, isMinimal: !isSpent };
}
