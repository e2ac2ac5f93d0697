// One HTTP request and its answer: where its parts are, and how an answer is put together. There is
// one of these for each request, so it does nothing before it is asked.

import { IncomingMessage, ServerResponse } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context } from "hono";
import { assert } from "../kernel/assert.ts";
import { type Body, lingering, readIncoming, readRequest } from "./body.ts";
import { type Cors, corsHeaders } from "./cors.ts";
import { decodeLatin1, isAscii } from "./decode.ts";
import type { Operation } from "./gateway.ts";
import type { ProtocolAnswer } from "./protocol/rim.ts";
import { type RequestRecord, toTid } from "./record.ts";
import { type ErrorOutcome, envelope, httpStatus, type Outcome, statuses } from "./status.ts";

export type Bindings = { Bindings: Partial<HttpBindings> };

export type ExchangeOptions = {
  /** Bytes of a body. */
  readonly bodyLimit: number;
  readonly cors: Cors | null;
  readonly observe: (record: RequestRecord) => void;
  readonly newRequestId: () => string;
};

export type HeaderName = "authorization" | "idempotency-key" | "origin" | "request-id" | "strict";

type Observed = Pick<RequestRecord, "operation" | "code" | "error"> & {
  readonly requestId: string;
};

type Sent = string | Uint8Array | ReadableStream<Uint8Array>;

const closing = { connection: "close" };
const tooLarge = httpStatus("body_too_large");
const jsonType = "application/json; charset=utf-8";

export class Exchange {
  /** Known before the body is read, but for `PATCH`. */
  operation: Operation;
  readonly #context: Context<Bindings>;
  readonly #options: ExchangeOptions;
  readonly #startedAt = performance.now();

  constructor(context: Context<Bindings>, options: ExchangeOptions, operation: Operation) {
    this.#context = context;
    this.#options = options;
    this.operation = operation;
  }

  get url(): string {
    return this.#context.req.raw.url;
  }

  get isHead(): boolean {
    return this.#context.req.method === "HEAD";
  }

  /** One character for each byte; several of one name are joined; null if there is none. */
  header(name: HeaderName): string | null {
    const incoming = this.#incoming;
    if (incoming === undefined) return this.#context.req.raw.headers.get(name);
    const value = incoming.headers[name];
    return Array.isArray(value) ? value.join(", ") : (value ?? null);
  }

