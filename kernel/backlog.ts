// What the server asks of itself and has not got to yet: lists, taken one by one. A list is no longer
// than the stream it came from, which was in memory for it; clients wait behind drains, and a sweep
// asks for more only when there is nothing left, so the lists are few.

export class Backlog<Member> {
  readonly #lists: (readonly Member[])[] = [];
  /** Of the first list: the next member. */
  #next = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(list: readonly Member[]): void {
    if (list.length === 0) return;
    this.#lists.push(list);
    this.#size += list.length;
  }

  /** The oldest member, undefined if there is none. */
  shift(): Member | undefined {
    const [list] = this.#lists;
    if (list === undefined) return undefined;
    const member = list[this.#next];
    this.#next += 1;
    this.#size -= 1;
    if (this.#next === list.length) {
      this.#lists.shift();
      this.#next = 0;
    }
    return member;
  }
}
