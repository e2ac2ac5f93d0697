// Promises, and those who wait for them (promise-api.md §4, protocol.md §3.1, §4 and §5).
//
//   O2. Whatever is settled never changes again, but for its waiters, which are drained.

import { offer, offerAnew } from "./clocks.ts";
import {
  type ModelAnswer,
  type ModelCreate,
  type ModelListen,
  type ModelPair,
  type ModelSettle,
  type ModelTellMissed,
  type ModelToldBy,
  refused,
} from "./command.ts";
import type { Draft } from "./draft.ts";
import {
  emptyValue,
  ended,
  isTargeted,
  later,
  type ModelPromise,
  type ModelRecord,
  type ModelTask,
  type ModelTelling,
  mayBeAwaited,
  nothing,
  onTime,
} from "./record.ts";
import { refuseAwaited } from "./strict.ts";

export const silence: ModelAnswer = { kind: "none" };
const newTask: ModelTask = { state: "pending", version: 0, resumes: [], pid: null, ttl: null };

/** protocol.md §1.4. */
const firstPauseMs = 1000;
const pauseMaxMs = 60_000;

export function get(draft: Draft, id: string): ModelAnswer {
  const { promise } = draft.touch(id);
  if (promise === null) return refused("promise_not_found");
  return { kind: "promise", id, promise, changed: false };
}

/** promise-api.md §4.2, first three rows and all others that say "create". */
export function create(draft: Draft, command: ModelCreate): ModelAnswer {
  const { id, key, strict } = command;
  const { promise } = draft.touch(id);
  if (promise === null) {
    const { promise: made, task } = born(draft, command);
    if (task?.state === "pending") offer(draft, id);
    return { kind: "promise", id, promise: made, changed: true };
  }
  const isRepetition =
    key !== null && key === promise.createKey && !(strict && promise.state !== "pending");
  if (!command.isShared && !isRepetition) return refused("promise_already_exists");
  return { kind: "promise", id, promise, changed: false };
}

/** Of an id that is free; a task that is born pending is not offered yet. */
export function born(
  draft: Draft,
  command: ModelCreate,
): ModelRecord & { readonly promise: ModelPromise } {
  const promise = newborn(command, draft.now);
  const task = isTargeted(promise) ? newTask : null;
  const record = onTime({ ...nothing, promise, task }, draft.now);
  draft.set(command.id, record);
  return { ...record, promise: record.promise ?? promise };
}

/** Of an id that is free, as at an instant that may have passed; likewise. */
export function bornAt(
  draft: Draft,
  id: string,
  fired: Pick<ModelPromise, "param" | "tags" | "timeoutAt" | "createdAt">,
): ModelRecord {
  const keys = { createKey: null, settleKey: null, isExternal: false } as const;
  const promise = {
    ...fired,
    ...keys,
    state: "pending",
    value: emptyValue,
    settledAt: null,
  } as const;
  const task = isTargeted(promise) ? newTask : null;
  const record = onTime({ ...nothing, promise, task }, draft.now);
  draft.set(id, record);
  return record;
}

/** §4.3: whoever is born at or after its deadline is dated back to it. */
function newborn(command: ModelCreate, now: number): ModelPromise {
  const { param, tags, timeoutAt, key, isExternal } = command;
  return {
    state: "pending",
    param,
    value: emptyValue,
    tags,
    timeoutAt,
    createdAt: timeoutAt <= now ? Number(timeoutAt) : now,
    settledAt: null,
    createKey: key,
    settleKey: null,
    isExternal,
  };
}

export function settle(draft: Draft, command: ModelSettle): ModelAnswer {
  const { id, outcome, key, strict } = command;
  const { promise } = draft.touch(id);
  if (promise === null) return refused("promise_not_found");
  if (promise.state === "pending") {
    return { kind: "promise", id, promise: settled(draft, command), changed: true };
  }
  const isRepetition =
    key !== null && key === promise.settleKey && !(strict && promise.state !== outcome);
  if (!command.isShared && !isRepetition) return refused(`promise_already_${promise.state}`);
  return { kind: "promise", id, promise, changed: false };
}

/** A promise that is pending comes to its end. */
export function settled(
  draft: Draft,
  { id, outcome, value, key }: Pick<ModelSettle, "id" | "outcome" | "value" | "key">,
): ModelPromise {
  const record = draft.record(id);
  const promise = record.promise as ModelPromise; // every caller has looked
  const settledAt = Math.max(draft.now, promise.createdAt); // clocks of two nodes differ
  const end = { ...promise, state: outcome, value, settledAt, settleKey: key };
  draft.set(id, ended(record, end));
  return end;
}

