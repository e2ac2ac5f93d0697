// A submission, carried out by a store. What the store throws becomes a failure that says whether it
// may have had an effect; what it throws unrecognised is a bug, and goes on up.

import { assert, unreachable } from "../kernel/assert.ts";
import type { Submission as AnySubmission, Completion } from "../kernel/ports.ts";
import { type Store, StoreError } from "../store/store.ts";

/** What a store can carry out. */
export type Submission = Exclude<AnySubmission, { readonly kind: "send" }>;

/** @throws StoreError if it is fatal: the process must stop and the restart decide */
export function perform(store: Store, submission: Submission): Completion {
  try {
    return ask(store, submission);
  } catch (error) {
    return failed(error, submission);
  }
}

/**
 * What a store has thrown, as a completion.
 *
 * @throws what was thrown, if it is fatal or a bug
 */
export function failed(error: unknown, submission: Submission): Completion {
  if (!(error instanceof StoreError) || error.isFatal) throw error;
  const mayBeUnknown = submission.kind === "commit";
  assert(mayBeUnknown || error.failure !== "outcome_unknown", "a read of unknown outcome");
  return { kind: "failed", failure: error.failure };
}

function ask(store: Store, submission: Submission): Completion {
  switch (submission.kind) {
    case "load":
      return { kind: "loaded", streams: store.load(submission.keys) };
    case "commit":
      return { kind: "committed", conflicts: store.commit(submission.components) };
    case "query":
      return { kind: "found", found: store.query(submission.query) };
    case "log":
      return { kind: "logged", pages: store.log(submission.ranges) };
    case "list":
      return { kind: "listed", pages: store.list(submission.queries) };
    case "waiting":
      return { kind: "waiting", page: store.waiting(submission.query) };
    case "due":
      return { kind: "due", due: store.due(submission.now, submission.bounds) };
    default:
      return unreachable(submission);
  }
}
