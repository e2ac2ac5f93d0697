// HTTP push, over real sockets on the loopback. The plan: what counts as delivered, what is sent, the
// tokens, the limits in time, size and number, where nothing is ever sent, and the end.

import {
  Agent,
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, Agent as TlsAgent } from "node:https";
import { type AddressInfo, createServer as createTcpServer, isIP, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { Clock } from "../../aio/clock.ts";
import { Identity } from "../../aio/identity.ts";
import { Push, type PushOptions } from "../../aio/push.ts";
import { type RequestOptions, send } from "../../aio/request.ts";
import { guarded, PushTargets, parsePermission, type Resolve } from "../../aio/target.ts";
import type { Delivery } from "../../kernel/ports.ts";

const pushes: Push[] = [];
const servers: { readonly close: () => unknown; readonly closeAllConnections?: () => void }[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const push of pushes.splice(0)) push.stop();
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) {
    server.closeAllConnections?.();
    server.close();
  }
});

const anywhere = new PushTargets([]);

function start(options: Partial<PushOptions> = {}): Push {
  const push = new Push({
    timeoutMs: 5_000,
    connectTimeoutMs: 5_000,
    concurrency: 8,
    auth: { mode: "none" },
    targets: anywhere,
    clock: new Clock(() => 0),
    ...options,
  });
  pushes.push(push);
  return push;
}

type Heard = { readonly incoming: IncomingMessage; readonly body: string };

/** A receiver that keeps what it heard. */
class Receiver {
  readonly heard: Heard[] = [];
  /** Answers that nobody has given yet. */
  readonly held: ServerResponse[] = [];
  connectionCount = 0;
  readonly server: Server;
  readonly #answer: (outgoing: ServerResponse, incoming: IncomingMessage) => void;

  constructor(answer: Receiver["hold"] = (outgoing) => outgoing.end()) {
    this.#answer = answer;
    this.server = createServer(this.#hear);
    this.server.on("connection", () => {
      this.connectionCount += 1;
    });
  }

  readonly hold = (outgoing: ServerResponse, _incoming?: IncomingMessage): void => {
    this.held.push(outgoing);
  };

  readonly #hear: RequestListener = async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer); // no encoding is set
    this.heard.push({ incoming, body: Buffer.concat(chunks).toString() });
    this.#answer(outgoing, incoming);
  };

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get last(): Heard {
    const last = this.heard.at(-1);
    if (last === undefined) throw new Error("nothing was heard");
    return last;
  }

  async until(count: number): Promise<void> {
    await until(() => this.heard.length >= count);
  }
}

async function listen(answer?: Receiver["hold"]): Promise<Receiver> {
  const receiver = new Receiver(answer);
  await opened(receiver.server);
  return receiver;
}

/** One that answers when it is told to. */
async function holding(): Promise<Receiver> {
  const receiver: Receiver = await listen((outgoing) => receiver.hold(outgoing));
  return receiver;
}

