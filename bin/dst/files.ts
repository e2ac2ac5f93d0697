// What a run leaves on the disk besides its result: all its records, and a picture of it.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Plan } from "../../dst/plan.ts";
import { timeline } from "../../dst/timeline.ts";
import type { TraceRecord } from "../../dst/trace.ts";
import type { Outcome } from "../../dst/verdict.ts";
import type { Outside } from "../command.ts";
import { type Examination, type Examined, examine } from "./examine.ts";
import type { Lab } from "./lab.ts";

/** Paths; null: not wanted. */
export type Wanted = { readonly trace: string | null; readonly html: string | null };

/** Runs a plan, and writes what is wanted of it. */
export function examineInto(
  { trace, html }: Wanted,
  outside: Outside,
  { lab, plan, ...examination }: Omit<Examination, "onRecord"> & { lab: Lab; plan: Plan },
): Examined {
  if (trace === null && html === null) return examine(lab, plan, examination);
  const records: TraceRecord[] = [];
  const onRecord = (record: TraceRecord) => void records.push(record);
  const examined = examine(lab, plan, { ...examination, onRecord });
  const lines = records.map((record) => `${JSON.stringify(record)}\n`);
  if (trace !== null) writeText(trace, lines.join(""), outside);
  if (html !== null) writePicture(html, { plan, records, outcome: examined.outcome }, outside);
  return examined;
}

type Pictured = {
  readonly plan: Plan;
  readonly outcome: Outcome;
  readonly records: readonly TraceRecord[];
};

export function writePicture(path: string, pictured: Pictured, outside: Outside): void {
  const { plan, outcome, records } = pictured;
  writeText(path, timeline({ plan, records, failure: outcome.failure }), outside);
}

/** Makes its folder, too. */
export function writeText(path: string, text: string, { workingDirectory }: Outside): void {
  const target = resolve(workingDirectory, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}
