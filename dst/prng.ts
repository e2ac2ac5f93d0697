// The only randomness of a simulation. Whole numbers all the way: no rounding, no favourites.

import seedrandom from "seedrandom";
import { assert } from "../kernel/assert.ts";

export class Prng {
  readonly #random: seedrandom.PRNG;

  constructor(seed: string) {
    this.#random = seedrandom(seed);
  }

  /** Uniform in 0 ... 2^32 - 1. */
  word(): number {
    return this.#random.int32() >>> 0;
  }

  /** Uniform in 0 ... bound - 1. */
  below(bound: number): number {
    assert(Number.isSafeInteger(bound) && bound >= 1 && bound <= 2 ** 32, "nothing to draw from");
    const fair = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const draw = this.word();
      if (draw < fair) return draw % bound;
    }
  }

  /** Uniform in `min` ... `max`, both included. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** Uniform in the order of magnitude: as likely in 1 ... 2 as in 512 ... 1024. */
  logUniform(min: number, max: number): number {
    let bits = 0;
    while (2 ** (bits + 1) * min <= max) bits += 1;
    const low = 2 ** this.below(bits + 1) * min;
    return this.between(low, Math.min(2 * low - 1, max));
  }

  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<Choice>(choices: readonly Choice[]): Choice {
    return choices[this.below(choices.length)] as Choice; // in range, so not undefined
  }
}
