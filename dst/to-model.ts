// What the server holds and says, in the words of the model.

import type { Response } from "../kernel/command.ts";
import type { Message } from "../kernel/message.ts";
import type { PromiseRecord } from "../kernel/promise.ts";
import type { ScheduleState } from "../kernel/schedule.ts";
import type { StreamState } from "../kernel/stream.ts";
import type { TaskState } from "../kernel/task.ts";
import type { Timers } from "../kernel/timers.ts";
import type { Value } from "../kernel/value.ts";
import type { ModelAnswer, ModelMessage, ModelRefusal } from "./model/command.ts";
import {
  type ModelPromise,
  type ModelRecord,
  type ModelSchedule,
  type ModelTask,
  nothing,
  unheld,
} from "./model/record.ts";

const emptyValue: Value = { headers: null, data: null };

/** The real record in the words of the model. */
export function toModel(promise: PromiseRecord): ModelPromise {
  const { param, tags, timeoutAt, createdAt, createKey, isExternal } = promise;
  const created = { param, tags, timeoutAt, createdAt, createKey, isExternal };
  if (promise.kind === "pending") {
    const open = { state: "pending", value: emptyValue, settledAt: null, settleKey: null } as const;
    return { ...created, ...open };
  }
  const { outcome, value, settledAt, settleKey } = promise;
  return { ...created, state: outcome, value, settledAt, settleKey };
}

/** A stream as far as it is compared: its facts, and what is kept beside them. */
export type Kept = { readonly state: StreamState; readonly timers: Timers };

export function toModelTask(task: TaskState): ModelTask | null {
  if (task.kind === "absent") return null;
  const { kind: state, version } = task;
  const resumes = "resumes" in task ? task.resumes : [];
  const { pid, ttl } = task.kind === "acquired" ? task : unheld;
  return { state, version, resumes, pid, ttl };
}

export function toModelSchedule(schedule: ScheduleState): ModelSchedule | null {
  if (schedule.kind === "absent") return null;
  const { kind: _, ...members } = schedule;
  return members;
}

export function toModelRecord({ state, timers }: Kept): ModelRecord {
  if (state.kind === "schedule") return { ...nothing, schedule: toModelSchedule(state.schedule) };
  const { promise, task, callbacks, listeners } = state;
  const { clockAt: at, releaseCount: releases, offeredAt, isMissed } = timers;
  const tellings = [...timers.tellings].map(([address, telling]) => {
    const { nextAt, toldAt, failureCount: failures, failedSince, isMissed } = telling;
    return [address, { nextAt, toldAt, failures, failedSince, isMissed }] as const;
  });
  return {
    schedule: null,
    promise: promise.kind === "absent" ? null : toModel(promise),
    task: toModelTask(task),
    clock: { at, releases, offeredAt, isMissed },
    ...{ callbacks, listeners, tellings: new Map(tellings) },
  };
}

/** The answer in the words of the model; null: it says nothing of what is stored. */
export function toModelAnswer(response: Response): ModelAnswer | null {
  switch (response.kind) {
    case "promise": {
      const { id, promise, changed } = response;
      return { kind: "promise", id, promise: toModel(promise), changed };
    }
    case "task": {
      const task = toModelTask(response.task);
      return task === null ? null : { kind: "task", id: response.id, task };
    }
    case "claim": {
      const task = toModelTask(response.task);
      const { id, promise } = response;
      return task === null ? null : { kind: "claim", id, task, promise: toModel(promise) };
    }
    case "not_suspended":
      return { kind: "not_suspended", id: response.id, promise: toModel(response.promise) };
    case "fenced": {
      const inner = toModelAnswer(response.inner);
      return inner === null ? null : { kind: "fenced", inner };
    }
    case "schedule": {
      const schedule = toModelSchedule(response.schedule);
      return schedule === null ? null : { kind: "schedule", id: response.id, schedule };
    }
    case "done":
      return response;
    case "refused":
      return { kind: "refused", refusal: response.refusal as ModelRefusal }; // or the model differs
    case "promises":
    case "events":
    case "failed":
    case "promise_list":
    case "task_list":
    case "schedule_list":
      return null;
  }
}

export function toModelMessage(message: Message): ModelMessage {
  if (message.kind === "execute") return message;
  return { ...message, promise: toModel(message.promise) };
}
