// The streams of workers, over real sockets, behind the registry that serves. The plan: what a stream
// looks like, who gets one, what is said of each message, clients that go away or do not read, and
// the end. A stream is read byte by byte, and once by the client that SDKs bring along.

import type { Socket } from "node:net";
import { EventSource } from "eventsource";
import { afterEach, describe, expect, test } from "vitest";
import { WorkerMailbox } from "../../aio/mailbox.ts";
import { createApp } from "../../api/app.ts";
import { Gateway } from "../../api/gateway.ts";
import { type HttpListener, serveHttp } from "../../api/listen.ts";
import { Poll } from "../../api/poll.ts";
import type { RequestRecord } from "../../api/record.ts";
import { type Admit, admitAll } from "../../api/worker-streams.ts";
import { parseAddress, type Worker } from "../../kernel/address.ts";
import { promiseId } from "../../kernel/ids.ts";
import type { Delivery, WorkerStream } from "../../kernel/ports.ts";
import { InProcess } from "../in-process.ts";
import { destroySockets, pause, RawSocket, until } from "./raw-socket.ts";

const listeners: HttpListener[] = [];
const sources: EventSource[] = [];

afterEach(async () => {
  for (const source of sources.splice(0)) source.close();
  destroySockets();
  for (const listener of listeners.splice(0)) await listener.close(0);
});

type Options = {
  readonly connectionsMax?: number;
  readonly bufferMax?: number;
  readonly keepAliveMs?: number;
  readonly admit?: Admit;
  readonly corsOrigins?: readonly string[];
};

/** What an app needs besides. */
function aroundPoll() {
  return {
    gateway: new Gateway(new InProcess()),
    readiness: () => true,
    bodyLimit: 1_000,
    corsOrigins: [],
    observe: () => {},
    newRequestId: () => "made",
  };
}

/** A server whose streams a test can see and fill. */
class Served {
  readonly opened: Worker[] = [];
  readonly records: RequestRecord[] = [];
  readonly mailbox: WorkerMailbox;
  readonly poll: Poll;
  readonly app: ReturnType<typeof createApp>;
  #listener: HttpListener | null = null;

  constructor(options: Options) {
    const { connectionsMax = 100, bufferMax = 1_000, keepAliveMs = 60_000 } = options;
    const { admit = admitAll, corsOrigins = [] } = options;
    const onConnect = (worker: Worker) => {
      this.opened.push(worker);
    };
    this.mailbox = new WorkerMailbox({ connectionsMax, bufferMax, onConnect });
    this.poll = new Poll({ mailbox: this.mailbox, keepAliveMs, admit });
    const observe = (record: RequestRecord) => this.records.push(record);
    this.app = createApp({ ...aroundPoll(), corsOrigins, observe, poll: this.poll });
  }

