// `resonate tree`: what a call has called, and what became of it. A call names its root, and who called
// it, in its tags.
//
//   Q3. Every promise of the root is drawn once, wherever its tags lead: to a caller that is not there,
//       to none, or in a circle; then it stands under the root, with a word about it.
//   Q4. Calls of one caller stand in the order in which they were created.

import { type Answer, type Asker, Refused } from "./ask.ts";
import { functionOf, type Row as Record, rowsOf } from "./print.ts";
import type { Row } from "./row.ts";
import { date, duration, plain } from "./text.ts";

const perPage = 1_000; // the most that the server allows
const promisesMax = 10_000; // arbitrary: more than anybody reads
const levelsMax = 40; // arbitrary: of lines that fit somewhere
const pagesMax = 1_000; // they may be short, if promises are large

export const tree: Row = {
  name: "tree",
  summary: "shows what a call has called, and how far that is",
  positionals: ["id"],
  flags: {},
  ask: ({ positionals: [id = ""] }, ask) => callGraph(id, ask),
  print: (answer, { positionals: [id = ""] }) => drawn(id, answer),
};

/** All promises of the same root as this one, itself first; `isCut` if there are more. */
async function callGraph(id: string, ask: Asker): Promise<Answer> {
  const { promise } = await ask("promise.get", { id });
  if (promise === undefined) throw new Refused("that is no answer of this protocol");
  const origin = tagOf(promise as Record, "origin") || id;
  const promises = [promise as Record];
  let cursor: unknown;
  for (let page = 0; page < pagesMax && promises.length <= promisesMax; page++) {
    // The ids of a root begin with its own: that is quick to find, and a token may ask for nothing else.
    const search = { tags: { "resonate:origin": origin }, idPrefix: origin, limit: perPage };
    const answer = await ask("promise.search", { ...search, ...(page > 0 && { cursor }) });
    promises.push(...rowsOf(answer, "promises").filter((each) => each["id"] !== id));
    ({ cursor } = answer);
    if (cursor === undefined) break;
  }
  return { promises, ...(cursor !== undefined && { isCut: true }) };
}

type Call = { readonly id: string; readonly record: Record; readonly createdAt: number };

type Graph = {
  readonly calls: ReadonlyMap<string, Call>;
  /** From a call to the one that it stands under; the root has none. */
  readonly above: Map<string, string>;
  readonly notes: Map<string, string>;
};

/** Q3, Q4. */
export function drawn(id: string, answer: Answer): string {
  const promises = rowsOf(answer, "promises");
  const [first] = promises;
  const origin = (first && tagOf(first, "origin")) || id;
  const graph = graphOf(origin, promises);
  const { calls, above, notes } = graph;
  const below = Map.groupBy(
    [...calls.values()].filter((call) => above.has(call.id)).sort(byCreation),
    (call) => above.get(call.id),
  );
  const lines: string[] = [];
  const waiting: Place[] = [{ id, branch: "", indent: "", level: 0 }];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const call = calls.get(place.id);
    if (call !== undefined) lines.push(`${place.branch}${line(call, notes.get(call.id))}\n`);
    const called = below.get(place.id) ?? [];
    const places = called.map((each, index) => under(place, each.id, index === called.length - 1));
    waiting.push(...places.reverse());
  }
  const isCut = answer["isCut"] === true;
  return lines.join("") + (isCut ? `\nonly the first ${promises.length} are shown\n` : "");
}

/** Where a line stands: what is drawn before it, and before those below it. */
type Place = {
  readonly id: string;
  readonly branch: string;
  readonly indent: string;
  readonly level: number;
};

function under({ indent, level }: Place, id: string, isLast: boolean): Place {
  const branch = `${indent}${isLast ? "└─ " : "├─ "}`;
  if (level >= levelsMax) return { id, branch: `${branch}… `, indent, level };
  return { id, branch, indent: `${indent}${isLast ? "   " : "│  "}`, level: level + 1 };
}

type Walk = { readonly from: string; readonly origin: string; readonly known: Set<string> };

function graphOf(origin: string, promises: readonly Record[]): Graph {
  const calls = new Map(promises.map(toCall).map((call) => [call.id, call]));
  const graph: Graph = { calls, above: new Map(), notes: new Map() };
  for (const { id, record } of calls.values()) {
    if (id === origin) continue;
    const parent = tagOf(record, "parent") ?? id;
    const isThere = parent === origin || (parent !== id && calls.has(parent));
    graph.above.set(id, isThere ? parent : origin);
    if (!isThere && parent !== id)
      graph.notes.set(id, `called by ${plain(parent)}, which is missing`);
  }
  const known = new Set([origin]);
  for (const { id } of calls.values()) cutCircle(graph, { from: id, origin, known });
  return graph;
}

/** Walks up from a call to one whose way to the root is known; there may be none. */
function cutCircle({ above, notes }: Graph, { from, origin, known }: Walk): void {
  const way = new Set<string>();
  for (let at = from; !known.has(at); at = above.get(at) ?? origin) {
    if (way.has(at)) {
      above.set(at, origin);
      notes.set(at, "calls itself in a circle");
      break;
    }
    way.add(at);
  }
  for (const id of way) known.add(id);
}

function toCall(record: Record): Call {
  const { id, createdAt } = record;
  return { id: String(id), record, createdAt: typeof createdAt === "number" ? createdAt : 0 };
}

const collator = new Intl.Collator("en", { numeric: true });

/** Q4. */
function byCreation(left: Call, right: Call): number {
  return left.createdAt - right.createdAt || collator.compare(left.id, right.id);
}

function line({ id, record, createdAt }: Call, note: string | undefined): string {
  const { state, settledAt } = record;
  const took =
    typeof settledAt === "number"
      ? duration(Math.max(0, settledAt - createdAt))
      : `since ${date(createdAt)}`;
  const words = [id, String(state), whatOf(record), took].map(plain).filter((word) => word !== "");
  return `${words.join("  ")}${note === undefined ? "" : `  (${note})`}`;
}

/** The function; that it sleeps, for a timer. */
function whatOf(record: Record): string {
  const isTimer = tagOf(record, "timer") === "true" || tagOf(record, "timeout") === "true";
  return isTimer ? "sleep" : functionOf(record);
}

function tagOf({ tags }: Record, name: string): string | null {
  const { [`resonate:${name}`]: tag } = (tags ?? {}) as Readonly<{ [name: string]: unknown }>;
  return typeof tag === "string" ? tag : null;
}
