// The wall clock, held still while it runs backwards (promise-api.md, "now").

import { type InstantMs, instantMs } from "../kernel/ids.ts";

export class Clock {
  readonly #read: () => number;
  #last = 0;

  /** @param read ms since the Unix epoch; may jump either way */
  constructor(read: () => number = Date.now) {
    this.#read = read;
  }

  /** The same or later at each call, within one process. */
  now(): InstantMs {
    this.#last = Math.max(this.#last, this.#read());
    return instantMs(this.#last);
  }
}