async function opened(server: ReturnType<typeof createTcpServer> | Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

async function until(isSo: () => boolean): Promise<void> {
  const started = performance.now();
  while (!isSo()) {
    if (performance.now() - started > 5_000) throw new Error("never so");
    await pause(2);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const delivered = { kind: "delivered" };
const allDelivered = async (deliveries: readonly Promise<Delivery>[]) => {
  for (const delivery of deliveries) expect(await delivery).toEqual(delivered);
};
const failed = (reason: string, cause: unknown = "") => ({ kind: "failed", reason, cause });

describe("P1 what counts as delivered", () => {
  test.each([200, 201, 202, 204, 299])("P1 %i does", async (status) => {
    const receiver = await listen((outgoing) => outgoing.writeHead(status).end());
    expect(await start().deliver(receiver.url, "{}")).toEqual(delivered);
  });

  test.each([300, 304, 400, 401, 404, 410, 429, 500, 503])("P1 %i does not", async (status) => {
    const receiver = await listen((outgoing) => outgoing.writeHead(status).end("why"));
    expect(await start().deliver(receiver.url, "{}")).toEqual(failed("refused", `${status}`));
    expect(receiver.heard).toHaveLength(1);
  });

  test.each([301, 302, 303, 307, 308])("P1 a redirect with %i is not followed", async (status) => {
    const other = await listen();
    const location = other.url;
    const receiver = await listen((outgoing) => outgoing.writeHead(status, { location }).end());
    expect(await start().deliver(receiver.url, "{}")).toEqual(failed("refused", `${status}`));
    expect(other.heard).toHaveLength(0);
  });

  test("P1 what does not speak HTTP has not received it", async () => {
    const port = await opened(createTcpServer((socket) => socket.end("hello\r\n\r\n")));
    const delivery = await start().deliver(`http://127.0.0.1:${port}`, "{}");
    expect(delivery).toMatchObject(failed("unreachable", expect.stringMatching(/^HPE_/)));
  });

  test("nobody listens", async () => {
    const receiver = await listen();
    const { url } = receiver;
    await new Promise((resolve) => receiver.server.close(resolve));
    expect(await start().deliver(url, "{}")).toEqual(failed("unreachable", "ECONNREFUSED"));
  });

  test("the connection breaks before there is an answer", async () => {
    const port = await opened(createTcpServer((socket) => socket.destroy()));
    const delivery = await start().deliver(`http://127.0.0.1:${port}`, "{}");
    expect(delivery).toEqual(failed("unreachable", "ECONNRESET"));
  });

  test("a server that has no certificate is not trusted", async () => {
    const server = createTlsServer(() => {});
    const port = await opened(server);
    const delivery = await start().deliver(`https://127.0.0.1:${port}`, "{}");
    expect(delivery).toMatchObject(failed("unreachable", expect.stringMatching(/SSL|EPROTO/)));
  });
});

describe("what is sent", () => {
  test("the message, as JSON, to path and query of the target", async () => {
    const receiver = await listen();
    const message = '{"kind":"execute","é":"😀"}';
    await start().deliver(`${receiver.url}/a%20b/c?d=e#f`, message);
    const { incoming, body } = receiver.last;
    expect([incoming.method, incoming.url, body]).toEqual(["POST", "/a%20b/c?d=e", message]);
    expect(incoming.headers).toMatchObject({
      "content-type": "application/json",
      "content-length": `${Buffer.byteLength(message)}`,
      host: receiver.url.slice("http://".length),
    });
    expect(incoming.headers.authorization).toBeUndefined();
  });

  test("no user and no password, even if the target names them", async () => {
    const receiver = await listen();
    await start().deliver(receiver.url.replace("//", "//user:secret@"), "{}");
    expect(receiver.last.incoming.headers.authorization).toBeUndefined();
  });

  test("a token, in the header that is configured", async () => {
    const receiver = await listen();
    const auth = { mode: "bearer", header: "Authorization", token: "abc" } as const;
    await start({ auth }).deliver(receiver.url, "{}");
    expect(receiver.last.incoming.headers.authorization).toBe("Bearer abc");
    await start({ auth: { ...auth, header: "X-Other" } }).deliver(receiver.url, "{}");
    expect(receiver.last.incoming.headers.authorization).toBeUndefined();
    expect(receiver.last.incoming.headers["x-other"]).toBe("Bearer abc");
  });

  test("a header or a token that cannot be sent is found out at the start", () => {
    const auth = { mode: "bearer", header: "Authorization", token: "abc" } as const;
    expect(() => start({ auth: { ...auth, header: "a b" } })).toThrow("Header name");
    expect(() => start({ auth: { ...auth, token: "a\nb" } })).toThrow("Invalid character");
  });

  test("one message behind the other on one connection", async () => {
    const receiver = await listen((outgoing) => outgoing.end("an answer that nobody reads"));
    const push = start();
    for (let at = 0; at < 5; at++) await push.deliver(receiver.url, `${at}`);
    expect(receiver.heard.map(({ body }) => body)).toEqual(["0", "1", "2", "3", "4"]);
    expect(receiver.connectionCount).toBe(1);
  });
});

/** A token that ends then, in ms; nobody here looks at its signature. */
function jwt(endsAt: number, subject = "s"): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part({ exp: endsAt / 1_000, sub: subject })}.c2ln`;
}

const hour = 3_600_000;

async function metadata(answer: (outgoing: ServerResponse, at: number) => void) {
  const server: Receiver = await listen((outgoing) => answer(outgoing, server.heard.length));
  let now = 0;
  const clock = new Clock(() => now);
  const gcp = (audience: string | null = null) => {
    const auth = { mode: "gcp", header: "Authorization", audience } as const;
    return start({ auth, clock, metadataUrl: server.url });
  };
  const setNow = (to: number) => {
    now = to;
  };
  return { server, gcp, setNow };
}

describe("gcp: identity tokens of the machine", () => {
  test("are asked for the target's origin, and sent", async () => {
    const receiver = await listen();
    const { server, gcp } = await metadata((outgoing) => outgoing.end(`${jwt(hour)}\n`));
    expect(await gcp().deliver(`${receiver.url}/path?query`, "{}")).toEqual(delivered);
    const { incoming } = server.last;
    const path = "/computeMetadata/v1/instance/service-accounts/default/identity";
    const audience = encodeURIComponent(receiver.url);
    expect([incoming.method, incoming.url]).toEqual(["GET", `${path}?audience=${audience}`]);
    expect(incoming.headers["metadata-flavor"]).toBe("Google");
    expect(receiver.last.incoming.headers.authorization).toBe(`Bearer ${jwt(hour)}`);
  });

  test("are asked for the audience that is configured", async () => {
    const receiver = await listen();
    const { server, gcp } = await metadata((outgoing) => outgoing.end(jwt(hour)));
    await gcp("https://one & all").deliver(receiver.url, "{}");
    const url = new URL(server.last.incoming.url ?? "", server.url);
    expect(url.searchParams.get("audience")).toBe("https://one & all");
  });

  test("G1 are kept until a minute before they end", async () => {
    const receiver = await listen();
    const { server, gcp, setNow } = await metadata((outgoing, at) => {
      outgoing.end(jwt(at * hour, `${at}`));
    });
    const push = gcp();
    const sent: (string | undefined)[] = [];
    for (const now of [0, hour - 60_001, hour - 60_000, hour + 1]) {
      setNow(now);
      await push.deliver(receiver.url, "{}");
      sent.push(receiver.last.incoming.headers.authorization);
    }
    const [first, second] = [`Bearer ${jwt(hour, "1")}`, `Bearer ${jwt(2 * hour, "2")}`];
    expect(sent).toEqual([first, first, second, second]);
    expect(server.heard).toHaveLength(2);
  });

  test("G1 are asked for once, however many wait", async () => {
    const receiver = await listen();
    const { server, gcp } = await metadata((outgoing) => server.hold(outgoing));
    const push = gcp();
    const deliveries = Array.from({ length: 5 }, () => push.deliver(receiver.url, "{}"));
    await server.until(1);
    await pause(20);
    for (const outgoing of server.held) outgoing.end(jwt(hour));
    await allDelivered(deliveries);
    expect(server.heard).toHaveLength(1);
  });
});

describe("P4 a token that cannot be had", () => {
  test.each<readonly [string, (outgoing: ServerResponse) => unknown]>([
    ["none is given out", (outgoing) => outgoing.writeHead(404).end("no account")],
    ["it comes with another status", (outgoing) => outgoing.writeHead(201).end(jwt(hour))],
    ["it is none", (outgoing) => outgoing.end("<html>sign in</html>")],
    ["its parts are no JSON", (outgoing) => outgoing.end("a.b.c")],
    ["it says not when it ends", (outgoing) => outgoing.end("e30.e30.e30")],
    [
      "it is null",
      (outgoing) => outgoing.end(`e30.${Buffer.from("null").toString("base64url")}.e30`),
    ],
    ["it has ended", (outgoing) => outgoing.end(jwt(0))],
    [
      "it does not end within bounds",
      (outgoing) => outgoing.end(`${jwt(hour)}${"a".repeat(70_000)}.`),
    ],
    [
      "it breaks off",
      (outgoing) => outgoing.writeHead(200).write(jwt(hour), () => outgoing.destroy()),
    ],
    ["the connection breaks", (outgoing) => outgoing.destroy()],
    [
      "it would have to be asked for elsewhere",
      (outgoing) => outgoing.writeHead(302, { location: "/" }).end(),
    ],
  ])("P4 nothing is sent if %s", async (_why, answer) => {
    const receiver = await listen();
    const { gcp } = await metadata(answer);
    expect(await gcp().deliver(receiver.url, "{}")).toEqual(failed("no_token"));
    expect(receiver.heard).toHaveLength(0);
  });

  test("G2 the next delivery asks again", async () => {
    const receiver = await listen();
    const { gcp } = await metadata((outgoing, at) => {
      if (at === 1) outgoing.writeHead(500).end();
      else outgoing.end(jwt(hour));
    });
    const push = gcp();
    expect(await push.deliver(receiver.url, "{}")).toEqual(failed("no_token"));
    expect(await push.deliver(receiver.url, "{}")).toEqual(delivered);
  });

  test("G3 the newest thousand audiences are kept", async () => {
    const server = await listen((outgoing) => outgoing.end(jwt(hour)));
    const request = requestOptions();
    const options = { metadataUrl: server.url, clock: new Clock(() => 0), request };
    const identity = new Identity(options);
    for (let at = 0; at <= 1_000; at++) await identity.token(`${at}`);
    await identity.token("1");
    expect(server.heard).toHaveLength(1_001);
    await identity.token("0");
    expect(server.heard).toHaveLength(1_002);
  });
});

describe("P2 requests under way, and those that wait", () => {
  test("P2 no more than configured; whoever waits gets its turn", async () => {
    const receiver = await holding();
    const push = start({ concurrency: 2 });
    const deliveries = ["/a", "/a", "/a", "/a", "/b", "/c", "/b"].map((path) => {
      return push.deliver(`${receiver.url}${path}`, "{}");
    });
    for (let count = 2; count <= deliveries.length; count++) {
      await receiver.until(count);
      await pause(5);
      expect([receiver.heard.length, push.inFlight]).toEqual([count, 2]);
      expect(push.waiting).toBe(deliveries.length - count);
      receiver.held.shift()?.end();
    }
    for (const outgoing of receiver.held) outgoing.end();
    await allDelivered(deliveries);
    const paths = receiver.heard.map(({ incoming }) => incoming.url);
    expect(paths).toEqual(["/a", "/a", "/a", "/b", "/c", "/a", "/b"]);
    expect([push.inFlight, push.waiting]).toEqual([0, 0]);
  });

  test("P2 what does not fit a queue has failed at once", async () => {
    const receiver = await holding();
    const push = start({ concurrency: 1, queues: { targetMax: 2, totalMax: 3 } });
    const send = (path: string) => push.deliver(`${receiver.url}${path}`, path);
    const taken = ["/a", "/a", "/a"].map(send);
    expect(await send("/a")).toEqual(failed("queue_full"));
    taken.push(send("/b"));
    expect(await send("/c")).toEqual(failed("queue_full"));
    for (let count = 1; count <= taken.length; count++) {
      await receiver.until(count);
      receiver.held.shift()?.end();
    }
    await allDelivered(taken);
    expect(receiver.heard.map(({ body }) => body)).toEqual(["/a", "/a", "/b", "/a"]);
  });

  test("P6 of what waits for a target under one key, the newest takes the place of the others", async () => {
    const receiver = await holding();
    const push = start({ concurrency: 1, queues: { targetMax: 3, totalMax: 9 } });
    const send = (message: string, key?: string) => push.deliver(receiver.url, message, key);
    const deliveries = [send("first", "k"), send("old", "k"), send("other", "l"), send("new", "k")];
    deliveries.push(send("keyless"), send("newest", "k"));
    expect(push.waiting).toBe(3);
    for (let count = 1; count <= 4; count++) {
      await receiver.until(count);
      receiver.held.shift()?.end();
    }
    await allDelivered(deliveries);
    const bodies = receiver.heard.map(({ body }) => body);
    expect(bodies).toEqual(["first", "newest", "other", "keyless"]);
    expect([push.inFlight, push.waiting]).toEqual([0, 0]);
  });

  test("P2 a failure makes room as an answer does", async () => {
    const receiver = await listen((outgoing) => outgoing.destroy());
    const push = start({ concurrency: 1 });
    const all = await Promise.all([1, 2, 3].map(() => push.deliver(receiver.url, "{}")));
    expect(all).toEqual(Array.from({ length: 3 }, () => failed("unreachable", "ECONNRESET")));
  });

  test("many at once are no leak", async () => {
    const warnings: string[] = [];
    const note = (warning: Error) => warnings.push(warning.message);
    process.on("warning", note);
    const receiver = await holding();
    const push = start({ concurrency: 50 });
    const deliveries = Array.from({ length: 50 }, () => push.deliver(receiver.url, "{}"));
    await receiver.until(50);
    for (const outgoing of receiver.held) outgoing.end();
    await Promise.all(deliveries);
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });
});

function requestOptions(): RequestOptions {
  const { signal } = new AbortController();
  const agents = { http: new Agent({ keepAlive: true }), https: new TlsAgent() };
  return { agents, connectTimeoutMs: 5_000, timeoutMs: 5_000, bytesMax: 10_000, signal };
}

describe("R1 R2 R3 one request", () => {
  test("R2 an answer that does not come in time", async () => {
    const receiver = await holding();
    const started = performance.now();
    const delivery = await start({ timeoutMs: 100 }).deliver(receiver.url, "{}");
    expect(delivery).toEqual(failed("timed_out", "answer"));
    expect(performance.now() - started).toBeLessThan(2_000);
    await until(() => receiver.held[0]?.destroyed === true);
  });

  test("R2 a name that does not resolve in time", async () => {
    const push = start({ connectTimeoutMs: 50, resolve: () => {} });
    expect(await push.deliver("http://somewhere", "{}")).toEqual(failed("timed_out", "connect"));
  });

  test("R2 a handshake that does not come in time", async () => {
    const port = await opened(createTcpServer((socket) => sockets.push(socket)));
    const push = start({ connectTimeoutMs: 50 });
    const delivery = await push.deliver(`https://127.0.0.1:${port}`, "{}");
    expect(delivery).toEqual(failed("timed_out", "connect"));
  });

  test("R2 who is connected may take longer than connecting may", async () => {
    const receiver = await listen((outgoing) => setTimeout(() => outgoing.end(), 200));
    const push = start({ connectTimeoutMs: 100 });
    expect(await push.deliver(receiver.url, "{}")).toEqual(delivered);
    expect(await push.deliver(receiver.url, "{}")).toEqual(delivered); // on the same connection
    expect(receiver.connectionCount).toBe(1);
  });

  test("R3 an answer without an end is an answer", async () => {
    const receiver = await listen((outgoing) => void outgoing.writeHead(200).write("a"));
    expect(await start({ timeoutMs: 100 }).deliver(receiver.url, "{}")).toEqual(delivered);
  });

  test("R3 so is one that breaks off", async () => {
    const receiver = await listen((outgoing) => {
      outgoing.writeHead(200, { "content-length": "10" }).write("a", () => outgoing.destroy());
    });
    expect(await start().deliver(receiver.url, "{}")).toEqual(delivered);
  });

  test("R3 of a flood no more than a bound is read", async () => {
    let size = 0;
    const receiver = await listen((outgoing) => {
      const flood = () => {
        while (!outgoing.destroyed && outgoing.write(Buffer.alloc(10_000))) size += 10_000;
      };
      outgoing.on("drain", flood);
      flood();
    });
    const url = new URL(receiver.url);
    const outgoing = { method: "GET", url, headers: {}, body: "" } as const;
    const started = performance.now();
    const outcome = await send(outgoing, requestOptions());
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(outcome).toMatchObject({ kind: "answered", status: 200, isWhole: false });
    expect(outcome.kind === "answered" && outcome.body.length).toBeLessThanOrEqual(10_000);
    await until(() => receiver.server.listening);
    const before = size;
    await pause(50);
    expect(size).toBe(before);
  });

  test("R1 one that was aborted before it began", async () => {
    const url = new URL("http://127.0.0.1:1");
    const options = { ...requestOptions(), signal: AbortSignal.abort() };
    const outgoing = { method: "GET", url, headers: {}, body: "" } as const;
    expect(await send(outgoing, options)).toEqual({ kind: "aborted" });
  });
});

