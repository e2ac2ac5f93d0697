// Tasks (protocol.md §3.2), and the steps that the server takes by itself (§4).
//
//   O4. Only a holder that names the version may change a task that is held. Its name does not count.

import { lend, offer, offerAnew, offerReleased } from "./clocks.ts";
import {
  type ModelAcquire,
  type ModelAnswer,
  type ModelCreateTask,
  type ModelFence,
  type ModelFulfill,
  type ModelHeartbeat,
  type ModelOfferMissed,
  type ModelRefusal,
  type ModelSuspend,
  refused,
} from "./command.ts";
import type { Draft } from "./draft.ts";
import { born, create, settle, settled } from "./promises.ts";
import {
  type ModelPromise,
  type ModelTask,
  mayBeAwaited,
  project,
  stopped,
  unheld,
} from "./record.ts";
import { isTimerWithTarget, refuseAwaited, refuseFenced } from "./strict.ts";

type OfVersion = { readonly id: string; readonly version: number };

const done: ModelAnswer = { kind: "done" };

export function getTask(draft: Draft, id: string): ModelAnswer {
  const { task } = draft.touch(id);
  return task === null ? refused("task_not_found") : { kind: "task", id, task };
}

export function acquire(draft: Draft, command: ModelAcquire): ModelAnswer {
  const { id, version } = command;
  const { task } = draft.touch(id);
  if (task === null) return refused("task_not_found");
  if (task.state !== "pending") return refused("task_not_pending");
  if (task.version !== version) return refused("task_version_mismatch");
  return hold(draft, id, command);
}

export function createTask(draft: Draft, { action, pid, ttl }: ModelCreateTask): ModelAnswer {
  const { id } = action;
  const before = draft.touch(id);
  const isThere = before.promise !== null;
  if (isThere && before.task === null) return refused("promise_not_targeted");
  const { task, promise } = isThere ? before : born(draft, action);
  if (task?.state === "pending") return hold(draft, id, { pid, ttl });
  if (task?.state !== "fulfilled") return refused("task_already_exists");
  return { kind: "claim", id, task, promise: promise as ModelPromise }; // it has a task
}

/** Of a pending task: this moves the version, and nothing else does. */
function hold(
  draft: Draft,
  id: string,
  { pid, ttl }: { readonly pid: string; readonly ttl: bigint },
): ModelAnswer {
  const record = draft.record(id);
  const version = (record.task?.version ?? 0) + 1;
  const task = { state: "acquired", version, resumes: [], pid, ttl } as const;
  draft.set(id, { ...record, task });
  lend(draft, id, ttl);
  return { kind: "claim", id, task, promise: record.promise as ModelPromise }; // it has a task
}

/** The claim gate (O4), of a task that has been touched. */
function gate(draft: Draft, { id, version }: OfVersion): ModelRefusal | null {
  const { task } = draft.record(id);
  if (task === null) return "task_not_found";
  return task.state === "acquired" && task.version === version ? null : "task_not_held";
}

export function release(draft: Draft, command: OfVersion): ModelAnswer {
  const { id } = command;
  draft.touch(id);
  const refusal = gate(draft, command);
  if (refusal !== null) return refused(refusal);
  change(draft, id, { state: "pending", ...unheld });
  offerReleased(draft, id);
  return done;
}

export function fulfill(draft: Draft, command: ModelFulfill): ModelAnswer {
  const { id } = command;
  draft.touch(id);
  const refusal = gate(draft, command);
  if (refusal !== null) return refused(refusal);
  return { kind: "promise", id, promise: settled(draft, { ...command, key: null }), changed: true };
}

export function suspend(draft: Draft, command: ModelSuspend): ModelAnswer {
  const { id, awaited } = command;
  for (const each of [id, ...awaited]) draft.touch(each);
  const strict = refuseAwaited(draft, id, awaited);
  const refusal = strict ?? gate(draft, command) ?? unawaitable(draft, awaited);
  if (refusal !== null) return refused(refusal);
  if (awaited.some((each) => draft.record(each).promise?.state !== "pending")) {
    const { promise, task } = draft.record(id);
    if (task?.resumes.length !== 0) change(draft, id, { resumes: [] });
    return { kind: "not_suspended", id, promise: promise as ModelPromise }; // it has a task
  }
  for (const each of awaited) {
    const record = draft.record(each);
    const { callbacks } = record;
    if (!callbacks.includes(id)) draft.set(each, { ...record, callbacks: [...callbacks, id] });
  }
  change(draft, id, { state: "suspended", resumes: [], ...unheld });
  draft.setClock(id, stopped);
  return done;
}

