// The calls as such, over every protocol and both versions of HTTP: that each of them works; what no
// client would send; how large a message may be; what is no call at all; calls that end early, or
// that a bug strikes; and that each request is observed once, whatever became of it.

import { getEventListeners, once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { status } from "@grpc/grpc-js";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Port } from "../../../api/gateway.ts";
import type { Reply } from "../../../kernel/batch.ts";
import type { Request } from "../../../kernel/command.ts";
import { ErrorInfoSchema } from "../../../proto/gen/google/rpc/error_details_pb.ts";
import { PromiseService, State } from "../../../proto/gen/promise/promise_pb.ts";
import { InProcess, untilInFlight } from "../../in-process.ts";
import { bodyLimit } from "../client.ts";
import {
  askHttp1,
  askHttp2,
  envelope,
  openForTest,
  type Raw,
  type RawAnswer,
  requestBytes,
  type Stage,
} from "./client.ts";

const path = "/promise.PromiseService/ReadPromise";
const grpc = { "content-type": "application/grpc" };
const connectProto = { "content-type": "application/proto" };
const connectJson = { "content-type": "application/json" };
const versions = [
  ["HTTP/1.1", askHttp1],
  ["HTTP/2", askHttp2],
] as const;

/** A port that holds what it is asked until it is let go, then passes everything on. */
class Held implements Port {
  readonly server = new InProcess();
  #held: (readonly [Request, Reply])[] | null = [];

  submit(request: Request, reply: Reply): boolean {
    if (this.#held === null) return this.server.submit(request, reply);
    return this.#held.push([request, reply]) > 0;
  }

  letGo(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const [request, reply] of held) this.server.submit(request, reply);
  }
}

async function stillServes({ rpc, records }: Stage): Promise<void> {
  const requestId = "well";
  const { code } = await rpc.call("ReadPromise", { id: "other", requestId });
  expect(code).toBe(status.NOT_FOUND);
  expect(records.at(-1)).toMatchObject({ tid: requestId, code: 4040 });
}

type Open = (baseUrl: (version: "1.1" | "2") => string, sessions: Http2SessionManager) => Transport;

/** Connect's own clients; gRPC needs trailers, which only HTTP/2 has for clients. */
const transports: readonly (readonly [string, Open])[] = [
  ["gRPC", (url, sessionManager) => createGrpcTransport({ baseUrl: url("2"), sessionManager })],
  [
    "gRPC with gzip",
    (url, sessionManager) => {
      const rest = { sendCompression: compressionGzip, compressMinBytes: 1 };
      return createGrpcTransport({ baseUrl: url("2"), sessionManager, ...rest });
    },
  ],
  [
    "gRPC-Web over HTTP/1.1",
    (url) => createGrpcWebTransport({ baseUrl: url("1.1"), httpVersion: "1.1" }),
  ],
  [
    "gRPC-Web over HTTP/2",
    (url, sessionManager) => {
      return createGrpcWebTransport({ baseUrl: url("2"), httpVersion: "2", sessionManager });
    },
  ],
  ...([true, false] as const).flatMap((useBinaryFormat) => {
    const format = useBinaryFormat ? "binary" : "JSON";
    return [
      [
        `Connect with ${format} over HTTP/1.1`,
        (url: (version: "1.1") => string) =>
          createConnectTransport({ baseUrl: url("1.1"), httpVersion: "1.1", useBinaryFormat }),
      ],
      [
        `Connect with ${format} over HTTP/2`,
        (url: (version: "2") => string, sessionManager: Http2SessionManager) => {
          const baseUrl = url("2");
          const rest = { sessionManager, useBinaryFormat };
          return createConnectTransport({ baseUrl, httpVersion: "2", ...rest });
        },
      ],
    ] as const;
  }),
];

function clientOf(stage: Stage, openTransport: Open): Client<typeof PromiseService> {
  const url = (version: "1.1" | "2") => {
    return `http://127.0.0.1:${version === "2" ? stage.http2 : stage.http1}`;
  };
  const sessions = new Http2SessionManager(url("2"));
  onTestFinished(() => sessions.abort());
  return createClient(PromiseService, openTransport(url, sessions));
}

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(await promise.catch((reason: unknown) => reason));
}

