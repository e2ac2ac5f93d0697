// Who connects is offered what waits for it (waiting.ts). For each receiver that the worker can be, the
// store is asked, page by page, and each page becomes commands.
//
//   O1. One pass for one receiver at a time, however many workers connect: who comes during a pass may
//       be too late for what it has passed, so it is followed by another one.
//   O2. A pass only ever goes forward. Receivers take turns, page by page, and the next page is asked
//       for once nothing of the one before waits to be executed.
//   O3. As many as fit: a pass ends early once so many offers in a row have found nobody.
//   O4. What cannot be asked is asked again after a while.

import { type Receiver, receiversOf, type Worker } from "./address.ts";
import { assert } from "./assert.ts";
import { Backlog } from "./backlog.ts";
import type { InternalCommand } from "./command.ts";
import type { Flight } from "./flight.ts";
import { type DeadlineMs, deadlineMs, type InstantMs, isDue } from "./ids.ts";
import type { Limits } from "./limits.ts";
import type { Completion, Submission } from "./ports.ts";
import { offers, type WaitingPlace, type WaitingQuery } from "./waiting.ts";

type Pass = {
  readonly receiver: Receiver;
  after: WaitingPlace | null;
  /** It has begun. */
  isUnderWay: boolean;
  /** O1. */
  isRepeated: boolean;
  /** O3. In a row. */
  misses: number;
};

/** Arbitrary: ten times what may wait for one worker, so that those of other tenants do no harm. */
const missesMax = 1_000;

const atOnce = deadlineMs(0n);

export type OffersOptions = {
  readonly limits: Limits;
  /** @returns false if there is no room for it */
  readonly enqueue: (submission: Submission, flight: Flight) => boolean;
};

export class Offers {
  readonly #options: OffersOptions;
  readonly #commands = new Backlog<InternalCommand>();
  /** Those whose turn comes next stand first. */
  readonly #passes = new Map<Receiver, Pass>();
  /** Whose page is asked for. */
  #asking: Pass | null = null;
  #askAt: DeadlineMs = atOnce;
  /** When this run of the server began. */
  #startedAt: InstantMs | null = null;

  constructor(options: OffersOptions) {
    this.#options = options;
  }

  /** Commands that wait for a batch. */
  get size(): number {
    return this.#commands.size;
  }

  shift(): InternalCommand | undefined {
    return this.#commands.shift();
  }

  /** When the store is to be asked; null: not before something else happens. */
  get askAt(): DeadlineMs | null {
    const isWanted = this.#passes.size > 0 && this.#asking === null && this.#commands.size === 0;
    return isWanted ? this.#askAt : null;
  }

  /** O1. */
  connected(worker: Worker): void {
    for (const receiver of receiversOf(worker)) this.waits(receiver);
  }

  /** The same for one receiver, of which somebody is here. */
  waits(receiver: Receiver): void {
    const pass = this.#passes.get(receiver);
    if (pass === undefined) this.#passes.set(receiver, newPass(receiver));
    else pass.isRepeated = pass.isUnderWay;
  }

  /** Asks for the next page, if it is wanted now. From the first tick on, in each. */
  ask(now: InstantMs): void {
    this.#startedAt ??= now;
    const { askAt } = this;
    const [pass] = this.#passes.values();
    if (askAt === null || pass === undefined || !isDue(askAt, now)) return;
    const { limits, enqueue } = this.#options;
    const { receiver, after } = pass;
    const bounds = { limit: limits.dueMax, weightMax: limits.pageWeightMax };
    const query: WaitingQuery = { receiver, before: this.#startedAt, after, ...bounds };
    if (!enqueue({ kind: "waiting", query }, { kind: "offering" })) {
      this.#askLater(now);
      return;
    }
    pass.isUnderWay = true;
    this.#asking = pass;
  }

  answer(completion: Completion, now: InstantMs): void {
    const pass = this.#asking;
    this.#asking = null;
    assert(pass !== null, "an answer that nobody has asked for");
    if (completion.kind === "failed") {
      this.#askLater(now);
      return;
    }
    assert(completion.kind === "waiting", "a pass is answered by something else");
    this.#askAt = atOnce;
    const { streams, next } = completion.page;
    const before = this.#startedAt ?? now;
    this.#commands.push(streams.flatMap((each) => offers(each, pass.receiver, before)));
    if (this.#passes.get(pass.receiver) !== pass) return; // it has ended meanwhile
    this.#passes.delete(pass.receiver);
    pass.after = next;
    if (next !== null)
      this.#passes.set(pass.receiver, pass); // O2: behind all the others
    else this.#end(pass);
  }

  /** O3. */
  note(receiver: Receiver, wasThere: boolean): void {
    const pass = this.#passes.get(receiver);
    if (pass === undefined) return;
    pass.misses = wasThere ? 0 : pass.misses + 1;
    if (pass.misses >= missesMax) this.#end(pass);
  }

  #end({ receiver, isRepeated }: Pass): void {
    this.#passes.delete(receiver);
    if (isRepeated) this.#passes.set(receiver, newPass(receiver)); // O1
  }

  /** O4. */
  #askLater(now: InstantMs): void {
    this.#askAt = deadlineMs(BigInt(now + this.#options.limits.sweepRetryMs));
  }
}

function newPass(receiver: Receiver): Pass {
  return { receiver, after: null, isUnderWay: false, isRepeated: false, misses: 0 };
}
