// What the benchmark sends is what it says: every request of a plan succeeds and leaves behind what
// the plan means, at a server as at the ceiling; streams are opened and told; functions run.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callsOf, Sdk } from "../../bin/bench/functions.ts";
import { load } from "../../bin/bench/measure.ts";
import type { Plan } from "../../bin/bench/requests.ts";
import { type Server, serveCeiling } from "../../bin/bench/servers.ts";
import { fanOut } from "../../bin/bench/streams.ts";
import { said } from "./said.ts";
import { directory, ServerProcess } from "./server-process.ts";

let place: ReturnType<typeof directory>;
let server: ServerProcess;
let ceiling: Server;
beforeAll(async () => {
  place = directory();
  [server, ceiling] = await Promise.all([
    ServerProcess.start({ args: ["dev"], cwd: place.path, lifeMs: 60_000 }),
    serveCeiling(),
  ]);
});
afterAll(async () => {
  await Promise.all([server[Symbol.asyncDispose](), ceiling.stop()]);
  place[Symbol.dispose]();
});

const portOf = ({ url }: ServerProcess) => Number(new URL(url).port);

/** @returns how many requests were answered; all with success, or this fails */
async function sent(plan: Plan, port: number): Promise<number> {
  const times = { warmUpMs: 0, durationMs: 5_000, countMax: 30, rate: null, splitAt: null };
  const { answered } = await load({
    ports: [port],
    protocol: "http",
    connections: 3,
    plan,
    ...times,
  });
  return answered;
}

async function found(...words: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const { stdout } = await said([...words, "--json"], { RESONATE_URL: server.url });
  const { promises, tasks } = JSON.parse(stdout);
  return promises ?? tasks;
}

describe("the requests of a plan", () => {
  const plans: readonly Plan[] = [
    { kind: "create", prefix: "c-" },
    { kind: "create_resolve", prefix: "r-" },
    { kind: "get", prefix: "c-", stored: 30 },
    { kind: "search", query: "q=c-*&limit=10" },
    { kind: "due", prefix: "d-", timeoutAt: 2_524_608_000_000 },
    { kind: "envelope_create", prefix: "e-" },
    { kind: "fence", prefix: "f-" },
    { kind: "task", prefix: "t-" },
  ];

  test.each(plans)("succeed: $kind", async (plan) => {
    expect(await sent(plan, portOf(server))).toBe(30);
  });

  test.each(plans)("succeed at the ceiling: $kind", async (plan) => {
    expect(await sent(plan, ceiling.port)).toBe(30);
  });

  test("create promises through the envelope, no id twice", async () => {
    expect(await found("promises", "search", "--prefix", "e-")).toHaveLength(30);
  });

  test("hold a task for each connection, and create under its fence", async () => {
    const tasks = await found("tasks", "search", "--prefix", "f-", "--state", "acquired");
    expect(tasks.map(({ id }) => id)).toEqual(["f-0", "f-1", "f-2"]);
    const steps = await found(
      "promises",
      "search",
      "--prefix",
      "f-",
      "--tag",
      "resonate:scope=local",
    );
    expect(steps).toHaveLength(27);
  });

  test("fulfil each task that is created and taken", async () => {
    const tasks = await found("tasks", "search", "--prefix", "t-", "--state", "fulfilled");
    expect(tasks.length).toBeGreaterThanOrEqual(8);
    expect(tasks.every(({ version }) => version === 1)).toBe(true);
  });
});

describe("streams", () => {
  test.each(["server", "ceiling"])("are opened, and all are told: %s", async (whose) => {
    const port = whose === "server" ? portOf(server) : ceiling.port;
    let isOpen = false;
    const { openMs, fanOutMs } = await fanOut({ port, count: 20, rounds: 2 }, async () => {
      isOpen = true;
    });
    expect(isOpen).toBe(true);
    expect(openMs).toBeGreaterThan(0);
    expect(fanOutMs).toHaveLength(2);
  });
});

test("functions are called, and run on workers in other processes", async () => {
  const worker = new Sdk({ kind: "worker", url: server.url, pid: "worker" });
  try {
    expect(await worker.line()).toBe("ready");
    const times = { callers: 4, warmUpMs: 0, durationMs: 500 };
    const { answered } = await callsOf({ url: server.url, prefix: "call-", ...times });
    const resolved = ["--prefix", "call-", "--state", "resolved", "--limit", "1000"];
    const calls = await found("promises", "search", ...resolved);
    expect(calls.length).toBeGreaterThanOrEqual(2 * times.callers); // each calls once, with a step
    expect(calls.length).toBeGreaterThanOrEqual(2 * answered);
  } finally {
    await worker.stop();
  }
});
