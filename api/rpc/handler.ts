// From node's requests to the services, for every protocol that Connect speaks: gRPC, gRPC-Web, and
// Connect with binary and JSON bodies. What it answers by itself is what the transport cannot read.
//
//   R1. Nothing is thrown: a request that cannot even be handed over is answered 400.
//   R2. A path that no service has is UNIMPLEMENTED to gRPC, and 404 to anybody else.
//   R3. What the transport refuses of the promise service's calls is observed, once.
//   R4. A message is bounded as a body is, after decompression.
//   R5. Of an answer that streams, the next message is asked for once the last has been written.
//   R6. A text is escaped as far as gRPC wants it, and no further.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import {
  type ConnectRouter,
  cors as connectCors,
  createConnectRouter,
  createContextValues,
} from "@connectrpc/connect";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { PromiseService } from "../../proto/gen/promise/promise_pb.ts";
import { type Cors, cors, corsHeaders } from "../cors.ts";
import type { Operation } from "../gateway.ts";
import { type RequestRecord, toTid } from "../record.ts";
import { grpc, httpStatus, type Outcome, statuses } from "../status.ts";
import { respell } from "./errors.ts";
import { isRead } from "./service.ts";
import { cut, writeStream } from "./stream.ts";

export type RpcRequest = IncomingMessage | Http2ServerRequest;
export type RpcResponse = ServerResponse | Http2ServerResponse;

export type HandlerOptions = {
  readonly routes: readonly ((router: ConnectRouter) => void)[];
  /** Bytes of a message; exactly so many are accepted. */
  readonly bodyLimit: number;
  /** As for HTTP. */
  readonly corsOrigins: readonly string[];
  readonly observe: (record: RequestRecord) => void;
  readonly newRequestId: () => string;
  /** Ends the calls that are still open, those that stream. */
  readonly ending: AbortSignal;
};

const jsonOptions = {
  ignoreUnknownFields: false, // or the unknown name of a state would search for all
  alwaysEmitImplicit: true, // or a pending promise would have no state
  // What is not UTF-8 is refused, as over HTTP; by default Connect would mend it.
  textDecoder: new TextDecoder("utf-8", { fatal: true }),
};

type Handler = ConnectRouter["handlers"][number];
type UniversalResponse = Awaited<ReturnType<Handler>>;

