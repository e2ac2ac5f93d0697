// The batches under way, and when another one may begin beside them (kernel.ts, K12). A batch costs the
// store about as much as some fifty commands, so it is filled rather than hurried; but nobody waits for a
// batch that is stuck.

import { type DeadlineMs, deadlineMs, type InstantMs, instantMs } from "./ids.ts";
import type { Limits } from "./limits.ts";

/** Commands that are worth a batch of their own. Measured: kernel/DESIGN.md. */
const worthMin = 16;

/** How long a batch is waited for, ms. Arbitrary: several times what it takes where a store is well. */
const patienceMs = 20;

export class UnderWay {
  readonly #batchesMax: number;
  readonly #worth: number;
  #count = 0;
  /** When the last of them began. */
  #begunAt = instantMs(0);

  constructor({ batchesMax, batchMax }: Pick<Limits, "batchesMax" | "batchMax">) {
    this.#batchesMax = batchesMax;
    this.#worth = Math.min(batchMax, worthMin);
  }

  get count(): number {
    return this.#count;
  }

  begin(now: InstantMs): void {
    this.#count += 1;
    this.#begunAt = now;
  }

  end(): void {
    this.#count -= 1;
  }

  /** @param waiting commands; with none of them there is no batch, whatever this says */
  allows(waiting: number, now: InstantMs): boolean {
    if (this.#count === 0) return true;
    if (this.#count >= this.#batchesMax) return false;
    return waiting >= this.#worth || now >= this.#begunAt + patienceMs;
  }

  /**
   * When it will; null: not before something happens, since it was tried already.
   *
   * @param isPutOff whether what waits may have been left for the next tick (kernel.ts, K9)
   */
  at(waiting: number, now: InstantMs, isPutOff: boolean): DeadlineMs | null {
    if (waiting === 0) return null;
    if (this.#count === 0 || (isPutOff && this.allows(waiting, now)))
      return deadlineMs(BigInt(now));
    const at = this.#begunAt + patienceMs;
    return this.#count < this.#batchesMax && at > now ? deadlineMs(BigInt(at)) : null;
  }
}
