// `resonate log` on the data file of a server: while it runs, after it ran, and after somebody else
// wrote into it; and on a Postgres.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { afterAll, expect, test } from "vitest";
import { seed } from "../../bin/bench/seed.ts";
import { ask, testServer } from "../../bin/dst/postgres-server.ts";
import { deadlineMs } from "../../kernel/ids.ts";
import { directory, launcher, ServerProcess } from "./server-process.ts";

const far = 2_524_608_000_000;

const postgres = await testServer();
afterAll(() => postgres.stop());

function log(cwd: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, "log", ...args], {
    cwd,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("a log is verified and exported beside a running server, and after it", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  await server.post("/promises", { id: "a", timeout: far, tags: { x: "1" } });
  await server.post("/promises", { id: "b\nb", timeout: far });
  await server.post("/promises/a/resolve", { value: { data: "ZG9uZQ==" } });
  const verified = {
    status: 0,
    stdout: "resonate.db: 2 streams, 3 events, 1 tags; all agree\n",
    stderr: "",
  };
  expect(log(place.path, "verify")).toEqual(verified);
  server.kill("SIGTERM");
  await server.ended;
  expect(log(place.path, "verify")).toEqual(verified);
  expect(
    log(place.path, "verify", "--aio-store-sqlite-path", join(place.path, "resonate.db")).status,
  ).toBe(0);
  const { status, stdout, stderr } = log(place.path, "export");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events.map(({ kind, version, stream }) => [kind, version, stream])).toEqual([
    ["promise_created", 1, { kind: "promise", id: "a" }],
    ["promise_created", 1, { kind: "promise", id: "b\nb" }],
    ["promise_settled", 2, { kind: "promise", id: "a" }],
  ]);
});

test("the log of a Postgres is verified and exported beside a server, and what is damaged is named", async () => {
  using place = directory();
  const url = await postgres.database();
  const flags = ["--aio-store", "postgres", "--aio-store-postgres-url", url];
  const { host, pathname } = new URL(url);
  const refused = log(place.path, "verify", ...flags);
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toMatch(/^resonate log: .* run resonate migrate up first\n$/);
  await using server = await ServerProcess.start({ args: ["serve", ...flags], cwd: place.path });
  await server.post("/promises", { id: "a", timeout: far, tags: { x: "1" } });
  await server.post("/promises", { id: "b", timeout: far });
  await server.post("/promises/a/resolve", { value: { data: "ZG9uZQ==" } });
  expect(log(place.path, "verify", ...flags)).toEqual({
    status: 0,
    stdout: `${host}${pathname}: 2 streams, 3 events, 1 tags; all agree\n`,
    stderr: "",
  });
  const { status, stdout } = log(place.path, "export", ...flags);
  expect(status).toBe(0);
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events.map(({ kind, version, stream }) => [kind, version, stream.id])).toEqual([
    ["promise_created", 1, "a"],
    ["promise_created", 1, "b"],
    ["promise_settled", 2, "a"],
  ]);
  await ask(url, "UPDATE streams SET state = 'pending' WHERE id = 'a'");
  const found = log(place.path, "verify", ...flags);
  expect(found.status).toBe(1);
  expect(found.stdout).toMatch(
    /; 1 differ, first promise "a": columns\.state should be "resolved" and is "pending"\n$/,
  );
});

test("a row that was tampered with is found, and named", async () => {
  using place = directory();
  const file = join(place.path, "resonate.db");
  seed({ file, prefix: "p", count: 10, timeoutAt: deadlineMs(BigInt(far)) });
  const database = new Sqlite(file);
  database.exec("UPDATE streams SET state = 'resolved' WHERE id = 'p7'");
  database.close();
  const { status, stdout, stderr } = log(place.path, "verify");
  expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
  expect(stdout).toMatch(
    /^resonate\.db: 10 streams, 10 events, 0 tags; 1 differ, first promise "p7": columns\.state should be "pending" and is "resolved"\n$/,
  );
});

test("a file that is not there, or not ours, is refused in one line and not made", () => {
  using place = directory();
  for (const verb of ["verify", "export"]) {
    const { status, stdout, stderr } = log(place.path, verb);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/^resonate log: .*resonate\.db.*\n$/);
  }
  expect(log(place.path, "verify", "--aio-store-sqlite-path=:memory:").status).toBe(1);
  expect(execFileSync("ls", [place.path], { encoding: "utf8" })).toBe("");
});

test("a reader that has seen enough ends an export quietly", async () => {
  using place = directory();
  const file = join(place.path, "resonate.db");
  seed({ file, prefix: "p", count: 5_000, timeoutAt: deadlineMs(BigInt(far)) }); // more than a pipe holds
  const child = spawn(process.execPath, [launcher, "log", "export"], { cwd: place.path });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  child.stdout.once("data", () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});
