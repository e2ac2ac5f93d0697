// A worker in a process of its own (sdk-worker.ts, sdk-async-worker.ts), watched by what it prints, and
// servers that are killed: one on SQLite, or two on a Postgres.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, onTestFinished } from "vitest";
import { testServer } from "../../bin/dst/postgres-server.ts";
import { directory, ServerProcess } from "./server-process.ts";

const scripts = {
  generators: join(import.meta.dirname, "sdk-worker.ts"),
  async: join(import.meta.dirname, "sdk-async-worker.ts"),
};

type Engine = keyof typeof scripts;

export type WorkerOptions = {
  readonly group: string;
  readonly pid: string;
  readonly ttl?: number;
  /** Of the SDK. */
  readonly engine?: Engine;
};

export class Worker {
  lines: string[] = [];
  readonly #child;
  readonly ready: Promise<void>;

  constructor(url: string, { group, pid, ttl = 60_000, engine = "generators" }: WorkerOptions) {
    const args = [scripts[engine], url, group, pid, `${ttl}`];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.lines.push(...text.split("\n").filter((line) => line !== ""));
      if (this.lines.includes("ready")) resolve();
    });
    this.ready = promise;
    onTestFinished(() => this.kill());
  }

  /** How often this line was printed. */
  count(line: string): number {
    return this.lines.filter((each) => each === line).length;
  }

  async line(line: string): Promise<void> {
    while (this.count(line) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

export type Store = {
  readonly name: string;
  /** Null: SQLite, and one server. Else there are two, on this database, which is new. */
  readonly database: () => Promise<string | null>;
};

/** On which each scenario runs; called once by a file of tests. */
export async function openStores(): Promise<readonly Store[]> {
  const postgres = await testServer();
  afterAll(() => postgres.stop());
  return [
    { name: "SQLite", database: async () => null },
    { name: "Postgres, two servers", database: () => postgres.database() },
  ];
}

export type Site = Awaited<ReturnType<typeof openSite>>;

/** Servers on one store, that are killed and started again on their ports. */
export async function openSite({ database }: Store) {
  const place = directory();
  const url = await database();
  const store = url === null ? [] : ["--aio-store", "postgres", "--aio-store-postgres-url", url];
  const start = (port: string) => {
    const address = ["--api-http-addr", `127.0.0.1:${port}`];
    const retry = ["--task-retry-timeout", "1s"]; // for what a dead worker was told
    const args = ["serve", ...address, ...store, ...retry];
    return ServerProcess.start({ args, cwd: place.path, lifeMs: 120_000 });
  };
  const started = await Promise.all((url === null ? ["0"] : ["0", "0"]).map(start));
  const servers = started.map((server) => ({ url: server.url, server, isThere: true }));
  let turn = 0;
  const next = () => {
    const found = servers[turn % servers.length];
    turn += 1;
    if (found === undefined) throw new Error("a site without servers");
    return found;
  };
  const end = async (each: (typeof servers)[number]) => {
    each.isThere = false;
    each.server.kill("SIGKILL");
    await each.server.ended;
  };
  const kill = async () => {
    await Promise.all(servers.map(end));
  };
  return {
    /** Of another server each time: workers and callers are spread over all. */
    url: () => next().url,
    get: (path: string) => next().server.get(path),
    post: (path: string, body: unknown) => next().server.post(path, body),
    /** Of all servers. */
    kill,
    /** Of those that were killed; of one after the other, if none was. */
    restart: async () => {
      if (servers.every(({ isThere }) => isThere)) await end(next());
      for (const each of servers.filter(({ isThere }) => !isThere)) {
        each.server = await start(new URL(each.url).port);
        each.isThere = true;
      }
    },
    close: async () => {
      await kill();
      place[Symbol.dispose]();
    },
  };
}

/** A site for one test. */
export async function openedSite(store: Store): Promise<Site> {
  const site = await openSite(store);
  onTestFinished(() => site.close());
  return site;
}
