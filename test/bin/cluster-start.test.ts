// How servers start on a Postgres: all at once on an empty database, where it is not there, and where a
// newer server has been.

import { createServer } from "node:net";
import { afterAll, expect, test } from "vitest";
import { ask, testServer } from "../../bin/dst/postgres-server.ts";
import { Cluster } from "./cluster.ts";
import { directory, freePort, Run } from "./server-process.ts";

const postgres = await testServer();
afterAll(() => postgres.stop());

async function refusedStart(url: string): Promise<string> {
  using place = directory();
  const address = ["--aio-store", "postgres", "--aio-store-postgres-url", url];
  const ports = ["--api-http-addr", "127.0.0.1:0", "--api-grpc-addr", "127.0.0.1:0"];
  await using run = new Run({
    args: ["serve", ...address, ...ports, "--metrics-port", "0"],
    cwd: place.path,
  });
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.stderr).toBe("");
  const lines = run.lines.filter((line) => !line.includes("store at risk"));
  expect(lines).toHaveLength(1);
  return lines[0] ?? "";
}

test("four servers that start at once on an empty database all come up", async () => {
  for (let round = 0; round < 2; round++) {
    const url = await postgres.database();
    await using cluster = await Cluster.start({ urls: [url, url, url, url] });
    await cluster.untilReady();
    const [found] = await ask(url, "SELECT count(*)::int AS count FROM resonate");
    expect(found).toEqual({ count: 1 });
    expect(cluster.bugs).toEqual([]);
    await cluster.stop();
  }
}, 40_000);

test("a Postgres that is not there is told of in one line, with the cause", async () => {
  const port = await freePort();
  const line = await refusedStart(`postgres://user:word@127.0.0.1:${port}/nothing`);
  expect(line).toContain('level=ERROR msg="store failed" cause="Postgres, connect: ECONNREFUSED');
  expect(line).toMatch(new RegExp(` place=127.0.0.1:${port}/nothing$`));
  expect(line).not.toContain("word");
});

test("Z1 a server that waits for a Postgres that says nothing ends when it is asked to", async () => {
  const dialled = Promise.withResolvers<void>();
  const silent = createServer((socket) => {
    socket.on("error", () => {}).resume();
    dialled.resolve();
  });
  const port = await freePort();
  silent.listen(port, "127.0.0.1");
  using place = directory();
  const address = ["--aio-store", "postgres", "--aio-store-postgres-port", `${port}`];
  await using run = new Run({
    args: ["serve", ...address, "--aio-store-postgres-host", "127.0.0.1"],
    cwd: place.path,
  });
  await dialled.promise;
  const startedAt = performance.now();
  run.kill("SIGTERM");
  expect(await run.ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(4_000); // before it would have given up itself
  expect(run.lines.map((line) => /msg="?([a-z ]+)/.exec(line)?.[1])).toEqual(["stopped"]);
  silent.close();
});

test("a database that a newer server has migrated is left alone", async () => {
  const url = await postgres.database();
  await using cluster = await Cluster.start({ urls: [url] });
  await cluster.stop();
  await ask(url, "UPDATE resonate SET schema = schema + 1");
  const line = await refusedStart(url);
  expect(line).toMatch(/level=ERROR msg="store failed" cause=".*newer/);
});
