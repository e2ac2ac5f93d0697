// A bounded ring. Full is a value: what does not fit is refused at once, and nothing ever grows.

import { assert } from "./assert.ts";

export class Queue<Member> {
  readonly max: number;
  readonly #ring: (Member | undefined)[];
  #head = 0;
  #size = 0;

  constructor(max: number) {
    assert(Number.isSafeInteger(max) && max >= 1, `a queue of ${max}`);
    this.max = max;
    this.#ring = new Array<Member | undefined>(max).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  /** @returns false if the queue is full; the member is then not kept */
  push(member: Member): boolean {
    if (this.#size === this.max) return false;
    this.#ring[(this.#head + this.#size) % this.max] = member;
    this.#size += 1;
    return true;
  }

  /** The oldest member, undefined if there is none. */
  shift(): Member | undefined {
    if (this.#size === 0) return undefined;
    const member = this.#ring[this.#head];
    this.#ring[this.#head] = undefined; // what has left must not be kept alive
    this.#head = (this.#head + 1) % this.max;
    this.#size -= 1;
    return member;
  }
}
