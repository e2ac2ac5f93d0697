// Outcomes as gRPC tells them (promise-api.md §5.3): the code and the message of the table, and one
// detail for programs.

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { assert } from "../../kernel/assert.ts";
import { ErrorInfoSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";
import { type ErrorOutcome, envelope, statuses } from "../status.ts";

const domain = "resonate";

/** @param details of an invalid request, as for `envelope` */
export function rpcError(outcome: ErrorOutcome, details?: readonly string[]): ConnectError {
  const { code, grpc, reason, message, retryAfter } = statuses[outcome];
  assert(grpc !== null && grpc in Code, "an outcome that gRPC has no code for");
  const metadata = {
    code: `${code}`,
    envelope: envelope(outcome, details),
    ...(retryAfter !== undefined && { retryAfter: `${retryAfter}` }),
  };
  const value = create(ErrorInfoSchema, { reason, domain, metadata });
  return new ConnectError(message, grpc, undefined, [{ desc: ErrorInfoSchema, value }]);
}

/**
 * Escapes a text as far as gRPC wants it (R6). The package escapes a colon, too, which not all clients
 * undo: grpc-js would show `%3A`.
 */
export function respell(trailer: Headers | undefined): void {
  const text = trailer?.get("grpc-message") ?? "";
  const escaped = decodeURIComponent(text).replace(/[^ -$&-~]+/g, encodeURIComponent);
  if (escaped !== text) trailer?.set("grpc-message", escaped);
}
