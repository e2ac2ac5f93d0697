// The records of the model, as they are and as they were: each change keeps the moment at which it
// became visible, so that a batch can be judged by what its load has seen.

import type { LoggedEvent } from "../kernel/search.ts";
import { type ModelPromise, type ModelRecord, nothing } from "./model/record.ts";

type Line = { readonly at: number[]; readonly records: ModelRecord[] };
type Created = { readonly id: string; readonly position: number };

export class Past {
  readonly #lines = new Map<string, Line>();
  /** Streams in the order of their creation, by the model. */
  readonly #created: Created[] = [];
  readonly #positions = new Map<string, number>();
  /** Every event, in the order in which they became visible. */
  readonly log: LoggedEvent[] = [];

  now(id: string): ModelRecord {
    return this.#lines.get(id)?.records.at(-1) ?? nothing;
  }

  /** As of a moment: with all that became visible until then. */
  at(id: string, moment: number): ModelRecord {
    const line = this.#lines.get(id);
    if (line === undefined) return nothing;
    for (let index = line.at.length - 1; index >= 0; index--) {
      const at = line.at[index];
      if (at !== undefined && at <= moment) return line.records[index] ?? nothing;
    }
    return nothing;
  }

  set(id: string, record: ModelRecord, moment: number): void {
    const line = this.#lines.get(id);
    if (line === undefined) this.#lines.set(id, { at: [moment], records: [record] });
    else {
      line.at.push(moment);
      line.records.push(record);
    }
  }

  /** @param position of the first event of the promise: what a cursor holds */
  create(id: string, position: number): void {
    this.#created.push({ id, position });
    this.#positions.set(id, position);
  }

  /** Null: it was never created. */
  positionOf(id: string): number | null {
    return this.#positions.get(id) ?? null;
  }

  get lastPosition(): number {
    return this.#created.at(-1)?.position ?? 0;
  }

  /** The names of all streams, in the order of their creation. */
  created(): readonly string[] {
    return this.#created.map(({ id }) => id);
  }

  /** Every name that was ever written, in the order of its first change. */
  ids(): readonly string[] {
    return [...this.#lines.keys()];
  }

  /** Of every stream, as of a moment. */
  *rows(moment: number): Generator<readonly [name: string, record: ModelRecord]> {
    for (const name of this.#lines.keys()) yield [name, this.at(name, moment)];
  }

  /** @param before only promises that were created before this position; null: all */
  *newestFirst(before: number | null): Generator<readonly [id: string, promise: ModelPromise]> {
    for (let index = this.#created.length - 1; index >= 0; index--) {
      const created = this.#created[index];
      if (created === undefined || (before !== null && created.position >= before)) continue;
      const { promise } = this.now(created.id);
      if (promise !== null) yield [created.id, promise];
    }
  }
}
