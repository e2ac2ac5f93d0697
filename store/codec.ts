// Events, snapshots and timers as JSON text, and back. The form of an event is frozen once it is
// released: what was written is read for ever (test/golden/events.ndjson).
//
//   T1. What is encoded is decoded to the same: every 64-bit integer, every pair in its order, ""
//       and null apart.
//   T2. What cannot be decoded throws `Undecodable` and nothing else, whatever stands there.
//   T3. An event of an older schema is upgraded, one schema after the other, before it is decoded.
//   T4. A snapshot of schema 1 knew neither tasks nor listeners: there were none, but for the task
//       that stands with every targeted promise.

import { unreachable } from "../kernel/assert.ts";
import type { Event } from "../kernel/event.ts";
import { taskVersion } from "../kernel/ids.ts";
import { noListeners, type Telling } from "../kernel/listener.ts";
import * as promise from "../kernel/promise.ts";
import type { PromiseStream, StreamKind, StreamState } from "../kernel/stream.ts";
import * as task from "../kernel/task.ts";
import { noTimers, type Timers } from "../kernel/timers.ts";
import { isTargeted } from "../kernel/value.ts";
import {
  count,
  deadline,
  duration,
  encodeValue,
  flag,
  id,
  instant,
  list,
  members,
  nonEmpty,
  outcome,
  pairs,
  parse,
  text,
  textOrNull,
  Undecodable,
  value,
} from "./members.ts";
import {
  decodeSchedule,
  decodeScheduleEvent,
  encodeSchedule,
  encodeScheduleEvent,
} from "./schedule-codec.ts";

export type StoredEvent = { readonly kind: string; readonly schema: number; readonly data: string };
export type StoredSnapshot = { readonly schema: number; readonly snapshot: string };

/** From one schema to the next; the first one upgrades schema 1. */
type Upcasters = readonly ((stored: unknown) => unknown)[];

const upcasters: Readonly<Record<Event["kind"], Upcasters>> = {
  promise_created: [],
  promise_settled: [],
  callback_registered: [],
  callback_drained: [],
  listener_registered: [],
  listener_drained: [],
  task_acquired: [],
  task_released: [],
  task_suspended: [],
  task_resumed: [],
  resumes_cleared: [],
  task_halted: [],
  task_continued: [],
  lease_expired: [],
  schedule_created: [],
  schedule_fired: [],
  schedule_deleted: [],
};

/** 2: with a task and listeners (T4). */
export const snapshotSchema = 2;

export function eventSchema(kind: Event["kind"]): number {
  return upcasters[kind].length + 1;
}

export function encodeEvent(event: Event): string {
  switch (event.kind) {
    case "promise_created": {
      const { createdAt, timeoutAt, param, tags, key, isExternal } = event;
      return JSON.stringify({
        createdAt,
        timeoutAt: `${timeoutAt}`,
        param: encodeValue(param),
        tags: [...tags],
        key,
        isExternal,
      });
    }
    case "promise_settled": {
      const { outcome, settledAt, value, key } = event;
      return JSON.stringify({ outcome, settledAt, value: encodeValue(value), key });
    }
    case "callback_registered":
    case "callback_drained":
      return JSON.stringify({ awaiter: event.awaiter });
    case "listener_registered":
      return JSON.stringify({ address: event.address });
    case "listener_drained":
      return JSON.stringify({ address: event.address, wasTold: event.wasTold });
    case "task_acquired":
      return JSON.stringify({ pid: event.pid, ttl: `${event.ttl}` });
    case "task_resumed":
      return JSON.stringify({ awaited: event.awaited });
    case "task_released":
    case "task_suspended":
    case "resumes_cleared":
    case "task_halted":
    case "task_continued":
    case "lease_expired":
      return "{}";
    case "schedule_created":
    case "schedule_fired":
    case "schedule_deleted":
      return JSON.stringify(encodeScheduleEvent(event));
    default:
      return unreachable(event);
  }
}

