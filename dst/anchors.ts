// Choices that are found again by their time. The name of a choice ends in how often it was asked for
// before (choice.ts, H2), so when a request is taken away, what befell the node after it moves to
// another moment. Here each is made at the first occasion at or after the time that it was made at,
// and the run that comes of it records them by their new names.
//
//   R12. Of one site and entity, choices keep their order and their values; none is made twice.

import type { Choices } from "./choice.ts";
import { parseName, printName } from "./choice-name.ts";
import type { ChoiceList } from "./replay.ts";
import type { TraceRecord } from "./trace.ts";

/** One choice of a site and entity: the `turn`-th that was asked for at this time. */
type Anchor = { readonly at: number; readonly turn: number; readonly value: number };
export type Anchors = ReadonlyMap<string, readonly Anchor[]>;

/** Tells the time by the records of the run that asks. */
class Timed extends Map<string, number> {
  #at = 0;
  readonly #turns = new Map<string, number>();

  readonly onRecord = ({ at }: Pick<TraceRecord, "at">): void => {
    if (at === this.#at) return;
    this.#at = at;
    this.#turns.clear();
  };

  /** When this site and entity is asked for now. */
  protected moment(pair: string): { readonly at: number; readonly turn: number } {
    const turn = this.#turns.get(pair) ?? 0;
    this.#turns.set(pair, turn + 1);
    return { at: this.#at, turn };
  }
}

/** Hands out choices by name, and notes when. */
export class Anchoring extends Timed {
  readonly anchors = new Map<string, Anchor[]>();

  constructor(choices: ChoiceList) {
    super(choices);
  }

  override get(name: string): number | undefined {
    const pair = pairOf(name);
    const moment = this.moment(pair);
    const value = super.get(name);
    if (value === undefined) return undefined;
    const anchors = this.anchors.get(pair);
    if (anchors === undefined) this.anchors.set(pair, [{ ...moment, value }]);
    else anchors.push({ ...moment, value });
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
    const pair = pairOf(name);
    const { at, turn } = this.moment(pair);
    const given = this.#given.get(pair) ?? 0;
    const next = this.#anchors.get(pair)?.[given];
    if (next === undefined || at < next.at || (at === next.at && turn < next.turn))
      return undefined;
    this.#given.set(pair, given + 1);
    return next.value;
  }
}

function pairOf(name: string): string {
  return printName({ ...parseName(name), occurrence: 0 });
}