describe("T1 targets that are listed", () => {
  // biome-ignore format: a table is read down its columns
  test.each([
    ["example.com",             "http://example.com/x",              true],
    ["example.com",             "https://EXAMPLE.com:8443",          true],
    ["example.com",             "https://example.com.evil.net",      false],
    ["example.com",             "https://evil-example.com",          false],
    ["example.com",             "https://a.example.com",             false],
    ["example.com",             "https://example.com@evil.net",      false],
    ["example.com",             "https://evil.net/example.com",      false],
    ["Example.COM:8080",        "http://example.com:8080/",          true],
    ["example.com:8080",        "http://example.com/",               false],
    ["example.com:443",         "https://example.com/",              true],
    ["example.com:443",         "http://example.com/",               false],
    ["example.com:80",          "http://example.com/",               true],
    ["[::1]",                   "http://[::1]:9/",                   true],
    ["[::1]:9",                 "http://[0:0::1]:9/",                true],
    ["10.0.0.1",                "http://0x0a000001/",                true],
    ["https://h.net",           "https://h.net/x",                   true],
    ["https://h.net",           "http://h.net/x",                    false],
    ["https://h.net",           "https://h.net.evil.net/",           false],
    ["https://h.net",           "https://h.net:444/",                false],
    ["https://h.net:443",       "https://h.net/",                    true],
    ["https://h.net/a/",        "https://h.net/a/b?c",               true],
    ["https://h.net/a/",        "https://h.net/a",                   false],
    ["https://h.net/a",         "https://h.net/ab",                  true],
    ["https://h.net/a/",        "https://h.net/a/../b",              false],
    ["https://h.net/a/",        "https://h.net/a/%2e%2e/b",          false],
    ["https://h.net/a?b=",      "https://h.net/a?b=c",               true],
    ["https://h.net/a?b=",      "https://h.net/a?c=b",               false],
  ] as const)("T1 of %s, %s: %s", (listed, url, expected) => {
    const permission = parsePermission(listed);
    if (permission === null) throw new Error(`not understood: ${listed}`);
    expect(new PushTargets([permission]).permits(url)).toBe(expected);
  });
});

