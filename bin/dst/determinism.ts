// `resonate dst determinism` and `resonate dst diff`: the same plan must give the same run wherever it
// runs (simulation.md §2). Each check is a line; a difference shows the first record that differs.

import { spawnSync } from "node:child_process";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Plan, StoreKind } from "../../dst/plan.ts";
import { type Seed, seedAt } from "../../dst/seed.ts";
import type { FailureClass } from "../../dst/verdict.ts";
import type { ExitCode, Outside } from "../command.ts";
import { baseSeed, checkout } from "./checkout.ts";
import type { Call } from "./flags.ts";
import { type Bench, wishesOf } from "./lab.ts";
import { worst } from "./line.ts";
import { type Perturbation, perturbations } from "./perturbations.ts";
import { realBench } from "./real-lab.ts";
import { resolved } from "./resolved.ts";
import { compare, Elsewhere, Here, type Site } from "./sites.ts";
import type { determinismFlags, diffFlags } from "./tables.ts";
import { unprobed } from "./trial.ts";

type Check = {
  readonly name: string;
  readonly class: FailureClass;
  /** One for each plan; the right side runs `toRight` of it. */
  readonly left: Site;
  readonly right: () => Site;
  /** Each plan has a process of its own on the right side. */
  readonly isAlone: boolean;
  readonly toRight: (plan: Plan) => Plan;
};

export async function determinism(
  { values, outside }: Call<typeof determinismFlags>,
  bench: Bench = realBench,
): Promise<ExitCode> {
  const first = baseSeed(values.seed, checkout());
  outside.stderr.write(resolved({ ...values, seed: `0x${first}` }));
  const wishes = wishesOf(values, null);
  const seeds = Array.from({ length: values.seeds }, (_, index) => nth(first, index));
  const plans = seeds.map((seed) => bench.lab.draw(seed, wishes));
  const here = new Here(bench.lab);
  const elsewhere = (perturbation: Perturbation | null) => () => {
    const { flags = [], environment = {} } = perturbation ?? {};
    return new Elsewhere({ labModule: bench.labModule, execArgv: flags, environment });
  };
  const same = { class: "determinism", left: here, toRight: (plan: Plan) => plan } as const;
  const fresh = [
    { ...same, name: "fresh process, alone", right: elsewhere(null), isAlone: true },
    { ...same, name: "fresh process, one after the other", right: elsewhere(null), isAlone: false },
  ];
  const chosen = values.perturb ?? [];
  const wanted = perturbations.filter(({ name }) => {
    return chosen.includes("all") || chosen.includes(name);
  });
  const perturbed = wanted.filter((perturbation) => isKnown(perturbation, outside));
  const checks: readonly Check[] = [
    { ...same, name: "twice", right: () => here, isAlone: false },
    { ...storeCheck(here, "memory", "sqlite") },
    ...(values.fresh ? fresh : []),
    ...perturbed.map((perturbation) => {
      return { ...same, name: perturbation.name, right: elsewhere(perturbation), isAlone: false };
    }),
  ];
  return worst(await runChecks(checks, plans, outside));
}

export async function diff(
  { values, outside }: Call<typeof diffFlags>,
  { lab }: Bench = realBench,
): Promise<ExitCode> {
  const base = baseSeed(values.from, checkout());
  outside.stderr.write(resolved({ ...values, from: `0x${base}` }));
  const [first, ...others] = values.stores;
  if (first === undefined || others.length === 0) {
    outside.stderr.write("resonate dst diff: --stores needs two of them\n");
    return 2;
  }
  const wishes = wishesOf(values, null);
  const plans = Array.from({ length: values.seeds }, (_, index) => {
    return lab.draw(seedAt(base, index), wishes);
  });
  const here = new Here(lab);
  const checks = others.map((other) => storeCheck(here, first, other));
  return worst(await runChecks(checks, plans, outside));
}

/** The seed itself comes first. */
function nth(seed: Seed, index: number): Seed {
  return index === 0 ? seed : seedAt(seed, index);
}

/** X. Probes differ by store, and are left out. */
function storeCheck(here: Site, first: StoreKind, second: StoreKind): Check {
  const on = (store: StoreKind) => (plan: Plan) => ({ ...unprobed(plan), store });
  return {
    ...{ name: `${first} and ${second}`, class: "safety", isAlone: false },
    left: new On(here, on(first)),
    right: () => here,
    toRight: on(second),
  };
}

/** Another site, with another plan. */
class On implements Site {
  readonly #site: Site;
  readonly #to: (plan: Plan) => Plan;

  constructor(site: Site, to: (plan: Plan) => Plan) {
    this.#site = site;
    this.#to = to;
  }

  hash(plan: Plan) {
    return this.#site.hash(this.#to(plan));
  }

  records(plan: Plan, window: Parameters<Site["records"]>[1]) {
    return this.#site.records(this.#to(plan), window);
  }

  end(): void {}
}

/** @returns the classes of those that found a difference */
async function runChecks(
  checks: readonly Check[],
  plans: readonly Plan[],
  { stdout }: Outside,
): Promise<readonly FailureClass[]> {
  const found: FailureClass[] = [];
  for (const check of checks) {
    const differences = await runCheck(check, plans);
    const verdict = differences.length === 0 ? "SAME" : "DIFFERENT";
    stdout.write(`${verdict} seeds=${plans.length} check=${JSON.stringify(check.name)}\n`);
    for (const text of differences) stdout.write(text);
    if (differences.length > 0) found.push(check.class);
  }
  return found;
}

async function runCheck(check: Check, plans: readonly Plan[]): Promise<readonly string[]> {
  const differences: string[] = [];
  let site: Site | null = null;
  for (const plan of plans) {
    await nextTurn(); // for signals: a run in this process lets nothing through
    site ??= check.right();
    try {
      const right = { site, plan: check.toRight(plan) };
      const difference = await compare({ site: check.left, plan }, right);
      if (difference !== null) {
        const { record, left, right: other } = difference;
        const where = record === null ? "in the hash alone" : `at record ${record}`;
        differences.push(`  seed=0x${plan.seed} ${where}\n    ${left}\n    ${other}\n`);
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      differences.push(`  seed=0x${plan.seed} ${message}\n`);
      site = null; // it is gone
    }
    if (check.isAlone) {
      site?.end();
      site = null;
    }
  }
  site?.end();
  return differences;
}

/** Flags come and go with the engine, so each is tried on an empty script first. */
export function isKnown({ name, flags, environment }: Perturbation, { stdout }: Outside): boolean {
  const { status, stderr, signal } = spawnSync(process.execPath, [...flags, "-e", ""], {
    ...{ encoding: "utf8", env: { ...process.env, ...environment } },
  });
  if (status === 0) return true;
  const reason = signal ?? stderr.trim().split("\n")[0];
  stdout.write(`SKIPPED check=${JSON.stringify(name)} reason=${JSON.stringify(reason)}\n`);
  return false;
}
