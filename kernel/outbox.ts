// What became of messages, as commands that note it, and what found nobody, until its worker connects.
// A message that is lost does no harm for good: an `execute` is repaired by the retry clock and by
// workers that connect, an `unblock` is sent again.
//
//   J1. What no worker has got is remembered by its group, once for each promise and address, and so
//       many at the most; what is beyond that waits for its clock.
//   J2. Whoever connects is offered all that its address satisfies, oldest first, once.
//   J3. Who connected while a message was under way may have come too late for it: if it found nobody,
//       it is offered once more at once.

import { type PollAddress, parseAddress, satisfies, type Worker } from "./address.ts";
import { Backlog } from "./backlog.ts";
import type { InternalCommand } from "./command.ts";
import type { PromiseId } from "./ids.ts";
import type { Message } from "./message.ts";
import type { Delivery } from "./ports.ts";

type Missed = { readonly address: PollAddress; readonly again: InternalCommand };
/** Of one group: by promise, in the order in which they were missed, and by address. */
type MissedOfGroup = Map<PromiseId, Map<string, Missed>>;

/** Arbitrary: an hour without workers under a moderate load. */
const missedMax = 100_000;

export class Outbox {
  readonly #commands = new Backlog<InternalCommand>();
  readonly #missed = new Map<string, MissedOfGroup>();
  #missedCount = 0;
  #connectCount = 0;

  /** Commands that wait for a batch. */
  get size(): number {
    return this.#commands.size;
  }

  shift(): InternalCommand | undefined {
    return this.#commands.shift();
  }

  /** Workers that have connected, ever: to be remembered with a message that is sent (J3). */
  get connectCount(): number {
    return this.#connectCount;
  }

  /** @param since `connectCount` as the message was sent */
  note(message: Message, delivery: Delivery, since: number): void {
    const foundNobody = delivery.kind === "failed" && delivery.reason === "no_receiver";
    if (message.kind === "unblock") {
      const { id: awaited, to: address } = message;
      this.#commands.push([{ kind: "note_told", awaited, address, delivery }]);
      if (delivery.kind === "failed") this.#miss(message, since); // however it failed (listener.ts, G5)
    } else if (foundNobody) {
      const { id, version } = message;
      this.#commands.push([{ kind: "note_missed", id, version }]);
      this.#miss(message, since);
    }
  }

  /** J2. The notes of what was missed stand before these, and so run before. */
  connected(worker: Worker): void {
    this.#connectCount += 1;
    const commands: InternalCommand[] = [];
    const ofGroup: MissedOfGroup = this.#missed.get(worker.group) ?? new Map();
    for (const [id, ofPromise] of ofGroup) {
      for (const [to, { address, again }] of ofPromise) {
        if (!satisfies(address, worker)) continue;
        ofPromise.delete(to);
        commands.push(again);
      }
      if (ofPromise.size === 0) ofGroup.delete(id);
    }
    if (ofGroup.size === 0) this.#missed.delete(worker.group);
    this.#missedCount -= commands.length;
    this.#commands.push(commands);
  }

  /** J1. Of a promise that was offered and is settled since, only the news is worth telling. */
  #miss(message: Message, since: number): void {
    const { id, to } = message;
    const address = parseAddress(to);
    if (address?.kind !== "poll") return;
    if (since !== this.#connectCount) {
      this.#commands.push([again(message)]); // J3
      return;
    }
    if (this.#missedCount >= missedMax) return;
    const ofGroup: MissedOfGroup = this.#missed.get(address.group) ?? new Map();
    const ofPromise = ofGroup.get(id) ?? new Map<string, Missed>();
    if (!ofPromise.has(to)) this.#missedCount += 1;
    ofPromise.set(to, { address, again: again(message) });
    this.#missed.set(address.group, ofGroup.set(id, ofPromise));
  }
}

function again(message: Message): InternalCommand {
  const { id, to: address } = message;
  if (message.kind === "execute") return { kind: "offer_missed", id };
  return { kind: "tell_missed", awaited: id, address };
}