/** protocol.md §3.1; its refusals in their order. */
export function register(draft: Draft, { awaited, awaiter }: ModelPair): ModelAnswer {
  const record = draft.touch(awaited);
  const { promise: waiter } = draft.touch(awaiter);
  const { promise, callbacks } = record;
  const strict = refuseAwaited(draft, awaiter, [awaited]);
  if (strict !== null) return refused(strict);
  if (promise === null) return refused("promise_not_found");
  if (waiter === null) return refused("awaiter_not_found");
  if (!isTargeted(waiter)) return refused("awaiter_not_targeted");
  if (!mayBeAwaited(promise, draft.rules)) return refused("awaited_not_awaitable");
  const areLive = promise.state === "pending" && waiter.state === "pending";
  const isNew = areLive && !callbacks.includes(awaiter);
  if (isNew) draft.set(awaited, { ...record, callbacks: [...callbacks, awaiter] });
  return { kind: "promise", id: awaited, promise, changed: isNew };
}

export function listen(draft: Draft, { awaited, address }: ModelListen): ModelAnswer {
  const record = draft.touch(awaited);
  const { promise, listeners } = record;
  if (promise === null) return refused("promise_not_found");
  if (!mayBeAwaited(promise, draft.rules)) return refused("awaited_not_awaitable");
  const isNew = promise.state === "pending" && !listeners.includes(address);
  if (isNew) draft.set(awaited, { ...record, listeners: [...listeners, address] });
  return { kind: "promise", id: awaited, promise, changed: isNew };
}

/** protocol.md §4: the awaiter is touched, the awaited is not. */
export function drain(draft: Draft, { awaited, awaiter }: ModelPair): void {
  draft.touch(awaiter);
  const record = draft.record(awaited);
  const { promise, callbacks } = record;
  if (promise === null || promise.state === "pending" || !callbacks.includes(awaiter)) return;
  draft.set(awaited, { ...record, callbacks: callbacks.filter((each) => each !== awaiter) }); // O2
  const waiter = draft.record(awaiter);
  const { task } = waiter;
  if (task === null || task.state === "fulfilled" || task.resumes.includes(awaited)) return;
  const resumes = [...task.resumes, awaited];
  if (task.state !== "suspended") {
    draft.set(awaiter, { ...waiter, task: { ...task, resumes } });
    return;
  }
  draft.set(awaiter, { ...waiter, task: { ...task, state: "pending", resumes } });
  offerAnew(draft, awaiter);
}

/** protocol.md §4, listener drain: it stays until its delivery is confirmed. */
export function tell(draft: Draft, { awaited, address }: ModelListen): void {
  const telling = draft.record(awaited).tellings.get(address);
  if (telling === undefined || telling.nextAt <= draft.now) handOver(draft, awaited, address);
}

/** Its worker has connected; it was not there, or the server has been started anew since. */
export function tellMissed(draft: Draft, { awaited, address, before }: ModelTellMissed): void {
  const telling = draft.record(awaited).tellings.get(address);
  if (telling === undefined) return;
  if (telling.isMissed || telling.toldAt < before) handOver(draft, awaited, address);
}

function handOver(draft: Draft, awaited: string, address: string): void {
  const record = draft.record(awaited);
  const { promise, listeners, tellings } = record;
  if (promise === null || promise.state === "pending" || !listeners.includes(address)) return;
  const telling = tellings.get(address);
  const { failures = 0, failedSince = null } = telling ?? {};
  const { patienceMs, retryMs } = draft.rules;
  const isStream = address.startsWith("poll://");
  const nextAt = later(draft.now, isStream && retryMs < patienceMs ? retryMs : patienceMs);
  const told = { nextAt, toldAt: draft.now, failures, failedSince, isMissed: false };
  draft.set(awaited, { ...record, tellings: new Map(tellings).set(address, told) });
  draft.messages.push({ kind: "unblock", to: address, id: awaited, promise });
}

export function noteTold(draft: Draft, { awaited, address, delivery }: ModelToldBy): void {
  const record = draft.record(awaited);
  const telling = record.tellings.get(address);
  if (telling === undefined || !record.listeners.includes(address)) return;
  const isWeb = !address.startsWith("poll://");
  const next = delivery.kind === "delivered" ? null : failed(telling, draft, isWeb);
  const tellings = new Map(record.tellings);
  if (next !== null) {
    draft.set(awaited, { ...record, tellings: tellings.set(address, next) });
    return;
  }
  tellings.delete(address);
  const listeners = record.listeners.filter((each) => each !== address);
  draft.set(awaited, { ...record, listeners, tellings });
}

/** @returns null: given up, since it has failed for so long (protocol.md §1.4) */
function failed(telling: ModelTelling, { now, rules }: Draft, isWeb: boolean): ModelTelling | null {
  const failedSince = telling.failedSince ?? now;
  const failures = telling.failures + 1;
  const endsAt = later(failedSince, rules.retentionMs);
  if (endsAt <= now) return null;
  const { toldAt } = telling;
  if (!isWeb) return { nextAt: endsAt, toldAt, failures, failedSince, isMissed: true };
  let pauseMs = firstPauseMs;
  for (let failure = 1; failure < failures && pauseMs < pauseMaxMs; failure += 1) pauseMs *= 2;
  const againAt = later(now, Math.min(pauseMs, pauseMaxMs));
  const nextAt = againAt < endsAt ? againAt : endsAt;
  return { nextAt, toldAt, failures, failedSince, isMissed: false };
}
