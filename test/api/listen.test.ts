// A real listener, spoken to over raw sockets: what HTTP clients do not send on purpose, limits in time
// and size, and how it ends. Timeouts are shortened; everything else is as it serves.

import { createServer, request } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { createApp } from "../../api/app.ts";
import { type Body, readIncoming } from "../../api/body.ts";
import type { HttpLimits } from "../../api/connections.ts";
import { Gateway } from "../../api/gateway.ts";
import { type HttpListener, serveHttp } from "../../api/listen.ts";
import type { Reply } from "../../kernel/batch.ts";
import { refused } from "../../kernel/command.ts";
import { InProcess, untilInFlight } from "../in-process.ts";
import { bodyLimit } from "./client.ts";
import { destroySockets, pause, RawSocket } from "./raw-socket.ts";

type Running = {
  readonly listener: HttpListener;
  readonly gateway: Gateway;
  readonly port: number;
};

const opened: HttpListener[] = [];

afterEach(async () => {
  destroySockets();
  for (const listener of opened.splice(0)) await listener.close(0);
});

const quick: Partial<HttpLimits> = {
  headersTimeoutMs: 150,
  requestTimeoutMs: 300,
  checkIntervalMs: 20,
};

async function serve(
  port: ConstructorParameters<typeof Gateway>[0] = new InProcess(),
  limits: Partial<HttpLimits> = {},
): Promise<Running> {
  const gateway = new Gateway(port);
  const app = createApp({
    gateway,
    readiness: () => true,
    bodyLimit,
    corsOrigins: [],
    observe: () => {},
    newRequestId: () => "made",
  });
  const onError = () => {};
  const listener = await serveHttp({ app, host: "127.0.0.1", port: 0, bodyLimit, onError, limits });
  opened.push(listener);
  return { listener, gateway, port: listener.address.port };
}

