// Sums over many runs. A worker sums what it ran and sends the sums; the parent adds them up.

import type { Seed } from "../../dst/seed.ts";
import type { Failure, FailureClass, Outcome } from "../../dst/verdict.ts";

const sumNames = [
  "seeds",
  "rechecked",
  "weak",
  "searched",
  "undecided",
  "operations",
  "records",
  "simulatedMs",
  "faults",
  "pending",
  "unresolved",
  "busyMs",
] as const;
export type Sums = Readonly<Record<(typeof sumNames)[number], number>>;

export type SeedFailure = {
  readonly seed: Seed;
  /** Within its range. */
  readonly index: number;
  readonly failure: Failure;
  /** It cannot be run again in this process. */
  readonly endedProcess: boolean;
  /** As the run would print it. */
  readonly line: string;
};

/** Plain, for a message. */
export type Figures = {
  readonly sums: Sums;
  readonly counters: ReadonlyMap<string, number>;
  /** In how many runs each of them held. */
  readonly sometimes: ReadonlyMap<string, number>;
  readonly failures: readonly SeedFailure[];
};

/** Of the histories that were searched, at most so many may stay undecided, in percent (§9). */
const undecidedMaxPercent = 1;

export class Tally {
  readonly #sums: Record<keyof Sums, number> = zero();
  readonly #counters = new Map<string, number>();
  readonly #sometimes = new Map<string, number>();
  readonly #failures: SeedFailure[] = [];

  /** @param times how often the seed was run; `busyMs` for all of them */
  add(outcome: Outcome, { times, busyMs }: { times: number; busyMs: number }): void {
    const { search } = outcome;
    this.#sum({
      ...{ seeds: 1, rechecked: times > 1 ? 1 : 0, weak: outcome.isWeak ? 1 : 0, busyMs },
      ...{ searched: search === null ? 0 : 1, undecided: search?.verdict === "unknown" ? 1 : 0 },
      ...{ operations: outcome.operations * times, records: outcome.records * times },
      simulatedMs: outcome.simulatedMs * times,
      ...{ faults: outcome.faults, pending: outcome.pending, unresolved: outcome.unresolved },
    });
    for (const [name, count] of outcome.counters) increase(this.#counters, name, count);
    for (const name of outcome.sometimes) increase(this.#sometimes, name, 1);
  }

  fail(failure: SeedFailure): void {
    this.#failures.push(failure);
  }

  merge({ sums, counters, sometimes, failures }: Figures): void {
    this.#sum(sums);
    for (const [name, count] of counters) increase(this.#counters, name, count);
    for (const [name, count] of sometimes) increase(this.#sometimes, name, count);
    this.#failures.push(...failures);
  }

  get figures(): Figures {
    return {
      sums: this.#sums,
      counters: this.#counters,
      sometimes: this.#sometimes,
      failures: this.#failures,
    };
  }

  #sum(sums: Sums): void {
    for (const name of sumNames) this.#sums[name] += sums[name];
  }
}

function zero(): Record<keyof Sums, number> {
  // One for each name.
  return Object.fromEntries(sumNames.map((name) => [name, 0])) as Record<keyof Sums, number>;
}

function increase(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

export type Ending = { readonly figures: Figures; readonly isInterrupted: boolean };

/** What was found, and what keeps the whole from being a pass (simulation.md §6, exit 6). */
export function classesOf({ figures, isInterrupted }: Ending): readonly FailureClass[] {
  const { sums, failures } = figures;
  const isInconclusive =
    isInterrupted ||
    sums.weak === sums.seeds ||
    sums.undecided * 100 > sums.searched * undecidedMaxPercent;
  return [
    ...failures.map(({ failure }) => failure.class),
    ...(isInconclusive ? (["inconclusive"] as const) : []),
  ];
}
