// `resonate dst gate`: what a change must pass (simulation.md §8). Each stage is a command line that
// could be given by hand, and each is bounded by a count, never by time, so that the verdict does not
// depend on the machine.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { type Mutant, mutants as planted } from "../../dst/mutants.ts";
import { type Seed, seedAt } from "../../dst/seed.ts";
import { exitCodes } from "../../dst/verdict.ts";
import type { ExitCode, Outside } from "../command.ts";
import { baseSeed, checkout } from "./checkout.ts";
import { determinism, diff } from "./determinism.ts";
import { type Call, type Flags, parse } from "./flags.ts";
import { fuzz, interruption } from "./fuzz.ts";
import { type Bench, commandLine, wishesOf } from "./lab.ts";
import { worstCode } from "./line.ts";
import { mutants } from "./mutants.ts";
import { realBench } from "./real-lab.ts";
import { resolved } from "./resolved.ts";
import { reportFailures, type Sweep, sweep } from "./sweep.ts";
import { systematic } from "./systematic.ts";
import {
  determinismFlags,
  diffFlags,
  fuzzFlags,
  type gateFlags,
  mutantsFlags,
  systematicFlags,
} from "./tables.ts";

/** simulation.md §9: at least 2,000. */
const fuzzSeeds = 2_000;
/** The probes of SQLite's own transactions strike nowhere else. Arbitrary: some dozens of each. */
const sqliteSeeds = 100;
/** Each runs in some twenty processes. Arbitrary: what differs by process differs in every seed. */
const determinismSeeds = 2;
/** simulation.md §9. */
const diffSeeds = 100;
/** On Postgres as well, where a whole world takes six seconds. Arbitrary: a minute or so for all. */
const sharedOps = 40;
/** simulation.md §7; ten of them lie. */
const canarySeeds = 1_000;
/** So much of the planted bugs, another part with each commit (simulation.md §10.2). */
const mutantsShare = 4;

type Stage = {
  readonly name: string;
  /** As it would be given by hand. */
  readonly words: readonly string[];
  readonly run: (outside: Outside) => Promise<ExitCode>;
};

export async function gate(
  { values, outside }: Call<typeof gateFlags>,
  bench: Bench = realBench,
  interrupt: AbortSignal = interruption(),
): Promise<ExitCode> {
  const base = baseSeed(values.from, checkout());
  const jobs = values.jobs ?? availableParallelism();
  outside.stderr.write(resolved({ ...values, from: `0x${base}`, jobs }));
  return runStages(stagesOf({ base, jobs, out: values.out, bench, interrupt }), outside, interrupt);
}

/** Prints a line for each; all else goes to standard error. */
export async function runStages(
  stages: readonly Stage[],
  outside: Outside,
  interrupt: AbortSignal,
): Promise<ExitCode> {
  const codes: ExitCode[] = [];
  for (const { name, words, run } of stages) {
    if (interrupt.aborted) {
      codes.push(exitCodes.inconclusive);
      break;
    }
    const startedAt = performance.now();
    const code = await run({ ...outside, stdout: outside.stderr });
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const verdict = code === 0 ? "PASS" : "FAIL";
    const command = commandLine(words, outside);
    outside.stdout.write(`${verdict} ${name} exit=${code} seconds=${seconds}  ${command}\n`);
    codes.push(code);
  }
  return worstCode(codes);
}

type GateOptions = {
  readonly base: Seed;
  readonly jobs: number;
  readonly out: string;
  readonly bench: Bench;
  readonly interrupt: AbortSignal;
};

function stagesOf({ base, jobs, out, bench, interrupt }: GateOptions): readonly Stage[] {
  const from = [`--from=0x${base}`];
  const processes = [`--jobs=${jobs}`];
  const some = quarter(planted, base).map(({ name }) => name);
  return [
    stage({
      words: ["fuzz", "--seeds", `${fuzzSeeds}`, "--floors", ...from, ...processes, "--out", out],
      flags: fuzzFlags,
      body: (call) => fuzz(call, bench, interrupt),
    }),
    stage({
      words: [
        "fuzz",
        "--seeds",
        `${sqliteSeeds}`,
        "--store",
        "sqlite",
        ...from,
        ...processes,
        "--out",
        out,
      ],
      flags: fuzzFlags,
      body: (call) => fuzz(call, bench, interrupt),
    }),
    canaryStage({ base, jobs, out, bench, interrupt }),
    stage({
      words: ["systematic", "--out", out],
      flags: systematicFlags,
      body: (call) => systematic(call, bench),
    }),
    stage({
      words: ["diff", "--seeds", `${diffSeeds}`, ...from],
      flags: diffFlags,
      body: (call) => diff(call, bench),
    }),
    stage({
      words: [
        ...["diff", "--seeds", `${diffSeeds}`, "--stores", "memory,sqlite,postgres"],
        ...["--ops", `${sharedOps}`, ...from],
      ],
      flags: diffFlags,
      body: (call) => diff(call, bench),
    }),
    stage({
      words: [
        ...["determinism", "--seed", `0x${base}`, "--seeds", `${determinismSeeds}`],
        ...["--fresh", "--perturb", "all"],
      ],
      flags: determinismFlags,
      body: (call) => determinism(call, bench),
    }),
    stage({
      words: ["mutants", "--only", some.join(","), ...from, ...processes],
      flags: mutantsFlags,
      body: (call) => mutants(call),
    }),
  ];
}

