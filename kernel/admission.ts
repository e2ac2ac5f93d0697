// Fills a batch from the four places in which commands wait, in this order: what was admitted once
// already, drains of own commits, what the sweep found, what clients sent (kernel.ts, K1, K2, K4, K7,
// K9). What shares a stream with a batch under way is held back, and holds back what comes behind it
// on its own streams.

import type { Entry } from "./batch.ts";
import type { Limits } from "./limits.ts";
import type { Queue } from "./queue.ts";
import type { StreamKey } from "./stream.ts";
import { StreamMap } from "./stream-map.ts";

export type Waiting = {
  readonly again: readonly Entry[];
  readonly drains: Queue<Entry>;
  readonly due: readonly Entry[];
  readonly commands: Queue<Entry>;
};

/** The batch, and what still waits in the two lists; the queues have been drained in place. */
export type Admission = Pick<Waiting, "again" | "due"> & { readonly picked: readonly Entry[] };

/** @param isBusy whether a batch under way touches the stream; null: there is none */
export function admit(
  { again, drains, due, commands }: Waiting,
  { batchMax, sweepShareMax }: Limits,
  isBusy: ((key: StreamKey) => boolean) | null,
): Admission {
  const picked: Entry[] = [];
  const held: Entry[] = [];
  const blocked = new StreamMap<true>();
  const isHeld = (key: StreamKey) => blocked.has(key) || isBusy?.(key) === true;
  const take = (next: () => Entry | undefined, max: number) => {
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
  const restAgain = again.values();
  const restDue = due.values();
  take(() => restAgain.next().value, batchMax); // K4
  take(() => drains.shift(), batchMax); // K7
  take(() => restDue.next().value, sweepShareMax); // K9
  take(() => commands.shift(), batchMax);
  return { picked, again: [...held, ...restAgain], due: [...restDue] };
}
