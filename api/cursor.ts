// Where a search goes on, as text: opaque to clients, complete in itself, not signed. On the way back
// it is validated like any other input, so a forged one can ask only what a plain search may ask
// (promise-api.md §2).
//
//   U1. What is decoded is encoded again and must be the same text. So there is one cursor for a
//       page, and anything else (forged, foreign, cut short, of another version) is none.
//   U2. Texts are separated and ended by NUL, which no text holds, and pairs are counted: no cursor
//       is the beginning of another.

import { isUtf8 } from "node:buffer";
import { position } from "../kernel/ids.ts";
import type { SearchPromises } from "../kernel/search.ts";
import { limit as limitSchema, pattern as patternSchema, readTags, searchState } from "./fields.ts";
import { Findings, invalid, whole } from "./schema.ts";

const version = "p1";

/** @param search with the position from which the next page goes on */
export function encodeCursor({ pattern, state, tags, limit, before }: SearchPromises): string {
  const fields = [version, `${before ?? 0}`, `${limit}`, state ?? "", pattern, `${tags.size}`];
  const text = [...fields, ...[...tags].flat(), ""].join("\0"); // U2
  return Buffer.from(text).toString("base64url");
}

/** @returns null if no server of this version has made it */
export function decodeCursor(cursor: string): SearchPromises | null {
  const bytes = Buffer.from(cursor, "base64url");
  if (!isUtf8(bytes)) return null;
  const [name, before = "", limit, state, pattern, , ...rest] = bytes.toString().split("\0");
  if (name !== version || !/^[0-9]{1,15}$/.test(before)) return null;
  const findings = new Findings();
  const read = whole({
    pattern: patternSchema.read(pattern, "q", findings),
    state: state === "" ? null : searchState.read(state, "state", findings),
    tags: readTags(toPairs(rest), findings),
    limit: limitSchema.read(limit, "limit", findings),
  });
  if (read === invalid) return null;
  const search = { kind: "search_promises", ...read, before: position(Number(before)) } as const;
  return encodeCursor(search) === cursor ? search : null; // U1
}

function toPairs(texts: readonly string[]): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < texts.length; at += 2)
    pairs.push([texts[at] ?? "", texts[at + 1] ?? ""]);
  return pairs;
}
