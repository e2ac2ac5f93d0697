// The HTTP listener: limits in time and size, parser errors, and an orderly end (promise-api.md §1.7).
//
//   X1. What the HTTP or URL parser cannot take is answered 400, 431 or 408 without a body, and the
//       connection is closed; but never ahead of an answer that the connection still waits for.
//   X2. A stopped listener lets what is under way finish, then cuts what is left.
//   X3. A client that asks first (`Expect: 100-continue`) is not told to send what will be refused.

import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { isDeclaredTooLarge } from "./body.ts";
import {
  createHttpServer,
  HttpConnections,
  type HttpLimits,
  httpLimits,
  refusing,
} from "./connections.ts";
import type { Bindings } from "./exchange.ts";
import { addressOf, type Binding, doneWithin, drained, listen } from "./sockets.ts";

export type ListenOptions = Binding & {
  readonly app: Hono<Bindings>;
  /** As the app has it. */
  readonly bodyLimit: number;
  readonly limits?: Partial<HttpLimits>;
};

/** @throws what `listen` fails with, `EADDRINUSE` for one */
export async function serveHttp(options: ListenOptions): Promise<HttpListener> {
  const { app, bodyLimit } = options;
  const server = createHttpServer({ ...httpLimits, ...options.limits });
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
  await listen(server, options);
  return listener;
}

export class HttpListener {
  readonly #server: Server;
  readonly #answer: RequestListener;
  readonly #connections: HttpConnections;

  constructor(server: Server, answer: RequestListener) {
    this.#server = server;
    this.#answer = answer;
    this.#connections = new HttpConnections(server);
  }

  get address(): AddressInfo {
    return addressOf(this.#server);
  }

  readonly serve = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    this.#connections.track(incoming, outgoing);
    this.#answer(incoming, outgoing);
  };

  /**
   * Takes no more connections, closes those that are idle, and waits for the others (X2).
   *
   * @returns how many connections were cut because they were not done after `graceMs`
   */
  async close(graceMs: number): Promise<number> {
    const done = drained(this.#server);
    this.#connections.finish();
    const count = await doneWithin(graceMs, done, () => this.#connections.cut());
    this.#server.close(); // what is left: the interval that looks for slow connections
    return count;
  }
}
