// Durable function calls per second through the SDK from npm, as its users run it: callers in one
// process, workers in others. The reference is the ceiling's requests per second: a call is some seven.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { job, load, median } from "./measure.ts";
import { type Scenario, withServers } from "./scenario.ts";
import type { Phase } from "./summary.ts";

export type Calls = {
  readonly url: string;
  readonly prefix: string;
  /** Each has one call at a time. */
  readonly callers: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
};

/** What the first argument of sdk.ts says; the answer is a line of its output. */
export type SdkJob =
  | { readonly kind: "worker"; readonly url: string; readonly pid: string }
  | ({ readonly kind: "caller" } & Calls);

const workerCount = 2;
const callerCount = 32; // arbitrary: keeps two workers busy
const callsWarmUpMs = 1_500; // the first calls wait for streams to be open

export const functions: Scenario = async (folder, options) => {
  return await withServers(join(folder, "functions.db"), async (ours, ceiling) => {
    const url = `http://127.0.0.1:${ours.port}`;
    const workers = Array.from({ length: workerCount }, (_, number) => {
      return new Sdk({ kind: "worker", url, pid: `worker-${number}` });
    });
    try {
      for (const worker of workers) await worker.line();
      const calls: Phase[] = [];
      const tops: number[] = [];
      for (let round = 0; round < options.rounds; round++) {
        const times = { warmUpMs: callsWarmUpMs, durationMs: options.seconds * 1000 };
        calls.push(
          await callsOf({ url, prefix: `call-${round}-`, callers: callerCount, ...times }),
        );
        const plan = { kind: "envelope_create", prefix: `c${round}-` } as const;
        tops.push((await load(job({ port: ceiling.port, plan }, options))).perSecond);
      }
      const of = (name: "perSecond" | "p50Ms" | "p99Ms") => median(calls.map((each) => each[name]));
      const figures = {
        ...{ perSecond: of("perSecond"), ceilingPerSecond: median(tops) },
        ...{ p50Ms: of("p50Ms"), p99Ms: of("p99Ms"), workers: workerCount },
      };
      const ratio = figures.perSecond / figures.ceilingPerSecond;
      return [{ name: "functions", ratio, goal: null, figures }];
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()));
    }
  });
};

/** Calls for so long, in a process that ends with them. */
export async function callsOf(calls: Calls): Promise<Phase> {
  const caller = new Sdk({ kind: "caller", ...calls });
  try {
    return JSON.parse(await caller.line()) as Phase; // written by sdk.ts, of the same commit
  } finally {
    await caller.stop();
  }
}

/** A process that uses the SDK, which only those have who develop this server. */
export class Sdk {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(job: SdkJob) {
    const args = [join(import.meta.dirname, "sdk.ts"), JSON.stringify(job)];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("a process of the SDK has ended");
    return value;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}
