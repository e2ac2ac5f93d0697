// Choices drawn anew, for a plan that is to become smaller and fails only if many delays fall just so.
// When requests are taken away, those that are left meet other delays; if the fault is in the code,
// and not in the delays, other draws will show it as well.

import type { Choices } from "./choice.ts";
import { isFault, parseName } from "./choice-name.ts";
import { faultNames, million } from "./faults.ts";
import type { Plan } from "./plan.ts";
import { Prng } from "./prng.ts";

/** One of so many occasions, for a fault that is on. Arbitrary: a small world has few. */
const rarities = [2, 8, 32];
/** The longest that anything takes, ms. Arbitrary. */
const amountMax = 20_000;

export type Draw = {
  readonly plan: Plan;
  /** Another number, other draws. */
  readonly number: number;
  /** Sites of the faults that are known to have struck; every other draw keeps to these. */
  readonly likely: readonly string[];
};

/** Draws whatever it is asked for, and the same again for the same plan and number. */
export class Redrawn extends Map<string, number> implements Choices {
  readonly #prng: Prng;
  readonly #delayMax: number;
  /** Of the faults that strike in this run, how seldom. */
  readonly #rarities: ReadonlyMap<string, number>;

  constructor({ plan: { seed, delayMax }, number, likely }: Draw) {
    super();
    this.#prng = new Prng(`${seed}/redraw/${number}`);
    this.#delayMax = delayMax;
    const isNarrow = number % 2 === 0 && likely.length > 0;
    const on = (isNarrow ? likely : faultNames).filter(() => this.#prng.chance(isNarrow ? 75 : 50));
    this.#rarities = new Map(on.map((name) => [name, this.#prng.pick(rarities)]));
  }

  override get(name: string): number | undefined {
    const { site } = parseName(name);
    if (isFault(site)) return this.#strike(site);
    switch (this.#prng.below(3)) {
      case 0:
        return undefined;
      case 1:
        return this.#prng.below(this.#delayMax + 1);
      default:
        return this.#prng.logUniform(1, amountMax); // beyond what there is to choose from it is 0
    }
  }

  /** The greatest choice strikes however seldom the plan says (fate.ts). */
  #strike(site: string): number | undefined {
    const rarity = this.#rarities.get(site);
    return rarity !== undefined && this.#prng.below(rarity) === 0 ? million - 1 : undefined;
  }
}
