// Protobuf messages, to what the kernel is asked and from what it answers (promise-api.md §5). The
// rules, their texts and their order are those of HTTP; only the encoding differs.
//
//   M1. An empty string is an absent one. An empty `q` is `*`, a `limit` of 0 is the usual one.
//   M2. A message is one stage: every rule that it breaks gives a detail.
//   M3. `param` and `value` are always answered, `value` from the value. Absent numbers are 0.
//   M4. The bytes of a payload are those that HTTP shows as base64.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CreatePromise, GetPromise, SettlePromise } from "../../kernel/command.ts";
import type { Outcome } from "../../kernel/event.ts";
import { promiseId } from "../../kernel/ids.ts";
import type { PromiseRecord } from "../../kernel/promise.ts";
import type { PromisePage, SearchPromises, SearchState } from "../../kernel/search.ts";
import { emptyValue, type Pairs, type Value } from "../../kernel/value.ts";
import {
  type CancelPromiseRequest,
  type CreatePromiseRequest,
  type PromiseSchema,
  SearchState as ProtoSearchState,
  type Value as ProtoValue,
  type ReadPromiseRequest,
  type RejectPromiseRequest,
  type ResolvePromiseRequest,
  type SearchPromisesRequest,
  type SearchPromisesResponseSchema,
  State,
} from "../../proto/gen/promise/promise_pb.ts";
import { type Acceptance, usualAcceptance } from "../acceptance.ts";
import { shownAsBytes } from "../base64.ts";
import { encodeCursor } from "../cursor.ts";
import { type Decoded, judgedCreation, readKeyText, undecoded } from "../decode.ts";
import { id as idSchema, limit, limitMax, pattern, readTags } from "../fields.ts";
import { cursor, undecodedQuery } from "../query.ts";
import { broken, deadline, Findings, type Invalid, invalid, pairs, whole } from "../schema.ts";

type Message<Of> = Omit<Of, "$typeName" | "$unknown">;
export type CompleteRequest = Message<
  CancelPromiseRequest | ResolvePromiseRequest | RejectPromiseRequest
>;

export function decodeRead({ id }: Message<ReadPromiseRequest>): Decoded<GetPromise> {
  const findings = new Findings();
  const read = idSchema.read(id, "id", findings);
  if (read === invalid) return undecoded(findings);
  return { kind: "decoded", request: { kind: "get_promise", id: promiseId(read) } };
}

export function decodeCreate(
  message: Message<CreatePromiseRequest>,
  acceptance: Acceptance = usualAcceptance,
): Decoded<CreatePromise> {
  const findings = new Findings();
  const read = whole({
    id: idSchema.read(message.id, "id", findings),
    key: readKey(message.idempotencyKey, findings),
    timeout: deadline.read(message.timeout, "timeout", findings),
    param: readValue(message.param, "param", findings),
    tags: pairs.read(message.tags, "tags", findings),
  });
  const creation = read === invalid ? invalid : judgedCreation(read, findings, acceptance);
  if (read === invalid || creation === invalid) return undecoded(findings);
  const { strict } = message;
  const request = { kind: "create_promise", ...creation, key: read.key, strict } as const;
  return { kind: "decoded", request };
}

export function decodeComplete(
  { id, idempotencyKey, strict, value }: CompleteRequest,
  outcome: SettlePromise["outcome"],
): Decoded<SettlePromise> {
  const findings = new Findings();
  const read = whole({
    id: idSchema.read(id, "id", findings),
    key: readKey(idempotencyKey, findings),
    value: readValue(value, "value", findings),
  });
  if (read === invalid) return undecoded(findings);
  const { key, value: result } = read;
  const request = {
    kind: "settle_promise",
    id: promiseId(read.id),
    outcome,
    value: result,
  } as const;
  return { kind: "decoded", request: { ...request, key, strict, isShared: false } };
}

export function decodeSearch(message: Message<SearchPromisesRequest>): Decoded<SearchPromises> {
  const findings = new Findings();
  const search = whole({
    pattern: message.q === "" ? "*" : pattern.read(message.q, "q", findings),
    state: readState(message.state, findings),
    tags: readTags(Object.entries(message.tags), findings),
    limit: message.limit === 0 ? limitMax : limit.read(`${message.limit}`, "limit", findings),
    next: message.cursor === "" ? null : cursor.read(message.cursor, "cursor", findings),
  });
  if (search === invalid) return undecodedQuery(findings);
  const { next, ...first } = search;
  return { kind: "decoded", request: next ?? { kind: "search_promises", ...first, before: null } };
}

/** M1. */
function readKey(key: string, findings: Findings): string | null | Invalid {
  return key === "" ? null : readKeyText(key, "idempotencyKey", findings);
}

/** M4. Empty and absent are one thing, as over HTTP, and kept as absent. */
function readValue(
  value: ProtoValue | undefined,
  field: string,
  findings: Findings,
): Value | Invalid {
  if (value === undefined) return emptyValue;
  const { data } = value;
  const headers = pairs.read(value.headers, `${field}.headers`, findings);
  if (headers === invalid) return invalid;
  return {
    headers: headers.size === 0 ? null : headers,
    data: data.length === 0 ? null : base64Of(data),
  };
}

function base64Of({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

const searchStates: ReadonlyMap<ProtoSearchState, SearchState | null> = new Map([
  [ProtoSearchState.SEARCH_ALL, null],
  [ProtoSearchState.SEARCH_PENDING, "pending"],
  [ProtoSearchState.SEARCH_RESOLVED, "resolved"],
  [ProtoSearchState.SEARCH_REJECTED, "rejected"],
]);

/** A number may come that no name stands for. */
function readState(state: ProtoSearchState, findings: Findings): SearchState | null | Invalid {
  const known = searchStates.get(state);
  if (known !== undefined) return known;
  return broken(findings, "state must be pending, resolved or rejected");
}

const states: Readonly<Record<Outcome, State>> = {
  resolved: State.RESOLVED,
  rejected: State.REJECTED,
  canceled: State.REJECTED_CANCELED,
  timedout: State.REJECTED_TIMEDOUT,
};

/** M3. */
export function encodePromise(
  id: string,
  promise: PromiseRecord,
): MessageInitShape<typeof PromiseSchema> {
  const isSettled = promise.kind === "settled";
  return {
    id,
    state: isSettled ? states[promise.outcome] : State.PENDING,
    param: toValue(promise.param),
    value: toValue(isSettled ? promise.value : emptyValue),
    timeout: promise.timeoutAt,
    idempotencyKeyForCreate: promise.createKey ?? "",
    idempotencyKeyForComplete: isSettled ? (promise.settleKey ?? "") : "",
    createdOn: BigInt(promise.createdAt),
    completedOn: isSettled ? BigInt(promise.settledAt) : 0n,
    tags: toMap(promise.tags),
  };
}

/** @param search the one that the page answers: its cursor carries it on */
export function encodePage(
  { promises, before }: PromisePage,
  search: SearchPromises,
): MessageInitShape<typeof SearchPromisesResponseSchema> {
  return {
    cursor: before === null ? "" : encodeCursor({ ...search, before }),
    promises: promises.map(({ id, promise }) => encodePromise(id, promise)),
  };
}

export function toValue({ headers, data }: Value) {
  return {
    headers: headers === null ? {} : toMap(headers),
    data: data === null ? Buffer.of() : shownAsBytes(data),
  };
}

/** Makes own members of all names. */
export function toMap(of: Pairs): Record<string, string> {
  return Object.fromEntries(of);
}
