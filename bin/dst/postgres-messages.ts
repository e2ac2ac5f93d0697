// What the two ends of the bridge to a Postgres say to each other.

import type { StoreFailure } from "../../kernel/ports.ts";
import type { PostgresAddress } from "../../store/postgres-pool.ts";
import type { ProbeSite } from "../../store/probe.ts";
import type { AsyncStore } from "../../store/store.ts";

export type Verb = keyof AsyncStore | "missedCount" | "close";

export type BridgeSetup = {
  /** Null: a database of its own, which is gone when the bridge is closed. */
  readonly address: PostgresAddress | null;
  /** Two words: the count of messages to this end, which sleeps on it; and what it says of a probe. */
  readonly shared: SharedArrayBuffer;
};

/** What stands in the second word. */
export const said = { nothing: 0, no: 1, yes: 2 } as const;

export type Call = {
  /** Comes back with the outcome, so that one that came too late is told apart. */
  readonly number: number;
  readonly verb: Verb;
  readonly given: readonly unknown[];
};

export type Reply = { readonly number: number; readonly outcome: Outcome };

/** An error loses its class on the way, so it is told in parts. */
export type Outcome =
  /** The call goes on when it is said whether to break in. */
  | { readonly kind: "probed"; readonly site: ProbeSite }
  | { readonly kind: "answered"; readonly answer: unknown }
  | {
      readonly kind: "failed";
      readonly failure: StoreFailure;
      readonly message: string;
    }
  | { readonly kind: "broken"; readonly message: string };
