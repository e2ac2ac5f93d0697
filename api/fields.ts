// What the original API's requests hold: the members of its bodies (promise-api.md §1.4), and the
// parameters of its query strings (§2), each in the order of the table of messages (§1.5).

import type { SettlePromise } from "../kernel/command.ts";
import type { SearchState } from "../kernel/search.ts";
import { emptyValue, noPairs, type Tags, type Value } from "../kernel/value.ts";
import { JsonNumber } from "./int64.ts";
import {
  areClean,
  base64,
  broken,
  choice,
  deadline,
  described,
  type Findings,
  type Invalid,
  int64,
  invalid,
  type Members,
  object,
  optional,
  pairs,
  required,
  type Schema,
  text,
} from "./schema.ts";

export const idBytesMax = 2048;
export const keyBytesMax = 2048;

export const id = described(
  text(idBytesMax),
  "Any text of 1 to 2048 bytes of UTF-8, without NUL; compared byte for byte.",
);

const headers = described(pairs, "Names and values of your own.");
const payloadBytes = described(base64, "Standard base64 with padding.");
const payload = object({
  headers: optional(headers, noPairs),
  data: optional(payloadBytes, null),
});

/** Empty and absent are one thing in this API, and kept as absent. */
const value: Schema<Value> = {
  json: payload.json,
  read: (input, field, findings): Value | Invalid => {
    const read = payload.read(input, field, findings);
    if (read === invalid) return invalid;
    return { headers: read.headers.size === 0 ? null : read.headers, data: read.data };
  },
};

const outcome = choice<SettlePromise["outcome"]>({
  resolved: "resolved",
  rejected: "rejected",
  rejected_canceled: "canceled",
});

const timeout = described(
  deadline,
  "When the promise times out, in ms since the Unix epoch; in the past it is born timed out.",
);
const param = described(value, "What the promise is about, for whoever is to complete it.");
const result = described(value, "What the promise was completed with.");
const tags = described(
  pairs,
  "Searchable. `resonate:timeout` = `true` makes a timer, which resolves at its deadline.",
);

const creation = {
  timeout: required(timeout),
  param: optional(param, emptyValue),
  tags: optional(tags, noPairs),
} as const satisfies Members;
const completion = { value: optional(result, emptyValue) } as const satisfies Members;

/** By body: what it may hold when the path names the promise, and when the body does. */
export const bodies = {
  create: creation,
  createNamed: { id: required(id), ...creation },
  complete: completion,
  completeNamed: { state: required(outcome), ...completion },
} as const;

// Parameters of a query string: always text. An absent one is not read at all.

const searchTagsBytesMax = 4096;
export const limitMax = 100;

export const pattern = described(
  text(idBytesMax),
  "Ids to find: `*` is any run of characters, all else is literal. It must match the whole id.",
);

export const searchState = choice<SearchState>({
  pending: "pending",
  resolved: "resolved",
  rejected: "rejected",
});

export const limit: Schema<number> = {
  json: { type: "integer", minimum: 1, maximum: limitMax, default: limitMax },
  read: (input, field, findings) => {
    const isDecimal = typeof input === "string" && /^[0-9]+$/.test(input);
    const limit = isDecimal ? Number(input) : 0;
    if (limit >= 1 && limit <= limitMax) return limit;
    return broken(findings, `${field} must be 1 to ${limitMax}`);
  },
};

/** An int64 in decimal digits, as a number: past 2^53 there are no events, so it stops there. */
export const after: Schema<number> = {
  json: { ...int64.json, default: 0 },
  read: (input, field, findings) => {
    const isDecimal = typeof input === "string" && /^-?[0-9]+$/.test(input);
    const after = int64.read(isDecimal ? new JsonNumber(input) : input, field, findings);
    return after === invalid ? invalid : Math.min(Number(after), Number.MAX_SAFE_INTEGER);
  },
};

/** The tags that a promise must have; of one name the first counts. */
export function readTags(
  wanted: Iterable<readonly [name: string, text: string]>,
  findings: Findings,
): Tags | Invalid {
  const tags = new Map<string, string>();
  let bytes = 0;
  for (const [name, text] of wanted) {
    if (tags.has(name)) continue;
    tags.set(name, text);
    bytes += Buffer.byteLength(name) + Buffer.byteLength(text);
  }
  const isClean = areClean([...tags].flat(), "tags", findings);
  if (bytes <= searchTagsBytesMax) return isClean ? tags : invalid;
  return broken(findings, `tags must be at most ${searchTagsBytesMax} bytes together`);
}
