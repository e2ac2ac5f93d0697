// A worker in a process of its own (sdk-worker.ts, sdk-async-worker.ts), watched by what it prints.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { onTestFinished } from "vitest";

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