type Worded<Table extends Flags> = {
  readonly words: readonly string[];
  readonly flags: Table;
  readonly body: (call: Call<Table>) => Promise<ExitCode>;
};

function stage<Table extends Flags>({ words, flags, body }: Worded<Table>): Stage {
  const [name = "", ...args] = words;
  return {
    name,
    words,
    run: (outside) => {
      const parsed = parse(args, flags, false);
      if (parsed.kind !== "call") throw new Error(`the gate does not know the flags of ${name}`);
      return body({ ...parsed, outside });
    },
  };
}

/** Another part for each seed, all of them in `mutantsShare` seeds that follow each other. */
export function quarter(all: readonly Mutant[], base: Seed): readonly Mutant[] {
  const turn = Number(BigInt(`0x${base}`) % BigInt(mutantsShare));
  return all.filter((_, index) => index % mutantsShare === turn);
}

/** A pipeline that cannot fail is red: just the seeds that lie must fail, each with a replay file. */
function canaryStage({ base, jobs, bench, interrupt }: GateOptions): Stage {
  const words = ["fuzz", "--seeds", `${canarySeeds}`, `--from=0x${base}`, "--canary"];
  const run = (outside: Outside) => {
    return canaries({ base, jobs, bench, interrupt }, { seeds: canarySeeds, words: [] }, outside);
  };
  return { name: "canary", words: [...words, "--stop-after", "1000", "--no-shrink"], run };
}

export async function canaries(
  { base, jobs, bench, interrupt }: Omit<GateOptions, "out">,
  { seeds, words }: { readonly seeds: number; readonly words: readonly string[] },
  outside: Outside,
): Promise<ExitCode> {
  const parsed = parse(["--canary", ...words], fuzzFlags, false);
  if (parsed.kind !== "call") throw new Error("there is no canary");
  const wishes = wishesOf(parsed.values, null);
  const setup = { base, wishes, recheck: 0, wgl: 0, commit: "", isJson: false } as const;
  const options: Sweep = {
    ...{ setup: { ...setup, isDifferential: false }, bench, jobs, interrupt },
    ...{ seeds, durationMs: null, stopAfter: Number.POSITIVE_INFINITY, onLine: () => undefined },
  };
  const swept = await sweep(options, outside);
  if (swept.isInterrupted) return exitCodes.inconclusive;
  const range = Array.from({ length: seeds }, (_, index) => seedAt(base, index));
  const expected = range.filter((seed) => bench.lab.draw(seed, wishes).isCanary);
  const found = new Set<Seed>(swept.figures.failures.map(({ seed }) => seed));
  const silent = expected.filter((seed) => !found.has(seed));
  const others = [...found].filter((seed) => !expected.includes(seed));
  const files = replayFiles(swept, options, outside);
  outside.stderr.write(
    `canary: ${expected.length} of ${seeds} seeds lie; ${silent.length} of them did not fail, ${others.length} others did; ${files} replay files\n`,
  );
  for (const seed of [...silent, ...others]) outside.stderr.write(`  0x${seed}\n`);
  const isRight = silent.length + others.length === 0 && files === expected.length;
  return isRight && expected.length > 0 ? 0 : exitCodes.safety;
}

/** Made as for any failure, and thrown away. */
function replayFiles(swept: Awaited<ReturnType<typeof sweep>>, options: Sweep, outside: Outside) {
  const out = mkdtempSync(join(tmpdir(), "resonate-canary-"));
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const quiet = { ...outside, stdout: nowhere, stderr: nowhere };
  try {
    reportFailures(swept, options, {
      ...{ outside: quiet, out, commit: null, budgetMs: 0, hasTripwires: true },
    });
    return readdirSync(out).filter((name) => name.endsWith(".json")).length;
  } finally {
    rmSync(out, { recursive: true });
  }
}
