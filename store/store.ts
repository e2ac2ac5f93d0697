// The event store: eight verbs over streams. It knows revisions, events, rows and indexes, and none
// of the rules by which they came about. Every implementation passes test/store/conformance.ts.
//
//   A1. A commit is atomic and durable when it returns, and seen by nobody before.
//   A2. A component lands whole, and only if every stream in it still has the revision that was
//       loaded, those included that it only read. The other components land without it.
//   A3. Events, snapshot and timers of a stream are written together; a stream never vanishes. A write
//       without events moves its timers, its due date and its revision, and nothing else.
//   A4. Each call reads one consistent state: all that was committed before, nothing in part.
//   A5. `due` claims what it returns for `claimMs`: until then, or until the stream is written, it is
//       not handed out again. A courtesy to the other servers; nothing rests on it. The end of an
//       older claim counts for `nextAt`, since whoever holds it may have crashed. A claim of this very
//       call does not: the write that follows ends it, and who failed to write asks again unasked.
//       A claim by a clock that is far ahead counts for nothing (claims.ts, A8).
//   A6. A record that cannot be read is reported where its stream was asked for by key, fails a read
//       that comes upon it, and keeps no other stream from being swept.

import { type InstantMs, streamRevision, streamVersion } from "../kernel/ids.ts";
import type { Listed, ListQuery } from "../kernel/list.ts";
import type { Due, DueBounds, Loaded, StoreFailure } from "../kernel/ports.ts";
import type { Found, LogPage, LogRange, PromiseQuery } from "../kernel/search.ts";
import { absentOf, type Component, type Stream, type StreamKey } from "../kernel/stream.ts";
import { noTimers } from "../kernel/timers.ts";
import type { WaitingPage, WaitingQuery } from "../kernel/waiting.ts";

/** How long a claim lasts, ms. Arbitrary: longer than a batch takes, shorter than a person waits. */
export const claimMs = 5_000;

export interface Store {
  /** One for each key, in their order; a stream that does not exist at version and revision 0. */
  load(keys: readonly StreamKey[]): readonly Loaded[];
  /**
   * Applies the components in order, each whole or not at all.
   *
   * @returns the indexes of those that were not applied (A2)
   */
  commit(components: readonly Component[]): readonly number[];
  /** Newest first; stops at `limit` rows, or once they weigh `weightMax` (kernel/search.ts, R4). */
  query(query: PromiseQuery): Found;
  /**
   * The unclaimed streams with `dueAt <= now`, ordered by due date, then by creation (A5). What the
   * bounds leave over sets `nextAt`.
   */
  due(now: InstantMs, bounds: DueBounds): Due;
  /** A page for each, by id; stops at `limit` rows, or once they weigh `weightMax` (kernel/list.ts). */
  list(queries: readonly ListQuery[]): readonly Listed[];
  /**
   * What waits for a receiver, oldest first (kernel/waiting.ts); bounded like a query. A stream that
   * cannot be read is passed over.
   */
  waiting(query: WaitingQuery): WaitingPage;
  /** A page for each range, oldest first; weighed like a query, by `eventWeight`. */
  log(ranges: readonly LogRange[]): readonly LogPage[];
  /** Erases everything: for tests, and for the debug surface (protocol.md §9). */
  reset(): void;
}

/**
 * A store whose answers take time: each verb a promise of the same. Calls may overlap; where the rules
 * say "before", they mean: answered before this call. A new verb of `Store` is a verb of this one.
 */
export type AsyncStore = {
  [Verb in keyof Store]: (...given: Parameters<Store[Verb]>) => Promise<ReturnType<Store[Verb]>>;
};

/** A stream that does not exist yet. */
export function unwritten(key: StreamKey): Stream {
  const [version, revision] = [streamVersion(0), streamRevision(0)];
  return { key, version, revision, state: absentOf(key.kind), timers: noTimers };
}

/**
 * A store could not do what it was asked, and what that means for the command. What a store throws
 * besides is a bug.
 */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly failure: StoreFailure;
  /** The server must stop: only a restart can tell what is on the disk (promise-api.md §6.3). */
  readonly isFatal: boolean;

  constructor(
    failure: StoreFailure,
    message: string,
    options: { cause?: unknown; isFatal?: boolean } = {},
  ) {
    super(message, { cause: options.cause });
    this.failure = failure;
    this.isFatal = options.isFatal ?? false;
  }
}
