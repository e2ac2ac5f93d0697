// Every outcome that this API can answer, in one table (promise-api.md §3): its code, its status over
// HTTP and gRPC, and what is said to people. A new outcome does not compile without its row.
//
//   T1. The HTTP status is the code divided by ten, rounded down.
//   T2. A 5xx says what failed, and whether it may have had an effect.

import { assert } from "../kernel/assert.ts";
import type { Failure, PromiseRefusal, Refusal } from "../kernel/command.ts";

/** What the rim itself refuses, before the kernel hears of it. */
export type RimRefusal =
  | "invalid_request"
  | "unauthenticated"
  | "forbidden"
  | "route_not_found"
  | "method_not_allowed"
  | "body_too_large";

/** What fails in the rim. */
export type RimFailure =
  /** Without effect: the server takes no new requests. */
  | "shutting_down"
  /** With or without effect: a bug struck between the request and its answer. */
  | "internal";

export type ErrorOutcome = PromiseRefusal | Failure | RimRefusal | RimFailure;
export type Outcome = "unchanged" | "changed" | ErrorOutcome;

export const grpc = {
  ok: 0,
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export type Row = {
  readonly code: number;
  /** Null: it cannot happen there. */
  readonly grpc: number | null;
  /** For programs, over gRPC. */
  readonly reason: string;
  readonly message: string;
  /** What a 5xx adds: what failed, what is known about the effect (T2). */
  readonly detail?: string;
  /** Seconds. */
  readonly retryAfter?: number;
  readonly closesConnection?: boolean;
};

const retryAfter = 1; // s; specified in promise-api.md §7

// biome-ignore format: a table is read down its columns
export const statuses: Readonly<Record<Outcome, Row>> = {
  unchanged:                 { code: 2000, grpc: grpc.ok,                reason: "",                   message: "" },
  changed:                   { code: 2010, grpc: grpc.ok,                reason: "",                   message: "" },
  invalid_request:           { code: 4000, grpc: grpc.invalidArgument,   reason: "INVALID_REQUEST",    message: "The request is not valid" },
  unauthenticated:           { code: 4010, grpc: grpc.unauthenticated,   reason: "UNAUTHENTICATED",    message: "A valid token is needed" },
  promise_already_resolved:  { code: 4030, grpc: grpc.permissionDenied,  reason: "ALREADY_RESOLVED",   message: "The promise is already resolved" },
  promise_already_rejected:  { code: 4031, grpc: grpc.permissionDenied,  reason: "ALREADY_REJECTED",   message: "The promise is already rejected" },
  promise_already_canceled:  { code: 4032, grpc: grpc.permissionDenied,  reason: "ALREADY_CANCELED",   message: "The promise is already canceled" },
  promise_already_timedout:  { code: 4033, grpc: grpc.permissionDenied,  reason: "ALREADY_TIMED_OUT",  message: "The promise is already timed out" },
  forbidden:                 { code: 4038, grpc: grpc.permissionDenied,  reason: "FORBIDDEN",          message: "The token does not cover this request" },
  promise_not_found:         { code: 4040, grpc: grpc.notFound,          reason: "PROMISE_NOT_FOUND",  message: "There is no promise with this id" },
  route_not_found:           { code: 4049, grpc: grpc.unimplemented,     reason: "ROUTE_NOT_FOUND",    message: "There is no such route" },
  method_not_allowed:        { code: 4050, grpc: null,                   reason: "METHOD_NOT_ALLOWED", message: "The method is not allowed here" },
  promise_already_exists:    { code: 4090, grpc: grpc.alreadyExists,     reason: "PROMISE_EXISTS",     message: "The id is already in use" },
  body_too_large:            { code: 4130, grpc: grpc.resourceExhausted, reason: "BODY_TOO_LARGE",     message: "The body is too large", closesConnection: true },
  internal:                  { code: 5000, grpc: grpc.internal,          reason: "INTERNAL",           message: "The server failed unexpectedly",
    detail: "A part of the server failed while it worked on the request; whether anything changed is unknown" },
  store_failed:              { code: 5002, grpc: grpc.internal,          reason: "STORE_FAILURE",      message: "The store failed",
    detail: "The store failed or timed out before anything was written; nothing changed" },
  outcome_unknown:           { code: 5002, grpc: grpc.internal,          reason: "STORE_FAILURE",      message: "The store failed",
    detail: "The store failed or timed out during the commit; the outcome is unknown: the request was applied wholly or not at all" },
  record_unreadable:         { code: 5003, grpc: grpc.internal,          reason: "RECORD_UNREADABLE",  message: "A stored record cannot be read",
    detail: "A record that the request needs is corrupt or not ours; nothing changed" },
  shutting_down:             { code: 5030, grpc: grpc.unavailable,       reason: "SHUTTING_DOWN",      message: "The server is shutting down",
    detail: "The server takes no new requests; nothing changed", closesConnection: true },
  queue_full:                { code: 5031, grpc: grpc.unavailable,       reason: "API_QUEUE_FULL",     message: "The server is overloaded",
    detail: "The queue of requests is full; nothing changed", retryAfter },
  store_overloaded:          { code: 5032, grpc: grpc.unavailable,       reason: "IO_QUEUE_FULL",      message: "The storage layer is overloaded",
    detail: "The store's queue or disk is full, or other servers were faster each time; nothing changed", retryAfter },
};

/** Of callbacks and tasks the original API cannot be asked, so their refusals cannot be answered. */
export function promiseRefusal(refusal: Refusal): PromiseRefusal {
  assert(isPromiseRefusal(refusal), `the original API is refused with "${refusal}"`);
  return refusal;
}

function isPromiseRefusal(refusal: Refusal): refusal is PromiseRefusal {
  return Object.hasOwn(statuses, refusal);
}

export function httpStatus(outcome: Outcome): number {
  return Math.floor(statuses[outcome].code / 10); // T1
}

/** Where people can read about a code. */
const documentation = "https://docs.resonatehq.io/reference/error-codes";

const refusedDetail = "The request is refused as it stands";

/**
 * The JSON text of an error, the same over HTTP and gRPC.
 *
 * @param details of an invalid request, one for each broken rule; other outcomes have one of their own
 */
export function envelope(outcome: ErrorOutcome, details: readonly string[] = []): string {
  assert((outcome === "invalid_request") === details.length > 0, "details for another outcome");
  return printed.get(outcome) ?? print(outcome, details);
}

function print(outcome: ErrorOutcome, details: readonly string[]): string {
  const { code, message } = statuses[outcome];
  const metadata = { url: `${documentation}#${code}` };
  const kind = detailKind(code);
  const listed = details.map((text) => ({
    "@type": kind.type,
    message: text,
    domain: kind.domain,
    metadata,
  }));
  return JSON.stringify({ error: { code, message, details: listed } });
}

function detailKind(code: number): { readonly type: string; readonly domain: string } {
  if (code === statuses.invalid_request.code) {
    return { type: "FieldValidationError", domain: "validation" };
  }
  const isOurs = code >= 5000;
  return isOurs
    ? { type: "ServerError", domain: "server" }
    : { type: "RequestError", domain: "request" };
}

/** Without the successes, which are no errors. */
export const errorOutcomes: readonly ErrorOutcome[] = Object.keys(statuses).filter(isError);

/** Those whose text never changes, printed once. */
const printed: ReadonlyMap<ErrorOutcome, string> = new Map(
  errorOutcomes.filter(isConstant).map((outcome) => {
    const detail = statuses[outcome].detail ?? refusedDetail;
    return [outcome, print(outcome, [detail])];
  }),
);

function isConstant(outcome: ErrorOutcome): boolean {
  return outcome !== "invalid_request";
}

function isError(outcome: string): outcome is ErrorOutcome {
  return outcome !== "unchanged" && outcome !== "changed";
}
