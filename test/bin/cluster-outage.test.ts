// A Postgres that throws its clients out, and one that has no room for them (simulation.md §10.2, R7).
// The servers survive, answer every request in the words of the contract, keep their queues bounded, and
// are ready within five seconds of the end of it. Nothing that was acknowledged is lost.

import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, expect, test } from "vitest";
import { ask, ownServer } from "../../bin/dst/postgres-server.ts";
import { Prng } from "../../dst/prng.ts";
import { Cluster, drawSeed, logOf, readyMaxMs } from "./cluster.ts";
import { explained, judge } from "./cluster-history.ts";
import { create } from "./cluster-requests.ts";
import { Traffic } from "./cluster-traffic.ts";

const postgres = await ownServer();
afterAll(() => postgres.stop());

const far = 2_524_608_000_000;
const args = ["--task-retry-timeout", "1s", "--aio-store-postgres-poll", "500ms"];

/** Of the database, but for whoever asks. */
const throwOut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;

test("servers whose connections are all terminated under load go on, and lose nothing", async () => {
  const seed = drawSeed();
  const prng = new Prng(seed);
  const url = await postgres.database();
  await using cluster = await Cluster.start({ urls: [url, url], args });
  await using traffic = new Traffic(cluster, seed);
  traffic.start({ clients: 5, creators: 2, workers: 2 });
  const readyMs: number[] = [];
  for (let count = 0; count < 5; count++) {
    await pause(prng.between(200, 600));
    await ask(url, throwOut);
    readyMs.push(await cluster.untilReady());
  }
  const lost = await traffic.finish();
  const log = await logOf(url);
  const judgement = judge(traffic.history, log);
  expect(explained(judgement, log)).toBe("");
  expect(lost).toEqual([]);
  expect(Math.max(...readyMs)).toBeLessThan(readyMaxMs);
  expect(cluster.bugs).toEqual([]);
  await cluster.stop();
}, 60_000);

/** Takes every connection that is to be had, also those that others lose. */
class Crowd {
  readonly #clients: Client[] = [];
  readonly #url: string;
  #isOver = false;
  #running: Promise<void> = Promise.resolve();

  constructor(url: string) {
    this.#url = url;
  }

  /** Resolves once there is no room, and keeps it so. */
  async gather(): Promise<void> {
    const full = Promise.withResolvers<void>();
    this.#running = this.#press(full.resolve);
    await full.promise;
  }

  async query(text: string): Promise<void> {
    await this.#clients[0]?.query(text);
  }

  async leave(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    await Promise.all(this.#clients.splice(0).map((client) => client.end()));
  }

  async #press(onFull: () => void): Promise<void> {
    while (!this.#isOver) {
      const client = new Client({ connectionString: this.#url });
      client.on("error", () => {});
      try {
        await client.connect();
        this.#clients.push(client);
      } catch {
        onFull();
        await pause(5);
      }
    }
  }
}

test("servers that find no room at their Postgres say so, and go on once there is", async () => {
  const seed = drawSeed();
  const url = await postgres.database();
  const small = [...args, "--api-size", "16", "--aio-store-workers", "2"];
  await using cluster = await Cluster.start({ urls: [url, url], args: small });
  await using traffic = new Traffic(cluster, seed);
  traffic.start({ clients: 3, creators: 1, workers: 1 });
  const place = new URL(url);
  const name = place.pathname.slice(1);
  place.pathname = "/postgres";
  const crowd = new Crowd(place.href);
  let refusedCount = 0;
  let waitedMs = 0;
  try {
    await crowd.gather();
    for (let round = 0; round < 5; round++) {
      await crowd.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
      );
      await pause(100);
      const startedAt = performance.now();
      const many = Array.from({ length: 40 }, (_, index) => {
        const asked = create({ id: `m-${round}-${index}`, timeout: far, key: "k", word: "w" });
        return traffic.askOf(cluster.server(round % 2).url, asked);
      });
      refusedCount += (await Promise.all(many)).filter(({ kind }) => kind === "none").length;
      waitedMs = Math.max(waitedMs, performance.now() - startedAt);
    }
  } finally {
    await crowd.leave();
  }
  const readyMs = await cluster.untilReady();
  const lost = await traffic.finish();
  const log = await logOf(url);
  const judgement = judge(traffic.history, log);
  expect(explained(judgement, log)).toBe("");
  expect(lost).toEqual([]);
  expect(refusedCount).toBeGreaterThan(0);
  expect(waitedMs).toBeLessThan(10_000); // nobody waits for what is not to be had
  expect(readyMs).toBeLessThan(readyMaxMs);
  expect(cluster.bugs).toEqual([]);
  await cluster.stop();
}, 60_000);
