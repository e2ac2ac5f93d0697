// What the kernel has asked of the outside and not been told yet, by the ticket of the submission.

import { assert } from "./assert.ts";
import type { Batch, Outcome, Reply } from "./batch.ts";
import type { InstantMs } from "./ids.ts";
import type { Sent } from "./outbox.ts";
import type { Aio, Submission } from "./ports.ts";
import type { Claimed } from "./preload.ts";
import type { Read } from "./read.ts";
import type { StreamKey } from "./stream.ts";

/** A read, and who waits for it. */
export type Asked = { readonly read: Read; readonly reply: Reply };

/** What a submission is for. */
export type Flight =
  | { readonly kind: "loading"; readonly batch: Batch }
  | { readonly kind: "committing"; readonly batch: Batch; readonly outcome: Outcome }
  | { readonly kind: "looking"; readonly batch: Batch; readonly outcome: Outcome }
  | { readonly kind: "reading"; readonly asked: Asked; readonly since: InstantMs }
  | { readonly kind: "preloading"; readonly claims: readonly Claimed[]; readonly since: InstantMs }
  | { readonly kind: "sending"; readonly sent: Sent }
  | { readonly kind: "sweeping" }
  | { readonly kind: "offering" };

export class Flights {
  readonly #aio: Aio;
  readonly #open = new Map<number, Flight>();
  #ticket = 0;
  #sendCount = 0;

  constructor(aio: Aio) {
    this.#aio = aio;
  }

  /** Those that somebody waits for: messages are not. */
  get awaitedCount(): number {
    return this.#open.size - this.#sendCount;
  }

  /** Whether a batch under way touches the stream. */
  isBusy(key: StreamKey): boolean {
    return this.#open.values().some((flight) => "batch" in flight && flight.batch.touches(key));
  }

  /** @returns the ticket; null if there is no room for it */
  enqueue(submission: Submission, flight: Flight): number | null {
    this.#ticket += 1;
    const ticket = this.#ticket;
    if (!this.#aio.enqueue({ ticket, submission })) return null;
    this.#open.set(ticket, flight);
    if (flight.kind === "sending") this.#sendCount += 1;
    return ticket;
  }

  /** What has completed, once. */
  end(ticket: number): Flight {
    const flight = this.#open.get(ticket);
    assert(flight !== undefined, "a completion arrives for no submission in flight"); // K6
    this.#open.delete(ticket);
    if (flight.kind === "sending") this.#sendCount -= 1;
    return flight;
  }
}
