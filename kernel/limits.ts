// Every bound of the kernel: default, unit, and the range from which a simulation draws it. One is
// always legal. The defaults of the first two are flags (promise-api.md §6.1).

import { assert } from "./assert.ts";

type Bound = {
  readonly usual: number;
  /** Inclusive. */
  readonly simulated: readonly [min: number, max: number];
};

export const bounds = {
  /** Requests that may wait for the kernel; the next one is turned away. */
  queueMax: { usual: 4096, simulated: [1, 64] },
  /** Commands in one batch, and so in one transaction. */
  batchMax: { usual: 1024, simulated: [1, 32] },
  /** Batches under way at once, on disjoint streams. SQLite has one writer, so one is enough. */
  batchesMax: { usual: 1, simulated: [1, 4] },
  /** Swept commands in a batch, if no client waits. Measured: see kernel/DESIGN.md. */
  sweepShareMax: { usual: 32, simulated: [1, 32] },
  /** Due streams asked for at once. */
  dueMax: { usual: 64, simulated: [1, 32] },
  /** Reads (searches, event histories) under way at once. Arbitrary. */
  readsMax: { usual: 16, simulated: [1, 8] },
  /** Executions of one command, the first included. Arbitrary. */
  attemptsMax: { usual: 16, simulated: [1, 4] },
  /** Occurrences of one schedule that are fired for one answer of a sweep (protocol.md §6). */
  firingsMax: { usual: 100, simulated: [1, 8] },
  /** Pause in ms before a failed sweep is tried again. Arbitrary: not hot, not felt. */
  sweepRetryMs: { usual: 1000, simulated: [1, 5000] },
  /** A page of a search or a log ends once it holds so many characters (promise-api.md §2). */
  pageWeightMax: { usual: 16 * 1024 * 1024, simulated: [1, 4096] },
} as const satisfies Readonly<Record<string, Bound>>;

export type Limits = Readonly<Record<keyof typeof bounds, number>>;

/** @throws AssertionError if a bound is below one or two of them do not fit together */
export function limits(chosen: Partial<Limits> = {}): Limits {
  const usual = Object.entries(bounds).map(([name, { usual }]) => [name, usual]);
  const all: Limits = { ...Object.fromEntries(usual), ...chosen };
  for (const [name, value] of Object.entries(all)) {
    assert(Number.isSafeInteger(value) && value >= 1, `the limit ${name} is ${value}`);
  }
  return { ...all, sweepShareMax: Math.min(all.sweepShareMax, all.batchMax) };
}
