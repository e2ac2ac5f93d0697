// The reads of clients, from their queue to their answer: beside the batches, and so many of them at
// once. A read is one question (read.ts), at the instant at which it is put.

import { failed, type Response } from "./command.ts";
import type { Asked, Flight } from "./flight.ts";
import type { InstantMs } from "./ids.ts";
import type { Limits } from "./limits.ts";
import type { Completion, Submission, Trace } from "./ports.ts";
import { Queue } from "./queue.ts";
import { answer, question } from "./read.ts";

export type ReadsOptions = {
  readonly limits: Limits;
  readonly trace: Trace;
  /** @returns false if there is no room for it */
  readonly enqueue: (submission: Submission, flight: Flight) => boolean;
};

export class Reads {
  readonly #options: ReadsOptions;
  readonly #waiting: Queue<Asked>;
  #underWay = 0;

  constructor(options: ReadsOptions) {
    this.#options = options;
    this.#waiting = new Queue(options.limits.queueMax);
  }

  /** @returns false if there are too many */
  push(asked: Asked): boolean {
    return this.#waiting.push(asked);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Puts as many questions as may be under way. */
  begin(now: InstantMs): void {
    while (this.#underWay < this.#options.limits.readsMax && this.#next(now));
  }

  complete({ asked, since }: Flight & { kind: "reading" }, completion: Completion): void {
    this.#underWay -= 1;
    this.#show(asked, answer(asked.read, completion, since));
  }

  /** @returns whether a question was put */
  #next(now: InstantMs): boolean {
    const asked = this.#waiting.shift();
    if (asked === undefined) return false;
    const { limits, trace, enqueue } = this.#options;
    trace({ kind: "taken", requests: [asked.read] });
    const submission = question(asked.read, limits.pageWeightMax, now);
    const isQueued = enqueue(submission, { kind: "reading", asked, since: now });
    if (isQueued) this.#underWay += 1;
    else this.#show(asked, failed("store_overloaded"));
    return isQueued;
  }

  #show({ read, reply }: Asked, response: Response): void {
    this.#options.trace({ kind: "finished", request: read, response });
    reply(response);
  }
}
