// What the operations of a history mean, for linearizability.ts: commands to promises, each at the `now`
// that its node used, answered as model.ts says. The server's own commands belong to the history as
// well; their answer is that there is none.

import { assert } from "../kernel/assert.ts";
import { showAnswer } from "./compare.ts";
import type { Spec } from "./linearizability.ts";
import type { ModelAnswer, ModelCommand } from "./model/command.ts";
import {
  canonical,
  canonicalPromise,
  type ModelRecord,
  type ModelRules,
  nothing,
} from "./model/record.ts";
import { step } from "./model.ts";

export type Asked = { readonly command: ModelCommand; readonly now: number };

/** The records of one component, each at the place of its id. Never written to. */
export type RecordTable = {
  readonly places: ReadonlyMap<string, number>;
  readonly records: readonly ModelRecord[];
  /** Equal records have equal numbers. */
  readonly numbers: readonly number[];
};

/** Made anew for each search, because it numbers the records that it meets. */
export class PromiseSpec<Seen> implements Spec<RecordTable, Asked, Seen> {
  readonly #matches: (answer: ModelAnswer, seen: Seen) => boolean;
  readonly #rules: ModelRules;
  readonly #numbers = new Map<string, number>();

  constructor(matches: (answer: ModelAnswer, seen: Seen) => boolean, rules: ModelRules) {
    this.#matches = matches;
    this.#rules = rules;
  }

  initial(ids: readonly string[]): RecordTable {
    const number = this.#number(nothing);
    return {
      places: new Map(ids.map((id, place) => [id, place])),
      records: ids.map(() => nothing),
      numbers: ids.map(() => number),
    };
  }

  step(table: RecordTable, { command, now }: Asked, seen: Seen | null): RecordTable | null {
    const read = (id: string) => table.records[placeOf(table, id)] ?? nothing;
    const { changes, answer } = step(read, command, { now, rules: this.#rules });
    if (seen !== null && !this.#matches(answer, seen)) return null;
    if (changes.length === 0) return table;
    const records = [...table.records];
    const numbers = [...table.numbers];
    for (const [id, record] of changes) {
      const place = placeOf(table, id);
      records[place] = record;
      numbers[place] = this.#number(record);
    }
    return { places: table.places, records, numbers };
  }

  key({ numbers }: RecordTable): string {
    return numbers.join(" ");
  }

  #number(record: ModelRecord): number {
    const text = canonical(record);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

function placeOf({ places }: RecordTable, id: string): number {
  const place = places.get(id);
  assert(place !== undefined, "an operation touches an id that it does not name");
  return place;
}

/** Where what was seen is in the words of the model. */
export function isSameAnswer(answer: ModelAnswer, seen: ModelAnswer): boolean {
  if (answer.kind !== "promise") {
    return answer.kind === seen.kind && showAnswer(answer) === showAnswer(seen);
  }
  if (seen.kind !== "promise") return false;
  if (answer.id !== seen.id || answer.changed !== seen.changed) return false;
  const isSame = answer.promise === seen.promise;
  return isSame || canonicalPromise(answer.promise) === canonicalPromise(seen.promise);
}
