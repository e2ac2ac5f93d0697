// What befalls a run: each fault and each delay, as the plan allows and the chooser decides. Once the
// world is healed, nothing does.

import type { Chooser, StreamName } from "./choice.ts";
import { type FaultName, million } from "./faults.ts";
import type { Faults } from "./plan.ts";

export type Key = string | number;

export type FateOptions = {
  readonly chooser: Chooser;
  readonly faults: Faults;
  readonly delayMax: number;
  readonly onFault: (fault: FaultName, key: Key) => void;
};

export class Fate {
  readonly #chooser: Chooser;
  readonly #faults: Faults;
  readonly #delayMax: number;
  readonly #onFault: FateOptions["onFault"];
  #isHealed = false;

  constructor({ chooser, faults, delayMax, onFault }: FateOptions) {
    this.#chooser = chooser;
    this.#faults = faults;
    this.#delayMax = delayMax;
    this.#onFault = onFault;
  }

  get isHealed(): boolean {
    return this.#isHealed;
  }

  heal(): void {
    this.#isHealed = true;
  }

  /** Whether the fault strikes this entity, this time. */
  strikes(fault: FaultName, key: Key, stream: StreamName = "fault"): boolean {
    const chance = this.#faults[fault];
    if (chance === 0 || this.#isHealed) return false;
    const isStruck = this.#chooser.choose(stream, fault, key, million) >= million - chance;
    if (isStruck) this.#onFault(fault, key);
    return isStruck;
  }

  /** The first of these faults that strikes; null: none. */
  first<Fault extends FaultName>(faults: readonly Fault[], key: Key): Fault | null {
    return faults.find((fault) => this.strikes(fault, key)) ?? null;
  }

  /** How long a step takes, ms. */
  delay(site: string, key: Key): number {
    if (this.#delayMax === 0 || this.#isHealed) return 0;
    return this.#chooser.choose("latency", site, key, this.#delayMax + 1);
  }

  /** How much of something, once it has struck. */
  amount(site: string, key: Key, count: number, stream: StreamName = "fault"): number {
    return this.#chooser.choose(stream, site, key, count);
  }
}
