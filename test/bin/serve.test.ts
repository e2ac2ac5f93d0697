// `resonate serve` and `dev` as processes: how they start, what they answer, count and log. How they
// end is in shutdown.test.ts.

import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { expect, test } from "vitest";
import { seed } from "../../bin/bench/seed.ts";
import { deadlineMs } from "../../kernel/ids.ts";
import { directory, freePort, Run, ServerProcess } from "./server-process.ts";

const far = 2_524_608_000_000;

test("the quickstart answers what the contract says", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  const param = { data: "aGVsbG8=" };
  const value = { data: "ZG9uZQ==" };
  const keyed = (key: string, strict = "") => ({ "Idempotency-Key": key, Strict: strict });
  const create = (headers: Readonly<Record<string, string>>) => {
    return server.post("/promises/foo/create", { param, timeout: far }, headers);
  };
  const resolve = () => server.post("/promises/foo/resolve", { value }, keyed("foo-resolve"));
  const reject = (headers: Readonly<Record<string, string>>) => {
    return server.post("/promises/foo/reject", { value: { data: "bm8=" } }, headers);
  };

  const pending = {
    ...{ id: "foo", state: "PENDING", param, value: {}, timeout: far },
    ...{ idempotencyKeyForCreate: "foo-create", createdOn: expect.any(Number) },
  };
  const resolved = {
    ...{ ...pending, state: "RESOLVED", value },
    ...{ idempotencyKeyForComplete: "foo-resolve", completedOn: expect.any(Number) },
  };
  const refused = (code: number) => ({ error: expect.objectContaining({ code }) });
  expect(await create(keyed("foo-create"))).toMatchObject({ status: 201, body: pending });
  expect(await resolve()).toMatchObject({ status: 201, body: resolved });
  expect(await reject(keyed("foo-reject"))).toMatchObject({ status: 403, body: refused(4030) });
  expect(await create(keyed("foo-create"))).toMatchObject({ status: 200, body: resolved });
  expect(await create(keyed("foo-create", "true"))).toMatchObject({
    status: 409,
    body: refused(4090),
  });
  expect(await create(keyed("other"))).toMatchObject({ status: 409, body: refused(4090) });
  expect(await resolve()).toMatchObject({ status: 200, body: resolved });
  expect(await reject(keyed("foo-resolve"))).toMatchObject({ status: 200, body: resolved });
  expect(await reject(keyed("foo-resolve", "true"))).toMatchObject({
    status: 403,
    body: refused(4030),
  });
});

