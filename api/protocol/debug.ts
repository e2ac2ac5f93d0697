// The debug operations (protocol.md §9): what is ordered, and what is told of it. A snapshot shows what is
// stored, not what a passed deadline would make of it.
//
//   V17. A snapshot is sorted, each list by its members in the order in which they are named.

import { unreachable } from "../../kernel/assert.ts";
import type { DebugOrder } from "../../kernel/debug.ts";
import { type InstantMs, instantMs, type PromiseId } from "../../kernel/ids.ts";
import type { Message } from "../../kernel/message.ts";
import { compareBytes } from "../../kernel/order.ts";
import { isArmed, type PromiseStream, type Stream } from "../../kernel/stream.ts";
import type { Timers } from "../../kernel/timers.ts";
import type { OrderAnswer } from "../gateway.ts";
import { printable } from "../int64.ts";
import { type Told, tellFailure } from "./answer.ts";
import { messageData } from "./message.ts";
import type { Members } from "./reading.ts";
import { promiseRecord, taskRecord } from "./records.ts";

export type DecodedOrder =
  | { readonly kind: "decoded"; readonly order: DebugOrder }
  | { readonly kind: "refused"; readonly reason: string };

export function isDebugKind(kind: string): boolean {
  return kind.startsWith("debug.");
}

/** @param at the debug time of the envelope; null: it has none */
export function decodeOrder(kind: string, data: Members, at: InstantMs | null): DecodedOrder {
  switch (kind) {
    case "debug.start":
      return { kind: "decoded", order: { kind: "start" } };
    case "debug.stop":
      return { kind: "decoded", order: { kind: "stop" } };
    case "debug.reset":
      return { kind: "decoded", order: { kind: "reset" } };
    case "debug.snap":
      return { kind: "decoded", order: { kind: "snap" } };
    case "debug.tick":
      return decodeTick(data, at);
    default:
      return { kind: "refused", reason: `Unknown operation: ${kind}` };
  }
}

function decodeTick({ time }: Members, at: InstantMs | null): DecodedOrder {
  if (typeof time !== "number" || !Number.isSafeInteger(time) || time < 0) {
    return { kind: "refused", reason: "Missing or invalid 'time' field" };
  }
  if (at !== null && at !== time) {
    return { kind: "refused", reason: "resonate:debug_time must equal data.time" };
  }
  return { kind: "decoded", order: { kind: "tick", time: instantMs(time) } };
}

export function tellOrder(order: DebugOrder, answer: OrderAnswer): Told {
  switch (answer.kind) {
    case "done":
      return { status: 200, data: order.kind === "tick" ? [] : {} };
    case "snapshot":
      return { status: 200, data: snapshot(answer.streams, answer.executes) };
    case "failed":
      return tellFailure(answer.failure);
    default:
      return unreachable(answer);
  }
}

type Stored = PromiseStream & { readonly id: PromiseId; readonly timers: Timers };

/** A list of a snapshot: by what it is sorted (V17), and what is shown. */
type Shown = { readonly by: readonly string[]; readonly shown: unknown };

function snapshot(streams: readonly Stream[], executes: readonly Message[]): unknown {
  const stored = streams.flatMap(({ key, state, timers }): readonly Stored[] => {
    if (key.kind !== "promise" || state.kind !== "promise") return [];
    return [{ id: key.id, timers, ...state }];
  });
  const isOver = ({ task }: Stored) => task.kind === "fulfilled";
  const over = new Set(stored.filter(isOver).map(({ id }) => id));
  const isAsleep = (awaiter: PromiseId) => !over.has(awaiter);
  return {
    promises: sorted(stored.flatMap(promiseOf)),
    promiseTimeouts: sorted(stored.flatMap(promiseTimeout)),
    callbacks: sorted(stored.flatMap((each) => callbacksOf(each, isAsleep))),
    listeners: sorted(stored.flatMap(listenersOf)),
    tasks: sorted(stored.flatMap(taskOf)),
    taskTimeouts: sorted(stored.flatMap(taskTimeout)),
    messages: sorted([...executes, ...missed(stored, executes), ...untold(stored)].map(messageOf)),
  };
}

/** V17. */
function sorted(list: readonly Shown[]): readonly unknown[] {
  return list.toSorted((left, right) => compareAll(left.by, right.by)).map(({ shown }) => shown);
}

function compareAll(left: readonly string[], right: readonly string[]): number {
  for (const [index, text] of left.entries()) {
    const order = compareBytes(text, right[index] ?? "");
    if (order !== 0) return order;
  }
  return 0;
}

function promiseOf({ id, promise }: Stored): readonly Shown[] {
  return promise.kind === "absent" ? [] : [{ by: [id], shown: promiseRecord(id, promise) }];
}

function promiseTimeout(stored: Stored): readonly Shown[] {
  const { id, promise } = stored;
  if (promise.kind !== "pending" || !isArmed(stored)) return [];
  return [{ by: [id], shown: { id, timeout: printable(promise.timeoutAt) } }];
}

function callbacksOf(
  { id: awaited, promise, callbacks }: Stored,
  isAsleep: (awaiter: PromiseId) => boolean,
): readonly Shown[] {
  if (promise.kind !== "pending") return [];
  return callbacks.filter(isAsleep).map((awaiter) => {
    return { by: [awaiter, awaited], shown: { awaiter, awaited } };
  });
}

function listenersOf({ id, promise, listeners }: Stored): readonly Shown[] {
  if (promise.kind !== "pending") return [];
  return listeners.map((address) => ({ by: [id, address], shown: { id, address } }));
}

function taskOf({ id, task }: Stored): readonly Shown[] {
  return task.kind === "absent" ? [] : [{ by: [id], shown: taskRecord(id, task) }];
}

function taskTimeout({ id, task, timers }: Stored): readonly Shown[] {
  if (timers.clockAt === null) return [];
  const type = task.kind === "acquired" ? 1 : 0;
  return [{ by: [id], shown: { id, type, timeout: printable(timers.clockAt) } }];
}

/** What was offered and found nobody, unless it is to be offered anew. */
function missed(stored: readonly Stored[], executes: readonly Message[]): readonly Message[] {
  const offered = new Set(executes.map(({ id }) => id));
  return stored.flatMap(({ id, promise, task, timers }): readonly Message[] => {
    if (promise.kind !== "pending" || task.kind !== "pending") return [];
    const to = promise.tags.get("resonate:target");
    if (to === undefined || !timers.isMissed || offered.has(id)) return [];
    return [{ kind: "execute", to, id, version: task.version }];
  });
}

/** A listener stays with its promise until it is told. */
function untold(stored: readonly Stored[]): readonly Message[] {
  return stored.flatMap(({ id, promise, listeners }): readonly Message[] => {
    if (promise.kind !== "settled") return [];
    return listeners.map((to) => ({ kind: "unblock", to, id, promise }));
  });
}

function messageOf(message: Message): Shown {
  const { kind, to: address, id } = message;
  const shown = { address, message: { kind, head: {}, data: messageData(message) } };
  return { by: [address, kind, id], shown };
}
