// One alarm, set anew whenever the kernel knows better. Late is harmless, and so is early.

import type { DeadlineMs, InstantMs } from "../kernel/ids.ts";

/**
 * A longer sleep is taken in pieces, with a look at the clock in between: it may have been set, or the
 * machine may have been suspended. Arbitrary: that late may a deadline be kept then.
 */
const delayMaxMs = 30_000;

/** The least that is slept: a timer that came early, or a clock that stands still, is no hot loop. */
const delayMinMs = 1;

export class Timer {
  readonly #ring: () => void;
  #at: DeadlineMs | null = null;
  #timeout: NodeJS.Timeout | undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** @param at when to ring, null for never; takes the place of what was set before */
  set(at: DeadlineMs | null, now: InstantMs): void {
    if (at === this.#at) return; // its delay still holds, or the next piece will tell
    clearTimeout(this.#timeout);
    this.#at = at;
    if (at === null) return;
    const ahead = at <= now ? 0 : Math.min(Number(at) - now, delayMaxMs);
    const delayMs = Math.max(ahead, delayMinMs);
    this.#timeout = setTimeout(() => {
      this.#at = null; // the kernel sets what is left
      this.#ring();
    }, delayMs);
  }
}
