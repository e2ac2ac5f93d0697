// The listener of the gRPC port over real sockets. First bytes, limits, malformed frames and ends are
// tried with raw bytes and a handler that can be held; one group is end to end, with the clients of
// Connect and gRPC. After each test nothing may have been thrown into the process. Timeouts are
// shortened; everything else is as it serves.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { fc } from "@fast-check/vitest";
import { Client, credentials } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type RpcLimits,
  type RpcListener,
  type RpcListenOptions,
  serveRpc,
} from "../../../api/rpc/listen.ts";
import { protocolOf } from "../../../api/rpc/preface.ts";
import {
  PromiseService,
  ReadPromiseRequestSchema,
  ReadPromiseResponseSchema,
} from "../../../proto/gen/promise/promise_pb.ts";
import {
  acknowledge,
  data,
  type Frame,
  frame,
  header,
  headers,
  opening,
  parse,
  preface,
  request,
  reset,
  settings,
  types,
} from "./frames.ts";

const opened: RpcListener[] = [];
const sockets: Socket[] = [];
const sessions: ClientHttp2Session[] = [];
const thrown: unknown[] = [];
const noteThrown = (error: unknown) => thrown.push(error);

beforeEach(() => {
  process.on("uncaughtExceptionMonitor", noteThrown);
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const session of sessions.splice(0)) session.destroy();
  for (const listener of opened.splice(0)) await listener.close(0);
  await pause(10);
  process.off("uncaughtExceptionMonitor", noteThrown);
  expect(thrown.splice(0)).toEqual([]);
});

const quick: Partial<RpcLimits> = {
  headersTimeoutMs: 150,
  requestTimeoutMs: 300,
  checkIntervalMs: 20,
};

/** What a handler has seen, and the answers that it holds. */
class Stage {
  readonly begun: string[] = [];
  readonly ended: string[] = [];
  readonly held: (() => void)[] = [];

  readonly serve = (
    incoming: IncomingMessage | Http2ServerRequest,
    outgoing: ServerResponse | Http2ServerResponse,
  ): void => {
    const path = incoming.url ?? "";
    this.begun.push(path);
    outgoing.once("close", () => this.ended.push(path));
    if (path === "/unread") return void this.held.push(() => outgoing.end("unread"));
    const pieces: Buffer[] = [];
    incoming.on("data", (piece: Buffer) => pieces.push(piece));
    incoming.on("error", () => {});
    incoming.on("end", () => {
      const answer = () => outgoing.end(`<${Buffer.concat(pieces)}>`);
      if (path === "/hold") this.held.push(answer);
      else answer();
    });
  };

  release(): void {
    for (const answer of this.held.splice(0)) answer();
  }
}

type Running = { readonly listener: RpcListener; readonly port: number; readonly stage: Stage };

async function serve(limits: Partial<RpcLimits> = {}): Promise<Running> {
  const stage = new Stage();
  const streamedPaths = new Set(["/stream"]);
  return { ...(await serveBy({ serve: stage.serve, limits, streamedPaths })), stage };
}

async function serveBy(
  options: Pick<RpcListenOptions, "serve" | "limits" | "streamedPaths">,
): Promise<Omit<Running, "stage">> {
  const listener = await serveRpc({ host: "127.0.0.1", port: 0, onError: () => {}, ...options });
  opened.push(listener);
  return { listener, port: listener.address.port };
}

/** A client that sends bytes and keeps what comes back. */
class Raw {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  isClosed = false;
  #received = Buffer.alloc(0);

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    sockets.push(this.socket);
    this.socket.on("data", (piece: Buffer) => {
      this.#received = Buffer.concat([this.#received, piece]);
    });
    this.socket.on("error", () => {});
    this.socket.on("end", () => this.socket.end());
    this.closed = new Promise((resolve) => {
      this.socket.on("close", () => {
        this.isClosed = true;
        resolve();
      });
    });
  }

  send(...bytes: readonly (string | Buffer)[]): void {
    this.socket.write(Buffer.concat(bytes.map((piece) => toBytes(piece))));
  }

  get text(): string {
    return this.#received.toString("latin1");
  }

  get statuses(): readonly string[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = ""]) => status);
  }

  get frames(): readonly Frame[] {
    return parse(this.#received);
  }

  /** How streams were refused or cancelled: stream and code. */
  get resets(): readonly (readonly [number, number])[] {
    return this.frames
      .filter(({ type }) => type === types.reset)
      .map(({ stream, payload }) => [stream, payload.readUInt32BE()]);
  }

  body(stream: number): string {
    const pieces = this.frames.filter((each) => each.type === types.data && each.stream === stream);
    return Buffer.concat(pieces.map(({ payload }) => payload)).toString();
  }

  count(type: number): number {
    return this.frames.filter((each) => each.type === type).length;
  }
}

