// What a parent and its workers tell each other. Small: sums, not runs.

import type { Wishes } from "../../dst/draw.ts";
import type { Seed } from "../../dst/seed.ts";
import type { Figures } from "./tally.ts";

/** What all seeds of a command have in common. */
export type Setup = {
  readonly base: Seed;
  readonly wishes: Wishes;
  /** Share of seeds that are run twice, in percent. */
  readonly recheck: number;
  /** Share of seeds whose history is searched, in percent; null: each seed decides. */
  readonly wgl: number | null;
  readonly commit: string;
  /** Each seed is run on another store as well, and must be the same run. */
  readonly isDifferential: boolean;
  /** A line of each seed is wanted, as JSON. */
  readonly isJson: boolean;
};

/** Of indexes, the last one excluded. */
export type Stretch = { readonly from: number; readonly to: number };

export type ToWorker =
  | { readonly kind: "setup"; readonly setup: Setup }
  | { readonly kind: "run"; readonly stretch: Stretch }
  /** After the seed that is under way. */
  | { readonly kind: "stop" };

export type FromWorker =
  | { readonly kind: "begin"; readonly index: number }
  | {
      readonly kind: "done";
      /** The first index that was not run: the end of the stretch, unless one failed before. */
      readonly next: number;
      readonly figures: Figures;
      readonly lines: readonly string[];
    };
