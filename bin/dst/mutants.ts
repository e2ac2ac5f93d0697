// `resonate dst mutants`: whether the simulation finds the bugs that are planted for it (simulation.md
// §7). Each bug has a process of its own, which runs seeds until one of the oracles that are named for
// the bug finds it.

import { availableParallelism } from "node:os";
import { type Mutant, mutants as planted } from "../../dst/mutants.ts";
import type { Seed } from "../../dst/seed.ts";
import { exitCodes } from "../../dst/verdict.ts";
import type { ExitCode, Outside } from "../command.ts";
import { baseSeed, checkout } from "./checkout.ts";
import { type Call, parse } from "./flags.ts";
import { wishesOf } from "./lab.ts";
import type { Setup } from "./messages.ts";
import { resolved } from "./resolved.ts";
import { type mutantsFlags, worldFlags } from "./tables.ts";
import type { SeedFailure } from "./tally.ts";
import { type Report, type WorkerOptions, WorkerProcess } from "./worker-process.ts";

export type Hunt = {
  readonly base: Seed;
  /** The most that are run for each. */
  readonly seeds: number;
  readonly jobs: number;
  readonly isJson: boolean;
  /** How the process of a bug is made. */
  readonly optionsOf: (mutant: Mutant) => WorkerOptions;
};

/** Seeds are counted from 1. */
export type Detection = {
  readonly mutant: Mutant;
  readonly verdict: "found" | "late" | "missed" | "stale";
  /** By one of the oracles that are named for it; null: by none. */
  readonly by: { readonly seeds: number; readonly failure: SeedFailure["failure"] } | null;
  /** By another oracle, before. */
  readonly other: { readonly seeds: number; readonly failure: SeedFailure["failure"] } | null;
};

/** A planted bug may make a run endless; an honest one ends within two seconds. Arbitrary. */
const seedMaxMs = 20_000;

/** simulation.md §9. */
const soonSeeds = 50;

export async function mutants({ values, outside }: Call<typeof mutantsFlags>): Promise<ExitCode> {
  const base = baseSeed(values.from, checkout());
  const jobs = values.jobs ?? availableParallelism();
  outside.stderr.write(resolved({ ...values, from: `0x${base}`, jobs }));
  const unknown = (values.only ?? []).filter((name) => planted.every((each) => each.name !== name));
  if (unknown.length > 0) {
    outside.stderr.write(`resonate dst mutants: --only: there is no ${unknown.join(", ")}\n`);
    return 2;
  }
  const wanted = planted.filter(({ name }) => values.only?.includes(name) ?? true);
  const hunt = { base, seeds: values.seeds, jobs, isJson: values.json, optionsOf };
  return huntAll(wanted, hunt, outside);
}

/** The server with the bug in it. */
export function optionsOf({ name }: Mutant): WorkerOptions {
  return {
    labModule: new URL("real-lab.ts", import.meta.url).href,
    ...{ seedMaxMs, execArgv: [`--import=${new URL("plant.ts", import.meta.url).href}`] },
    environment: { RESONATE_MUTANT: name },
  };
}

/** Prints a line for each as it is found, and a summary. */
export async function huntAll(
  wanted: readonly Mutant[],
  hunt: Hunt,
  { stdout }: Outside,
): Promise<ExitCode> {
  const queue = [...wanted];
  const detections: Detection[] = [];
  const drive = async () => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const detection = await detect(mutant, hunt);
      detections.push(detection);
      stdout.write(`${hunt.isJson ? json(detection) : line(detection)}\n`);
    }
  };
  await Promise.all(Array.from({ length: hunt.jobs }, drive));
  stdout.write(hunt.isJson ? `${JSON.stringify(shares(detections))}\n` : summary(detections));
  return detections.every(({ verdict }) => verdict === "found") ? 0 : exitCodes.inconclusive;
}

export async function detect(mutant: Mutant, hunt: Hunt): Promise<Detection> {
  const setup = setupOf(mutant, hunt.base);
  let worker: WorkerProcess | null = null;
  let other: Detection["other"] = null;
  for (let from = 0; from < hunt.seeds; ) {
    worker ??= new WorkerProcess(setup, hunt.optionsOf(mutant));
    const report: Report = await worker.run({ from, to: hunt.seeds });
    if (report.kind === "died") worker = null;
    if (report.kind === "died" && !report.hasBegun) {
      return { mutant, verdict: "stale", by: null, other };
    }
    const [found] = report.kind === "died" ? [report] : report.figures.failures;
    if (found === undefined) break;
    const { index, failure } = found;
    const seeds = index + 1;
    if (mutant.oracles.includes(failure.oracle)) {
      await worker?.end();
      const verdict = seeds <= mutant.seedsMax ? "found" : "late";
      return { mutant, verdict, by: { seeds, failure }, other };
    }
    other ??= { seeds, failure };
    from = seeds;
  }
  await worker?.end();
  return { mutant, verdict: "missed", by: null, other };
}

function setupOf({ name, flags = [], oracles }: Mutant, base: Seed): Setup {
  const parsed = parse(flags, worldFlags, false);
  if (parsed.kind !== "call") throw new Error(`the flags of ${name} are not those of a run`);
  return {
    ...{ base, wishes: wishesOf(parsed.values, null), wgl: null, commit: "", isJson: false },
    ...{ recheck: oracles.includes("H") ? 100 : 0 },
    isDifferential: oracles.includes("X"),
  };
}

function line({ mutant, verdict, by, other }: Detection): string {
  const fields = [
    ...(by === null ? [] : [`seeds=${by.seeds}`, `oracle=${by.failure.oracle}`]),
    ...(by === null ? [] : [`rule=${JSON.stringify(by.failure.rule)}`]),
    `expected=${mutant.oracles.join(",")}`,
    ...(verdict === "late" ? [`within=${mutant.seedsMax}`] : []),
    ...(other === null ? [] : [`before=${other.failure.oracle}@${other.seeds}`]),
  ];
  return [verdict.toUpperCase().padEnd(6), mutant.name, ...fields].join(" ");
}

function json({ mutant, verdict, by, other }: Detection): string {
  const told = (found: Detection["by"]) => {
    return found === null ? null : { seeds: found.seeds, oracle: found.failure.oracle };
  };
  const { name, oracles } = mutant;
  return JSON.stringify({ name, verdict, found: told(by), other: told(other), expected: oracles });
}

/** simulation.md §9. */
export function shares(detections: readonly Detection[]) {
  const found = detections.filter(({ verdict }) => verdict === "found");
  const seeds = found.map(({ by }) => by?.seeds ?? 0).sort((left, right) => left - right);
  return {
    planted: detections.length,
    found: found.length,
    soon: seeds.filter((count) => count <= soonSeeds).length,
    median: seeds[Math.floor(seeds.length / 2)] ?? null,
    not: detections.filter(({ verdict }) => verdict !== "found").map(({ mutant }) => mutant.name),
  };
}

function summary(detections: readonly Detection[]): string {
  const { planted: all, found, soon, median, not } = shares(detections);
  const share = all === 0 ? 0 : Math.round((100 * soon) / all);
  return [
    `${found} of ${all} planted bugs found, ${share}% within ${soonSeeds} seeds, median ${median ?? "-"}`,
    ...(not.length === 0 ? [] : [`not found: ${not.join(" ")}`]),
    "",
  ].join("\n");
}