describe("every protocol", () => {
  test.each(transports)(
    "%s writes, reads, searches and is refused",
    async (_what, openTransport) => {
      const stage = await openForTest(new InProcess());
      const client = clientOf(stage, openTransport);
      const data = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const timeout = 2n ** 53n + 1n;
      const born = await client.createPromise({ id: "é", timeout, param: { data } });
      expect(born).toMatchObject({
        noop: false,
        promise: { id: "é", state: State.PENDING, timeout },
      });
      const ended = await client.resolvePromise({ id: "é", value: { data, headers: { a: "b" } } });
      expect(ended.promise?.value).toMatchObject({ data, headers: { a: "b" } });
      const { promise } = await client.readPromise({ id: "é" });
      expect(promise).toMatchObject({ id: "é", state: State.RESOLVED, param: { data } });
      expect((await client.searchPromises({})).promises).toEqual([promise]);
      const error = await failure(client.cancelPromise({ id: "é" }));
      expect(error).toMatchObject({
        ...{ code: Code.PermissionDenied, rawMessage: "The promise is already resolved" },
      });
      expect(error.findDetails(ErrorInfoSchema)).toMatchObject([
        { reason: "ALREADY_RESOLVED", domain: "resonate", metadata: { code: "4030" } },
      ]);
      expect(stage.records.map(({ operation, code }) => `${operation} ${code}`)).toEqual([
        ...["create-promise 2010", "resolve-promise 2010", "read-promise 2000"],
        ...["search-promises 2000", "cancel-promise 4030"],
      ]);
    },
  );

  test.each(versions)("JSON shows what is empty, too, over %s", async (_version, ask) => {
    const stage = await openForTest(new InProcess());
    const born = await ask(stage, {
      ...{ path: "/promise.PromiseService/CreatePromise", headers: connectJson },
      body: Buffer.from('{"id":"p","timeout":"5000"}'),
    });
    expect(JSON.parse(born.body.toString())).toEqual({
      noop: false,
      promise: {
        ...{ id: "p", state: "PENDING", timeout: "5000", createdOn: "1000", completedOn: "0" },
        ...{ param: { headers: {}, data: "" }, value: { headers: {}, data: "" }, tags: {} },
        ...{ idempotencyKeyForCreate: "", idempotencyKeyForComplete: "" },
      },
    });
  });
});

const good = requestBytes("ReadPromise", { id: "p" });
const exact = requestBytes("ReadPromise", { id: "p".repeat(bodyLimit - 3) });
const large = requestBytes("ReadPromise", { id: "p".repeat(bodyLimit - 2) });
const zeros = Buffer.alloc(5_000_000);
const bomb = brotliCompressSync(zeros);
const half = gzipSync(zeros).subarray(0, bodyLimit);
const gzip = { "grpc-encoding": "gzip" };
const { INTERNAL, INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNIMPLEMENTED } = status;

type Row = readonly [
  what: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
  grpcStatus: number,
  observed: number,
];

// biome-ignore format: a table is read down its columns
const envelopes: readonly Row[] = [
  ["a message",                            envelope(good),                                      {},   NOT_FOUND,          4040],
  ["malformed protobuf",                   envelope(Buffer.from([0xff])),                       {},   INTERNAL,           4000],
  ["an envelope cut short",                envelope(good, { length: good.length + 1 }),         {},   INVALID_ARGUMENT,   4000],
  ["an envelope of three bytes",           envelope(good).subarray(0, 3),                       {},   INVALID_ARGUMENT,   4000],
  ["an envelope that claims 4 GiB",        envelope(good, { length: 0xffffffff }),              {},   RESOURCE_EXHAUSTED, 4130],
  ["no envelope",                          Buffer.of(),                                         {},   UNIMPLEMENTED,      4000],
  ["two messages",                         Buffer.concat([envelope(good), envelope(good)]),     {},   UNIMPLEMENTED,      4000],
  ["compressed, and none said",            envelope(good, { flags: 1 }),                        {},   INTERNAL,           4000],
  ["compressed, and it is not",            envelope(good, { flags: 1 }),                        gzip, INVALID_ARGUMENT,   4000],
  ["compressed",                           envelope(gzipSync(good), { flags: 1 }),              gzip, NOT_FOUND,          4040],
  ["not compressed, although it might be", envelope(good),                                      gzip, NOT_FOUND,          4040],
  ["an unknown compression",               envelope(good),                    { "grpc-encoding": "snappy" }, UNIMPLEMENTED, 4000],
  ["a deadline that is none",              envelope(good),                         { "grpc-timeout": "x" }, INVALID_ARGUMENT, 4000],
  ["as large as may be",                   envelope(exact),                                     {},   NOT_FOUND,          4040],
  ["too large by a byte",                  envelope(large),                                     {},   RESOURCE_EXHAUSTED, 4130],
  ["as large as may be, compressed",       envelope(gzipSync(exact), { flags: 1 }),             gzip, NOT_FOUND,          4040],
  ["too large by a byte, compressed",      envelope(gzipSync(large), { flags: 1 }),             gzip, RESOURCE_EXHAUSTED, 4130],
  ["a bomb",                               envelope(half, { flags: 1 }),                        gzip, RESOURCE_EXHAUSTED, 4130],
  ["a bomb of another kind",               envelope(bomb, { flags: 1 }),      { "grpc-encoding": "br" }, RESOURCE_EXHAUSTED, 4130],
];

