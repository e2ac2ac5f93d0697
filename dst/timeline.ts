// A picture of a failed run: one HTML file that needs nothing else (simulation.md §6). Here it is
// decided what is shown: the promises of the failure and those that hang together with them, some
// operations before and after, and what the nodes, the store and the faults did meanwhile.
//
//   R10. Nothing that a client named can become markup or code: it all goes in as data.
//   R11. The file stays below a megabyte: what is farthest from the failure is left out first.

import { diff, type Line, layOut } from "./diff.ts";
import { connected, idsOf } from "./involved.ts";
import type { Plan } from "./plan.ts";
import { page } from "./timeline-page.ts";
import type { TraceRecord } from "./trace.ts";
import type { Failure } from "./verdict.ts";
import { clockOf, oracleWords, printable, ruleOf, shortened } from "./words.ts";

export type Pictured = {
  readonly plan: Plan;
  /** Null: it passed; the end of it is shown. */
  readonly failure: Failure | null;
  /** Of a run of this plan, in order. */
  readonly records: readonly TraceRecord[];
};

/** What the page reads. Places are numbers of records, counted over the whole run. */
export type Picture = {
  readonly title: string;
  readonly summary: readonly (readonly [name: string, value: string])[];
  readonly lanes: readonly { readonly name: string; readonly rows: number }[];
  readonly records: readonly Mark[];
  readonly spans: readonly Span[];
  readonly bands: readonly Band[];
  /** Where it failed; null: it did not. */
  readonly failedAt: number | null;
  readonly difference: readonly Line[];
};

type Mark = {
  readonly index: number;
  readonly at: number;
  readonly clock: string;
  readonly lane: number;
  readonly row: number;
  readonly kind: TraceRecord["kind"];
  readonly entity: string;
  readonly text: string;
  readonly ids: readonly string[];
};

/** From a call to its end, from a submission to its completion. */
type Span = {
  readonly kind: "operation" | "flight";
  readonly entity: string;
  readonly lane: number;
  readonly row: number;
  readonly from: number;
  readonly to: number;
  readonly isFailed: boolean;
};

type Band = {
  readonly kind: "down" | "asleep";
  readonly lane: number;
  readonly from: number;
  readonly to: number;
};

/** On either side of the one that failed. */
const operationsMax = 50;
const recordsMax = 1500;
/** Characters of the picture as JSON. */
const weightMax = 500_000;
const textMax = 1500;
const idMax = 80;
const idsMax = 12;
const rowsMax = 8;
const differenceMax = 400;

/** One HTML file. */
export function timeline(pictured: Pictured): string {
  return page(picture(pictured));
}

export function picture({ plan, failure, records }: Pictured): Picture {
  const ids = failure === null ? new Set<string>() : connected(failure.ids, plan.intents);
  const failed = failure === null ? null : failedOperation(plan, failure, records);
  const shown = select(records, { ids, failed, end: failure?.record ?? records.length });
  const lanes = lanesOf(plan, shown);
  const spans = spansOf(records, shown, { lanes, failed });
  const rows = new Map(spans.map(({ entity, lane, row }) => [`${lane} ${entity}`, row]));
  return {
    title: failure === null ? "passed" : printable(`${ruleOf(failure)}: ${failure.message}`),
    summary: summary(plan, failure, records.length - shown.length),
    lanes: lanes.map((name, lane) => {
      const taken = spans.filter((span) => span.lane === lane).map(({ row }) => row);
      return { name, rows: Math.max(0, ...taken) + 1 };
    }),
    records: shown.map((index) => {
      const record = records[index] as TraceRecord; // chosen among its keys
      const lane = lanes.indexOf(laneOf(record));
      return mark(index, record, { lane, row: rows.get(`${lane} ${record.entity}`) ?? 0 });
    }),
    spans: spans.map((span) => ({ ...span, entity: printable(span.entity) })),
    bands: bandsOf(records, lanes),
    failedAt: failure === null ? null : failure.record,
    difference: differenceOf(failure),
  };
}
