// What a run has shown.

import type { Seed } from "./seed.ts";

/** The exit codes of `resonate dst` (simulation.md §6). */
export const exitCodes = {
  pass: 0,
  safety: 1,
  usage: 2,
  liveness: 3,
  determinism: 4,
  crash: 5,
  inconclusive: 6,
} as const;

export type FailureClass = Exclude<keyof typeof exitCodes, "pass" | "usage">;

/** Who found it (simulation.md §5): W witness, G search for an order, S T F C M V B X H as there;
 *  A: an assertion or exception of the code that is tested. */
export type OracleCode = "W" | "G" | "S" | "T" | "F" | "C" | "M" | "V" | "B" | "X" | "H" | "A";

export type Failure = {
  readonly class: FailureClass;
  readonly oracle: OracleCode;
  /** Names the rule within the oracle, such as "answer"; stays the same while a run shrinks. */
  readonly rule: string;
  /** One sentence. */
  readonly message: string;
  /** What the model says and what was seen, as canonical text; null where it makes no sense. */
  readonly expected: string | null;
  readonly actual: string | null;
  /** The ids of the promises it is about; empty: of none. */
  readonly ids: readonly string[];
  /** The key of the intent whose operation failed; null: none in particular. */
  readonly intent: number | null;
  /** World time, ms since the start. */
  readonly at: number;
  /** How many trace records there were before. */
  readonly record: number;
};

/** Thrown by an oracle, caught by the world. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly oracle: OracleCode;
  readonly rule: string;
  readonly detail: ViolationDetail;

  constructor(oracle: OracleCode, rule: string, message: string, detail: ViolationDetail = {}) {
    super(message);
    this.oracle = oracle;
    this.rule = rule;
    this.detail = detail;
  }
}

/** The code that is tested, or the simulation itself, broke an assertion or threw. */
export class Crash extends Error {
  override readonly name = "Crash";
  readonly where: "kernel" | "store";

  constructor(where: Crash["where"], cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.where = where;
  }
}

export type ViolationDetail = {
  readonly expected?: string;
  readonly actual?: string;
  readonly ids?: readonly string[];
  readonly intent?: number;
};

export type Search = { readonly verdict: "ok" | "illegal" | "unknown"; readonly steps: number };

export type Outcome = {
  readonly seed: Seed;
  readonly failure: Failure | null;
  /** 16 hex digits. */
  readonly trace: string;
  readonly records: number;
  /** One hash for every thousand records, to find the first difference of two runs. */
  readonly checkpoints: readonly string[];
  /** Requests that reached a node. */
  readonly operations: number;
  readonly simulatedMs: number;
  readonly faults: number;
  /** Operations whose client never heard what became of them. */
  readonly pending: number;
  /** Of those, the ones of which even the log cannot tell. */
  readonly unresolved: number;
  /** More than a fifth is pending: the run proves little. */
  readonly isWeak: boolean;
  readonly search: Search | null;
  /** Counted by name: faults, crash labels, probe sites, policies, answers (coverage.ts). */
  readonly counters: ReadonlyMap<string, number>;
  /** Names of the sometimes-assertions that held. */
  readonly sometimes: ReadonlySet<string>;
};
