// What always holds of a stream, whatever was asked: the invariants of protocol.md §12, under their
// numbers and names. They are checked on what the store holds, after every commit and along each of its
// events, and know nothing of the command that led there. That the model says the same to the letter is
// for the witness; so are the invariants that are about one command (7, 27 to 31, 33, 34, 36 to 38), and
// those about messages (16, 17). 39 is F2, 40 is for the ending.

import type { Event } from "../kernel/event.ts";
import {
  canonicalSchedule,
  isAwaitable,
  isTargeted,
  isTimer,
  type ModelPromise,
  type ModelRecord,
  type ModelSchedule,
  type ModelTask,
} from "./model/record.ts";

type About = { readonly id: string; readonly awaitsAny: boolean };
type State = (record: ModelRecord, about: About) => boolean;
type Step = (before: ModelRecord, after: ModelRecord, event: Event) => boolean;

const empty: readonly string[] = [];
const delay = "resonate:delay";
const address = /^(poll:\/\/(any|uni)@[^/]|https?:\/\/[^/])/;

/** Of a schedule that is there. */
function ofSchedule(holds: (schedule: ModelSchedule) => boolean): State {
  return ({ schedule }) => schedule === null || holds(schedule);
}

/** Of a promise that is there. */
function of(holds: (promise: ModelPromise, record: ModelRecord, about: About) => boolean): State {
  return (record, about) => record.promise === null || holds(record.promise, record, about);
}

/** Of a task that is there. */
function ofTask(holds: (task: ModelTask, record: ModelRecord) => boolean): State {
  return (record) => record.task === null || holds(record.task, record);
}

/** Each says whether it is kept. */
export const states = {
  /** 1 */
  "created-before-deadline": of(({ state, createdAt, timeoutAt }) => {
    return (
      BigInt(createdAt) < timeoutAt || (state !== "pending" && BigInt(createdAt) === timeoutAt)
    );
  }),
  /** 2 */
  "settled-in-window": of(({ state, createdAt, settledAt, timeoutAt }) => {
    if (settledAt === null) return state === "pending";
    return state !== "pending" && createdAt <= settledAt && BigInt(settledAt) <= timeoutAt;
  }),
  /** 3 */
  "pending-has-no-value": of((promise) => promise.state !== "pending" || isBare(promise)),
  /** 4 */
  "deadline-verdict": of((promise) => {
    const { state, settledAt, timeoutAt } = promise;
    const isByDeadline = settledAt !== null && BigInt(settledAt) === timeoutAt;
    if (!isByDeadline) return state !== "timedout";
    return state === (isTimer(promise) ? "resolved" : "timedout") && isBare(promise);
  }),
  /** 5 */
  "waiters-unique": ({ callbacks, listeners, task }, { id }) => {
    const isOwn = callbacks.includes(id);
    return !isOwn && [callbacks, listeners, task?.resumes ?? empty].every(areUnique);
  },
  /** 6 */
  "waiters-need-awaitable": of((promise, { callbacks, listeners }, { awaitsAny }) => {
    return callbacks.length + listeners.length === 0 || awaitsAny || isAwaitable(promise);
  }),
  /** 8 */
  "task-iff-target": ({ promise, task }) => {
    return (task !== null) === (promise !== null && isTargeted(promise));
  },
  /** 9 */
  "settled-iff-fulfilled": ofTask(({ state }, { promise }) => {
    return (state === "fulfilled") === (promise?.state !== "pending");
  }),
  /** 10 */
  "lease-fields-together": ofTask(({ state, version, pid, ttl }, { clock }) => {
    if (state !== "acquired") return pid === null && ttl === null;
    return pid !== null && ttl !== null && ttl >= 1n && version >= 1 && clock.at !== null;
  }),
  /** 11 */
  "one-clock-by-state": ({ task, clock }) => {
    const isRunning = task?.state === "pending" || task?.state === "acquired";
    return isRunning === (clock.at !== null);
  },
  /** 12 */
  "resumes-fit-state": ofTask(({ state, resumes }) => {
    return resumes.length === 0 || (state !== "suspended" && state !== "fulfilled");
  }),
  /** 15, but for targets: older replay files have some that the rim refuses by now. */
  "addresses-valid": of(({ tags, timeoutAt }, { listeners }) => {
    const isLate = tags.has(delay) && BigInt(tags.get(delay) ?? 0) >= timeoutAt;
    return !isLate && listeners.every(isAddress);
  }),
  /** 18 */
  "schedule-order": ofSchedule(({ createdAt, lastRunAt, nextRunAt }) => {
    const isInOrder = lastRunAt === null || (createdAt <= lastRunAt && lastRunAt < nextRunAt);
    return isInOrder && createdAt < nextRunAt;
  }),
} as const satisfies Readonly<Record<string, State>>;