  readBody(): Promise<Body> {
    const incoming = this.#incoming;
    const { bodyLimit } = this.#options;
    if (incoming === undefined) return readRequest(this.#context.req.raw, bodyLimit);
    return readIncoming(incoming, bodyLimit);
  }

  succeed(outcome: "changed" | "unchanged", json: string): globalThis.Response {
    return this.#answer(outcome, json, null);
  }

  /** @param details of an invalid request */
  refuse(outcome: ErrorOutcome, details?: readonly string[]): globalThis.Response {
    return this.#answer(outcome, envelope(outcome, details), null);
  }

  /** The last resort: something was thrown. */
  fail(error: unknown): globalThis.Response {
    return this.#answer("internal", envelope("internal"), error);
  }

  /** The client is gone: there must be an answer, but nobody will see it. */
  abandon(): globalThis.Response {
    return new globalThis.Response(null, { status: httpStatus("invalid_request") });
  }

  /** An answer outside both APIs, which is not observed. */
  send(
    status: number,
    text: string | null,
    headers: Readonly<Record<string, string>>,
  ): globalThis.Response {
    return this.#send(status, text, { ...this.#headers(), ...headers });
  }

  /** An answer of the current protocol. */
  tell({ operation, status, json, headers }: ProtocolAnswer): globalThis.Response {
    const all: Record<string, string> = { ...this.#headers(), ...headers };
    all["content-type"] = "application/json";
    this.#observe({ operation, code: status, requestId: all["request-id"] ?? "", error: null });
    return this.#send(status, json, all);
  }

  #send(status: number, text: string | null, all: Record<string, string>): globalThis.Response {
    if (status !== 204) all["content-length"] = `${text === null ? 0 : Buffer.byteLength(text)}`;
    const body = text === null ? null : this.#body(status, text, all);
    return new globalThis.Response(body, { status, headers: all });
  }

  /** What a stream would be answered with to GET: its length is not known. */
  sendHead(headers: Readonly<Record<string, string>>): globalThis.Response {
    return new globalThis.Response(null, { headers: { ...this.#headers(), ...headers } });
  }

  /** Both ends of a stream; only a socket has them. */
  get sockets(): HttpBindings {
    const { incoming, outgoing } = this.#context.env;
    const isHttp = incoming instanceof IncomingMessage && outgoing instanceof ServerResponse;
    assert(isHttp, "a stream is asked for without a socket");
    return { incoming, outgoing };
  }

  /** Begins a stream: what follows is written to the outgoing end, until that is ended. */
  begin(headers: Readonly<Record<string, string>>): globalThis.Response {
    this.sockets.outgoing.writeHead(200, { ...this.#headers(), ...headers });
    return RESPONSE_ALREADY_SENT;
  }

  /** For `Allow`: what an unknown method is told, and how `OPTIONS` is answered. */
  refuseMethod(allow: string): globalThis.Response {
    return this.#answer("method_not_allowed", envelope("method_not_allowed"), null, { allow });
  }

  #answer(
    outcome: Outcome,
    json: string,
    error: unknown,
    more?: Readonly<Record<string, string>>,
  ): globalThis.Response {
    const { code, retryAfter, closesConnection } = statuses[outcome];
    const headers = this.#headers();
    headers["content-type"] = jsonType;
    if (retryAfter !== undefined) headers["retry-after"] = `${retryAfter}`;
    if (closesConnection) Object.assign(headers, closing);
    if (more !== undefined) Object.assign(headers, more);
    if (this.isHead) {
      headers["content-length"] = `${Buffer.byteLength(json)}`; // hono drops the body
    }
    const { operation } = this;
    this.#observe({ operation, code, requestId: headers["request-id"] ?? "", error });
    const status = httpStatus(outcome);
    if (outcome === "body_too_large") headers["content-length"] = `${Buffer.byteLength(json)}`;
    return new globalThis.Response(this.#body(status, json, headers), { status, headers });
  }

  #observe({ requestId, ...rest }: Observed): void {
    const tid = toTid(textOf(requestId));
    const ms = performance.now() - this.#startedAt;
    this.#options.observe({ api: "http", ...rest, tid, ms });
  }

  /** What is refused for its size is still being sent (body.ts, Y2). */
  #body(status: number, text: string, headers: Readonly<Record<string, string>>): Sent {
    const incoming = this.#incoming;
    const isUnread = status === tooLarge && incoming !== undefined;
    return isUnread ? lingering(text, incoming) : toBody(text, headers);
  }

  #headers(): Record<string, string> {
    const headers: Record<string, string> = {
      "request-id": this.header("request-id") || this.#options.newRequestId(),
    };
    const { cors } = this.#options;
    if (cors !== null) Object.assign(headers, corsHeaders(cors, this.header("origin")));
    return headers;
  }

  get #incoming(): IncomingMessage | undefined {
    // Hono types the bindings as always there; without a socket, as in `app.request()`, they are not.
    const bindings: Partial<HttpBindings> | undefined = this.#context.env;
    return bindings?.incoming;
  }
}

/**
 * Node joins headers to a body that is text, and writes both as UTF-8, although a header's characters
 * are bytes. It keeps them apart if the body is bytes.
 */
function toBody(text: string, headers: Readonly<Record<string, string>>): string | Uint8Array {
  return isAscii(headers["request-id"] ?? "") ? text : Buffer.from(text);
}

function textOf(bytes: string): string {
  return decodeLatin1(bytes) ?? bytes;
}
