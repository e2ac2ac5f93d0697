// What a command line came to, and what a seed made of it: printed before anything runs, so that a
// result says by itself what it is a result of.

import type { Plan } from "../../dst/plan.ts";
import { dashed } from "./flags.ts";
import { policyName } from "./line.ts";

export function resolved(values: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(values).map(([name, value]) => `${dashed(name)}=${shown(value)}`);
  return `options: ${given.join(" ")}\n`;
}

export function planText(plan: Plan): string {
  const faults = Object.entries(plan.faults).filter(([, rate]) => rate > 0);
  return [
    `plan: nodes=${plan.nodes} clients=${plan.clients} policy=${policyName(plan.policy)} intents=${plan.intents.length} delay-max=${plan.delayMax}ms heal-at=${plan.healAt}ms searched=${plan.isSearched} canary=${plan.isCanary}`,
    `limits: ${pairs(Object.entries(plan.limits))}`,
    `rules: ${Object.entries(plan.rules)
      .map(([name, value]) => `${name}=${value}`)
      .join(" ")}`,
    `faults, of a million: ${faults.length === 0 ? "none" : pairs(faults)}`,
    "",
  ].join("\n");
}

function pairs(entries: readonly (readonly [string, number])[]): string {
  return entries.map(([name, value]) => `${name}=${value}`).join(" ");
}

function shown(value: unknown): string {
  if (value === null) return "-";
  if (Array.isArray(value)) return value.join(",");
  if (typeof value !== "object") return String(value);
  const members = Object.entries(value).map(([name, member]) => `${name}=${shown(member)}`);
  return members.length === 0 ? "-" : members.join(",");
}
