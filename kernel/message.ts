// What goes to workers and listeners (protocol.md §1.5). A message is handed over once the commit that
// caused it has landed, and not before.

import type { PromiseId, TaskVersion } from "./ids.ts";
import type { SettledPromise } from "./promise.ts";

export type Message =
  /** The task may be acquired. */
  | {
      readonly kind: "execute";
      readonly to: string;
      readonly id: PromiseId;
      /** The one that it has before it is acquired. */
      readonly version: TaskVersion;
    }
  /** The promise is settled. */
  | {
      readonly kind: "unblock";
      readonly to: string;
      readonly id: PromiseId;
      readonly promise: SettledPromise;
    };
