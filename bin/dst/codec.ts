// A request of the simulation, written as a client of each API would write it and read back by the
// server's own decoders. What comes back must be what was meant, but for the order of headers and tags,
// which means nothing (promise-api.md §1.6).

import { isDeepStrictEqual } from "node:util";
import { Violation } from "../../dst/verdict.ts";
import type { Request } from "../../kernel/command.ts";
import { carriedByHttp } from "./http-codec.ts";
import { carriedByRpc } from "./rpc-codec.ts";

const codecs = { HTTP: carriedByHttp, protobuf: carriedByRpc };

/**
 * @returns the request as the server has read it; null if no API can say it
 * @throws Violation if it is another one
 */
export function throughCodecs(request: Request): Request | null {
  let last: Request | null = null;
  for (const [name, carried] of Object.entries(codecs)) {
    const decoded = carried(request);
    if (decoded === null) continue;
    if (decoded.kind === "invalid" || !isDeepStrictEqual(decoded.request, request)) {
      const actual =
        decoded.kind === "decoded" ? show(decoded.request) : decoded.details.join("; ");
      const message = `a request is not read as it was written, by ${name}`;
      throw new Violation("X", "codec", message, { expected: show(request), actual });
    }
    last = decoded.request;
  }
  return last;
}

function show(request: Request): string {
  return JSON.stringify(request, (_name, value) => {
    if (value instanceof Map) return [...value];
    return typeof value === "bigint" ? `${value}` : value;
  });
}
