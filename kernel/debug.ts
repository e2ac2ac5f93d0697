// The debug surface (protocol.md §9), between the rim that is asked and the outside that drives time.
// Neither knows the other.

import type { Failure, Response } from "./command.ts";
import type { InstantMs } from "./ids.ts";
import type { Message } from "./message.ts";
import type { Stream } from "./stream.ts";

export type DebugOrder =
  /** Timed steps and messages wait from now on. */
  | { readonly kind: "start" }
  | { readonly kind: "stop" }
  /** Everything is erased. */
  | { readonly kind: "reset" }
  /** All that is due at this instant is done. */
  | { readonly kind: "tick"; readonly time: InstantMs }
  | { readonly kind: "snap" };

export type DebugAnswer =
  | { readonly kind: "done" }
  /** What is stored, and each `execute` that waits; in any order. */
  | {
      readonly kind: "snapshot";
      readonly streams: readonly Stream[];
      readonly executes: readonly Message[];
    }
  | { readonly kind: "failed"; readonly failure: Failure };

export interface Debug {
  /**
   * @param at the instant that time is set to before; null: it goes on as it did
   * @param reply called once, and not from within the call
   * @returns false if there is no room for it; then `reply` is never called
   */
  order(order: DebugOrder, reply: (answer: DebugAnswer) => void, at: InstantMs | null): boolean;
}

/** How a request is answered that was let in and then found no room. */
export const noRoom: Response & DebugAnswer = { kind: "failed", failure: "queue_full" };