describe("T1 what can be listed, and what may be a target", () => {
  test.each([
    "",
    " ",
    "a b",
    "*",
    "*.example.com",
    "example.com/path",
    "example.com?q",
    "user@example.com",
    "https://user@example.com/",
    "https://",
    "https://h.net/#f",
    "ftp://h.net/",
    "poll://any@g",
    "::1",
    "h:99999",
  ])("T1 %j is nothing that can be listed", (text) => {
    expect(parsePermission(text)).toBeNull();
  });

  test("T1 if none is listed, all are; if some are, each of them", () => {
    expect(anywhere.permits("http://somewhere")).toBe(true);
    const permissions = ["a.net", "b.net"].map((text) => parsePermission(text));
    const targets = new PushTargets(permissions.filter((each) => each !== null));
    const asked = ["http://a.net", "http://b.net", "http://c.net"];
    expect(asked.map((url) => targets.permits(url))).toEqual([true, true, false]);
  });

  test.each(["", "a.net", "ftp://a.net", "poll://any@g", "http://", "file:///etc/passwd"])(
    "T1 %j is no target",
    (url) => {
      expect(anywhere.permits(url)).toBe(false);
    },
  );

  test("P3 is asked when a target is used", async () => {
    const receiver = await listen();
    const push = start({ targets: { permits: (url) => !url.includes("no") } });
    expect(await push.deliver(`${receiver.url}/no`, "{}")).toEqual(failed("not_permitted"));
    expect(await push.deliver(`${receiver.url}/yes`, "{}")).toEqual(delivered);
    expect(await push.deliver("no URL", "{}")).toEqual(failed("not_permitted"));
    expect(receiver.heard.map(({ incoming }) => incoming.url)).toEqual(["/yes"]);
  });
});

