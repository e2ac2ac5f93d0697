// Runs one plan once, and says what came of it in a way that fits into a message. The simulation throws
// nothing; if it does, or if it trips a wire, that is a failure like any other.

import type { Choices, Chooser } from "../../dst/choice.ts";
import type { Plan } from "../../dst/plan.ts";
import type { TraceRecord } from "../../dst/trace.ts";
import type { Failure, Outcome } from "../../dst/verdict.ts";
import type { Probe } from "../../store/probe.ts";
import { throughCodecs } from "./codec.ts";
import { type Lab, Stores } from "./lab.ts";
import { guarded, type Trip } from "./tripwires.ts";

export type Examined = {
  readonly outcome: Outcome;
  /** Ms that it took on this machine. */
  readonly wallMs: number;
};

export type Examination = {
  readonly hasTripwires: boolean;
  readonly choices?: Choices;
  /** Chooses in place of `choices`. */
  readonly chooser?: Chooser;
  readonly onRecord?: (record: TraceRecord) => void;
  readonly onChoices?: (choices: Choices) => void;
};

export function examine(lab: Lab, plan: Plan, examination: Examination): Examined {
  const { hasTripwires, choices = null, onRecord = null, onChoices = null } = examination;
  const stores = new Stores(plan.store);
  const openStore = (probe: Probe) => stores.open(probe);
  const aim = examination.chooser === undefined ? {} : { chooser: examination.chooser };
  const run = () => {
    try {
      return lab.simulate(plan, {
        ...{ openStore, choices, onRecord, onChoices, codec: throughCodecs, ...aim },
      });
    } catch (error) {
      return empty(plan, thrown(error));
    }
  };
  const startedAt = performance.now();
  try {
    const { result, trips } = hasTripwires ? guarded(run) : { result: run(), trips: [] };
    const wallMs = performance.now() - startedAt;
    const [first] = trips;
    if (first === undefined) return { outcome: result, wallMs };
    return { outcome: { ...result, failure: tripped(first, result) }, wallMs };
  } finally {
    stores.close();
  }
}

/** A difference between two runs of one seed, as a failure. */
export function differs(first: Outcome, second: Outcome, how: string): Failure | null {
  if (first.trace === second.trace) return null;
  return {
    ...blank(first),
    ...{ class: "determinism", oracle: "H", rule: "trace" },
    message: `the run is another one ${how}`,
    expected: first.trace,
    actual: second.trace,
  };
}

function tripped({ what, stack }: Trip, outcome: Outcome): Failure {
  return {
    ...blank(outcome),
    ...{ class: "determinism", oracle: "H", rule: "tripwire" },
    message: `the run used ${what}`,
    actual: stack,
  };
}

function thrown(error: unknown): Failure {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    ...blank(null),
    ...{ class: "crash", oracle: "A", rule: "harness" },
    message: `the simulation itself threw: ${text.split("\n")[0]}`,
    actual: text,
  };
}

function blank(outcome: Outcome | null) {
  return {
    ...{ expected: null, actual: null, ids: [], intent: null },
    ...{ at: outcome?.simulatedMs ?? 0, record: outcome?.records ?? 0 },
  };
}

function empty({ seed }: Plan, failure: Failure): Outcome {
  return {
    ...{ seed, failure, trace: "0".repeat(16), records: 0, checkpoints: [] },
    ...{ operations: 0, simulatedMs: 0, faults: 0, pending: 0, unresolved: 0, isWeak: false },
    ...{ search: null, counters: new Map(), sometimes: new Set() },
  };
}
