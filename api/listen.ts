// The HTTP listener: limits in time and size, parser errors, and an orderly end (promise-api.md §1.7).
//
//   X1. What the HTTP or URL parser cannot take is answered 400, 431 or 408 without a body, and the
//       connection is closed; but never ahead of an answer that the connection still waits for.
//   X2. A stopped listener lets what is under way finish, then cuts what is left.
//   X3. A client that asks first (`Expect: 100-continue`) is not told to send what will be refused.

import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, Server as NetServer } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { assert } from "../kernel/assert.ts";
import { isDeclaredTooLarge } from "./body.ts";
import type { Bindings } from "./exchange.ts";

export type HttpLimits = {
  /** Request line and headers. */
  readonly headerBytesMax: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How often slow connections are looked for: so much later a timeout may strike. */
  readonly checkIntervalMs: number;
  /** How long a connection may wait for its next request. */
  readonly keepAliveMs: number;
};

export const httpLimits: HttpLimits = {
  headerBytesMax: 32 * 1024, // these three are specified in promise-api.md §1.7
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  checkIntervalMs: 1_000, // arbitrary
  keepAliveMs: 65_000, // longer than the 60 s of common load balancers, so that they close first
};

export type ListenOptions = {
  readonly app: Hono<Bindings>;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** As the app has it. */
  readonly bodyLimit: number;
  /** What goes wrong while listening, after the start. */
  readonly onError: (error: Error) => void;
  readonly limits?: Partial<HttpLimits>;
};

const lingerMs = 1_000; // arbitrary: a few round trips, for a refusal to be read
const refusing = { connection: "close", "content-length": "0" };

/** The newest request on a connection; answers leave in order, so its answer is the last one. */
type Connection = { incoming: IncomingMessage | null; outgoing: ServerResponse | null };

/** @throws what `listen` fails with, `EADDRINUSE` for one */
export async function serveHttp(options: ListenOptions): Promise<HttpListener> {
  const { app, host, port, bodyLimit, onError } = options;
  const server = createServer(toServerOptions({ ...httpLimits, ...options.limits }));
  server.maxHeadersCount = 0; // bounded by their bytes; by count the rest would be dropped silently
  const answer = getRequestListener(app.fetch, {
    hostname: "localhost", // for HTTP/1.0, which need not name a host
    errorHandler: () => new globalThis.Response(null, { status: 400, headers: refusing }), // X1
  });
  const listener = new HttpListener(server, answer);
  server.on("request", listener.serve);
  server.on("checkContinue", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const length = incoming.headers["content-length"];
    if (!isDeclaredTooLarge(length, bodyLimit)) outgoing.writeContinue(); // X3
    listener.serve(incoming, outgoing);
  });
  server.on("checkExpectation", listener.serve); // any other expectation is ignored, as it may be
  await listen(server, host, port);
  server.on("error", onError);
  return listener;
}

function toServerOptions(limits: HttpLimits): ServerOptions {
  return {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    keepAliveTimeout: limits.keepAliveMs,
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

export class HttpListener {
  readonly #server: Server;
  readonly #answer: RequestListener;
  readonly #connections = new Map<Duplex, Connection>();

  constructor(server: Server, answer: RequestListener) {
    this.#server = server;
    this.#answer = answer;
    server.on("connection", (socket) => {
      this.#connections.set(socket, { incoming: null, outgoing: null });
      socket.on("close", () => this.#connections.delete(socket));
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#refuse(error, socket));
    server.on("connect", (_incoming, socket) => {
      this.#refuse(new Error("this is no proxy"), socket); // X1: a CONNECT names no path
      socket.resume();
    });
  }

  /** Where it listens, with the port that was found if any would do. */
  get address(): AddressInfo {
    const address = this.#server.address();
    assert(address !== null && typeof address !== "string", "a listener without a port");
    return address;
  }

  readonly serve = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const connection = this.#connections.get(incoming.socket);
    if (connection !== undefined) {
      connection.incoming = incoming;
      connection.outgoing = outgoing;
    }
    this.#answer(incoming, outgoing);
  };

  /**
   * Takes no more connections, closes those that are idle, and waits for the others (X2).
   *
   * @returns how many connections were cut because they were not done after `graceMs`
   */
  async close(graceMs: number): Promise<number> {
    // Node's own `close` would also end connections whose last answer is still being sent.
    const closed = new Promise<number>((resolve) => {
      NetServer.prototype.close.call(this.#server, () => resolve(0));
    });
    for (const [socket, { outgoing }] of this.#connections) finish(socket, outgoing);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<number>((resolve) => {
      timer = setTimeout(() => resolve(this.#cut()), graceMs);
    });
    const count = await Promise.race([closed, late]);
    clearTimeout(timer);
    await closed;
    this.#server.close(); // what is left: the interval that looks for slow connections
    return count;
  }

  #cut(): number {
    const count = this.#connections.size;
    for (const socket of this.#connections.keys()) socket.destroy();
    return count;
  }

  /** X1. May be called again for what still comes in; the first time counts. */
  #refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (socket.writableEnded) return;
    const { incoming = null, outgoing = null } = this.#connections.get(socket) ?? {};
    const isUnderWay = outgoing !== null && !outgoing.writableFinished;
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
    } else if (!isUnderWay) {
      hangUp(socket, error);
    } else if (incoming?.complete) {
      outgoing.once("finish", () => hangUp(socket, error)); // what is broken comes behind it
    } else if (outgoing.socket === socket && !outgoing.headersSent) {
      hangUp(socket, error); // its own body is broken
    } else {
      socket.destroy();
    }
  }
}

/** Lets a connection end with its last answer. */
function finish(socket: Duplex, last: ServerResponse | null): void {
  if (last === null || last.writableFinished) {
    socket.destroy();
  } else {
    last.shouldKeepAlive = false; // means nothing once the headers are out
    last.once("finish", () => socket.end());
  }
}

const parserStatuses: ReadonlyMap<string, string> = new Map([
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
]);

function hangUp(socket: Duplex, { code = "" }: NodeJS.ErrnoException): void {
  const status = parserStatuses.get(code) ?? "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  setTimeout(() => socket.destroy(), lingerMs).unref();
}
