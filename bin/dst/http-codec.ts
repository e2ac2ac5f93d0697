// A request of the simulation, written as a client of the HTTP API would write it and read back by the
// server's own decoder.

import { encodeCursor } from "../../api/cursor.ts";
import {
  type Decoded,
  decodeComplete,
  decodeCreate,
  decodeGet,
  type WireWrite,
} from "../../api/decode.ts";
import { decodeEvents, decodeSearch } from "../../api/query.ts";
import type { CreatePromise, Request, SettlePromise } from "../../kernel/command.ts";
import type { Pairs, Value } from "../../kernel/value.ts";
import { isCarried, isCursor, isSayable } from "./sayable.ts";

/** @returns null if it cannot be said over HTTP */
export function carriedByHttp(request: Request): Decoded<Request> | null {
  switch (request.kind) {
    case "create_promise": {
      if (request.isShared) return null;
      const { id, timeoutAt, param, tags } = request;
      if (!isSayable(request)) return null;
      const body = `{"timeout":${timeoutAt},"param":${json(param)},"tags":${jsonPairs(tags)}}`;
      return decodeCreate(encodeURIComponent(id), wire(request, body));
    }
    case "settle_promise": {
      const { id, value, outcome } = request;
      if (request.isShared || !isCarried(value)) return null;
      const body = `{"value":${json(value)}}`;
      return decodeComplete(encodeURIComponent(id), wire(request, body), outcome);
    }
    case "get_promise":
      return decodeGet(encodeURIComponent(request.id));
    case "search_promises": {
      const { pattern, state, tags, limit, before } = request;
      if (before !== null && !isCursor(before)) return null;
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
    default:
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
