// What a run has come upon: counted by name, and seen or not. For the floors, which turn red when the
// generator no longer makes what the oracles are there for.

import type { Request, Response } from "../kernel/command.ts";
import type { Limits } from "../kernel/limits.ts";
import type { Batch } from "./witness.ts";

export class Sightings {
  readonly counters = new Map<string, number>();
  readonly seen = new Set<string>();

  count(name: string, by = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }

  see(name: string): void {
    this.seen.add(name);
  }

  answer({ kind }: Request, response: Response): void {
    this.count(`answer ${kind} ${nameOf(response)}`);
  }

  batch({ batchMax }: Limits, { writing, reading }: Batch): void {
    const size = writing.reduce((sum, { executed }) => sum + executed.length, reading.length);
    if (size === batchMax && size > 1) this.see("a batch of exactly the maximum");
    if (writing.some(({ executed }) => executed.length > 1)) this.see("a component of several");
  }

  conflicted(count: number): void {
    this.see(count > 1 ? "a conflict with transitive commands" : "a conflict");
  }
}

function nameOf(response: Response): string {
  switch (response.kind) {
    case "promise":
      return response.changed ? "changed" : "unchanged";
    case "promises":
      return response.page.before === null ? "last page" : "page";
    case "events":
      return response.page.next === null ? "last page" : "page";
    case "refused":
      return response.refusal;
    case "failed":
      return response.failure;
  }
}
