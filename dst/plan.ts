// All that decides a run, as plain data: it can be written to a file, made smaller, and run again.
// A plan is drawn from a seed once; the run itself then makes only choices (choice.ts).

import type { Limits } from "../kernel/limits.ts";
import type { FaultName } from "./faults.ts";
import type { DrawnRules } from "./rules.ts";
import type { Seed } from "./seed.ts";

/** How often a fault strikes, in a million; 0: never. */
export type Faults = Readonly<Record<FaultName, number>>;

/** Who goes first among those that could act at the same millisecond (simulation.md §1). */
export type Policy =
  | { readonly kind: "fifo" }
  | { readonly kind: "lifo" }
  | { readonly kind: "random" }
  /** One actor always goes last. */
  | { readonly kind: "starve"; readonly actor: number }
  /** Actors have priorities, which change `depth - 1` times. */
  | { readonly kind: "pct"; readonly depth: number };

export type StoreKind = "memory" | "sqlite" | "postgres";

export type Plan = {
  readonly seed: Seed;
  readonly store: StoreKind;
  readonly nodes: number;
  readonly clients: number;
  readonly policy: Policy;
  readonly limits: Limits;
  readonly rules: DrawnRules;
  readonly faults: Faults;
  /** The longest delay of each step of the outside, ms; 0: all happens at once. */
  readonly delayMax: number;
  /** When faults stop, ms since the start of the world. */
  readonly healAt: number;
  readonly intents: readonly Intent[];
  /** The linearizability of the history is searched as well. */
  readonly isSearched: boolean;
  /** The model lies about the last operation, so this run must fail. */
  readonly isCanary: boolean;
};

/**
 * What a client means to do. It does one thing after the other, each not before `at`. A retry or a
 * duplicate is a choice of the run and no intent.
 */
export type Intent = {
  /** Stays the same when other intents are taken away: it names the choices about this one. */
  readonly key: number;
  /** Ms since the start of the world. */
  readonly at: number;
  readonly client: number;
  readonly action: Action;
};

export type PairList = readonly (readonly [name: string, value: string])[];
export type PlainValue = { readonly headers: PairList | null; readonly data: string | null };

/** Whole numbers beyond 2^53 are decimal text. */
export type Deadline =
  /** Relative to the client's request, in world time. */
  | { readonly from: "request"; readonly ms: number }
  /** Relative to the start of the world. */
  | { readonly from: "start"; readonly ms: number }
  /** Since the Unix epoch. */
  | { readonly from: "epoch"; readonly ms: string };

/** What is asked for a task. `lag` is added to the last version that any client has seen of it. */
type OfTask = { readonly id: string; readonly lag: number };
/** `ttl` in ms. */
type Lease = { readonly pid: string; readonly ttl: number };
export type CreateAction = Extract<Action, { readonly kind: "create" }>;
export type SettleAction = Extract<Action, { readonly kind: "settle" }>;

export type TaskAction =
  | { readonly kind: "look"; readonly id: string }
  | { readonly kind: "halt"; readonly id: string }
  | { readonly kind: "continue"; readonly id: string }
  | (OfTask & Lease & { readonly kind: "acquire" })
  /** Creates a promise that has a target, or acquires its task. */
  | (Lease & { readonly kind: "start"; readonly action: CreateAction })
  | (OfTask & { readonly kind: "release" })
  | (OfTask & { readonly kind: "heartbeat"; readonly pid: string })
  | (OfTask & {
      readonly kind: "fulfill";
      readonly outcome: SettleAction["outcome"];
      readonly value: PlainValue;
    })
  /** Not its own. */
  | (OfTask & { readonly kind: "suspend"; readonly awaited: readonly string[] })
  /** About another promise. */
  | (OfTask & { readonly kind: "fence"; readonly action: CreateAction | SettleAction });

/** A prefix is of ids. `after`: `next`: where this client's last page of the kind ended; null: the start. */
type OfList = {
  readonly idPrefix: string;
  readonly after: { readonly id: string } | "start" | "next";
  readonly limit: number;
};

export type ScheduleAction =
  | {
      readonly kind: "schedule";
      readonly id: string;
      readonly cron: string;
      /** The template. */
      readonly promiseId: string;
      /** Ms, in decimal. */
      readonly promiseTimeout: string;
      readonly param: PlainValue;
      readonly tags: PairList;
    }
  | { readonly kind: "show"; readonly id: string }
  | { readonly kind: "unschedule"; readonly id: string };

export type ListAction =
  | (OfList & {
      readonly kind: "list_promises";
      readonly state: "pending" | "resolved" | "rejected" | "canceled" | "timedout" | null;
      readonly tags: PairList;
    })
  | (OfList & {
      readonly kind: "list_tasks";
      readonly state: "pending" | "acquired" | "suspended" | "halted" | "fulfilled" | null;
    })
  | (OfList & { readonly kind: "list_schedules"; readonly tags: PairList });

export type Action =
  | TaskAction
  | ScheduleAction
  | ListAction
  | { readonly kind: "listen"; readonly awaited: string; readonly address: string }
  /** As through the current protocol, which knows no keys. */
  | { readonly kind: "share"; readonly action: CreateAction | SettleAction }
  | {
      readonly kind: "create";
      readonly id: string;
      readonly deadline: Deadline;
      readonly param: PlainValue;
      readonly tags: PairList;
      readonly key: string | null;
      readonly strict: boolean;
      readonly isExternal: boolean;
    }
  | {
      readonly kind: "settle";
      readonly id: string;
      readonly outcome: "resolved" | "rejected" | "canceled";
      readonly value: PlainValue;
      readonly key: string | null;
      readonly strict: boolean;
    }
  | { readonly kind: "get"; readonly id: string }
  | { readonly kind: "callback"; readonly awaited: string; readonly awaiter: string }
  | {
      readonly kind: "search";
      readonly pattern: string;
      readonly state: "pending" | "resolved" | "rejected" | null;
      readonly tags: PairList;
      readonly limit: number;
      /** `next`: where this client's last search ended, the start if it is over; a number: a position. */
      readonly before: "start" | "next" | number;
    }
  | {
      readonly kind: "events";
      /** Null: the whole log. */
      readonly of: string | null;
      /** `next`: where this client's last reading of the same log ended. */
      readonly after: "start" | "next" | number;
      readonly limit: number;
    };
