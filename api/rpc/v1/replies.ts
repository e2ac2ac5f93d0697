// What the current protocol tells, as messages of `resonate.v1`. They are made from the records that
// the envelope shows (protocol.md §2.1), so both cannot differ.
//
//   G7. What a record leaves out is absent in its message, and numbers keep their last digit.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { assert, unreachable } from "../../../kernel/assert.ts";
import {
  type FenceTaskResponseSchema,
  type PollResponseSchema,
  type PromiseSchema,
  PromiseState,
  type ScheduleSchema,
  type SuspendTaskResponseSchema,
  type TaskSchema,
  TaskState,
  type ValueSchema,
} from "../../../proto/gen/resonate/v1/resonate_pb.ts";
import { JsonNumber, parseMembers } from "../../int64.ts";

/** A number, or what stands for one that is too large for it. */
type Integer = unknown;

type ShownValue = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly data?: string;
};

type ShownPromise = {
  readonly id: string;
  readonly state: string;
  readonly param: ShownValue;
  readonly value: ShownValue;
  readonly tags: Readonly<Record<string, string>>;
  readonly timeoutAt: Integer;
  readonly createdAt: Integer;
  readonly settledAt?: Integer;
};

type ShownTask = {
  readonly id: string;
  readonly state: string;
  readonly version: Integer;
  readonly resumes: number;
  readonly ttl?: Integer;
  readonly pid?: string;
};

type ShownSchedule = {
  readonly id: string;
  readonly cron: string;
  readonly promiseId: string;
  readonly promiseTimeout: Integer;
  readonly promiseParam: ShownValue;
  readonly promiseTags: Readonly<Record<string, string>>;
  readonly createdAt: Integer;
  readonly nextRunAt: Integer;
  readonly lastRunAt?: Integer;
};

type ShownAction = {
  readonly head: { readonly status: number };
  readonly data: Pick<Shown, "promise"> | string;
};

/** The data of all answers together; each has the members that its operation tells (protocol.md §3). */
export type Shown = {
  readonly promise: ShownPromise;
  readonly task: ShownTask;
  readonly schedule: ShownSchedule;
  readonly preload: readonly ShownPromise[];
  readonly action: ShownAction;
  readonly promises: readonly ShownPromise[];
  readonly tasks: readonly ShownTask[];
  readonly schedules: readonly ShownSchedule[];
  readonly cursor?: string;
};

export function nothing(): Record<never, never> {
  return {};
}

export function onePromise({ promise }: Shown) {
  return { promise: toPromise(promise) };
}

export function oneTask({ task }: Shown) {
  return { task: toTask(task) };
}

export function oneSchedule({ schedule }: Shown) {
  return { schedule: toSchedule(schedule) };
}

export function claim({ task, promise, preload }: Shown) {
  return { task: toTask(task), promise: toPromise(promise), preload: preload.map(toPromise) };
}

/** @param status 300: it goes on */
export function suspended(
  { preload }: Shown,
  status: number,
): MessageInitShape<typeof SuspendTaskResponseSchema> {
  return status === 300 ? { preload: preload.map(toPromise) } : { suspended: true };
}

export function fenced({ action }: Shown): MessageInitShape<typeof FenceTaskResponseSchema> {
  const { head, data } = action;
  if (typeof data !== "string") {
    return { outcome: { case: "promise", value: toPromise(data.promise) } };
  }
  return { outcome: { case: "refusal", value: { status: head.status, message: data } } };
}

export function pageOfPromises({ promises, cursor }: Shown) {
  return { promises: promises.map(toPromise), ...toCursor(cursor) };
}

export function pageOfTasks({ tasks, cursor }: Shown) {
  return { tasks: tasks.map(toTask), ...toCursor(cursor) };
}

export function pageOfSchedules({ schedules, cursor }: Shown) {
  return { schedules: schedules.map(toSchedule), ...toCursor(cursor) };
}

