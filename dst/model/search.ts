// Searches of the original API (promise-api.md §4), over the promises of the model.
//
//   O3. A search shows what is overdue as settled, and writes nothing.

import {
  type ModelPairs,
  type ModelPromise,
  type ModelState,
  type ModelValue,
  project,
} from "./record.ts";

export type ModelSearch = {
  /** `*` is any run of characters, all else is literal; it must match the whole id. */
  readonly pattern: string;
  /** Rejected: in whichever way. Null: any state. */
  readonly state: "pending" | "resolved" | "rejected" | null;
  /** Every pair must be there. */
  readonly tags: ModelPairs;
  /** At least 1. */
  readonly limit: number;
};
export type ModelRow = readonly [id: string, promise: ModelPromise];
export type ModelPage = {
  readonly rows: readonly { readonly id: string; readonly promise: ModelPromise }[];
  readonly hasMore: boolean;
};

/**
 * @param newestFirst as stored; begins behind the cursor
 * @param weightMax characters; a page that weighs as much takes no further row
 */
export function search(
  newestFirst: Iterable<ModelRow>,
  query: ModelSearch,
  now: number,
  weightMax: number,
): ModelPage {
  const rows: { id: string; promise: ModelPromise }[] = [];
  let weight = 0;
  for (const [id, stored] of newestFirst) {
    const promise = project(stored, now); // O3
    if (!isFound(id, promise, query)) continue;
    const isFull = rows.length >= query.limit || weight >= weightMax;
    if (isFull && rows.length > 0) return { rows, hasMore: true };
    rows.push({ id, promise });
    weight += id.length + promiseWeight(stored);
  }
  return { rows, hasMore: false };
}

function isFound(
  id: string,
  promise: ModelPromise,
  { state, tags, pattern }: ModelSearch,
): boolean {
  if (state !== null && state !== groupOf(promise.state)) return false;
  for (const [name, text] of tags) if (promise.tags.get(name) !== text) return false;
  return isMatch(id, pattern);
}

function groupOf(state: ModelState): "pending" | "resolved" | "rejected" {
  return state === "pending" || state === "resolved" ? state : "rejected";
}

/** Goes on from the last `*` with one character more, whenever the rest does not fit. */
function isMatch(id: string, pattern: string): boolean {
  let at = 0;
  let wanted = 0;
  let star = -1;
  let swallowed = 0;
  while (at < id.length) {
    if (pattern[wanted] === "*") {
      star = wanted;
      swallowed = at;
      wanted += 1;
    } else if (wanted < pattern.length && pattern[wanted] === id[at]) {
      wanted += 1;
      at += 1;
    } else if (star >= 0) {
      swallowed += 1;
      at = swallowed;
      wanted = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[wanted] === "*") wanted += 1;
  return wanted === pattern.length;
}

/** In characters of payload; so below. */
export function promiseWeight({ tags, param, value }: ModelPromise): number {
  return pairsWeight(tags) + valueWeight(param) + valueWeight(value);
}

export function valueWeight({ headers, data }: ModelValue): number {
  return (headers === null ? 0 : pairsWeight(headers)) + (data === null ? 0 : data.length);
}

export function pairsWeight(pairs: ModelPairs): number {
  let sum = 0;
  for (const [name, text] of pairs) sum += name.length + text.length;
  return sum;
}
