// The task: who may run the function behind a promise. A task stands in the stream of its promise: it
// is there if and only if the promise is targeted, and what settles the promise fulfils it (stream.ts).
// Protocol.md §3.2 and §4; test/kernel/task.test.ts is the same table.
//
//   A1. Only an acquisition moves the version, by one, and only of a pending task.
//   A2. Whoever holds the version holds the task: nothing else is asked of a holder, not even its name.
//   A3. A fulfilled task never changes again.
//   A4. What was awaited and is settled is kept in mind until the next holder has been told: once each.
//   A5. Only a task that sleeps is woken. Any other one only keeps it in mind.
//   A6. A halted task moves only when it is continued, or with its promise.

import { assert, unreachable } from "./assert.ts";
import type {
  LeaseExpired,
  ResumesCleared,
  TaskAcquired,
  TaskContinued,
  TaskHalted,
  TaskReleased,
  TaskResumed,
  TaskSuspended,
} from "./event.ts";
import { type DurationMs, type PromiseId, type TaskVersion, taskVersion } from "./ids.ts";

type Versioned = { readonly version: TaskVersion };
/** What it awaited and is settled, since it was last acquired or suspended. */
type Mindful = { readonly resumes: readonly PromiseId[] };

export type PendingTask = Versioned & Mindful & { readonly kind: "pending" };
export type HaltedTask = Versioned & Mindful & { readonly kind: "halted" };
export type AcquiredTask = Versioned &
  Mindful & { readonly kind: "acquired"; readonly pid: string; readonly ttl: DurationMs };
export type SuspendedTask = Versioned & { readonly kind: "suspended" };
export type FulfilledTask = Versioned & { readonly kind: "fulfilled" };

export type TaskRecord = PendingTask | AcquiredTask | SuspendedTask | HaltedTask | FulfilledTask;
export type TaskState = { readonly kind: "absent" } | TaskRecord;

export type TaskEvent =
  | TaskAcquired
  | TaskReleased
  | TaskSuspended
  | TaskResumed
  | ResumesCleared
  | TaskHalted
  | TaskContinued
  | LeaseExpired;

export type TaskRefusal =
  | "task_not_found"
  /** Of an acquisition. */
  | "task_not_pending"
  | "task_version_mismatch"
  /** Of what only its holder may do: it is not held, or by another version. */
  | "task_not_held"
  | "task_fulfilled"
  | "task_not_halted";

export type TaskDecision =
  | { readonly kind: "accepted"; readonly events: readonly TaskEvent[] }
  | { readonly kind: "refused"; readonly refusal: TaskRefusal };

export const absent: TaskState = { kind: "absent" };
const none: readonly PromiseId[] = [];
const unchanged: TaskDecision = { kind: "accepted", events: [] };

/** The task of a targeted promise, as it is created. */
export const born: TaskRecord = { kind: "pending", version: taskVersion(0), resumes: none };

/** The task once its promise is settled, by whatever route. */
export function fulfilled(task: TaskState): TaskState {
  return task.kind === "absent" ? task : { kind: "fulfilled", version: task.version };
}

export function evolve(task: TaskState, event: TaskEvent): TaskRecord {
  assert(task.kind !== "absent", "something befalls a task that does not exist");
  assert(task.kind !== "fulfilled", "a task changes that is fulfilled"); // A3
  const { version } = task;
  switch (event.kind) {
    case "task_acquired": {
      assert(task.kind === "pending", "a task is acquired that is not pending"); // A1
      const { pid, ttl } = event;
      return { kind: "acquired", version: taskVersion(version + 1), resumes: none, pid, ttl };
    }
    case "task_released":
    case "lease_expired":
      assert(task.kind === "acquired", "a task is given back that nobody holds");
      return { kind: "pending", version, resumes: task.resumes };
    case "task_suspended":
      assert(task.kind === "acquired", "a task is suspended that nobody holds");
      return { kind: "suspended", version };
    case "resumes_cleared":
      assert(task.kind === "acquired", "a task is told something that nobody holds");
      return { ...task, resumes: none };
    case "task_resumed":
      return resumed(task, event.awaited);
    case "task_halted":
      assert(task.kind !== "halted", "a task is halted twice"); // A6
      return { kind: "halted", version, resumes: resumesOf(task) };
    case "task_continued":
      assert(task.kind === "halted", "a task is continued that is not halted"); // A6
      return { kind: "pending", version, resumes: task.resumes };
    default:
      return unreachable(event);
  }
}

/** A4, A5. */
function resumed(task: Exclude<TaskRecord, FulfilledTask>, awaited: PromiseId): TaskRecord {
  if (task.kind === "suspended") {
    return { kind: "pending", version: task.version, resumes: [awaited] };
  }
  assert(!task.resumes.includes(awaited), "a task is told twice of one promise"); // A4
  return { ...task, resumes: [...task.resumes, awaited] };
}

/** How many promises it awaited are settled, which is what clients see of them. */
export function resumesOf(task: TaskState): readonly PromiseId[] {
  const isMindful = task.kind === "pending" || task.kind === "acquired" || task.kind === "halted";
  return isMindful ? task.resumes : none;
}

/** Whether this version holds the task, its promise being live (protocol.md §3.2, the claim gate). */
export function isHeld(task: TaskState, version: TaskVersion): boolean {
  return task.kind === "acquired" && task.version === version; // A2
}

// Each decision is taken on a task whose promise has its timeout folded in.

export function decideAcquire(
  task: TaskState,
  { version, pid, ttl }: Holder & Versioned,
): TaskDecision {
  if (task.kind === "absent") return refuse("task_not_found");
  if (task.kind !== "pending") return refuse("task_not_pending"); // A1
  if (task.version !== version) return refuse("task_version_mismatch");
  return accept({ kind: "task_acquired", pid, ttl });
}

export type Holder = { readonly pid: string; readonly ttl: DurationMs };

/** What its holder asks; `event` null: nothing but whether it holds it. */
export function decideHeld(
  task: TaskState,
  version: TaskVersion,
  event: TaskReleased | TaskSuspended | ResumesCleared | null,
): TaskDecision {
  if (task.kind === "absent") return refuse("task_not_found");
  if (!isHeld(task, version)) return refuse("task_not_held"); // A2
  const isTold = event?.kind === "resumes_cleared" && resumesOf(task).length === 0;
  return event === null || isTold ? unchanged : accept(event);
}

export function decideHalt(task: TaskState): TaskDecision {
  if (task.kind === "absent") return refuse("task_not_found");
  if (task.kind === "fulfilled") return refuse("task_fulfilled"); // A3
  return task.kind === "halted" ? unchanged : accept({ kind: "task_halted" });
}

export function decideContinue(task: TaskState): TaskDecision {
  if (task.kind === "absent") return refuse("task_not_found");
  return task.kind === "halted" ? accept({ kind: "task_continued" }) : refuse("task_not_halted");
}

/** That something it awaited is settled (protocol.md §4, callback drain). */
export function decideResume(task: TaskState, awaited: PromiseId): readonly TaskEvent[] {
  if (task.kind === "absent" || task.kind === "fulfilled") return []; // A3
  return resumesOf(task).includes(awaited) ? [] : [{ kind: "task_resumed", awaited }]; // A4
}

function accept(event: TaskEvent): TaskDecision {
  return { kind: "accepted", events: [event] };
}

function refuse(refusal: TaskRefusal): TaskDecision {
  return { kind: "refused", refusal };
}
