// `resonate dst coverage`: what a thousand seeds come upon, and whether it is enough for the oracles to
// have something to judge (simulation.md §4).

import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { ExitCode } from "../command.ts";
import { baseSeed, checkout } from "./checkout.ts";
import type { Call } from "./flags.ts";
import { byName, type Floors, floorsFile, floorsText, shortfalls, storedFloors } from "./floors.ts";
import { interruption } from "./fuzz.ts";
import { type Bench, wishesOf } from "./lab.ts";
import { worst } from "./line.ts";
import { summary } from "./progress.ts";
import { realBench } from "./real-lab.ts";
import { resolved } from "./resolved.ts";
import { reportFailures, type Sweep, sweep } from "./sweep.ts";
import type { coverageFlags } from "./tables.ts";
import { classesOf, type Figures } from "./tally.ts";

export async function coverage(
  { values, outside }: Call<typeof coverageFlags>,
  bench: Bench = realBench,
  interrupt: AbortSignal = interruption(),
  floors: Floors | null = null,
): Promise<ExitCode> {
  const { stdout, stderr } = outside;
  const commit = checkout();
  const base = baseSeed(values.from, commit);
  const jobs = values.jobs ?? availableParallelism();
  stderr.write(resolved({ ...values, from: `0x${base}`, jobs }));
  const options: Sweep = {
    setup: {
      ...{ base, wishes: wishesOf(values, null), recheck: 0, wgl: null },
      ...{ isJson: false, isDifferential: false, commit: commit?.short ?? "unknown" },
    },
    ...{ bench, jobs, stopAfter: 1, interrupt, seeds: values.seeds, durationMs: null },
    onLine: () => undefined,
  };
  const swept = await sweep(options, outside);
  const { figures } = swept;
  const place = { outside, out: values.out, commit: commit?.hash ?? null };
  reportFailures(swept, options, { ...place, budgetMs: 0, hasTripwires: true });
  stdout.write(table(figures));
  stdout.write(summary(swept));
  if (values.updateFloors) writeFileSync(floorsFile, floorsText(figures));
  const missed = shortfalls(figures, floors ?? (await storedFloors()), bench.lab.sometimes);
  for (const line of missed) stdout.write(`MISSED ${line}\n`);
  return worst([...classesOf(swept), ...(missed.length > 0 ? (["inconclusive"] as const) : [])]);
}

function table({ counters, sometimes }: Figures): string {
  const rows = (counts: ReadonlyMap<string, number>) => {
    return byName(counts).map(([name, count]) => `${String(count).padStart(10)}  ${name}`);
  };
  return [
    ...["counted:", ...rows(counters), ""],
    ...["seen in so many seeds:", ...rows(sometimes), "", ""],
  ].join("\n");
}
