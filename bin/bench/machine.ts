// Where the figures come from: the machine, the commit, and what a sync to disk costs here.

import { execFileSync } from "node:child_process";
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import { join } from "node:path";
import { median } from "./measure.ts";

export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly commit: string;
  /** Median and 99th percentile of 300 one-page writes with fdatasync in this folder. */
  readonly fsyncMs: number;
  readonly fsyncP99Ms: number;
};

const syncs = 300;
const pageBytes = 4096;

export function machine(folder: string): Machine {
  const synced = fsync(join(folder, "fsync"));
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    node: process.version,
    commit: commit(),
    fsyncMs: median(synced),
    fsyncP99Ms: synced.toSorted((a, b) => a - b)[Math.floor(syncs * 0.99)] ?? Number.NaN,
  };
}

function fsync(path: string): readonly number[] {
  const file = openSync(path, "w");
  const page = Buffer.alloc(pageBytes);
  const latencies = Array.from({ length: syncs }, (_, index) => {
    writeSync(file, page, 0, pageBytes, index * pageBytes);
    const start = performance.now();
    fdatasyncSync(file);
    return performance.now() - start;
  });
  closeSync(file);
  rmSync(path);
  return latencies;
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown"; // a copy without its history
  }
}
