// A lab in which little happens, and something goes wrong with those seeds that it is told. As a module
// it takes them from its own address: fake-lab.ts?fail=<seed>,<seed>&exit=<seed>.

import type { Lab } from "../../bin/dst/lab.ts";
import { type Choices, Drawing, Recording, Replaying } from "../../dst/choice.ts";
import { draw } from "../../dst/draw.ts";
import type { Intent, Plan } from "../../dst/plan.ts";
import type { Simulate } from "../../dst/run.ts";
import { TraceHash, type TraceRecord } from "../../dst/trace.ts";
import type { Failure, FailureClass, OracleCode, Outcome } from "../../dst/verdict.ts";

export type Mishap =
  /** A rule is broken, if promise and choice allow it. */
  | "fail"
  | "stall"
  /** Does not even fail when the model lies. */
  | "silent"
  | "weak"
  | "undecided"
  /** Something else each time. */
  | "waver"
  /** Not the same on SQLite. */
  | "differ"
  | "clock"
  /** Ends the process before anything begins. */
  | "refuse"
  | "throw"
  | "exit"
  | "hang";
export type Mishaps = Partial<Record<Mishap, readonly string[]>>;

const findings: Partial<Record<Mishap, readonly [FailureClass, OracleCode, string]>> = {
  fail: ["safety", "W", "answer"],
  stall: ["liveness", "V", "due"],
};

/** Nothing in a real lab may count like this. */
const wavering = { count: 0 };

export function fakeLab(mishaps: Mishaps = {}): Lab {
  return {
    simulate: simulation(mishaps),
    draw,
    sometimes: new Map([
      ["seldom", 1000],
      ["often", 200],
    ]),
  };
}

function simulation(mishaps: Mishaps): Simulate {
  return (plan, { choices, onChoices, onRecord }) => {
    const has = (mishap: Mishap) => mishaps[mishap]?.includes(plan.seed) ?? false;
    if (has("throw")) throw new Error("as it was told");
    if (has("exit")) process.exit(9);
    while (has("hang"));
    if (has("clock")) Date.now();
    if (has("waver")) wavering.count += 1;
    const differing = plan.store === "sqlite" && (has("differ") || plan.faults.probe > 0);
    const shift = has("waver") ? wavering.count : Number(differing);
    const kind = (["fail", "stall"] as const).find(has);
    const ran = walk(plan, { choices, onRecord, shift });
    onChoices?.(ran.choices);
    const finding = plan.isCanary && !has("silent") ? findings.fail : kind && findings[kind];
    return {
      ...ran.outcome,
      failure: finding === undefined ? null : failure(plan, finding),
      isWeak: has("weak"),
      search: has("undecided") ? { verdict: "unknown", steps: 48_000 } : null,
    };
  };
}

type Walk = {
  readonly choices: Choices | null;
  readonly onRecord: ((record: TraceRecord) => void) | null;
  readonly shift: number;
};

/** A record for each intent; the shift shows from the middle on. */
function walk(plan: Plan, { choices, onRecord, shift }: Walk) {
  const chooser = new Recording(choices === null ? new Drawing(plan.seed) : new Replaying(choices));
  const hash = new TraceHash();
  for (const [index, intent] of plan.intents.entries()) {
    const choice = chooser.choose("order", "turn", intent.key, 4);
    const seen = index < plan.intents.length / 2 ? choice : choice + shift;
    hash.word(seen);
    hash.end();
    onRecord?.(record(intent, seen));
  }
  const outcome: Omit<Outcome, "failure" | "isWeak" | "search"> = {
    ...{ seed: plan.seed, trace: hash.digest, records: hash.records },
    ...{ checkpoints: hash.checkpoints, operations: plan.intents.length },
    ...{ simulatedMs: plan.healAt, faults: 3, pending: 2, unresolved: 1 },
    counters: new Map([["intents", plan.intents.length]]),
    sometimes: new Set(["often"]),
  };
  return { outcome, choices: chooser.choices };
}

function record({ at, client, key, action }: Intent, choice: number): TraceRecord {
  return {
    ...{ at, actor: `client ${client}`, kind: "call", entity: `operation ${key}` },
    ...{ text: `${action.kind} ${choice}`, ids: [] },
  };
}

function failure(
  plan: Plan,
  [failureClass, oracle, rule]: readonly [FailureClass, OracleCode, string],
): Failure {
  const [first] = plan.intents;
  return {
    ...{ class: failureClass, oracle, rule, message: "the answer is another one" },
    ...{ expected: "200", actual: "404", ids: ["one"], intent: first?.key ?? null },
    ...{ at: first?.at ?? 0, record: 0 },
  };
}

const told = new URL(import.meta.url).searchParams;
if (told.has("refuse")) process.exit(6);

export const lab: Lab = fakeLab(
  Object.fromEntries([...told].map(([mishap, seeds]) => [mishap, seeds.split(",")])),
);