/** @returns what node calls for each request, whichever version of HTTP it came by */
export function rpcHandler(
  options: HandlerOptions,
): (request: RpcRequest, response: RpcResponse) => void {
  const { routes, bodyLimit, corsOrigins, observe, newRequestId, ending } = options;
  const router = createConnectRouter({
    acceptCompression: [compressionGzip, compressionBrotli],
    readMaxBytes: bodyLimit, // R4
    jsonOptions,
    shutdownSignal: ending,
  });
  for (const register of routes) register(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const allowing = cors(corsOrigins);
  const refused = (operation: Operation, outcome: Outcome) => {
    const { code } = statuses[outcome];
    observe({ api: "grpc", operation, tid: toTid(newRequestId()), code, ms: 0, error: null });
  };
  return (request, response) => {
    if (allowing !== null) expose(allowing, request, response);
    const [path = ""] = (request.url ?? "").replace(origin, "").split("?");
    const handler = handlers.get(path);
    if (handler === undefined) {
      refused("unknown", "route_not_found");
      refuseUnknown(request, response);
    } else if (request.method === "OPTIONS") {
      finish(response, 204, { allow, ...(allowing !== null && preflight) });
    } else {
      serve(handler, { request, response, refused }).catch(() => giveUp(response)); // R1
    }
  };
}

/** HTTP/1.1 may name it before the path (RFC 9112 §3.2.2). */
const origin = /^https?:\/\/[^/]*/i;

type Exchange = {
  readonly request: RpcRequest;
  readonly response: RpcResponse;
  readonly refused: (operation: Operation, outcome: Outcome) => void;
};

async function serve(handler: Handler, { request, response, refused }: Exchange): Promise<void> {
  const contextValues = createContextValues().set(cut, () => response.destroy());
  const asked = universalRequestFromNodeRequest(request, response, undefined, contextValues);
  dropFarDeadline(asked.header);
  const answer = await handler(asked);
  respell(answer.trailer); // R6
  if (answer.status === 405) response.setHeader("allow", allow);
  if (answer.status === 415) response.setHeader("accept-post", acceptPost);
  const operation = operations.get(handler.method.name);
  const isOurs = handler.service.typeName === PromiseService.typeName && operation !== undefined;
  if (handler.method.methodKind === "server_streaming") {
    await writeStream(answer, response); // R5
  } else if (!isOurs || contextValues.get(isRead)) {
    await universalResponseToNodeResponse(answer, response);
  } else {
    const { told, outcome } = await refusalOf(answer);
    const isGone = asked.signal.aborted; // as over HTTP, a request that was cut short is none
    if (outcome !== undefined && !isGone) refused(operation, outcome); // R3
    await universalResponseToNodeResponse(told, response);
  }
}

const timerMaxMs = 2 ** 31 - 1; // what a timer of Node can wait, some 25 days
const timeoutUnitsMs: ReadonlyMap<string, number> = new Map([
  ["H", 3_600_000],
  ["M", 60_000],
  ["S", 1_000], // with smaller ones the eight digits of gRPC do not go as far
]);

/** Connect hands every deadline to a timer, where a later one would strike at once. */
function dropFarDeadline(header: Headers): void {
  const [, count, unit = ""] = /^(\d{1,8})([HMS])$/.exec(header.get("grpc-timeout") ?? "") ?? [];
  const grpcMs = Number(count) * (timeoutUnitsMs.get(unit) ?? 0);
  if (grpcMs > timerMaxMs) header.delete("grpc-timeout");
  const [connectMs] = /^\d{1,10}$/.exec(header.get("connect-timeout-ms") ?? "") ?? [];
  if (Number(connectMs) > timerMaxMs) header.delete("connect-timeout-ms");
}

const operations: ReadonlyMap<string, Operation> = new Map([
  [PromiseService.method.readPromise.name, "read-promise"],
  [PromiseService.method.searchPromises.name, "search-promises"],
  [PromiseService.method.createPromise.name, "create-promise"],
  [PromiseService.method.resolvePromise.name, "resolve-promise"],
  [PromiseService.method.rejectPromise.name, "reject-promise"],
  [PromiseService.method.cancelPromise.name, "cancel-promise"],
]);

/**
 * What a refusal by the transport means, by the code of gRPC; of a call that was ended, nothing. A
 * message that cannot be parsed is INTERNAL by the custom of gRPC, but it is the client's.
 */
const byGrpcCode: ReadonlyMap<number, Outcome> = new Map([
  [grpc.invalidArgument, "invalid_request"],
  [grpc.resourceExhausted, "body_too_large"],
  [grpc.unimplemented, "invalid_request"], // of a call that there is: a compression, two messages
  [grpc.internal, "invalid_request"],
]);

/** The same by the status of HTTP, which is how Connect tells it. */
const byHttpStatus: ReadonlyMap<number, Outcome> = new Map([
  [400, "invalid_request"],
  [405, "method_not_allowed"],
  [415, "invalid_request"],
  [429, "body_too_large"],
  [500, "invalid_request"],
  [501, "invalid_request"],
]);

/** gRPC-Web has its trailers in the body, so that is read; it holds nothing but the refusal. */
async function refusalOf(
  answer: UniversalResponse,
): Promise<{ readonly told: UniversalResponse; readonly outcome: Outcome | undefined }> {
  if (answer.status !== 200) {
    const told = answer.status === 415 ? { ...answer, body: replay([typesTaken]) } : answer;
    return { told, outcome: byHttpStatus.get(answer.status) };
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body ?? []) chunks.push(chunk);
  const inBody = /^grpc-status: *(\d+)/im.exec(Buffer.concat(chunks).toString("latin1").slice(5));
  const status = answer.trailer?.get("grpc-status") ?? inBody?.[1];
  const told = { ...answer, body: replay(chunks) };
  return { told, outcome: byGrpcCode.get(Number(status)) };
}

async function* replay(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** R2. */
function refuseUnknown({ headers }: RpcRequest, response: RpcResponse): void {
  const type = headers["content-type"] ?? "";
  if (!type.startsWith("application/grpc")) {
    finish(response, httpStatus("route_not_found"));
    return;
  }
  const status = { "grpc-status": `${grpc.unimplemented}`, "grpc-message": "unknown call" };
  finish(response, 200, { "content-type": type, ...status });
}

function giveUp(response: RpcResponse): void {
  if (response.headersSent) response.end();
  else finish(response, httpStatus("invalid_request"));
}

/** Without a body. */
function finish(
  response: RpcResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end();
}

function expose(allowing: Cors, { headers }: RpcRequest, response: RpcResponse): void {
  const exposed = { "access-control-expose-headers": connectCors.exposedHeaders.join(", ") };
  const all = { ...corsHeaders(allowing, headers.origin ?? null), ...exposed };
  for (const [name, value] of Object.entries(all)) response.setHeader(name, value);
}

const allow = "POST, OPTIONS";
const acceptPost = "application/grpc, application/grpc-web, application/proto, application/json";

const typesTaken = Buffer.from(`the content type must be one of ${acceptPost}\n`);

const preflight: Readonly<Record<string, string>> = {
  "access-control-allow-methods": connectCors.allowedMethods.join(", "),
  "access-control-allow-headers": [...connectCors.allowedHeaders, "authorization"].join(", "),
};
