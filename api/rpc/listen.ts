// The listener of the gRPC port: gRPC, gRPC-Web and Connect without TLS, over HTTP/2 with prior
// knowledge or HTTP/1.1 (promise-api.md §5.4). It owns the sockets; what is asked, others answer.
//
//   P1. The first bytes of a connection tell its protocol. One that has not told within the time
//       that headers may take is closed.
//   P2. HTTP/1.1 has the limits of the HTTP API and its answers to what cannot be parsed (X1).
//   P3. HTTP/2 is bounded in streams, headers, memory, and what is broken or cancelled. What
//       breaks the protocol costs a client its stream or its connection, and nobody else anything.
//   P4. A request whose body has not come in time is cancelled; a streamed body may take as long
//       again for each of its pieces.
//   P5. A stopped listener lets what is under way finish, then cuts what is left. A client of
//       HTTP/2 is told with GOAWAY, so it knows which requests were never begun.
//   P6. A client that goes away leaves nothing behind. One that is gone without a word is noticed.
//   P7. What `serve` throws, because there is no host or none that can be read, is answered 400.
//   P8. A call that is answered before all of it has come does not stay open for the rest: a moment
//       later its stream ends, or its connection of HTTP/1.1.
//
//   net.Server ──accept──▶ awaitProtocol ──http1──▶ http.Server    emit("connection", socket)
//                                        └─http2──▶ http2.Server   emit("connection", socket)

import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Http2Server, Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import {
  createHttpServer,
  HttpConnections,
  type HttpLimits,
  httpLimits,
  refusing,
} from "../connections.ts";
import { addressOf, type Binding, doneWithin, drained, listen } from "../sockets.ts";
import { createHttp2Server, type Http2Limits } from "./http2.ts";
import { awaitProtocol, type Protocol } from "./preface.ts";

export type RpcLimits = HttpLimits & Http2Limits;

export const rpcLimits: RpcLimits = {
  ...httpLimits,
  streamsMax: 1_000, // arbitrary; a client that needs more opens a second connection
  sessionMemoryMegabytes: 64, // arbitrary: one page of a search can be more than Node's 10
  resetsMax: 1_000, // these two are Node's, as is the last
  resetsPerSecond: 33,
  invalidFramesMax: 100, // arbitrary: a client that is sound sends none
  refusedStreamsMax: 100,
};

const keepAliveProbeMs = 60_000; // arbitrary; then the system probes, some ten minutes on Linux

export type RpcListenOptions = Binding & {
  /** As `connectNodeAdapter` makes it. Answers in its own time; throws only before it has begun. */
  readonly serve: (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ) => void;
  /** Paths of calls whose requests are streamed, such as `/package.Service/Method`. */
  readonly streamedPaths?: ReadonlySet<string>;
  readonly limits?: Partial<RpcLimits>;
};

/** @throws what `listen` fails with, `EADDRINUSE` for one */
export async function serveRpc(options: RpcListenOptions): Promise<RpcListener> {
  const listener = new RpcListener(options);
  await listener.open(options);
  return listener;
}

export class RpcListener {
  readonly #server: Server;
  readonly #http1: HttpServer;
  readonly #http2: Http2Server;
  readonly #http1Connections: HttpConnections;
  readonly #sockets = new Set<Socket>();
  readonly #untold = new Set<Socket>();

  constructor({ serve, streamedPaths = new Set(), limits: chosen }: RpcListenOptions) {
    const limits = { ...rpcLimits, ...chosen };
    this.#http1 = createHttpServer(limits);
    this.#http1Connections = new HttpConnections(this.#http1);
    const answer = (incoming: IncomingMessage, outgoing: ServerResponse) => {
      this.#http1Connections.track(incoming, outgoing);
      outgoing.once("finish", () => endUnlessComplete(incoming));
      attempt(serve, incoming, outgoing);
    };
    this.#http1.on("request", answer);
    this.#http1.on("checkExpectation", answer); // is ignored, as it may be
    this.#http2 = createHttp2Server({
      limits,
      serve: (request, response) => attempt(serve, request, response),
      isStreamed: (path) => streamedPaths.has(path),
    });
    const accepting = {
      allowHalfOpen: true, // as an http.Server has it
      noDelay: true,
      keepAlive: true, // P6
      keepAliveInitialDelay: keepAliveProbeMs,
    };
    this.#server = createServer(accepting, (socket) => {
      this.#accept(socket, limits.headersTimeoutMs);
    });
  }

  /** Once, before anything else. */
  async open(binding: Binding): Promise<void> {
    await listen(this.#server, binding);
    // From this event on Node looks for slow connections; without it neither timeout would strike.
    this.#http1.emit("listening");
  }

  /** Where it listens, with the port that was found if any would do. */
  get address(): AddressInfo {
    return addressOf(this.#server);
  }

  /** Open connections, whatever they speak. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /**
   * Takes no more connections, closes those that are idle or have not told their protocol, and
   * waits for the others (P5). May be called again, to wait for less long.
   *
   * @returns how many connections were cut because they were not done after `graceMs`
   */
  async close(graceMs: number): Promise<number> {
    const done = drained(this.#server);
    for (const socket of this.#untold) socket.destroy();
    this.#http1Connections.finish();
    this.#http2.close(); // GOAWAY; a session ends with its last stream
    const count = await doneWithin(graceMs, done, () => this.#cut());
    this.#http1.close(); // what is left: the interval that looks for slow connections
    return count;
  }

  #accept(socket: Socket, timeoutMs: number): void {
    this.#sockets.add(socket);
    this.#untold.add(socket);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#untold.delete(socket);
    });
    socket.on("error", () => {}); // "close" follows
    awaitProtocol(socket, timeoutMs, (protocol) => {
      this.#untold.delete(socket);
      this.#handOn(socket, protocol);
    });
  }

  #handOn(socket: Socket, protocol: Protocol): void {
    if (protocol === "http1") {
      this.#http1.emit("connection", socket);
    } else {
      socket.allowHalfOpen = false; // a session does not end a socket that its client has ended
      this.#http2.emit("connection", socket);
    }
  }

  #cut(): number {
    const count = this.#sockets.size;
    for (const socket of this.#sockets) socket.destroy();
    return count;
  }
}

const lingerMs = 1_000; // arbitrary: a few round trips, for the answer to be read

/** P8. */
function endUnlessComplete(incoming: IncomingMessage): void {
  if (incoming.complete) return;
  const timer = setTimeout(() => {
    if (!incoming.complete) incoming.socket.destroy();
  }, lingerMs);
  incoming.once("close", () => clearTimeout(timer));
}

/** P7. */
function attempt<Request, Response extends ServerResponse | Http2ServerResponse>(
  serve: (request: Request, response: Response) => void,
  request: Request,
  response: Response,
): void {
  try {
    serve(request, response);
  } catch {
    if (response.headersSent) return void response.destroy();
    response.statusCode = 400;
    // HTTP/2 knows no such headers, and needs none: a stream ends alone.
    if ("stream" in response) response.end();
    else response.writeHead(400, refusing).end();
  }
}
