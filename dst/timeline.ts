// A picture of a run: one HTML file that needs nothing else (simulation.md §6). What is shown is
// chosen in excerpt.ts; here it is laid out in lanes, and handed to the page as data.
//
//   R10. Nothing that a client named can become markup or code: it goes in as data, all of it.

import { diff, type Line, layOut } from "./diff.ts";
import { type Entry, excerpt, type Pictured } from "./excerpt.ts";
import type { Plan } from "./plan.ts";
import { page } from "./timeline-page.ts";
import type { TraceRecord } from "./trace.ts";
import type { Failure } from "./verdict.ts";
import { clockOf, oracleWords, printable, ruleOf, shortened } from "./words.ts";

/** What the page reads. `index`, `from` and `to` count the records of the whole run. */
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

type Mark = Omit<TraceRecord, "actor"> & {
  readonly index: number;
  readonly clock: string;
  readonly lane: number;
  readonly row: number;
};

/** From a call to its end, from a submission to its completion; null: there is none. */
type Span = {
  readonly entity: string;
  readonly lane: number;
  readonly row: number;
  readonly from: number;
  readonly to: number | null;
  readonly isFailed: boolean;
};

/** While a node is down, or asleep. */
type Band = {
  readonly kind: "crash" | "stop" | "pause";
  readonly lane: number;
  readonly from: number;
  readonly to: number | null;
};

const rowsMax = 8;
const differenceMax = 400;
const lineMax = 300;

/** One HTML file, below a megabyte. */
export function timeline(pictured: Pictured): string {
  return page(picture(pictured));
}

export function picture(pictured: Pictured): Picture {
  const { plan, failure, records } = pictured;
  const { entries, failed } = excerpt(pictured);
  const lanes = lanesOf(plan, entries);
  const spans = spansOf(entries, { lanes, records, failed });
  const rows = new Map(spans.map(({ lane, entity, row }) => [`${lane} ${entity}`, row]));
  return {
    title: failure === null ? "passed" : printable(`${ruleOf(failure)}: ${failure.message}`),
    summary: summaryOf(plan, failure, `${entries.length} of ${records.length}`),
    lanes: lanes.map((name, lane) => {
      const taken = spans.filter((span) => span.lane === lane).map(({ row }) => row);
      return { name, rows: 1 + Math.max(0, ...taken) };
    }),
    records: entries.map(({ index, record: { actor: _, ...record }, lane: name }) => {
      const lane = lanes.indexOf(name);
      const row = rows.get(`${lane} ${record.entity}`) ?? 0;
      return { ...record, index, clock: clockOf(record.at), lane, row };
    }),
    spans,
    bands: bandsOf(records, lanes),
    failedAt: failure?.record ?? null,
    difference: differenceOf(failure),
  };
}

function summaryOf(
  { seed, store, nodes, clients, intents, policy }: Plan,
  failure: Failure | null,
  shown: string,
): Picture["summary"] {
  const found = failure === null ? [] : ([["found by", oracleWords[failure.oracle]]] as const);
  const at = failure === null ? [] : ([["failed at", clockOf(failure.at)]] as const);
  return [
    ...found,
    ...at,
    ["seed", `0x${seed}`],
    ["nodes", `${nodes}`],
    ["clients", `${clients}`],
    ["store", store],
    ["policy", policy.kind],
    ["intents", `${intents.length}`],
    ["records shown", shown],
  ];
}

/** Clients, nodes, the store, faults; then whatever else there is. */
function lanesOf({ nodes }: Plan, entries: readonly Entry[]): readonly string[] {
  const names = new Set(entries.map(({ lane }) => lane));
  const number = (name: string) => Number(name.slice("client ".length));
  const clients = [...names].filter((name) => name.startsWith("client "));
  const fixed = [
    ...clients.sort((left, right) => number(left) - number(right)),
    ...Array.from({ length: nodes }, (_, node) => `node ${node}`),
    ...["store", "faults"],
  ];
  return [...fixed, ...[...names].filter((name) => !fixed.includes(name))];
}

type Context = {
  readonly lanes: readonly string[];
  readonly records: readonly TraceRecord[];
  readonly failed: string | null;
};

/** Those that begin within the excerpt; each in the first row of its lane that is free. */
function spansOf(entries: readonly Entry[], { lanes, records, failed }: Context): readonly Span[] {
  const ends = endsOf(records);
  const free = lanes.map(() => new Array<number>(rowsMax).fill(-1));
  const begun = entries.filter(({ record: { kind } }) => kind === "call" || kind === "submission");
  return begun.map(({ index, lane: name, record: { entity } }) => {
    const lane = lanes.indexOf(name);
    const to = ends.get(entity) ?? null;
    const until = free[lane] ?? [];
    const row = Math.max(
      0,
      until.findIndex((end) => end < index),
    );
    until[row] = Math.max(until[row] ?? 0, to ?? records.length);
    return { entity, lane, row, from: index, to, isFailed: entity === failed };
  });
}

/** Where each entity was heard of last. */
function endsOf(records: readonly TraceRecord[]): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const [index, { kind, entity }] of records.entries()) {
    if (kind === "answer" || kind === "give_up" || kind === "completion") ends.set(entity, index);
  }
  return ends;
}

/** A dead node starts again, and one that slept does something. */
function bandsOf(records: readonly TraceRecord[], lanes: readonly string[]): readonly Band[] {
  const bands: Band[] = [];
  const open = new Map<string, Omit<Band, "to">>();
  for (const [from, { actor, kind }] of records.entries()) {
    const lane = lanes.indexOf(actor);
    if (!actor.startsWith("node ") || lane < 0) continue;
    const band = open.get(actor);
    const isOver = band !== undefined && (band.kind === "pause" || kind === "start");
    if (isOver) {
      bands.push({ ...band, to: from });
      open.delete(actor);
    }
    if (kind === "crash" || kind === "stop" || kind === "pause") {
      if (!open.has(actor)) open.set(actor, { kind, lane, from });
    }
  }
  return [...bands, ...[...open.values()].map((band) => ({ ...band, to: null }))];
}

function differenceOf(failure: Failure | null): readonly Line[] {
  if (failure === null) return [];
  const { expected, actual } = failure;
  const only = (sign: "-" | "+", text: string): readonly Line[] => {
    return layOut(text).map((line) => ({ sign, text: line }));
  };
  const lines =
    expected === null
      ? only("+", actual ?? "")
      : actual === null
        ? only("-", expected)
        : diff(expected, actual);
  return lines.slice(0, differenceMax).map(({ sign, text }) => {
    return { sign, text: printable(shortened(text, lineMax)) };
  });
}