test("a start says where it listens and what it serves from, with settings from every place", async () => {
  using place = directory();
  const [port, rpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  const environment = {
    RESONATE_API__SUBSYSTEMS__HTTP__ADDR: `127.0.0.1:${port}`,
    RESONATE_API__SUBSYSTEMS__GRPC__ADDR: `127.0.0.1:${rpcPort}`,
    RESONATE_API__SZE: "1",
  };
  const args = ["serve", "--metrics-port", `${metricsPort}`];
  await using server = new Run({ args, environment, cwd: place.path });
  await server.line(/server started/);
  expect(server.lines.map((line) => line.replace(/^time=\S+ /, ""))).toEqual([
    'level=WARN msg="unknown variable" name=RESONATE_API__SZE',
    `level=INFO msg="http listening" addr=127.0.0.1:${port}`,
    `level=INFO msg="grpc listening" addr=127.0.0.1:${rpcPort}`,
    `level=INFO msg="metrics listening" addr=0.0.0.0:${metricsPort}`,
    expect.stringMatching(
      /^level=INFO msg="server started" node=\w{16} version=\d+\.\d+\.\d+ store=sqlite path=resonate\.db synchronous=full$/,
    ),
  ]);
});

test.each(["http", "grpc", "metrics"] as const)(
  "Z1: a start with a busy port for %s is one line, and leaves nothing open",
  async (which) => {
    using place = directory();
    const flags = { http: "--api-http-addr", grpc: "--api-grpc-addr", metrics: "--metrics-port" };
    const free = { http: "127.0.0.1:0", grpc: "127.0.0.1:0", metrics: "0" };
    const port = `${await freePort()}`;
    const busy = which === "metrics" ? port : `127.0.0.1:${port}`;
    const addr = which === "metrics" ? `0.0.0.0:${port}` : busy;
    const args = (["http", "grpc", "metrics"] as const).flatMap((each) => {
      return [flags[each], each === which ? busy : free[each]];
    });
    await using first = await ServerProcess.start({ args: ["dev", ...args], cwd: place.path });
    await using second = new Run({ args: ["serve", ...args], cwd: place.path });
    expect(await second.ended).toEqual({ code: 1, signal: null });
    expect(second.stderr).toBe("");
    expect(second.lines).toEqual([
      expect.stringMatching(/^time=\S+ level=ERROR msg="listen failed" /),
    ]);
    expect(second.lines[0]).toContain(` addr=${addr} cause=EADDRINUSE`);
    expect((await first.get("/ready")).status).toBe(200);
    await using third = await ServerProcess.start({ args: ["serve"], cwd: place.path });
    expect((await third.get("/ready")).status).toBe(200);
  },
);

test("Z1: a start on a file that another server holds is refused, with what to do", async () => {
  using place = directory();
  await using first = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  await using second = new Run({
    args: ["serve", "--api-http-addr=127.0.0.1:0", "--api-grpc-addr=127.0.0.1:0"],
    cwd: place.path,
  });
  expect(await second.ended).toEqual({ code: 1, signal: null });
  expect(second.lines).toEqual([
    expect.stringMatching(
      /level=ERROR msg="store failed" cause=".* in use by another Resonate server: stop that one first/,
    ),
  ]);
  expect((await first.get("/ready")).status).toBe(200);
});

test.each([
  ["in a folder that is not there", "none/resonate.db", /folder .* does not exist/],
  ["that is a folder", ".", /cannot be opened/],
])("Z1: a start on a file %s is refused in one line", async (_what, path, cause) => {
  using place = directory();
  await using run = new Run({
    args: ["serve", "--aio-store-sqlite-path", path],
    cwd: place.path,
  });
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.lines).toEqual([expect.stringMatching(cause)]);
});

test("while it serves metrics count what was asked, and debug lines in JSON tell of each request", async () => {
  using place = directory();
  const metricsPort = await freePort();
  const args = ["dev", "--log-format", "json", "--metrics-port", `${metricsPort}`];
  await using server = await ServerProcess.start({ args, cwd: place.path });
  await server.post("/promises", { id: "a", timeout: far }, { "request-id": "mine" });
  await server.post("/promises", { id: "a", timeout: far });
  await server.post("/promises/a/cancel", {});
  await server.get("/promises?q=*");
  await server.get("/nowhere");
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  for (const sample of [
    'api_total_requests{type="http",operation="create-promise",status="2010"} 1',
    'api_total_requests{type="http",operation="create-promise",status="4090"} 1',
    'api_total_requests{type="http",operation="cancel-promise",status="2010"} 1',
    'api_total_requests{type="http",operation="search-promises",status="2000"} 1',
    'api_total_requests{type="http",operation="unknown",status="4049"} 1',
    'api_in_flight_requests{type="http",operation="create-promise"} 0',
    'coroutines_total{type="create-promise"} 2',
    'coroutines_total{type="cancel-promise"} 1',
    'coroutines_total{type="search-promises"} 1',
    'coroutines_in_flight{type="create-promise"} 0',
    'aio_in_flight_submissions{type="store"} 0',
    "api_backlog_requests 0",
    'aio_backlog_submissions{type="store"} 0',
    "due_backlog_milliseconds 0",
  ]) {
    expect(text.split("\n")).toContain(sample);
  }
  server.kill("SIGTERM");
  await server.ended;
  const lines: readonly Readonly<Record<string, unknown>>[] = server.lines.map((line) =>
    JSON.parse(line),
  );
  const requests = lines.filter(({ msg }) => msg === "request");
  expect(requests).toHaveLength(5);
  expect(Object.keys(requests[0] ?? {})).toEqual([
    "time",
    "level",
    "msg",
    "api",
    "operation",
    "tid",
    "code",
    "ms",
  ]);
  expect(requests[0]).toMatchObject({
    level: "DEBUG",
    operation: "create-promise",
    tid: "mine",
    code: 2010,
  });
  expect(
    lines.every(({ time }) => typeof time === "string" && /^\d{4}-.*\.\d{3}Z$/.test(time)),
  ).toBe(true);
});

