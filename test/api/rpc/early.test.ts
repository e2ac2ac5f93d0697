// Calls that are answered, or over, while their client still sends: over the whole RPC side, on its
// own listener. None of them may hang, and none may keep a stream, a connection, or the end waiting.

import { type ClientHttp2Session, connect } from "node:http2";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { expect, onTestFinished, test } from "vitest";
import { WorkerMailbox } from "../../../aio/mailbox.ts";
import { Gateway } from "../../../api/gateway.ts";
import { RpcApp, streamedPaths } from "../../../api/rpc/app.ts";
import { type RpcListener, serveRpc } from "../../../api/rpc/listen.ts";
import { ServerReflection } from "../../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { PromiseService } from "../../../proto/gen/promise/promise_pb.ts";
import { InProcess } from "../../in-process.ts";

const bodyLimit = 1_000;

async function open(): Promise<{ app: RpcApp; listener: RpcListener; url: string }> {
  const gateway = new Gateway(new InProcess());
  const rim = { observe: () => {}, newRequestId: () => "made", corsOrigins: [] };
  const mailbox = new WorkerMailbox({ connectionsMax: 1, bufferMax: 1, onConnect: () => {} });
  const polling = { mailbox, keepAliveMs: 60_000 };
  const app = new RpcApp({ gateway, protocol: gateway, bodyLimit, ...rim, ...polling });
  const binding = { host: "127.0.0.1", port: 0, onError: () => {} };
  const listener = await serveRpc({ serve: app.serve, streamedPaths, ...binding });
  onTestFinished(async () => {
    app.end();
    await listener.close(0);
  });
  return { app, listener, url: `http://127.0.0.1:${listener.address.port}` };
}

/** Begins a message of 100 MB and sends no more of it. */
function begin(session: ClientHttp2Session) {
  const call = { ":method": "POST", ":path": "/promise.PromiseService/ReadPromise" };
  const stream = session.request({ ...call, "content-type": "application/grpc" });
  stream.write(Buffer.of(0, 5, 0xf5, 0xe1, 0));
  const status = new Promise<unknown>((resolve) => {
    stream.on("trailers", (trailers) => resolve(trailers["grpc-status"]));
    stream.on("response", (headers) => headers["grpc-status"] && resolve(headers["grpc-status"]));
  });
  stream.resume();
  const closed = new Promise<number>((resolve) => {
    stream.on("close", () => resolve(stream.rstCode ?? -1));
  });
  return { status, closed };
}

test("P8: a call that is refused while its message comes is over a moment later", async () => {
  const { listener, url } = await open();
  const session = connect(url);
  onTestFinished(() => session.destroy());
  const begun = Array.from({ length: 50 }, () => begin(session));
  for (const { status } of begun) expect(await status).toBe(`${Code.ResourceExhausted}`);
  const startedAt = performance.now();
  for (const { closed } of begun) expect(await closed).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(await listener.close(5_000)).toBe(0);
});

test("P8: an end does not wait for what a client owes to an answered call", async () => {
  const { app, listener, url } = await open();
  const session = connect(url);
  onTestFinished(() => session.destroy());
  expect(await begin(session).status).toBe(`${Code.ResourceExhausted}`);
  app.end();
  expect(await listener.close(8_000)).toBe(0);
});

test.each([
  ["gRPC", (baseUrl: string) => createGrpcTransport({ baseUrl })],
  [
    "gRPC-Web over HTTP/2",
    (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
  ],
  [
    "Connect's JSON over HTTP/2",
    (baseUrl: string) =>
      createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
  ],
  [
    "Connect over HTTP/1.1",
    (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  ],
  [
    "gRPC-Web over HTTP/1.1",
    (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  ],
])("P8: a client of %s may send too much again and again", async (_what, transport) => {
  const { url } = await open();
  const promises = createClient(PromiseService, transport(url));
  const param = { data: new Uint8Array(4_300_000) };
  for (let count = 0; count < 8; count++) {
    const error = await promises.createPromise({ id: "a", timeout: 5n, param }).catch((e) => e);
    expect(ConnectError.from(error).code).toBe(Code.ResourceExhausted);
    const missing = await promises.readPromise({ id: "a" }).catch((e) => e);
    expect(ConnectError.from(missing).code).toBe(Code.NotFound);
  }
});

/** Asks once, and then leaves the stream open. */
async function* asking(): AsyncGenerator<{ messageRequest: { case: "listServices"; value: "" } }> {
  yield { messageRequest: { case: "listServices", value: "" } };
  await new Promise(() => {});
}

test("D6: a reflection that is left open ends with the server", async () => {
  const { app, listener, url } = await open();
  const reflection = createClient(ServerReflection, createGrpcTransport({ baseUrl: url }));
  const answers = reflection.serverReflectionInfo(asking())[Symbol.asyncIterator]();
  expect((await answers.next()).value?.messageResponse.case).toBe("listServicesResponse");
  const next = answers.next().catch((error: unknown) => ConnectError.from(error).code);
  app.end();
  expect(await next).toBe(Code.Unavailable);
  expect(await listener.close(5_000)).toBe(0);
});

test("D6: a reflection that is left open ends at its deadline", async () => {
  const { url } = await open();
  const reflection = createClient(ServerReflection, createGrpcTransport({ baseUrl: url }));
  const options = { timeoutMs: 200 };
  const answers = reflection.serverReflectionInfo(asking(), options)[Symbol.asyncIterator]();
  await answers.next();
  const code = await answers.next().catch((error: unknown) => ConnectError.from(error).code);
  expect(code).toBe(Code.DeadlineExceeded);
});
