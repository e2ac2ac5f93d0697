// How one process behaves, whatever it answers: the rules of the kernel that no client can see in a
// single answer (kernel/kernel.ts). Nothing here outlives the process.
//
//   B3. Requests that wait, submissions under way, commands of a batch and executions of one command
//       stay within their limits.
//   B4. Batches under way touch disjoint streams.
//   B5. Commands on one stream are done in the order in which they were accepted. An answer that waits
//       for its preload may be overtaken: what it tells of is done.

import type { Command, Response } from "../kernel/command.ts";
import type { Limits } from "../kernel/limits.ts";
import type { Submission } from "../kernel/ports.ts";
import { isRead } from "../kernel/read.ts";
import { idsOf } from "./model/command.ts";
import { nameOf } from "./names.ts";
import type { Operation } from "./operation.ts";
import { Violation } from "./verdict.ts";
import type { Batch } from "./witness.ts";

type Accepted = { readonly number: number; executions: number };

export class Conduct {
  readonly #limits: Limits;
  readonly #accepted = new Map<object, Accepted>();
  /** The last command that was done on each promise. */
  readonly #done = new Map<string, number>();
  /** Ids that are touched by batches under way, by the ticket of the submission. */
  readonly #touched = new Map<number, readonly string[]>();
  #count = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  accepted({ request }: Operation): void {
    if (isRead(request)) return;
    this.#count += 1;
    this.#accepted.set(request, { number: this.#count, executions: 0 });
  }

  executed({ writing, reading }: Batch): void {
    const all = [...writing.flatMap(({ executed }) => executed), ...reading];
    if (all.length > this.#limits.batchMax) {
      throw new Violation(
        "B",
        "batch",
        `a batch of ${all.length}, ${this.#limits.batchMax} may be`,
      );
    }
    for (const { entry } of all) {
      const accepted = this.#accepted.get(entry.command);
      if (accepted === undefined) continue;
      accepted.executions += 1;
      if (accepted.executions > this.#limits.attemptsMax) {
        const detail = { ids: idsOf(entry.command) };
        throw new Violation("B", "attempts", "a command is executed too often", detail);
      }
    }
  }

  /** B5. A failure may overtake: whoever is told to come back was not done. */
  finished(command: Command, response: Response | null): void {
    const accepted = this.#accepted.get(command);
    this.#accepted.delete(command);
    const isLate = response?.kind === "claim" || response?.kind === "not_suspended";
    if (accepted === undefined || isLate || response?.kind === "failed") return;
    for (const id of idsOf(command)) {
      if ((this.#done.get(id) ?? 0) > accepted.number) {
        const message = "a command overtakes another one on its promise";
        throw new Violation("B", "order", message, { ids: [id] });
      }
      this.#done.set(id, accepted.number);
    }
  }

  /** B4. */
  launched(ticket: number, submission: Submission): void {
    if (submission.kind !== "load" && submission.kind !== "commit") return;
    const ids = idsOfBatch(submission);
    for (const others of this.#touched.values()) {
      const shared = ids.find((id) => others.includes(id));
      if (shared === undefined) continue;
      throw new Violation("B", "overlap", "two batches touch one promise", { ids: [shared] });
    }
    this.#touched.set(ticket, ids);
  }

  completed(ticket: number): void {
    this.#touched.delete(ticket);
  }

  /** At the end of a tick. */
  watch(waiting: number, inFlight: number): void {
    const { queueMax, batchesMax, readsMax } = this.#limits;
    if (waiting > queueMax) {
      throw new Violation("B", "queue", `${waiting} requests wait, ${queueMax} may`);
    }
    const flightsMax = batchesMax + 2 * readsMax + 1; // reads, preloads, and one sweep
    if (inFlight > flightsMax) {
      throw new Violation("B", "flights", `${inFlight} submissions, ${flightsMax} may be`);
    }
  }
}

function idsOfBatch(submission: Submission & { readonly kind: "load" | "commit" }): string[] {
  if (submission.kind === "load") return submission.keys.map(nameOf);
  return submission.components.flatMap(({ changes }) => changes.map(({ key }) => nameOf(key)));
}