function toBytes(piece: string | Uint8Array): Uint8Array {
  return typeof piece === "string" ? Buffer.from(piece, "latin1") : piece;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function until(isSo: () => boolean, what = isSo.toString()): Promise<void> {
  const started = performance.now();
  while (!isSo()) {
    if (performance.now() - started > 5_000) throw new Error(`waited in vain for ${what}`);
    await pause(5);
  }
}

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const post = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Says by itself whether a listener still serves, in both protocols. */
async function expectServing(port: number): Promise<void> {
  const [one, two] = [new Raw(port), new Raw(port)];
  one.send(post("/other", "one"));
  two.send(opening, headers(1, request("/other"), true), data(1, "two", true));
  await until(() => one.text.includes("<one>") && two.body(1) === "<two>");
  one.socket.destroy();
  two.socket.destroy();
}

describe("P1 the first bytes tell the protocol", () => {
  test("P1 every beginning of the preface leaves it open, and every other byte decides", () => {
    for (let length = 0; length < preface.length; length++) {
      expect(protocolOf(preface.subarray(0, length))).toBeNull();
      const other = Buffer.from(preface.subarray(0, length + 1));
      other.writeUInt8(other.readUInt8(length) ^ 1, length);
      expect(protocolOf(other)).toBe("http1");
    }
    expect(protocolOf(preface)).toBe("http2");
    expect(protocolOf(opening)).toBe("http2");
    expect(protocolOf(Buffer.from("POST"))).toBe("http1");
  });

  test("P1 HTTP/2 is served wherever its first bytes are split", async () => {
    const { port } = await serve();
    const bytes = Buffer.concat([opening, headers(1, request("/a"), true), data(1, "body", true)]);
    const raws = await splits(port, bytes, bytes.length);
    await until(() => raws.every((raw) => raw.body(1) === "<body>"));
  });

  test.each(["POST", "PUT", "PROPFIND", "GET"])("P1 so is HTTP/1.1: %s", async (method) => {
    const { port } = await serve();
    const bytes = Buffer.from(post("/a", "body").replace("POST", method));
    const raws = await splits(port, bytes, bytes.length);
    await until(() => raws.every((raw) => raw.text.includes("<body>")));
  });

  test("P1 bytes may come one by one", async () => {
    const { port } = await serve();
    const [one, two] = [new Raw(port), new Raw(port)];
    for (const byte of Buffer.from(post("/a", "one"))) await trickle(one, byte);
    for (const byte of Buffer.concat([opening, headers(1, request("/a"))]))
      await trickle(two, byte);
    await until(() => one.text.includes("<one>") && two.body(1) === "<>");
  });

  test("P1 all bytes may come at once, with the end behind them", async () => {
    const { port, listener } = await serve();
    const raw = new Raw(port);
    raw.socket.end(opening);
    await raw.closed;
    expect(raw.count(types.settings)).toBeGreaterThan(0);
    const other = new Raw(port);
    other.socket.end(get("/a"));
    await other.closed;
    await until(() => listener.connectionCount === 0);
  });
});

describe("P1 telling takes as long as headers may", () => {
  test.each([
    ["nothing", ""],
    ["the first byte of POST", "P"],
    ["all but one byte of the preface", preface.subarray(0, 23)],
  ])("P1 who tells no more than %s is closed in time, without an answer", async (_what, bytes) => {
    const { port, listener } = await serve(quick);
    const started = performance.now();
    const raw = new Raw(port);
    raw.send(bytes);
    await raw.closed;
    expect(performance.now() - started).toBeGreaterThan(140);
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(raw.text).toBe("");
    await until(() => listener.connectionCount === 0);
  });

  test("P1 each byte gives no more time", async () => {
    const { port } = await serve(quick);
    const raw = new Raw(port);
    for (const byte of preface.subarray(0, 8)) {
      raw.send(Buffer.of(byte));
      await pause(60);
    }
    expect(raw.isClosed).toBe(true);
  });

  test("P1 who has told in time is left alone", async () => {
    const { port } = await serve({ ...quick, keepAliveMs: 5_000 });
    const [one, two] = [new Raw(port), new Raw(port)];
    one.send(get("/a"));
    two.send(opening);
    await pause(500);
    one.send(post("/a", "one"));
    two.send(headers(1, request("/a")));
    await until(() => one.text.includes("<one>") && two.body(1) === "<>");
  });
});

async function trickle(raw: Raw, byte: number): Promise<void> {
  raw.send(Buffer.of(byte));
  await pause(1);
}

/** One connection for each place at which the bytes may be split in two. */
async function splits(port: number, bytes: Buffer, count: number): Promise<readonly Raw[]> {
  const raws = Array.from({ length: count - 1 }, () => new Raw(port));
  for (const [at, raw] of raws.entries()) raw.send(bytes.subarray(0, at + 1));
  await pause(50);
  for (const [at, raw] of raws.entries()) raw.send(bytes.subarray(at + 1));
  return raws;
}

describe("P2 HTTP/1.1 is as in the HTTP API", () => {
  test.each([
    ["garbage", "hello\r\n\r\n", "400"],
    ["TLS", Buffer.from("16030100a5010000a10303", "hex"), "400"],
    ["a preface that goes wrong", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "400"],
    ["a giant header", get("/a", `x: ${"a".repeat(33_000)}\r\n`), "431"],
    ["a way to somewhere else", "CONNECT other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n", "400"],
    ["headers that are too slow", "GET /a HTTP/1.1\r\nHost: a\r\n", "408"],
    ["a body that is too slow", post("/a", "body").slice(0, -1), "408"],
  ])("P2 %s", async (_what, bytes, status) => {
    const { port, listener } = await serve(quick);
    const raw = new Raw(port);
    raw.send(bytes);
    await raw.closed;
    expect(raw.statuses).toEqual([status]);
    expect(raw.text).toMatch(/Connection: close\r\nContent-Length: 0\r\n\r\n$/);
    await until(() => listener.connectionCount === 0);
    await expectServing(port);
  });

  test("P2 what is broken never gets ahead of an answer that is waited for", async () => {
    const { port, stage } = await serve();
    const raw = new Raw(port);
    raw.send(get("/hold"), "garbage\r\n\r\n");
    await until(() => stage.held.length === 1);
    await pause(30);
    expect(raw.text).toBe("");
    stage.release();
    await raw.closed;
    expect(raw.statuses).toEqual(["200", "400"]);
  });

  test("P2 a connection that waits too long for its next request is closed", async () => {
    const { port } = await serve({ keepAliveMs: 100 });
    const raw = new Raw(port);
    raw.send(get("/a"));
    await raw.closed;
    expect(raw.statuses).toEqual(["200"]);
  });

  test("P2 an expectation is met, or ignored", async () => {
    const { port } = await serve();
    const raw = new Raw(port);
    raw.send(get("/a", "Expect: 100-continue\r\n"), get("/b", "Expect: a miracle\r\n"));
    await until(() => raw.statuses.length === 3);
    expect(raw.statuses).toEqual(["100", "200", "200"]);
  });

  test("P2 HTTP/1.0 is served", async () => {
    const { port } = await serve();
    const raw = new Raw(port);
    raw.send("GET /a HTTP/1.0\r\n\r\n");
    await raw.closed;
    expect(raw.statuses).toEqual(["200"]);
  });
});

const block = request("/a");
const long = header("x", "a".repeat(14_000));
const continued = (isLast: boolean, payload = long) => {
  return frame({ type: types.continuation, flags: isLast ? 4 : 0, stream: 1, payload });
};
const unfinished = frame({ type: types.headers, flags: 1, stream: 1, payload: block });
const oversize = [unfinished, continued(false), continued(false), continued(true)];
const repeat = (count: number, of: (at: number) => Buffer) => {
  return Buffer.concat(Array.from({ length: count }, (_, at) => of(at)));
};
const zeros = (length: number) => Buffer.alloc(length);

const fatal: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["settings of a wrong length", frame({ type: types.settings, payload: zeros(5) })],
  ["a ping of a wrong length", frame({ type: types.ping, payload: zeros(7) })],
  [
    "a frame that is too long",
    frame({ type: types.data, stream: 1, payload: zeros(9) }, 2 ** 24 - 1),
  ],
  ["data on stream 0", data(0, "body", false)],
  ["data on a stream that was never opened", data(7, "body", false)],
  ["a stream of the server", headers(2, block)],
  ["headers that are no HPACK", headers(1, Buffer.alloc(30, 0xff))],
  ["a continuation of nothing", continued(true)],
  ["headers that do not end", Buffer.concat([unfinished, repeat(50, () => continued(false))])],
  [
    "headers that do not end, and say nothing",
    Buffer.concat([unfinished, repeat(50, () => continued(false, zeros(0)))]),
  ],
  ["another frame within headers", Buffer.concat([unfinished, settings])],
  [
    "settings that make no sense",
    frame({ type: types.settings, payload: Buffer.of(0, 4, 255, 255, 255, 255) }),
  ],
  [
    "too many settings in a frame",
    frame({ type: types.settings, payload: repeat(33, () => Buffer.of(0, 3, 0, 0, 0, 9)) }),
  ],
  ["a flood of settings", repeat(20_000, () => settings)],
  ["a flood of pings", repeat(20_000, () => frame({ type: types.ping, payload: zeros(8) }))],
  ["a window that grows by nothing", frame({ type: types.window, payload: zeros(4) })],
  [
    "a window that grows too far",
    frame({ type: types.window, payload: Buffer.of(127, 255, 255, 255) }),
  ],
  ["a push by the client", frame({ type: types.push, flags: 4, stream: 1, payload: zeros(8) })],
  ["the end of a stream that was never opened", reset(9)],
  [
    "more of a body than was declared",
    Buffer.concat([
      headers(1, request("/a", header("content-length", "3")), true),
      data(1, "body", true),
    ]),
  ],
  [
    "requests that are refused again and again",
    repeat(150, (at) => headers(1 + 2 * at, request("/a", header("connection", "close")))),
  ],
  [
    "requests, and then garbage in the same piece",
    Buffer.concat([repeat(50, (at) => headers(1 + 2 * at, block, true)), data(0, "", false)]),
  ],
  [
    "requests that are cancelled at once",
    repeat(3_000, (at) => Buffer.concat([headers(1 + 2 * at, block), reset(1 + 2 * at)])),
  ],
  [
    "requests that make the server cancel them",
    repeat(3_000, (at) =>
      Buffer.concat([
        headers(1 + 2 * at, block, true),
        frame({ type: types.window, stream: 1 + 2 * at, payload: zeros(4) }),
      ]),
    ),
  ],
  [
    "an error of the client",
    frame({ type: types.goaway, payload: Buffer.of(0, 0, 0, 0, 0, 0, 0, 2) }),
  ],
];

