// `resonate store copy` as an operator meets it: from a server's file to Postgres and back, killed and
// begun again, and what it refuses.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { protocolVersion } from "../../api/protocol/envelope.ts";
import { seed } from "../../bin/bench/seed.ts";
import { testServer } from "../../bin/dst/postgres-server.ts";
import { deadlineMs } from "../../kernel/ids.ts";
import { said } from "./said.ts";
import { directory, launcher, Run, ServerProcess } from "./server-process.ts";

const postgres = await testServer();
afterAll(() => postgres.stop());

const far = 2_524_608_000_000;

function resonate(cwd: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], {
    ...{ cwd, encoding: "utf8", maxBuffer: 2 ** 28 },
  });
  return { status, stdout, stderr };
}

const copy = (cwd: string, from: string, to: string) => {
  return resonate(cwd, "store", "copy", "--from", from, "--to", to);
};

const onPostgres = (url: string) => ["--aio-store", "postgres", "--aio-store-postgres-url", url];
const onFile = (file: string) => ["--aio-store-sqlite-path", file];

const withoutProgress = (text: string) => text.replace(/^(reading|copying|checking) .*\n/gm, "");

async function ask(server: ServerProcess, kind: string, data: unknown) {
  const head = { corrId: "c", version: protocolVersion };
  const { status, body } = await server.post("/", { kind, head, data });
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

test("what a server has kept in a file is served from Postgres, and from a file again", async () => {
  using place = directory();
  const cwd = place.path;
  const url = await postgres.database();
  await using first = await ServerProcess.start({ args: ["serve", ...onFile("a.db")], cwd });
  const tags = { "resonate:target": "poll://any@w", x: "1" };
  await first.post("/promises", { id: "a", timeout: far, tags: { x: "1" } });
  await first.post("/promises", { id: "task", timeout: far, tags });
  await first.post("/promises/a/resolve", { value: { data: "ZG9uZQ==" } });
  const payload = {
    promiseParam: { headers: {}, data: "" },
    promiseTags: { "resonate:target": "poll://any@w" },
  };
  const cron = { cron: "0 0 1 1 *", promiseId: "s-{{.timestamp}}", promiseTimeout: 1_000 };
  await ask(first, "schedule.create", { id: "s", ...cron, ...payload });
  await ask(first, "promise.register_listener", { awaited: "task", address: "poll://any@w" });
  const served = copy(cwd, "sqlite:a.db", url);
  expect({ ...served, stderr: withoutProgress(served.stderr) }).toEqual({
    ...{ status: 1, stdout: "" },
    stderr: expect.stringMatching(
      /^resonate store copy: the source sqlite:a\.db: the database .*a\.db is in use by another/,
    ),
  });
  first.kill("SIGTERM");
  await first.ended;

  const { status, stdout, stderr } = copy(cwd, "sqlite:a.db", url);
  expect({ status, stderr: withoutProgress(stderr) }).toEqual({ status: 0, stderr: "" });
  const [counts, hash] = stdout.split("\n");
  expect(counts).toMatch(
    /^copied 3 streams, 5 events, 3 tags from sqlite:a\.db to postgres:\/\/127.0.0.1:\d+\/\w+ in \d+\.\d s$/,
  );
  expect(hash).toMatch(/^sha256 [0-9a-f]{64} on both sides$/);
  const log = resonate(cwd, "log", "export", ...onFile("a.db"));
  expect(resonate(cwd, "log", "export", ...onPostgres(url))).toEqual(log);
  expect(resonate(cwd, "log", "verify", ...onPostgres(url)).stdout).toMatch(/all agree\n$/);

  await using second = await ServerProcess.start({ args: ["serve", ...onPostgres(url)], cwd });
  expect((await second.get("/promises/a")).body).toMatchObject({
    state: "RESOLVED",
    tags: { x: "1" },
  });
  expect(await ask(second, "schedule.get", { id: "s" })).toMatchObject({
    data: { schedule: { id: "s", cron: "0 0 1 1 *" } },
  });
  expect((await second.get("/promises?id=*&tags[x]=1")).body).toMatchObject({
    promises: [{ id: "task" }, { id: "a" }],
  });
  expect((await second.post("/promises", { id: "b", timeout: far })).status).toBe(201);
  expect(copy(cwd, url, "sqlite:b.db").stderr).toMatch(
    /the source .*: a Resonate server runs on it/,
  );
  expect(existsSync(join(cwd, "b.db"))).toBe(false);
  second.kill("SIGTERM");
  await second.ended;

  expect(copy(cwd, url, "sqlite:b.db").status).toBe(0);
  expect(resonate(cwd, "log", "export", ...onFile("b.db"))).toEqual(
    resonate(cwd, "log", "export", ...onPostgres(url)),
  );
  expect(resonate(cwd, "log", "verify", ...onFile("b.db")).stdout).toMatch(/all agree\n$/);
  await using third = await ServerProcess.start({ args: ["serve", ...onFile("b.db")], cwd });
  expect((await third.get("/promises/b")).body).toMatchObject({ state: "PENDING" });
}, 60_000);

test.each(["SQLite", "Postgres"])(
  "a copy to %s that is killed again and again comes to its end, and is not served before",
  async (kind) => {
    using place = directory();
    const cwd = place.path;
    const url = await postgres.database();
    const [to, on] = kind === "SQLite" ? ["sqlite:b.db", onFile("b.db")] : [url, onPostgres(url)];
    const file = join(cwd, "a.db");
    seed({ file, prefix: "p", count: 12_000, timeoutAt: deadlineMs(BigInt(far)) });
    const args = ["store", "copy", "--from", "sqlite:a.db", "--to", to];
    for (const signal of ["SIGKILL", "SIGINT", "SIGKILL"] as const) {
      await using run = new Run({ args, cwd, lifeMs: 60_000 });
      await until(() => /^copying /m.test(run.stderr));
      await pause(Math.floor(Math.random() * 30));
      run.kill(signal);
      const { code } = await run.ended;
      if (signal !== "SIGINT") continue;
      expect(code).toBe(1);
      expect(run.stderr).toMatch(
        /resonate store copy: interrupted: the same command goes on from here\n$/,
      );
    }
    const serving = resonate(cwd, "serve", "--metrics-port", "0", ...on);
    expect(serving.status).toBe(1);
    expect(serving.stdout + serving.stderr).toMatch(
      /is an unfinished copy of sqlite:a\.db: finish it/,
    );
    const { status, stdout, stderr } = resonate(cwd, ...args);
    expect({ status, stderr: withoutProgress(stderr) }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^copied 12000 streams, 12000 events, 0 tags /);
    expect(resonate(cwd, "log", "export", ...on)).toEqual(
      resonate(cwd, "log", "export", ...onFile("a.db")),
    );
    const again = resonate(cwd, ...args);
    expect(again.status).toBe(1);
    expect(again.stderr).toMatch(/the target .*: it is not empty/);
  },
  120_000,
);

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !holds(); await pause(2)) {
    if (Date.now() > end) throw new Error("it does not come");
  }
}