  get listener(): HttpListener {
    if (this.#listener === null) throw new Error("it does not listen yet");
    return this.#listener;
  }

  get port(): number {
    return this.listener.address.port;
  }

  async listen(): Promise<this> {
    const onError = () => {};
    const { app } = this;
    const binding = { host: "127.0.0.1", port: 0, onError };
    this.#listener = await serveHttp({ app, bodyLimit: 1_000, ...binding });
    listeners.push(this.#listener);
    return this;
  }

  async send(address: string, message = '{"a":1}', subject = "p"): Promise<Delivery> {
    const parsed = parseAddress(address);
    if (parsed?.kind !== "poll") throw new Error(`no address: ${address}`);
    return await this.mailbox.deliver({ address: parsed, message, subject: promiseId(subject) });
  }

  /** Waits until so many workers are connected, and no more and no fewer streams are open. */
  async until(count: number): Promise<void> {
    await until(() => this.mailbox.connectionCount === count && this.poll.streamCount === count);
  }
}

function serve(options: Options = {}): Promise<Served> {
  return new Served(options).listen();
}

class Raw extends RawSocket {
  /** What the stream says, put together again from its chunks. */
  get stream(): string {
    const body = this.received.slice(this.received.indexOf("\r\n\r\n") + 4);
    return body.replace(/[0-9a-f]+\r\n([^\r]*)\r\n/g, "$1");
  }
}

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const delivered = { kind: "delivered" };
const noReceiver = { kind: "failed", reason: "no_receiver", cause: "" };
const lost = { kind: "failed", reason: "stream_lost", cause: "" };

/** Opens a stream and waits for its first words. */
async function opened({ port }: Served, path: string, more = ""): Promise<Raw> {
  const raw = new Raw(port).send(get(path, more));
  await raw.until(/: ka\n\n/);
  return raw;
}

describe("a stream", () => {
  test("E2 opens with a comment; each message is one line of data", async () => {
    const served = await serve();
    const raw = await opened(served, "/poll/g/i");
    expect(await served.send("poll://uni@g/i", '{"a":1}')).toEqual(delivered);
    expect(await served.send("poll://any@g", '"é😀\\n"')).toEqual(delivered);
    await raw.until(/n"\n\n/);
    const utf8 = Buffer.from(raw.stream, "latin1").toString();
    expect(utf8).toBe(': ka\n\ndata: {"a":1}\n\ndata: "é😀\\n"\n\n');
    expect(served.opened).toEqual([{ group: "g", id: "i" }]);
  });

  test("has the headers of an event stream, and those of every other answer", async () => {
    const served = await serve({ corsOrigins: ["https://a.net"] });
    const more = "Origin: https://a.net\r\nRequest-Id: \u00ff\r\n";
    const raw = await opened(served, "/poll/g/i", more);
    const [head = ""] = raw.received.toLowerCase().split("\r\n\r\n");
    expect(head.split("\r\n")).toEqual(
      expect.arrayContaining([
        "http/1.1 200 ok",
        "content-type: text/event-stream",
        "cache-control: no-cache",
        "request-id: \u00ff",
        "access-control-allow-origin: https://a.net",
        "vary: origin",
      ]),
    );
    expect(head).not.toContain("content-length");
  });

  test.each([
    ["/poll/a%20b/c%2Fd", { group: "a b", id: "c/d" }],
    ["/poll/%C3%A9/%25", { group: "\u00e9", id: "%" }],
    ["/poll/a%2525/b+c", { group: "a%25", id: "b+c" }],
    ["/poll/100%/%ff", { group: "100%", id: "%ff" }],
    ["/poll/G/I?x=/y#/z", { group: "G", id: "I" }],
    ["/poll/poll/poll", { group: "poll", id: "poll" }],
  ])("%s is named by its two segments, decoded once", async (path, worker) => {
    const served = await serve();
    await opened(served, path);
    expect(served.opened).toEqual([worker]);
    const [group, id] = [worker.group, worker.id].map(encodeURIComponent);
    expect(await served.send(`poll://uni@${group}/${id}`)).toEqual(delivered);
  });
});

describe("a stream that goes on", () => {
  test("E2 says the comment again and again", async () => {
    const served = await serve({ keepAliveMs: 20 });
    const raw = await opened(served, "/poll/g/i");
    await raw.until(/(: ka\n\n\r\n[^:]*){4}/);
    expect(raw.stream).toMatch(/^(: ka\n\n)+$/);
    await served.send("poll://uni@g/i");
    await raw.until(/data: \{"a":1\}\n\n/);
  });

  test("is read by the client that SDKs bring along", async () => {
    const served = await serve({ keepAliveMs: 10 });
    const source = new EventSource(`http://127.0.0.1:${served.port}/poll/g/i`);
    sources.push(source);
    const heard: string[] = [];
    source.onmessage = ({ data }) => heard.push(data);
    await served.until(1);
    const messages = Array.from({ length: 50 }, (_none, at) => JSON.stringify({ at, text: "é\n" }));
    for (const message of messages) {
      expect(await served.send("poll://any@g", message)).toEqual(delivered);
    }
    await until(() => heard.length === messages.length);
    expect(heard).toEqual(messages);
    source.close();
    await served.until(0);
  });

  test("goes to a client of HTTP/1.0 as it is", async () => {
    const served = await serve();
    const raw = new Raw(served.port).send("GET /poll/g/i HTTP/1.0\r\nRequest-Id: \u00ff\r\n\r\n");
    await raw.until(/request-id: \u00ff\r\n[\s\S]*\r\n\r\n: ka\n\n$/);
    served.poll.close();
    await raw.closed;
  });

  test("a body that comes with the request is not looked at", async () => {
    const served = await serve();
    const head = "Content-Length: 200000\r\n";
    const raw = new Raw(served.port).send(get("/poll/g/i", head) + "x".repeat(200_000));
    await raw.until(/: ka\n\n/);
    raw.socket.destroy();
    await served.until(0);
  });
});

describe("who gets a stream", () => {
  test("one more than there may be is turned away, until somebody leaves", async () => {
    const served = await serve({ connectionsMax: 1 });
    const first = await opened(served, "/poll/g/a");
    const second = new Raw(served.port).send(get("/poll/g/b"));
    await second.until(/capacity$/);
    expect(second.statuses).toEqual(["503"]);
    expect(second.received).toContain("\r\n\r\nPoll registration at capacity");
    expect(second.received).toContain("content-type: text/plain; charset=utf-8");
    await served.until(1); // E4
    first.socket.destroy();
    await served.until(0);
    await opened(served, "/poll/g/b");
  });

  test.each([
    ["unauthenticated", "401", "Unauthorized"],
    ["forbidden", "403", "Forbidden"],
  ] as const)("who is %s hears %s, as text", async (kind, status, text) => {
    const served = await serve({ admit: () => ({ kind }) });
    const raw = new Raw(served.port).send(get("/poll/g/i"));
    await raw.until(new RegExp(`\r\n\r\n${text}$`));
    expect(raw.statuses).toEqual([status]);
    expect(raw.received).toContain("content-type: text/plain; charset=utf-8");
    await served.until(0);
    expect(served.opened).toEqual([]);
  });

  test("it is decided by the header and the worker's name, in its own time", async () => {
    const asked: unknown[] = [];
    const served = await serve({
      admit: async (worker, authorization) => {
        asked.push([worker, authorization]);
        await pause(20);
        return admitAll(worker, authorization);
      },
    });
    await opened(served, "/poll/a%20b/i?token=x", "Authorization: Bearer \u00ff\r\n");
    await opened(served, "/poll/g/i");
    expect(asked).toEqual([
      [{ group: "a b", id: "i" }, "Bearer \u00ff"],
      [{ group: "g", id: "i" }, null],
    ]);
  });

  test("who may not be told of a promise is passed over", async () => {
    const mayReceive = (subject: string) => subject.startsWith("ours");
    const served = await serve({
      admit: () => ({ kind: "admitted", mayReceive, isOver: () => false }),
    });
    const raw = await opened(served, "/poll/g/i");
    expect(await served.send("poll://any@g", "1", "theirs")).toEqual(noReceiver);
    expect(await served.send("poll://any@g", "2", "ours.1")).toEqual(delivered);
    await raw.until(/data: 2/);
    expect(raw.received).not.toContain("data: 1");
  });

  test("what fails while it is decided is answered with 5000, and ends nothing", async () => {
    const served = await serve({ admit: () => Promise.reject(new Error("no keys")) });
    const raw = new Raw(served.port).send(get("/poll/g/i"));
    await raw.until(/"code":5000/);
    expect(served.records.map(({ error }) => `${error}`)).toEqual(["Error: no keys"]);
    await served.until(0);
  });

  test("E4 who goes away while it is decided leaves nothing behind", async () => {
    const decided = Promise.withResolvers<void>();
    const served = await serve({
      admit: async (worker, authorization) => {
        await decided.promise;
        return admitAll(worker, authorization);
      },
    });
    const raw = new Raw(served.port).send(get("/poll/g/i"));
    await pause(30);
    raw.socket.resetAndDestroy();
    await pause(30);
    decided.resolve();
    await pause(30);
    expect([served.opened, served.poll.streamCount]).toEqual([[], 0]);
  });
});

describe("the route", () => {
  test("HEAD is answered with the headers, and opens nothing", async () => {
    const served = await serve();
    const raw = new Raw(served.port);
    raw.send(get("/poll/g/i").replace("GET", "HEAD") + get("/health"));
    await raw.until(/content-length: 0/i);
    expect(raw.statuses).toEqual(["200", "200"]);
    expect(raw.received.split("\r\n\r\n")[0]).toContain("content-type: text/event-stream");
    expect(served.opened).toEqual([]);
    const refusing = new Served({ admit: () => ({ kind: "forbidden" }) });
    const refused = await refusing.app.request("http://a/poll/g/i", { method: "HEAD" });
    expect(refused.status).toBe(403);
  });

  test("OPTIONS and other methods are told what is allowed", async () => {
    const { app } = new Served({ corsOrigins: ["*"] });
    const options = await app.request("http://a/poll/g/i", { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
    expect(options.headers.get("access-control-allow-headers")).toContain("authorization");
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const answer = await app.request("http://a/poll/g/i", { method });
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
      expect(await answer.text()).toContain('"code":4050');
    }
  });

  test.each(["/poll", "/poll/", "/poll/g", "/poll/g/", "/poll//i", "/poll/g/i/", "/poll/g/i/j"])(
    "%s is none",
    async (path) => {
      const { app } = new Served({});
      const answer = await app.request(`http://a${path}`);
      expect(answer.status).toBe(404);
      expect(await answer.text()).toContain('"code":4049');
    },
  );

  test("a server without streams does not have it", async () => {
    const app = createApp(aroundPoll());
    const answer = await app.request("http://a/poll/g/i");
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('"code":4049');
  });

  test("without a socket there is nothing that could be written to", async () => {
    const served = new Served({});
    const answer = await served.app.request("http://a/poll/g/i");
    expect(answer.status).toBe(500);
    expect(served.mailbox.connectionCount).toBe(0);
  });
});

/** More than sockets hold (4 MiB and a little at the most), and three of them less than a stream may. */
const large = JSON.stringify("x".repeat(5_500_000));

/** A client that has its stream and does not read it, and what is said of messages sent to it. */
async function stalled(served: Served, count = 3) {
  const raw = await opened(served, "/poll/g/i");
  raw.socket.pause();
  const said: Delivery[] = [];
  const sent = Array.from({ length: count }, () => sendLarge(served, said));
  await pause(50);
  return { raw, said, sent };
}

async function sendLarge(served: Served, said: Delivery[]): Promise<void> {
  said.push(await served.send("poll://uni@g/i", large));
}

describe("E1 what is said of a message", () => {
  test("E1 of each as soon as it is written, though others behind it are not", async () => {
    const served = await serve();
    const raw = await opened(served, "/poll/g/i");
    raw.socket.pause();
    const first = served.send("poll://uni@g/i");
    const said: Delivery[] = [];
    const sent = Array.from({ length: 3 }, () => sendLarge(served, said));
    expect(await first).toEqual(delivered);
    expect(said.length).toBeLessThan(3);
    raw.socket.resume();
    await Promise.all(sent);
  });

  test("E1 nothing, until it is written", async () => {
    const served = await serve();
    const { raw, said, sent } = await stalled(served);
    expect(said.length).toBeLessThan(3);
    raw.socket.resume();
    await Promise.all(sent);
    expect(said).toEqual([delivered, delivered, delivered]);
  });

  test("E1 that it is lost, if the client goes away before", async () => {
    const served = await serve();
    const { raw, said, sent } = await stalled(served, 5);
    const before = said.length;
    raw.socket.resetAndDestroy();
    await Promise.all(sent);
    const after = Array.from({ length: 5 - before }, () => lost);
    expect(said.slice(before)).toEqual(after);
    await served.until(0);
    expect(await served.send("poll://uni@g/i")).toEqual(noReceiver);
  });

  test("a full buffer is not there: another of the group is told", async () => {
    const served = await serve({ bufferMax: 2 });
    const { said } = await stalled(served, 2);
    const other = await opened(served, "/poll/g/j");
    expect(said).toEqual([]);
    expect(await served.send("poll://uni@g/i")).toEqual(noReceiver);
    expect(await served.send("poll://any@g/i")).toEqual(delivered);
    await other.until(/data: \{"a":1\}/);
  });

  test("a message of two lines is a bug", async () => {
    const served = await serve();
    await opened(served, "/poll/g/i");
    await expect(served.send("poll://uni@g/i", "a\nb")).rejects.toThrow("more than one line");
    await expect(served.send("poll://uni@g/i", "a\rb")).rejects.toThrow("more than one line");
  });
});

describe("E3 E4 clients that go away, or do not read", () => {
  test.each<readonly [string, (socket: Socket) => void]>([
    ["closes", (socket) => socket.destroy()],
    ["breaks off", (socket) => socket.resetAndDestroy()],
    ["sends its end", (socket) => socket.end()],
  ])("E4 one that %s leaves nothing behind", async (_how, leave) => {
    const served = await serve();
    const raws = [await opened(served, "/poll/g/i"), await opened(served, "/poll/g/i")];
    await served.until(2);
    const [first] = raws;
    if (first !== undefined) leave(first.socket);
    await served.until(1);
    expect(await served.send("poll://uni@g/i")).toEqual(delivered);
    await raws[1]?.until(/data:/);
    for (const raw of raws) leave(raw.socket);
    await served.until(0);
  });

  test("E4 a hundred that come and go leave nothing behind", async () => {
    const served = await serve();
    for (let at = 0; at < 100; at++) {
      const raw = new Raw(served.port).send(get(`/poll/g/${at % 7}`));
      if (at % 3 === 0) await raw.until(/: ka/);
      if (at % 2 === 0) raw.socket.resetAndDestroy();
      else raw.socket.destroy();
    }
    await pause(100); // the last ones may be on their way
    await served.until(0);
    expect(served.opened.length).toBeGreaterThan(30);
  });

  test("E3 one that does not read is cut", async () => {
    const served = await serve({ keepAliveMs: 30 });
    const { raw, said, sent } = await stalled(served, 5);
    const before = said.length;
    await Promise.all(sent);
    expect(said.slice(before)).toEqual(Array.from({ length: 5 - before }, () => lost));
    await served.until(0);
    raw.socket.resume();
    await raw.closed;
  });

  test("E3 one that reads slowly is not", async () => {
    const served = await serve({ keepAliveMs: 100 });
    const { raw, said, sent } = await stalled(served);
    const started = performance.now();
    while (performance.now() - started < 800) {
      if (sent.length - said.length < 3) sent.push(sendLarge(served, said));
      raw.socket.resume();
      await pause(2);
      raw.socket.pause();
      await pause(30);
    }
    raw.socket.resume();
    await Promise.all(sent);
    expect(new Set(said.map(({ kind }) => kind))).toEqual(new Set(["delivered"]));
    await served.send("poll://uni@g/i");
    await raw.until(/data: \{"a":1\}/);
  });

  test("E3 one to which nothing has to be said stays", async () => {
    const served = await serve({ keepAliveMs: 10 });
    const raw = await opened(served, "/poll/g/i");
    raw.socket.pause();
    await pause(150);
    expect(served.poll.streamCount).toBe(1);
  });
});

describe("E5 the end", () => {
  test("E5 streams end behind what they were given, and hold up nothing", async () => {
    const served = await serve();
    const raws = [await opened(served, "/poll/g/i"), await opened(served, "/poll/g/j")];
    const delivery = served.send("poll://uni@g/i");
    const started = performance.now();
    served.poll.close();
    expect(served.mailbox.connectionCount).toBe(0);
    expect(await served.listener.close(5_000)).toBe(0);
    expect(performance.now() - started).toBeLessThan(900);
    expect(await delivery).toEqual(delivered);
    for (const raw of raws) await raw.closed;
    expect(raws.map(({ stream }) => stream)).toEqual([': ka\n\ndata: {"a":1}\n\n', ": ka\n\n"]);
    for (const raw of raws) expect(raw.received).toMatch(/\r\n0\r\n\r\n$/);
    expect(served.poll.streamCount).toBe(0);
  });

  test("E5 so they do if the listener is closed first", async () => {
    const served = await serve();
    const raw = await opened(served, "/poll/g/i");
    const closed = served.listener.close(5_000);
    await pause(20);
    expect(raw.stream).toBe(": ka\n\n");
    served.poll.close();
    expect(await closed).toBe(0);
    await raw.closed;
    expect(raw.received).toMatch(/\r\n0\r\n\r\n$/);
  });

  test("E5 who does not read is not waited for long", async () => {
    const served = await serve();
    const { said, sent } = await stalled(served);
    const started = performance.now();
    served.poll.close();
    served.poll.close(); // as often as one likes
    expect(await served.listener.close(10_000)).toBe(0);
    expect(performance.now() - started).toBeLessThan(3_000);
    await Promise.all(sent);
    expect(said.at(-1)).toEqual(lost);
    await served.until(0);
  });
});

describe("E5 after the end", () => {
  test("E5 from then on there are no new streams", async () => {
    const served = await serve();
    served.poll.close();
    served.poll.close();
    const raw = new Raw(served.port).send(get("/poll/g/i"));
    await raw.closed;
    expect(raw.statuses).toEqual(["503"]);
    expect(raw.received).toContain("\r\n\r\nServer is shutting down");
    expect(raw.received.toLowerCase()).toContain("connection: close");
  });

  test("E5 a connection is of use again when its stream has ended", async () => {
    const served = await serve();
    const raw = await opened(served, "/poll/g/i");
    raw.send(get("/health"));
    await pause(20);
    expect(raw.statuses).toEqual(["200"]);
    served.poll.close();
    await until(() => raw.statuses.length === 2);
    await pause(1_100); // longer than is waited for who does not read
    raw.send(get("/health"));
    await until(() => raw.statuses.length === 3);
  });

  test("E4 streams that wait for others on their connection end with it", async () => {
    const served = await serve();
    const raw = await opened(served, "/poll/g/0");
    raw.send(Array.from({ length: 20 }, (_none, at) => get(`/poll/g/${at + 1}`)).join(""));
    await served.until(21);
    const delivery = served.send("poll://uni@g/20");
    await pause(20);
    raw.socket.resetAndDestroy();
    expect(await delivery).toEqual(lost);
    await served.until(0);
  });
});

/** A server whose one stream a test writes to itself. */
async function bare() {
  const streams: WorkerStream[] = [];
  const mailbox = { connect: (stream: WorkerStream) => streams.push(stream) > 0, disconnect() {} };
  const poll = new Poll({ mailbox, keepAliveMs: 60_000, admit: admitAll });
  const app = createApp({ ...aroundPoll(), poll });
  const binding = { host: "127.0.0.1", port: 0, onError() {} };
  const listener = await serveHttp({ app, bodyLimit: 1_000, ...binding });
  listeners.push(listener);
  const raw = new Raw(listener.address.port).send(get("/poll/g/i"));
  await raw.until(/: ka/);
  const [stream] = streams;
  if (stream === undefined) throw new Error("nobody is connected");
  return { poll, raw, stream };
}

test("a stream that has ended is not written to", async () => {
  const { poll, stream } = await bare();
  poll.close();
  expect(() => stream.write("{}", () => {})).toThrow("has ended");
});

test("E1 each message is spoken of once, and not from within the call", async () => {
  const { raw, stream } = await bare();
  raw.socket.pause();
  const said = Array.from({ length: 6 }, () => 0);
  for (const at of said.keys()) {
    stream.write(at === 0 ? "{}" : large, () => {
      said[at] = (said[at] ?? 0) + 1;
    });
    expect(said[at]).toBe(0);
  }
  await until(() => said[0] === 1);
  raw.socket.resetAndDestroy();
  await until(() => said.every((count) => count > 0));
  await pause(50);
  expect(said).toEqual(said.map(() => 1));
});

test("E6 a stream ends with its token, and until then it is as it was", async () => {
  let hasExpired = false;
  const isOver = () => hasExpired;
  const served = await serve({
    keepAliveMs: 10,
    admit: () => ({ kind: "admitted", mayReceive: () => !hasExpired, isOver }),
  });
  const raw = await opened(served, "/poll/g/i");
  await raw.until(/(: ka\n\n\r\n[^:]*){4}/);
  expect(await served.send("poll://any@g", "1")).toEqual(delivered);
  hasExpired = true;
  expect(await served.send("poll://any@g", "2")).toEqual(noReceiver);
  await raw.until(/\r\n0\r\n\r\n$/);
  await served.until(0);
});