/** @throws Undecodable */
export function decodeEvent({ kind, schema, data }: StoredEvent): Event {
  if (!isEventKind(kind)) throw new Undecodable(`an event of the unknown kind ${kind}`);
  const stored = members(upgrade(kind, schema, parse(data)));
  switch (kind) {
    case "promise_created":
      return {
        kind,
        createdAt: instant(stored.createdAt),
        timeoutAt: deadline(stored.timeoutAt),
        param: value(stored.param),
        tags: pairs(stored.tags),
        key: textOrNull(stored.key),
        isExternal: flag(stored.isExternal),
      };
    case "promise_settled":
      return {
        kind,
        outcome: outcome(stored.outcome),
        settledAt: instant(stored.settledAt),
        value: value(stored.value),
        key: textOrNull(stored.key),
      };
    case "callback_registered":
    case "callback_drained":
      return { kind, awaiter: id(stored.awaiter) };
    case "listener_registered":
      return { kind, address: nonEmpty(stored.address) };
    case "listener_drained":
      return { kind, address: nonEmpty(stored.address), wasTold: flag(stored.wasTold) };
    case "task_acquired":
      return { kind, pid: text(stored.pid), ttl: duration(stored.ttl) };
    case "task_resumed":
      return { kind, awaited: id(stored.awaited) };
    case "task_released":
    case "task_suspended":
    case "resumes_cleared":
    case "task_halted":
    case "task_continued":
    case "lease_expired":
      return { kind };
    case "schedule_created":
    case "schedule_fired":
    case "schedule_deleted":
      return decodeScheduleEvent(kind, stored);
    default:
      return unreachable(kind);
  }
}

export function encodeSnapshot(state: StreamState): string {
  if (state.kind === "schedule") {
    return JSON.stringify({ schedule: encodeSchedule(state.schedule) });
  }
  const { promise, task, callbacks, listeners } = state;
  return JSON.stringify({
    promise: encodePromise(promise),
    task: encodeTask(task),
    callbacks,
    listeners,
  });
}

/** @throws Undecodable */
export function decodeSnapshot(kind: StreamKind, stored: StoredSnapshot): StreamState {
  return kind === "promise" ? decodePromiseStream(stored) : decodeScheduleStream(stored);
}

function decodeScheduleStream({ schema, snapshot }: StoredSnapshot): StreamState {
  if (schema !== snapshotSchema) throw new Undecodable(`a schedule of the schema ${schema}`);
  const { schedule } = members(parse(snapshot));
  return { kind: "schedule", schedule: decodeSchedule(schedule) };
}

/** @throws Undecodable */
export function decodePromiseStream({ schema, snapshot }: StoredSnapshot): PromiseStream {
  const kind = "promise";
  if (schema !== 1 && schema !== snapshotSchema) {
    throw new Undecodable(`a snapshot of the schema ${schema}`);
  }
  const stored = members(parse(snapshot));
  const promise = decodePromise(stored.promise);
  const callbacks = list(stored.callbacks).map(id);
  if (schema === 1) {
    return { kind, promise, task: taskOf(promise), callbacks, listeners: noListeners };
  }
  const task = decodeTask(stored.task);
  const isTasked = promise.kind !== "absent" && isTargeted(promise.tags);
  if ((task.kind !== "absent") !== isTasked) throw new Undecodable("a task too many, or too few");
  if (isTasked && (task.kind === "fulfilled") !== (promise.kind === "settled")) {
    throw new Undecodable("a task that is not as its promise is");
  }
  return { kind, promise, task, callbacks, listeners: list(stored.listeners).map(nonEmpty) };
}

/** T4. Nothing had befallen a task yet, but to be born and to be fulfilled with its promise. */
function taskOf(record: promise.PromiseState): task.TaskState {
  if (record.kind === "absent" || !isTargeted(record.tags)) return task.absent;
  return record.kind === "settled" ? task.fulfilled(task.born) : task.born;
}

/** @returns null for what most streams have: no clock, and nobody to be told */
export function encodeTimers(timers: Timers): string | null {
  const { clockAt, releaseCount, offeredAt, isMissed, tellings } = timers;
  const isIdle = clockAt === null && offeredAt === null && !isMissed;
  const isNone = isIdle && releaseCount === 0 && tellings.size === 0;
  if (isNone) return null;
  return JSON.stringify({
    clockAt: clockAt === null ? null : `${clockAt}`,
    releaseCount,
    offeredAt,
    isMissed,
    tellings: [...tellings].map(([address, telling]) => {
      return [address, { ...telling, nextAt: `${telling.nextAt}` }];
    }),
  });
}

