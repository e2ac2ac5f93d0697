// Where a process can be killed (simulation.md §3): around each submission, and at both ends of its
// life. Recovery has no code of its own, so the same labels during the first sweep are crashes in
// recovery.

import type { Submission } from "../kernel/ports.ts";

const kinds = [
  "load",
  "commit",
  "query",
  "list",
  "log",
  "due",
  "send",
  "waiting",
] as const satisfies Submission["kind"][];
const moments = [
  /** No effect yet. */
  "submitted",
  /** The snapshot is taken; the commit is written. */
  "done",
  /** The completion is in the queue. */
  "completed",
  /** The kernel has taken it, and all that it did then is lost. */
  "consumed",
] as const;

export type Moment = (typeof moments)[number];
export type CrashPoint =
  | `${Submission["kind"]}.${Moment}`
  /** Between done and completed. */
  | "commit.durable"
  /** Before the first sweep. */
  | "boot"
  /** While a server that was told to stop finishes what it accepted. */
  | "stop";

export const crashPoints: readonly CrashPoint[] = [
  ...kinds.flatMap((kind) => moments.map((moment) => `${kind}.${moment}` as const)),
  "commit.durable",
  "boot",
  "stop",
];