/** Sends, and waits until the server has closed the connection. */
async function exchange(port: number, bytes: string): Promise<RawSocket> {
  const raw = new RawSocket(port);
  raw.send(bytes);
  await raw.closed;
  return raw;
}

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const post = (path: string, body: string, more = "") => {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
};
const chunked = (path: string, ...chunks: readonly string[]) => {
  const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`;
  return head + chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
};
const lastChunk = "0\r\n\r\n";
const body = '{"timeout":5000}';

describe("X1 what the parsers cannot take is answered without a body, and closed", () => {
  test.each([
    ["no HTTP at all", "hello\r\n\r\n", "400"],
    ["another version", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", "400"],
    ["no host", "GET /promises HTTP/1.1\r\n\r\n", "400"],
    ["a host that is none", "GET /promises HTTP/1.1\r\nHost: a b\r\n\r\n", "400"],
    ["a host with a path", "GET /promises HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"],
    ["a backslash in the path", get("/promises/a\\b"), "400"],
    ["a target that is no path", get("promises"), "400"],
    ["an asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "400"],
    ["a way to somewhere else", "CONNECT other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n", "400"],
    ["raw bytes in the path", get("/promises/\u00e9"), "400"],
    ["a NUL in a header", get("/promises", "strict: \0\r\n"), "400"],
    ["a header without a colon", get("/promises", "strict\r\n"), "400"],
    [
      "length and chunks at once",
      post("/promises", "0\r\n\r\n", "Transfer-Encoding: chunked\r\n"),
      "400",
    ],
    [
      "two lengths",
      "POST /promises HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
      "400",
    ],
    [
      "a negative length",
      "POST /promises HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
      "400",
    ],
    ["a chunk that is none", `${chunked("/promises", body)}xyz\r\n`, "400"],
    ["a giant header", get("/promises", `x: ${"a".repeat(33_000)}\r\n`), "431"],
    ["many headers", get("/promises", "x: aaaaaaaa\r\n".repeat(4_000)), "431"],
    ["a giant path", get(`/promises/${"a".repeat(33_000)}`), "431"],
  ])("%s", async (_what, bytes, status) => {
    const { port } = await serve();
    const raw = await exchange(port, bytes);
    expect(raw.statuses).toEqual([status]);
    expect(raw.received.toLowerCase()).toContain("connection: close");
    expect(raw.received).toMatch(/\r\n\r\n$/);
    const other = new RawSocket(port);
    other.send(get("/health"));
    await other.until(/HTTP\/1\.1 200/);
  });
});

test("X1 what the URL parser cannot take is refused in the same form", async () => {
  const { port } = await serve();
  const raw = await exchange(port, get("/promises/a\\b"));
  expect(raw.received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(raw.received.toLowerCase()).toContain("content-length: 0\r\n");
});

describe("X1 what is too slow, too much, or out of order", () => {
  test("many headers are read as long as they fit", async () => {
    const { port } = await serve();
    const raw = new RawSocket(port);
    raw.send(get("/promises?limit=0", `${"a: b\r\n".repeat(2_500)}request-id: last\r\n`));
    await raw.until(/\}$/);
    expect(raw.received).toContain("request-id: last");
  });

  test("headers that are too slow", async () => {
    const { port } = await serve(new InProcess(), quick);
    const raw = await exchange(port, "GET /promises HTTP/1.1\r\nHost: a\r\n");
    expect(raw.statuses).toEqual(["408"]);
    expect(raw.received).toMatch(/\r\n\r\n$/);
  });

  test("a body that is too slow", async () => {
    const { port, gateway } = await serve(new InProcess(), quick);
    const head = "POST /promises/p/create HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{";
    const raw = await exchange(port, head);
    expect(raw.statuses).toEqual(["408"]);
    expect(gateway.inFlight).toBe(0);
  });

  test("never ahead of an answer that is waited for", async () => {
    const { replies, running } = await held();
    const raw = new RawSocket(running.port);
    raw.send(`${get("/promises/p")}garbage\r\n\r\n`);
    await untilInFlight(running.gateway, 1);
    await pause(50);
    expect(raw.received).toBe("");
    replies[0]?.(refused("promise_not_found"));
    await raw.closed;
    expect(raw.statuses).toEqual(["404", "400"]);
  });

  test("nor is a CONNECT", async () => {
    const { replies, running } = await held();
    const raw = new RawSocket(running.port);
    raw.send(`${get("/promises/p")}CONNECT other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n`);
    await untilInFlight(running.gateway, 1);
    await pause(50);
    expect(raw.received).toBe("");
    replies[0]?.(refused("promise_not_found"));
    await raw.closed;
    expect(raw.statuses).toEqual(["404", "400"]);
  });

  test("and not at all if its place in the order is unknown", async () => {
    const { replies, running } = await held();
    const raw = new RawSocket(running.port);
    raw.send(`${get("/promises/p")}${chunked("/promises", "{")}xyz\r\n`);
    await raw.closed;
    expect(raw.received).toBe("");
    replies[0]?.(refused("promise_not_found"));
    expect(running.gateway.inFlight).toBe(0);
  });
});

/** A server whose kernel answers by hand. */
async function held(): Promise<{ readonly replies: Reply[]; readonly running: Running }> {
  const replies: Reply[] = [];
  const running = await serve({ submit: (_request, reply) => replies.push(reply) > 0 });
  return { replies, running };
}

const padded = (length: number) => body.padEnd(length, " ");

describe("Y1 bodies within the limit, and beyond", () => {
  test("Y1 of exactly the limit are accepted, in one piece or in chunks", async () => {
    const { port } = await serve();
    const raw = new RawSocket(port);
    raw.send(post("/promises/a/create", padded(bodyLimit)));
    await raw.until(/"id":"a"/);
    const whole = padded(bodyLimit);
    raw.send(chunked("/promises/b/create", whole.slice(0, 7), whole.slice(7)) + lastChunk);
    await raw.until(/"id":"b"/);
    expect(raw.statuses).toEqual(["201", "201"]);
  });

  test("Y1 one byte more is refused before it is sent, if its length is declared", async () => {
    const { port } = await serve();
    const head = `POST /promises/p/create HTTP/1.1\r\nHost: a\r\nContent-Length: ${bodyLimit + 1}\r\n\r\n`;
    const raw = await exchange(port, head);
    expect(raw.statuses).toEqual(["413"]);
    expect(raw.received).toContain('{"error":{"code":4130');
    expect(raw.received.toLowerCase()).toContain("connection: close");
  });

  test("Y1 in chunks it is refused when the limit is crossed, and not later", async () => {
    const { port } = await serve();
    const raw = new RawSocket(port);
    raw.send(chunked("/promises/p/create", padded(bodyLimit)));
    await pause(30);
    expect(raw.received).toBe("");
    raw.send("1\r\n \r\n");
    await raw.until(/"code":4130/);
    await raw.closed;
    expect(raw.statuses).toEqual(["413"]);
  });
});

const bodyPaths = ["/promises/p/create", "/"];

describe("bodies that are refused, break off, or do not matter", () => {
  test.each(bodyPaths)("Y2 still sending to %s, a client reads the refusal", async (path) => {
    const { port } = await serve();
    const status = await new Promise((resolve, reject) => {
      const headers = { "content-length": 50_000_000 };
      const options = { port, method: "POST", path, headers };
      const sending = request(options, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode));
        response.on("error", reject);
      });
      sending.on("error", reject);
      const block = Buffer.alloc(1_000_000, " ");
      for (let at = 0; at < 50; at++) sending.write(block);
      sending.end();
    });
    expect(status).toBe(413);
  });

  test("Y2 a client that has sent everything is not kept waiting", async () => {
    const { port } = await serve();
    const started = performance.now();
    const bytes = chunked("/promises/p/create", padded(bodyLimit + 1)) + lastChunk;
    const raw = await exchange(port, bytes);
    expect(raw.statuses).toEqual(["413"]);
    expect(performance.now() - started).toBeLessThan(900);
  });

  test("Y2 a client that reads nothing before it has sent everything reads the refusal", async () => {
    const { port } = await serve();
    const raw = new RawSocket(port);
    raw.socket.pause();
    raw.send("POST /promises/p/create HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n");
    await new Promise((resolve) => raw.socket.write(Buffer.alloc(20_000_000, " "), resolve));
    raw.socket.resume();
    await raw.until(/"code":4130/);
  });

  test("a body that breaks off is told from one that ends", async () => {
    const bodies = Promise.withResolvers<Body>();
    const server = createServer((incoming) => {
      void readIncoming(incoming, bodyLimit).then(bodies.resolve);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const raw = new RawSocket(typeof address === "object" && address !== null ? address.port : 0);
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{");
    await pause(30);
    raw.socket.destroy();
    expect(await bodies.promise).toEqual({ kind: "gone" });
    server.close();
  });

  test("X3 a client that asks first is told only what will not be refused", async () => {
    const { port } = await serve();
    const expecting = "Expect: 100-continue\r\n";
    const head = (length: number) =>
      `POST /promises/p/create HTTP/1.1\r\nHost: a\r\n${expecting}Content-Length: ${length}\r\n\r\n`;
    const fine = new RawSocket(port);
    fine.send(head(body.length));
    await fine.until(/100 Continue\r\n\r\n$/);
    fine.send(body);
    await fine.until(/201 Created/);
    const raw = await exchange(port, head(bodyLimit + 1));
    expect(raw.statuses).toEqual(["413"]);
  });

  test("any other expectation changes nothing", async () => {
    const { port } = await serve();
    const raw = new RawSocket(port);
    raw.send(post("/promises/p/create", body, "Expect: a miracle\r\n"));
    await raw.until(/"id":"p"/);
  });

  test("the body of a read is not looked at", async () => {
    const { port } = await serve();
    const raw = new RawSocket(port);
    raw.send(`GET /promises HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{x}${get("/events")}`);
    await raw.until(/"next":null/);
    expect(raw.statuses).toEqual(["200", "200"]);
  });
});

describe("connections", () => {
  test("requests that are sent at once are answered in their order", async () => {
    const { port } = await serve();
    const raw = new RawSocket(port);
    const many = Array.from({ length: 20 }, (_, at) => post(`/promises/p${at}/create`, body));
    raw.send(`${many.join("")}${get("/promises/none")}${get("/nowhere")}`);
    await raw.until(/"code":4049/);
    const ids = [...raw.received.matchAll(/"id":"p(\d+)"/g)].map(([, id]) => Number(id));
    expect(ids).toEqual(Array.from({ length: 20 }, (_, at) => at));
    expect(raw.statuses.slice(20)).toEqual(["404", "404"]);
  });

  test("a client that goes away does not take its request with it", async () => {
    const { replies, running } = await held();
    const raw = new RawSocket(running.port);
    raw.send(post("/promises/p/create", body));
    await untilInFlight(running.gateway, 1);
    raw.socket.destroy();
    await pause(30);
    expect(running.gateway.inFlight).toBe(1);
    replies[0]?.(refused("promise_already_exists"));
    expect(running.gateway.inFlight).toBe(0);
    const other = new RawSocket(running.port);
    other.send(get("/health"));
    await other.until(/200 OK/);
  });

  test("a client that goes away in the middle of a body asks for nothing", async () => {
    const { running } = await held();
    const raw = new RawSocket(running.port);
    raw.send("POST /promises/p/create HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{");
    await pause(30);
    raw.socket.destroy();
    await pause(30);
    expect(running.gateway.inFlight).toBe(0);
  });

  test("HTTP/1.0 is served, with or without a host", async () => {
    const { port } = await serve();
    const raw = await exchange(port, "GET /promises HTTP/1.0\r\n\r\n");
    expect(raw.received).toContain('{"cursor":null,"promises":[]}');
  });
});

describe("requests", () => {
  test("a fragment is no part of a path or query", async () => {
    const { port } = await serve();
    const raw = new RawSocket(port);
    raw.send(post("/promises/a/create", body));
    await raw.until(/createdOn/);
    raw.send(get("/promises/a#b?c") + get("/promises?limit=0#1"));
    await raw.until(/limit must be/);
    expect(raw.statuses).toEqual(["201", "200", "400"]);
  });

  test("a target with a host is served", async () => {
    const { port } = await serve();
    const raw = new RawSocket(port);
    raw.send("GET http://other/promises?limit=0 HTTP/1.1\r\nHost: a\r\n\r\n");
    await raw.until(/limit must be/);
  });

  test("headers are bytes: a key is UTF-8, a request id comes back as it was", async () => {
    const { port } = await serve();
    const raw = new RawSocket(port);
    raw.send(
      post("/promises/p/create", body, "Idempotency-Key: \u00c3\u00a9\r\nRequest-Id: \u00ff\r\n"),
    );
    await raw.until(/createdOn/);
    expect(raw.received).toContain("request-id: \u00ff");
    expect(raw.received).toContain('"idempotencyKeyForCreate":"\u00c3\u00a9"');
    raw.send(post("/promises/q/create", body, "idempotency-key: a\r\nIdempotency-Key: b\r\n"));
    await raw.until(/"idempotencyKeyForCreate":"a, b"/);
    raw.send(post("/promises/r/create", body, "Strict: true\r\nStrict: true\r\n"));
    await raw.until(/strict must be true or false/);
  });

  test("HEAD, 204 and empty answers keep the connection in step", async () => {
    const { port } = await serve();
    const raw = new RawSocket(port);
    const head = (path: string) => get(path).replace("GET", "HEAD");
    const options = get("/promises").replace("GET", "OPTIONS");
    raw.send(head("/promises") + options + get("/health") + head("/nowhere") + get("/events"));
    await raw.until(/"next":null/);
    expect(raw.statuses).toEqual(["200", "204", "200", "404", "200"]);
    expect(raw.received).not.toContain("Transfer-Encoding");
  });
});

describe("start and end", () => {
  test("a busy port is said", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { gateway } = await serve();
    const app = createApp({
      gateway,
      readiness: () => true,
      bodyLimit,
      corsOrigins: [],
      observe: () => {},
      newRequestId: () => "made",
    });
    const options = { app, host: "127.0.0.1", port, bodyLimit, onError: () => {} };
    await expect(serveHttp(options)).rejects.toMatchObject({ code: "EADDRINUSE" });
    other.close();
  });

  test("X2 what is idle is closed, what is under way finishes, and nothing is cut", async () => {
    const { replies, running } = await held();
    const [idle, used, busy] = [
      new RawSocket(running.port),
      new RawSocket(running.port),
      new RawSocket(running.port),
    ];
    used.send(get("/health"));
    await used.until(/200 OK/);
    busy.send(get("/promises/p"));
    await untilInFlight(running.gateway, 1);
    const closed = running.listener.close(5_000);
    await Promise.all([idle.closed, used.closed]);
    expect(busy.received).toBe("");
    replies[0]?.(refused("promise_not_found"));
    expect(await closed).toBe(0);
    await busy.closed;
    expect(busy.received).toContain('"code":4040');
    expect(busy.received.toLowerCase()).toContain("connection: close");
  });

  test("X2 what is not done in time is cut, and counted", async () => {
    const { running } = await held();
    const raws = [new RawSocket(running.port), new RawSocket(running.port)];
    for (const raw of raws) raw.send(get("/promises/p"));
    await untilInFlight(running.gateway, 2);
    expect(await running.listener.close(50)).toBe(2);
    for (const raw of raws) await raw.closed;
  });

  test("X2 a long answer that is still being sent is not cut short", async () => {
    const server = new InProcess();
    const { port, listener } = await serve(server);
    const raw = new RawSocket(port);
    const path = `/promises/${"p".repeat(2_000)}`;
    for (let at = 0; at < 100; at++) raw.send(post(`${path}${at}/create`, body));
    await raw.until(/p99"/);
    const before = raw.received.length;
    raw.socket.pause();
    raw.send(get("/promises").repeat(60)); // some 12 MB: more than sockets hold
    await pause(300);
    const closed = listener.close(5_000);
    raw.socket.resume();
    expect(await closed).toBe(0);
    await raw.closed;
    const pages = raw.received.slice(before).match(/"cursor":null/g) ?? [];
    expect(pages).toHaveLength(60);
  });

  test("after the gateway is closed a request is refused and its connection closed", async () => {
    const { port, gateway } = await serve();
    gateway.close();
    const raw = await exchange(port, get("/promises"));
    expect(raw.statuses).toEqual(["503"]);
    expect(raw.received).toContain('"code":5030');
  });
});
