// What the two ends of the bridge to a Postgres say to each other.

import type { StoreFailure } from "../../kernel/ports.ts";
import type { PostgresOptions } from "../../store/postgres-open.ts";
import type { AsyncStore } from "../../store/store.ts";

export type Verb = keyof AsyncStore | "missedCount" | "close";

export type BridgeSetup = {
  readonly options: Omit<PostgresOptions, "onWarning">;
  /** Counts the answers; who waits for one sleeps on it. */
  readonly answers: SharedArrayBuffer;
};

export type Call = {
  /** Comes back with the outcome, so that one that came too late is told apart. */
  readonly number: number;
  readonly verb: Verb;
  readonly given: readonly unknown[];
};

export type Reply = { readonly number: number; readonly outcome: Outcome };

/** An error loses its class on the way, so it is told in parts. */
export type Outcome =
  | { readonly kind: "answered"; readonly answer: unknown }
  | {
      readonly kind: "failed";
      readonly failure: StoreFailure;
      readonly message: string;
    }
  | { readonly kind: "broken"; readonly message: string };
