// The HTTP/1.1 connections of a server, whoever accepted them: their limits in time and size, what is
// answered when the parser fails, and how they end. Keeps X1 and X2 of listen.ts.

import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { Duplex } from "node:stream";

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

/** Of an answer after which the connection is closed. */
export const refusing = { connection: "close", "content-length": "0" };

const lingerMs = 1_000; // arbitrary: a few round trips, for a refusal to be read

/** The newest request on a connection; answers leave in order, so its answer is the last one. */
type Connection = { incoming: IncomingMessage | null; outgoing: ServerResponse | null };

/** A server that keeps the limits, and does not listen yet. */
export function createHttpServer(limits: HttpLimits): Server {
  const server = createServer(toServerOptions(limits));
  server.maxHeadersCount = 0; // bounded by their bytes; by count the rest would be dropped silently
  return server;
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

export class HttpConnections {
  readonly #connections = new Map<Duplex, Connection>();

  /** Of all connections that the server is given from now on. */
  constructor(server: Server) {
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

  /** Must be told of every request before it is answered. */
  track(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const connection = this.#connections.get(incoming.socket);
    if (connection === undefined) return;
    connection.incoming = incoming;
    connection.outgoing = outgoing;
  }

  /** X2. Closes those that are idle; the others end with their last answer. */
  finish(): void {
    for (const [socket, { outgoing }] of this.#connections) finish(socket, outgoing);
  }

  /** @returns how many there were */
  cut(): number {
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
