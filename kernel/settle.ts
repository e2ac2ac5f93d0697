// All that a settlement draws along. Whoever waits for a promise becomes an obligation, due at once;
// each is met by a command of its own, because it touches the stream of another promise.

import type { InternalCommand } from "./command.ts";
import type { StreamKey, StreamState } from "./stream.ts";

/** The drains that are owed once this stream is settled, in the order of registration. */
export function drains({ id }: StreamKey, state: StreamState): readonly InternalCommand[] {
  if (state.promise.kind !== "settled") return [];
  return state.callbacks.map((awaiter) => ({ kind: "drain_callback", awaited: id, awaiter }));
}