const forbidden = [
  "169.254.169.254",
  "169.254.0.0",
  "169.254.255.255",
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "fe80::1",
  "febf:ffff::1",
  "fd00:ec2::254",
  "fd20:ce::254",
  "::ffff:169.254.169.254",
  "::169.254.169.254",
  "64:ff9b::169.254.169.254",
  "64:ff9b::a9fe:1",
  "2002:a9fe:a9fe::1",
  "::ffff:100.100.100.200",
  "64:ff9b::100.100.100.200",
];
const fine = [
  "127.0.0.1",
  "10.1.2.3",
  "169.253.255.255",
  "169.255.0.0",
  "100.100.100.201",
  "::1",
  "fec0::1",
  "fd00:ec2::253",
  "64:ff9b::8.8.8.8",
  "2002:a9ff::1",
];

describe("T2 addresses that are never pushed to", () => {
  test.each([
    ...forbidden.map((address) => (isIP(address) === 6 ? `[${address}]` : address)),
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "169.254.43518",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "metadata.goog",
  ])("T2 %s in a URL, whatever is listed", (host) => {
    const listed = parsePermission(host);
    const permissions = listed === null ? [] : [listed];
    expect(anywhere.permits(`http://${host}:80/latest`)).toBe(false);
    expect(new PushTargets(permissions).permits(`https://${host}/`)).toBe(false);
  });

  test.each(fine)("T2 but %s is", (address) => {
    const host = isIP(address) === 6 ? `[${address}]` : address;
    expect(anywhere.permits(`http://${host}/`)).toBe(true);
  });

  /** A resolver of names that knows one. */
  const resolver = (...addresses: readonly string[]): Resolve => {
    return (_hostname, _options, callback) => {
      const found = addresses.map((address) => ({ address, family: isIP(address) }));
      setImmediate(() => callback(null, found));
    };
  };

  test.each(forbidden)("T2 a name that resolves to %s, even beside others", async (address) => {
    const receiver = await listen();
    const target = receiver.url.replace("127.0.0.1", "rebound.example");
    for (const addresses of [[address], ["127.0.0.1", address]]) {
      const push = start({ resolve: resolver(...addresses) });
      expect(await push.deliver(target, "{}")).toEqual(failed("not_permitted"));
    }
    expect(receiver.connectionCount).toBe(0);
  });

  test("T2 a name that resolves to nothing bad", async () => {
    const receiver = await listen();
    const target = receiver.url.replace("127.0.0.1", "somewhere.example");
    const push = start({ resolve: resolver("127.0.0.1") });
    expect(await push.deliver(target, "{}")).toEqual(delivered);
    expect(receiver.last.incoming.headers.host).toMatch(/^somewhere\.example:/);
    expect(await start().deliver(receiver.url.replace("127.0.0.1", "localhost"), "{}")).toEqual(
      delivered,
    );
  });

  test("T2 a name that resolves to nothing at all", async () => {
    const push = start({ resolve: resolver() });
    const delivery = await push.deliver("http://nowhere.example", "{}");
    expect(delivery).toEqual(failed("unreachable", "ENOTFOUND"));
    const resolve: Resolve = (_hostname, _options, callback) => {
      callback(Object.assign(new Error("no"), { code: "EAI_AGAIN" }), []);
    };
    expect(await start({ resolve }).deliver("http://nowhere.example", "{}")).toEqual(
      failed("unreachable", "EAI_AGAIN"),
    );
  });

  test("T2 one address is handed to whoever asks for one", async () => {
    const lookup = guarded(resolver("127.0.0.1", "127.0.0.2"));
    const answer = await new Promise((resolve) => {
      lookup("a", {}, (...found) => resolve(found));
    });
    expect(answer).toEqual([null, "127.0.0.1", 4]);
  });
});