const encoded = { "content-encoding": "gzip" };
const timed = { "connect-timeout-ms": "x" };

// biome-ignore format: a table is read down its columns
const bodies: readonly Row[] = [
  ["a message",                       good,                              {},                               404, 4040],
  ["nothing, which is no id",         Buffer.of(),                       {},                               400, 4000],
  ["malformed protobuf",              Buffer.from([0xff]),               {},                               500, 4000],
  ["malformed JSON",                  Buffer.from("{"),                  connectJson,                      400, 4000],
  ["compressed",                      gzipSync(good),                    encoded,                          404, 4040],
  ["compressed, and it is not",       good,                              encoded,                          400, 4000],
  ["an unknown compression",          good,                              { "content-encoding": "snappy" }, 501, 4000],
  ["a deadline that is none",         good,                              timed,                            400, 4000],
  ["as large as may be",              exact,                             {},                               404, 4040],
  ["too large by a byte",             large,                             {},                               429, 4130],
  ["too large by a byte, compressed", gzipSync(large),                   encoded,                          429, 4130],
  ["a bomb",                          bomb,                              { "content-encoding": "br" },     429, 4130],
  ["a body of text",                  good,                              { "content-type": "text/plain" }, 415, 4000],
  ["an envelope",                     envelope(good),      { "content-type": "application/connect+proto" }, 415, 4000],
];

test("the limit stands between the two messages that are tried, and the bombs are within it", () => {
  expect([exact.length, large.length]).toEqual([bodyLimit, bodyLimit + 1]);
  expect(Math.max(bomb.length, half.length)).toBeLessThanOrEqual(bodyLimit);
});

/** What the transport refuses has a code and a message, and no detail. */
function expectBare({ headers, trailers, body }: RawAnswer, grpcStatus: number): void {
  const told = { ...headers, ...trailers };
  const isOurs = grpcStatus === NOT_FOUND;
  const isDetailed = "grpc-status-details-bin" in told || body.includes("grpc-status-details-bin");
  expect(isDetailed).toBe(isOurs);
  expect("grpc-message" in told || body.includes("grpc-message")).toBe(true);
  if (body.length === 0) return; // else it is the one frame that has the trailers of gRPC-Web
  expect([body.readUInt8(0), body.readUInt32BE(1)]).toEqual([0x80, body.length - 5]);
}

describe.each(versions)(
  "R3 R4 what comes over %s is answered and observed, once",
  (_version, ask) => {
    for (const type of [
      "application/grpc",
      "application/grpc+proto",
      "application/grpc-web+proto",
    ]) {
      test.each(envelopes)(`${type}: %s`, async (_what, body, headers, grpcStatus, observed) => {
        const stage = await openForTest(new InProcess());
        const answer = await ask(stage, {
          path,
          body,
          headers: { ...headers, "content-type": type },
        });
        expect(answer).toMatchObject({ status: 200, grpcStatus });
        expectBare(answer, grpcStatus);
        expect(stage.records).toMatchObject([{ operation: "read-promise", code: observed }]);
        await stillServes(stage);
      });
    }

    test.each(bodies)("Connect: %s", async (_what, body, headers, httpStatus, observed) => {
      const stage = await openForTest(new InProcess());
      const answer = await ask(stage, { path, body, headers: { ...connectProto, ...headers } });
      expect(answer).toMatchObject({ status: httpStatus });
      expect(stage.records).toMatchObject([{ operation: "read-promise", code: observed }]);
      await stillServes(stage);
    });

    test.each([
      ["gRPC", grpc, 200, RESOURCE_EXHAUSTED],
      ["Connect", connectProto, 429, null],
    ] as const)("%s: what is very much too large is answered, too", async (...row) => {
      const [_what, headers, httpStatus, grpcStatus] = row;
      const stage = await openForTest(new InProcess());
      const message = Buffer.alloc(2_000_000);
      const body = grpcStatus === null ? message : envelope(message);
      const answer = await ask(stage, { path, body, headers });
      expect(answer).toMatchObject({ status: httpStatus, grpcStatus });
      expect(stage.records).toMatchObject([{ operation: "read-promise", code: 4130 }]);
      await stillServes(stage);
    });
  },
);

test("flags that nobody has given a meaning are ignored by gRPC", async () => {
  const stage = await openForTest(new InProcess());
  const body = envelope(good, { flags: 2 });
  expect(await askHttp2(stage, { path, body, headers: grpc })).toMatchObject({
    grpcStatus: NOT_FOUND,
  });
});

