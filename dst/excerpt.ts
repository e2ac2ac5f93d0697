// Which records of a run are worth a picture: those about the promises of the failure and all that
// hang together with them, some operations before and after, and what the nodes, the store and the
// faults did meanwhile.
//
//   R11. An excerpt is never longer than half a million bytes: what is farthest from the failure
//       goes first, and what names no promise before what names one.

import { connected, idsOf } from "./involved.ts";
import type { Plan } from "./plan.ts";
import type { TraceRecord } from "./trace.ts";
import type { Failure } from "./verdict.ts";
import { printable, shortened } from "./words.ts";

export type Pictured = {
  readonly plan: Plan;
  /** Null: it passed, and the end of it is shown. */
  readonly failure: Failure | null;
  /** Of a run of this plan, in order. */
  readonly records: readonly TraceRecord[];
};

/** A record in a form that can be shown. */
export type Entry = {
  readonly index: number;
  readonly lane: string;
  readonly record: TraceRecord;
};

type Numbered = readonly [index: number, record: TraceRecord];

export type Excerpt = {
  /** In their order. */
  readonly entries: readonly Entry[];
  /** The operation that failed; null: none in particular. */
  readonly failed: string | null;
};

/** Before and after the failure. */
const operationsMax = 50;
const weightMax = 500_000;
/** What a record takes besides its own members: its place, and that of its operation. */
const entryWeight = 200;
const textMax = 1500;
const idMax = 80;
const idsMax = 12;

export function excerpt({ plan, failure, records }: Pictured): Excerpt {
  const end = Math.min(failure?.record ?? records.length, records.length);
  const ids = connected(failure?.ids ?? [], plan.intents);
  const touches = (record: TraceRecord) => ids.size === 0 || record.ids.some((id) => ids.has(id));
  const window = windowOf(records, end, touches);
  const isShown = (record: TraceRecord) => touches(record) || record.ids.length === 0;
  const shown = [...records.entries()].slice(window.from, window.to);
  const entries = withinWeight(
    shown.filter(([, record]) => isShown(record)),
    end,
  );
  return { entries, failed: failedOperation(plan, failure, records.slice(0, end)) };
}

/** From the first of the operations before the end to the last one of those after it. */
function windowOf(
  records: readonly TraceRecord[],
  end: number,
  touches: (record: TraceRecord) => boolean,
): { readonly from: number; readonly to: number } {
  const calls = [...records.entries()]
    .filter(([, record]) => record.kind === "call" && touches(record))
    .map(([index]) => index);
  const before = calls.filter((index) => index < end);
  const after = calls.filter((index) => index >= end);
  return {
    from: before.length > operationsMax ? (before.at(-operationsMax) ?? 0) : 0,
    to: after[operationsMax] ?? records.length,
  };
}

/** The last one of its client that is about the promises of its intent. */
function failedOperation(
  { intents }: Plan,
  failure: Failure | null,
  records: readonly TraceRecord[],
): string | null {
  const intent = intents.find(({ key }) => key === failure?.intent);
  if (intent === undefined) return null;
  const ids = idsOf(intent.action);
  const isOfIntent = (record: TraceRecord) => {
    const isOfClient = record.kind === "call" && record.actor === `client ${intent.client}`;
    return isOfClient && ids.every((id) => record.ids.includes(id));
  };
  return records.findLast(isOfIntent)?.entity ?? null;
}

/** Most of what the store does is heard of from the node that asked; the effect is the store's. */
function entryOf(index: number, record: TraceRecord): Entry {
  const { at, actor, kind, entity, text, ids } = record;
  const shown = {
    ...{ at, actor, kind, entity: printable(shortened(entity, idMax)) },
    text: printable(shortened(text, textMax)),
    ids: ids.slice(0, idsMax).map((id) => printable(shortened(id, idMax))),
  };
  return { index, lane: kind === "effect" ? "store" : actor, record: shown };
}

function withinWeight(shown: readonly Numbered[], end: number): readonly Entry[] {
  const rank = ([index, record]: Numbered) => {
    return Math.abs(index - end) * (record.ids.length === 0 ? 2 : 1);
  };
  const entries: Entry[] = [];
  let weight = 0;
  for (const [index, record] of shown.toSorted((left, right) => rank(left) - rank(right))) {
    const entry = entryOf(index, record);
    weight += entryWeight + bytesOf(entry.record) + bytesOf(entry.record.entity);
    if (weight > weightMax) break; // R11
    entries.push(entry);
  }
  return entries.sort((left, right) => left.index - right.index);
}

/** At most: in the page, markup is escaped, and so it is longer than here. */
function bytesOf(value: unknown): number {
  const json = JSON.stringify(value);
  return json.length + 5 * (json.length - json.replace(/[^ -%'-;=?-~]/g, "").length);
}