describe("P3 what breaks HTTP/2 costs its client only", () => {
  test.each(fatal)("P3 the connection ends: %s", async (_what, bytes) => {
    const { port, listener } = await serve();
    const bystander = new Raw(port);
    bystander.send(opening, headers(1, request("/hold"), true));
    const raw = new Raw(port);
    raw.send(opening, bytes);
    await raw.closed;
    expect(raw.frames.at(-1)?.type ?? types.goaway).toBe(types.goaway);
    bystander.send(data(1, "", true), headers(3, block));
    await until(() => bystander.body(3) === "<>");
    await expectServing(port);
    await until(() => listener.connectionCount === 1);
  });

  test.each<readonly [string, Buffer, number]>([
    ["no path", headers(1, header(":method", "GET")), 1],
    ["a header of HTTP/1.1", headers(1, request("/a", header("connection", "close"))), 1],
    ["a name in capitals", headers(1, request("/a", header("X", "a"))), 1],
    [
      "too many headers",
      headers(1, Buffer.concat([block, repeat(200, () => header("x", "a"))])),
      11,
    ],
    ["too long a list of headers", Buffer.concat(oversize), 11],
  ])("P3 the stream is refused: %s", async (_what, bytes, code) => {
    const { port, stage } = await serve();
    const raw = new Raw(port);
    raw.send(opening);
    await until(() => raw.count(types.settings) === 2);
    raw.send(acknowledge, bytes);
    await until(() => raw.resets.length > 0);
    expect(raw.resets).toEqual([[1, code]]);
    raw.send(headers(3, block));
    await until(() => raw.body(3) === "<>");
    expect(stage.begun).toEqual(["/a"]);
  });

  test("P3 a client that never acknowledges settings may not send more headers for it", async () => {
    const { port, stage } = await serve();
    const raw = new Raw(port);
    raw.send(opening, ...oversize, headers(3, block));
    await until(() => raw.body(3) === "<>");
    expect(stage.begun).toEqual(["/a"]);
  });

  test("P3 what is not known is passed over", async () => {
    const { port } = await serve();
    const raw = new Raw(port);
    raw.send(opening, frame({ type: 0xee, flags: 0xff, payload: zeros(20) }), headers(1, block));
    await until(() => raw.body(1) === "<>");
  });
});