type ShownMessage =
  | {
      readonly kind: "execute";
      readonly head: { readonly serverUrl: string };
      readonly data: { readonly task: { readonly id: string; readonly version: Integer } };
    }
  | { readonly kind: "unblock"; readonly data: Pick<Shown, "promise"> };

const exact: ReadonlySet<string> = new Set(["timeoutAt"]);

/** @param json as protocol/message.ts prints it; null: a frame that says nothing */
export function toFrame(json: string | null): MessageInitShape<typeof PollResponseSchema> {
  if (json === null) return {};
  const shown = parseMembers(json, exact) as ShownMessage; // our own print
  switch (shown.kind) {
    case "execute": {
      const { id: taskId, version } = shown.data.task;
      const value = { serverUrl: shown.head.serverUrl, taskId, version: int64(version) };
      return { message: { case: "execute", value } };
    }
    case "unblock":
      return { message: { case: "unblock", value: onePromiseOf(shown.data) } };
    default:
      return unreachable(shown);
  }
}

function onePromiseOf({ promise }: Pick<Shown, "promise">) {
  return { promise: toPromise(promise) };
}

const promiseStates: ReadonlyMap<string, PromiseState> = new Map([
  ["pending", PromiseState.PENDING],
  ["resolved", PromiseState.RESOLVED],
  ["rejected", PromiseState.REJECTED],
  ["rejected_canceled", PromiseState.REJECTED_CANCELED],
  ["rejected_timedout", PromiseState.REJECTED_TIMEDOUT],
]);

const taskStates: ReadonlyMap<string, TaskState> = new Map([
  ["pending", TaskState.PENDING],
  ["acquired", TaskState.ACQUIRED],
  ["suspended", TaskState.SUSPENDED],
  ["halted", TaskState.HALTED],
  ["fulfilled", TaskState.FULFILLED],
]);

function found<State>(states: ReadonlyMap<string, State>, name: string): State {
  const state = states.get(name);
  assert(state !== undefined, `there is no state "${name}"`);
  return state;
}

function toPromise(shown: ShownPromise): MessageInitShape<typeof PromiseSchema> {
  const { id, state, param, value, tags, timeoutAt, createdAt, settledAt } = shown;
  return {
    ...{ id, state: found(promiseStates, state), tags },
    ...{ param: toValue(param), value: toValue(value) },
    ...{ timeoutAt: int64(timeoutAt), createdAt: int64(createdAt) },
    ...(settledAt !== undefined && { settledAt: int64(settledAt) }),
  };
}

function toTask(shown: ShownTask): MessageInitShape<typeof TaskSchema> {
  const { id, state, version, resumes, ttl, pid } = shown;
  return {
    ...{ id, state: found(taskStates, state), version: int64(version), resumes },
    ...(ttl !== undefined && { ttl: int64(ttl) }),
    ...(pid !== undefined && { pid }),
  };
}

function toSchedule(shown: ShownSchedule): MessageInitShape<typeof ScheduleSchema> {
  const { id, cron, promiseId, promiseTags, lastRunAt } = shown;
  return {
    ...{ id, cron, promiseId, promiseTags },
    promiseTimeout: int64(shown.promiseTimeout),
    promiseParam: toValue(shown.promiseParam),
    createdAt: int64(shown.createdAt),
    nextRunAt: int64(shown.nextRunAt),
    ...(lastRunAt !== undefined && { lastRunAt: int64(lastRunAt) }),
  };
}

function toValue({ headers, data }: ShownValue): MessageInitShape<typeof ValueSchema> {
  return {
    ...(headers !== undefined && { headers: { entries: headers } }),
    ...(data !== undefined && { data }),
  };
}

function toCursor(cursor: string | undefined): { readonly cursor?: string } {
  return cursor === undefined ? {} : { cursor };
}

/** G7. What `printable` has made, or the number that it was read as again. */
function int64(integer: Integer): bigint {
  return BigInt(integer instanceof JsonNumber ? integer.source : JSON.stringify(integer));
}
