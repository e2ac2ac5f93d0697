// The commands of tasks (protocol.md §3.2), and the steps that the server takes by itself (§4). Each
// touches its promises first, so that a passed deadline is the past of whatever is judged.

import { assert, unreachable } from "./assert.ts";
import { decideDrain } from "./callback.ts";
import type {
  AcquireTask,
  CreateTask,
  FenceTask,
  FulfillTask,
  HeartbeatTask,
  Refusal,
  ReleaseTask,
  Response,
  SuspendTask,
  TaskCommand,
} from "./command.ts";
import { refused } from "./command.ts";
import { change } from "./execute-promise.ts";
import { type InstantMs, isDue, type PromiseId, type TaskVersion } from "./ids.ts";
import { isTimerWithTarget, refuseAwaited, refuseFenced } from "./origin.ts";
import { decideSettle, isAwaitable } from "./promise.ts";
import {
  decideAcquire,
  decideContinue,
  decideHalt,
  decideHeld,
  decideResume,
  isHeld,
  type TaskDecision,
} from "./task.ts";
import { dispatchAnew, dispatchReleased, lease, missed, noTimers, redispatch } from "./timers.ts";
import type { Turn } from "./turn.ts";
import { isTaskMissed } from "./waiting.ts";

const done: Response = { kind: "done" };

export function runTask(turn: Turn, command: TaskCommand): Response {
  switch (command.kind) {
    case "get_task": {
      turn.touch(command.id);
      const { task } = turn.state(command.id);
      if (task.kind === "absent") return refused("task_not_found");
      return { kind: "task", id: command.id, task };
    }
    case "acquire_task":
      turn.touch(command.id);
      return acquire(turn, command.id, command);
    case "create_task":
      return createTask(turn, command);
    case "release_task":
      return release(turn, command);
    case "fulfill_task":
      return fulfill(turn, command);
    case "suspend_task":
      return suspend(turn, command);
    case "fence_task":
      return fence(turn, command);
    case "heartbeat_task":
      return heartbeat(turn, command);
    case "halt_task": {
      turn.touch(command.id);
      const decision = decideHalt(turn.state(command.id).task);
      return apply(turn, command.id, decision) ?? stopClock(turn, command.id);
    }
    case "continue_task": {
      turn.touch(command.id);
      const refusal = apply(turn, command.id, decideContinue(turn.state(command.id).task));
      if (refusal === null) turn.offer(command.id, dispatchAnewOf);
      return refusal ?? done;
    }
    default:
      return unreachable(command);
  }
}

const dispatchAnewOf: Parameters<Turn["offer"]>[1] = (_timers, promise, at) =>
  dispatchAnew(promise, at);

/** @returns the answer of a refusal; null: its events are appended */
function apply(turn: Turn, id: PromiseId, decision: TaskDecision): Response | null {
  if (decision.kind === "refused") return refused(decision.refusal);
  for (const event of decision.events) turn.append(id, event);
  return null;
}

function stopClock(turn: Turn, id: PromiseId): Response {
  if (turn.timers(id).clockAt !== null) turn.setTimers(id, noTimers);
  return done;
}

function acquire(
  turn: Turn,
  id: PromiseId,
  holder: Pick<AcquireTask, "version" | "pid" | "ttl">,
): Response {
  const refusal = apply(turn, id, decideAcquire(turn.state(id).task, holder));
  if (refusal !== null) return refusal;
  turn.setTimers(id, lease(turn.timers(id), turn.now, holder.ttl));
  return claim(turn, id);
}

function claim(turn: Turn, id: PromiseId): Response {
  const { task, promise } = turn.state(id);
  assert(task.kind !== "absent" && promise.kind !== "absent", "a claim to nothing");
  return { kind: "claim", id, task, promise, preload: [] }; // which comes after the commit
}

function createTask(turn: Turn, { action, pid, ttl }: CreateTask): Response {
  const { id } = action;
  turn.touch(id);
  const { promise, task } = turn.state(id);
  if (promise.kind !== "absent") {
    if (task.kind === "absent") return refused("promise_not_targeted");
    if (task.kind === "fulfilled") return claim(turn, id);
    if (task.kind !== "pending") return refused("task_already_exists");
    return acquire(turn, id, { version: task.version, pid, ttl });
  }
  const answer = change(turn, action, { isOffered: false });
  assert(answer.kind === "promise", "a promise that is not there cannot be made");
  const { task: born } = turn.state(id);
  assert(
    born.kind === "pending" || born.kind === "fulfilled",
    "a task is not born with its promise",
  );
  if (born.kind === "fulfilled") return claim(turn, id);
  return acquire(turn, id, { version: born.version, pid, ttl });
}

function release(turn: Turn, { id, version }: ReleaseTask): Response {
  turn.touch(id);
  const { task } = turn.state(id);
  const refusal = apply(turn, id, decideHeld(task, version, { kind: "task_released" }));
  if (refusal === null) turn.offer(id, dispatchReleased);
  return refusal ?? done;
}

function fulfill(turn: Turn, { id, version, outcome, value }: FulfillTask): Response {
  turn.touch(id);
  const { task, promise } = turn.state(id);
  const refusal = apply(turn, id, decideHeld(task, version, null));
  if (refusal !== null) return refusal;
  const ask = { kind: "settle_promise", id, outcome, value } as const;
  const keys = { key: null, strict: false, isShared: true };
  const decision = decideSettle(promise, { ...ask, ...keys }, turn.now);
  assert(decision.kind === "accepted", "a held task has a promise that cannot be settled");
  turn.applyAll(id, decision.events);
  return turn.show(id, true);
}

