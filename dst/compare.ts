// What the server holds and says, beside what the model says. Compared field by field, because it is
// done for every command; put into words only when the two differ.

import type { Response } from "../kernel/command.ts";
import type { List, Page, ShownPromise } from "../kernel/list.ts";
import type { PromiseRecord } from "../kernel/promise.ts";
import type { ScheduleRecord, ScheduleState } from "../kernel/schedule.ts";
import type { PromisePage } from "../kernel/search.ts";
import type { StreamState } from "../kernel/stream.ts";
import type { TaskState } from "../kernel/task.ts";
import type { Timers } from "../kernel/timers.ts";
import type { Pairs, Value } from "../kernel/value.ts";
import type { ModelAnswer, ModelMessage } from "./model/command.ts";
import type { ModelListed } from "./model/list.ts";
import {
  canonical,
  canonicalPromise,
  canonicalSchedule,
  canonicalTask,
  type ModelPromise,
  type ModelRecord,
  type ModelSchedule,
  type ModelTask,
} from "./model/record.ts";
import type { ModelPage } from "./model/search.ts";
import {
  type Kept,
  toModel,
  toModelAnswer,
  toModelRecord,
  toModelSchedule,
  toModelTask,
} from "./to-model.ts";

export function samePromise(model: ModelPromise, real: PromiseRecord): boolean {
  return sameCreation(model, real) && sameEnd(model, real);
}

type Created = Omit<ModelPromise, "state" | "value" | "settledAt" | "settleKey">;

/** What a promise is created with, and keeps for ever. */
export function sameCreation(model: Created, real: PromiseRecord): boolean {
  return (
    model.timeoutAt === real.timeoutAt &&
    model.createdAt === real.createdAt &&
    model.createKey === real.createKey &&
    model.isExternal === real.isExternal &&
    sameValue(model.param, real.param) &&
    samePairs(model.tags, real.tags)
  );
}

function sameEnd(model: ModelPromise, real: PromiseRecord): boolean {
  if (real.kind === "pending") return model.state === "pending";
  return (
    model.state === real.outcome &&
    model.settledAt === real.settledAt &&
    model.settleKey === real.settleKey &&
    sameValue(model.value, real.value)
  );
}

/** The facts, and what is kept beside them. */
export function sameRecord(model: ModelRecord, { state, timers }: Kept): boolean {
  return sameState(model, state) && sameTimers(model, timers);
}

/** The facts alone: what a fold of the log gives. */
export function sameState(model: ModelRecord, real: StreamState): boolean {
  if (real.kind === "schedule") return sameSchedule(model.schedule, real.schedule);
  const { promise } = real;
  const isSame =
    model.promise === null || promise.kind === "absent"
      ? model.promise === null && promise.kind === "absent"
      : samePromise(model.promise, promise);
  const areSame =
    sameList(model.callbacks, real.callbacks) && sameList(model.listeners, real.listeners);
  return model.schedule === null && isSame && areSame && sameTask(model.task, real.task);
}

export function sameSchedule(model: ModelSchedule | null, real: ScheduleState): boolean {
  if (model === null || real.kind === "absent") return model === null && real.kind === "absent";
  return sameDefinition(model, real) && sameRuns(model, real);
}

/** What a schedule is created with, and keeps until it is deleted. */
export function sameDefinition(model: ModelSchedule, real: ScheduleRecord): boolean {
  return (
    model.cron === real.cron &&
    model.promiseIdTemplate === real.promiseIdTemplate &&
    model.promiseTimeoutMs === real.promiseTimeoutMs &&
    model.createdAt === real.createdAt &&
    sameValue(model.promiseParam, real.promiseParam) &&
    samePairs(model.promiseTags, real.promiseTags)
  );
}

function sameRuns(model: ModelSchedule, { lastRunAt, nextRunAt }: ScheduleRecord): boolean {
  return model.lastRunAt === lastRunAt && model.nextRunAt === nextRunAt;
}

export function sameTask(model: ModelTask | null, real: TaskState): boolean {
  if (model === null || real.kind === "absent") return model === null && real.kind === "absent";
  const { state, version, resumes, pid, ttl } = model;
  if (state !== real.kind || version !== real.version) return false;
  if (real.kind === "acquired" ? pid !== real.pid || ttl !== real.ttl : pid !== null) return false;
  return sameList(resumes, "resumes" in real ? real.resumes : []);
}

function sameTimers({ clock, tellings }: ModelRecord, real: Timers): boolean {
  const isSame =
    clock.at === real.clockAt &&
    clock.releases === real.releaseCount &&
    clock.offeredAt === real.offeredAt &&
    clock.isMissed === real.isMissed;
  if (!isSame || tellings.size !== real.tellings.size) return false;
  for (const [address, telling] of tellings) {
    const other = real.tellings.get(address);
    const isOther =
      other?.nextAt !== telling.nextAt ||
      other.toldAt !== telling.toldAt ||
      other.failureCount !== telling.failures ||
      other.failedSince !== telling.failedSince ||
      other.isMissed !== telling.isMissed;
    if (isOther) return false;
  }
  return true;
}

export function sameList(left: readonly string[], right: readonly string[]): boolean {
  if (left === right) return true;
  return left.length === right.length && left.every((member, index) => member === right[index]);
}

function sameValue(left: Value, right: Value): boolean {
  if (left === right) return true;
  if (left.data !== right.data) return false;
  if (left.headers === null || right.headers === null) return left.headers === right.headers;
  return samePairs(left.headers, right.headers);
}

/** In their order, which clients see. */
function samePairs(left: Pairs, right: Pairs): boolean {
  if (left === right) return true;
  if (left.size !== right.size) return false;
  const others = right.entries();
  for (const [name, value] of left) {
    const other = others.next().value;
    if (other?.[0] !== name || other[1] !== value) return false;
  }
  return true;
}

