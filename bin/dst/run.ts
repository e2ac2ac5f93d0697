// `resonate dst run`: one seed, and everything about it.

import type { ExitCode } from "../command.ts";
import { checkout, randomSeed } from "./checkout.ts";
import { pursue } from "./failure.ts";
import { examineInto } from "./files.ts";
import type { Call } from "./flags.ts";
import { commandLine, type Lab, runWords, wishesOf } from "./lab.ts";
import { codeOf, resultJson, resultLine } from "./line.ts";
import { lab as realLab } from "./real-lab.ts";
import { planText, resolved } from "./resolved.ts";
import type { runFlags } from "./tables.ts";

export async function run(call: Call<typeof runFlags>, lab: Lab = realLab): Promise<ExitCode> {
  const { values, outside } = call;
  const seed = values.seed ?? randomSeed();
  const commit = checkout();
  const wishes = wishesOf(values, values.wgl);
  const plan = lab.draw(seed, wishes);
  outside.stderr.write(resolved({ ...values, seed }));
  outside.stderr.write(planText(plan));
  if (values.printOps) {
    for (const intent of plan.intents) outside.stderr.write(`${JSON.stringify(intent)}\n`);
  }
  const { trace, html, tripwires: hasTripwires } = values;
  const { outcome, wallMs } = examineInto({ trace, html }, outside, { lab, plan, hasTripwires });
  const told = {
    ...{ plan, outcome, wallMs, commit: commit?.short ?? "unknown" },
    sometimes: lab.sometimes.size,
  };
  outside.stdout.write(`${values.json ? resultJson(told) : resultLine(told)}\n`);
  const { failure } = outcome;
  if (failure !== null) {
    const command = commandLine(runWords(seed, wishes), outside);
    const budgetMs = values.noShrink ? 0 : values.budget;
    const { out } = values;
    const pursuit = { outside, out, commit: commit?.hash ?? null, budgetMs, hasTripwires };
    pursue(lab, { plan, choices: null, failure, command }, pursuit);
  }
  return codeOf(outcome);
}
