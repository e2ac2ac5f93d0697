// The due list: when the store is to be asked for due streams, and what of its last answer has not
// been got to yet (kernel.ts, K8).

import { assert } from "./assert.ts";
import { Backlog } from "./backlog.ts";
import type { InternalCommand } from "./command.ts";
import { type DeadlineMs, deadlineMs, earliest, type InstantMs, isDue } from "./ids.ts";
import type { Completion, Cron } from "./ports.ts";
import { dueAt } from "./stream.ts";
import { obligations } from "./sweep.ts";

export type DueListOptions = {
  /** Pause before a failed question is put again. */
  readonly sweepRetryMs: number;
  /** Between two questions at the most; null: only this server makes streams due. */
  readonly pollMs: number | null;
  readonly cron: Cron;
  /** Occurrences of one schedule at a time. */
  readonly firingsMax: number;
};

export class DueList {
  readonly #retryMs: number;
  readonly #pollMs: number | null;
  readonly #firing: Pick<DueListOptions, "cron" | "firingsMax">;
  readonly #commands = new Backlog<InternalCommand>();
  #isAsking = false;
  /** At once after a start, which is all recovery. */
  #askAt: DeadlineMs | null = deadlineMs(0n);
  /** The due date of the oldest stream that the last answer brought. */
  #broughtFrom: DeadlineMs | null = null;

  constructor({ sweepRetryMs, pollMs, cron, firingsMax }: DueListOptions) {
    this.#retryMs = sweepRetryMs;
    this.#pollMs = pollMs;
    this.#firing = { cron, firingsMax };
  }

  /** Commands that wait for a batch. */
  get size(): number {
    return this.#commands.size;
  }

  /** Commands of a sweep that somebody else has made (kernel.ts, `owe`). */
  push(commands: readonly InternalCommand[]): void {
    this.#commands.push(commands);
  }

  shift(): InternalCommand | undefined {
    return this.#commands.shift();
  }

  /** When the store is to be asked; null: not before something else happens. */
  get askAt(): DeadlineMs | null {
    return this.#isAsking || this.size > 0 ? null : this.#askAt;
  }

  /** The oldest due date that is not met yet, as far as it is known; it may lie ahead. */
  get dueAt(): DeadlineMs | null {
    return this.size > 0 ? earliest(this.#broughtFrom, this.#askAt) : this.#askAt;
  }

  /** One question at a time, and none while what the last one brought still waits. */
  isWanted(now: InstantMs): boolean {
    return this.askAt !== null && isDue(this.askAt, now);
  }

  /** @param isAsked whether the question could be put */
  ask(isAsked: boolean, now: InstantMs): void {
    this.#isAsking = isAsked;
    this.#askAt = null; // from here on it is what commits say, and in the end what the answer says
    if (!isAsked) this.askLater(now);
  }

  answer(completion: Completion, now: InstantMs): void {
    this.#isAsking = false;
    if (completion.kind === "failed") {
      this.askLater(now);
    } else {
      assert(completion.kind === "due", "a sweep is answered by something else");
      const { streams, nextAt } = completion.due;
      for (const stream of streams) {
        this.#commands.push(obligations(stream, { now, ...this.#firing }));
      }
      this.#broughtFrom =
        streams[0] === undefined ? null : dueAt(streams[0].state, streams[0].timers);
      this.askBy(nextAt);
      if (this.#pollMs !== null) this.askBy(after(now, this.#pollMs));
    }
  }

  askLater(now: InstantMs): void {
    this.askBy(after(now, this.#retryMs));
  }

  askBy(at: DeadlineMs | null): void {
    this.#askAt = earliest(this.#askAt, at);
  }
}

function after(now: InstantMs, ms: number): DeadlineMs {
  return deadlineMs(BigInt(now + ms));
}
