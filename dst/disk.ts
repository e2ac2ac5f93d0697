// The store, and the moment at which a commit becomes durable. A commit is first written: nobody sees
// it, and it may survive. Then it is durable and visible, at one instant, which gives its place in the
// order of commits. A power cut keeps what is durable, and some first part of what is written.
//
//   Y1. A commit is seen by nobody before it is durable.
//   Y2. Commits that share a stream become durable in the order in which they were written; others may
//       overtake each other.
//   Y3. After a power cut the written commits that survive are the first of them, each whole.

import { assert, unreachable } from "../kernel/assert.ts";
import type { Completion, StoreFailure, Submission } from "../kernel/ports.ts";
import type { Component } from "../kernel/stream.ts";
import { StreamMap } from "../kernel/stream-map.ts";
import { type Store, StoreError } from "../store/store.ts";
import { Crash } from "./verdict.ts";

/** What became of a written commit. */
export type Landing =
  | { readonly kind: "landed"; readonly conflicts: readonly number[] }
  | { readonly kind: "refused"; readonly failure: StoreFailure }
  /** By a power cut. */
  | { readonly kind: "dropped" };

export type Written = {
  readonly components: readonly Component[];
  /** Called once. */
  readonly onEnd: (landing: Landing) => void;
  isSynced: boolean;
};

type Read = Exclude<Submission, { kind: "commit" | "send" }>;

export class Disk {
  readonly #store: Store;
  /** Not yet durable, as they were written. */
  #written: readonly Written[] = [];
  #isAsked = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** It is a node that asks, and no oracle. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  get writtenCount(): number {
    return this.#written.length;
  }

  read(submission: Read): Completion {
    this.#isAsked = true;
    try {
      return ask(this.#store, submission);
    } catch (error) {
      const failure = failureOf(error);
      assert(failure !== "outcome_unknown", "a read of unknown outcome");
      return { kind: "failed", failure };
    } finally {
      this.#isAsked = false;
    }
  }

  write(components: readonly Component[], onEnd: Written["onEnd"]): Written {
    const written = { components, onEnd, isSynced: false };
    this.#written = [...this.#written, written];
    return written;
  }

  /** The commit is on the disk; it becomes visible unless an earlier one is in its way (Y2). */
  sync(written: Written): void {
    written.isSynced = true;
    this.#settle();
  }

  /** @param survivorsMax of what is written and not durable; 0: nothing (Y3) */
  cut(survivorsMax: number): void {
    const written = this.#written;
    this.#written = [];
    for (const [index, each] of written.entries()) {
      if (index < survivorsMax) this.#land(each);
      else each.onEnd({ kind: "dropped" });
    }
  }

  #settle(): void {
    for (let next = this.#ready(); next !== null; next = this.#ready()) {
      const landing = next;
      this.#written = this.#written.filter((each) => each !== landing);
      this.#land(landing);
    }
  }

  /** The first that is synced and shares no stream with one before it (Y2). */
  #ready(): Written | null {
    const touched = new StreamMap<true>();
    for (const written of this.#written) {
      const keys = written.components.flatMap(({ changes }) => changes.map(({ key }) => key));
      if (written.isSynced && !keys.some((key) => touched.has(key))) return written;
      for (const key of keys) touched.set(key, true);
    }
    return null;
  }

  #land({ components, onEnd }: Written): void {
    onEnd(this.#commit(components)); // Y1
  }

  #commit(components: readonly Component[]): Landing {
    this.#isAsked = true;
    try {
      return { kind: "landed", conflicts: this.#store.commit(components) };
    } catch (error) {
      return { kind: "refused", failure: failureOf(error) };
    } finally {
      this.#isAsked = false;
    }
  }
}

/** @throws Crash for what is no failure of the store, but a bug */
function failureOf(error: unknown): StoreFailure {
  if (error instanceof StoreError && !error.isFatal) return error.failure;
  throw new Crash("store", error);
}

function ask(store: Store, submission: Read): Completion {
  switch (submission.kind) {
    case "load":
      return { kind: "loaded", streams: store.load(submission.keys) };
    case "query":
      return { kind: "found", found: store.query(submission.query) };
    case "log":
      return { kind: "logged", pages: store.log(submission.ranges) };
    case "due":
      return { kind: "due", due: store.due(submission.now, submission.bounds) };
    case "list":
      return { kind: "listed", pages: store.list(submission.queries) };
    case "waiting":
      return { kind: "waiting", page: store.waiting(submission.query) };
    default:
      return unreachable(submission);
  }
}