describe("P3 HTTP/2 is bounded", () => {
  test("P3 one stream too many is refused, and those under way go on", async () => {
    const { port, stage } = await serve({ streamsMax: 64 });
    const raw = new Raw(port);
    raw.send(
      opening,
      repeat(65, (at) => headers(1 + 2 * at, request("/hold"))),
    );
    await until(() => raw.resets.length > 0 && stage.held.length === 64);
    expect(raw.resets).toEqual([[129, 7]]);
    stage.release();
    await until(() => Array.from({ length: 64 }).every((_, at) => raw.body(1 + 2 * at) === "<>"));
    raw.send(headers(131, block));
    await until(() => raw.body(131) === "<>");
  });

  test("P3 who does not read its answers may not ask for more", async () => {
    const answer = Buffer.alloc(1_000_000, "a");
    const { port } = await serveBy({
      serve: (_incoming, outgoing) => outgoing.end(answer),
      limits: { sessionMemoryMegabytes: 2, refusedStreamsMax: 20 },
    });
    const raw = new Raw(port);
    const noWindow = Buffer.of(0, 4, 0, 0, 0, 0);
    raw.send(preface, frame({ type: types.settings, payload: noWindow }));
    for (let at = 0; at < 8; at++) {
      raw.send(headers(1 + 2 * at, block));
      await until(() => raw.count(types.headers) + raw.resets.length === at + 1);
    }
    expect(raw.resets.length).toBeGreaterThan(4);
    for (const [, code] of raw.resets) expect(code).toBe(11);
    raw.send(repeat(30, (at) => headers(101 + 2 * at, block)));
    await raw.closed;
  });

  test("P3 a thousand streams are served on one connection", async () => {
    const { port, stage } = await serve();
    const raw = new Raw(port);
    raw.send(
      opening,
      repeat(1_000, (at) => headers(1 + 2 * at, request("/hold"))),
    );
    await until(() => stage.held.length === 1_000);
    stage.release();
    await until(() => raw.body(1_999) === "<>");
    expect(raw.resets).toEqual([]);
  });

  const anyFrame = fc
    .record({
      type: fc.nat(12),
      flags: fc.nat(255),
      stream: fc.oneof(fc.nat(9), fc.nat(2 ** 31)),
      payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(block)),
      excess: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat(20_000)),
    })
    .map(({ payload, excess, ...rest }) =>
      frame({ ...rest, payload: Buffer.from(payload) }, payload.length + excess),
    );

  test("P3 no sequence of frames keeps a listener from serving", async () => {
    const { port, listener } = await serve();
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 30 }), async (frames) => {
        const raw = new Raw(port);
        raw.send(opening, ...frames);
        const other = new Raw(port);
        other.send(opening, headers(1, block));
        await until(() => other.body(1) === "<>");
        raw.socket.destroy();
        other.socket.destroy();
      }),
      { numRuns: 300 },
    );
    await until(() => listener.connectionCount === 0);
  });
});

