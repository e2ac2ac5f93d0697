// The clock of one node: off by something, too fast or too slow, and sometimes set. Within one life of
// the node it never goes back, as the clock of the real server (aio/clock.ts).

import { type InstantMs, instantMs } from "../kernel/ids.ts";

/** The epoch of the worlds, ms since the Unix epoch. Arbitrary: clocks may go back thirty years. */
export const worldEpoch = 1_800_000_000_000;

const million = 1_000_000;

export class NodeClock {
  #offset: number;
  #driftPpm: number;
  /** Counts drift only since then. */
  #since: number;
  #frozenAt: number | null = null;
  #last = 0;

  constructor(now: number, offset: number, driftPpm: number) {
    this.#since = now;
    this.#offset = offset;
    this.#driftPpm = driftPpm;
  }

  /** @param world ms since the start of the world */
  read(world: number): InstantMs {
    this.#last = Math.max(this.#last, this.#frozenAt ?? this.#reading(world));
    return instantMs(this.#last);
  }

  /** It shows what it has shown before, until time has caught up with it. */
  isBehind(world: number): boolean {
    return this.#reading(world) < this.#last;
  }

  /** It was stopped, or set back and not caught up with yet. */
  stands(world: number): boolean {
    return this.#frozenAt !== null || this.isBehind(world);
  }

  jump(ms: number): void {
    this.#offset += ms;
  }

  freeze(world: number): void {
    this.#frozenAt ??= this.#reading(world);
  }

  unfreeze(): void {
    this.#frozenAt = null;
  }

  /** From now on it runs evenly, from what it showed last; it stays as far off as it is. */
  heal(world: number): void {
    this.#offset = this.read(world) - worldEpoch - world;
    this.#driftPpm = 0;
    this.#since = world;
    this.unfreeze();
  }

  #reading(world: number): number {
    const drift = Math.trunc(((world - this.#since) * this.#driftPpm) / million);
    return worldEpoch + world + this.#offset + drift;
  }
}
