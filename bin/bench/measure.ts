// Runs loads in a process of their own, and takes medians. What is compared is measured in turn, A B
// A B, in one run: on a shared machine only such a ratio means anything.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Job, Result } from "./load.ts";

export type Options = {
  /** Measured time of one load; each is preceded by a warm-up of a third of it. */
  readonly seconds: number;
  /** How often each side of a comparison is measured. */
  readonly rounds: number;
  /** Promises stored before the growth scenario begins. */
  readonly stored: number;
  /** Promises that fall due in one second. */
  readonly due: number;
};

export const connections = 64;

/**
 * One load, to its end. Fails if the server answered anything but success.
 *
 * @param until ends it before its time
 */
export async function load(job: Job, until?: Promise<unknown>): Promise<Result> {
  const args = [join(import.meta.dirname, "load.ts"), JSON.stringify(job)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = until?.finally(() => child.stdin.end());
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit"), ended]);
  if (code !== 0) throw new Error(`the load generator ended with ${code}`);
  const result = JSON.parse(output) as Result; // written by load.ts, of the same commit
  if (result.errors > 0) throw new Error(`${result.errors} answers were no success`);
  return result;
}

export type Side = Pick<Job, "plan"> & {
  /** Of one server, or of several that share the load. */
  readonly port: number | readonly number[];
  /** HTTP, if nothing is said. */
  readonly protocol?: Job["protocol"];
  /** `connections`, if nothing is said. */
  readonly lanes?: number;
  readonly rate?: number;
  readonly splitAt?: number;
};

export function job(
  { port, protocol = "http", plan, lanes = connections, rate, splitAt }: Side,
  { seconds }: Options,
): Job {
  const durationMs = seconds * 1000;
  const counts = { warmUpMs: durationMs / 3, durationMs, countMax: Number.MAX_SAFE_INTEGER };
  return {
    ports: [port].flat(),
    protocol,
    plan,
    connections: lanes,
    ...counts,
    rate: rate ?? null,
    splitAt: splitAt ?? null,
  };
}

/** @param side makes the side of a round; ids must differ from round to round */
export async function compare(
  sides: readonly ((round: number) => Side)[],
  options: Options,
): Promise<readonly (readonly Result[])[]> {
  const results = sides.map((): Result[] => []);
  for (let round = 0; round < options.rounds; round++) {
    for (const [index, side] of sides.entries()) {
      results[index]?.push(await load(job(side(round), options)));
    }
  }
  return results;
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[sorted.length - 1 - middle],
    sorted[middle],
  ];
  return (low + high) / 2;
}