describe("P4 a body must come in time", () => {
  test("P4 one that does not is cancelled, however many pieces it comes in", async () => {
    const { port, stage } = await serve(quick);
    const raw = new Raw(port);
    raw.send(opening, headers(1, request("/a"), true), headers(3, request("/a"), true));
    for (let at = 0; at < 4; at++) {
      raw.send(data(1, "piece", false));
      await pause(100);
    }
    await until(() => raw.resets.length === 2);
    expect(raw.resets).toEqual([
      [1, 8],
      [3, 8],
    ]);
    raw.send(headers(5, request("/b")));
    await until(() => raw.body(5) === "<>");
    await until(() => stage.ended.length === 3);
  });

  test("P4 one that has come may wait for its handler and its answer", async () => {
    const { port, stage } = await serve(quick);
    const raw = new Raw(port);
    raw.send(opening, headers(1, request("/hold"), true), data(1, "body", true));
    raw.send(headers(3, request("/unread"), true), data(3, "body", true));
    await until(() => stage.held.length === 2);
    await pause(500);
    stage.release();
    await until(() => raw.body(1) === "<body>" && raw.body(3) === "unread");
    expect(raw.resets).toEqual([]);
  });

  test("P4 a streamed one may take as long for each piece", async () => {
    const { port } = await serve(quick);
    const raw = new Raw(port);
    raw.send(opening, headers(1, request("/stream"), true));
    for (let at = 0; at < 4; at++) {
      await pause(150);
      raw.send(data(1, "piece", at === 3));
    }
    await until(() => raw.body(1) === "<piecepiecepiecepiece>");
  });

  test("P4 but no longer", async () => {
    const { port } = await serve(quick);
    const raw = new Raw(port);
    raw.send(opening, headers(1, request("/stream"), true), data(1, "piece", false));
    await until(() => raw.resets.length === 1);
    expect(raw.resets).toEqual([[1, 8]]);
  });
});

