// Promises that a worker will ask for next, sent along with the task that it is given (protocol.md §5):
// those of the same branch. They are read after the commit and before the answer.
//
//   D1. It is a cache and nothing else: what the command did has taken effect, so if they cannot be
//       read the answer goes without them, and is no failure.
//   D2. Who finds its task fulfilled needs none, and who has no branch, or an empty one, has none.
//   D3. The promise of the task itself is not among them; it stands in the answer.
//   D4. What one tick has to answer shares one question, and so many questions are under way at once;
//       beyond that the answers go without.
//   D5. All that one question brings weighs a page at the most, but for the first promise of each claim:
//       every claim has the same share.

import { assert } from "./assert.ts";
import type { Entry } from "./batch.ts";
import type { Response } from "./command.ts";
import type { Flight } from "./flight.ts";
import type { InstantMs } from "./ids.ts";
import type { Limits } from "./limits.ts";
import { type ListQuery, shownPromises } from "./list.ts";
import type { Completion, Submission } from "./ports.ts";

/** An answer, and whom it is for. */
type Answered = {
  readonly entry: Entry;
  readonly claim: Extract<Response, { readonly kind: "claim" | "not_suspended" }>;
};

/** One that waits for its preload. */
export type Claimed = Answered & { readonly branch: string };

export type PreloadsOptions = {
  readonly limits: Limits;
  /** Promises for each; 0: none. */
  readonly max: number;
  /** @returns false if there is no room for it */
  readonly enqueue: (submission: Submission, flight: Flight) => boolean;
};

export class Preloads {
  readonly #options: PreloadsOptions;
  /** Of this tick. */
  #claims: Claimed[] = [];
  #underWay = 0;

  constructor(options: PreloadsOptions) {
    this.#options = options;
  }

  /** @returns false if the answer is complete as it is */
  hold(entry: Entry, response: Response | null): boolean {
    if (response?.kind !== "claim" && response?.kind !== "not_suspended") return false;
    const branch = response.promise.tags.get("resonate:branch") ?? "";
    const isOver = response.kind === "claim" && response.task.kind === "fulfilled";
    if (this.#options.max === 0 || branch === "" || isOver) return false; // D2
    this.#claims.push({ entry, claim: response, branch });
    return true;
  }

  /** Asks for all that is held. @returns what has to go without (D4) */
  ask(now: InstantMs): readonly Answered[] {
    const claims = this.#claims;
    if (claims.length === 0) return claims;
    this.#claims = [];
    const { limits, enqueue } = this.#options;
    const weightMax = Math.ceil(limits.pageWeightMax / claims.length); // D5
    const queries = claims.map(({ branch }) => this.#query(branch, weightMax, now));
    const isAsked =
      this.#underWay < limits.readsMax &&
      enqueue({ kind: "list", queries }, { kind: "preloading", claims, since: now });
    if (!isAsked) return claims; // D1
    this.#underWay += 1;
    return [];
  }

  complete(
    { claims, since }: Flight & { kind: "preloading" },
    completion: Completion,
  ): readonly Answered[] {
    this.#underWay -= 1;
    if (completion.kind === "failed") return claims; // D1
    assert(completion.kind === "listed", "a preload is answered by something else");
    const { pages } = completion;
    assert(pages.length === claims.length, "a preload is answered in part");
    return claims.map(({ entry, claim }, index) => {
      const others = (pages[index]?.rows ?? []).filter(({ key }) => key.id !== claim.id); // D3
      const preload = shownPromises(others.slice(0, this.#options.max), since);
      return { entry, claim: { ...claim, preload } };
    });
  }

  /** One more than are wanted, since the promise of the task may be among them (D3). */
  #query(branch: string, weightMax: number, now: InstantMs): ListQuery {
    const { max } = this.#options;
    return {
      ...{ of: "promise", idPrefix: "", after: null, anyOf: null, now },
      tags: new Map([["resonate:branch", branch]]),
      limit: max + 1,
      weightMax,
    };
  }
}
