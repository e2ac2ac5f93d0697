// What a stream has for workers that are not there, as its row keeps it: pairs of receiver and instant,
// in the order in which the kernel gives them (kernel/waiting.ts). A pure function of snapshot and
// timers, so that verify.ts can compute it again.

import { instantMs } from "../kernel/ids.ts";
import type { Write } from "../kernel/stream.ts";
import { type Waiting, waiting } from "../kernel/waiting.ts";
import { count, list, nonEmpty, parse } from "./members.ts";

/** @returns null for what most streams have: nothing */
export function encodeWaiting({ snapshot, timers }: Pick<Write, "snapshot" | "timers">) {
  const all = waiting(snapshot, timers);
  if (all.length === 0) return null;
  return JSON.stringify(all.map(({ receiver, offeredAt }) => [receiver, offeredAt]));
}

/** @throws Undecodable */
export function decodeWaiting(encoded: string | null): readonly Waiting[] {
  if (encoded === null) return [];
  return list(parse(encoded)).map((pair) => {
    const [receiver, offeredAt] = list(pair);
    return { receiver: asReceiver(nonEmpty(receiver)), offeredAt: instantMs(count(offeredAt)) };
  });
}

/** Only ever compared with others. */
function asReceiver(text: string): Waiting["receiver"] {
  return text as Waiting["receiver"];
}
