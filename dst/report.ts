// What is printed of a run that failed, for somebody who has not seen it: what is wrong, in which
// operation, what should have come, what happened last to the promises that it is about, and how to
// see it again.

import { diff, layOut, showDiff } from "./diff.ts";
import type { Intent, Plan } from "./plan.ts";
import { type Sizes, sizeNames } from "./size.ts";
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
    [...headline(told.failure), ...operation(told)],
    difference(told.failure),
    history(told),
    [...shrinking(told), ...told.commands.map(([what, command]) => row(what, command))],
  ];
  const filled = sections.filter((lines) => lines.length > 0);
  return filled.map((lines) => lines.join("\n")).join("\n\n");
}

function headline(failure: Failure): readonly string[] {
  const { message, oracle, at, record } = failure;
  return [
    `${failure.class}: ${inLine(ruleOf(failure))}: ${inLine(message)}`,
    row("found by", oracleWords[oracle]),
    row("when", `${clockOf(at)}, after ${record} records`),
  ];
}

function operation({ plan, failure }: Told): readonly string[] {
  const { ids, intent } = failure;
  const failed = plan.intents.find(({ key }) => key === intent);
  const more = ids.length > idsMax ? ` and ${ids.length - idsMax} more` : "";
  const shown = ids
    .slice(0, idsMax)
    .map((id) => JSON.stringify(id))
    .join(" ");
  return [
    ...(ids.length === 0 ? [] : [row("promises", shown + more)]),
    ...(failed === undefined ? [] : [row("operation", showIntent(failed))]),
  ];
}

function showIntent({ key, at, client, action }: Intent): string {
  return `intent ${key} of client ${client}, not before ${clockOf(at)}: ${JSON.stringify(action)}`;
}

function difference({ expected, actual }: Failure): readonly string[] {
  if (expected === null && actual === null) return [];
  if (expected === null || actual === null) {
    const [what, text] = expected === null ? ["came", actual ?? ""] : ["expected", expected];
    return [`${what}:`, ...capped(layOut(text).map((line) => `  ${printable(line)}`))];
  }
  const lines = showDiff(diff(expected, actual)).map(printable);
  return ["- expected, + came:", ...capped(lines)];
}

/** The last records of the promises, and what befell the nodes meanwhile. */
function history({ failure, records }: Told): readonly string[] {
  const ids = new Set(failure.ids);
  const before = records.slice(0, failure.record);
  const touches = (record: TraceRecord) => ids.size === 0 || record.ids.some((id) => ids.has(id));
  const touching = [...before.keys()].filter((index) => touches(before[index] as TraceRecord)); // its own keys
  const first = touching.at(-recordsMax) ?? touching[0];
  if (first === undefined) return [];
  const shown = before.slice(first).filter((record) => touches(record) || isOfNode(record));
  const what = ids.size === 0 ? "" : " of these promises";
  const count = Math.min(recordsMax, touching.length);
  return [
    `the last ${count} of ${touching.length} records${what}:`,
    ...shown.slice(-2 * recordsMax).flatMap(showRecord),
  ];
}

function isOfNode({ kind }: TraceRecord): boolean {
  return ["crash", "start", "stop", "pause", "heal"].includes(kind);
}

function showRecord({ at, actor, kind, entity, text }: TraceRecord): readonly string[] {
  const [first = "", ...others] = printable(shortened(text, textMax)).split("\n");
  const what = `${actor.padEnd(9)} ${kind.padEnd(10)} ${inLine(entity).padEnd(14)}`;
  const indent = " ".repeat(13 + what.length + 3);
  return [
    `${clockOf(at).padStart(13)} ${what}  ${first}`.trimEnd(),
    ...others.map((line) => indent + line),
  ];
}

function shrinking({ plan, shrunk }: Told): readonly string[] {
  if (shrunk === null) return [row("intents", `${plan.intents.length}, not shrunk`)];
  const { before, after, candidates, isMinimal } = shrunk;
  const parts = sizeNames.map((name) => `${before[name]} -> ${after[name]} ${name}`);
  const how = isMinimal ? "nothing more can be left out" : "stopped by its budget";
  return [row("shrunk", parts.join(", ")), row("", `in ${candidates} candidates; ${how}`)];
}

function capped(lines: readonly string[]): readonly string[] {
  if (lines.length <= linesMax) return lines;
  return [...lines.slice(0, linesMax), `  ... ${lines.length - linesMax} more lines`];
}

function row(what: string, text: string): string {
  return `  ${what.padEnd(10)} ${inLine(text)}`;
}

function inLine(text: string): string {
  return printable(text).replaceAll("\n", "\\n");
}
