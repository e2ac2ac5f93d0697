// The way down to a smaller run that fails as the first one did. It holds the smallest one so far,
// and tries whatever the passes propose.
//
//   R5. Only a run in which the same rule of the same oracle is broken takes the place of another one.
//   R6. It is smaller, or just as large and fails sooner.
//   R7. No candidate is run twice, and none any more once the budget is spent.

import { Anchored, Anchoring, type Anchors } from "./anchors.ts";
import type { Choices } from "./choice.ts";
import type { Intent, Plan } from "./plan.ts";
import { type Draw, Redrawn } from "./redraw.ts";
import { type ChoiceList, sorted } from "./replay.ts";
import { type Candidate, compareSizes, Scale } from "./size.ts";
import { TraceHash, type TraceRecord } from "./trace.ts";
import type { Failure, Outcome } from "./verdict.ts";

/** Runs a plan with the choices that it is given; says which ones were made, zeros left out. */
export type Run = (
  plan: Plan,
  choices: Choices,
  onRecord: ((record: TraceRecord) => void) | null,
) => { readonly outcome: Outcome; readonly choices: Choices };

export type Budget = {
  /** How many candidates may be run. */
  readonly candidatesMax: number;
  /** Asked before each candidate; time is not measured here. */
  readonly isSpent: () => boolean;
};

export type ReduceOptions = {
  /** Usually `try`. */
  readonly attempt?: (candidate: Candidate) => boolean;
  /** How many at a time, at the least. */
  readonly least?: number;
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
  #anchored: { readonly best: Candidate; readonly anchors: Anchors } | null = null;

  private constructor(run: Run, budget: Budget, start: Reached) {
    this.#run = run;
    this.#budget = budget;
    this.#reached = start;
    this.#seen.add(this.#digests.of(start.candidate));
  }

  /** @returns null if the run does not fail as it is said to */
  static from(start: Candidate, wanted: Failure, run: Run, budget: Budget): Descent | null {
    const { outcome, choices } = run(start.plan, new Map(start.choices), null);
    const { failure } = outcome;
    if (failure === null || !isSame(failure, wanted)) return null;
    const candidate = { plan: start.plan, choices: sorted(choices) };
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
    if (!this.#isWorth(candidate, this.#digests.of(candidate))) return false;
    const { plan, choices } = candidate;
    return this.#judge(plan, this.#run(plan, new Map(choices), null));
  }

  /** As `try`; if that fails, again with each choice at the time at which it was made. */
  tryMoved(candidate: Candidate): boolean {
    if (this.try(candidate)) return true;
    return candidate.choices.length > 0 && this.tryAnchored(candidate.plan, this.anchors());
  }

  /** With choices that are found by their time (anchors.ts). */
  tryAnchored(plan: Plan, anchors: Anchors): boolean {
    const candidate = { plan, choices: [] };
    const places = this.#digests.ofText(JSON.stringify([...anchors]));
    if (!this.#isWorth(candidate, `${places} ${this.#digests.of(candidate)}`)) return false;
    const choices = new Anchored(anchors);
    return this.#judge(plan, this.#run(plan, choices, choices.onRecord));
  }

  /** When each choice of the best run was made. */
  anchors(): Anchors {
    if (this.best.choices.length === 0) return new Map();
    if (this.#anchored?.best === this.best) return this.#anchored.anchors;
    const noting = new Anchoring(this.best.choices);
    this.#run(this.best.plan, noting, noting.onRecord);
    this.#anchored = { best: this.best, anchors: noting.anchors };
    return noting.anchors;
  }

  /** With choices that are drawn anew (redraw.ts). */
  tryRedrawn(draw: Draw): boolean {
    const candidate = { plan: draw.plan, choices: [] };
    const digest = `drawn ${draw.number} ${this.#digests.of(candidate)}`;
    if (!this.#isWorth(candidate, digest)) return false;
    return this.#judge(draw.plan, this.#run(draw.plan, new Redrawn(draw), null));
  }

  /**
   * Makes as many of the edits as it can: all at once, then halves, quarters, and in the end each
   * alone (ddmin). The last ones come first, since what is taken away there moves nothing before it.
   */
  reduce<Edit>(
    edits: readonly Edit[],
    apply: (best: Candidate, chunk: ReadonlySet<Edit>) => Candidate,
    { attempt = (candidate) => this.try(candidate), least = 1 }: ReduceOptions = {},
  ): void {
    let left = edits;
    let length = left.length;
    while (left.length > 0 && length >= least && !this.#isSpent) {
      for (let end = left.length; end > 0; end -= length) {
        if (this.#isSpent) return;
        const start = Math.max(0, end - length);
        if (!attempt(apply(this.best, new Set(left.slice(start, end))))) continue;
        left = [...left.slice(0, start), ...left.slice(end)];
      }
      if (length === 1) return;
      length = Math.ceil(length / 2);
    }
  }

  /** Not larger than the best one, not known, and still paid for. */
  #isWorth(candidate: Candidate, digest: string): boolean {
    if (this.#isSpent || this.#seen.has(digest)) return false; // R7
    if (compareSizes(this.#scale.weigh(candidate), this.#reached.size) > 0) return false; // R6
    const { candidatesMax, isSpent } = this.#budget;
    this.#isSpent = this.#candidates >= candidatesMax || isSpent();
    if (this.#isSpent) return false;
    this.#seen.add(digest);
    this.#candidates += 1;
    return true;
  }

  #judge(plan: Plan, { outcome, choices }: ReturnType<Run>): boolean {
    const { failure } = outcome;
    if (failure === null || !isSame(failure, this.failure)) return false; // R5
    const candidate = { plan, choices: this.#known(choices) };
    const size = [...this.#scale.weigh(candidate), failure.at, failure.record];
    if (compareSizes(size, this.#reached.size) >= 0) return false; // R6
    this.#seen.add(this.#digests.of(candidate));
    this.#reached = { candidate, outcome, failure, size };
    return true;
  }

  /** Only what was made; the same objects for the same choices, which are digested once. */
  #known(choices: Choices): ChoiceList {
    const known = new Map(this.best.choices.map((choice) => [choice[0], choice]));
    return sorted(choices).map((choice) => {
      const same = known.get(choice[0]);
      return same?.[1] === choice[1] ? same : choice;
    });
  }
}

function isSame(failure: Failure, wanted: Failure): boolean {
  return failure.oracle === wanted.oracle && failure.rule === wanted.rule;
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

  ofText(text: string): string {
    const hash = new TraceHash();
    hash.text(text);
    return hash.digest;
  }

  #part(part: Intent | ChoiceList[number]): string {
    const known = this.#parts.get(part);
    if (known !== undefined) return known;
    const digest = this.ofText(JSON.stringify(part));
    this.#parts.set(part, digest);
    return digest;
  }
}