describe("P5 the end", () => {
  test("P5 breaks off what is under way, and fails what waits and what comes", async () => {
    const receiver = await holding();
    const push = start({ concurrency: 1 });
    const deliveries = [push.deliver(receiver.url, "1"), push.deliver(receiver.url, "2")];
    await receiver.until(1);
    push.stop();
    deliveries.push(push.deliver(receiver.url, "3"));
    for (const delivery of deliveries) expect(await delivery).toEqual(failed("stopped"));
    await until(() => receiver.held[0]?.destroyed === true);
    expect(receiver.heard).toHaveLength(1);
    expect([push.inFlight, push.waiting]).toEqual([0, 0]);
    push.stop();
  });

  test("P5 what was answered by then is delivered", async () => {
    const receiver = await listen((outgoing) => void outgoing.writeHead(200).write("a"));
    const push = start();
    const delivery = push.deliver(receiver.url, "1");
    await receiver.until(1);
    await pause(50);
    push.stop();
    expect(await delivery).toEqual(delivered);
  });

  test("P5 while a token is asked for", async () => {
    const [receiver, metadata] = [await listen(), await holding()];
    const auth = { mode: "gcp", header: "Authorization", audience: null } as const;
    const push = start({ auth, metadataUrl: metadata.url });
    const delivery = push.deliver(receiver.url, "1");
    await metadata.until(1);
    push.stop();
    expect(await delivery).toEqual(failed("stopped"));
    expect(receiver.heard).toHaveLength(0);
  });
});
