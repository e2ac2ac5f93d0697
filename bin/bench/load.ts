// The load generator, a process of its own: one job on the command line, one result on standard
// output, both as JSON. Ready-made requests and the least of a client, so that what is measured is the
// server.
//
// Closed loop (`rate` is null): each lane sends its next request when the last one is answered.
// Open loop: requests have dates, whatever the server does. A latency counts from that date, so that
// waiting for a free lane is part of it. Every job ends by itself, after its time or its count,
// or when its standard input ends.

import { performance } from "node:perf_hooks";
import { type Lane, openConnections, openStreams } from "./lanes.ts";
import type { Plan } from "./requests.ts";
import { type Phase, summary } from "./summary.ts";

export type Job = {
  /** Of the servers, whose turn it is by lane. */
  readonly ports: readonly number[];
  readonly protocol: "http" | "grpc";
  /** Connections over HTTP, streams of one connection over gRPC: a request each at a time. */
  readonly connections: number;
  readonly plan: Plan;
  /** Answers before this are not counted. */
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly countMax: number;
  /** Requests per second; null: as many as are answered. */
  readonly rate: number | null;
  /** Ms since the epoch: requests from then on are told apart; null: all are one. */
  readonly splitAt: number | null;
};

export type Result = Phase & {
  /** The requests since `splitAt`; the phase above ends there. */
  readonly after: Phase | null;
  /** Answers other than success, those of the warm-up included. */
  readonly errors: number;
};

const drainMs = 10_000;

class Load {
  readonly #job: Job;
  readonly #lanes: readonly Lane[];
  readonly #free: Lane[] = [];
  readonly #latencies: number[] = [];
  readonly #latenciesAfter: number[] = [];
  readonly #splitAtMs: number;
  readonly #measureFromMs: number;
  #endMs: number;
  #sent = 0;
  #open = 0;
  #errors = 0;

  constructor(job: Job) {
    this.#job = job;
    const open = { http: openConnections, grpc: openStreams }[job.protocol];
    this.#lanes = open(job, (lane, isOk) => this.#answered(lane, isOk));
    this.#measureFromMs = performance.now() + job.warmUpMs;
    this.#endMs = this.#measureFromMs + job.durationMs;
    const { splitAt } = job;
    this.#splitAtMs =
      splitAt === null ? Number.POSITIVE_INFINITY : splitAt - performance.timeOrigin;
  }

  async run(): Promise<Result> {
    if (this.#job.rate === null) {
      for (const lane of this.#lanes) this.#send(lane, performance.now());
    } else {
      this.#free.push(...this.#lanes);
      this.#pace(this.#job.rate, performance.now());
    }
    while (this.#mayGoOn() || this.#open > 0) {
      if (performance.now() > this.#endMs + drainMs) throw new Error("answers are missing");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const lane of this.#lanes) lane.close();
    return this.#summary();
  }

  #mayGoOn(): boolean {
    return performance.now() < this.#endMs && this.#sent < this.#job.countMax;
  }

  #send(lane: Lane, sinceMs: number): void {
    this.#open += 1;
    lane.sinceMs = sinceMs;
    lane.send(this.#sent++);
  }

  #answered(lane: Lane, isOk: boolean): void {
    const now = performance.now();
    this.#open -= 1;
    if (!isOk) this.#errors += 1;
    const isMeasured = lane.sinceMs >= this.#measureFromMs;
    const isAfter = lane.sinceMs >= this.#splitAtMs;
    const latencies = isAfter ? this.#latenciesAfter : this.#latencies;
    if (isMeasured) latencies.push(now - lane.sinceMs);
    if (this.#job.rate === null && this.#mayGoOn()) this.#send(lane, now);
    else this.#free.push(lane);
  }

  /** Sends what is due, every millisecond: to spin would take a core away from the server. */
  #pace(rate: number, startMs: number): void {
    const dueCount = Math.floor(((performance.now() - startMs) / 1000) * rate);
    while (this.#sent < dueCount && this.#sent < this.#job.countMax) {
      const lane = this.#free.pop();
      if (lane === undefined) break;
      this.#send(lane, startMs + ((this.#sent + 1) / rate) * 1000);
    }
    if (this.#mayGoOn()) setTimeout(() => this.#pace(rate, startMs), 1);
  }

  /** Ends the job before its time. */
  stop(): void {
    this.#endMs = Math.min(this.#endMs, performance.now());
  }

  #summary(): Result {
    const splitMs = Math.min(this.#splitAtMs, this.#endMs);
    const first = summary(this.#latencies, splitMs - this.#measureFromMs);
    const isSplit = this.#job.splitAt !== null;
    const after = isSplit ? summary(this.#latenciesAfter, this.#endMs - splitMs) : null;
    return { ...first, after, errors: this.#errors };
  }
}

// The job was made by bin/bench/measure.ts, which is of the same commit.
const job = JSON.parse(process.argv[2] ?? "null") as Job;
const load = new Load(job);
process.stdin.resume().on("end", () => load.stop());
process.stdout.write(`${JSON.stringify(await load.run())}\n`);
process.stdin.destroy();