function suspend(turn: Turn, { id, version, awaited }: SuspendTask): Response {
  assert(awaited.length > 0, "a task that would wait for nothing"); // and so for ever
  assert(!awaited.includes(id), "a task that waits for itself"); // C3
  turn.touch(id);
  for (const each of awaited) turn.touch(each);
  const strict = turn.rules.isStrict ? refuseAwaited(turn, id, awaited) : null;
  if (strict !== null) return refused(strict);
  const { task } = turn.state(id);
  const notHeld = apply(turn, id, decideHeld(task, version, null));
  if (notHeld !== null) return notHeld;
  for (const each of awaited) {
    const refusal = unawaitable(turn, each);
    if (refusal !== null) return refused(refusal);
  }
  if (awaited.some((each) => turn.state(each).promise.kind === "settled")) {
    return goOn(turn, id, version);
  }
  for (const each of awaited) {
    if (turn.state(each).callbacks.includes(id)) continue;
    turn.append(each, { kind: "callback_registered", awaiter: id });
  }
  apply(turn, id, decideHeld(task, version, { kind: "task_suspended" }));
  return stopClock(turn, id);
}

function unawaitable(turn: Turn, id: PromiseId): Refusal | null {
  const { promise } = turn.state(id);
  if (promise.kind === "absent") return "awaited_not_found";
  return turn.rules.awaitsAny || isAwaitable(promise) ? null : "awaited_not_awaitable";
}

/** 300: there is nothing to wait for, so the task stays where it is. */
function goOn(turn: Turn, id: PromiseId, version: TaskVersion): Response {
  const { task, promise } = turn.state(id);
  assert(promise.kind === "pending", "a held task whose promise is settled");
  apply(turn, id, decideHeld(task, version, { kind: "resumes_cleared" }));
  return { kind: "not_suspended", id, promise, preload: [] };
}

function fence(turn: Turn, { id, version, action }: FenceTask): Response {
  assert(action.id !== id, "a task that fences itself"); // its promise is settled by fulfilling it
  turn.touch(id);
  turn.touch(action.id);
  const { isStrict } = turn.rules;
  const strict = isStrict ? refuseFenced(turn, id, action) : null;
  if (strict !== null) return refused(strict);
  const refusal = apply(turn, id, decideHeld(turn.state(id).task, version, null));
  if (refusal !== null) return refusal;
  const isRefused = isStrict && isTimerWithTarget(action);
  return { kind: "fenced", inner: isRefused ? refused("timer_with_target") : change(turn, action) };
}

/** Says nothing of what it finds: whoever lost the task learns it from the next thing it does. */
function heartbeat(turn: Turn, { id, version, pid }: HeartbeatTask): Response {
  const { task, promise } = turn.state(id);
  const isLive = promise.kind === "pending" && !isDue(promise.timeoutAt, turn.now);
  if (task.kind === "acquired" && isHeld(task, version) && task.pid === pid && isLive) {
    turn.setTimers(id, lease(turn.timers(id), turn.now, task.ttl));
  }
  return done;
}

// Steps of the server. Each checks again what made it due: by now another node may have been faster.

export function expireLease(turn: Turn, id: PromiseId): void {
  turn.touch(id);
  if (!isClockDue(turn, id) || turn.state(id).task.kind !== "acquired") return;
  turn.append(id, { kind: "lease_expired" });
  turn.offer(id, dispatchAnewOf);
}

export function dispatchAgain(turn: Turn, id: PromiseId): void {
  turn.touch(id);
  if (isClockDue(turn, id) && turn.state(id).task.kind === "pending") {
    turn.offer(id, redispatch);
  }
}

export function noteMissed(turn: Turn, id: PromiseId, version: TaskVersion): void {
  const { task } = turn.state(id);
  const isOffered = task.kind === "pending" && task.version === version;
  if (isOffered && !turn.timers(id).isMissed) turn.setTimers(id, missed(turn.timers(id)));
}

/** A worker has connected that the dispatch had missed (protocol.md §1.3). */
export function offerMissed(turn: Turn, id: PromiseId, before: InstantMs): void {
  turn.touch(id);
  const isPending = turn.state(id).task.kind === "pending";
  if (isPending && isTaskMissed(turn.timers(id), before)) turn.offer(id);
}

/** Protocol.md §4, callback drain. The awaiter's own deadline comes first. */
export function drain(turn: Turn, awaited: PromiseId, awaiter: PromiseId): void {
  turn.touch(awaiter);
  const events = decideDrain(turn.state(awaited), awaiter);
  for (const event of events) turn.append(awaited, event);
  if (events.length > 0) resume(turn, awaiter, awaited);
}

/** What it awaited is settled; its own promise has its timeout folded in. */
function resume(turn: Turn, awaiter: PromiseId, awaited: PromiseId): void {
  const { task } = turn.state(awaiter);
  for (const event of decideResume(task, awaited)) turn.append(awaiter, event);
  if (task.kind === "suspended") turn.offer(awaiter, dispatchAnewOf);
}

function isClockDue(turn: Turn, id: PromiseId): boolean {
  const { clockAt } = turn.timers(id);
  return clockAt !== null && isDue(clockAt, turn.now) && turn.state(id).promise.kind === "pending";
}
