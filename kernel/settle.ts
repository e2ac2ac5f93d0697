// All that a settlement draws along. Whoever waits for a promise becomes an obligation, due at once;
// each is met by a command of its own, because it touches the stream of another promise, or has to be
// told by somebody who may fail.

import type { InternalCommand } from "./command.ts";
import type { InstantMs } from "./ids.ts";
import { type Tellings, untold } from "./listener.ts";
import type { PromiseKey, PromiseStream } from "./stream.ts";

/** What is owed once this stream is settled: callbacks, then those listeners that are due. */
export function drains(
  { id }: PromiseKey,
  { promise, callbacks, listeners }: PromiseStream,
  { tellings, now }: { readonly tellings: Tellings; readonly now: InstantMs },
): readonly InternalCommand[] {
  if (promise.kind !== "settled") return nothing;
  if (callbacks.length + listeners.length === 0) return nothing;
  return [
    ...callbacks.map((awaiter) => ({ kind: "drain_callback", awaited: id, awaiter }) as const),
    ...untold(listeners, tellings, now).map((address) => {
      return { kind: "tell_listener", awaited: id, address } as const;
    }),
  ];
}

const nothing: readonly InternalCommand[] = [];
