// What a search may ask of a stream, taken out of its snapshot. Pure, so that what is indexed can be
// computed again and compared (verify.ts).

import type { DeadlineMs } from "../kernel/ids.ts";
import type { TaskStateName } from "../kernel/list.ts";
import type { StoredState } from "../kernel/search.ts";
import type { StreamState } from "../kernel/stream.ts";
import { isTimer, type Tags } from "../kernel/value.ts";

export type Columns = {
  readonly state: StoredState;
  readonly timeoutAt: DeadlineMs;
  readonly isTimer: boolean;
  /** Null: there is no task. */
  readonly taskState: TaskStateName | null;
  /** Null: it has none, or an empty one. */
  readonly branch: string | null;
  /** They never change once a promise is created (protocol.md §12, 19). */
  readonly tags: Tags;
};

/** Null: no promise is there to be found. */
export function columns(stream: StreamState): Columns | null {
  if (stream.kind === "schedule" || stream.promise.kind === "absent") return null;
  const { promise, task } = stream;
  const { timeoutAt, tags } = promise;
  const state = promise.kind === "settled" ? promise.outcome : "pending";
  const taskState = task.kind === "absent" ? null : task.kind;
  const branch = tags.get("resonate:branch") || null;
  return { state, timeoutAt, isTimer: isTimer(tags), taskState, branch, tags };
}