describe("P5 how it ends", () => {
  test("P5 what is idle or untold is closed, what is under way finishes, nothing is cut", async () => {
    const { port, listener, stage } = await serve();
    const [silent, half, used, idle, busy, streams] = Array.from(
      { length: 6 },
      () => new Raw(port),
    );
    if (!half || !used || !idle || !busy || !streams || !silent) throw new Error("too few");
    half.send(preface.subarray(0, 10));
    used.send(get("/a"));
    idle.send(opening, headers(1, block));
    busy.send(post("/hold", "busy"));
    streams.send(
      opening,
      headers(1, request("/hold")),
      headers(3, request("/hold")),
      headers(5, block),
    );
    await until(() => stage.held.length === 3 && streams.body(5) === "<>" && idle.body(1) === "<>");
    const closed = listener.close(5_000);
    await Promise.all([silent.closed, half.closed, used.closed, idle.closed]);
    expect(idle.count(types.goaway)).toBeGreaterThan(0);
    await until(() => streams.count(types.goaway) === 1);
    expect(streams.frames.at(-1)?.payload.readUInt32BE(0)).toBe(5); // the last that was begun
    streams.send(headers(7, request("/late")));
    await pause(50);
    expect([busy.text, streams.body(1), streams.body(3)]).toEqual(["", "", ""]);
    stage.release();
    expect(await closed).toBe(0);
    await Promise.all([busy.closed, streams.closed]);
    expect(busy.text).toContain("<busy>");
    expect(busy.text.toLowerCase()).toContain("connection: close");
    expect([streams.body(1), streams.body(3)]).toEqual(["<>", "<>"]);
    expect(stage.begun).not.toContain("/late");
    await until(() => listener.connectionCount === 0);
  });

  test("P5 a body may still come when the end has begun", async () => {
    const { port, listener } = await serve();
    const raw = new Raw(port);
    raw.send(opening, headers(1, request("/a"), true), headers(3, block));
    await until(() => raw.body(3) === "<>");
    const closed = listener.close(5_000);
    await until(() => raw.count(types.goaway) === 1);
    raw.send(data(1, "body", true));
    expect(await closed).toBe(0);
    await raw.closed;
    expect(raw.body(1)).toBe("<body>");
  });
});

