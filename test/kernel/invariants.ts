// The invariants of protocol.md §12 that a few streams show, numbered and worded as there. Each is a
// function of what a command found and left behind, and says whether the property holds.
//
// Not in here, for want of a witness in the streams: 15 is the decoder's, 18 is the schedule's, 37 in
// part and 38 need the answers of several commands, 40 needs time to pass.

import { type Command, type InternalCommand, keys, type Response } from "../../kernel/command.ts";
import type { Event } from "../../kernel/event.ts";
import { type InstantMs, isDue, later, type PromiseId } from "../../kernel/ids.ts";
import type { Message } from "../../kernel/message.ts";
import { isAwaitable } from "../../kernel/promise.ts";
import type { Rules } from "../../kernel/rules.ts";
import {
  absent,
  dueAt,
  fold,
  type PromiseKey,
  type PromiseStream,
  type Stream,
} from "../../kernel/stream.ts";
import { resumesOf, type TaskRecord } from "../../kernel/task.ts";
import { noTimers, type Timers } from "../../kernel/timers.ts";
import { isTargeted, isTimer } from "../../kernel/value.ts";
import { isTaskMissed } from "../../kernel/waiting.ts";

export type OfPromise = Stream & { readonly key: PromiseKey; readonly state: PromiseStream };

/** One command over all streams: what it found, and what it left behind. */
export type Step = {
  readonly before: ReadonlyMap<PromiseId, OfPromise>;
  readonly after: ReadonlyMap<PromiseId, OfPromise>;
  readonly command: Command;
  readonly now: InstantMs;
  readonly rules: Rules;
  readonly response: Response | null;
  readonly messages: readonly Message[];
  readonly caused: readonly InternalCommand[];
  /** By stream, from the first one on. */
  readonly logs: ReadonlyMap<PromiseId, readonly Event[]>;
};

type Snapshot = PromiseStream & { readonly timers: Timers };
/** One stream before and after the command. */
type Passage = { readonly id: PromiseId; readonly was: Snapshot; readonly is: Snapshot };

type Standing = (is: Snapshot, id: PromiseId, step: Step) => boolean;
type Transition = (passage: Passage, step: Step) => boolean;

const createdBeforeDeadline: Standing = ({ promise }) => {
  if (promise.kind === "absent") return true;
  const { createdAt, timeoutAt } = promise;
  return promise.kind === "pending" ? createdAt < timeoutAt : createdAt <= timeoutAt;
};

const settledInWindow: Standing = ({ promise }, _id, { now }) => {
  if (promise.kind === "absent") return true;
  if (promise.createdAt > now) return false;
  if (promise.kind === "pending") return !("settledAt" in promise);
  const { createdAt, settledAt, timeoutAt } = promise;
  return createdAt <= settledAt && settledAt <= timeoutAt && settledAt <= now;
};

const pendingHasNoValue: Standing = ({ promise }) => {
  return promise.kind !== "pending" || !("value" in promise);
};

const deadlineVerdict: Standing = ({ promise }) => {
  if (promise.kind !== "settled") return true;
  const { settledAt, timeoutAt, tags, outcome, value } = promise;
  if (BigInt(settledAt) < timeoutAt) return outcome !== "timedout";
  const isEmpty = value.data === null && value.headers === null;
  return isEmpty && outcome === (isTimer(tags) ? "resolved" : "timedout");
};

const waitersUnique: Standing = ({ callbacks, listeners, task }, id) => {
  return [callbacks, listeners, resumesOf(task)].every((all) => {
    return new Set<string>(all).size === all.length && !all.includes(id);
  });
};

const waitersNeedAwaitable: Standing = ({ promise, callbacks, listeners }, _id, { rules }) => {
  if (callbacks.length + listeners.length === 0) return true;
  return promise.kind !== "absent" && (rules.awaitsAny || isAwaitable(promise));
};

const armedIsDue: Standing = (is) => {
  const { promise, callbacks, listeners, timers } = is;
  if (promise.kind !== "pending") return true;
  const isArmed = isAwaitable(promise) || callbacks.length + listeners.length > 0;
  const due = dueAt(is, timers);
  const isKept = due === promise.timeoutAt || (due !== null && due === timers.clockAt);
  return isArmed ? isKept && due <= promise.timeoutAt : due === null;
};

