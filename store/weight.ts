// What a stream weighs in memory, in characters of payload: for whatever bounds how many are held.

import { promiseWeight, scheduleWeight } from "../kernel/search.ts";
import type { Stream } from "../kernel/stream.ts";
import { resumesOf } from "../kernel/task.ts";

export function streamWeight({ key, state }: Pick<Stream, "key" | "state">): number {
  if (state.kind === "schedule") {
    const { schedule } = state;
    return key.id.length + (schedule.kind === "absent" ? 0 : scheduleWeight(schedule));
  }
  const { promise, task, callbacks, listeners } = state;
  const waiting = lengths(callbacks) + lengths(listeners);
  const holder = task.kind === "acquired" ? task.pid.length : 0;
  const working = lengths(resumesOf(task)) + holder;
  return key.id.length + promiseWeight(promise) + waiting + working;
}

function lengths(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}
