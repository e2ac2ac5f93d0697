// The one line that a run leaves behind, for people and for machines, and how figures are written.

import { createHash } from "node:crypto";
import type { Plan, Policy } from "../../dst/plan.ts";
import { exitCodes, type Failure, type FailureClass, type Outcome } from "../../dst/verdict.ts";
import type { ExitCode } from "../command.ts";

/** In the order in which they count, the worst first (simulation.md §6). */
const worstFirst: readonly FailureClass[] = [
  "crash",
  "safety",
  "determinism",
  "liveness",
  "inconclusive",
];

/** @returns the exit code of the worst class; 0 if there is none */
export function worst(classes: Iterable<FailureClass>): ExitCode {
  const all = new Set(classes);
  const found = worstFirst.find((each) => all.has(each));
  return found === undefined ? 0 : exitCodes[found];
}

/** @param codes none of them 2 */
export function worstCode(codes: readonly ExitCode[]): ExitCode {
  return worst(worstFirst.filter((each) => codes.includes(exitCodes[each])));
}

/** Of a single run: one that proves little is no pass. */
export function codeOf({ failure, search, isWeak }: Outcome): ExitCode {
  if (failure !== null) return worst([failure.class]);
  return isWeak || search?.verdict === "unknown" ? worst(["inconclusive"]) : 0;
}

export type Told = {
  readonly plan: Plan;
  readonly outcome: Outcome;
  readonly wallMs: number;
  /** Short; "unknown" without a checkout. */
  readonly commit: string;
  /** How many sometimes-assertions there are. */
  readonly sometimes: number;
};

type Figures = Readonly<Record<string, string | number | boolean>>;

export function fieldsOf({ plan, outcome, wallMs, commit, sometimes }: Told): Figures {
  const { failure, search } = outcome;
  return {
    seed: `0x${outcome.seed}`,
    ...{ commit, config: configHash(plan), trace: outcome.trace, store: plan.store },
    ...{ nodes: plan.nodes, policy: policyName(plan.policy), ops: outcome.operations },
    ...{ sim: clock(outcome.simulatedMs), faults: outcome.faults },
    ...{ pending: outcome.pending, unresolved: outcome.unresolved },
    weak: outcome.isWeak ? "yes" : "no",
    witness: failure === null ? "ok" : failure.oracle === "W" ? "illegal" : "cut",
    wgl: search === null ? "-" : `${search.verdict}/${shortCount(search.steps)}`,
    sometimes: `${outcome.sometimes.size}/${sometimes}`,
    wall: `${Math.round(wallMs)}ms`,
  };
}

/** `PASS seed=0x… …`, without a line end. */
export function resultLine(told: Told): string {
  const { failure } = told.outcome;
  const verdict = failure === null ? "PASS" : "FAIL";
  const fields = Object.entries({ ...(failure === null ? {} : found(failure)), ...fieldsOf(told) });
  return [verdict, ...fields.map(([key, value]) => `${key}=${quoted(`${value}`)}`)].join(" ");
}

function quoted(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

/** The same as an object; figures are numbers in it. */
export function resultJson(told: Told): string {
  const { outcome, plan, wallMs } = told;
  const { failure, search, operations, simulatedMs } = outcome;
  return JSON.stringify({
    verdict: failure === null ? "pass" : "fail",
    ...fieldsOf(told),
    ...{ ops: operations, sim: simulatedMs, weak: outcome.isWeak, wall: Math.round(wallMs) },
    ...{ wgl: search, sometimes: outcome.sometimes.size, limits: plan.limits, failure },
  });
}

function found({ class: failureClass, oracle, rule }: Failure): Figures {
  return { class: failureClass, oracle, rule };
}

/** Six hex digits for all that was resolved but the seed and what the clients mean to do. */
function configHash({ seed: _seed, intents: _intents, ...config }: Plan): string {
  return createHash("sha256").update(JSON.stringify(config)).digest("hex").slice(0, 6);
}

export function policyName(policy: Policy): string {
  return policy.kind === "pct" ? `pct${policy.depth}` : policy.kind;
}

/** Hours, minutes, seconds; more than a hundred hours take more digits. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** 12873 -> 13k, 14200000 -> 14.2M */
export function shortCount(count: number): string {
  const units = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const;
  const [size, unit] = units.find(([least]) => count >= least) ?? [1, ""];
  const scaled = count / size;
  const digits = unit === "" || unit === "k" || scaled >= 100 ? 0 : 1;
  return `${scaled.toFixed(digits)}${unit}`;
}

/** Simulated time in the largest unit that leaves something before the point. */
export function span(ms: number): string {
  const units = [
    [365 * 86_400_000, "y"],
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
  ] as const;
  const [size, unit] = units.find(([least]) => ms >= least) ?? [1000, "s"];
  return `${(ms / size).toFixed(1)} ${unit}`;
}