const taskIffTarget: Standing = ({ promise, task }) => {
  const isWanted = promise.kind !== "absent" && isTargeted(promise.tags);
  return isWanted === (task.kind !== "absent");
};

const settledIffFulfilled: Standing = ({ promise, task }) => {
  return task.kind === "absent" || (promise.kind === "settled") === (task.kind === "fulfilled");
};

const leaseFieldsTogether: Standing = ({ task, timers }) => {
  const isHeld = task.kind === "acquired";
  if (isHeld !== "pid" in task || isHeld !== "ttl" in task) return false;
  return !isHeld || (timers.clockAt !== null && task.version >= 1 && task.ttl >= 1n);
};

const oneClockByState: Standing = ({ task, timers }) => {
  const hasClock = task.kind === "pending" || task.kind === "acquired";
  return hasClock === (timers.clockAt !== null);
};

const resumesFitState: Standing = ({ task }) => {
  return (task.kind !== "suspended" && task.kind !== "fulfilled") || !("resumes" in task);
};

const sleeperHoldsARope: Standing = ({ promise, task }, id, { after }) => {
  if (task.kind !== "suspended" || promise.kind !== "pending") return true;
  return after.values().some(({ state }) => state.callbacks.includes(id));
};

const awaiterHasTask: Standing = ({ callbacks }, _id, { after }) => {
  return callbacks.every(
    (awaiter) => (after.get(awaiter)?.state.task ?? absent.task).kind !== "absent",
  );
};

const logIsTruth: Standing = (is, id, { logs }) => {
  const { timers: _, ...state } = is;
  return isSame(fold(logs.get(id) ?? []), state);
};

const birthImmutable: Transition = ({ was, is }) => {
  if (was.promise.kind === "absent" || is.promise.kind === "absent") return true;
  const birth = ({
    createdAt,
    timeoutAt,
    param,
    tags,
    createKey,
    isExternal,
  }: typeof was.promise) => {
    return [createdAt, timeoutAt, param, [...tags], createKey, isExternal];
  };
  return isSame(birth(was.promise), birth(is.promise));
};

const settledFrozen: Transition = ({ was, is }) => {
  return was.promise.kind !== "settled" || isSame(was.promise, is.promise);
};

const nothingVanishes: Transition = ({ was, is }) => {
  const isKept = was.promise.kind === "absent" || is.promise.kind !== "absent";
  return isKept && (was.task.kind === "absent" || is.task.kind !== "absent");
};

const versionOnlyByAcquire: Transition = ({ was, is }) => {
  const isAcquired = is.task.kind === "acquired" && was.task.kind !== "acquired";
  const grown = versionOf(is) - versionOf(was);
  return grown === (isAcquired ? 1 : 0);
};

/** Protocol.md §4; a task that is created and acquired goes through `pending` within one command. */
const edges: Readonly<Record<TaskRecord["kind"] | "absent", readonly string[]>> = {
  absent: ["absent", "pending", "acquired", "fulfilled"],
  pending: ["pending", "acquired", "halted", "fulfilled"],
  acquired: ["acquired", "suspended", "pending", "halted", "fulfilled"],
  suspended: ["suspended", "pending", "halted", "fulfilled"],
  halted: ["halted", "pending", "fulfilled"],
  fulfilled: ["fulfilled"],
};

const alongTheEdges: Transition = ({ was, is }) => {
  const isPromiseFine = was.promise.kind !== "settled" || is.promise.kind === "settled";
  return isPromiseFine && edges[was.task.kind].includes(is.task.kind);
};

const coupled: Transition = ({ was, is }) => {
  if (is.task.kind === "absent") return true;
  const isSettled = was.promise.kind !== "settled" && is.promise.kind === "settled";
  const isFulfilled = was.task.kind !== "fulfilled" && is.task.kind === "fulfilled";
  return isSettled === isFulfilled;
};

