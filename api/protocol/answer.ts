// Answers of the kernel as the current protocol tells them: a status, and data that is an object, or,
// from 400 on, a bare string (protocol.md §1.1, §3).

import { assert, unreachable } from "../../kernel/assert.ts";
import type { Failure, Refusal, Request } from "../../kernel/command.ts";
import type { Answer } from "../gateway.ts";
import type { RimFailure } from "../status.ts";
import { type Echo, protocolVersion } from "./envelope.ts";
import { promiseRecord, taskRecord } from "./records.ts";

export type Told = { readonly status: number; readonly data: unknown };

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
  ["fence_task task_not_held", "Version mismatch"],
]);

const overloaded = "Server is overloaded";
const failures: Readonly<Record<Failure | RimFailure, RefusalRow>> = {
  queue_full: { status: 503, text: overloaded },
  store_overloaded: { status: 503, text: overloaded },
  shutting_down: { status: 503, text: "Server is shutting down" },
  store_failed: { status: 500, text: "Internal error: the store failed; nothing changed" },
  record_unreadable: {
    status: 500,
    text: "Internal error: a stored record cannot be read; nothing changed",
  },
  outcome_unknown: {
    status: 500,
    text: "Internal error: the store failed; the outcome is unknown",
  },
  internal: { status: 500, text: "Internal error: the server failed unexpectedly" },
};

/** @param echo of the request: a fenced action answers with an envelope of its own */
export function tell(request: Request, answer: Answer, echo: Echo): Told {
  switch (answer.kind) {
    case "refused": {
      const { status, text } = refusals[answer.refusal];
      return { status, data: special.get(`${request.kind} ${answer.refusal}`) ?? text };
    }
    case "failed": {
      const { status, text } = failures[answer.failure];
      return { status, data: text };
    }
    case "promise":
      return { status: 200, data: { promise: promiseRecord(answer.id, answer.promise) } };
    case "task":
      return { status: 200, data: { task: taskRecord(answer.id, answer.task) } };
    case "claim": {
      const { id, task, promise } = answer;
      const records = { task: taskRecord(id, task), promise: promiseRecord(id, promise) };
      return { status: 200, data: { ...records, preload: [] } };
    }
    case "done":
      return { status: 200, data: {} };
    case "not_suspended":
      return { status: 300, data: { preload: [] } };
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

export function toEnvelope({ kind, corrId }: Echo, { status, data }: Told): unknown {
  return { kind, head: { corrId, status, version: protocolVersion }, data };
}
