// How servers start on a Postgres: all at once on an empty database, where it is not there, and where a
// newer server has been.

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
  expect(line).not.toContain("word");
});

test("a database that a newer server has migrated is left alone", async () => {
  const url = await postgres.database();
  await using cluster = await Cluster.start({ urls: [url] });
  await cluster.stop();
  await ask(url, "UPDATE resonate SET schema = schema + 1");
  const line = await refusedStart(url);
  expect(line).toMatch(/level=ERROR msg="store failed" cause=".*newer/);
});