/** @throws Undecodable */
export function decodeTimers(encoded: string | null): Timers {
  if (encoded === null) return noTimers;
  const stored = members(parse(encoded));
  return {
    clockAt: stored.clockAt === null ? null : deadline(stored.clockAt),
    releaseCount: count(stored.releaseCount),
    offeredAt: stored.offeredAt === null ? null : instant(stored.offeredAt),
    isMissed: flag(stored.isMissed),
    tellings: new Map(list(stored.tellings).map(decodeTelling)),
  };
}

function decodeTelling(encoded: unknown): [address: string, telling: Telling] {
  const [address, telling] = list(encoded);
  const { nextAt, toldAt, failureCount, failedSince, isMissed } = members(telling);
  return [
    nonEmpty(address),
    {
      nextAt: deadline(nextAt),
      toldAt: instant(toldAt),
      failureCount: count(failureCount),
      failedSince: failedSince === null ? null : instant(failedSince),
      isMissed: flag(isMissed),
    },
  ];
}

function encodePromise(record: promise.PromiseState): unknown {
  if (record.kind === "absent") return null;
  const { kind, createdAt, timeoutAt, param, tags, createKey, isExternal } = record;
  const created = {
    kind,
    createdAt,
    timeoutAt: `${timeoutAt}`,
    param: encodeValue(param),
    tags: [...tags],
    createKey,
    isExternal,
  };
  if (record.kind === "pending") return created;
  const { outcome, settledAt, value, settleKey } = record;
  return { ...created, outcome, settledAt, value: encodeValue(value), settleKey };
}

function decodePromise(encoded: unknown): promise.PromiseState {
  if (encoded === null) return promise.absent;
  const stored = members(encoded);
  const created = {
    createdAt: instant(stored.createdAt),
    timeoutAt: deadline(stored.timeoutAt),
    param: value(stored.param),
    tags: pairs(stored.tags),
    createKey: textOrNull(stored.createKey),
    isExternal: flag(stored.isExternal),
  };
  const { createdAt, timeoutAt } = created;
  if (createdAt > timeoutAt) throw new Undecodable("a promise created after its deadline");
  const kind = stored.kind;
  if (kind === "pending") return { kind, ...created };
  if (kind !== "settled") throw new Undecodable("a promise of an unknown kind");
  const settledAt = instant(stored.settledAt);
  if (settledAt < createdAt) throw new Undecodable("a promise settled before it was created");
  if (settledAt > timeoutAt) throw new Undecodable("a promise settled after its deadline");
  return {
    kind,
    ...created,
    outcome: outcome(stored.outcome),
    settledAt,
    value: value(stored.value),
    settleKey: textOrNull(stored.settleKey),
  } satisfies promise.PromiseRecord;
}

function encodeTask(record: task.TaskState): unknown {
  switch (record.kind) {
    case "absent":
      return null;
    case "pending":
    case "halted":
      return { kind: record.kind, version: record.version, resumes: record.resumes };
    case "acquired": {
      const { kind, version, resumes, pid, ttl } = record;
      return { kind, version, resumes, pid, ttl: `${ttl}` };
    }
    case "suspended":
    case "fulfilled":
      return { kind: record.kind, version: record.version };
    default:
      return unreachable(record);
  }
}

function decodeTask(encoded: unknown): task.TaskState {
  if (encoded === null) return task.absent;
  const { kind, resumes, pid, ttl, ...stored } = members(encoded);
  const version = taskVersion(count(stored.version));
  switch (kind) {
    case "pending":
    case "halted":
      return { kind, version, resumes: list(resumes).map(id) };
    case "acquired":
      return { kind, version, resumes: list(resumes).map(id), pid: text(pid), ttl: duration(ttl) };
    case "suspended":
    case "fulfilled":
      return { kind, version };
    default:
      throw new Undecodable("a task of an unknown kind");
  }
}

function isEventKind(kind: string): kind is Event["kind"] {
  return Object.hasOwn(upcasters, kind);
}

/** T3. */
function upgrade(kind: Event["kind"], schema: number, stored: unknown): unknown {
  const steps = upcasters[kind];
  if (schema < 1 || schema > steps.length + 1) {
    throw new Undecodable(`an event ${kind} of the unknown schema ${schema}`);
  }
  return steps.slice(schema - 1).reduce((older, step) => step(older), stored);
}
