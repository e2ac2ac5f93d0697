// The envelope of the current protocol: one route, the operation in the body (protocol.md §1.1). What
// is judged here does not depend on the operation.
//
//   V6. The first failing row of the table answers, with exactly its text.
//   V7. `kind` and `corrId` are echoed as far as they can be read, whatever else is wrong.
//   V8. A 64-bit number is read to its last digit.

import { isUtf8 } from "node:buffer";
import { type InstantMs, instantMs } from "../../kernel/ids.ts";
import { parseMembers } from "../int64.ts";
import { isObject } from "../schema.ts";

export const protocolVersion = "2026-04-01";

/** What an answer echoes. */
export type Echo = { readonly kind: string; readonly corrId: string };

export type Envelope = {
  readonly echo: Echo;
  readonly auth: string | null;
  /** The instant at which it is to run, where time can be driven (§9); null: now. */
  readonly time: InstantMs | null;
  readonly data: Readonly<Record<string, unknown>>;
};

export type Opened =
  | { readonly kind: "opened"; readonly envelope: Envelope }
  | { readonly kind: "refused"; readonly echo: Echo; readonly reason: string };

export const unknownEcho: Echo = { kind: "unknown", corrId: "0" };

/** The members of any operation that hold 64-bit numbers. */
const exact: ReadonlySet<string> = new Set(["timeoutAt", "ttl", "promiseTimeout"]);

export function openEnvelope(bytes: Uint8Array): Opened {
  const body = parse(bytes);
  if (!isObject(body)) {
    const what = body === undefined ? "the body is no JSON" : "the body is no object";
    return refuse(unknownEcho, `Invalid request envelope: ${what}`);
  }
  const { kind, head, data } = body;
  const named = isObject(head) ? head : {};
  const echo: Echo = {
    kind: typeof kind === "string" ? kind : unknownEcho.kind, // V7
    corrId: typeof named["corrId"] === "string" ? named["corrId"] : unknownEcho.corrId,
  };
  const fault = headFault(kind, head);
  if (fault !== null) return refuse(echo, `Invalid request envelope: ${fault}`);
  if (kind === "") {
    return refuse(echo, "Missing or invalid 'kind' field — must be a non-empty string");
  }
  if (!isObject(data)) return refuse(echo, "Invalid 'data' field — must be an object");
  const { version, auth, "resonate:debug_time": time } = named;
  if (version !== protocolVersion) {
    const known = `supported versions: ["${protocolVersion}"]`;
    return refuse(echo, `Unsupported protocol version '${version}', ${known}`);
  }
  const envelope = {
    echo,
    auth: typeof auth === "string" ? auth : null,
    time: typeof time === "number" ? instantMs(time) : null,
    data,
  };
  return { kind: "opened", envelope };
}

/** @returns undefined if it is no JSON */
function parse(bytes: Uint8Array): unknown {
  if (!isUtf8(bytes)) return undefined;
  const { buffer, byteOffset, length } = bytes;
  try {
    return parseMembers(Buffer.from(buffer, byteOffset, length).toString(), exact); // V8
  } catch {
    return undefined;
  }
}

function headFault(kind: unknown, head: unknown): string | null {
  if (typeof kind !== "string") return "kind must be a string";
  if (!isObject(head)) return "head must be an object";
  const { corrId, version, auth, "resonate:debug_time": time } = head;
  if (typeof corrId !== "string") return "head.corrId must be a string";
  if (typeof version !== "string") return "head.version must be a string";
  if (!isAbsent(auth) && typeof auth !== "string") return "head.auth must be a string";
  const isTime = isAbsent(time) || (Number.isSafeInteger(time) && Number(time) >= 0);
  return isTime ? null : "head.resonate:debug_time must be an integer from 0 to 2^53 - 1";
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function refuse(echo: Echo, reason: string): Opened {
  return { kind: "refused", echo, reason };
}
