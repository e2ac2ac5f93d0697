// `resonate migrate` on both databases: what it says, with which exit code, and what it leaves alone.

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { afterAll, expect, test } from "vitest";
import { ask, testServer } from "../../bin/dst/postgres-server.ts";
import { said } from "./said.ts";
import { directory, Run } from "./server-process.ts";

const server = await testServer();
afterAll(() => server.stop());

const tables = "SELECT 1 FROM pg_tables WHERE schemaname = 'public'";

type Place = {
  readonly name: string;
  readonly flags: readonly string[];
  /** Whether nothing at all is there. */
  readonly isEmpty: () => Promise<boolean>;
  readonly run: (script: string) => Promise<unknown>;
  readonly setSchema: (schema: number) => Promise<unknown>;
};

async function inPostgres(): Promise<Place> {
  const url = await server.database();
  const { host, pathname } = new URL(url);
  return {
    name: `${host}${pathname}`,
    flags: ["--aio-store", "postgres", "--aio-store-postgres-url", url],
    isEmpty: async () => (await ask(url, tables)).length === 0,
    run: (script) => ask(url, script),
    setSchema: (schema) => ask(url, `UPDATE resonate SET schema = ${schema}`),
  };
}

function inFile(folder: string): Place {
  const path = join(folder, "resonate.db");
  const edit = async (text: string) => {
    const database = new Sqlite(path);
    database.exec(text);
    database.close();
  };
  return {
    name: path,
    flags: ["--aio-store-sqlite-path", path],
    isEmpty: async () => readdirSync(folder).length === 0,
    run: (script) => edit(script.replace(".bail on\n", "")), // for the shell of SQLite
    setSchema: (schema) => edit(`PRAGMA user_version = ${schema}`),
  };
}

const folders = directory();
afterAll(() => folders[Symbol.dispose]());
let count = 0;

async function placeIn(store: string): Promise<Place> {
  if (store === "postgres") return await inPostgres();
  count += 1;
  const folder = join(folders.path, `${count}`);
  mkdirSync(folder);
  return inFile(folder);
}

const stores = ["sqlite", "postgres"];

test.each(stores)(
  "Y1, Y2, Y3 %s: what is pending is told, applied, and then no more",
  async (store) => {
    const { name, flags, isEmpty } = await placeIn(store);
    expect(await said(["migrate", "status", ...flags])).toEqual({
      code: 1,
      stdout: `${name}: schema 0, and this server knows 2\npending: 1 streams\npending: 2 timers\n`,
      stderr: "",
    });
    expect(await said(["migrate", "plan", ...flags])).toMatchObject({ code: 0, stderr: "" });
    expect(await isEmpty()).toBe(true);
    expect(await said(["migrate", "up", ...flags])).toMatchObject({
      code: 0,
      stdout: `applied: 1 streams\napplied: 2 timers\n${name}: schema 2, up to date\n`,
    });
    const upToDate = { code: 0, stdout: `${name}: schema 2, up to date\n`, stderr: "" };
    expect(await said(["migrate", "status", ...flags])).toEqual(upToDate);
    const nothing = { code: 0, stdout: `${name}: nothing is pending\n`, stderr: "" };
    expect(await said(["migrate", "up", ...flags])).toEqual(nothing);
    expect((await said(["migrate", "plan", ...flags])).stdout).toBe(
      `-- ${name}: schema 2, up to date\n-- nothing is pending\n`,
    );
  },
);

test.each(stores)(
  "Y4 %s: what the plan says, run by hand, leaves nothing pending",
  async (store) => {
    const { name, flags, run } = await placeIn(store);
    const { stdout } = await said(["migrate", "plan", ...flags]);
    expect(stdout).toContain(
      `-- ${name}: schema 0, and this server knows 2\n-- pending: 1 streams,`,
    );
    await run(stdout);
    const { code } = await said(["migrate", "status", ...flags]);
    expect(code).toBe(0);
    expect((await said(["log", "verify", ...flags])).stdout).toContain("0 streams, 0 events");
  },
);

test.each(stores)(
  "%s: a newer schema is told, and refused by all who would write",
  async (store) => {
    const { name, flags, setSchema } = await placeIn(store);
    await said(["migrate", "up", ...flags]);
    await setSchema(77);
    const advice = "start the server that wrote it, or a newer one";
    expect(await said(["migrate", "status", ...flags])).toEqual({
      code: 1,
      stdout: `${name}: schema 77, and this server knows 2: ${advice}\n`,
      stderr: "",
    });
    const because = `has schema version 77, and this server knows version 2: ${advice}`;
    for (const words of [
      ["migrate", "up"],
      ["migrate", "plan"],
      ["log", "verify"],
    ]) {
      const { code, stdout, stderr } = await said([...words, ...flags]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^resonate (migrate|log): .*\n$/);
      expect(stderr).toContain(because);
    }
    const serving = new Run({ args: ["serve", ...flags], cwd: folders.path });
    expect(await serving.ended).toEqual({ code: 1, signal: null });
    expect(serving.lines.filter((line) => line.includes(because))).toHaveLength(1);
    expect(serving.lines.filter((line) => /level=error|ERROR|error/.test(line))).toHaveLength(1);
  },
);

test("G3 processes that migrate one Postgres at once apply each migration once", async () => {
  const { flags } = await inPostgres();
  const args = ["migrate", "up", ...flags];
  const runs = [1, 2, 3].map(() => new Run({ args, cwd: folders.path }));
  for (const { ended } of runs) expect(await ended).toEqual({ code: 0, signal: null });
  const lines = runs.flatMap((run) => run.lines.filter((line) => line.startsWith("applied")));
  expect(lines.toSorted()).toEqual(["applied: 1 streams", "applied: 2 timers"]);
  for (const { lines } of runs) expect(lines.at(-1)).toMatch(/up to date$|nothing is pending$/);
});

test("a database that is not ours, not there, or nowhere is refused in one line", async () => {
  const theirs = await inPostgres();
  await theirs.run("CREATE TABLE events (theirs TEXT)");
  const file = await placeIn("sqlite");
  await file.run("CREATE TABLE theirs (x)");
  const nowhere = ["--aio-store=postgres", "--aio-store-postgres-url=postgres://127.0.0.1:1/x"];
  const memory = ["--aio-store-sqlite-path=:memory:"];
  for (const verb of ["status", "up", "plan"]) {
    for (const flags of [theirs.flags, file.flags, nowhere, memory]) {
      const { code, stdout, stderr } = await said(["migrate", verb, ...flags]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^resonate migrate: .*\n$/);
    }
  }
  const folder = join(folders.path, "none", "resonate.db");
  const missing = await said(["migrate", "up", "--aio-store-sqlite-path", folder]);
  expect(missing).toMatchObject({ code: 1, stdout: "" });
  expect(missing.stderr).toContain("does not exist: create it first");
});

test("a file that a server holds can be looked at, and is brought up by nobody else", async () => {
  const place = await placeIn("sqlite");
  await said(["migrate", "up", ...place.flags]);
  await place.setSchema(0);
  const lock = new Sqlite(`${place.name}-lock`);
  lock.exec("BEGIN EXCLUSIVE");
  expect((await said(["migrate", "status", ...place.flags])).stdout).toContain("schema 0");
  const { code, stderr } = await said(["migrate", "up", ...place.flags]);
  expect(code).toBe(1);
  expect(stderr).toContain("in use by another Resonate server");
  lock.close();
});
