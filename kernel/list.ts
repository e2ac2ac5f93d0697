// The searches of the current protocol: what has an id, in the order of ids (protocol.md §7), as values.
// They are reads like any other (read.ts); preloads are read in the same way.
//
//   L1. A passed deadline is filtered and shown, and not written: the promise counts as settled, and its
//       task as fulfilled.
//   L2. By the UTF-8 bytes of the id, ascending; a page goes on behind the last id of the one before.
//   L3. There is a next page if and only if there is at least one more match.
//   L4. A page ends early once what was read for it weighs `pageWeightMax`, but never before its first
//       row. A task weighs what its stream does, since that is what is held in memory for it.

import { AssertionError, unreachable } from "./assert.ts";
import { type InstantMs, isDue, type PromiseId, type ScheduleId } from "./ids.ts";
import { type PromiseRecord, project } from "./promise.ts";
import type { ScheduleRecord } from "./schedule.ts";
import type { StoredState } from "./search.ts";
import type { PromiseStream, StreamKey, StreamKind, StreamState } from "./stream.ts";
import type { TaskRecord } from "./task.ts";
import { isTimer, noPairs, type Tags } from "./value.ts";

export type TaskStateName = TaskRecord["kind"];

type OfPage = {
  /** Byte for byte; "": any id. */
  readonly idPrefix: string;
  /** Only ids behind this one; null: from the first. Any text. */
  readonly after: string | null;
  readonly limit: number;
};

export type ListPromises = OfPage & {
  readonly kind: "list_promises";
  readonly state: StoredState | null;
  /** Every pair must be there. */
  readonly tags: Tags;
};

export type ListTasks = OfPage & {
  readonly kind: "list_tasks";
  readonly state: TaskStateName | null;
};

export type ListSchedules = OfPage & {
  readonly kind: "list_schedules";
  /** Every pair must be among the tags of its promises. */
  readonly tags: Tags;
};

export type List = ListPromises | ListTasks | ListSchedules;

/** Of promises and their tasks; whatever is null may be anything. */
export type ListFilter = {
  readonly promise: StoredState | null;
  readonly tasks: readonly TaskStateName[] | null;
  readonly isPast: boolean | null;
  readonly isTimer: boolean | null;
};

export type ListQuery = {
  readonly of: StreamKind;
  readonly idPrefix: string;
  readonly after: string | null;
  /** One of them must hold; null: anything that is there, as with schedules always. */
  readonly anyOf: readonly ListFilter[] | null;
  /** Of the promise, or of the promises that a schedule makes. */
  readonly tags: Tags;
  readonly limit: number;
  readonly weightMax: number;
  /** What `isPast` compares deadlines with. */
  readonly now: InstantMs;
};

export type ListRow = { readonly key: StreamKey; readonly state: StreamState };

/** Rows as they are stored; `hasMore` if another one would match. */
export type Listed = { readonly rows: readonly ListRow[]; readonly hasMore: boolean };

export type ShownPromise = { readonly id: PromiseId; readonly promise: PromiseRecord };
export type ShownTask = { readonly id: PromiseId; readonly task: TaskRecord };
export type ShownSchedule = { readonly id: ScheduleId; readonly schedule: ScheduleRecord };

/** `next`: behind which id the next page begins; null: there is none. */
export type Page =
  | {
      readonly kind: "promise_list";
      readonly promises: readonly ShownPromise[];
      readonly next: string | null;
    }
  | {
      readonly kind: "task_list";
      readonly tasks: readonly ShownTask[];
      readonly next: string | null;
    }
  | {
      readonly kind: "schedule_list";
      readonly schedules: readonly ShownSchedule[];
      readonly next: string | null;
    };

const anything: ListFilter = { promise: null, tasks: null, isPast: null, isTimer: null };
const unfulfilled = ["pending", "acquired", "suspended", "halted"] as const;

export function toListQuery(list: List, weightMax: number, now: InstantMs): ListQuery {
  const { idPrefix, after, limit } = list;
  const page = { idPrefix, after, limit, weightMax, now };
  switch (list.kind) {
    case "list_promises": {
      const anyOf = list.state === null ? null : promiseFilters(list.state);
      return { ...page, of: "promise", anyOf, tags: list.tags };
    }
    case "list_tasks":
      return { ...page, of: "promise", anyOf: taskFilters(list.state), tags: noPairs };
    case "list_schedules":
      return { ...page, of: "schedule", anyOf: null, tags: list.tags };
    default:
      return unreachable(list);
  }
}

