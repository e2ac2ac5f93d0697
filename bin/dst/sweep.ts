// A range of seeds, run in several processes, with its progress.

import { seedAt } from "../../dst/seed.ts";
import type { Outside } from "../command.ts";
import { ProgressDisplay } from "../progress.ts";
import { briefly, type Pursuit, pursue } from "./failure.ts";
import { type Bench, commandLine, runWords } from "./lab.ts";
import type { Setup, Stretch } from "./messages.ts";
import { runPool } from "./pool.ts";
import { progressLine, type Summarized } from "./progress.ts";
import { type Figures, Tally } from "./tally.ts";
import { wishesAt } from "./trial.ts";

/** Seeds handed to a worker at once: so many that it seldom waits, so few that all end together. */
const stretchOf = { short: 8, long: 2 } as const;

export type Sweep = {
  readonly setup: Setup;
  readonly bench: Bench;
  readonly jobs: number;
  /** Infinity: until the time is over. */
  readonly seeds: number;
  /** Null: until all seeds have been run. */
  readonly durationMs: number | null;
  readonly stopAfter: number;
  readonly onLine: (line: string) => void;
  /** Ends it after the seeds that are under way. */
  readonly interrupt: AbortSignal;
};

export type Swept = Summarized;

/** Runs the range; shows progress on standard error, and prints nothing else. */
export async function sweep(options: Sweep, outside: Outside): Promise<Swept> {
  const { setup, bench, jobs, seeds, durationMs, stopAfter, interrupt } = options;
  const tally = new Tally();
  const display = new ProgressDisplay(outside.stderr, progressLine);
  const enough = new AbortController();
  const startedAt = performance.now();
  const stop = AbortSignal.any([interrupt, enough.signal]);
  const stretches = new Stretches(seeds, stretchOf[setup.wishes.size]);
  const report = (figures: Figures, lines: readonly string[]) => {
    tally.merge(figures);
    for (const line of lines) options.onLine(line);
    if (tally.figures.failures.length >= stopAfter) enough.abort();
    const elapsedMs = performance.now() - startedAt;
    const isByTime = durationMs !== null;
    const [done, total] = isByTime ? [elapsedMs, durationMs] : [tally.figures.sums.seeds, seeds];
    if (isByTime && elapsedMs >= durationMs) enough.abort();
    const { figures: soFar } = tally;
    const sometimes = bench.lab.sometimes.size;
    display.show({ figures: soFar, done, total, isByTime, elapsedMs, sometimes });
  };
  const next = () => stretches.next();
  await runPool({ jobs, setup, labModule: bench.labModule, next, onReport: report, stop });
  display.clear();
  const isInterrupted = interrupt.aborted;
  const elapsedMs = performance.now() - startedAt;
  const sometimes = bench.lab.sometimes.size;
  return { figures: tally.figures, elapsedMs, jobs, isInterrupted, sometimes };
}

/** Cuts indexes from 0 into stretches that do not overlap. */
export class Stretches {
  readonly #end: number;
  readonly #length: number;
  #from = 0;

  constructor(end: number, length: number) {
    this.#end = end;
    this.#length = length;
  }

  next(): Stretch | null {
    if (this.#from >= this.#end) return null;
    const from = this.#from;
    this.#from = Math.min(from + this.#length, this.#end);
    return { from, to: this.#from };
  }
}

/** Prints a line for each failure, and pursues the first ones: of the range, not of the day. */
export function reportFailures(
  { figures }: Swept,
  { setup, bench, stopAfter }: Sweep,
  pursuit: Pursuit,
): void {
  const { stdout, stderr } = pursuit.outside;
  const failures = figures.failures.toSorted((left, right) => left.index - right.index);
  for (const { line } of setup.isJson ? [] : failures) stdout.write(`${line}\n`);
  for (const { index, failure, endedProcess } of failures.slice(0, stopAfter)) {
    const wishes = wishesAt(setup, index);
    const seed = seedAt(setup.base, index);
    const command = commandLine(runWords(seed, wishes), pursuit.outside);
    if (endedProcess) {
      stderr.write(`${briefly(failure)}Try, in a process of its own: ${command}\n`);
    } else {
      const plan = bench.lab.draw(seed, wishes);
      pursue(bench.lab, { plan, choices: null, failure, command }, pursuit);
    }
  }
}
