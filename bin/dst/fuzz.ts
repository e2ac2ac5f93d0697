// `resonate dst fuzz`: many seeds, in one process for each core.

import { availableParallelism } from "node:os";
import type { FailureClass } from "../../dst/verdict.ts";
import type { ExitCode } from "../command.ts";
import { firstSignal } from "../signals.ts";
import { baseSeed, checkout } from "./checkout.ts";
import { runCorpus } from "./corpus.ts";
import type { Call } from "./flags.ts";
import { shortfalls, storedFloors } from "./floors.ts";
import { type Bench, wishesOf } from "./lab.ts";
import { worst } from "./line.ts";
import { summary, summaryFields } from "./progress.ts";
import { realBench } from "./real-lab.ts";
import { resolved } from "./resolved.ts";
import { reportFailures, type Sweep, sweep } from "./sweep.ts";
import type { fuzzFlags } from "./tables.ts";
import { classesOf } from "./tally.ts";

export async function fuzz(
  { values, outside }: Call<typeof fuzzFlags>,
  bench: Bench = realBench,
  interrupt: AbortSignal = interruption(),
): Promise<ExitCode> {
  const { stdout, stderr } = outside;
  const commit = checkout();
  const base = baseSeed(values.from, commit);
  const jobs = values.jobs ?? availableParallelism();
  stderr.write(resolved({ ...values, from: `0x${base}`, jobs }));
  const { recheck, wgl, json: isJson, stopAfter, minutes, out } = values;
  const options: Sweep = {
    setup: {
      ...{ base, wishes: wishesOf(values, null), recheck, wgl, isJson, isDifferential: false },
      commit: commit?.short ?? "unknown",
    },
    ...{ bench, jobs, stopAfter, interrupt },
    seeds: minutes === null ? values.seeds : Number.POSITIVE_INFINITY,
    durationMs: minutes === null ? null : minutes * 60_000,
    onLine: (line) => stdout.write(`${line}\n`),
  };
  const known = values.corpus === null ? [] : runCorpus(bench.lab, values.corpus, outside);
  if (known === null) return 2;
  const swept = await sweep(options, outside);
  const budgetMs = values.noShrink || swept.isInterrupted ? 0 : values.budget;
  const place = { outside, out, commit: commit?.hash ?? null };
  reportFailures(swept, options, { ...place, budgetMs, hasTripwires: true });
  stdout.write(isJson ? `${JSON.stringify(summaryFields(swept))}\n` : summary(swept));
  const { sometimes } = bench.lab;
  const missed = values.floors ? shortfalls(swept.figures, await storedFloors(), sometimes) : [];
  for (const line of missed) stderr.write(`MISSED ${line}\n`);
  return worst([...known, ...classesOf(swept), ...inconclusiveIf(missed.length > 0)]);
}

function inconclusiveIf(isSo: boolean): readonly FailureClass[] {
  return isSo ? ["inconclusive"] : [];
}

/** Aborted by Ctrl-C; a second one ends the process. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  void firstSignal(() => process.exit(worst(["inconclusive"]))).then(() => controller.abort());
  return controller.signal;
}
