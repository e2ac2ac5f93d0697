// Reads that are no part of a batch: searches and event histories, as values. Each is one question
// to the store, answered from one snapshot (promise-api.md §2).
//
//   R1. A passed deadline is filtered and shown, and not written: the question carries `now`.
//   R2. Newest first, by creation number: the log position of the promise's first event.
//   R3. There is a next page if and only if there is at least one more match.
//   R4. A page ends early once it holds `pageWeightMax`, but never before its first row.

import { unreachable } from "./assert.ts";
import type { Outcome, RecordedEvent } from "./event.ts";
import {
  type InstantMs,
  type Position,
  type PromiseId,
  position,
  type StreamVersion,
} from "./ids.ts";
import { type PromiseRecord, type PromiseState, project } from "./promise.ts";
import type { ScheduleDefinition } from "./schedule.ts";
import type { StreamKey } from "./stream.ts";
import type { Pairs, Tags, Value } from "./value.ts";

export type SearchState = "pending" | "resolved" | "rejected";

export type SearchPromises = {
  readonly kind: "search_promises";
  /** `*` is any run of characters, all else is literal; it must match the whole id. */
  readonly pattern: string;
  readonly state: SearchState | null;
  /** Every pair must be there. */
  readonly tags: Tags;
  readonly limit: number;
  /** Only promises created before this one; null: from the newest. */
  readonly before: Position | null;
};

/** The history of one stream, or the whole log; oldest first. */
export type ReadEvents = {
  readonly kind: "read_events";
  /** Null: the whole log. */
  readonly of: StreamKey | null;
  /** Exclusive: a version with a stream, a position without. */
  readonly after: number;
  readonly limit: number;
};

/** How the store names the state of a promise in its columns. */
export type StoredState = "pending" | Outcome;

export type StateFilter = {
  readonly state: StoredState;
  /** Null: whatever the deadline. */
  readonly isPast: boolean | null;
  /** Null: timer or not. */
  readonly isTimer: boolean | null;
};

export type PromiseQuery = {
  readonly pattern: string;
  /** One of them must hold; null: any promise. */
  readonly anyOf: readonly StateFilter[] | null;
  readonly tags: Tags;
  readonly before: Position | null;
  readonly limit: number;
  readonly weightMax: number;
  /** What `isPast` compares deadlines with. */
  readonly now: InstantMs;
};

export type FoundPromise = {
  readonly id: PromiseId;
  readonly position: Position;
  readonly promise: PromiseRecord;
};

/** Rows as they are stored; `hasMore` if another one would match. */
export type Found = { readonly rows: readonly FoundPromise[]; readonly hasMore: boolean };

export type PromisePage = {
  readonly promises: readonly { readonly id: PromiseId; readonly promise: PromiseRecord }[];
  /** Where the next page begins; null: there is none. */
  readonly before: Position | null;
};

export type LogRange = {
  readonly of: StreamKey | null;
  readonly after: number;
  readonly limit: number;
  readonly weightMax: number;
};

export type LoggedEvent = RecordedEvent & {
  readonly position: Position;
  readonly key: StreamKey;
  readonly version: StreamVersion;
};

export type LogPage = {
  readonly events: readonly LoggedEvent[];
  /** The last version of the stream (0: there is none), or the last position of the log. */
  readonly end: number;
};

export type EventPage = {
  readonly events: readonly LoggedEvent[];
  /** What to ask for next; null: there is no more now. */
  readonly next: number | null;
};

export function toQuery(search: SearchPromises, weightMax: number, now: InstantMs): PromiseQuery {
  const { pattern, tags, before, limit, state } = search;
  const anyOf = state === null ? null : filters(state);
  return { pattern, anyOf, tags, before, limit, weightMax, now };
}

/** R1. */
function filters(state: SearchState): readonly StateFilter[] {
  const stored = (outcome: Outcome) => ({ state: outcome, isPast: null, isTimer: null });
  const overdue = (isTimer: boolean) => ({ state: "pending", isPast: true, isTimer }) as const;
  switch (state) {
    case "pending":
      return [{ state: "pending", isPast: false, isTimer: null }];
    case "resolved":
      return [stored("resolved"), overdue(true)];
    case "rejected":
      return [stored("rejected"), stored("canceled"), stored("timedout"), overdue(false)];
    default:
      return unreachable(state);
  }
}

export function toPage({ rows, hasMore }: Found, now: InstantMs): PromisePage {
  const last = rows.at(-1);
  return {
    promises: rows.map(({ id, promise }) => ({ id, promise: project(promise, now) })), // R1
    before: hasMore && last !== undefined ? last.position : null, // R3
  };
}

export function toEventPage({ events, end }: LogPage, { of }: ReadEvents): EventPage {
  const last = events.at(-1);
  if (last === undefined) return { events, next: null };
  const shown = of === null ? last.position : last.version;
  return { events, next: shown < end ? shown : null };
}

/** Whether the whole id matches; linear in the lengths, whatever the pattern. */
export function matches(pattern: string, id: string): boolean {
  const pieces = pattern.split("*");
  const [first = "", ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return id === pattern;
  if (!id.startsWith(first)) return false;
  let from = first.length;
  for (const piece of rest) {
    const found = id.indexOf(piece, from); // the leftmost is as good as any later one
    if (found === -1) return false;
    from = found + piece.length;
  }
  return id.length - last.length >= from && id.endsWith(last);
}

/** R4. What a promise adds to a page, in characters. */
export function weight({ id, promise }: FoundPromise): number {
  return id.length + promiseWeight(promise);
}

/** What a promise carries, in characters. */
export function promiseWeight(promise: PromiseState): number {
  if (promise.kind === "absent") return 0;
  const value = promise.kind === "settled" ? valueWeight(promise.value) : 0;
  return pairsWeight(promise.tags) + valueWeight(promise.param) + value;
}

/** What a schedule carries, in characters. */
export function scheduleWeight(definition: ScheduleDefinition): number {
  const { cron, promiseIdTemplate, promiseParam, promiseTags } = definition;
  const carried = valueWeight(promiseParam) + pairsWeight(promiseTags);
  return cron.length + promiseIdTemplate.length + carried;
}

/** R4. What an event adds to a page, in characters. */
export function eventWeight({ key, event }: LoggedEvent): number {
  switch (event.kind) {
    case "promise_created":
      return key.id.length + pairsWeight(event.tags) + valueWeight(event.param);
    case "promise_settled":
      return key.id.length + valueWeight(event.value);
    case "callback_registered":
    case "callback_drained":
      return key.id.length + event.awaiter.length;
    case "listener_registered":
    case "listener_drained":
      return key.id.length + event.address.length;
    case "task_acquired":
      return key.id.length + event.pid.length;
    case "task_resumed":
      return key.id.length + event.awaited.length;
    case "schedule_created":
      return key.id.length + scheduleWeight(event);
    case "task_released":
    case "task_suspended":
    case "resumes_cleared":
    case "task_halted":
    case "task_continued":
    case "lease_expired":
    case "schedule_fired":
    case "schedule_deleted":
      return key.id.length;
    default:
      return unreachable(event);
  }
}

function valueWeight({ headers, data }: Value): number {
  return (headers === null ? 0 : pairsWeight(headers)) + (data?.length ?? 0);
}

function pairsWeight(pairs: Pairs): number {
  let sum = 0;
  for (const [name, text] of pairs) sum += name.length + text.length;
  return sum;
}

export const logStart = position(0);
