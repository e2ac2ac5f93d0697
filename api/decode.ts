// Requests, from the wire to what the kernel is asked. The only validation of input: behind it, bad
// input is a bug. A request passes stages (promise-api.md §1.5), and the first that finds something
// wrong reports all that it has found.
//
//   V3. The path names the promise wherever it can; a body's `id` counts on `POST /promises` only.
//   V4. An id is cut out while it is encoded and decoded once, as UTF-8.
//   V5. An empty idempotency key is no key; an absent or empty `strict` is false.

import { isUtf8 } from "node:buffer";
import type { CreatePromise, GetPromise, Request, SettlePromise } from "../kernel/command.ts";
import { type PromiseId, promiseId } from "../kernel/ids.ts";
import { type Acceptance, usualAcceptance } from "./acceptance.ts";
import { brokenCreationRules } from "./creation.ts";
import { bodies, id as idSchema, keyBytesMax } from "./fields.ts";
import { parseExact } from "./int64.ts";
import {
  always,
  areClean,
  broken,
  Findings,
  hasBytes,
  type Invalid,
  invalid,
  isObject,
  type Read,
  readMembers,
  whole,
} from "./schema.ts";

export type Decoded<Asked extends Request> =
  | { readonly kind: "decoded"; readonly request: Asked }
  | Undecoded;
export type Undecoded = { readonly kind: "invalid"; readonly details: readonly string[] };

/** A write as it came, but for the path. Header values have one character for each byte. */
export type WireWrite = {
  readonly key: string | null;
  readonly strict: string | null;
  readonly body: Uint8Array;
};

type CreationMembers = Read<typeof bodies.createNamed>;
type Conditions = { readonly key: string | null; readonly strict: boolean };
type Outcome = SettlePromise["outcome"];
type Body = Readonly<Record<string, unknown>>;

/** @param encodedId as the path has it; null where the body names the promise */
export function decodeCreate(
  encodedId: string | null,
  wire: WireWrite,
  acceptance: Acceptance = usualAcceptance,
): Decoded<CreatePromise> {
  const findings = new Findings();
  const pathId = encodedId === null ? null : readPathId(encodedId, findings);
  const front = readFront(pathId, wire, findings);
  const members = front === invalid ? invalid : readCreation(front.id, front.body, findings);
  const creation = members === invalid ? invalid : judgedCreation(members, findings, acceptance);
  if (front === invalid || creation === invalid) return undecoded(findings);
  const request = { kind: "create_promise", ...creation, ...front.conditions } as const;
  return { kind: "decoded", request };
}

/** @param outcome null where the body says it */
export function decodeComplete(
  encodedId: string,
  wire: WireWrite,
  outcome: Outcome | null,
): Decoded<SettlePromise> {
  const findings = new Findings();
  const front = readFront(readPathId(encodedId, findings), wire, findings);
  const completion = front === invalid ? invalid : readCompletion(outcome, front.body, findings);
  if (front === invalid || completion === invalid) return undecoded(findings);
  const { id, conditions } = front;
  const asked = { kind: "settle_promise", id, ...completion, ...conditions } as const;
  return { kind: "decoded", request: { ...asked, isShared: false } };
}

export function decodeGet(encodedId: string): Decoded<GetPromise> {
  const findings = new Findings();
  const id = readPathId(encodedId, findings);
  if (id === invalid) return undecoded(findings);
  return { kind: "decoded", request: { kind: "get_promise", id } };
}

/** The stages before a body's members: path id, headers, syntax of the body. */
function readFront<Id>(
  id: Id | Invalid,
  wire: WireWrite,
  findings: Findings,
): { readonly id: Id; readonly conditions: Conditions; readonly body: Body } | Invalid {
  if (id === invalid) return invalid;
  const conditions = readConditions(wire, findings);
  if (conditions === invalid) return invalid;
  const body = readBody(wire.body, findings);
  return body === invalid ? invalid : { id, conditions, body };
}

/** The key and strictness of a write (V5). */
function readConditions({ key, strict }: WireWrite, findings: Findings): Conditions | Invalid {
  return whole({
    key: key === null || key === "" ? null : readKey(key, findings),
    strict: strict === null || strict === "" ? false : readFlag(strict, findings),
  });
}