test("while it serves CORS is off, or for the origins that are listed", async () => {
  using place = directory();
  const args = [
    "dev",
    "--cors-allow-origin",
    "https://a.example",
    "--cors-allow-origin",
    "https://b.example",
  ];
  await using server = await ServerProcess.start({ args, cwd: place.path });
  const response = await fetch(`${server.url}/promises`, {
    headers: { origin: "https://b.example" },
  });
  expect(response.headers.get("access-control-allow-origin")).toBe("https://b.example");
});

test("while it serves a body over the limit is refused with 413", async () => {
  using place = directory();
  await using server = await ServerProcess.start({
    args: ["dev", "--api-body-limit", "64"],
    cwd: place.path,
  });
  const answer = await server.post("/promises", { id: "a".repeat(64), timeout: far });
  expect(answer).toMatchObject({ status: 413, body: { error: { code: 4130 } } });
});

test("a log that nobody reads any more stops nothing", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["dev"], cwd: place.path });
  server.closeOutput();
  for (let count = 0; count < 3; count++) expect((await server.get("/promises")).status).toBe(200);
  server.kill("SIGTERM");
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(server.stderr).toBe("");
});

test("a record that cannot be read is answered with 5003 and named in the log", async () => {
  using place = directory();
  const file = join(place.path, "resonate.db");
  seed({ file, prefix: "p", count: 2, timeoutAt: deadlineMs(BigInt(far)) });
  const database = new Sqlite(file);
  database.exec("UPDATE streams SET snapshot = '{' WHERE id = 'p1'");
  database.close();
  await using server = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  expect(await server.get("/promises/p1")).toMatchObject({
    status: 500,
    body: { error: { code: 5003 } },
  });
  expect((await server.get("/promises/p0")).status).toBe(200);
  await server.line(/level=ERROR msg="record unreadable" kind=promise id=p1$/);
});

test("a schedule that cannot fire as it should is named in the log", async () => {
  using place = directory();
  const started = () => ServerProcess.start({ args: ["serve"], cwd: place.path });
  const create = (id: string, promiseId: string) => ({
    kind: "schedule.create",
    head: { corrId: "c", version: "2026-04-01" },
    data: {
      ...{ id, promiseId, cron: "* * * * * *", promiseTimeout: 1_000 },
      promiseTags: { "resonate:target": "poll://any@g" },
    },
  });
  {
    await using server = await started();
    expect((await server.post("/", create("long", "x".repeat(2_049)))).status).toBe(200);
    expect((await server.post("/", create("odd", "{{.id}}-{{.timestamp}}"))).status).toBe(200);
    const cause = 'cause="the id of its promise is too long"';
    await server.line(
      new RegExp(
        `level=WARN msg="occurrence skipped" schedule=long occurrenceAt=\\d+000 ${cause}$`,
      ),
    );
  }
  const database = new Sqlite(join(place.path, "resonate.db"));
  database.exec(`UPDATE streams SET snapshot = replace(snapshot, '"* *', '"L *') WHERE id = 'odd'`);
  database.close();
  await using server = await started();
  const cause = 'cause="this server does not know its expression"';
  await server.line(new RegExp(`level=WARN msg="schedule stuck" schedule=odd ${cause}$`));
});