function unawaitable(draft: Draft, awaited: readonly string[]): ModelRefusal | null {
  for (const each of awaited) {
    const { promise } = draft.record(each);
    if (promise === null) return "awaited_not_found";
    if (!mayBeAwaited(promise, draft.rules)) return "awaited_not_awaitable";
  }
  return null;
}

export function fence(draft: Draft, command: ModelFence): ModelAnswer {
  const { id, action } = command;
  draft.touch(id);
  draft.touch(action.id);
  const refusal = refuseFenced(draft, id, action) ?? gate(draft, command);
  if (refusal !== null) return refused(refusal);
  if (isTimerWithTarget(draft, action))
    return { kind: "fenced", inner: refused("timer_with_target") };
  const isCreation = action.kind === "create_promise";
  const inner = isCreation ? create(draft, action) : settle(draft, action);
  return { kind: "fenced", inner };
}

/** Says nothing of what it finds, and settles nothing. */
export function heartbeat(draft: Draft, command: ModelHeartbeat): ModelAnswer {
  const { id, pid } = command;
  const { promise, task } = draft.record(id);
  const isLive = promise !== null && project(promise, draft.now).state === "pending";
  const isHolder = isLive && gate(draft, command) === null && task?.pid === pid;
  if (isHolder && task.ttl !== null) lend(draft, id, task.ttl);
  return done;
}

export function halt(draft: Draft, id: string): ModelAnswer {
  const { task } = draft.touch(id);
  if (task === null) return refused("task_not_found");
  if (task.state === "fulfilled") return refused("task_fulfilled");
  if (task.state === "halted") return done;
  change(draft, id, { state: "halted", ...unheld });
  draft.setClock(id, stopped);
  return done;
}

export function goOn(draft: Draft, id: string): ModelAnswer {
  const { task } = draft.touch(id);
  if (task === null) return refused("task_not_found");
  if (task.state !== "halted") return refused("task_not_halted");
  change(draft, id, { state: "pending" });
  offerAnew(draft, id);
  return done;
}

export function expireLease(draft: Draft, id: string): void {
  const { task } = draft.touch(id);
  if (task?.state !== "acquired" || !isClockDue(draft, id)) return;
  change(draft, id, { state: "pending", ...unheld });
  offerAnew(draft, id);
}

export function dispatchAgain(draft: Draft, id: string): void {
  const { task } = draft.touch(id);
  if (task?.state !== "pending" || !isClockDue(draft, id)) return;
  const { isMissed } = draft.record(id).clock;
  offer(draft, id);
  const { clock } = draft.record(id);
  if (clock.offeredAt === draft.now) draft.setClock(id, { ...clock, isMissed });
}

/** Its `execute` found no receiver. */
export function noteMissed(draft: Draft, { id, version }: OfVersion): void {
  const { task, clock } = draft.record(id);
  const isOffered = task?.state === "pending" && task.version === version;
  if (isOffered) draft.setClock(id, { ...clock, isMissed: true });
}

/** A worker has connected that may take what nobody could (protocol.md §1.3). */
export function offerMissed(draft: Draft, { id, before }: ModelOfferMissed): void {
  const { task, clock } = draft.touch(id);
  const isOlder = clock.offeredAt !== null && clock.offeredAt < before;
  if (task?.state === "pending" && (clock.isMissed || isOlder)) offer(draft, id);
}

function isClockDue(draft: Draft, id: string): boolean {
  const { at } = draft.record(id).clock;
  return at !== null && at <= draft.now;
}

function change(draft: Draft, id: string, members: Partial<ModelTask>): void {
  const record = draft.record(id);
  if (record.task !== null) draft.set(id, { ...record, task: { ...record.task, ...members } });
}