type Edge = readonly [from: readonly ModelTask["state"][], to: ModelTask["state"] | "same"];
const unsettled = ["pending", "acquired", "suspended", "halted"] as const;

/** 23, and 28: only what is told of a settlement wakes a sleeper. What is not here moves no task. */
const edges: Readonly<Partial<Record<Event["kind"], Edge>>> = {
  task_acquired: [["pending"], "acquired"],
  task_released: [["acquired"], "pending"],
  lease_expired: [["acquired"], "pending"],
  task_suspended: [["acquired"], "suspended"],
  resumes_cleared: [["acquired"], "same"],
  task_resumed: [unsettled, "same"],
  task_halted: [["pending", "acquired", "suspended"], "halted"],
  task_continued: [["halted"], "pending"],
  promise_settled: [unsettled, "fulfilled"],
};

const clearing: readonly Event["kind"][] = [
  "task_acquired",
  "task_suspended",
  "resumes_cleared",
  "promise_settled",
];

/** Of one event, by what it leads from and to. */
export const steps = {
  /** 19, of schedules. Which occurrence was fired, and that none is left out, is for the model. */
  "birth-immutable": ({ schedule: before }, { schedule: after }, { kind }) => {
    if (before === null || after === null) {
      return (
        before === after || kind === (after === null ? "schedule_deleted" : "schedule_created")
      );
    }
    const isSame = definitionOf(before) === definitionOf(after);
    return kind === "schedule_fired" && isSame && after.lastRunAt === Number(before.nextRunAt);
  },
  /** 21 */
  "nothing-vanishes": (before, after) => {
    const isGone = before.promise !== null && after.promise === null;
    return !isGone && (before.task === null || after.task !== null);
  },
  /** 22 */
  "version-only-by-acquire": ({ task: before }, { task: after }, { kind }) => {
    const raised = kind === "task_acquired" ? 1 : 0;
    return before === null || after?.version === before.version + raised;
  },
  /** 23 */
  edges: ({ task: before }, { task: after }, { kind }) => {
    if (before === null || after === null) return kind === "promise_created" || after === null;
    const edge = edges[kind];
    if (edge === undefined) return before.state === after.state;
    const isWoken = kind === "task_resumed" && before.state === "suspended";
    const to = isWoken ? "pending" : edge[1] === "same" ? before.state : edge[1];
    return edge[0].includes(before.state) && after.state === to;
  },
  /** 24 */
  coupled: (before, after, { kind }) => {
    const isSettled = before.promise?.state === "pending" && after.promise?.state !== "pending";
    const isFulfilled = before.task?.state !== "fulfilled" && after.task?.state === "fulfilled";
    return isSettled === (kind === "promise_settled") && (!isFulfilled || isSettled);
  },
  /** 26 */
  "waiters-one-way": (before, after) => {
    if (before.promise === null) return true;
    const isOpen = before.promise.state === "pending";
    const [less, more] = isOpen ? [before, after] : [after, before];
    return contains(more.callbacks, less.callbacks) && contains(more.listeners, less.listeners);
  },
  /** 32 */
  "resumes-clear": (before, after, { kind }) => {
    const [old, now] = [before.task?.resumes ?? empty, after.task?.resumes ?? empty];
    return contains(now, old) || (now.length === 0 && clearing.includes(kind));
  },
  /** 35 */
  "born-clean": (before, { promise, task, callbacks, listeners }, { kind }) => {
    if (kind.startsWith("schedule_")) return promise === null;
    if (kind !== "promise_created") return before.promise !== null;
    const isNew = before.promise === null && promise?.state === "pending";
    const isUntouched = task === null || (task.state === "pending" && task.version === 0);
    return isNew && isUntouched && callbacks.length + listeners.length === 0;
  },
} as const satisfies Readonly<Record<string, Step>>;

/** @returns the first that is broken; null: none is */
export function brokenState(record: ModelRecord, about: About): string | null {
  for (const [name, holds] of stateList) if (!holds(record, about)) return name;
  return null;
}

/** As `brokenState`, of what one event did. */
export function brokenStep(before: ModelRecord, after: ModelRecord, event: Event): string | null {
  for (const [name, holds] of stepList) if (!holds(before, after, event)) return name;
  return null;
}

const stateList: readonly (readonly [string, State])[] = Object.entries(states);
const stepList: readonly (readonly [string, Step])[] = Object.entries(steps);

function definitionOf(schedule: ModelSchedule): string {
  return canonicalSchedule({ ...schedule, lastRunAt: null, nextRunAt: 0n });
}

function isBare({ value, settleKey }: ModelPromise): boolean {
  return value.headers === null && value.data === null && settleKey === null;
}

function areUnique(names: readonly string[]): boolean {
  return names.length < 2 || new Set(names).size === names.length;
}

function contains(all: readonly string[], some: readonly string[]): boolean {
  return all === some || some.every((name) => all.includes(name));
}

function isAddress(text: string): boolean {
  return address.test(text);
}
