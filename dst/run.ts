// The door of the simulation: what bin/ calls.

import type { Store } from "../store/store.ts";
import type { Choices } from "./choice.ts";
import type { Plan } from "./plan.ts";
import type { TraceRecord } from "./trace.ts";
import type { Outcome } from "./verdict.ts";

export type Tools = {
  /** A new, empty store; called once. */
  readonly openStore: () => Store;
  /** Told every record, in order; null: none is made, only hashed. */
  readonly onRecord: ((record: TraceRecord) => void) | null;
  /** What to choose; null: drawn from the plan's seed. */
  readonly choices: Choices | null;
  /** Told once at the end what was chosen; null: nobody wants to know. */
  readonly onChoices: ((choices: Choices) => void) | null;
};

/** Runs a plan to its end, or to the first rule that is broken. Throws nothing. */
export type Simulate = (plan: Plan, tools: Tools) => Outcome;