function readKey(bytes: string, findings: Findings): string | Invalid {
  const key = decodeLatin1(bytes);
  if (key === null) return broken(findings, "idempotency-key must be UTF-8");
  return readKeyText(key, "idempotency-key", findings);
}

/** @param key not empty (V5) */
export function readKeyText(key: string, field: string, findings: Findings): string | Invalid {
  const isShort = hasBytes(key, keyBytesMax);
  if (!isShort) broken(findings, `${field} must be at most ${keyBytesMax} bytes long`);
  return areClean([key], field, findings) && isShort ? key : invalid;
}

function readFlag(word: string, findings: Findings): boolean | Invalid {
  return flags.get(word) ?? broken(findings, "strict must be true or false");
}

/** What Go's parser of booleans takes, which the old server used. */
const flags: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "true", "True", "TRUE"].map((word) => [word, true] as const),
  ...["0", "f", "F", "false", "False", "FALSE"].map((word) => [word, false] as const),
]);

export function undecoded(findings: Findings): Undecoded {
  return { kind: "invalid", details: [...findings.rules, ...findings.texts] };
}

/** @param bytes one character for each byte, as HTTP hands headers over */
export function decodeLatin1(bytes: string): string | null {
  if (isAscii(bytes)) return bytes;
  const buffer = Buffer.from(bytes, "latin1");
  return isUtf8(buffer) ? buffer.toString() : null;
}

export function isAscii(text: string): boolean {
  return !highByte.test(text);
}

const highByte = /[^\0-\x7f]/;

/** V4. */
function readPathId(encoded: string, findings: Findings): PromiseId | Invalid {
  const decoded = decodePercents(encoded);
  if (decoded === null) return broken(findings, "id must be percent-encoded UTF-8");
  const id = idSchema.read(decoded, "id", findings);
  return id === invalid ? invalid : promiseId(id);
}

function decodePercents(encoded: string): string | null {
  if (!encoded.includes("%")) return encoded;
  try {
    return decodeURIComponent(encoded); // refuses bad escapes and what is not UTF-8
  } catch {
    return null;
  }
}

function readBody(bytes: Uint8Array, findings: Findings): Body | Invalid {
  if (bytes.length === 0) return broken(findings, "body is required");
  const body = parseBody(bytes);
  if (body === invalid) return broken(findings, "body must be JSON");
  return isObject(body) ? body : broken(findings, "body must be an object");
}

function parseBody(bytes: Uint8Array): unknown {
  if (!isUtf8(bytes)) return invalid;
  const { buffer, byteOffset, length } = bytes;
  try {
    return parseExact(Buffer.from(buffer, byteOffset, length).toString(), "timeout");
  } catch {
    return invalid; // malformed, or nested too deeply
  }
}

function readCreation(
  pathId: PromiseId | null,
  body: Body,
  findings: Findings,
): CreationMembers | Invalid {
  const named = pathId === null ? bodies.createNamed : { ...bodies.create, id: always(pathId) }; // V3
  return readMembers(named, body, { findings });
}

export type Creation = Omit<CreatePromise, "kind" | "key" | "strict">;

/** What all the members of a creation say together, once each of them is valid. */
export function judgedCreation(
  members: CreationMembers,
  findings: Findings,
  acceptance: Acceptance,
): Creation | Invalid {
  const { timeout: timeoutAt, param, tags } = members;
  const id = promiseId(members.id);
  const rules = brokenCreationRules({ id, timeoutAt, tags }, acceptance);
  const isOurs = { isExternal: true, isShared: false };
  if (rules.length === 0) return { id, timeoutAt, param, tags, ...isOurs };
  findings.rules.push(...rules);
  return invalid;
}

function readCompletion(
  outcome: Outcome | null,
  body: Body,
  findings: Findings,
): Pick<SettlePromise, "outcome" | "value"> | Invalid {
  const state =
    outcome === null ? bodies.completeNamed : { ...bodies.complete, state: always(outcome) };
  const members = readMembers(state, body, { findings });
  return members === invalid ? invalid : { outcome: members.state, value: members.value };
}
