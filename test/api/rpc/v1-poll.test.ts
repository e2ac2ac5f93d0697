// Workers over gRPC, behind the registry that serves: what they are told, who is let in, which of
// several is told, those who go away or do not read, and the end.

import { connect } from "node:http2";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { Guard } from "../../../api/auth/guard.ts";
import { encodeMessage } from "../../../api/protocol/message.ts";
import { parseAddress } from "../../../kernel/address.ts";
import { deadlineMs, instantMs, int64Max, promiseId, taskVersion } from "../../../kernel/ids.ts";
import type { Message } from "../../../kernel/message.ts";
import type { Delivery } from "../../../kernel/ports.ts";
import { emptyValue } from "../../../kernel/value.ts";
import { Workers } from "../../../proto/gen/resonate/v1/resonate_pb.ts";
import { InProcess } from "../../in-process.ts";
import { envelope } from "./client.ts";
import { type Opening, openV1, until } from "./v1-client.ts";

const execute: Message = {
  ...{ kind: "execute", to: "poll://any@g", id: promiseId("t"), version: taskVersion(3) },
};
const json = encodeMessage(execute, "http://here");

async function open(options: Omit<Opening, "port"> = {}) {
  const server = await openV1({ port: new InProcess(), ...options });
  const send = async (to: string, message = json, subject = "t"): Promise<Delivery> => {
    const address = parseAddress(to);
    if (address?.kind !== "poll") throw new Error(`no address: ${to}`);
    return await server.mailbox.deliver({ address, message, subject: promiseId(subject) });
  };
  const connected = (count: number) => until(() => server.mailbox.connectionCount === count);
  return { ...server, send, connected };
}

const delivered = { kind: "delivered" };
const noReceiver = { kind: "failed", reason: "no_receiver", cause: "" };
const lost = { kind: "failed", reason: "stream_lost", cause: "" };

test("G7: a worker is told of tasks and of promises", async () => {
  const { client, send } = await open();
  const worker = await client.poll("g", "i").opened();
  expect(await send("poll://uni@g/i")).toEqual(delivered);
  const unblock: Message = {
    ...{ kind: "unblock", to: "", id: promiseId("p") },
    promise: {
      ...{ kind: "settled", outcome: "resolved", isExternal: false },
      ...{ param: emptyValue, tags: new Map([["a", "b"]]) },
      ...{ timeoutAt: deadlineMs(int64Max), createdAt: instantMs(1), settledAt: instantMs(2) },
      ...{ value: { headers: null, data: "" }, createKey: null, settleKey: null },
    },
  };
  expect(await send("poll://any@g", encodeMessage(unblock, ""))).toEqual(delivered);
  await worker.until(2);
  expect(worker.messages).toMatchObject([
    { execute: { serverUrl: "http://here", taskId: "t", version: "3" } },
    {
      unblock: {
        promise: {
          ...{ id: "p", state: "PROMISE_STATE_RESOLVED", timeoutAt: `${int64Max}` },
          ...{ createdAt: "1", settledAt: "2", tags: { a: "b" }, value: { data: "" } },
        },
      },
    },
  ]);
});

test.each([
  ["", "", "Group is required; Worker ID is required"],
  ["g", "x".repeat(2_049), "Worker ID must be at most 2048 bytes"],
  ["é".repeat(1_025), "i", "Group must be at most 2048 bytes"],
])("a worker without a proper name is refused", async (group, id, message) => {
  const { client, mailbox } = await open();
  const ended = await client.poll(group, id).ended;
  expect(ended).toMatchObject({ code: status.INVALID_ARGUMENT, message });
  expect(mailbox.connectionCount).toBe(0);
});

test("a name is taken as it is, and found by an address that escapes it", async () => {
  const { client, send } = await open();
  await client.poll("a/b", "100%").opened();
  expect(await send("poll://uni@a%2Fb/100%25")).toEqual(delivered);
});

test("E4: no more workers are let in than there is room for, until one leaves", async () => {
  const { client, connected } = await open({ connectionsMax: 1 });
  const first = await client.poll("g", "1").opened();
  const refused = await client.poll("g", "2").ended;
  expect(refused).toMatchObject({
    ...{ code: status.RESOURCE_EXHAUSTED, message: "Poll registration at capacity" },
    info: { reason: "POLL_CAPACITY", metadata: { status: "503" } },
  });
  first.stream.cancel();
  await connected(0);
  await client.poll("g", "2").opened();
});