test("the end of a stream is no message to gRPC-Web", async () => {
  const stage = await openForTest(new InProcess());
  const headers = { "content-type": "application/grpc-web" };
  const body = envelope(good, { flags: 0x80 });
  expect(await askHttp1(stage, { path, body, headers })).toMatchObject({
    grpcStatus: UNIMPLEMENTED,
  });
  expect(stage.records).toMatchObject([{ operation: "read-promise", code: 4000 }]);
});

describe.each(versions)("what is no call, over %s", (_version, ask) => {
  const elsewhere = [
    "/",
    "/promise.PromiseService/",
    "/promise.PromiseService/Nope",
    "/promise.PromiseService/ReadPromise/",
    "/promise.PromiseService/readPromise",
    "/promise.Promises/ReadPromise",
    "/promises/p",
  ];

  test.each(elsewhere)("R2 %s is UNIMPLEMENTED to gRPC, and 404 to others", async (unknown) => {
    const stage = await openForTest(new InProcess());
    for (const type of ["application/grpc", "application/grpc-web+proto"]) {
      const headers = { "content-type": type };
      const answer = await ask(stage, { path: unknown, headers, body: envelope(good) });
      expect(answer).toMatchObject({ status: 200, grpcStatus: UNIMPLEMENTED });
      expect(answer.headers["content-type"]).toBe(type);
    }
    for (const headers of [connectProto, connectJson, {}]) {
      const answer = await ask(stage, { path: unknown, headers, body: good });
      expect(answer).toMatchObject({ status: 404, grpcStatus: null });
    }
    const all = Array(5).fill({ operation: "unknown", code: 4049 });
    expect(stage.records).toMatchObject(all);
    await stillServes(stage);
  });

  test.each([
    ["GET", {}, 405, 4050],
    ["GET", grpc, 405, 4050],
    ["HEAD", {}, 405, 4050],
    ["PUT", grpc, 405, 4050],
    ["DELETE", connectProto, 405, 4050],
    ["POST", {}, 415, 4000],
    ["POST", { "content-type": "text/plain" }, 415, 4000],
    ["POST", { "content-type": "application/grpc+thrift" }, 415, 4000],
  ] as const)("%s with %j is answered %i", async (method, headers, httpStatus, code) => {
    const stage = await openForTest(new InProcess());
    const answer = await ask(stage, { method, path, headers });
    expect(answer).toMatchObject({ status: httpStatus });
    expect(answer.body.toString()).toMatch(
      httpStatus === 415 ? /^the content type must be one/ : /^$/,
    );
    expect(answer.headers["allow"]).toBe(httpStatus === 405 ? "POST, OPTIONS" : undefined);
    expect(stage.records).toMatchObject([{ operation: "read-promise", code }]);
    await stillServes(stage);
  });

  test("OPTIONS tells what there is, and is no request of the API", async () => {
    const stage = await openForTest(new InProcess());
    const answer = await ask(stage, { method: "OPTIONS", path });
    expect(answer).toMatchObject({ status: 204, headers: { allow: "POST, OPTIONS" } });
    expect((await ask(stage, { method: "OPTIONS", path: "/nowhere" })).status).toBe(404);
    expect(stage.records).toMatchObject([{ operation: "unknown", code: 4049 }]);
  });

  test.each([
    ["the name of no state", { state: "resolved" }, /SearchState.*resolved/],
    ["a member that is none", { states: "SEARCH_RESOLVED" }, /states/],
  ])("in JSON %s is refused, or it would search for all", async (_what, message, named) => {
    const stage = await openForTest(new InProcess());
    const body = Buffer.from(JSON.stringify(message));
    const call = "/promise.PromiseService/SearchPromises";
    const answer = await ask(stage, { path: call, headers: connectJson, body });
    expect(answer.status).toBe(400);
    expect(answer.body.toString()).toMatch(named);
    expect(stage.records).toMatchObject([{ operation: "search-promises", code: 4000 }]);
  });

  test("a query changes nothing", async () => {
    const stage = await openForTest(new InProcess());
    const answer = await ask(stage, { path: `${path}?a=b`, headers: connectProto, body: good });
    expect(answer.status).toBe(404);
    expect(stage.records).toMatchObject([{ operation: "read-promise", code: 4040 }]);
  });
});

/** As it stands on the wire. @returns all that comes back */
async function talk({ http1 }: Stage, wire: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port: http1, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.end(wire);
  return await text(socket);
}

test("a path may stand behind its origin, as it does for a proxy", async () => {
  const stage = await openForTest(new InProcess());
  const host = "Host: x\r\nContent-Type: application/json\r\nConnection: close\r\n";
  const wire = `POST http://x${path} HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\n{"id":"a"}`;
  expect(await talk(stage, wire)).toMatch(/^HTTP\/1\.1 404 [\s\S]*"code":"4040"/);
});

