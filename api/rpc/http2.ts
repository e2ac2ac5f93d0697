// The HTTP/2 half of the gRPC port: its bounds, and the time that a request's body may take. Keeps P3,
// P4 and P8 of listen.ts.

import {
  constants,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Stream,
  type ServerOptions,
} from "node:http2";

export type Http2Limits = {
  /** Names, values and `pairOverheadBytes` for each pair. */
  readonly headerBytesMax: number;
  /** How long a request's body may take, or, if it is streamed, each piece of it. */
  readonly requestTimeoutMs: number;
  /** Requests under way on one connection. */
  readonly streamsMax: number;
  /** What a client may leave unread, above all, before it is refused new streams. */
  readonly sessionMemoryMegabytes: number;
  /** Streams that a client may cancel at once, and each second from then on. */
  readonly resetsMax: number;
  readonly resetsPerSecond: number;
  /** Frames that are wrong, and streams refused in a row, before the connection ends. */
  readonly invalidFramesMax: number;
  readonly refusedStreamsMax: number;
};

export type Http2Options = {
  readonly limits: Http2Limits;
  readonly serve: (request: Http2ServerRequest, response: Http2ServerResponse) => void;
  /** Whether the body of requests to this path is a stream, which may pause. */
  readonly isStreamed: (path: string) => boolean;
};

const pairOverheadBytes = 32; // RFC 9113 §6.5.2
const lingerMs = 1_000; // arbitrary: as over HTTP/1.1, a few round trips

/** A server that keeps the limits and is given its connections: it does not listen. */
export function createHttp2Server({ limits, serve, isStreamed }: Http2Options): Http2Server {
  const server = createServer(toServerOptions(limits));
  server.on("session", (session) => {
    session.on("stream", (stream, headers) => {
      if (stream.endAfterHeaders) return;
      const { ":path": path = "" } = headers;
      endAfterAnswer(stream);
      if (isStreamed(path)) limitPauses(stream, limits.requestTimeoutMs);
      else limitBody(stream, limits.requestTimeoutMs);
    });
  });
  server.on("request", (request, response) => {
    if (listBytes(request.rawHeaders) <= limits.headerBytesMax) return serve(request, response);
    response.statusCode = 431; // P3: Node refuses such lists only once a client has acknowledged it
    response.end();
  });
  return server;
}

function toServerOptions(limits: Http2Limits): ServerOptions {
  return {
    settings: {
      maxConcurrentStreams: limits.streamsMax,
      maxHeaderListSize: limits.headerBytesMax,
    },
    maxSessionMemory: limits.sessionMemoryMegabytes,
    streamResetBurst: limits.resetsMax,
    streamResetRate: limits.resetsPerSecond,
    maxSessionInvalidFrames: limits.invalidFramesMax,
    maxSessionRejectedStreams: limits.refusedStreamsMax,
  };
}

function listBytes(headers: readonly string[]): number {
  return headers.reduce((sum, text) => sum + text.length + pairOverheadBytes / 2, 0);
}

/** P4. Whether it has come is asked of the protocol: the handler may be slow to read it. */
function limitBody(stream: ServerHttp2Stream, timeoutMs: number): void {
  const timer = setTimeout(() => {
    if (!hasEnded(stream)) stream.close(constants.NGHTTP2_CANCEL);
  }, timeoutMs);
  stream.once("close", () => clearTimeout(timer));
}

/** P4. Node starts this timer anew with each piece, in either direction. */
function limitPauses(stream: ServerHttp2Stream, timeoutMs: number): void {
  stream.setTimeout(timeoutMs, () => {
    if (!hasEnded(stream)) stream.close(constants.NGHTTP2_CANCEL);
  });
}

/**
 * P8. What still comes for a call that is answered is thrown away: clients hold what they cannot send
 * against all that they send on the connection. If it does not end, its stream does, without an error.
 */
function endAfterAnswer(stream: ServerHttp2Stream): void {
  stream.once("finish", () => {
    stream.removeAllListeners("data").resume(); // Node's own keeps what nobody reads
    const timer = setTimeout(() => {
      if (!hasEnded(stream)) stream.close(constants.NGHTTP2_NO_ERROR); // RFC 9113 §8.1
    }, lingerMs);
    stream.once("close", () => clearTimeout(timer));
  });
}

const endedStates: ReadonlySet<number | undefined> = new Set([
  constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE,
  constants.NGHTTP2_STREAM_STATE_CLOSED,
]);

/** Whether the client has sent all that it will. */
function hasEnded(stream: ServerHttp2Stream): boolean {
  return endedStates.has(stream.state.state);
}