test("G13 E4: a worker that cancels is gone, and nothing is sent to it any more", async () => {
  const { client, send, connected, rpc } = await open();
  const worker = await client.poll("g", "i").opened();
  worker.stream.cancel();
  expect((await worker.ended).code).toBe(status.CANCELLED);
  await connected(0);
  expect(await send("poll://any@g")).toEqual(noReceiver);
  expect(rpc.workerCount).toBe(0);
});

test("of two streams of one name the newest is told, and the older once that is gone", async () => {
  const { client, send, connected } = await open();
  const older = await client.poll("g", "i").opened();
  const newer = await client.poll("g", "i").opened();
  expect(await send("poll://uni@g/i")).toEqual(delivered);
  await newer.until(1);
  newer.stream.cancel();
  await connected(1);
  expect(await send("poll://uni@g/i")).toEqual(delivered);
  await older.until(1);
  expect(newer.messages).toHaveLength(1);
});

test("two workers of a group are told in turn", async () => {
  const { client, send } = await open();
  const workers = [await client.poll("g", "1").opened(), await client.poll("g", "2").opened()];
  for (let count = 0; count < 4; count++) expect(await send("poll://any@g")).toEqual(delivered);
  for (const worker of workers) await worker.until(2);
});

test("E2: an idle stream is kept alive by frames that say nothing", async () => {
  const { client } = await open({ keepAliveMs: 10 });
  const worker = client.poll("g", "i");
  await until(() => worker.frameCount > 3);
  expect(worker.messages).toEqual([]);
});

/** A worker that grants the server a few bytes, and reads what the test says. */
async function reluctant(url: string) {
  const session = connect(url, { settings: { initialWindowSize: 100 } });
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  await new Promise((resolve) => session.once("localSettings", resolve));
  const path = "/resonate.v1.Workers/Poll";
  const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc" };
  const stream = session.request({ ...headers, te: "trailers" });
  stream.on("error", () => {});
  stream.end(envelope(Buffer.from("\n\x01g\x12\x01i", "latin1"))); // 1: "g", 2: "i"
  return { session, stream };
}

const long = encodeMessage({ ...execute, id: promiseId("x".repeat(500)) }, "http://here");

