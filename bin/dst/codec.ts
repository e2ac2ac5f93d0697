// A request of the simulation, written as a client of the HTTP API would write it and read back by the
// server's own decoder. What comes back must be what was meant, but for the order of headers and tags,
// which means nothing (promise-api.md §1.6).
//
// Not everything can be said over HTTP: callbacks are not part of that API, its promises are external,
// and its payloads are base64.

import { isDeepStrictEqual } from "node:util";
import { toCanonical } from "../../api/base64.ts";
import { brokenCreationRules } from "../../api/creation.ts";
import { encodeCursor } from "../../api/cursor.ts";
import {
  type Decoded,
  decodeComplete,
  decodeCreate,
  decodeGet,
  type WireWrite,
} from "../../api/decode.ts";
import { decodeEvents, decodeSearch } from "../../api/query.ts";
import { Violation } from "../../dst/verdict.ts";
import type { CreatePromise, Request, SettlePromise } from "../../kernel/command.ts";
import type { Pairs, Value } from "../../kernel/value.ts";

/** No server makes cursors beyond it (api/cursor.ts). */
const cursorMax = 1e15;

/**
 * @returns the request as the server has read it; null if it cannot be said over HTTP
 * @throws Violation if it is another one
 */
export function throughHttp(request: Request): Request | null {
  const decoded = carried(request);
  if (decoded === null) return null;
  if (decoded.kind === "decoded" && isDeepStrictEqual(decoded.request, request)) {
    return decoded.request;
  }
  const actual = decoded.kind === "decoded" ? show(decoded.request) : decoded.details.join("; ");
  throw new Violation("X", "codec", "a request is not read as it was written", {
    expected: show(request),
    actual,
  });
}

function carried(request: Request): Decoded<Request> | null {
  switch (request.kind) {
    case "create_promise": {
      const { id, timeoutAt, param, tags } = request;
      const isSayable =
        request.isExternal && brokenCreationRules({ id, timeoutAt, tags }).length === 0;
      if (!isSayable || !canCarry(param)) return null;
      const body = `{"timeout":${timeoutAt},"param":${json(param)},"tags":${jsonPairs(tags)}}`;
      return decodeCreate(encodeURIComponent(id), wire(request, body));
    }
    case "settle_promise": {
      const { id, value, outcome } = request;
      if (!canCarry(value)) return null;
      const body = `{"value":${json(value)}}`;
      return decodeComplete(encodeURIComponent(id), wire(request, body), outcome);
    }
    case "get_promise":
      return decodeGet(encodeURIComponent(request.id));
    case "search_promises": {
      const { pattern, state, tags, limit, before } = request;
      if (before !== null && before >= cursorMax) return null;
      if (before !== null) {
        return decodeSearch(`${new URLSearchParams({ cursor: encodeCursor(request) })}`);
      }
      const named = [...tags].map(([name, value]) => [`tags[${name}]`, value]);
      const asked = [["q", pattern], ["state", state ?? ""], ["limit", `${limit}`], ...named];
      return decodeSearch(`${new URLSearchParams(asked)}`);
    }
    case "read_events": {
      const { of, after, limit } = request;
      const named = of === null ? [] : [["id", of.id]];
      const asked = [["after", `${after}`], ["limit", `${limit}`], ...named];
      return decodeEvents(`${new URLSearchParams(asked)}`);
    }
    case "register_callback":
      return null;
  }
}

function wire({ key, strict }: CreatePromise | SettlePromise, body: string): WireWrite {
  return {
    key: key === null ? null : Buffer.from(key).toString("latin1"), // a header's bytes
    strict: strict ? "true" : null,
    body: Buffer.from(body),
  };
}

function canCarry({ data, headers }: Value): boolean {
  const isBase64 = data === null || (data !== "" && toCanonical(data) === data);
  return isBase64 && headers?.size !== 0;
}

function json({ headers, data }: Value): string {
  const members = [
    ...(headers === null ? [] : [`"headers":${jsonPairs(headers)}`]),
    ...(data === null ? [] : [`"data":${JSON.stringify(data)}`]),
  ];
  return `{${members.join(",")}}`;
}

/** By hand, since an object would lose `__proto__`. */
function jsonPairs(pairs: Pairs): string {
  const members = [...pairs].map(([name, value]) => {
    return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  });
  return `{${members.join(",")}}`;
}

function show(request: Request): string {
  return JSON.stringify(request, (_name, value) => {
    if (value instanceof Map) return [...value];
    return typeof value === "bigint" ? `${value}` : value;
  });
}
