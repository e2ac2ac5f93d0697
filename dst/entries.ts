// The calls and returns of a history as they followed each other. The search takes operations out while
// it holds them for placed, and puts them back when it was wrong.

import { assert } from "../kernel/assert.ts";

export type Interval = { readonly call: number; readonly return: number };

/** The entry before the first and behind the last. */
export const head = 0;

export function isCall(entry: number): boolean {
  return (entry & 1) === 1;
}

export function operationOf(entry: number): number {
  return (entry - 1) >> 1;
}

/** A ring of entries: the call of operation `i` is entry `2i + 1`, its return the next one. */
export class Entries {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(operations: readonly Interval[]) {
    const size = 2 * operations.length + 1;
    const moments = operations.flatMap((operation, index) => {
      assert(operation.return >= operation.call, "an operation returned before its call");
      const call = { entry: 2 * index + 1, at: operation.call };
      return [call, { entry: call.entry + 1, at: operation.return }];
    });
    moments.sort((left, right) => {
      if (left.at !== right.at) return left.at < right.at ? -1 : 1; // may be infinite: no difference
      return Number(isCall(right.entry)) - Number(isCall(left.entry)); // L3: calls first
    });
    this.#next = new Int32Array(size);
    this.#previous = new Int32Array(size);
    let last = head;
    for (const { entry } of [...moments, { entry: head }]) {
      this.#next[last] = entry;
      this.#previous[entry] = last;
      last = entry;
    }
  }

  next(entry: number): number {
    return at(this.#next, entry);
  }

  lift(operation: number): void {
    this.#unlink(2 * operation + 1);
    this.#unlink(2 * operation + 2);
  }

  /** The last one that was lifted goes back first. */
  unlift(operation: number): void {
    this.#relink(2 * operation + 2);
    this.#relink(2 * operation + 1);
  }

  #unlink(entry: number): void {
    this.#next[at(this.#previous, entry)] = at(this.#next, entry);
    this.#previous[at(this.#next, entry)] = at(this.#previous, entry);
  }

  #relink(entry: number): void {
    this.#next[at(this.#previous, entry)] = entry;
    this.#previous[at(this.#next, entry)] = entry;
  }
}

export function at(array: Int32Array, index: number): number {
  return array[index] as number; // within its bounds, or the search is wrong
}
