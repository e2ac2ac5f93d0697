// A binary heap: the least member first. What is no longer wanted is left in it and dropped by the
// owner when it comes to the top.

export class Heap<Member> {
  readonly #members: Member[] = [];
  readonly #compare: (left: Member, right: Member) => number;

  constructor(compare: (left: Member, right: Member) => number) {
    this.#compare = compare;
  }

  /** The least, undefined if there is none. */
  peek(): Member | undefined {
    return this.#members[0];
  }

  push(member: Member): void {
    let index = this.#members.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#members[above];
      if (parent === undefined || this.#compare(parent, member) <= 0) break;
      this.#members[index] = parent;
      index = above;
    }
    this.#members[index] = member;
  }

  /** Takes out the least. */
  pop(): Member | undefined {
    const least = this.#members[0];
    const last = this.#members.pop();
    if (last !== undefined && this.#members.length > 0) this.#sink(last);
    return least;
  }

  clear(): void {
    this.#members.length = 0;
  }

  /** Puts a member where the root was, and lets it down to its place. */
  #sink(member: Member): void {
    let index = 0;
    for (;;) {
      const below = this.#lesser(2 * index + 1);
      const child = this.#members[below];
      if (child === undefined || this.#compare(member, child) <= 0) break;
      this.#members[index] = child;
      index = below;
    }
    this.#members[index] = member;
  }

  /** Of two siblings, given the left one. */
  #lesser(left: number): number {
    const [a, b] = [this.#members[left], this.#members[left + 1]];
    return a !== undefined && b !== undefined && this.#compare(b, a) < 0 ? left + 1 : left;
  }
}
