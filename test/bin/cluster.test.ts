// Three servers on one Postgres (simulation.md §10.2, R1 and R7 with many servers): clients and workers
// ask any of them, while servers are killed and started, and Postgres is stopped at once and started.
//
// In the end: all that was seen has an order that our model accepts, which the log of the store explains
// to the last event (cluster-history.ts); each task is done, also those whose holder or whose server
// has vanished; no answer was outside the contract; no server has ended but by our hand.

import { setTimeout as pause } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { ownServer } from "../../bin/dst/postgres-server.ts";
import { Prng } from "../../dst/prng.ts";
import { Cluster, drawSeed, logOf, readyMaxMs, verified } from "./cluster.ts";
import { explained, judge } from "./cluster-history.ts";
import { Traffic } from "./cluster-traffic.ts";

const postgres = await ownServer();
afterAll(() => postgres.stop());

test("three servers on one Postgres, all of them killed now and then, keep every promise", async () => {
  const seed = drawSeed();
  const prng = new Prng(seed);
  const url = await postgres.database();
  await using cluster = await Cluster.start({
    urls: [url, url, url],
    args: ["--task-retry-timeout", "1s", "--aio-store-postgres-poll", "500ms"],
  });
  await using traffic = new Traffic(cluster, seed);
  traffic.start({ clients: 6, creators: 2, workers: 3 });
  const readyMs: number[] = [];
  for (const strike of [
    "server",
    "postgres",
    "server",
    "server",
    "postgres",
    "server",
    "postgres",
    "server",
  ]) {
    await pause(prng.between(300, 1_200));
    if (strike === "server") {
      const index = prng.below(cluster.size);
      await cluster.kill(index);
      await pause(prng.between(0, 500));
      await cluster.start(index);
    } else {
      await postgres.kill();
      await pause(prng.between(0, 500));
      await postgres.restart();
      readyMs.push(await cluster.untilReady());
    }
  }
  const lost = await traffic.finish();
  const log = await logOf(url);
  const judgement = judge(traffic.history, log);
  expect(explained(judgement, log)).toBe("");
  expect(lost).toEqual([]);
  const kinds = new Set(log.map(({ event }) => event.kind));
  for (const kind of ["lease_expired", "task_suspended", "task_resumed"] as const) {
    expect(kinds).toContain(kind); // holders vanished, and slept
  }
  expect(judgement.counts.unknown).toBeGreaterThan(0); // and so did servers, in the midst of it
  expect(Math.max(...readyMs)).toBeLessThan(readyMaxMs);
  expect(cluster.bugs).toEqual([]);
  await cluster.stop();
  expect(await verified(url)).toMatch(/all agree\n$/);
}, 100_000);
