// What servers on one store tell each other: keys only, and nothing rests on it. Who is told looks into
// the store, where all of it stands; who is not finds it there with the next poll.

import type { DeadlineMs, InstantMs, Receiver } from "./ids.ts";
import type { Message } from "./message.ts";

export type Announcement =
  /** Something falls due. */
  | { readonly kind: "due"; readonly at: DeadlineMs }
  /** A message found nobody here, as its stream says by now. Whoever has the receiver sends it. */
  | { readonly kind: "missed"; readonly message: Missed };

/** Which message. */
export type Missed = Pick<Message, "kind" | "id" | "to">;

/** What a server may learn of the others. */
export type News =
  | Announcement
  /** Something waits for a receiver that is connected here. */
  | { readonly kind: "waits"; readonly receiver: Receiver };

export type Others = {
  /** How often to ask for what they have made due, ms. */
  readonly pollMs: number;
  /** Called from within a tick; must not throw. */
  readonly announce: (announcement: Announcement) => void;
  /** Told for whom something was there after all that had been missed; as above. */
  readonly taken?: (receiver: Receiver) => void;
};

/** What the outbox has to say (outbox.ts, J4, J5). */
export function tellers(others: Others | null) {
  return {
    announce: (message: Missed) => others?.announce({ kind: "missed", message }),
    taken: (receiver: Receiver) => others?.taken?.(receiver),
  };
}

/** Tells of what falls due before the others would look. */
export function announceDue(others: Others | null, at: DeadlineMs | null, now: InstantMs): void {
  if (others === null || at === null || at >= now + others.pollMs) return;
  others.announce({ kind: "due", at });
}
