// The commands of promises, and of those who wait for them (protocol.md §3.1, promise-api.md §4).

import { assert } from "./assert.ts";
import { decideRegister } from "./callback.ts";
import {
  type CreatePromise,
  type InternalCommand,
  type RegisterCallback,
  type RegisterListener,
  type Response,
  refused,
  type SettlePromise,
} from "./command.ts";
import type { PromiseId } from "./ids.ts";
import { decideListen, fail, type Tellings, tell, untold } from "./listener.ts";
import { refuseAwaited } from "./origin.ts";
import type { Delivery } from "./ports.ts";
import { decideCreate, decideSettle } from "./promise.ts";
import type { Turn } from "./turn.ts";
import { isTellingMissed } from "./waiting.ts";

/** @param isOffered whether a task that is born pending is offered to its target at once */
export function change(
  turn: Turn,
  command: CreatePromise | SettlePromise,
  { isOffered }: { readonly isOffered: boolean } = { isOffered: true },
): Response {
  const { id } = command;
  turn.touch(id);
  const { promise } = turn.state(id);
  const decision =
    command.kind === "create_promise"
      ? decideCreate(promise, command, turn.now)
      : decideSettle(promise, command, turn.now);
  if (decision.kind === "refused") return decision;
  turn.applyAll(id, decision.events);
  const isBorn = promise.kind === "absent" && turn.state(id).task.kind === "pending";
  if (isBorn && isOffered) turn.offer(id);
  return turn.show(id, decision.events.length > 0);
}

export function register(turn: Turn, { awaited, awaiter }: RegisterCallback): Response {
  assert(awaited !== awaiter, "a promise that waits for itself"); // C3
  turn.touch(awaited);
  turn.touch(awaiter);
  const { rules } = turn;
  const strict = rules.isStrict ? refuseAwaited(turn, awaiter, [awaited]) : null;
  if (strict !== null) return refused(strict);
  const decision = decideRegister(
    { ...turn.state(awaited), awaitsAny: rules.awaitsAny },
    turn.state(awaiter).promise,
    awaiter,
  );
  if (decision.kind === "refused") return decision;
  for (const event of decision.events) turn.append(awaited, event);
  return turn.show(awaited, decision.events.length > 0);
}

export function listen(turn: Turn, { awaited, address }: RegisterListener): Response {
  turn.touch(awaited);
  const { awaitsAny } = turn.rules;
  const decision = decideListen({ ...turn.state(awaited), awaitsAny }, address);
  if (decision.kind === "refused") return refused(decision.refusal);
  for (const event of decision.events) turn.append(awaited, event);
  return turn.show(awaited, decision.events.length > 0);
}

/** Hands its message over; the listener stays until that is confirmed (listener.ts, G2). */
export function tellListener(turn: Turn, awaited: PromiseId, address: string): void {
  const { listeners } = turn.state(awaited);
  const { tellings } = turn.timers(awaited);
  if (untold(listeners, tellings, turn.now).includes(address)) handOver(turn, awaited, address);
}

/** The same for one whose worker has connected again. */
export function tellMissed(
  turn: Turn,
  { awaited, address, before }: Extract<InternalCommand, { kind: "tell_missed" }>,
): void {
  const isListening = turn.state(awaited).listeners.includes(address);
  const telling = turn.timers(awaited).tellings.get(address);
  const isMissed = telling !== undefined && isTellingMissed(telling, before);
  if (isListening && isMissed) handOver(turn, awaited, address);
}

function handOver(turn: Turn, awaited: PromiseId, address: string): void {
  const { promise } = turn.state(awaited);
  const { tellings } = turn.timers(awaited);
  if (promise.kind !== "settled") return;
  const { patienceMs, retryMs } = turn.rules;
  const wait = isPush(address) ? patienceMs : Math.min(patienceMs, retryMs); // a push may be held (§1.5)
  const told = tell(tellings.get(address), { now: turn.now, patienceMs: wait });
  setTellings(turn, awaited, new Map(tellings).set(address, told));
  turn.messages.push({ kind: "unblock", to: address, id: awaited, promise });
}

export function noteTold(
  turn: Turn,
  {
    awaited,
    address,
    delivery,
  }: {
    readonly awaited: PromiseId;
    readonly address: string;
    readonly delivery: Delivery;
  },
): void {
  const { listeners } = turn.state(awaited);
  const { tellings } = turn.timers(awaited);
  const telling = tellings.get(address);
  if (!listeners.includes(address) || telling === undefined) return;
  const wasTold = delivery.kind === "delivered";
  const { retentionMs } = turn.rules;
  const given = { now: turn.now, isPush: isPush(address), retentionMs };
  const next = wasTold ? null : fail(telling, given);
  const others = new Map(tellings);
  if (next === null) {
    others.delete(address);
    turn.append(awaited, { kind: "listener_drained", address, wasTold });
    if (delivery.kind === "failed") {
      turn.notices.push({ kind: "listener_given_up", id: awaited, address, failure: delivery });
    }
  } else {
    others.set(address, next);
  }
  setTellings(turn, awaited, others);
}

function isPush(address: string): boolean {
  return !address.startsWith("poll:");
}

function setTellings(turn: Turn, id: PromiseId, tellings: Tellings): void {
  turn.setTimers(id, { ...turn.timers(id), tellings });
}
