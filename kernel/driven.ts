// What drives a kernel from outside, for the debug surface (protocol.md §9; aio/driver.ts). Time is set
// between ticks, by whoever calls them; here is what the kernel has to do about it.

import { assert } from "./assert.ts";
import type { InternalCommand } from "./command.ts";
import type { DueList } from "./due-list.ts";
import type { Flights } from "./flight.ts";
import type { Mail } from "./mail.ts";
import type { Message } from "./message.ts";

export type DrivenOptions = {
  readonly mail: Mail;
  readonly due: DueList;
  readonly flights: Pick<Flights, "awaitedCount">;
  /** The next tick may be at any instant. */
  readonly startAnew: () => void;
};

export class Driven {
  readonly #options: DrivenOptions;

  constructor(options: DrivenOptions) {
    this.#options = options;
  }

  /** No timed step is taken and no message leaves (pause.ts). */
  pause(): void {
    this.#options.mail.pause();
  }

  resume(): void {
    this.#options.mail.resume();
  }

  /** Commands of a sweep that the caller has made. */
  owe(commands: readonly InternalCommand[]): void {
    this.#options.due.push(commands);
  }

  /** Lets time begin anew, earlier or later. Only while nothing is under way. */
  startAnew(): void {
    this.#assertStill();
    this.#options.startAnew();
  }

  /** What is remembered of what is stored, now that nothing is stored. Only while nothing is under way. */
  forget(): void {
    this.#assertStill();
    this.#options.mail.forget();
  }

  /** Every batch has a load or a commit under way, from its beginning to its end. */
  #assertStill(): void {
    assert(this.#options.flights.awaitedCount === 0, "the kernel is driven while it is under way");
  }

  /** Each `execute` that waits. */
  get executes(): readonly Message[] {
    return this.#options.mail.executes;
  }
}
