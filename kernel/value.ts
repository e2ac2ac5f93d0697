// Payloads, headers and tags: carried, never looked into, but for the few tags that the server reads
// (protocol.md §2.3). They are Maps because a plain object moves integer-like keys to the front and
// treats `__proto__` as special.

export type Pairs = ReadonlyMap<string, string>;

/** Stored as it was sent: empty headers are not absent headers, and "" is not absent data. */
export type Value = {
  readonly headers: Pairs | null;
  /** Opaque text. The original API writes canonical, padded base64 here. */
  readonly data: string | null;
};

export type Tags = Pairs;

export const noPairs: Pairs = new Map();
export const emptyValue: Value = { headers: null, data: null };

/** At its deadline such a promise is resolved, not rejected (promise-api.md §4.4). */
export function isTimer(tags: Tags): boolean {
  return tags.get("resonate:timer") === "true" || tags.get("resonate:timeout") === "true";
}

/** Whoever carries a target is run by a worker (protocol.md, "targeted"). */
export function isTargeted(tags: Tags): boolean {
  return tags.has("resonate:target");
}

/** Whether the tags alone make the promise one that others may await (protocol.md, "awaitable"). */
export function areAwaitable(tags: Tags): boolean {
  return (
    isTargeted(tags) ||
    isTimer(tags) ||
    tags.get("resonate:external") === "true" ||
    tags.get("resonate:scope") === "global"
  );
}
