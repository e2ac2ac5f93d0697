// Answers, from the kernel's words to the wire's (promise-api.md §1.6, §2). Every answer is built as
// a plain value and printed by one `JSON.stringify`, which leaves out what is undefined.
//
//   O1. Members stand in the order of the table. What is empty is left out, but for `param`, `value`.
//   O2. A deadline is printed to its last digit.
//   O3. One promise looks the same in every answer.

import { unreachable } from "../kernel/assert.ts";
import type { Event, Outcome } from "../kernel/event.ts";
import type { DeadlineMs, PromiseId } from "../kernel/ids.ts";
import type { PromiseRecord } from "../kernel/promise.ts";
import type { EventPage, LoggedEvent, PromisePage, SearchPromises } from "../kernel/search.ts";
import type { Pairs, Value } from "../kernel/value.ts";
import { shownAsBase64 } from "./base64.ts";
import { encodeCursor } from "./cursor.ts";
import { printable } from "./int64.ts";

export type WireState =
  | "PENDING"
  | "RESOLVED"
  | "REJECTED"
  | "REJECTED_TIMEDOUT"
  | "REJECTED_CANCELED";

export const wireStates: Readonly<Record<Outcome, WireState>> = {
  resolved: "RESOLVED",
  rejected: "REJECTED",
  canceled: "REJECTED_CANCELED",
  timedout: "REJECTED_TIMEDOUT",
};

export function encodePromise(id: PromiseId, promise: PromiseRecord): string {
  return JSON.stringify(wirePromise(id, promise));
}

/** @param search the one that the page answers: its cursor carries it on */
export function encodePage({ promises, before }: PromisePage, search: SearchPromises): string {
  return JSON.stringify({
    cursor: before === null ? null : encodeCursor({ ...search, before }),
    promises: promises.map(({ id, promise }) => wirePromise(id, promise)), // O3
  });
}

export function encodeEvents({ events, next }: EventPage): string {
  return JSON.stringify({ events: events.map(wireEvent), next });
}

/** O1. */
function wirePromise(id: PromiseId, promise: PromiseRecord): unknown {
  const isSettled = promise.kind === "settled";
  return {
    id,
    state: isSettled ? wireStates[promise.outcome] : "PENDING",
    param: wireValue(promise.param),
    value: isSettled ? wireValue(promise.value) : noValue,
    timeout: wireDeadline(promise.timeoutAt),
    idempotencyKeyForCreate: promise.createKey ?? undefined,
    idempotencyKeyForComplete: isSettled ? (promise.settleKey ?? undefined) : undefined,
    createdOn: promise.createdAt,
    completedOn: isSettled ? promise.settledAt : undefined,
    tags: wirePairs(promise.tags),
  };
}

function wireEvent({ position, key, version, at, command, event }: LoggedEvent): unknown {
  const { kind, id } = key;
  const stream = { kind, id };
  return { position, stream, version, kind: event.kind, at, command, data: members(event) };
}

/** What is the event's own, under the names that it has in the log. */
function members(event: Event): unknown {
  switch (event.kind) {
    case "promise_created":
      return {
        createdAt: event.createdAt,
        timeoutAt: wireDeadline(event.timeoutAt),
        param: wireValue(event.param),
        tags: wirePairs(event.tags),
        key: event.key ?? undefined,
        isExternal: event.isExternal,
      };
    case "promise_settled":
      return {
        outcome: event.outcome,
        settledAt: event.settledAt,
        value: wireValue(event.value),
        key: event.key ?? undefined,
      };
    case "callback_registered":
    case "callback_drained":
      return { awaiter: event.awaiter };
    case "listener_registered":
      return { address: event.address };
    case "listener_drained":
      return { address: event.address, wasTold: event.wasTold };
    case "task_acquired":
      return { pid: event.pid, ttl: printable(event.ttl) };
    case "task_resumed":
      return { awaited: event.awaited };
    case "task_released":
    case "task_suspended":
    case "resumes_cleared":
    case "task_halted":
    case "task_continued":
    case "lease_expired":
    case "schedule_deleted":
      return {};
    case "schedule_created":
      return {
        cron: event.cron,
        promiseIdTemplate: event.promiseIdTemplate,
        promiseTimeoutMs: printable(event.promiseTimeoutMs),
        promiseParam: wireValue(event.promiseParam),
        promiseTags: wirePairs(event.promiseTags),
        createdAt: event.createdAt,
        nextRunAt: wireDeadline(event.nextRunAt),
      };
    case "schedule_fired":
      return { occurrenceAt: event.occurrenceAt, nextRunAt: wireDeadline(event.nextRunAt) };
    default:
      return unreachable(event);
  }
}

const noValue = {};

function wireValue({ headers, data }: Value): unknown {
  if (headers === null && data === null) return noValue;
  return {
    headers: headers === null ? undefined : wirePairs(headers),
    data: data === null || data === "" ? undefined : shownAsBase64(data),
  };
}

function wirePairs(pairs: Pairs): unknown {
  return pairs.size === 0 ? undefined : Object.fromEntries(pairs); // makes own members of all names
}

/** O2. */
function wireDeadline(deadline: DeadlineMs): unknown {
  return printable(deadline);
}
