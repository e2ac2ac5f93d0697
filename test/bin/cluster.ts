// Several server processes on one Postgres, and what a test may do to them. Whoever has a cluster
// disposes of it: then no process is left.

import { setTimeout as pause } from "node:timers/promises";
import { onTestFailed } from "vitest";
import type { Prng } from "../../dst/prng.ts";
import { assert } from "../../kernel/assert.ts";
import { bounds } from "../../kernel/limits.ts";
import type { LoggedEvent } from "../../kernel/search.ts";
import { openPostgres } from "../../store/postgres-open.ts";
import { directory, Run, ServerProcess } from "./server-process.ts";

/** No process of these tests lives longer. */
const lifeMs = 120_000;

/** simulation.md §10.2, R7. */
export const readyMaxMs = 5_000;

/** Of this test: another one each time, or the one that is asked for; printed if the test fails. */
export function drawSeed(): string {
  const seed = process.env["RESONATE_TEST_SEED"] ?? `${Date.now()}`;
  onTestFailed(() => {
    process.stderr.write(`RESONATE_TEST_SEED=${seed} makes the same choices again\n`);
  });
  return seed;
}

export type ClusterOptions = {
  /** Of a database, for each server in turn. */
  readonly urls: readonly string[];
  readonly args?: readonly string[];
};

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #place = directory();
  /** Null: not there at the moment. */
  readonly #servers: (ServerProcess | null)[];
  readonly #all: ServerProcess[] = [];

  private constructor(options: ClusterOptions) {
    this.#options = options;
    this.#servers = options.urls.map(() => null);
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    const starts = await Promise.allSettled(options.urls.map((_, index) => cluster.start(index)));
    const failed = starts.find((each) => each.status === "rejected");
    if (failed === undefined) return cluster;
    await cluster[Symbol.asyncDispose](); // those that have come up as well
    throw failed.reason;
  }

  get size(): number {
    return this.#servers.length;
  }

  /** Those that are there. */
  get live(): readonly ServerProcess[] {
    return this.#servers.filter((server) => server !== null);
  }

  /** Where a client may ask; one of them may be gone. */
  pick(prng: Prng): ServerProcess | null {
    return this.#servers[prng.below(this.size)] ?? null;
  }

  server(index: number): ServerProcess {
    const server = this.#servers[index] ?? null;
    assert(server !== null, `server ${index} is not there`);
    return server;
  }

  async start(index: number): Promise<void> {
    const { urls, args = [] } = this.#options;
    const address = ["--aio-store-postgres-url", urls[index] ?? ""];
    const server = await ServerProcess.start({
      args: ["serve", "--aio-store", "postgres", ...address, ...args],
      cwd: this.#place.path,
      lifeMs,
    });
    this.#all.push(server);
    this.#servers[index] = server;
  }

  async kill(index: number): Promise<void> {
    const server = this.server(index);
    this.#servers[index] = null;
    server.kill("SIGKILL");
    await server.ended;
  }

  /** @returns how long it took until all that are there say that their store answers, ms */
  async untilReady(): Promise<number> {
    const startedAt = performance.now();
    await Promise.all(
      this.live.map(async ({ url }) => {
        while (!(await isReady(url))) {
          if (performance.now() - startedAt > 2 * readyMaxMs)
            throw new Error(`not ready:\n${this.#tail}`);
          await pause(20);
        }
      }),
    );
    return performance.now() - startedAt;
  }

  /** Politely; each must end well. */
  async stop(): Promise<void> {
    for (const server of this.live) {
      server.kill("SIGTERM");
      const { code } = await server.ended;
      assert(code === 0, `a server ended with ${code}:\n${server.stdout}${server.stderr}`);
    }
  }

  /** The last that each has said. */
  get #tail(): string {
    const tails = this.#all.map(({ stdout, stderr }) => `${stdout}${stderr}`.slice(-2_000));
    return tails.join("\n--\n");
  }

  /** Lines of the logs that tell of mistakes of ours. */
  get bugs(): readonly string[] {
    const lines = this.#all.flatMap(({ stdout, stderr }) => `${stdout}${stderr}`.split("\n"));
    return lines.filter((line) => /stopped by a bug|AssertionError|store lost/.test(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#all) {
      server.kill("SIGKILL"); // a stopped one ends as well
      await server.ended;
    }
    this.#place[Symbol.dispose]();
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ready`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

/** What `resonate log verify` says of a database. */
export async function verified(url: string): Promise<string> {
  using place = directory();
  const args = ["log", "verify", "--aio-store", "postgres", "--aio-store-postgres-url", url];
  await using run = new Run({ args, cwd: place.path });
  const { code } = await run.ended;
  assert(code === 0, `log verify ended with ${code}: ${run.stdout}${run.stderr}`);
  return run.stdout;
}

/** All that has happened in a database. */
export async function logOf(url: string): Promise<readonly LoggedEvent[]> {
  const store = await openPostgres({ address: url, connectionsMax: 1 });
  const weightMax = bounds.pageWeightMax.usual;
  const events: LoggedEvent[] = [];
  try {
    for (;;) {
      const after = events.at(-1)?.position ?? 0;
      const [page] = await store.log([{ of: null, after, limit: 10_000, weightMax }]);
      if (page === undefined || page.events.length === 0) return events;
      events.push(...page.events);
    }
  } finally {
    await store.close();
  }
}
