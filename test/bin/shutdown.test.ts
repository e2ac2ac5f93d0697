// How a server ends, by a signal or by a failure, and what is there when it starts again.
//
// Z1 to Z5 of bin/server.ts; Z1 is tested in serve.test.ts, with the other starts.

import { connect } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { directory, ServerProcess } from "./server-process.ts";

const far = 2_524_608_000_000;
const faultyServer = join(import.meta.dirname, "faulty-server.ts");

/** Posts whatever is given, byte by byte if need be; collects what comes back. */
function talk(url: string) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let received = "";
  socket.setEncoding("utf8").on("data", (text) => {
    received += text;
  });
  socket.on("error", () => undefined);
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  socket.on("close", () => resolve(received));
  return { say: (text: string) => socket.write(text), closed };
}

const body = JSON.stringify({ id: "b", timeout: far });
const head = `POST /promises HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
const halfRequest = head + body.slice(0, 10);
const otherHalf = body.slice(10);

test("Z2: an end under load answers all that was accepted, and refuses the rest", async () => {
  using place = directory();
  const server = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  const asked: string[] = [];
  const created = new Set<string>();
  const otherStatuses = new Set<number>();
  const client = async (name: number) => {
    for (let count = 0; ; count++) {
      const id = `${name}-${count}`;
      asked.push(id);
      const answer = await server.post("/promises", { id, timeout: far }).catch(() => null);
      if (answer === null) return; // the server is gone
      if (answer.status === 201) created.add(id);
      else otherStatuses.add(answer.status);
    }
  };
  const clients = Array.from({ length: 16 }, (_, name) => client(name));
  while (created.size < 500) await new Promise((resolve) => setTimeout(resolve, 5));
  server.kill("SIGTERM");
  expect(await server.ended).toEqual({ code: 0, signal: null });
  await Promise.all(clients);
  expect(server.lines.at(-1)).toMatch(/level=INFO msg=stopped$/);
  expect(server.lines.filter((line) => /level=(WARN|ERROR)/.test(line))).toEqual([]);
  expect(otherStatuses.isSubsetOf(new Set([503]))).toBe(true);
  await using again = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  for (const id of asked) {
    const { status } = await again.get(`/promises/${id}`);
    expect({ id, status }).toEqual({ id, status: created.has(id) ? 200 : 404 });
  }
});

test("Z2: an end waits for a request that is under way, which is told to go elsewhere", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["dev"], cwd: place.path });
  const { say, closed } = talk(server.url);
  say(halfRequest);
  await server.get("/ready"); // both have arrived
  server.kill("SIGTERM");
  await server.line(/shutting down/);
  say(otherHalf);
  expect(await closed).toMatch(/^HTTP\/1\.1 503 [\s\S]*connection: close[\s\S]*"code":5030/i);
  expect(await server.ended).toEqual({ code: 0, signal: null });
});

test("Z3: an end cuts what is not done in time, and counts it", async () => {
  using place = directory();
  const args = ["dev", "--api-http-timeout", "200ms", "--log-level", "info"];
  await using server = await ServerProcess.start({ args, cwd: place.path });
  const talks = [talk(server.url), talk(server.url)];
  for (const { say } of talks) say(halfRequest);
  await server.get("/ready");
  server.kill("SIGINT");
  expect(await server.ended).toEqual({ code: 0, signal: null });
  await Promise.all(talks.map(({ closed }) => closed));
  expect(server.lines.slice(-3).map((line) => line.replace(/^time=\S+ /, ""))).toEqual([
    'level=INFO msg="shutting down" signal=SIGINT',
    'level=WARN msg="connections cut" count=2',
    "level=INFO msg=stopped",
  ]);
});

test.each([
  ["SIGTERM", "SIGTERM"],
  ["SIGINT", "SIGTERM"],
  ["SIGINT", "SIGINT"],
] as const)(
  "Z4: an end by %s and then %s comes at once, with exit code 1",
  async (first, second) => {
    using place = directory();
    await using server = await ServerProcess.start({ args: ["dev"], cwd: place.path });
    talk(server.url).say(halfRequest);
    await server.get("/ready");
    server.kill(first);
    await server.line(/shutting down/);
    server.kill(second);
    expect(await server.ended).toEqual({ code: 1, signal: null });
  },
);

test("an end without clients takes no time, idle connections or not", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  await server.get("/ready"); // leaves its connection open
  const startedAt = performance.now();
  server.kill("SIGTERM");
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test("an end by force keeps every promise that was answered", async () => {
  using place = directory();
  const ids = Array.from({ length: 50 }, (_, index) => `kept-${index}`);
  const killed = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  const created = await Promise.all(
    ids.map((id) => killed.post("/promises", { id, timeout: far })),
  );
  killed.kill("SIGKILL");
  await killed.ended;
  await using server = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  const read = await Promise.all(ids.map((id) => server.get(`/promises/${id}`)));
  expect(read.map(({ body }) => body)).toEqual(created.map(({ body }) => body));
});

const faulty = (cwd: string) =>
  ServerProcess.start({ args: ["--log-level=info"], cwd, script: faultyServer });

test.each([
  [
    "a commit of which only a restart can tell",
    "lost commit",
    74,
    /"store failed".*fsync failed[\s\S]*"store lost, start again/,
  ],
  ["a bug in the kernel's turn", "bug", 1, /"stopped by a bug".*TypeError: a bug of the store/],
  [
    "an exception that nobody catches",
    "exception",
    1,
    /"stopped by a bug".*an exception that nobody catches/,
  ],
  [
    "a rejection that nobody catches",
    "rejection",
    1,
    /"stopped by a bug".*a rejection that nobody catches/,
  ],
])("Z5: %s ends the server", async (_what, id, code, log) => {
  using place = directory();
  await using server = await faulty(place.path);
  await server.post("/promises", { id, timeout: far }).catch(() => null);
  expect(await server.ended).toEqual({ code, signal: null });
  expect(server.stdout).toMatch(log);
});

test.each([
  [
    "failed commit",
    500,
    /"level":"ERROR","msg":"store failed","call":"commit","failure":"store_failed","cause":"disk unplugged"/,
  ],
  ["full disk", 503, /"failure":"store_overloaded","cause":"no space left"/],
])("a %s is answered and logged, and the server goes on", async (id, status, log) => {
  using place = directory();
  await using server = await faulty(place.path);
  expect((await server.post("/promises", { id, timeout: far })).status).toBe(status);
  expect((await server.post("/promises", { id: "fine", timeout: far })).status).toBe(201);
  expect(server.stdout).toMatch(log);
});
