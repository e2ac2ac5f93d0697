// What comes along with a task (protocol.md §5, preload), beside the model.
//
//   W9. The promises of the branch, as of one moment between the commit and the answer and at the
//       instant of that question, without the task's own; or none, if they could not be read.

import type { Response } from "../kernel/command.ts";
import type { ListQuery } from "../kernel/list.ts";
import { listed, showShown } from "./compare.ts";
import { list } from "./model/list.ts";
import { canonicalPromise, type ModelRules } from "./model/record.ts";
import type { Operation } from "./operation.ts";
import type { Past } from "./past.ts";
import { Violation } from "./verdict.ts";

export type PreloadsOptions = { readonly rules: ModelRules; readonly pageWeightMax: number };

/** A question for preloads: what it has seen, and when it was put by its server's clock. */
type Question = { readonly at: number; readonly now: number };

export class Preloads {
  readonly #past: Past;
  readonly #options: PreloadsOptions;
  readonly #questions: Question[] = [];

  constructor(past: Past, options: PreloadsOptions) {
    this.#past = past;
    this.#options = options;
  }

  /** The store has been asked for some. */
  asked([first]: readonly ListQuery[], at: number): void {
    if (first !== undefined) this.#questions.push({ at, now: first.now });
  }

  /** An answer leaves, which says what the model says but for its preload. */
  sent({ expected, key }: Operation, response: Response): void {
    if (response.kind !== "claim" && response.kind !== "not_suspended") return;
    const { preload, id } = response;
    if (preload.length === 0) return;
    const branch = response.promise.tags.get("resonate:branch") ?? "";
    const actual = preload.map(showShown).join("\n");
    const isOver = response.kind === "claim" && response.task.kind === "fulfilled";
    const since = expected?.at ?? 0;
    let best = "nothing";
    for (let index = this.#questions.length - 1; index >= 0 && branch !== "" && !isOver; index--) {
      const question = this.#questions[index];
      if (question === undefined || question.at < since) break;
      best = this.#expected(id, branch, question);
      if (best === actual) return;
    }
    const detail = { expected: best, actual, ids: [id], intent: key };
    throw new Violation("W", "preload", "a task comes with what is not its branch", detail);
  }

  #expected(id: string, branch: string, { at, now }: Question): string {
    const { rules, pageWeightMax: weightMax } = this.#options;
    const max = rules.preloadMax;
    const tags = new Map([["resonate:branch", branch]]);
    const page = { idPrefix: "", after: null, limit: max + 1 };
    const query = { ...page, kind: "list_promises", state: null, tags } as const;
    return list(this.#past.rows(at), query, { now, weightMax })
      .rows.filter((row) => row.id !== id)
      .slice(0, max)
      .map(({ id, record }) => {
        return listed(id, record.promise === null ? "" : canonicalPromise(record.promise));
      })
      .join("\n");
  }
}
