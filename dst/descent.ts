// The way down to a smaller run that fails as the first one did. It holds the smallest one so far,
// and tries whatever the passes propose.
//
//   R5. Only a run in which the same rule of the same oracle is broken takes the place of another one.
//   R6. It is smaller, or just as large and fails sooner.
//   R7. Nothing is run twice, and nothing any more once the budget is spent.

import type { Choices } from "./choice.ts";
import type { Intent, Plan } from "./plan.ts";
import type { ChoiceList } from "./replay.ts";
import { type Candidate, compareSizes, Scale } from "./size.ts";
import { TraceHash } from "./trace.ts";
import type { Failure, Outcome } from "./verdict.ts";

/** Runs a plan with the choices that it is given; says which of them were asked for. */
export type Run = (
  plan: Plan,
  choices: Choices,
) => { readonly outcome: Outcome; readonly choices: Choices };

export type Budget = {
  /** How many candidates may be run. */
  readonly candidatesMax: number;
  /** Asked before each candidate; time is not measured here. */
  readonly isSpent: () => boolean;
};

type Reached = {
  readonly candidate: Candidate;
  readonly outcome: Outcome;
  readonly failure: Failure;
  /** Of the candidate, then when it fails. */
  readonly size: readonly number[];
};

export class Descent {
  readonly #run: Run;
  readonly #budget: Budget;
  readonly #scale = new Scale();
  readonly #digests = new Digests();
  readonly #seen = new Set<string>();
  #reached: Reached;
  #candidates = 0;
  #isSpent = false;

  private constructor(run: Run, budget: Budget, start: Reached) {
    this.#run = run;
    this.#budget = budget;
    this.#reached = start;
    this.#seen.add(this.#digests.of(start.candidate));
  }

  /** @returns null if the run does not fail as it is said to */
  static from(start: Candidate, wanted: Failure, run: Run, budget: Budget): Descent | null {
    const { outcome, choices } = run(start.plan, new Map(start.choices));
    const { failure } = outcome;
    if (failure === null || !isSame(failure, wanted)) return null;
    const candidate = { ...start, choices: asked(start.choices, choices) };
    const size = [...new Scale().weigh(candidate), failure.at, failure.record];
    return new Descent(run, budget, { candidate, outcome, failure, size });
  }

  get best(): Candidate {
    return this.#reached.candidate;
  }

  get outcome(): Outcome {
    return this.#reached.outcome;
  }

  get failure(): Failure {
    return this.#reached.failure;
  }

  /** How many were run. */
  get candidates(): number {
    return this.#candidates;
  }

  get isSpent(): boolean {
    return this.#isSpent;
  }

  /** @returns whether this is the best one now */
  try(candidate: Candidate): boolean {
    if (this.#isSpent) return false; // R7
    const size = this.#scale.weigh(candidate);
    if (compareSizes(size, this.#reached.size) > 0) return false; // R6
    const digest = this.#digests.of(candidate);
    if (this.#seen.has(digest) || !this.#mayRun()) return false; // R7
    this.#seen.add(digest);
    this.#candidates += 1;
    const { outcome, choices } = this.#run(candidate.plan, new Map(candidate.choices));
    const { failure } = outcome;
    if (failure === null || !isSame(failure, this.failure)) return false; // R5
    return this.#reach(
      { ...candidate, choices: asked(candidate.choices, choices) },
      failure,
      outcome,
    );
  }

  /**
   * Makes as many of the edits as it can: all at once, then halves, quarters, and in the end each
   * alone (ddmin). The last ones come first, since what is taken away there moves nothing before it.
   */
  reduce<Edit>(
    edits: readonly Edit[],
    apply: (best: Candidate, chunk: ReadonlySet<Edit>) => Candidate,
  ): void {
    let left = edits;
    let length = left.length;
    while (left.length > 0 && !this.#isSpent) {
      for (let end = left.length; end > 0; end -= length) {
        if (this.#isSpent) return;
        const start = Math.max(0, end - length);
        if (!this.try(apply(this.best, new Set(left.slice(start, end))))) continue;
        left = [...left.slice(0, start), ...left.slice(end)];
      }
      if (length === 1) return;
      length = Math.ceil(length / 2);
    }
  }

  #mayRun(): boolean {
    this.#isSpent ||= this.#candidates >= this.#budget.candidatesMax || this.#budget.isSpent();
    return !this.#isSpent;
  }

  #reach(candidate: Candidate, failure: Failure, outcome: Outcome): boolean {
    const size = [...this.#scale.weigh(candidate), failure.at, failure.record];
    if (compareSizes(size, this.#reached.size) >= 0) return false; // R6
    this.#seen.add(this.#digests.of(candidate));
    this.#reached = { candidate, outcome, failure, size };
    return true;
  }
}

function isSame(failure: Failure, wanted: Failure): boolean {
  return failure.oracle === wanted.oracle && failure.rule === wanted.rule;
}

/** A choice that nobody asked for can go without another run. */
function asked(choices: ChoiceList, chosen: Choices): ChoiceList {
  return choices.filter(([name]) => chosen.has(name));
}

/** Names a candidate. What candidates share is read once; two with one name cost a candidate. */
class Digests {
  readonly #parts = new WeakMap<object, string>();

  of({ plan, choices }: Candidate): string {
    const { intents, ...world } = plan;
    const hash = new TraceHash();
    hash.text(JSON.stringify(world));
    for (const intent of intents) hash.text(this.#part(intent));
    hash.text("choices");
    for (const choice of choices) hash.text(this.#part(choice));
    return hash.digest;
  }

  #part(part: Intent | ChoiceList[number]): string {
    const known = this.#parts.get(part);
    if (known !== undefined) return known;
    const hash = new TraceHash();
    hash.text(JSON.stringify(part));
    this.#parts.set(part, hash.digest);
    return hash.digest;
  }
}
