// The load generator, a process of its own: one job on the command line, one result on standard
// output, both as JSON. Plain sockets and ready-made requests, so that what is measured is the server.
//
// Closed loop (`rate` is null): each connection sends its next request when the last one is answered.
// Open loop: requests have dates, whatever the server does. A latency counts from that date, so that
// waiting for a free connection is part of it. Every job ends by itself, after its time or its count,
// or when its standard input ends.

import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { type Plan, request } from "./requests.ts";

export type Job = {
  readonly port: number;
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

export type Phase = {
  readonly answered: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
};

export type Result = Phase & {
  /** The requests since `splitAt`; the phase above ends there. */
  readonly after: Phase | null;
  /** Answers other than 2xx, those of the warm-up included. */
  readonly errors: number;
};

const answerHead = /^HTTP\/1\.1 (\d{3})[\s\S]*?\r\ncontent-length: (\d+)\r\n/i;
const drainMs = 10_000;

/** One request at a time; the answer must carry its length, as ours do. */
class Connection {
  readonly #socket;
  readonly #onAnswer: (connection: Connection, status: number) => void;
  #received = "";
  readonly number: number;
  /** Requests sent so far. */
  turn = 0;
  /** From when the open request counts, ms. */
  sinceMs = 0;

  constructor(
    port: number,
    number: number,
    onAnswer: (connection: Connection, status: number) => void,
  ) {
    this.number = number;
    this.#onAnswer = onAnswer;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (text) => this.#read(String(text)));
  }

  send(text: string, sinceMs: number): void {
    this.sinceMs = sinceMs;
    this.turn += 1;
    this.#socket.write(text, "latin1");
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd === -1) return;
    const [, status, length] = answerHead.exec(this.#received) ?? [];
    if (status === undefined) throw new Error(`not an answer: ${this.#received.slice(0, 200)}`);
    if (this.#received.length < headEnd + 4 + Number(length)) return;
    this.#received = "";
    this.#onAnswer(this, Number(status));
  }
}

class Load {
  readonly #job: Job;
  readonly #connections: readonly Connection[];
  readonly #free: Connection[] = [];
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
    this.#connections = Array.from({ length: job.connections }, (_, number) => {
      return new Connection(job.port, number, (connection, status) => {
        this.#answered(connection, status);
      });
    });
    this.#measureFromMs = performance.now() + job.warmUpMs;
    this.#endMs = this.#measureFromMs + job.durationMs;
    const { splitAt } = job;
    this.#splitAtMs =
      splitAt === null ? Number.POSITIVE_INFINITY : splitAt - performance.timeOrigin;
  }

  async run(): Promise<Result> {
    if (this.#job.rate === null) {
      for (const connection of this.#connections) this.#send(connection, performance.now());
    } else {
      this.#free.push(...this.#connections);
      this.#pace(this.#job.rate, performance.now());
    }
    while (this.#mayGoOn() || this.#open > 0) {
      if (performance.now() > this.#endMs + drainMs) throw new Error("answers are missing");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const connection of this.#connections) connection.close();
    return this.#summary();
  }

  #mayGoOn(): boolean {
    return performance.now() < this.#endMs && this.#sent < this.#job.countMax;
  }

  #send(connection: Connection, sinceMs: number): void {
    this.#open += 1;
    const place = { number: this.#sent++, connection: connection.number, turn: connection.turn };
    connection.send(request(this.#job.plan, place), sinceMs);
  }

  #answered(connection: Connection, status: number): void {
    const now = performance.now();
    this.#open -= 1;
    if (status < 200 || status > 299) this.#errors += 1;
    const isMeasured = connection.sinceMs >= this.#measureFromMs;
    const isAfter = connection.sinceMs >= this.#splitAtMs;
    const latencies = isAfter ? this.#latenciesAfter : this.#latencies;
    if (isMeasured) latencies.push(now - connection.sinceMs);
    if (this.#job.rate === null && this.#mayGoOn()) this.#send(connection, now);
    else this.#free.push(connection);
  }

  /** Sends what is due, every millisecond: to spin would take a core away from the server. */
  #pace(rate: number, startMs: number): void {
    const dueCount = Math.floor(((performance.now() - startMs) / 1000) * rate);
    while (this.#sent < dueCount && this.#sent < this.#job.countMax) {
      const connection = this.#free.pop();
      if (connection === undefined) break;
      this.#send(connection, startMs + ((this.#sent + 1) / rate) * 1000);
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

function summary(latencies: readonly number[], measuredMs: number): Phase {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) => {
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  };
  const answered = sorted.length;
  const perSecond = answered / (measuredMs / 1000);
  return { answered, perSecond, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

// The job was made by bin/bench/measure.ts, which is of the same commit.
const job = JSON.parse(process.argv[2] ?? "null") as Job;
const load = new Load(job);
process.stdin.resume().on("end", () => load.stop());
process.stdout.write(`${JSON.stringify(await load.run())}\n`);
process.stdin.destroy();