describe("P5 how it ends if it must", () => {
  test("P5 what is not done in time is cut, and counted", async () => {
    const { port, listener, stage } = await serve();
    const raws = [new Raw(port), new Raw(port), new Raw(port)];
    for (const raw of raws.slice(1))
      raw.send(
        opening,
        repeat(3, (at) => headers(1 + 2 * at, request("/hold"))),
      );
    raws[0]?.send(get("/hold"));
    await until(() => stage.held.length === 7);
    expect(await listener.close(50)).toBe(3);
    for (const raw of raws) await raw.closed;
    await until(() => stage.ended.length === 7);
    stage.release(); // what is answered too late goes nowhere
  });

  test("P5 a long answer that is still being sent is not cut short", async () => {
    const body = Buffer.alloc(8_000_000, "a");
    const { port, listener } = await serveBy({
      serve: (_incoming, outgoing) => outgoing.end(body),
    });
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    sessions.push(session);
    const stream = session.request({ ":path": "/a" });
    await new Promise((resolve) => stream.once("response", resolve));
    const closed = listener.close(5_000);
    await pause(100);
    let length = 0;
    stream.on("data", (piece: Buffer) => {
      length += piece.length;
    });
    expect(await closed).toBe(0);
    expect(length).toBe(body.length);
  });

  test("P5 a second end is harmless, and may be less patient", async () => {
    const { port, listener, stage } = await serve();
    const raw = new Raw(port);
    raw.send(opening, headers(1, request("/hold")));
    await until(() => stage.held.length === 1);
    const first = listener.close(5_000);
    expect(await listener.close(20)).toBe(1);
    expect(await first).toBe(0);
    expect(await listener.close(5_000)).toBe(0);
  });

  test("P5 it leaves nothing that keeps the process alive", async () => {
    const path = new URL("../../../api/rpc/listen.ts", import.meta.url);
    const script = `
      import { createHook } from "node:async_hooks";
      import { get } from "node:http";
      import { connect } from "node:http2";
      import { connect as connectRaw } from "node:net";
      const timers = new Set();
      const init = (id, type) => type === "Timeout" && timers.add(id);
      createHook({ init, destroy: (id) => timers.delete(id) }).enable();
      const { serveRpc } = await import(${JSON.stringify(path.href)});
      const serve = (incoming, outgoing) => { incoming.resume(); outgoing.end("a"); };
      const listener = await serveRpc({ host: "127.0.0.1", port: 0, onError() {}, serve });
      const url = "http://127.0.0.1:" + listener.address.port;
      const until = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve));
      const silent = connectRaw(listener.address.port).on("error", () => {}).resume();
      await until(silent, "connect");
      (await until(get(url), "response")).resume();
      const session = connect(url);
      const stream = session.request({ ":path": "/a", ":method": "POST" }).end("body").resume();
      await until(stream, "response");
      const closed = await listener.close(60_000);
      await new Promise((resolve) => setTimeout(resolve, 1_100)); // Node's clock for dates
      await new Promise((resolve) => setImmediate(resolve)); // it was a timer, too
      process.stdout.write("cut " + closed + ", timers " + timers.size);`;
    const started = performance.now();
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      timeout: 10_000,
    });
    expect((await run).stdout).toBe("cut 0, timers 0");
    expect(performance.now() - started).toBeLessThan(8_000);
  });

  test("a busy port is said", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const options = { host: "127.0.0.1", port, onError: () => {}, serve: () => {} };
    await expect(serveRpc(options)).rejects.toMatchObject({ code: "EADDRINUSE" });
    other.close();
  });
});

describe("P6 who goes away leaves nothing behind", () => {
  test.each(["destroy", "resetAndDestroy", "end"] as const)("P6 by %s", async (how) => {
    const { port, listener, stage } = await serve();
    const beginnings: readonly (string | Buffer)[] = [
      "",
      preface.subarray(0, 10),
      opening,
      Buffer.concat([opening, headers(1, request("/hold")), headers(3, request("/unread"), true)]),
      Buffer.concat([opening, headers(1, block, true), data(1, "body", false)]),
      Buffer.concat([opening, unfinished]),
      get("/hold"),
      post("/a", "body").slice(0, -1),
      "GET /a HTTP",
    ];
    const raws = beginnings
      .flatMap((bytes) => [bytes, bytes, bytes])
      .map((bytes) => {
        const raw = new Raw(port);
        raw.send(bytes);
        return raw;
      });
    await until(() => stage.begun.length === 15 && listener.connectionCount === raws.length);
    for (const { socket } of raws) socket[how]();
    await until(() => listener.connectionCount === 0 && stage.ended.length === 15);
    stage.release();
    await expectServing(port);
  });

  test.runIf(process.platform === "linux")("P6 the system probes who is silent", async () => {
    const { port } = await serve();
    const raw = new Raw(port);
    raw.send(opening, headers(1, block));
    await until(() => raw.body(1) === "<>");
    const hex = (of: number) => of.toString(16).toUpperCase().padStart(4, "0");
    const ends = `0100007F:${hex(port)} 0100007F:${hex(raw.socket.localPort ?? 0)}`;
    const isProbed = () => {
      const line = readFileSync("/proc/net/tcp", "utf8")
        .split("\n")
        .find((each) => each.includes(ends));
      return /^ *\d+: \S+ \S+ 01 \S+ 02:/.test(line ?? ""); // established, keep-alive timer
    };
    await until(isProbed);
  });
});

