// Choices that are found again by their time. The name of a choice ends in how often it was asked for
// before, or in the time at which that was (choice.ts, H2). When requests are taken away, both change
// for what is left. Here each choice is made at the first occasion at or after the time that it was
// made at, and the run that comes of it records it by its new name.
//
//   R12. Of one site and entity, choices keep their order and their values; none is made twice.

import type { Choices } from "./choice.ts";
import { parseName, printName } from "./choice-name.ts";
import type { ChoiceList } from "./replay.ts";
import type { TraceRecord } from "./trace.ts";

/** A choice: the `turn`-th of its site and entity that was asked for at this time. */
export type Anchor = { readonly at: number; readonly turn: number; readonly value: number };

/** By site and entity, in the order in which they were made. */
export type Anchors = ReadonlyMap<string, readonly Anchor[]>;

/** Tells the time by the records of the run that asks, and by the names that say it. */
class Timed extends Map<string, number> {
  #at = 0;
  readonly #turns = new Map<string, number>();

  readonly onRecord = ({ at }: Pick<TraceRecord, "at">): void => this.#pass(at);

  /** Of what is asked for now. */
  protected occasion(name: string): { readonly pair: string } & Omit<Anchor, "value"> {
    const parsed = parseName(name);
    this.#pass(parsed.at ?? 0);
    const pair = printName({ ...parsed, at: null, occurrence: 0 });
    const turn = this.#turns.get(pair) ?? 0;
    this.#turns.set(pair, turn + 1);
    return { pair, at: this.#at, turn };
  }

  #pass(at: number): void {
    if (at <= this.#at) return;
    this.#at = at;
    this.#turns.clear();
  }
}

/** Hands out choices by name, and notes when. */
export class Anchoring extends Timed {
  readonly anchors = new Map<string, Anchor[]>();

  constructor(choices: ChoiceList) {
    super(choices);
  }

  override get(name: string): number | undefined {
    const { pair, at, turn } = this.occasion(name);
    const value = super.get(name);
    if (value === undefined) return undefined;
    const anchors = this.anchors.get(pair) ?? [];
    if (anchors.length === 0) this.anchors.set(pair, anchors);
    anchors.push({ at, turn, value });
    return value;
  }
}

/** Hands out choices by time (R12). */
export class Anchored extends Timed implements Choices {
  readonly #anchors: Anchors;
  readonly #given = new Map<string, number>();

  constructor(anchors: Anchors) {
    super();
    this.#anchors = anchors;
  }

  override get(name: string): number | undefined {
    const { pair, at, turn } = this.occasion(name);
    const given = this.#given.get(pair) ?? 0;
    const next = this.#anchors.get(pair)?.[given];
    if (next === undefined || at < next.at || (at === next.at && turn < next.turn))
      return undefined;
    this.#given.set(pair, given + 1);
    return next.value;
  }
}
