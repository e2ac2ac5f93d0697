// What an operator may choose about tasks and messages, as far as a seed chooses it (kernel/rules.ts).

import { type Rules, usualRules } from "../kernel/rules.ts";
import type { Prng } from "./prng.ts";

/** The same for all nodes: servers on one store are asked to agree. */
export type DrawnRules = Pick<
  Rules,
  "retryMs" | "patienceMs" | "retentionMs" | "awaitsAny" | "preloadMax" | "isStrict"
>;

const { retryMs, patienceMs, retentionMs, awaitsAny } = usualRules;
/** Preload is off here, as in what was written before there was any (replay.ts, R3). */
export const plainRules: DrawnRules = {
  ...{ retryMs, patienceMs, retentionMs, awaitsAny, preloadMax: 0, isStrict: false },
};

/**
 * The most often that anything is offered or told again for want of an answer. Arbitrary: a world that
 * is silent for hours would do little else.
 */
const roundsMax = 10;

/** @param healAt how long the world lasts, ms */
export function drawRules(prng: Prng, healAt: number): DrawnRules {
  const isUsual = prng.chance(40);
  const drawn = {
    ...plainRules,
    retryMs: prng.logUniform(1000, 120_000),
    patienceMs: prng.logUniform(1000, 240_000),
    retentionMs: prng.logUniform(1000, 600_000),
    awaitsAny: prng.chance(15),
  };
  const rules = isUsual ? plainRules : drawn;
  const preloadMax = prng.pick([0, 1, 2, usualRules.preloadMax]);
  const least = Math.ceil(healAt / roundsMax);
  return {
    ...rules,
    preloadMax,
    isStrict: prng.chance(8),
    retryMs: Math.max(rules.retryMs, least),
    patienceMs: Math.max(rules.patienceMs, least),
  };
}
