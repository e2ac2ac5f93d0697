// A thousand streams of workers: what they cost when they are open, and how fast all of them are told
// of one settlement. The reference is the same stack writing the same frames with nothing behind it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "./measure.ts";
import { type Scenario, withServers } from "./scenario.ts";
import { metric } from "./servers.ts";

/** What listeners.ts is told, and what it says: a line once all are open, and one at the end. */
export type ListenersJob = {
  readonly port: number;
  readonly count: number;
  readonly rounds: number;
};
export type Opened = { readonly openMs: number };
/** From the settlement to the last of them, for each round. */
export type Fanned = { readonly fanOutMs: readonly number[] };

const count = 1_000;
const roundsEach = 3;
const restMs = 500; // arbitrary: for garbage of the start to go

export const streams: Scenario = async (folder, options) => {
  return await withServers(join(folder, "streams.db"), async (ours, ceiling) => {
    await sleep(restMs);
    const before = await metric(ours, "process_resident_memory_bytes");
    let after = before;
    const rounds = options.rounds * roundsEach;
    const mine = await fanOut({ port: ours.port, count, rounds }, async () => {
      await sleep(restMs);
      after = await metric(ours, "process_resident_memory_bytes");
    });
    const top = await fanOut({ port: ceiling.port, count, rounds }, async () => {});
    const fanOutMs = median(mine.fanOutMs);
    const ceilingFanOutMs = median(top.fanOutMs);
    const figures = {
      ...{ streams: count, openMs: mine.openMs, ceilingOpenMs: top.openMs },
      ...{ kibPerStream: (after - before) / 1024 / count, fanOutMs, ceilingFanOutMs },
      perSecond: count / (fanOutMs / 1000),
    };
    return [{ name: "streams", ratio: ceilingFanOutMs / fanOutMs, goal: null, figures }];
  });
};

/** In a process that ends with it. */
export async function fanOut(
  job: ListenersJob,
  whenOpen: () => Promise<void>,
): Promise<Opened & Fanned> {
  const args = [join(import.meta.dirname, "listeners.ts"), JSON.stringify(job)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("the listeners have ended");
      return JSON.parse(value);
    };
    const opened = (await next()) as Opened; // both written by listeners.ts, of the same commit
    await whenOpen();
    child.stdin.write("go\n");
    return { ...opened, ...((await next()) as Fanned) };
  } finally {
    await stop(child);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
