// What a stream weighs in memory, in characters of payload: for whatever bounds how many are held.

import { promiseWeight } from "../kernel/search.ts";
import type { Stream } from "../kernel/stream.ts";

export function streamWeight({ key, state }: Stream): number {
  const waiting = state.callbacks.reduce((sum, awaiter) => sum + awaiter.length, 0);
  return key.id.length + promiseWeight(state.promise) + waiting;
}