const noDeadDispatch: Transition = ({ id, was, is }, { messages, now }) => {
  const becamePending = is.task.kind === "pending" && was.task.kind !== "pending";
  const isOffered = messages.some((message) => message.kind === "execute" && message.id === id);
  const isLive = is.promise.kind === "pending" && !isDue(is.promise.timeoutAt, now);
  return isLive || !(becamePending || isOffered);
};

const waitersOneWay: Transition = ({ was, is }) => {
  const isWithin = (some: readonly string[], all: readonly string[]) => {
    return some.every((each) => all.includes(each));
  };
  const [callbacks, listeners] = [
    [was.callbacks, is.callbacks],
    [was.listeners, is.listeners],
  ] as const;
  const mayGrow = is.promise.kind === "pending";
  const mayShrink = was.promise.kind === "settled";
  return [callbacks, listeners].every(([before = [], after = []]) => {
    return (mayGrow || isWithin(after, before)) && (mayShrink || isWithin(before, after));
  });
};

const drainWakes: Transition = ({ id, was, is }, { after }) => {
  return was.callbacks
    .filter((awaiter) => !is.callbacks.includes(awaiter))
    .every((awaiter) => {
      const task = after.get(awaiter)?.state.task ?? absent.task;
      return task.kind === "fulfilled" || resumesOf(task).includes(id);
    });
};

const wakeByDrain: Transition = ({ id, was, is }, { before, after }) => {
  if (was.task.kind !== "suspended" || is.task.kind !== "pending") return true;
  const isDrained = before.entries().some(([other, { state }]) => {
    return state.callbacks.includes(id) && !after.get(other)?.state.callbacks.includes(id);
  });
  return isDrained && was.task.version === is.task.version;
};

const suspendTies: Transition = ({ id, was, is }, { command, after, now }) => {
  if (was.task.kind === "suspended" || is.task.kind !== "suspended") return true;
  if (command.kind !== "suspend_task" || command.id !== id) return false;
  return command.awaited.every((awaited) => {
    const { promise, callbacks } = after.get(awaited)?.state ?? absent;
    const isLive = promise.kind === "pending" && !isDue(promise.timeoutAt, now);
    return isLive && callbacks.includes(id);
  });
};

const listenerOnce: Transition = ({ id, was, is }, { command, now, rules }) => {
  return was.listeners
    .filter((address) => !is.listeners.includes(address))
    .every((address) => {
      if (command.kind !== "note_told" || command.awaited !== id) return false;
      if (command.address !== address) return false;
      const since = was.timers.tellings.get(address)?.failedSince ?? now;
      return command.delivery.kind === "delivered" || isDue(later(since, rules.retentionMs), now);
    });
};

const leaseAtomic: Transition = ({ was, is }, { command, now }) => {
  const [before, after] = [was.timers.clockAt, is.timers.clockAt];
  if (is.task.kind !== "acquired") return !("pid" in is.task) && !("ttl" in is.task);
  const isNew = was.task.kind !== "acquired";
  const isBeaten = command.kind === "heartbeat_task";
  if (isNew || before !== after) {
    const isLive = is.promise.kind === "pending" && !isDue(is.promise.timeoutAt, now);
    return isLive && (isNew || isBeaten) && after === later(now, is.task.ttl);
  }
  return (
    was.task.kind === "acquired" && was.task.pid === is.task.pid && was.task.ttl === is.task.ttl
  );
};

const resumesClear: Transition = ({ was, is }, { command }) => {
  const [before, after] = [resumesOf(was.task), resumesOf(is.task)];
  if (before.every((awaited) => after.includes(awaited))) return true;
  const isTold = was.task.kind !== "acquired" && is.task.kind === "acquired";
  const isSuspending = command.kind === "suspend_task" && was.task.kind === "acquired";
  return after.length === 0 && (isTold || isSuspending || is.task.kind === "fulfilled");
};

const pendingIsOffered: Transition = ({ id, was, is }, { messages, now, rules }) => {
  if (is.task.kind !== "pending" || was.task.kind === "pending") return true;
  const { promise } = is;
  if (promise.kind !== "pending") return false;
  const { clockAt, releaseCount } = is.timers;
  const isOffered = messages.some((message) => message.kind === "execute" && message.id === id);
  if (isTimer(promise.tags)) {
    return !isOffered && (clockAt === promise.timeoutAt || releaseCount > 3);
  }
  const delay = promise.tags.get("resonate:delay");
  const isDelayed = delay !== undefined && BigInt(delay) > now && clockAt === BigInt(delay);
  if (isOffered) return !isDelayed && releaseCount <= 3 && clockAt === later(now, rules.retryMs);
  return isDelayed || (releaseCount > 3 && clockAt !== null && !isDue(clockAt, now));
};

