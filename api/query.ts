// The two reads that take a query string: searches and event histories (promise-api.md §2). Their
// stage is what the members are to a body; of a parameter given several times the first counts.

import { promiseId } from "../kernel/ids.ts";
import type { ReadEvents, SearchPromises } from "../kernel/search.ts";
import { promiseKey } from "../kernel/stream.ts";
import type { Tags } from "../kernel/value.ts";
import { decodeCursor } from "./cursor.ts";
import type { Decoded, Undecoded } from "./decode.ts";
import { after, id, limit, limitMax, pattern, readTags, searchState } from "./fields.ts";
import { broken, Findings, type Invalid, invalid, type Schema, whole } from "./schema.ts";

/** @param query form-encoded, without the question mark */
export function decodeSearch(query: string): Decoded<SearchPromises> {
  const findings = new Findings();
  const parameters = new URLSearchParams(query);
  const search = whole({
    pattern: readPattern(parameters, findings),
    state: readOr(null, searchState, {
      name: "state",
      given: filled(parameters, "state"),
      findings,
    }),
    tags: readTagParameters(parameters, findings),
    limit: readOr(limitMax, limit, { name: "limit", given: parameters.get("limit"), findings }),
    next: readOr(null, cursor, { name: "cursor", given: filled(parameters, "cursor"), findings }),
  });
  if (search === invalid) return undecodedQuery(findings);
  const { next, ...first } = search;
  return { kind: "decoded", request: next ?? { kind: "search_promises", ...first, before: null } };
}

/** @param query as above */
export function decodeEvents(query: string): Decoded<ReadEvents> {
  const findings = new Findings();
  const parameters = new URLSearchParams(query);
  const range = whole({
    of: readOr(null, id, { name: "id", given: parameters.get("id"), findings }),
    after: readOr(0, after, { name: "after", given: parameters.get("after"), findings }),
    limit: readOr(limitMax, limit, { name: "limit", given: parameters.get("limit"), findings }),
  });
  if (range === invalid) return undecodedQuery(findings);
  const of = range.of === null ? null : promiseKey(promiseId(range.of));
  return { kind: "decoded", request: { kind: "read_events", ...range, of } };
}

/** `q` and `id` are one parameter, by its names of two generations. */
function readPattern(parameters: URLSearchParams, findings: Findings): string | Invalid {
  const [q, named] = [parameters.get("q"), parameters.get("id")];
  const read = whole({
    q: readOr(null, pattern, { name: "q", given: q, findings }),
    named: readOr(null, pattern, { name: "id", given: named, findings }),
  });
  if (q !== null && named !== null && q !== named) {
    return broken(findings, "q and id must be equal when both are given");
  }
  return read === invalid ? invalid : (read.q ?? read.named ?? "*");
}

function readTagParameters(parameters: URLSearchParams, findings: Findings): Tags | Invalid {
  const named = [...parameters].filter(([name]) => name === "tags" || name.startsWith("tags["));
  const isMalformed = named.some(([name]) => !/^tags\[.*\]$/s.test(name));
  if (isMalformed) broken(findings, "tags must be written as tags[name]=value");
  const tags = readTags(
    named.map(([name, text]) => [name.slice("tags[".length, -1), text]),
    findings,
  );
  return isMalformed ? invalid : tags;
}

export const cursor: Schema<SearchPromises> = {
  json: { type: "string" },
  read: (given, field, findings) => {
    const search = typeof given === "string" ? decodeCursor(given) : null;
    return search ?? broken(findings, `${field} is not valid`);
  },
};

type Given = {
  readonly name: string;
  readonly given: string | null;
  readonly findings: Findings;
};

function readOr<Value, Absent>(
  absent: Absent,
  schema: Schema<Value>,
  { name, given, findings }: Given,
): Value | Absent | Invalid {
  return given === null ? absent : schema.read(given, name, findings);
}

/** Of these an empty one counts as absent. */
function filled(parameters: URLSearchParams, name: "state" | "cursor"): string | null {
  return parameters.get(name) || null;
}

/** The row "any text" comes before those of a query (promise-api.md §1.5). */
export function undecodedQuery({ rules, texts }: Findings): Undecoded {
  return { kind: "invalid", details: [...texts, ...rules] };
}
