// Runs a range of seeds in several processes. Each is given one stretch of indexes after the other.
//
//   D6. Each index counts once. Where one ended its process, the rest of its stretch is run by another.

import { type Seed, seedAt } from "../../dst/seed.ts";
import type { Setup, Stretch } from "./messages.ts";
import { type Figures, Tally } from "./tally.ts";
import { type Death, WorkerProcess } from "./worker-process.ts";

export type Work = {
  readonly jobs: number;
  readonly setup: Setup;
  readonly labModule: string;
  /** No index is handed out twice; null: none is left. */
  readonly next: () => Stretch | null;
  readonly onReport: (figures: Figures, lines: readonly string[]) => void;
  /** Ends the work after the seeds that are under way. */
  readonly stop: AbortSignal;
  /** The longest that one seed may take, ms. */
  readonly seedMaxMs?: number;
};

/** Resolves when all workers are gone. */
export async function runPool(work: Work): Promise<void> {
  const drivers = Array.from({ length: work.jobs }, () => drive(work));
  await Promise.all(drivers);
}

async function drive({ setup, next, onReport, stop, ...options }: Work): Promise<void> {
  const pending: Stretch[] = [];
  const postpone = (stretch: Stretch) => {
    if (stretch.from < stretch.to) pending.push(stretch);
  };
  const take = () => (stop.aborted ? null : (pending.pop() ?? next()));
  let worker: WorkerProcess | null = null;
  const onStop = () => worker?.stop();
  stop.addEventListener("abort", onStop);
  for (let stretch = take(); stretch !== null; stretch = take()) {
    worker ??= new WorkerProcess(setup, options);
    const report = await worker.run(stretch);
    const { from, to } = stretch;
    if (report.kind === "done") {
      postpone({ from: report.next, to });
      onReport(report.figures, report.lines);
    } else {
      postpone({ from: report.index + 1, to });
      postpone({ from, to: report.index }); // D6: their sums are gone with the process
      onReport(lost(seedAt(setup.base, report.index), report), []);
      worker = null;
    }
  }
  stop.removeEventListener("abort", onStop);
  await worker?.end();
}

/** The seed that ended its process. */
function lost(seed: Seed, { index, failure }: Death): Figures {
  const tally = new Tally();
  const line = `FAIL class=crash oracle=A rule=${failure.rule} seed=0x${seed}`;
  tally.fail({ seed, index, failure, endedProcess: true, line });
  return { ...tally.figures, sums: { ...tally.figures.sums, seeds: 1 } };
}
