// What is done about a run that failed: it is made smaller, written to a file that runs again anywhere,
// and told.

import { join } from "node:path";
import type { Choices } from "../../dst/choice.ts";
import type { Run } from "../../dst/descent.ts";
import type { Plan } from "../../dst/plan.ts";
import { encodeReplay, fileNameOf, replayOf } from "../../dst/replay.ts";
import { report } from "../../dst/report.ts";
import { type Shrunk, shrink } from "../../dst/shrink.ts";
import type { TraceRecord } from "../../dst/trace.ts";
import type { Failure } from "../../dst/verdict.ts";
import type { Outside } from "../command.ts";
import { examine } from "./examine.ts";
import { writePicture, writeText } from "./files.ts";
import { commandLine, type Lab } from "./lab.ts";

export type Found = {
  readonly plan: Plan;
  /** Null: drawn from the seed. */
  readonly choices: Choices | null;
  readonly failure: Failure;
  /** The command line that shows it once more. */
  readonly command: string;
};

export type Pursuit = {
  readonly outside: Outside;
  /** The folder for replay files. */
  readonly out: string;
  readonly commit: string | null;
  /** The longest that shrinking may take; 0: leave it as it is. */
  readonly budgetMs: number;
  readonly hasTripwires: boolean;
};

/** simulation.md §6. */
const candidatesMax = 5_000;

/** Choices as null: drawn from the seed. */
type Repetition = {
  readonly choices: Choices | null;
  readonly hasTripwires: boolean;
  readonly onRecord?: (record: TraceRecord) => void;
};
type Reached = Pick<Shrunk, "plan" | "choices" | "outcome">;

/** @returns the path of the replay file; null if the run does not fail again */
export function pursue(lab: Lab, found: Found, pursuit: Pursuit): string | null {
  const { outside, hasTripwires } = pursuit;
  const { stderr } = outside;
  const again = repeat(lab, found.plan, { choices: found.choices, hasTripwires });
  const { failure } = again.outcome;
  if (failure === null || failure.rule !== found.failure.rule) {
    stderr.write(briefly(found.failure));
    stderr.write(`It does not fail in this way again. Try: ${found.command}\n`);
    return null;
  }
  const shrunk = pursuit.budgetMs === 0 ? null : shrinkWithin(lab, again, failure, pursuit);
  const reached = shrunk ?? again;
  const path = save(reached, pursuit);
  const records = recordsOf(lab, reached);
  const picture = path.replace(/\.json$/, ".html");
  writePicture(picture, { ...reached, records }, outside);
  const text = report({
    plan: reached.plan,
    failure: reached.outcome.failure ?? failure,
    ...{ records, shrunk },
    commands: [
      ["as it was", found.command],
      [shrunk === null ? "file" : "smaller", commandLine(["replay", path], outside)],
      ["picture", picture],
    ],
  });
  stderr.write(`${text}\n`);
  return path;
}

function recordsOf(lab: Lab, { plan, choices }: Reached): readonly TraceRecord[] {
  const records: TraceRecord[] = [];
  examine(lab, plan, {
    ...{ hasTripwires: false, choices },
    onRecord: (record) => void records.push(record),
  });
  return records;
}

/** Runs a plan again and keeps what was chosen. */
export function repeat(lab: Lab, plan: Plan, { choices, ...rest }: Repetition): Reached {
  let made: Choices = new Map();
  const { outcome } = examine(lab, plan, {
    ...rest,
    ...(choices === null ? {} : { choices }),
    onChoices: (all) => {
      made = all;
    },
  });
  return { plan, choices: made, outcome };
}

function shrinkWithin(
  lab: Lab,
  { plan, choices }: Reached,
  failure: Failure,
  { budgetMs, outside, hasTripwires }: Pursuit,
): Shrunk | null {
  const endsAt = performance.now() + budgetMs;
  const run: Run = (candidate, choices, onRecord) => {
    const recording = onRecord === null ? {} : { onRecord };
    return repeat(lab, candidate, { choices, hasTripwires, ...recording });
  };
  const budget = { candidatesMax, isSpent: () => performance.now() > endsAt };
  const shrunk = shrink({ plan, choices, failure }, run, budget);
  if (shrunk === null) {
    outside.stderr.write("It does not fail in the same way from its recorded choices.\n");
  }
  return shrunk;
}

function save({ plan, choices, outcome }: Reached, pursuit: Pursuit): string {
  const replay = replayOf({ plan, choices, outcome }, pursuit.commit);
  const path = join(pursuit.out, fileNameOf(replay));
  writeText(path, encodeReplay(replay), pursuit.outside);
  return path;
}

/** Where a report cannot be made. */
export function briefly({
  class: failureClass,
  oracle,
  rule,
  message,
  ...detail
}: Failure): string {
  const { expected, actual, ids } = detail;
  return [
    `${failureClass}: ${oracle} ${rule}: ${message}`,
    ...(expected === null ? [] : [`  expected ${expected}`]),
    ...(actual === null ? [] : [`  actual   ${actual}`]),
    ...(ids.length === 0 ? [] : [`  promises ${ids.map((id) => JSON.stringify(id)).join(" ")}`]),
    "",
  ].join("\n");
}
