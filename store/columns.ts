// What a search may ask of a stream, taken out of its snapshot. Pure, so that what is indexed can be
// computed again and compared (verify.ts).

import type { DeadlineMs } from "../kernel/ids.ts";
import type { StoredState } from "../kernel/search.ts";
import type { StreamState } from "../kernel/stream.ts";
import { isTimer, type Tags } from "../kernel/value.ts";

export type Columns = {
  readonly state: StoredState;
  readonly timeoutAt: DeadlineMs;
  readonly isTimer: boolean;
  /** They never change once a promise is created (protocol.md §12, 19). */
  readonly tags: Tags;
};

/** Null: no promise is there to be found. */
export function columns({ promise }: StreamState): Columns | null {
  if (promise.kind === "absent") return null;
  const { timeoutAt, tags } = promise;
  const state = promise.kind === "settled" ? promise.outcome : "pending";
  return { state, timeoutAt, isTimer: isTimer(tags), tags };
}
