// What the tests of the gRPC port share: one kernel behind both APIs, HTTP without a socket and the
// rest on loopback; a client of gRPC that was not made by those who made our server, with what it reads
// in the contract itself; and requests that no client would send.

import { once } from "node:events";
import { Agent, createServer as createHttpServer, request as httpRequest } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { credentials, Client as GrpcClient, Metadata, type MethodDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { expect, onTestFinished } from "vitest";
import type { Port } from "../../../api/gateway.ts";
import type { RequestRecord } from "../../../api/record.ts";
import { rpcHandler } from "../../../api/rpc/handler.ts";
import { promiseService, type ServiceOptions } from "../../../api/rpc/service.ts";
import { type ErrorInfo, ErrorInfoSchema } from "../../../proto/gen/google/rpc/error_details_pb.ts";
import { bodyLimit, Client as HttpClient } from "../client.ts";

export type Method =
  | "ReadPromise"
  | "SearchPromises"
  | "CreatePromise"
  | "CancelPromise"
  | "ResolvePromise"
  | "RejectPromise";

export type RpcValue = { readonly headers: Record<string, string>; readonly data: Buffer };

/** As the loader shows it: names as in the contract, and what is not set by its default. */
export type RpcPromise = {
  readonly id: string;
  readonly state: string;
  /** Null: not set. */
  readonly param: RpcValue | null;
  readonly value: RpcValue | null;
  readonly timeout: string;
  readonly idempotencyKeyForCreate: string;
  readonly idempotencyKeyForComplete: string;
  readonly createdOn: string;
  readonly completedOn: string;
  readonly tags: Record<string, string>;
};

export type RpcResponse = {
  readonly noop?: boolean;
  readonly promise?: RpcPromise;
  readonly cursor?: string;
  readonly promises?: readonly RpcPromise[];
};

export type Called = {
  readonly code: number;
  readonly message: string;
  /** The one detail; null without any. */
  readonly info: ErrorInfo | null;
  /** Null if it was refused. */
  readonly response: RpcResponse | null;
};

export type CallOptions = {
  readonly deadlineMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** In place of the method's own. */
  readonly path?: string;
};

type Definition = MethodDefinition<object, RpcResponse>;

export const proto = join(import.meta.dirname, "../../../proto/promise/promise.proto");

const loading = { keepCase: true, longs: String, enums: String, defaults: true } as const;
// The loader types a service as any of the things that a package may hold.
const methods = loadSync(proto, loading)["promise.PromiseService"] as unknown as Readonly<
  Record<Method, Definition>
>;

/** The bytes of a message, as the client would send them. */
export function requestBytes(method: Method, message: object): Buffer {
  return methods[method].requestSerialize(message);
}

export function responseOf(method: Method, bytes: Uint8Array): RpcResponse {
  return methods[method].responseDeserialize(Buffer.from(bytes));
}

export class RpcClient {
  readonly #client: GrpcClient;

  constructor(port: number) {
    this.#client = new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  /** @param message bytes are sent as they are */
  call(method: Method, message: object, options: CallOptions = {}): Promise<Called> {
    const { requestSerialize, responseDeserialize } = methods[method];
    const serialize = (from: object) => (Buffer.isBuffer(from) ? from : requestSerialize(from));
    const { deadlineMs, signal, path = methods[method].path } = options;
    const chosen = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
    const metadata = new Metadata();
    return new Promise((resolve) => {
      const call = this.#client.makeUnaryRequest(
        ...([path, serialize, responseDeserialize, message, metadata, chosen] as const),
        (error, response) => {
          if (error === null)
            resolve({ code: 0, message: "", info: null, response: response ?? null });
          else resolve({ ...toRefusal(error.code, error.details, error.metadata), response: null });
        },
      );
      signal?.addEventListener("abort", () => call.cancel(), { once: true });
    });
  }

  close(): void {
    this.#client.close();
  }
}

type Refusal = Omit<Called, "response">;

function toRefusal(code: number, message: string, metadata: Metadata): Refusal {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(bytes)) return { code, message, info: null };
  const status = decodeStatus(bytes);
  expect({ code: status.code, message: status.message }).toEqual({ code, message });
  return { code, message, info: status.info };
}

/** A `google.rpc.Status`: 1 code, 2 message, 3 details, each of them an `Any`. */
export function decodeStatus(bytes: Uint8Array): Refusal {
  const reader = new BinaryReader(bytes);
  const details: ErrorInfo[] = [];
  let [code, message] = [0, ""];
  while (reader.pos < reader.len) {
    const [field] = reader.tag();
    if (field === 1) code = reader.int32();
    else if (field === 2) message = reader.string();
    else if (field === 3) details.push(decodeDetail(reader.bytes()));
    else throw new Error(`a status has no field ${field}`);
  }
  expect(details.length).toBeLessThan(2);
  return { code, message, info: details[0] ?? null };
}