test.each([
  ["has no host", ""],
  ["has a host that is none", "Host: a b[\r\n"],
])("R1 a request that %s cannot be handed over, and is answered 400", async (_what, host) => {
  const stage = await openForTest(new InProcess());
  const length = "Content-Length: 0\r\n";
  const types = "Content-Type: application/proto\r\n";
  const answer = await talk(stage, `POST ${path} HTTP/1.0\r\n${host}${types}${length}\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(answer).toMatch(/\r\n\r\n$/);
  await stillServes(stage);
});

test("R1 nor can one of HTTP/2 whose host is none", async () => {
  const stage = await openForTest(new InProcess());
  const headers = { ...grpc, ":authority": "a:99999" };
  expect(await askHttp2(stage, { path, headers })).toMatchObject({ status: 400 });
  await stillServes(stage);
});

describe("R3 a client that goes away in the middle of its message is observed by nobody", () => {
  const headers = ["application/grpc", "application/grpc-web", "application/proto"];
  const beginning = envelope(good, { length: 100 });

  async function expectNothing(stage: Stage): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) await stillServes(stage);
    expect(new Set(stage.records.map(({ tid }) => tid))).toEqual(new Set(["well"]));
    expect(stage.http.gateway.inFlight).toBe(0);
    expect(getEventListeners(stage.ending.signal, "abort")).toEqual([]);
  }

  test.each(headers)("HTTP/1.1, %s", async (type) => {
    const stage = await openForTest(new InProcess());
    const socket = connect({ host: "127.0.0.1", port: stage.http1 });
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n`);
    socket.write("Content-Length: 105\r\n\r\n");
    socket.write(beginning);
    await once(socket, "connect");
    await stillServes(stage);
    expect(getEventListeners(stage.ending.signal, "abort").length).toBe(1);
    socket.destroy();
    await expectNothing(stage);
  });

  test.each(headers)("HTTP/2, %s", async (type) => {
    const stage = await openForTest(new InProcess());
    const session = connectHttp2(`http://127.0.0.1:${stage.http2}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": type });
    stream.write(beginning);
    await once(session, "connect");
    await stillServes(stage);
    expect(getEventListeners(stage.ending.signal, "abort").length).toBe(1);
    stream.destroy(); // to close it would be to end the message
    await expectNothing(stage);
  });
});

describe.each([
  ["protobuf", connectProto, requestBytes("CreatePromise", { id: "p" })],
  ["protobuf of no bytes", connectProto, Buffer.of()],
  ["JSON", connectJson, Buffer.from('{"id":"p"} ')],
] as const)(
  "what has come of a message of %s before its client gives up is no message",
  (...row) => {
    const [, headers, beginning] = row;
    const create = "/promise.PromiseService/CreatePromise";

    async function expectNothing(stage: Stage): Promise<void> {
      for (let turn = 0; turn < 3; turn += 1) await stillServes(stage);
      expect((await stage.rpc.call("SearchPromises", {})).response?.promises).toEqual([]);
      expect(stage.records.map(({ operation }) => operation)).not.toContain("create-promise");
    }

    test("over HTTP/2", async () => {
      const stage = await openForTest(new InProcess());
      const session = connectHttp2(`http://127.0.0.1:${stage.http2}`);
      onTestFinished(() => session.destroy());
      const stream = session.request({ ":method": "POST", ":path": create, ...headers });
      stream.write(beginning);
      await once(session, "connect");
      await stillServes(stage);
      stream.destroy(); // to close it would be to end the message
      await expectNothing(stage);
    });

    test("over HTTP/1.1", async () => {
      const stage = await openForTest(new InProcess());
      const socket = connect({ host: "127.0.0.1", port: stage.http1 });
      const type = `Content-Type: ${headers["content-type"]}\r\n`;
      socket.write(
        `POST ${create} HTTP/1.1\r\nHost: x\r\n${type}Transfer-Encoding: chunked\r\n\r\n`,
      );
      const size = beginning.length.toString(16);
      if (beginning.length > 0)
        socket.write(`${size}\r\n${beginning.toString("latin1")}\r\n`, "latin1");
      await once(socket, "connect");
      await stillServes(stage);
      socket.end();
      await once(socket.resume(), "close");
      await expectNothing(stage);
    });
  },
);

/** What a call has that its client has given up while the kernel holds it. */
async function expectEffect(stage: Stage, port: Held): Promise<void> {
  const { gateway } = stage.http;
  expect(gateway.inFlight).toBe(1);
  expect(stage.records).toEqual([]);
  gateway.close();
  port.letGo();
  await gateway.drained();
  expect(gateway.inFlight).toBe(0);
  await new Promise((resolve) => setImmediate(resolve));
  expect(stage.records).toMatchObject([{ operation: "create-promise", code: 2010 }]);
}

