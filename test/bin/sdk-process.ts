// A worker in a process of its own (sdk-worker.ts, sdk-async-worker.ts), watched by what it prints, and a
// server that is killed.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { onTestFinished } from "vitest";
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

export type Restartable = Awaited<ReturnType<typeof restartable>>;

/** A server that is killed and started again on its file and port, until the test has finished. */
export async function restartable() {
  const place = directory();
  const start = (port: string) => {
    const address = ["--api-http-addr", `127.0.0.1:${port}`];
    const args = ["serve", ...address, "--task-retry-timeout", "1s"]; // for what a dead worker was told
    return ServerProcess.start({ args, cwd: place.path, lifeMs: 120_000 });
  };
  let server = await start("0");
  const { url } = server;
  const kill = async () => {
    server.kill("SIGKILL");
    await server.ended;
  };
  onTestFinished(async () => {
    await kill();
    place[Symbol.dispose]();
  });
  return {
    url,
    get: (path: string) => server.get(path),
    post: (path: string, body: unknown) => server.post(path, body),
    kill,
    /** Killed or not, it is killed. */
    restart: async () => {
      await kill();
      server = await start(new URL(url).port);
    },
  };
}