test.each([
  [[], ["--from is not given; expected sqlite:", "--to is not given; expected sqlite:"]],
  [
    ["--from", "a.db", "--to", "sqlite:b"],
    ['--from is "a.db"; expected sqlite:FILE or postgres://'],
  ],
  [["--from", "sqlite::memory:", "--to", "sqlite:b"], ['--from is "sqlite::memory:"; expected']],
  [
    ["--from", "sqlite:a", "--to", "postgres//u:geheim@h/d?password=geheim"],
    ['--to is "…@h/d?…"; expected'],
  ],
  [
    ["--from", "sqlite:a", "--to", "postgres://u:geheim/d"], // no host, so it is no URL
    ['--to is "postgres://…"; expected'],
  ],
  [
    ["--from", "postgres:///d?host=/none/a", "--to", "postgres:///d?host=/none/b"],
    ["the source postgres:///d: Postgres, connect: ENOENT"],
  ],
  [["--from", "sqlite:a", "--to", "sqlite:a"], ["--from and --to are the same: sqlite:a"]],
  [
    ["--from", "postgres://u:geheim@h/d", "--to", "postgresql://v:geheim@h/d"],
    ["--from and --to are the same: postgres://h/d"],
  ],
  [["--from", "sqlite:a", "--to", "sqlite:b", "c"], ["unexpected argument c"]],
  [["--form", "sqlite:a", "--to", "sqlite:b"], ["unknown flag --form"]],
  [
    ["--from", "sqlite:/none/a.db", "--to", "sqlite:b"],
    ["the source sqlite:/none/a.db: there is no file /none/a.db"],
  ],
] as const)(
  "what is wrong with %j is said in a line each, with exit code 1",
  async (args, expected) => {
    const { code, stdout, stderr } = await said(["store", "copy", ...args]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const lines = stderr.trimEnd().split("\n");
    expect(lines.length).toBe(expected.length);
    for (const [index, line] of lines.entries()) {
      expect(line.startsWith(`resonate store copy: ${expected[index]}`), line).toBe(true);
    }
    expect(stderr).not.toContain("geheim");
  },
);

test("a file is the same by whatever name, and a password is in no message", () => {
  using place = directory();
  const cwd = place.path;
  seed({ file: join(cwd, "a.db"), prefix: "p", count: 1, timeoutAt: deadlineMs(BigInt(far)) });
  spawnSync("ln", ["-s", "a.db", "soft.db"], { cwd });
  spawnSync("ln", ["a.db", "hard.db"], { cwd });
  for (const name of ["soft.db", "hard.db", "./a.db"]) {
    expect(copy(cwd, "sqlite:a.db", `sqlite:${name}`).stderr).toMatch(
      /--from and --to are the same/,
    );
  }
  const { status, stderr } = copy(cwd, "sqlite:a.db", "postgres://u:geheim@127.0.0.1:1/d");
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /the target postgres:\/\/127\.0\.0\.1:1\/d: Postgres, connect: .*ECONNREFUSED/,
  );
  expect(stderr).not.toContain("geheim");
});
