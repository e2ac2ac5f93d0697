// What a stream has for workers that were not there: its task, or the news that its promise is settled
// (protocol.md §1.3). The store keeps it by receiver, so that who connects finds it, in this run of the
// server or a later one.
//
//   U1. A task waits from its first dispatch until it is taken, a listener from when it was first told
//       until it is confirmed. Whether either was missed is seen by the instant: it is 0 then.
//   U2. What waits for several receivers is kept for each, and once for each.
//   U3. What was handed over before this run of the server, and nobody has answered, counts as missed:
//       that process has taken it along.
//   U4. What has to wait for its delay, or for its clock since it was released too often, is not offered.

import { parseAddress, type Receiver, receiverOf } from "./address.ts";
import type { InternalCommand } from "./command.ts";
import { type InstantMs, instantMs } from "./ids.ts";
import type { Telling } from "./listener.ts";
import type { Stream, StreamState } from "./stream.ts";
import type { Timers } from "./timers.ts";

export type Waiting = {
  readonly receiver: Receiver;
  /** U1. */
  readonly offeredAt: InstantMs;
};

export type WaitingQuery = {
  readonly receiver: Receiver;
  /** Only what was offered before, or missed (U3). */
  readonly before: InstantMs;
  /** Where to go on; null: from the oldest. */
  readonly after: WaitingPlace | null;
  readonly limit: number;
  readonly weightMax: number;
};

/** By instant, then by creation. */
export type WaitingPlace = { readonly offeredAt: InstantMs; readonly number: number };

/** `next`: where to go on; null: there was no more. */
export type WaitingPage = {
  readonly streams: readonly Stream[];
  readonly next: WaitingPlace | null;
};

const missed = instantMs(0);
const nothing: readonly Waiting[] = [];

/** U1, U2. */
export function waiting(state: StreamState, timers: Timers): readonly Waiting[] {
  if (state.kind === "schedule") return nothing;
  const { promise, task } = state;
  if (promise.kind === "pending") {
    const { isMissed, offeredAt } = timers;
    if (task.kind !== "pending" || offeredAt === null) return nothing; // U4
    const receiver = receiverOfText(promise.tags.get("resonate:target") ?? "");
    return receiver === null ? nothing : [{ receiver, offeredAt: isMissed ? missed : offeredAt }];
  }
  if (timers.tellings.size === 0) return nothing;
  const soonest = new Map<Receiver, InstantMs>();
  for (const [address, telling] of timers.tellings) {
    const receiver = receiverOfText(address);
    if (receiver === null) continue;
    const offeredAt = instantOf(telling);
    const other = soonest.get(receiver) ?? offeredAt;
    soonest.set(receiver, other < offeredAt ? other : offeredAt);
  }
  return [...soonest].map(([receiver, offeredAt]) => ({ receiver, offeredAt }));
}

/** What is to be done for a receiver that is there; each is checked again when it runs. */
export function offers(
  { key, state, timers }: Stream,
  receiver: Receiver,
  before: InstantMs,
): readonly InternalCommand[] {
  if (key.kind === "schedule" || state.kind === "schedule") return [];
  if (state.promise.kind === "pending") return [{ kind: "offer_missed", id: key.id, before }];
  return [...timers.tellings.keys()]
    .filter((address) => receiverOfText(address) === receiver)
    .map((address) => ({ kind: "tell_missed", awaited: key.id, address, before }));
}

/** U3. Of a task that is pending. */
export function isTaskMissed({ isMissed, offeredAt }: Timers, before: InstantMs): boolean {
  return isMissed || (offeredAt !== null && offeredAt < before);
}

/** U3. Of a worker; whoever is pushed to has a clock. */
export function isTellingMissed({ isMissed, toldAt }: Telling, before: InstantMs): boolean {
  return isMissed || toldAt < before;
}

function instantOf({ isMissed, toldAt }: Telling): InstantMs {
  return isMissed ? missed : toldAt;
}

function receiverOfText(text: string): Receiver | null {
  const address = parseAddress(text);
  return address?.kind === "poll" ? receiverOf(address) : null;
}