const timeoutMs = 250; // within which a call must have come here

describe("S1 a call that ends early", () => {
  const early = transports.filter(([what]) => what !== "gRPC with gzip");

  test.each(early)(
    "%s: canceled by its client, it still takes effect",
    async (_what, openTransport) => {
      const port = new Held();
      const stage = await openForTest(port);
      const controller = new AbortController();
      const { signal } = controller;
      const client = clientOf(stage, openTransport);
      const called = failure(client.createPromise({ id: "p", timeout: 5_000n }, { signal }));
      await untilInFlight(stage.http.gateway, 1);
      controller.abort();
      expect((await called).code).toBe(Code.Canceled);
      await expectEffect(stage, port);
    },
  );

  test.each(early)("%s: past its deadline, it still takes effect", async (_what, openTransport) => {
    const port = new Held();
    const stage = await openForTest(port);
    const client = clientOf(stage, openTransport);
    const creation = client.createPromise({ id: "p", timeout: 5_000n }, { timeoutMs });
    expect((await failure(creation)).code).toBe(Code.DeadlineExceeded);
    await expectEffect(stage, port);
  });

  test("by another's client, canceled or past its deadline, likewise", async () => {
    const port = new Held();
    const stage = await openForTest(port);
    const controller = new AbortController();
    const { signal } = controller;
    const message = { id: "p", timeout: 5_000 };
    const canceled = stage.rpc.call("CreatePromise", message, { signal });
    const late = stage.rpc.call("CreatePromise", message, { deadlineMs: timeoutMs });
    await untilInFlight(stage.http.gateway, 2);
    controller.abort();
    expect((await canceled).code).toBe(status.CANCELLED);
    expect((await late).code).toBe(status.DEADLINE_EXCEEDED);
    expect(stage.http.gateway.inFlight).toBe(2);
    port.letGo();
    const { response } = await stage.rpc.call("ReadPromise", { id: "p" });
    expect(response?.promise).toMatchObject({ state: "PENDING" });
    expect(stage.records.map(({ code }) => code)).toEqual([2010, 4090, 2000]);
    expect(stage.http.gateway.inFlight).toBe(0);
  });

  test("the server tells that a deadline has passed, and waits for nobody", async () => {
    const port = new Held();
    const stage = await openForTest(port);
    const message = requestBytes("CreatePromise", { id: "p", timeout: 5_000 });
    const create = "/promise.PromiseService/CreatePromise";
    const timedGrpc = { ...grpc, "grpc-timeout": "50m" };
    expect(
      await askHttp2(stage, { path: create, headers: timedGrpc, body: envelope(message) }),
    ).toMatchObject({ status: 200, grpcStatus: status.DEADLINE_EXCEEDED });
    const timedConnect = { ...connectProto, "connect-timeout-ms": "50" };
    const answer = await askHttp1(stage, { path: create, headers: timedConnect, body: message });
    expect(answer.status).toBe(504);
    expect(stage.http.gateway.inFlight).toBe(2);
    port.letGo();
    await stillServes(stage);
    expect(stage.records.map(({ code }) => code)).toEqual([2010, 4090, 4040]);
  });
});

