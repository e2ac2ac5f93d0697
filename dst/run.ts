// The door of the simulation: what bin/ calls.

import type { Request } from "../kernel/command.ts";
import { instantMs } from "../kernel/ids.ts";
import type { Cron } from "../kernel/ports.ts";
import type { Probe } from "../store/probe.ts";
import type { Store } from "../store/store.ts";
import { type Choices, type Chooser, Drawing, Recording, Replaying } from "./choice.ts";
import { live } from "./ending.ts";
import { nextOf } from "./model/cron.ts";
import type { Plan } from "./plan.ts";
import { searchForOrder } from "./second-opinion.ts";
import type { TraceRecord } from "./trace.ts";
import { Crash, type Failure, type Outcome, type Search, Violation } from "./verdict.ts";
import { World } from "./world.ts";

export type Codec = (request: Request) => Request | null;

export type Tools = {
  /** A new, empty store that breaks where the probe says so; called once. */
  readonly openStore: (probe: Probe) => Store;
  /** Told every record, in order; null: none is made, only hashed. */
  readonly onRecord: ((record: TraceRecord) => void) | null;
  /** What to choose; null: drawn from the plan's seed. */
  readonly choices: Choices | null;
  /** Told once at the end what was chosen; null: nobody wants to know. */
  readonly onChoices: ((choices: Choices) => void) | null;
  /** Writes and reads a request as the API would; null where the API cannot say it. Pure. */
  readonly codec?: Codec;
  /** That of the server; by default the model's own, which then judges itself. */
  readonly cron?: Cron;
  /** Chooses in place of `choices`; for the systematic search. */
  readonly chooser?: Chooser;
};

/** As the port wants it. */
export const modelCron: Cron = {
  next: (rule, after) => {
    const next = nextOf(rule, after);
    return next.kind === "occurs" ? { kind: "occurs", at: instantMs(next.at) } : next;
  },
};

/** Runs a plan to its end, or to the first rule that is broken. Throws nothing. */
export type Simulate = (plan: Plan, tools: Tools) => Outcome;

export const simulate: Simulate = (plan, tools) => {
  const { openStore, onRecord, choices, onChoices, chooser, codec = () => null } = tools;
  const { cron = modelCron } = tools;
  const drawn = choices === null ? new Drawing(plan.seed) : new Replaying(choices);
  const source = chooser ?? drawn;
  const recording = onChoices === null ? null : new Recording(source);
  const world = new World({ plan, openStore, chooser: recording ?? source, onRecord, codec, cron });
  let search: Search | null = null;
  const failure = failureOf(world, () => {
    live(world);
    if (plan.isSearched) search = searchForOrder(world);
  });
  if (recording !== null) onChoices?.(recording.choices);
  return outcomeOf(world, failure, search);
};

function failureOf(world: World, work: () => void): Failure | null {
  try {
    work();
    return null;
  } catch (error) {
    const at = { at: world.queue.now, record: world.tracer.hash.records };
    if (error instanceof Violation) {
      const { oracle, rule, message, detail } = error;
      const { expected = null, actual = null, ids = [], intent = null } = detail;
      const isLate = oracle === "V" || rule === "hot";
      return {
        ...{ class: isLate ? "liveness" : "safety", oracle, rule, message },
        ...{ expected, actual, ids, intent, ...at },
      };
    }
    const where = error instanceof Crash ? error.where : "harness";
    const message = error instanceof Error ? error.message : String(error);
    return {
      ...{ class: "crash", oracle: "A", rule: `${where}: ${message}`, message },
      ...{ expected: null, actual: null, ids: [], intent: null, ...at },
    };
  }
}

function outcomeOf(world: World, failure: Failure | null, search: Search | null): Outcome {
  const { plan, tracer, sightings, operations, queue, faultCount } = world;
  const pending = operations.filter(({ ending }) => ending?.kind === "pending").length;
  return {
    seed: plan.seed,
    failure,
    trace: tracer.hash.digest,
    records: tracer.hash.records,
    checkpoints: tracer.hash.checkpoints,
    operations: operations.length,
    simulatedMs: queue.now,
    faults: faultCount,
    pending,
    unresolved: 0, // every write leaves an event today; a heartbeat will not
    isWeak: pending * 5 > operations.length,
    search,
    counters: sightings.counters,
    sometimes: sightings.seen,
  };
}
