// One alarm, set anew whenever the kernel knows better. Late is harmless, and so is early.

import type { DeadlineMs, InstantMs } from "../kernel/ids.ts";

/** The longest delay that a Node timer can hold (it is an int32); a longer one would fire at once. */
const delayMaxMs = 2 ** 31 - 1;

export class Timer {
  readonly #ring: () => void;
  #at: DeadlineMs | null = null;
  #timeout: NodeJS.Timeout | undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** @param at when to ring, null for never; takes the place of what was set before */
  set(at: DeadlineMs | null, now: InstantMs): void {
    if (at === this.#at) return;
    clearTimeout(this.#timeout);
    this.#at = at;
    if (at === null) return;
    const delayMs = at <= now ? 0 : Math.min(Number(at) - now, delayMaxMs);
    this.#timeout = setTimeout(() => {
      this.#at = null; // far deadlines are slept for in pieces: the kernel sets what is left
      this.#ring();
    }, delayMs);
  }
}
