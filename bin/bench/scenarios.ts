// What is measured. A scenario is a comparison: ours against a reference, in turn, in one run. Its
// ratio is the figure to quote; the absolute numbers beside it do not travel between machines.

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deadlineMs } from "../../kernel/ids.ts";
import { functions } from "./functions.ts";
import { compare, job, load, median, type Side } from "./measure.ts";
import type { Plan } from "./requests.ts";
import {
  never,
  p99Ms,
  perSecond,
  type Scenario,
  stored,
  throughput,
  withServers,
} from "./scenario.ts";
import { seed } from "./seed.ts";
import { metric, type Server, serve } from "./servers.ts";
import { streams } from "./streams.ts";

/** Requests per second over gRPC, on as many streams, against HTTP. */
function rpcThroughput(name: string, plan: (prefix: string) => Plan): Scenario {
  return async (folder, options) => {
    const file = join(folder, `${name}.db`);
    seed({ file, prefix: "stored-", count: stored, timeoutAt: never });
    const server = await serve(file);
    try {
      const { port, rpcPort } = server;
      const overRpc = (round: number): Side => {
        return { port: rpcPort, protocol: "grpc", plan: plan(`g${round}-`) };
      };
      const overHttp = (round: number): Side => ({ port, plan: plan(`h${round}-`) });
      const [mine = [], other = []] = await compare([overRpc, overHttp], options);
      const figures = {
        perSecond: perSecond(mine),
        httpPerSecond: perSecond(other),
        p99Ms: p99Ms(mine),
      };
      return [{ name, ratio: figures.perSecond / figures.httpPerSecond, goal: null, figures }];
    } finally {
      await server.stop();
    }
  };
}

/** Latency of creates, open loop, at half their maximum rate; the ceiling at that same rate. */
const latency: Scenario = async (folder, options) => {
  return await withServers(join(folder, "latency.db"), async (ours, ceiling) => {
    const plan = (prefix: string): Plan => ({ kind: "create", prefix });
    const fastest = await load(job({ port: ours.port, plan: plan("max-") }, options));
    const rate = fastest.perSecond / 2;
    const side =
      ({ port }: Server) =>
      (round: number): Side => ({ port, plan: plan(`half-${round}-`), rate });
    const [mine = [], top = []] = await compare([side(ours), side(ceiling)], options);
    const figures = { rate, p99Ms: p99Ms(mine), ceilingP99Ms: p99Ms(top) };
    const p50Ms = median(mine.map((result) => result.p50Ms));
    const ratio = figures.p99Ms / figures.ceilingP99Ms;
    return [{ name: "latency", ratio, goal: { atMost: 4 }, figures: { ...figures, p50Ms } }];
  });
};

/** Create and resolve with many promises stored, against an empty store. */
const growth: Scenario = async (folder, options) => {
  const file = join(folder, "growth-full.db");
  seed({ file, prefix: "stored-", count: options.stored, timeoutAt: never });
  const [full, empty] = await Promise.all([serve(file), serve(join(folder, "growth-empty.db"))]);
  try {
    const plan = (round: number): Plan => ({ kind: "create_resolve", prefix: `growth-${round}-` });
    const side =
      ({ port }: Server) =>
      (round: number): Side => ({ port, plan: plan(round) });
    const [mine = [], other = []] = await compare([side(full), side(empty)], options);
    const figures = {
      stored: options.stored,
      perSecond: perSecond(mine),
      emptyPerSecond: perSecond(other),
    };
    const ratio = figures.perSecond / figures.emptyPerSecond;
    return [{ name: "growth", ratio, goal: { atLeast: 0.9 }, figures }];
  } finally {
    await Promise.all([full.stop(), empty.stop()]);
  }
};

const sweepLeadMs = 15_000;
const sweepMaxMs = 120_000;
const settledCount = (server: Server) =>
  metric(server, "coroutines_total", 'type="timeout-promises"');

/** @returns when the last one was settled, ms since the epoch */
async function allSettled(server: Server, count: number, dueAt: number): Promise<number> {
  while ((await settledCount(server)) < count) {
    if (Date.now() > dueAt + sweepMaxMs) throw new Error("the sweep does not come to an end");
    await sleep(100);
  }
  return Date.now();
}

/** Creates at half their maximum rate, before and while many promises fall due in one second. */
const sweep: Scenario = async (folder, options) => {
  const file = join(folder, "sweep.db");
  const seedMs = options.due / 10; // at least 10,000 a second
  const dueAt = Date.now() + seedMs + sweepLeadMs + options.seconds * 4000;
  seed({ file, prefix: "due-", count: options.due, timeoutAt: deadlineMs(BigInt(dueAt)) });
  const server = await serve(file);
  try {
    const { port } = server;
    const plan = (prefix: string): Plan => ({ kind: "create", prefix });
    const fastest = await load(job({ port, plan: plan("max-") }, options));
    const rate = fastest.perSecond / 2;
    const settled = allSettled(server, options.due, dueAt);
    const side = { port, plan: plan("sweep-"), rate, splitAt: dueAt };
    const durationMs = dueAt - Date.now() + sweepMaxMs;
    const before = await load({ ...job(side, options), durationMs }, settled);
    const { after } = before;
    if (after === null || before.answered === 0) throw new Error("the sweep began too early");
    const figures = {
      ...{ due: options.due, sweepMs: (await settled) - dueAt, rate },
      ...{ p99BeforeMs: before.p99Ms, p99Ms: after.p99Ms, maxMs: after.maxMs },
    };
    const ratio = figures.p99Ms / figures.p99BeforeMs;
    return [{ name: "sweep", ratio, goal: { atMost: 3 }, figures }];
  } finally {
    await server.stop();
  }
};

/** What a server with promises, and nothing due, asks of its store. */
const idle: Scenario = async (folder, options) => {
  const file = join(folder, "idle.db");
  seed({ file, prefix: "stored-", count: stored, timeoutAt: never });
  const server = await serve(file);
  try {
    await sleep(500);
    const before = await metric(server, "aio_total_submissions");
    await sleep(options.seconds * 1000);
    const storeCalls = (await metric(server, "aio_total_submissions")) - before;
    const figures = { seconds: options.seconds, storeCalls, storeCallsAtStart: before };
    return [{ name: "idle", ratio: null, goal: null, figures }];
  } finally {
    await server.stop();
  }
};

export const scenarios: Readonly<Record<string, Scenario>> = {
  create: throughput("create", { atLeast: 0.6 }, (round) => ({
    kind: "create",
    prefix: `c${round}-`,
  })),
  get: throughput("get", { atLeast: 0.7 }, () => ({ kind: "get", prefix: "stored-", stored })),
  create_resolve: throughput("create_resolve", null, (round) => {
    return { kind: "create_resolve", prefix: `r${round}-` };
  }),
  search: throughput("search", null, () => ({ kind: "search", query: "q=stored-1*&limit=10" })),
  envelope_create: throughput("envelope_create", null, (round) => {
    return { kind: "envelope_create", prefix: `e${round}-` };
  }),
  fence: throughput("fence", null, (round) => ({ kind: "fence", prefix: `f${round}-` })),
  task: throughput("task", null, (round) => ({ kind: "task", prefix: `t${round}-` })),
  functions,
  streams,
  grpc_create: rpcThroughput("grpc_create", (prefix) => ({ kind: "create", prefix })),
  grpc_get: rpcThroughput("grpc_get", () => ({ kind: "get", prefix: "stored-", stored })),
  latency,
  growth,
  sweep,
  idle,
};
