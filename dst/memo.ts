// What the search has tried: each pair of placed operations and state once, since whatever follows
// depends on nothing else (Lowe). Words and numbers throughout, as this runs at every step.

import { at, isCall, operationOf } from "./entries.ts";

export const none = -1;
/** The first node: nothing is placed. */
export const root = 0;

/** Which operations have their place, a bit for each. Only the words from `first` to `end` tell. */
export class Subset {
  hash = 0;
  /** The first word that is not full. */
  first = 0;
  /** Behind the last word that is not empty. */
  end = 0;
  readonly words: Int32Array;
  readonly #hashes: Int32Array;

  constructor(size: number) {
    this.words = new Int32Array((size >> 5) + 1);
    this.#hashes = Int32Array.from({ length: size }, (_, operation) => scatter(operation + 1));
  }

  add(operation: number): void {
    const word = operation >> 5;
    this.words[word] = at(this.words, word) | (1 << (operation & 31));
    this.hash ^= at(this.#hashes, operation);
    if (word >= this.end) this.end = word + 1;
    while (this.first < this.end && at(this.words, this.first) === -1) this.first += 1;
  }

  remove(operation: number): void {
    const word = operation >> 5;
    this.words[word] = at(this.words, word) & ~(1 << (operation & 31));
    this.hash ^= at(this.#hashes, operation);
    if (word < this.first) this.first = word;
    while (this.end > 0 && at(this.words, this.end - 1) === 0) this.end -= 1;
  }
}

export type Placed = Pick<Subset, "hash" | "first" | "end" | "words">;

/** The columns of a node. */
const columns = {
  hash: 0,
  state: 1,
  parent: 2,
  /** The entry by which it came out of its parent: a call took effect, a return dropped. */
  move: 3,
  /** How many operations took effect. */
  depth: 4,
  /** The deepest node below it, or itself. */
  deepest: 5,
  first: 6,
  /** Where its words are. */
  from: 7,
  to: 8,
} as const;
const width = 9;

/** Every pair of placed operations and state that was reached, once, as a tree of how it was reached. */
export class Memo {
  #nodes = new Int32Array(width * 2 ** 8);
  #words = new Int32Array(2 ** 8);
  /** Nodes by their hashes; at most half of it is taken. */
  #buckets = new Int32Array(2 ** 9).fill(none);
  #count = 0;

  /** @returns the new node, or `none` if there is one already */
  add(placed: Placed, state: number, parent: number, move: number): number {
    const hash = placed.hash ^ scatter(~state);
    const bucket = this.#find(placed, state, hash);
    if (at(this.#buckets, bucket) !== none) return none;
    const node = this.#count;
    const start = node * width;
    if (start === this.#nodes.length) this.#nodes = doubled(this.#nodes);
    const from = node === root ? 0 : at(this.#nodes, start - width + columns.to);
    const to = from + placed.end - placed.first;
    while (to > this.#words.length) this.#words = doubled(this.#words);
    for (let index = from; index < to; index++) {
      this.#words[index] = at(placed.words, placed.first + index - from);
    }
    const depth = parent === none ? 0 : this.depth(parent) + Number(isCall(move));
    this.#nodes.set([hash, state, parent, move, depth, node, placed.first, from, to], start);
    this.#buckets[bucket] = node;
    this.#count += 1;
    if (this.#count * 2 > this.#buckets.length) this.#rehash();
    return node;
  }

  state(node: number): number {
    return this.#column(node, columns.state);
  }

  parent(node: number): number {
    return this.#column(node, columns.parent);
  }

  move(node: number): number {
    return this.#column(node, columns.move);
  }

  depth(node: number): number {
    return this.#column(node, columns.depth);
  }

  deepest(node: number): number {
    return this.#column(node, columns.deepest);
  }

  /** `deepest` is below `node`: remembered if nothing deeper is. */
  offer(node: number, deepest: number): void {
    if (this.depth(deepest) <= this.depth(this.deepest(node))) return;
    this.#nodes[node * width + columns.deepest] = deepest;
  }

  /** The way from the root, in operations. */
  path(node: number): { readonly order: readonly number[]; readonly dropped: readonly number[] } {
    const order: number[] = [];
    const dropped: number[] = [];
    for (let up = node; up !== root; up = this.parent(up)) {
      const move = this.move(up);
      (isCall(move) ? order : dropped).push(operationOf(move));
    }
    return { order: order.reverse(), dropped: dropped.reverse() };
  }

  #column(node: number, column: number): number {
    return at(this.#nodes, node * width + column);
  }

  /** The bucket of this pair, or the free one where it belongs. */
  #find(placed: Placed, state: number, hash: number): number {
    const mask = this.#buckets.length - 1;
    for (let bucket = hash & mask; ; bucket = (bucket + 1) & mask) {
      const node = at(this.#buckets, bucket);
      if (node === none || this.#isSame(node, placed, state, hash)) return bucket;
    }
  }

  #isSame(node: number, placed: Placed, state: number, hash: number): boolean {
    if (this.#column(node, columns.hash) !== hash || this.state(node) !== state) return false;
    const from = this.#column(node, columns.from);
    const length = this.#column(node, columns.to) - from;
    if (this.#column(node, columns.first) !== placed.first) return false;
    if (length !== placed.end - placed.first) return false;
    for (let index = 0; index < length; index++) {
      if (at(this.#words, from + index) !== at(placed.words, placed.first + index)) return false;
    }
    return true;
  }

  #rehash(): void {
    this.#buckets = new Int32Array(this.#buckets.length * 2).fill(none);
    const mask = this.#buckets.length - 1;
    for (let node = 0; node < this.#count; node++) {
      let bucket = this.#column(node, columns.hash) & mask;
      while (at(this.#buckets, bucket) !== none) bucket = (bucket + 1) & mask;
      this.#buckets[bucket] = node;
    }
  }
}

/** A word that looks like a random one: the last steps of MurmurHash3. Each number has its own. */
function scatter(number: number): number {
  let word = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
