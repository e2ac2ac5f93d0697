// Answers of the kernel as the current protocol tells them: a status, and data that is an object, or,
// from 400 on, a bare string (protocol.md §1.1, §3).

import { assert, unreachable } from "../../kernel/assert.ts";
import type { Failure, Refusal, Request } from "../../kernel/command.ts";
import type { ShownPromise } from "../../kernel/list.ts";
import { timerWithTarget } from "../creation.ts";
import type { Answer } from "../gateway.ts";
import type { RimFailure } from "../status.ts";
import { type Echo, protocolVersion } from "./envelope.ts";
import { promiseRecord, scheduleRecord, taskRecord } from "./records.ts";

export type Told = {
  readonly status: number;
  readonly data: unknown;
  /** Of HTTP: whether and when to come back. */
  readonly headers?: Readonly<Record<string, string>>;
};

/** With the text of the operation; the same refusal has another text elsewhere. */
type RefusalRow = { readonly status: number; readonly text: string };

// biome-ignore format: a table is read down its columns
const refusals: Readonly<Record<Refusal, RefusalRow>> = {
  promise_not_found:        { status: 404, text: "Promise not found" },
  awaited_not_found:        { status: 422, text: "Awaited promise not found" },
  awaiter_not_found:        { status: 422, text: "Awaiter promise not found" },
  awaiter_not_targeted:     { status: 422, text: "Awaiter promise has no resonate:target tag" },
  awaited_not_awaitable:    { status: 422, text: "Awaited promise is not awaitable" },
  promise_not_targeted:     { status: 422, text: "The promise does not have a resonate:target tag" },
  task_already_exists:      { status: 409, text: "Already exists" },
  task_not_found:           { status: 404, text: "Task not found" },
  task_not_pending:         { status: 409, text: "Task is not pending" },
  task_version_mismatch:    { status: 409, text: "Version mismatch" },
  task_not_held:            { status: 409, text: "Task version mismatch or invalid state" },
  task_fulfilled:           { status: 409, text: "Task is fulfilled" },
  task_not_halted:          { status: 409, text: "Task is not halted" },
  origins_differ:           { status: 400, text: "Awaiter and awaited must belong to the same origin" },
  awaited_repeated:         { status: 400, text: "Awaited promise IDs must be unique" },
  timer_with_target:        { status: 400, text: timerWithTarget },
  schedule_not_found:       { status: 404, text: "Schedule not found" },
  schedule_cron_invalid:    { status: 400, text: "Invalid cron expression" },
  schedule_time_zone_invalid: { status: 400, text: "Invalid time zone" },
  // Only idempotency keys are refused with these, and this protocol has none.
  promise_already_exists:   { status: 409, text: "Already exists" },
  promise_already_resolved: { status: 409, text: "Already settled" },
  promise_already_rejected: { status: 409, text: "Already settled" },
  promise_already_canceled: { status: 409, text: "Already settled" },
  promise_already_timedout: { status: 409, text: "Already settled" },
};

/** Where a refusal is told in other words. */
const special: ReadonlyMap<string, string> = new Map([
  ["register_callback promise_not_found", "Awaited promise not found"],
  ["register_listener promise_not_found", "Awaited promise not found"],
  ["suspend_task task_not_held", "Task is not acquired or version mismatch"],
  ["suspend_task origins_differ", "Awaited promise must belong to the same origin as the task"],
  ["fence_task task_not_held", "Version mismatch"],
  ["fence_task origins_differ", "Action must belong to the task's origin"],
]);

const overloaded: Told = {
  status: 503,
  data: "Server is overloaded",
  headers: { "retry-after": "1" },
};
const failures: Readonly<Record<Failure | RimFailure, Told>> = {
  queue_full: overloaded,
  store_overloaded: overloaded,
  shutting_down: {
    status: 503,
    data: "Server is shutting down",
    headers: { connection: "close" },
  },
  store_failed: internal("the store failed; nothing changed"),
  record_unreadable: internal("a stored record cannot be read; nothing changed"),
  outcome_unknown: internal("the store failed; the outcome is unknown"),
  internal: internal("the server failed unexpectedly; the outcome is unknown"),
};

function internal(what: string): Told {
  return { status: 500, data: `Internal error: ${what}` };
}

export function tellFailure(failure: Failure | RimFailure): Told {
  return failures[failure];
}

/** @param echo of the request: a fenced action answers with an envelope of its own */
export function tell(request: Request, answer: Answer, echo: Echo): Told {
  switch (answer.kind) {
    case "refused": {
      const { status, text } = refusals[answer.refusal];
      return { status, data: special.get(`${request.kind} ${answer.refusal}`) ?? text };
    }
    case "failed":
      return tellFailure(answer.failure);
    case "promise":
      return { status: 200, data: { promise: promiseRecord(answer.id, answer.promise) } };
    case "task":
      return { status: 200, data: { task: taskRecord(answer.id, answer.task) } };
    case "claim": {
      const { id, task, promise } = answer;
      const records = { task: taskRecord(id, task), promise: promiseRecord(id, promise) };
      return { status: 200, data: { ...records, preload: promiseRecords(answer.preload) } };
    }
    case "schedule":
      return { status: 200, data: { schedule: scheduleRecord(answer.id, answer.schedule) } };
    case "promise_list":
      return page({ promises: promiseRecords(answer.promises) }, answer.next);
    case "task_list":
      return page({ tasks: answer.tasks.map(({ id, task }) => taskRecord(id, task)) }, answer.next);
    case "schedule_list": {
      const schedules = answer.schedules.map(({ id, schedule }) => scheduleRecord(id, schedule));
      return page({ schedules }, answer.next);
    }
    case "done":
      return { status: 200, data: {} };
    case "not_suspended":
      return { status: 300, data: { preload: promiseRecords(answer.preload) } };
    case "fenced": {
      assert(request.kind === "fence_task", "a fence is answered that nobody asked for");
      const { action } = request;
      const kind = action.kind === "create_promise" ? "promise.create" : "promise.settle";
      const told = tell(action, answer.inner, echo);
      const inner = toEnvelope({ kind, corrId: echo.corrId }, told);
      return { status: 200, data: { action: inner, preload: [] } };
    }
    case "promises":
    case "events":
      return { status: 500, data: "Internal error: an answer of another API" };
    default:
      return unreachable(answer);
  }
}

function promiseRecords(shown: readonly ShownPromise[]): readonly unknown[] {
  return shown.map(({ id, promise }) => promiseRecord(id, promise));
}

/** Protocol.md §7: the cursor is the last id shown. */
function page(records: Readonly<Record<string, readonly unknown[]>>, next: string | null): Told {
  return { status: 200, data: { ...records, cursor: next ?? undefined } };
}

export function toEnvelope({ kind, corrId }: Echo, { status, data }: Told): unknown {
  return { kind, head: { corrId, status, version: protocolVersion }, data };
}
