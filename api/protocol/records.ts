// Records as the current protocol shows them (protocol.md §2.1): what is absent is left out, and what was
// sent empty comes back empty.

import type { Outcome } from "../../kernel/event.ts";
import type { PromiseId, ScheduleId } from "../../kernel/ids.ts";
import type { PromiseRecord } from "../../kernel/promise.ts";
import type { ScheduleRecord } from "../../kernel/schedule.ts";
import { resumesOf, type TaskRecord } from "../../kernel/task.ts";
import type { Value } from "../../kernel/value.ts";
import { printable } from "../int64.ts";

const states: Readonly<Record<Outcome, string>> = {
  resolved: "resolved",
  rejected: "rejected",
  canceled: "rejected_canceled",
  timedout: "rejected_timedout",
};

export function promiseRecord(id: PromiseId, promise: PromiseRecord): unknown {
  const isSettled = promise.kind === "settled";
  return {
    id,
    state: isSettled ? states[promise.outcome] : "pending",
    param: value(promise.param),
    value: isSettled ? value(promise.value) : {},
    tags: Object.fromEntries(promise.tags),
    timeoutAt: printable(promise.timeoutAt),
    createdAt: promise.createdAt,
    settledAt: isSettled ? promise.settledAt : undefined,
  };
}

export function taskRecord(id: PromiseId, task: TaskRecord): unknown {
  const holder = task.kind === "acquired" ? { ttl: printable(task.ttl), pid: task.pid } : {};
  const { kind: state, version } = task;
  return { id, state, version, resumes: resumesOf(task).length, ...holder };
}

export function scheduleRecord(id: ScheduleId, schedule: ScheduleRecord): unknown {
  return {
    id,
    cron: schedule.cron,
    promiseId: schedule.promiseIdTemplate,
    promiseTimeout: printable(schedule.promiseTimeoutMs),
    promiseParam: value(schedule.promiseParam),
    promiseTags: Object.fromEntries(schedule.promiseTags),
    createdAt: schedule.createdAt,
    nextRunAt: printable(schedule.nextRunAt),
    lastRunAt: schedule.lastRunAt ?? undefined,
  };
}

function value({ headers, data }: Value): unknown {
  return {
    headers: headers === null ? undefined : Object.fromEntries(headers),
    data: data ?? undefined,
  };
}
