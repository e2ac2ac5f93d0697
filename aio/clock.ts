// The wall clock, held still while it runs backwards (promise-api.md, "now"). For tests of others it can
// be driven: then it stands where it was put (protocol.md §9).

import { type InstantMs, instantMs } from "../kernel/ids.ts";

export class Clock {
  readonly #read: () => number;
  #last = 0;
  #isDriven = false;

  /** @param read ms since the Unix epoch; may jump either way */
  constructor(read: () => number = Date.now) {
    this.#read = read;
  }

  /** The same or later at each call, within one process. */
  now(): InstantMs {
    if (!this.#isDriven) this.#last = Math.max(this.#last, this.#read());
    return instantMs(this.#last);
  }

  get isDriven(): boolean {
    return this.#isDriven;
  }

  /** Stands still from now on, at this instant; once it is driven, at no earlier one than before. */
  drive(at: InstantMs): void {
    this.#last = this.#isDriven ? Math.max(this.#last, at) : at;
    this.#isDriven = true;
  }

  /** The wall clock again, which may show an earlier instant. */
  letGo(): void {
    this.#isDriven = false;
    this.#last = 0;
  }
}
