// How `resonate.v1` refuses: the code of gRPC by the status of the envelope, its text to the letter,
// and one detail for programs.
//
//   G8. The message is the text that the envelope answers; `status` of the detail is its status.

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { assert } from "../../../kernel/assert.ts";
import type { Failure } from "../../../kernel/command.ts";
import { ErrorInfoSchema } from "../../../proto/gen/google/rpc/error_details_pb.ts";
import type { Answer } from "../../gateway.ts";
import { type Told, tellFailure } from "../../protocol/answer.ts";
import { type RimFailure, statuses } from "../../status.ts";

export type Refused = {
  /** Of the envelope. */
  readonly status: number;
  readonly reason: string;
  readonly text: string;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
};

export const unauthenticated: Refused = {
  ...{ status: 401, reason: statuses.unauthenticated.reason, text: "Unauthorized" },
};
export const forbidden: Refused = {
  ...{ status: 403, reason: statuses.forbidden.reason, text: "Forbidden" },
};
export const shuttingDown = failureOf("shutting_down");
export const internal = failureOf("internal");
/** More workers than the server takes. */
export const atCapacity: Refused = {
  ...{ status: 503, reason: "POLL_CAPACITY", text: "Poll registration at capacity" },
};

export function invalid(text: string): Refused {
  return { status: 400, reason: statuses.invalid_request.reason, text };
}

/** @param told of an answer that is a refusal or a failure */
export function refusalOf(answer: Answer, told: Told): Refused {
  if (answer.kind === "failed") return failureOf(answer.failure);
  assert(answer.kind === "refused", `what is told as a refusal is "${answer.kind}"`);
  return { ...textOf(told), reason: answer.refusal.toUpperCase() };
}

function failureOf(failure: Failure | RimFailure): Refused {
  const { reason, retryAfter } = statuses[failure];
  return { ...textOf(tellFailure(failure)), reason, retryAfter };
}

function textOf({ status, data }: Told): Pick<Refused, "status" | "text"> {
  assert(typeof data === "string", "a refusal is told without a text");
  return { status, text: data };
}

const codes: ReadonlyMap<number, Code> = new Map([
  [400, Code.InvalidArgument],
  [401, Code.Unauthenticated],
  [403, Code.PermissionDenied],
  [404, Code.NotFound],
  [409, Code.FailedPrecondition],
  [422, Code.FailedPrecondition],
  [500, Code.Internal],
  [503, Code.Unavailable],
]);

/** Where gRPC has a better word than for others of that status. */
const special: ReadonlyMap<string, Code> = new Map([
  ["TASK_ALREADY_EXISTS", Code.AlreadyExists],
  [atCapacity.reason, Code.ResourceExhausted],
]);

/** G8. */
export function toError({ status, reason, text, retryAfter }: Refused): ConnectError {
  const code = special.get(reason) ?? codes.get(status);
  assert(code !== undefined, `gRPC has no code for ${status}`);
  const metadata = {
    status: `${status}`,
    ...(retryAfter !== undefined && { retryAfter: `${retryAfter}` }),
  };
  const value = create(ErrorInfoSchema, { reason, domain: "resonate", metadata });
  return new ConnectError(text, code, undefined, [{ desc: ErrorInfoSchema, value }]);
}
