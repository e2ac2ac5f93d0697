// What became of messages, as commands that note it, and what found nobody, until its worker connects.
// A message that is lost does no harm for good: an `execute` is repaired by the retry clock and by
// workers that connect, an `unblock` is sent again.
//
//   J1. What found nobody is remembered by its group, so many messages at the most; what is beyond that
//       waits for its clock.
//   J2. Whoever connects is offered all that its address satisfies, oldest first, once.
//   J3. Who connected while a message was under way may have come too late for it: if it found nobody,
//       it is offered once more at once.

import { type PollAddress, parseAddress, satisfies, type Worker } from "./address.ts";
import { Backlog } from "./backlog.ts";
import type { InternalCommand } from "./command.ts";
import type { Message } from "./message.ts";
import type { Delivery } from "./ports.ts";

type Missed = { readonly address: PollAddress; readonly message: Message };

/** Arbitrary: an hour without workers under a moderate load. */
const missedMax = 100_000;

export class Outbox {
  readonly #commands = new Backlog<InternalCommand>();
  readonly #missed = new Map<string, Missed[]>();
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
    const isMissed = delivery.kind === "failed" && delivery.reason === "no_receiver";
    if (message.kind === "unblock") {
      const { id: awaited, to: address } = message;
      this.#commands.push([{ kind: "note_told", awaited, address, delivery }]);
    } else if (isMissed) {
      const { id, version } = message;
      this.#commands.push([{ kind: "note_missed", id, version }]);
    }
    if (!isMissed) return;
    if (since === this.#connectCount) this.#miss(message);
    else this.#commands.push([again(message)]); // J3
  }

  /** J2. The notes of what was missed stand before these, and so run before. */
  connected(worker: Worker): void {
    this.#connectCount += 1;
    const missed = this.#missed.get(worker.group) ?? [];
    const theirs = missed.filter(({ address }) => satisfies(address, worker));
    if (theirs.length === 0) return;
    const others = missed.filter((each) => !theirs.includes(each));
    if (others.length === 0) this.#missed.delete(worker.group);
    else this.#missed.set(worker.group, others);
    this.#missedCount -= theirs.length;
    this.#commands.push(theirs.map(({ message }) => again(message)));
  }

  /** J1. */
  #miss(message: Message): void {
    const address = parseAddress(message.to);
    if (address?.kind !== "poll" || this.#missedCount >= missedMax) return;
    const missed = this.#missed.get(address.group) ?? [];
    missed.push({ address, message });
    this.#missed.set(address.group, missed);
    this.#missedCount += 1;
  }
}

function again(message: Message): InternalCommand {
  const { id, to: address } = message;
  if (message.kind === "execute") return { kind: "offer_missed", id };
  return { kind: "tell_missed", awaited: id, address };
}