/** An `Any`: 1 type, 2 value. */
function decodeDetail(bytes: Uint8Array): ErrorInfo {
  const reader = new BinaryReader(bytes);
  expect(reader.tag()[0]).toBe(1);
  expect(reader.string()).toBe("type.googleapis.com/google.rpc.ErrorInfo");
  expect(reader.tag()[0]).toBe(2);
  return fromBinary(ErrorInfoSchema, reader.bytes());
}

/** One kernel at a time, which can be another for the next case. */
export class Switch implements Port {
  port: Port;

  constructor(port: Port) {
    this.port = port;
  }

  submit(...asked: Parameters<Port["submit"]>): boolean {
    return this.port.submit(...asked);
  }
}

export type Stage = {
  /** Its gateway is that of both APIs. */
  readonly http: HttpClient;
  readonly rpc: RpcClient;
  /** Of the gRPC port. */
  readonly records: readonly RequestRecord[];
  /** Bound ports. */
  readonly http1: number;
  readonly http2: number;
  /** Ends the calls that are open. */
  readonly ending: AbortController;
  readonly close: () => Promise<void>;
};

export async function open(
  port: Port,
  corsOrigins: readonly string[] = [],
  more: Pick<ServiceOptions, "guard" | "acceptance"> = {},
): Promise<Stage> {
  const http = new HttpClient(port, [], more);
  const { gateway } = http;
  const records: RequestRecord[] = [];
  const ending = new AbortController();
  let requestCount = 0;
  const newRequestId = () => {
    requestCount += 1;
    return `made-${requestCount}`;
  };
  const observe = (record: RequestRecord) => records.push(record);
  const routes = [promiseService({ gateway, observe, newRequestId, ...more })];
  const rest = { observe, newRequestId, ending: ending.signal };
  const handler = rpcHandler({ routes, bodyLimit, corsOrigins, ...rest });
  const [http1, http2] = [createHttpServer(handler), createHttp2Server(handler)];
  const listeners = [await listening(http1), await listening(http2)] as const;
  const rpc = new RpcClient(listeners[1].port);
  const close = async () => {
    rpc.close();
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  const ports = { http1: listeners[0].port, http2: listeners[1].port };
  return { http, rpc, records, ...ports, ending, close };
}

/** The same for one test. */
export async function openForTest(...asked: Parameters<typeof open>): Promise<Stage> {
  const stage = await open(...asked);
  onTestFinished(stage.close);
  return stage;
}

async function listening(server: Server) {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it is bound to a port
  const close = async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { port, close };
}

export type Raw = {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
};

export type RawAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly trailers: Readonly<Record<string, string | undefined>>;
  /** Of gRPC, wherever it stands: in trailers, in headers, or at the end of the body. */
  readonly grpcStatus: number | null;
  readonly body: Buffer;
};

const noBytes = Buffer.of();

export async function askHttp1(stage: Stage, raw: Raw): Promise<RawAnswer> {
  const { method = "POST", path, headers = {}, body = noBytes } = raw;
  const agent = new Agent({ keepAlive: true });
  try {
    const where = { host: "127.0.0.1", port: stage.http1, agent };
    const length = method === "POST" ? { "content-length": `${body.length}` } : {};
    const outgoing = httpRequest({ ...where, method, path, headers: { ...length, ...headers } });
    outgoing.end(body);
    const [incoming] = await once(outgoing, "response");
    const answered = await buffer(incoming);
    const { statusCode, headers: told, trailers } = incoming;
    const grpcStatus = statusOf({ ...told, ...trailers }, answered);
    return { status: statusCode, headers: told, trailers, grpcStatus, body: answered };
  } finally {
    agent.destroy();
  }
}

export async function askHttp2(stage: Stage, raw: Raw): Promise<RawAnswer> {
  const { method = "POST", path, headers = {}, body = noBytes } = raw;
  const session = connectHttp2(`http://127.0.0.1:${stage.http2}`);
  try {
    const endStream = method !== "POST";
    const names = { ":method": method, ":path": path, ...headers };
    const stream = session.request(names, { endStream });
    const trailers: Record<string, string> = {};
    stream.on("trailers", (told) => Object.assign(trailers, told));
    if (!endStream) stream.end(body);
    const [told] = await once(stream, "response");
    const answered = await buffer(stream);
    const grpcStatus = statusOf({ ...told, ...trailers }, answered);
    return { status: told[":status"], headers: told, trailers, grpcStatus, body: answered };
  } finally {
    session.destroy();
  }
}

function statusOf(told: Readonly<Record<string, unknown>>, body: Buffer): number | null {
  const { "grpc-status": named } = told;
  const inBody = /grpc-status: *(\d+)/i.exec(body.toString("latin1"));
  const status = named ?? inBody?.[1];
  return status === undefined ? null : Number(status);
}

export function envelope(
  bytes: Uint8Array,
  { flags = 0, length = bytes.length }: { readonly flags?: number; readonly length?: number } = {},
): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}

/** Bytes of a field that is a string, a message or bytes, as nobody but a test would write it. */
export function field(number: number, bytes: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, 2).bytes(bytes).finish();
}
