// A Map by stream key. Nested, because a key is a tuple: joined into one text, two could be equal.

import type { StreamKey, StreamKind } from "./stream.ts";

export class StreamMap<Value> {
  readonly #kinds = new Map<StreamKind, Map<string, Value>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get({ kind, id }: StreamKey): Value | undefined {
    return this.#kinds.get(kind)?.get(id);
  }

  has({ kind, id }: StreamKey): boolean {
    return this.#kinds.get(kind)?.has(id) ?? false;
  }

  set({ kind, id }: StreamKey, value: Value): void {
    let ids = this.#kinds.get(kind);
    if (ids === undefined) {
      ids = new Map();
      this.#kinds.set(kind, ids);
    }
    const sizeBefore = ids.size;
    ids.set(id, value);
    this.#size += ids.size - sizeBefore;
  }

  delete({ kind, id }: StreamKey): boolean {
    const isDeleted = this.#kinds.get(kind)?.delete(id) ?? false;
    if (isDeleted) this.#size -= 1;
    return isDeleted;
  }

  clear(): void {
    this.#kinds.clear();
    this.#size = 0;
  }

  /** Kind by kind, each in the order in which its keys were first set. */
  *values(): Generator<Value> {
    for (const ids of this.#kinds.values()) yield* ids.values();
  }
}