type Called = { readonly ids: string[]; release: () => void };

/** A service whose answer to `hold` waits. */
async function serveService(): Promise<Omit<Running, "stage"> & { readonly called: Called }> {
  const held = Promise.withResolvers<void>();
  const called: Called = { ids: [], release: held.resolve };
  const adapter = connectNodeAdapter({
    routes: (router) => {
      router.service(PromiseService, {
        readPromise: async ({ id }) => {
          called.ids.push(id);
          if (id === "hold") await held.promise;
          return { promise: { id } };
        },
      });
    },
  });
  return { ...(await serveBy({ serve: adapter })), called };
}

describe("clients", () => {
  const transports = (port: number) => {
    const baseUrl = `http://127.0.0.1:${port}`;
    return [
      createGrpcTransport({ baseUrl }),
      createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
      createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
      createConnectTransport({ baseUrl, httpVersion: "1.1" }),
      createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
    ];
  };

  test("P1 every protocol is served on the one port", async () => {
    const { port } = await serveService();
    for (const transport of transports(port)) {
      const { promise } = await createClient(PromiseService, transport).readPromise({ id: "p" });
      expect(promise?.id).toBe("p");
    }
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    expect(await read(client, "p")).toBe("p");
    client.close();
    const answer = await fetch(`http://127.0.0.1:${port}/promise.PromiseService/ReadPromise`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"id":"p"}',
    });
    expect(await answer.json()).toMatchObject({ promise: { id: "p" } });
  });

  test("P5 calls that are under way are answered", async () => {
    const { port, called, listener } = await serveService();
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    const calls = transports(port).map(async (transport) => {
      const { promise } = await createClient(PromiseService, transport).readPromise({ id: "hold" });
      return promise?.id;
    });
    calls.push(read(client, "hold"));
    await until(() => called.ids.length === calls.length);
    const closed = listener.close(5_000);
    await pause(50);
    called.release();
    expect(await Promise.all(calls)).toEqual(calls.map(() => "hold"));
    expect(await closed).toBe(0);
    client.close();
  });

  test.each([
    ["no host", "POST /promise.PromiseService/ReadPromise HTTP/1.0\r\n\r\n"],
    [
      "a host that is none",
      "POST /promise.PromiseService/ReadPromise HTTP/1.1\r\nHost: a b\r\n\r\n",
    ],
  ])("P7 %s is answered 400 over HTTP/1.1", async (_what, bytes) => {
    const { port } = await serveService();
    const raw = new Raw(port);
    raw.send(bytes);
    await raw.closed;
    expect(raw.statuses).toEqual(["400"]);
    expect(raw.text.toLowerCase()).toContain("connection: close\r\n");
  });

  test("P7 a host that is none is answered 400 over HTTP/2", async () => {
    const { port } = await serveService();
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    sessions.push(session);
    const path = "/promise.PromiseService/ReadPromise";
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on("warning", note);
    const stream = session.request({ ":method": "POST", ":path": path, ":authority": "a:99999" });
    const status = await new Promise((resolve) => {
      stream.resume().once("response", (answer) => resolve(answer[":status"]));
    });
    process.off("warning", note);
    expect(status).toBe(400);
    expect(session.destroyed).toBe(false);
    expect(warnings).toEqual([]); // of headers that HTTP/2 does not know
  });
});

function read(client: Client, id: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      "/promise.PromiseService/ReadPromise",
      (message: string) =>
        Buffer.from(
          toBinary(ReadPromiseRequestSchema, create(ReadPromiseRequestSchema, { id: message })),
        ),
      (bytes) => fromBinary(ReadPromiseResponseSchema, bytes).promise?.id,
      id,
      (error, answer) => (error === null ? resolve(answer) : reject(error)),
    );
  });
}
