// `resonate dst systematic`: in scripts that were written by hand, a crash and each kind of failure at
// every place where there can be one (simulation.md §3).

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Choices } from "../../dst/choice.ts";
import type { Plan } from "../../dst/plan.ts";
import { scripts as all, type Script } from "../../dst/scripts.ts";
import { type Hit, search } from "../../dst/systematic.ts";
import type { FailureClass, Outcome } from "../../dst/verdict.ts";
import type { ExitCode, Outside } from "../command.ts";
import { checkout } from "./checkout.ts";
import { examine } from "./examine.ts";
import { pursue } from "./failure.ts";
import type { Call } from "./flags.ts";
import { type Bench, commandLine } from "./lab.ts";
import { worst } from "./line.ts";
import { realBench } from "./real-lab.ts";
import type { systematicFlags } from "./tables.ts";

/** Pairs of places grow with the square of a script; the spec asks for those of the five shortest. */
const pairedScripts = 5;

export async function systematic(
  { values, outside }: Call<typeof systematicFlags>,
  { lab }: Bench = realBench,
  scripts: readonly Script[] = all,
): Promise<ExitCode> {
  const { stdout, stderr } = outside;
  const chosen = scripts.filter(({ name }) => values.script === null || name === values.script);
  if (chosen.length === 0) {
    stderr.write(
      `resonate dst systematic: --script is ${JSON.stringify(values.script)}; expected one of:\n`,
    );
    for (const { name } of scripts) stderr.write(`  ${name}\n`);
    return 2;
  }
  const byLength = chosen.toSorted((left, right) => {
    return left.plan.intents.length - right.plan.intents.length;
  });
  const paired = new Set(values.pairs ? byLength.slice(0, pairedScripts) : []);
  const classes: FailureClass[] = [];
  let runs = 0;
  for (const script of chosen) {
    await nextTurn(); // for signals
    const made = new Map<Outcome, Made>();
    const result = search(script, attempt(lab, made), paired.has(script));
    const verdict = result.failed.length === 0 ? "PASS" : "FAIL";
    const pairs = paired.has(script) ? "yes" : "no";
    const counts = `runs=${result.runs} failed=${result.failed.length} pairs=${pairs}`;
    stdout.write(`${verdict} ${counts} script=${JSON.stringify(script.name)}\n`);
    runs += result.runs;
    const [first] = result.failed;
    if (first === undefined) continue;
    classes.push(...result.failed.flatMap(({ outcome }) => outcome.failure?.class ?? []));
    tell(first.hits, script.name, outside);
    const found = made.get(first.outcome);
    const { failure } = first.outcome;
    if (found === undefined || failure === null) continue;
    const command = commandLine(["systematic", "--script", JSON.stringify(script.name)], outside);
    const pursuit = { outside, out: values.out, commit: checkout()?.hash ?? null };
    const bounds = { budgetMs: values.noShrink ? 0 : values.budget, hasTripwires: true };
    pursue(lab, { ...found, failure, command }, { ...pursuit, ...bounds });
  }
  stdout.write(`${chosen.length} scripts, ${runs} runs, ${classes.length} failed\n`);
  return worst(classes);
}

type Made = { readonly plan: Plan; readonly choices: Choices };

/** Keeps the choices of what failed, so that it can be written to a file. */
function attempt(lab: Bench["lab"], made: Map<Outcome, Made>): Parameters<typeof search>[1] {
  return (plan, chooser) => {
    let choices: Choices = new Map();
    const { outcome } = examine(lab, plan, {
      ...{ hasTripwires: true, chooser },
      onChoices: (all) => {
        choices = all;
      },
    });
    if (outcome.failure !== null) made.set(outcome, { plan, choices });
    return outcome;
  };
}

function tell(hits: readonly Hit[], script: string, { stderr }: Outside): void {
  const places = hits.map(({ blow, place }) => `${blow} at place ${place}`).join(" and ");
  stderr.write(`${JSON.stringify(script)} fails with ${places === "" ? "nothing" : places}\n`);
}