/** @param response null: nobody has asked */
export function sameAnswer(answer: ModelAnswer, response: Response | null): boolean {
  if (response === null) return answer.kind === "none";
  switch (answer.kind) {
    case "none":
      return false;
    case "refused":
      return response.kind === "refused" && response.refusal === answer.refusal;
    case "promise":
      return (
        response.kind === "promise" &&
        response.id === answer.id &&
        response.changed === answer.changed &&
        samePromise(answer.promise, response.promise)
      );
    case "task":
      return (
        response.kind === "task" &&
        response.id === answer.id &&
        sameTask(answer.task, response.task)
      );
    case "claim":
      return (
        response.kind === "claim" &&
        response.id === answer.id &&
        sameTask(answer.task, response.task) &&
        samePromise(answer.promise, response.promise)
      );
    case "schedule":
      return (
        response.kind === "schedule" &&
        response.id === answer.id &&
        sameSchedule(answer.schedule, response.schedule)
      );
    case "done":
      return response.kind === "done";
    case "not_suspended":
      return (
        response.kind === "not_suspended" &&
        response.id === answer.id &&
        samePromise(answer.promise, response.promise)
      );
    case "fenced":
      return response.kind === "fenced" && sameAnswer(answer.inner, response.inner);
  }
}

export function showAnswer(answer: ModelAnswer): string {
  switch (answer.kind) {
    case "none":
      return "nothing";
    case "refused":
      return answer.refusal;
    case "promise": {
      const what = answer.changed ? "changed" : "unchanged";
      return `${what} ${JSON.stringify(answer.id)} ${canonicalPromise(answer.promise)}`;
    }
    case "task":
      return `${JSON.stringify(answer.id)} ${canonicalTask(answer.task)}`;
    case "claim": {
      const [task, promise] = [canonicalTask(answer.task), canonicalPromise(answer.promise)];
      return `claim ${JSON.stringify(answer.id)} ${task} ${promise}`;
    }
    case "schedule":
      return `${JSON.stringify(answer.id)} ${canonicalSchedule(answer.schedule)}`;
    case "done":
      return "done";
    case "not_suspended":
      return `not suspended ${JSON.stringify(answer.id)} ${canonicalPromise(answer.promise)}`;
    case "fenced":
      return `fenced: ${showAnswer(answer.inner)}`;
  }
}

export function showMessage(message: ModelMessage): string {
  const { kind, to, id } = message;
  const what =
    message.kind === "execute" ? `v${message.version}` : canonicalPromise(message.promise);
  return `${kind} ${JSON.stringify(to)} ${JSON.stringify(id)} ${what}`;
}

export function showResponse(response: Response | null): string {
  if (response === null) return "nothing";
  switch (response.kind) {
    case "failed":
      return `failed: ${response.failure}`;
    case "promises":
      return showPage(response.page);
    case "events": {
      const events = response.page.events.map(({ key, version, event, command }) => {
        return `${JSON.stringify(key.id)} ${version} ${event.kind} ${command}`;
      });
      return [...events, response.page.next === null ? "end" : "more"].join("\n");
    }
    case "promise_list":
    case "task_list":
    case "schedule_list":
      return showList(response);
    default: {
      const answer = toModelAnswer(response);
      return answer === null ? "nothing" : showAnswer(answer);
    }
  }
}

/** A position is store-specific, so a cursor shows only whether it is there. */
function showPage({ promises, before }: PromisePage): string {
  const rows = promises.map(({ id, promise }) => showRow(id, toModel(promise)));
  return [...rows, before === null ? "end" : "more"].join("\n");
}

export function showModelPage({ rows, hasMore }: ModelPage): string {
  const shown = rows.map(({ id, promise }) => showRow(id, promise));
  return [...shown, hasMore ? "more" : "end"].join("\n");
}

/** What a search by id shows, by the model. */
export function showModelList(kind: List["kind"], { rows, hasMore }: ModelListed): string {
  const lines = rows.map(({ id, record }) => {
    const { promise, task, schedule } = record;
    if (kind === "list_tasks") return listed(id, task === null ? "" : canonicalTask(task));
    if (kind === "list_promises")
      return listed(id, promise === null ? "" : canonicalPromise(promise));
    return listed(id, schedule === null ? "" : canonicalSchedule(schedule));
  });
  return [...lines, ending(hasMore ? (rows.at(-1)?.id ?? null) : null)].join("\n");
}

function showList(page: Page): string {
  switch (page.kind) {
    case "promise_list":
      return [...page.promises.map(showShown), ending(page.next)].join("\n");
    case "task_list": {
      const lines = page.tasks.map(({ id, task }) => {
        const model = toModelTask(task);
        return listed(id, model === null ? "" : canonicalTask(model));
      });
      return [...lines, ending(page.next)].join("\n");
    }
    case "schedule_list": {
      const lines = page.schedules.map(({ id, schedule }) => {
        const model = toModelSchedule(schedule);
        return listed(id, model === null ? "" : canonicalSchedule(model));
      });
      return [...lines, ending(page.next)].join("\n");
    }
  }
}

export function showShown({ id, promise }: ShownPromise): string {
  return listed(id, canonicalPromise(toModel(promise)));
}

export function listed(id: string, text: string): string {
  return `${JSON.stringify(id)} ${text}`;
}

function ending(next: string | null): string {
  return next === null ? "end" : `more behind ${JSON.stringify(next)}`;
}

function showRow(id: string, promise: ModelPromise): string {
  return `${JSON.stringify(id)} ${canonicalPromise(promise)}`;
}

export function showKept(kept: Kept): string {
  return canonical(toModelRecord(kept));
}
