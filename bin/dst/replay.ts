// `resonate dst replay` and `resonate dst shrink`: a run from a file, as it was or made smaller.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Choices } from "../../dst/choice.ts";
import type { Plan } from "../../dst/plan.ts";
import { choicesOf, decodeReplay, type Replay } from "../../dst/replay.ts";
import type { Outcome } from "../../dst/verdict.ts";
import type { ExitCode, Outside } from "../command.ts";
import { checkout } from "./checkout.ts";
import { pursue, repeat } from "./failure.ts";
import { examineInto } from "./files.ts";
import type { Call } from "./flags.ts";
import { commandLine, type Lab, runWords, wishesOf } from "./lab.ts";
import { codeOf, resultJson, resultLine } from "./line.ts";
import { lab as realLab } from "./real-lab.ts";
import { planText } from "./resolved.ts";
import type { replayFlags, shrinkFlags } from "./tables.ts";

export async function replay(
  call: Call<typeof replayFlags>,
  lab: Lab = realLab,
): Promise<ExitCode> {
  const { values, operand, outside } = call;
  const { stdout, stderr } = outside;
  const found = open("dst replay", operand, outside);
  if (found === null) return 2;
  const { plan } = found;
  stderr.write(planText(plan));
  const { trace, html, tripwires: hasTripwires, json } = values;
  const run = { lab, plan, choices: choicesOf(found), hasTripwires };
  const { outcome, wallMs } = examineInto({ trace, html }, outside, run);
  const commit = checkout()?.short ?? "unknown";
  const told = { plan, outcome, wallMs, commit, sometimes: lab.sometimes.size };
  stdout.write(`${json ? resultJson(told) : resultLine(told)}\n`);
  stderr.write(`${compared(found, outcome)}\n`);
  return codeOf(outcome);
}

/** What the file said, and what came. */
function compared({ expected, trace, commit }: Replay, { failure, trace: now }: Outcome): string {
  const wanted = `${expected.oracle} ${expected.rule}`;
  const of = commit === null ? "" : ` of commit ${commit.slice(0, 7)}`;
  if (failure === null) return `stale: it no longer fails; the run${of} failed with ${wanted}`;
  const came = `${failure.oracle} ${failure.rule}`;
  if (came !== wanted) return `it fails with ${came}; the run${of} failed with ${wanted}`;
  return now === trace
    ? `the same run as that${of}`
    : `another run than that${of}, the same failure`;
}

export async function shrink(
  call: Call<typeof shrinkFlags>,
  lab: Lab = realLab,
): Promise<ExitCode> {
  const { values, operand, outside } = call;
  const { seed, budget: budgetMs, out, tripwires: hasTripwires } = values;
  if ((seed === null) === (operand === null)) {
    outside.stderr.write("resonate dst shrink: either a file or --seed is needed\n");
    return 2;
  }
  const wishes = wishesOf(values, values.wgl);
  const found =
    seed === null
      ? opened(open("dst shrink", operand, outside), operand ?? "")
      : { plan: lab.draw(seed, wishes), choices: null, words: runWords(seed, wishes) };
  if (found === null) return 2;
  outside.stderr.write(planText(found.plan));
  const { outcome } = repeat(lab, found.plan, { choices: found.choices, hasTripwires });
  const { failure } = outcome;
  if (failure === null) {
    outside.stderr.write("It does not fail, so there is nothing to shrink.\n");
    return 0;
  }
  const pursuit = { outside, out, commit: checkout()?.hash ?? null, budgetMs, hasTripwires };
  const { plan, choices, words } = found;
  const path = pursue(
    lab,
    { plan, choices, failure, command: commandLine(words, outside) },
    pursuit,
  );
  if (path !== null) outside.stdout.write(`${path}\n`);
  return codeOf(outcome);
}

type Opened = { readonly plan: Plan; readonly choices: Choices; readonly words: readonly string[] };

function opened(found: Replay | null, path: string): Opened | null {
  if (found === null) return null;
  return { plan: found.plan, choices: choicesOf(found), words: ["replay", path] };
}

/** @returns null if it cannot be read, which has been said then */
export function open(name: string, path: string | null, outside: Outside): Replay | null {
  const read = path === null ? { error: "a replay file is needed" } : load(path, outside);
  if (!("error" in read)) return read;
  const where = path === null ? "" : `${path}: `;
  outside.stderr.write(`resonate ${name}: ${where}${read.error}\n`);
  return null;
}

function load(path: string, { workingDirectory }: Outside): Replay | { readonly error: string } {
  try {
    return decodeReplay(readFileSync(resolve(workingDirectory, path), "utf8"));
  } catch (error) {
    const { code = null } = error as NodeJS.ErrnoException; // of the file system
    if (code === null) throw error;
    return { error: `cannot be read: ${code}` };
  }
}
