// Fills a batch from the four places in which commands wait, in this order: what was admitted once
// already, drains of own commits, what the sweep found, what clients sent (kernel.ts, K1, K2, K4, K7,
// K9). What shares a stream with a batch under way is held back, and holds back what comes behind it
// on its own streams.

import type { Entry } from "./batch.ts";
import type { Limits } from "./limits.ts";
import type { StreamKey } from "./stream.ts";
import { StreamMap } from "./stream-map.ts";

type Source = () => Entry | undefined;

/** Each gives its oldest command, and undefined once it is empty. */
export type Sources = {
  readonly drains: Source;
  readonly due: Source;
  readonly commands: Source;
  /** Commands of clients that wait. */
  readonly waiting: () => number;
};

/** The batch, and what must run before all else next time. */
export type Admission = { readonly picked: readonly Entry[]; readonly again: readonly Entry[] };

/**
 * @param again what was admitted once already, or held back
 * @param isBusy whether a batch under way touches the stream; null: there is none
 */
export function admit(
  again: readonly Entry[],
  { drains, due, commands, waiting }: Sources,
  { batchMax, sweepShareMax }: Limits,
  isBusy: ((key: StreamKey) => boolean) | null,
): Admission {
  const picked: Entry[] = [];
  const held: Entry[] = [];
  const blocked = new StreamMap<true>();
  const isHeld = (key: StreamKey) => blocked.has(key) || isBusy?.(key) === true;
  const take = (next: Source, max: number) => {
    for (let count = 0; count < max && picked.length + held.length < batchMax; count++) {
      const entry = next();
      if (entry === undefined) return;
      if (isBusy !== null && entry.keys.some(isHeld)) {
        for (const key of entry.keys) blocked.set(key, true);
        held.push(entry);
      } else {
        picked.push(entry);
      }
    }
  };
  const rest = again.values();
  take(() => rest.next().value, batchMax); // K4
  take(drains, batchMax); // K7
  take(due, Math.ceil(sweepShareMax / (1 + waiting()))); // K9
  take(commands, batchMax);
  return { picked, again: [...held, ...rest] };
}