describe("S1 calls that end", () => {
  test("with the server are told so, and take effect if there is time", async () => {
    const port = new Held();
    const stage = await openForTest(port);
    const called = stage.rpc.call("CreatePromise", { id: "p", timeout: 5_000 });
    await untilInFlight(stage.http.gateway, 1);
    stage.ending.abort(new ConnectError("bye", Code.Unavailable));
    expect(await called).toMatchObject({ code: status.UNAVAILABLE, message: "bye", info: null });
    await expectEffect(stage, port);
  });

  test.each([
    ["gRPC", { ...grpc, "grpc-timeout": "99999999H" }],
    ["gRPC", { ...grpc, "grpc-timeout": "2147484S" }],
    ["Connect", { ...connectProto, "connect-timeout-ms": "2147483648" }],
    ["Connect", { ...connectProto, "connect-timeout-ms": "9999999999" }],
  ])(
    "a deadline further away than any timer goes does not strike at once: %s %#",
    async (...row) => {
      const port = new Held();
      const stage = await openForTest(port);
      const [protocol, headers] = row;
      const body = protocol === "gRPC" ? envelope(good) : good;
      const asked = askHttp2(stage, { path, headers, body });
      await untilInFlight(stage.http.gateway, 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      port.letGo();
      const { status: httpStatus, grpcStatus } = await asked;
      expect([httpStatus, grpcStatus]).toEqual(
        protocol === "gRPC" ? [200, NOT_FOUND] : [404, null],
      );
    },
  );

  test("a deadline that has passed before the call came lets it take effect, too", async () => {
    const stage = await openForTest(new InProcess());
    const headers = { ...grpc, "grpc-timeout": "0n" };
    expect(await askHttp2(stage, { path, headers, body: envelope(good) })).toMatchObject({
      grpcStatus: status.DEADLINE_EXCEEDED,
    });
    await stillServes(stage);
    expect(stage.records.map(({ code }) => code)).toEqual([4040, 4040]);
  });
});

describe("S1 a thousand calls", () => {
  test("that are canceled leave nothing behind", async () => {
    const told: unknown[] = [];
    const listen = (reason: unknown) => void told.push(reason);
    for (const name of ["warning", "unhandledRejection"]) process.on(name, listen);
    onTestFinished(() => {
      for (const name of ["warning", "unhandledRejection"]) process.off(name, listen);
    });
    const port = new Held();
    const stage = await openForTest(port);
    const { gateway } = stage.http;
    const count = 1_000;
    const controllers = Array.from({ length: count }, () => new AbortController());
    const calls = controllers.map(({ signal }, at) => {
      return stage.rpc.call("CreatePromise", { id: `${at}`, timeout: 5_000 }, { signal });
    });
    await untilInFlight(gateway, count);
    expect(getEventListeners(stage.ending.signal, "abort").length).toBe(count);
    for (const controller of controllers) controller.abort();
    const codes = new Set((await Promise.all(calls)).map(({ code }) => code));
    expect(codes).toEqual(new Set([status.CANCELLED]));
    expect(stage.records).toEqual([]);
    port.letGo();
    await stillServes(stage);
    expect(stage.records.filter(({ code }) => code === 2010).length).toBe(count);
    expect(gateway.inFlight).toBe(0);
    expect(getEventListeners(stage.ending.signal, "abort")).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(told).toEqual([]);
  });

  test("that end well leave nothing behind, whatever they speak", async () => {
    const stage = await openForTest(new InProcess());
    for (const [, openTransport] of transports) {
      const client = clientOf(stage, openTransport);
      const reads = Array.from({ length: 150 }, () => failure(client.readPromise({ id: "p" })));
      expect(new Set((await Promise.all(reads)).map(({ code }) => code))).toEqual(
        new Set([Code.NotFound]),
      );
    }
    expect(stage.records.length).toBe(150 * transports.length);
    expect(getEventListeners(stage.ending.signal, "abort")).toEqual([]);
  });
});

describe("S2 a bug ends nothing", () => {
  const bug = new TypeError("a bug of the kernel");

  /** Throws for one id, and serves the others. */
  function faulty(): Port {
    const server = new InProcess();
    return {
      submit: (request, reply) => {
        if ("id" in request && request.id === "bug") throw bug;
        return server.submit(request, reply);
      },
    };
  }

  test.each(transports)(
    "%s: INTERNAL, observed with the error, and no word of it told",
    async (_what, openTransport) => {
      const stage = await openForTest(faulty());
      const client = clientOf(stage, openTransport);
      const error = await failure(client.readPromise({ id: "bug" }));
      expect(error).toMatchObject({
        ...{ code: Code.Internal, rawMessage: "The server failed unexpectedly" },
      });
      expect(error.findDetails(ErrorInfoSchema)).toMatchObject([
        { reason: "INTERNAL", metadata: { code: "5000" } },
      ]);
      expect(JSON.stringify(error.details)).not.toContain("kernel");
      expect(stage.records).toMatchObject([{ operation: "read-promise", code: 5000, error: bug }]);
      await stillServes(stage);
    },
  );

  test("nor does one that comes to light after its client has gone", async () => {
    const replies: Reply[] = [];
    const port: Port = { submit: (_request, reply) => replies.push(reply) > 0 };
    const stage = await openForTest(port);
    const controller = new AbortController();
    const { signal } = controller;
    const called = stage.rpc.call("ReadPromise", { id: "p" }, { signal });
    await untilInFlight(stage.http.gateway, 1);
    controller.abort();
    expect((await called).code).toBe(status.CANCELLED);
    replies[0]?.({ kind: "refused", refusal: "awaiter_not_found" });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(stage.records).toMatchObject([{ operation: "read-promise", code: 5000 }]);
  });
});

describe("S3 a record", () => {
  test.each([
    ["is the client's", "abc", "abc"],
    ["is made if there is none", "", "made-1"],
    ["is cut", "x".repeat(129), "x".repeat(128)],
    ["is as long as may be", "x".repeat(128), "x".repeat(128)],
    ["is whole characters", `${"x".repeat(127)}\u{1f600}`, `${"x".repeat(127)}\ufffd`],
    ["is any text", "é\0\n", "é\0\n"],
  ])("has a request id, which %s", async (_what, requestId, tid) => {
    const stage = await openForTest(new InProcess());
    await stage.rpc.call("ReadPromise", { id: "p", requestId });
    expect(stage.records).toMatchObject([{ tid }]);
  });

  test("of every call has its operation, its code, its API and how long it took", async () => {
    const stage = await openForTest(new InProcess());
    const timeout = 5_000;
    await stage.rpc.call("CreatePromise", { id: "p", timeout, requestId: "1" });
    await stage.rpc.call("CreatePromise", { id: "p", timeout, requestId: "2" });
    await stage.rpc.call("CancelPromise", { id: "p", idempotencyKey: "k", requestId: "3" });
    await stage.rpc.call("RejectPromise", { id: "p", idempotencyKey: "k", requestId: "4" });
    await stage.rpc.call("ResolvePromise", { id: "p", requestId: "5" });
    await stage.rpc.call("SearchPromises", { limit: 101, requestId: "6" });
    await stage.rpc.call("SearchPromises", { requestId: "7" });
    await stage.rpc.call("ReadPromise", { id: "p", requestId: "8" });
    const all = stage.records.map(({ operation, code, tid }) => `${tid} ${operation} ${code}`);
    expect(all).toEqual([
      ...["1 create-promise 2010", "2 create-promise 4090", "3 cancel-promise 2010"],
      ...["4 reject-promise 2000", "5 resolve-promise 4032", "6 search-promises 4000"],
      ...["7 search-promises 2000", "8 read-promise 2000"],
    ]);
    for (const { api, ms, error } of stage.records) {
      expect({ api, error }).toEqual({ api: "grpc", error: null });
      expect(ms).toBeGreaterThan(0);
    }
  });

  test("of a call that is refused by the transport has an id that was made", async () => {
    const stage = await openForTest(new InProcess());
    await askHttp2(stage, { path, headers: grpc, body: envelope(Buffer.from([0xff])) });
    await askHttp2(stage, { path: "/", headers: grpc });
    expect(stage.records.map(({ tid }) => tid)).toEqual(["made-1", "made-2"]);
  });
});

describe.each(versions)("CORS over %s", (_version, ask) => {
  const origin = "https://a.example";
  const preflight: Raw = {
    ...{ method: "OPTIONS", path },
    headers: { origin, "access-control-request-method": "POST" },
  };
  const call: Raw = { path, body: good, headers: { ...connectProto, origin } };
  const named = ({ headers }: RawAnswer) => {
    return Object.keys(headers).filter(
      (name) => name.startsWith("access-control") || name === "vary",
    );
  };

  test("is off unless origins are configured", async () => {
    const stage = await openForTest(new InProcess());
    const answer = await ask(stage, preflight);
    expect(answer.status).toBe(204);
    expect(named(answer)).toEqual([]);
    expect(named(await ask(stage, call))).toEqual([]);
  });

  test.each([
    ["that origin", origin, origin],
    ["any origin", "*", "*"],
  ])("lets pages of %s call, and read what went wrong", async (_what, configured, told) => {
    const stage = await openForTest(new InProcess(), [configured]);
    const answer = await ask(stage, preflight);
    expect(answer).toMatchObject({ status: 204, headers: { "access-control-allow-origin": told } });
    expect(answer.headers["access-control-allow-methods"]).toContain("POST");
    const allowed = `${answer.headers["access-control-allow-headers"]}`.toLowerCase().split(", ");
    expect(allowed).toEqual(
      expect.arrayContaining([
        ...["content-type", "x-grpc-web", "grpc-timeout", "connect-timeout-ms"],
        ...["connect-protocol-version", "x-user-agent", "authorization"],
      ]),
    );
    expect(stage.records).toEqual([]);
    const called = await ask(stage, call);
    expect(called.headers["access-control-allow-origin"]).toBe(told);
    const exposed = `${called.headers["access-control-expose-headers"]}`.toLowerCase();
    expect(exposed).toContain("grpc-status-details-bin");
    const lost = await ask(stage, { ...call, path: "/nowhere" });
    expect(lost).toMatchObject({ status: 404, headers: { "access-control-allow-origin": told } });
  });

  test("lets no other origin", async () => {
    const stage = await openForTest(new InProcess(), ["https://b.example"]);
    for (const request of [preflight, call]) {
      const { headers } = await ask(stage, request);
      expect(headers["access-control-allow-origin"]).toBe(undefined);
      expect(headers).toMatchObject({ vary: "origin" });
    }
  });
});