const retryMovesForward: Transition = ({ was, is }, { command, now }) => {
  const isPending = was.task.kind === "pending" && is.task.kind === "pending";
  const [before, after] = [was.timers.clockAt, is.timers.clockAt];
  if (!isPending || before === after) return true;
  const hasReceiver = command.kind === "offer_missed" && isTaskMissed(was.timers, command.before);
  const mayMove = before !== null && (isDue(before, now) || hasReceiver);
  return mayMove && after !== null && !isDue(after, now);
};

const bornClean: Transition = ({ was, is }) => {
  if (was.promise.kind !== "absent" || is.promise.kind === "absent") return true;
  const { promise, task, callbacks, listeners, timers } = is;
  const isAlone = callbacks.length + listeners.length + resumesOf(task).length === 0;
  const isOver = promise.kind === "settled";
  const isByDeadline = isOver && BigInt(promise.createdAt) === promise.timeoutAt;
  const version = { absent: 0, pending: 0, acquired: 1, fulfilled: 0, suspended: -1, halted: -1 };
  const isTaskFine = versionOf(is) === version[task.kind];
  return isAlone && isTaskFine && (!isOver || (isByDeadline && isSame(timers, noTimers)));
};

const internals: Readonly<Record<InternalCommand["kind"], true>> = {
  ...{ settle_at_deadline: true, drain_callback: true, expire_lease: true, dispatch_again: true },
  ...{ note_missed: true, tell_listener: true, note_told: true },
  ...{ offer_missed: true, tell_missed: true, fire_schedule: true },
};

const backgroundLimits: Transition = ({ was, is }, { command }) => {
  if (!Object.hasOwn(internals, command.kind)) return true;
  const isMoved = was.task.kind !== is.task.kind;
  if (isMoved && ["acquired", "suspended", "halted"].includes(is.task.kind)) return false;
  if (isMoved && was.task.kind === "halted" && is.task.kind === "pending") return false;
  if (was.promise.kind === is.promise.kind) return true;
  return is.promise.kind === "settled" && BigInt(is.promise.settledAt) === is.promise.timeoutAt;
};

/** Of 16 and 17, what one command can break: the queue of messages is the sender's. */
function oneMessagePerKey({ messages }: Step): boolean {
  const names = messages.map((message) => {
    return JSON.stringify([message.kind, message.id, message.kind === "unblock" ? message.to : ""]);
  });
  return new Set(names).size === names.length;
}

function messagesTrue({ messages, after }: Step): boolean {
  return messages.every((message) => {
    const { promise, task, listeners } = after.get(message.id)?.state ?? absent;
    if (message.kind === "unblock") {
      const isStored = promise.kind === "settled" && isSame(message.promise, promise);
      return isStored && listeners.includes(message.to);
    }
    const isTarget =
      promise.kind !== "absent" && promise.tags.get("resonate:target") === message.to;
    return isTarget && task.kind === "pending" && task.version === message.version;
  });
}

/** Of 37, that no record in an answer lags behind its deadline or behind what is stored. */
function answersProjected({ command, response, after, now }: Step): boolean {
  const shown = response?.kind === "fenced" ? response.inner : response;
  if (shown === null || shown.kind === "schedule" || !("id" in shown)) return true;
  const state = after.get(shown.id)?.state ?? absent;
  const isTrue =
    (!("promise" in shown) || isSame(shown.promise, state.promise)) &&
    (!("task" in shown) || isSame(shown.task, state.task));
  const { promise } = state;
  const isProjected = promise.kind !== "pending" || !isDue(promise.timeoutAt, now);
  return isTrue && isProjected && keys(command).some(({ id }) => id === shown.id);
}