test("E1 G12 R5: a message counts as delivered once it has been written, and no earlier", async () => {
  const { url, send, connected } = await open();
  const { stream } = await reluctant(url);
  await connected(1);
  const seen: Delivery[] = [];
  for (const message of [long, json]) {
    void send("poll://uni@g/i", message).then((delivery) => seen.push(delivery));
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(seen).toEqual([]);
  stream.resume();
  await until(() => seen.length === 2);
  expect(seen).toEqual([delivered, delivered]);
});

test("a worker that has more waiting than its buffer holds is not there", async () => {
  const { url, send, connected } = await open({ bufferMax: 2 });
  const { stream } = await reluctant(url);
  await connected(1);
  const deliveries = [send("poll://uni@g/i", long), send("poll://uni@g/i")];
  expect(await send("poll://uni@g/i")).toEqual(noReceiver);
  stream.resume();
  expect(await Promise.all(deliveries)).toEqual([delivered, delivered]);
  expect(await send("poll://uni@g/i")).toEqual(delivered);
});

test("E1 G13: what was not written when a worker went is said to be lost", async () => {
  const { url, send, connected } = await open();
  const { session } = await reluctant(url);
  await connected(1);
  const deliveries = [send("poll://uni@g/i", long), send("poll://uni@g/i")];
  await new Promise((resolve) => setTimeout(resolve, 50));
  session.destroy();
  expect(await Promise.all(deliveries)).toEqual([lost, lost]);
  await connected(0);
});

test("E3: a worker that reads nothing for long is cut", async () => {
  const { url, send, connected, rpc } = await open({ keepAliveMs: 20 });
  const { stream } = await reluctant(url);
  const closed = new Promise((resolve) => stream.once("close", resolve));
  await connected(1);
  expect(await send("poll://uni@g/i", long)).toEqual(lost);
  await connected(0);
  stream.resume();
  await closed;
  expect(rpc.workerCount).toBe(0);
});

test("E5: the end comes behind what was given, and nobody is let in from then on", async () => {
  const { client, send, rpc, listener, connected } = await open();
  const worker = await client.poll("g", "i").opened();
  const deliveries = [send("poll://uni@g/i"), send("poll://uni@g/i")];
  rpc.pause();
  await connected(0);
  expect(await Promise.all(deliveries)).toEqual([delivered, delivered]);
  const ending = { code: status.UNAVAILABLE, message: "Server is shutting down" };
  expect(await worker.ended).toMatchObject(ending);
  expect(worker.messages).toHaveLength(2);
  expect(await client.poll("g", "i").ended).toMatchObject(ending);
  client.close();
  rpc.end();
  expect(await listener.close(5_000)).toBe(0);
});

test("E5: the end does not wait long for a worker that reads nothing", async () => {
  const { url, send, rpc, listener, connected } = await open();
  const { session } = await reluctant(url);
  await connected(1);
  const delivery = send("poll://uni@g/i", long);
  const startedAt = performance.now();
  rpc.pause();
  expect(await delivery).toEqual(lost);
  rpc.end();
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  session.destroy();
  await listener.close(0);
});

let hasExpired = false;

/** A token is a prefix, for the group `g` only. */
const guard = new Guard({
  verifier: {
    verify: async (token) => {
      if (token === null) return { kind: "unauthenticated", fault: "missing" };
      const grant = { isAdmin: false, prefix: token, groups: ["g"] };
      return { kind: "granted", grant, isOver: () => hasExpired };
    },
  },
  onRefused: () => {},
});

test("a worker is let in by its token, and told of nothing that it could not read", async () => {
  const { client, send } = await open({ guard });
  const unauthorized = { code: status.UNAUTHENTICATED, message: "Unauthorized" };
  expect(await client.poll("", "i").ended).toMatchObject(unauthorized);
  const forbidden = { code: status.PERMISSION_DENIED, message: "Forbidden" };
  expect(await client.poll("h", "i", "a").ended).toMatchObject(forbidden);
  await client.poll("g", "i", "a").opened();
  expect(await send("poll://any@g", json, "b")).toEqual(noReceiver);
  expect(await send("poll://any@g", json, "ab")).toEqual(delivered);
});

test("E6: a stream ends with its token", async () => {
  const { client, send } = await open({ guard, keepAliveMs: 20 });
  const poll = client.poll("g", "i", "a");
  await poll.opened();
  hasExpired = true;
  expect(await send("poll://any@g", json, "ab")).toEqual(noReceiver);
  const unauthorized = { code: status.UNAUTHENTICATED, message: "Unauthorized" };
  expect(await poll.ended).toMatchObject(unauthorized);
  hasExpired = false;
});

test.each(["1.1", "2"] as const)(
  "G13: Connect over HTTP/%s streams as well",
  async (httpVersion) => {
    const { url, send, connected } = await open();
    const workers = createClient(Workers, createConnectTransport({ baseUrl: url, httpVersion }));
    const ending = new AbortController();
    const told: unknown[] = [];
    const reading = (async () => {
      for await (const { message } of workers.poll({ group: "g", id: "i" }, ending)) {
        if (message.case === "execute") told.push(message.value.taskId);
      }
    })();
    await connected(1);
    expect(await send("poll://uni@g/i")).toEqual(delivered);
    await until(() => told.length === 1);
    ending.abort();
    await expect(reading).rejects.toThrow("canceled");
    await connected(0);
    expect(told).toEqual(["t"]);
  },
);

test("a deadline ends a stream as it ends a call", async () => {
  const { url, connected } = await open();
  const transport = createConnectTransport({ baseUrl: url, httpVersion: "2" });
  const workers = createClient(Workers, transport);
  const reading = (async () => {
    for await (const _ of workers.poll({ group: "g", id: "i" }, { timeoutMs: 100 }));
  })();
  await expect(reading).rejects.toThrow("deadline");
  await connected(0);
});
