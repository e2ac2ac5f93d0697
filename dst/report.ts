// What is printed of a run that failed, for somebody who has not seen it: what is wrong, in which
// operation, what should have come, what happened last to the promises that it is about, and how to
// see it again.

import { connected } from "./component.ts";
import { diff, showDiff } from "./diff.ts";
import type { Plan } from "./plan.ts";
import type { Sizes } from "./size.ts";
import type { TraceRecord } from "./trace.ts";
import type { Failure } from "./verdict.ts";
import { clockOf, oracleWords, printable, ruleOf, shortened } from "./words.ts";

export type Told = {
  readonly plan: Plan;
  readonly failure: Failure;
  /** Of a run of this plan, in order; empty: not known. */
  readonly records: readonly TraceRecord[];
  /** Null: it was not shrunk. */
  readonly shrunk: {
    readonly before: Sizes;
    readonly after: Sizes;
    readonly candidates: number;
    readonly isMinimal: boolean;
  } | null;
  /** Command lines that show it again, each with what it is good for. */
  readonly commands: readonly (readonly [what: string, command: string])[];
};

const recordsMax = 20;
const textMax = 400;
const linesMax = 60;
const idsMax = 10;

/** Without a line end. */
export function report(told: Told): string {
  const sections = [
    headline(told.failure),
    operation(told),
    difference(told.failure),
    history(told),
    sizes(told),
    table(told.commands),
  ];
  return sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n")).join("\n\n");
}