/** What a settlement owes is known at once (E2): nobody who waits is left to a sweep. */
function settlementCauses({ before, after, caused }: Step): boolean {
  return after.values().every(({ key, state }) => {
    const wasPending = before.get(key.id)?.state.promise.kind === "pending";
    if (!wasPending || state.promise.kind !== "settled") return true;
    const own = caused.filter((command) => "awaited" in command && command.awaited === key.id);
    return own.length === state.callbacks.length + state.listeners.length;
  });
}

const standing: Readonly<Record<string, Standing>> = {
  "1 created-before-deadline": createdBeforeDeadline,
  "2 settled-in-window": settledInWindow,
  "3 pending-has-no-value": pendingHasNoValue,
  "4 deadline-verdict": deadlineVerdict,
  "5 waiters-unique": waitersUnique,
  "6 waiters-need-awaitable": waitersNeedAwaitable,
  "7 armed-is-due": armedIsDue,
  "8 task-iff-target": taskIffTarget,
  "9 settled-iff-fulfilled": settledIffFulfilled,
  "10 lease-fields-together": leaseFieldsTogether,
  "11 one-clock-by-state": oneClockByState,
  "12 resumes-fit-state": resumesFitState,
  "13 sleeper-holds-a-rope": sleeperHoldsARope,
  "14 awaiter-has-task": awaiterHasTask,
  "39 log-is-truth": logIsTruth,
};

const transitions: Readonly<Record<string, Transition>> = {
  "19 birth-immutable": birthImmutable,
  "20 settled-frozen": settledFrozen,
  "21 nothing-vanishes": nothingVanishes,
  "22 version-only-by-acquire": versionOnlyByAcquire,
  "23 edges": alongTheEdges,
  "24 coupled": coupled,
  "25 no-dead-dispatch": noDeadDispatch,
  "26 waiters-one-way": waitersOneWay,
  "27 drain-wakes": drainWakes,
  "28 wake-by-drain": wakeByDrain,
  "29 suspend-ties": suspendTies,
  "30 listener-once": listenerOnce,
  "31 lease-atomic": leaseAtomic,
  "32 resumes-clear": resumesClear,
  "33 pending-is-offered": pendingIsOffered,
  "34 retry-moves-forward": retryMovesForward,
  "35 born-clean": bornClean,
  "36 background-limits": backgroundLimits,
};

const whole: Readonly<Record<string, (step: Step) => boolean>> = {
  "16 one-message-per-key": oneMessagePerKey,
  "17 messages-true": messagesTrue,
  "37 answers-projected": answersProjected,
  "E2 settlement-causes": settlementCauses,
};

export const names: readonly string[] = [standing, transitions, whole].flatMap(Object.keys);

/** @returns the invariants that do not hold, each with the stream that shows it */
export function violations(step: Step): readonly string[] {
  const passages = [...step.after.keys()].map((id) => {
    return { id, was: snapshot(step.before.get(id)), is: snapshot(step.after.get(id)) };
  });
  const inStreams = passages.flatMap((passage) => [
    ...broken(standing, (holds) => holds(passage.is, passage.id, step), passage.id),
    ...broken(transitions, (holds) => holds(passage, step), passage.id),
  ]);
  return [...inStreams, ...broken(whole, (holds) => holds(step), step.command.kind)];
}

function broken<Invariant>(
  all: Readonly<Record<string, Invariant>>,
  holds: (invariant: Invariant) => boolean,
  where: string,
): readonly string[] {
  return Object.entries(all)
    .filter(([, invariant]) => !holds(invariant))
    .map(([name]) => `${name}: ${where}`);
}

function snapshot(stream: OfPromise | undefined): Snapshot {
  return stream === undefined
    ? { ...absent, timers: noTimers }
    : { ...stream.state, timers: stream.timers };
}

function versionOf({ task }: Snapshot): number {
  return task.kind === "absent" ? 0 : task.version;
}

/** Compares records by what they say: Maps by their pairs, bigints by their digits. */
function isSame(left: unknown, right: unknown): boolean {
  return toText(left) === toText(right);
}

function toText(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === "bigint") return `${each}n`;
    if (each instanceof Map) return [...each];
    if (each === null || typeof each !== "object" || Array.isArray(each)) return each;
    return Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1));
  });
}
