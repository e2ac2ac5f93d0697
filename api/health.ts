// Whether the server can answer requests: it has begun, it is not ending, and its store answers
// (protocol.md §1.2). A server that is only busy is ready: it says 503 to those whom it has no room for.

import type { Failure } from "../kernel/command.ts";
import type { Gateway } from "./gateway.ts";
import type { RimFailure } from "./status.ts";

export type ReadinessOptions = {
  readonly gateway: Pick<Gateway, "ask">;
  /** How long the store may take. */
  readonly timeoutMs?: number;
};

const timeoutMs = 1_000; // arbitrary: less than the second after which most probes give up

/** The first fact of the log: one statement, whatever is stored. */
const question = { kind: "read_events", of: null, after: 0, limit: 1 } as const;

export class Readiness {
  readonly #gateway: ReadinessOptions["gateway"];
  readonly #timeoutMs: number;
  #isServing = false;

  constructor(options: ReadinessOptions) {
    this.#gateway = options.gateway;
    this.#timeoutMs = options.timeoutMs ?? timeoutMs;
  }

  /** From here on it is for the store to say. */
  begin(): void {
    this.#isServing = true;
  }

  end(): void {
    this.#isServing = false;
  }

  async isReady(): Promise<boolean> {
    if (!this.#isServing) return false;
    const late = Promise.withResolvers<false>();
    const timer = setTimeout(() => late.resolve(false), this.#timeoutMs);
    const isAnswered = await Promise.race([this.#isAnswered(), late.promise]);
    clearTimeout(timer);
    return isAnswered && this.#isServing;
  }

  async #isAnswered(): Promise<boolean> {
    const answer = await this.#gateway.ask(question);
    return answer.kind !== "failed" || !silences.has(answer.failure);
  }
}

/** What is said where the store has not answered. Who is too busy to ask it knows no worse of it. */
const silences: ReadonlySet<Failure | RimFailure> = new Set([
  "store_failed",
  "outcome_unknown",
  "shutting_down",
  "internal",
]);