/** L1. */
function promiseFilters(state: StoredState): readonly ListFilter[] {
  const stored: ListFilter = { ...anything, promise: state };
  const overdue = (isTimer: boolean): ListFilter => {
    return { ...anything, promise: "pending", isPast: true, isTimer };
  };
  switch (state) {
    case "pending":
      return [{ ...stored, isPast: false }];
    case "resolved":
      return [stored, overdue(true)];
    case "timedout":
      return [stored, overdue(false)];
    case "rejected":
    case "canceled":
      return [stored];
    default:
      return unreachable(state);
  }
}

/** L1. */
function taskFilters(state: TaskStateName | null): readonly ListFilter[] {
  if (state === null) return [{ ...anything, tasks: [...unfulfilled, "fulfilled"] }];
  if (state !== "fulfilled") return [{ ...anything, tasks: [state], isPast: false }];
  return [
    { ...anything, tasks: ["fulfilled"] },
    { ...anything, tasks: unfulfilled, isPast: true },
  ];
}

/** Whether it is there and matches, but for its id. */
export function isListed({ anyOf, tags, now }: ListQuery, state: StreamState): boolean {
  const wanted = tags.entries();
  if (state.kind === "schedule") {
    const { schedule } = state;
    if (schedule.kind === "absent") return false;
    return wanted.every(([name, value]) => schedule.promiseTags.get(name) === value);
  }
  const { promise } = state;
  if (promise.kind === "absent") return false;
  if (anyOf !== null && !anyOf.some((filter) => holds(filter, state, now))) return false;
  return wanted.every(([name, value]) => promise.tags.get(name) === value);
}

function holds(filter: ListFilter, { promise, task }: PromiseStream, now: InstantMs): boolean {
  if (promise.kind === "absent") return false;
  const state: StoredState = promise.kind === "pending" ? "pending" : promise.outcome;
  if (filter.promise !== null && filter.promise !== state) return false;
  if (filter.tasks !== null && !filter.tasks.some((kind) => kind === task.kind)) return false;
  if (filter.isPast !== null && isDue(promise.timeoutAt, now) !== filter.isPast) return false;
  return filter.isTimer === null || isTimer(promise.tags) === filter.isTimer;
}

export function toListPage({ kind }: List, { rows, hasMore }: Listed, now: InstantMs): Page {
  const next = hasMore ? (rows.at(-1)?.key.id ?? null) : null; // L3
  switch (kind) {
    case "list_promises":
      return { kind: "promise_list", promises: shownPromises(rows, now), next };
    case "list_tasks":
      return { kind: "task_list", tasks: rows.map((row) => shownTask(row, now)), next };
    case "list_schedules":
      return { kind: "schedule_list", schedules: rows.map(shownSchedule), next };
    default:
      return unreachable(kind);
  }
}

/** L1. */
export function shownPromises(rows: readonly ListRow[], now: InstantMs): readonly ShownPromise[] {
  return rows.map(({ key, state }) => {
    if (key.kind === "schedule" || state.kind === "schedule") throw misplaced();
    if (state.promise.kind === "absent") throw misplaced();
    return { id: key.id, promise: project(state.promise, now) };
  });
}

/** L1. */
function shownTask({ key, state }: ListRow, now: InstantMs): ShownTask {
  if (key.kind === "schedule" || state.kind === "schedule") throw misplaced();
  const { promise, task } = state;
  if (promise.kind === "absent" || task.kind === "absent") throw misplaced();
  const isLive = project(promise, now).kind === "pending";
  return { id: key.id, task: isLive ? task : { kind: "fulfilled", version: task.version } };
}

function shownSchedule({ key, state }: ListRow): ShownSchedule {
  if (key.kind === "promise" || state.kind === "promise") throw misplaced();
  if (state.schedule.kind === "absent") throw misplaced();
  return { id: key.id, schedule: state.schedule };
}

function misplaced(): AssertionError {
  return new AssertionError("a list holds what was not asked for");
}
