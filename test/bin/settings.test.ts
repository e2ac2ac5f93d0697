// Settings of the current protocol, as they show in a process that serves: where workers are told to
// find it, whom it pushes to and with which token, what it accepts.

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { directory, ServerProcess } from "./server-process.ts";

const version = "2026-04-01";
const far = 9_000_000_000_000;

async function serve(...args: readonly string[]): Promise<ServerProcess> {
  const place = directory();
  const server = await ServerProcess.start({ args: ["dev", ...args], cwd: place.path });
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]();
    place[Symbol.dispose]();
  });
  return server;
}

async function ask(server: ServerProcess, kind: string, data: object) {
  const { body } = await server.post("/", { kind, head: { corrId: "c", version }, data });
  const { head, data: said } = body as { head: { status: number }; data: unknown };
  return { status: head.status, said };
}

type Received = { readonly headers: IncomingHttpHeaders; readonly body: unknown };

/** Takes what is pushed to it. */
async function receiver(): Promise<{
  readonly port: number;
  readonly first: Promise<Received>;
}> {
  const first = Promise.withResolvers<Received>();
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      outgoing.end();
      first.resolve({ headers: incoming.headers, body: JSON.parse(`${Buffer.concat(chunks)}`) });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, first: first.promise };
}

const create = (id: string, tags: object) => ({ id, timeoutAt: far, tags });

test("workers are told the port that is served, and a token is sent and never logged", async () => {
  const { port, first } = await receiver();
  const target = `http://127.0.0.1:${port}/hook`;
  const server = await serve(
    "--push-auth-mode=bearer",
    "--push-auth-token=abc.def",
    "--push-auth-header=X-Token",
    `--push-allow=127.0.0.1:${port}`,
  );
  const tags = { "resonate:target": target };
  expect((await ask(server, "promise.create", create("p", tags))).status).toBe(200);
  const { headers, body } = await first;
  expect(headers["x-token"]).toBe("Bearer abc.def");
  const serverUrl = server.url.replace("127.0.0.1", "localhost");
  const task = { id: "p", version: 0 };
  expect(body).toEqual({ kind: "execute", head: { serverUrl }, data: { task } });
  await server.line(/key=push.auth.token value=\(secret\)/);
  expect(server.stdout).not.toContain("abc.def");
  const elsewhere = { "resonate:target": `http://localhost:${port}/hook` };
  expect(await ask(server, "promise.create", create("q", elsewhere))).toEqual({
    status: 400,
    said: "Invalid resonate:target address",
  });
});

test("workers are told the URL that is configured", async () => {
  const { port, first } = await receiver();
  const server = await serve("--server-url=https://resonate.example/api");
  const tags = { "resonate:target": `http://127.0.0.1:${port}` };
  await ask(server, "promise.create", create("p", tags));
  const { headers, body } = await first;
  expect(headers.authorization).toBeUndefined();
  expect(body).toMatchObject({ head: { serverUrl: "https://resonate.example/api" } });
});

test("a strict server refuses what others accept, and who may await any promise may", async () => {
  const usual = await serve();
  const chosen = await serve("--protocol-strict", "--protocol-await-any");
  const both = { "resonate:target": "poll://any@g", "resonate:timer": "true" };
  const listen = { awaited: "plain", address: "poll://any@g" };
  const statuses = async (server: ServerProcess) => {
    await ask(server, "promise.create", create("plain", {}));
    const strict = await ask(server, "promise.create", create("p", both));
    const any = await ask(server, "promise.register_listener", listen);
    return [strict.status, any.status];
  };
  expect(await statuses(usual)).toEqual([200, 422]);
  expect(await statuses(chosen)).toEqual([400, 200]);
});

test("debug operations are there if they are asked for, with a warning while anybody may use them", async () => {
  const usual = await serve();
  const debugged = await serve("--debug");
  const refused = { status: 403, said: "Debug operations are disabled" };
  expect(await ask(usual, "debug.start", {})).toEqual(refused);
  expect(usual.stdout).not.toContain("debug surface");
  await debugged.line(/level=WARN msg="debug surface is open"/);
  expect(await ask(debugged, "debug.tick", { time: 5 })).toEqual({ status: 200, said: [] });
  const { said } = await ask(debugged, "promise.create", create("p", {}));
  expect(said).toMatchObject({ promise: { createdAt: 5 } });
  expect(await ask(debugged, "debug.stop", {})).toEqual({ status: 200, said: {} });
});
