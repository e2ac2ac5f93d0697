// What became of messages, as commands that note it, and what is offered to workers that connect. A
// message that is lost does no harm for good: an `execute` is repaired by the retry clock and by workers
// that connect, an `unblock` is sent again.
//
//   J1. What found nobody is noted with its stream, and found there by whoever connects (waiting.ts).
//   J2. Whoever connects is offered all that waits for it, as many as fit (offers.ts).
//   J3. Who connects between the sending of a message and the landing of its note may have come too
//       early to find it: it is offered once more at once.

import { parseAddress, type Receiver, receiverOf, type Worker } from "./address.ts";
import { Backlog } from "./backlog.ts";
import type { Command, InternalCommand } from "./command.ts";
import { type DeadlineMs, type InstantMs, instantMs } from "./ids.ts";
import type { Message } from "./message.ts";
import { Offers, type OffersOptions } from "./offers.ts";
import type { Completion, Delivery } from "./ports.ts";

/** Of a note under way: what to do if somebody has connected since. */
type Missed = { readonly again: InternalCommand; readonly since: number };

export class Outbox {
  readonly #commands = new Backlog<InternalCommand>();
  readonly #offers: Offers;
  /** By the command that notes it. */
  readonly #missed = new Map<Command, Missed>();
  #connectCount = 0;

  constructor(options: OffersOptions) {
    this.#offers = new Offers(options);
  }

  /** Commands that wait for a batch. */
  get size(): number {
    return this.#commands.size + this.#offers.size;
  }

  /** Notes first: they are as old as what they note. */
  shift(): InternalCommand | undefined {
    return this.#commands.shift() ?? this.#offers.shift();
  }

  /** Workers that have connected, ever: to be remembered with a message that is sent (J3). */
  get connectCount(): number {
    return this.#connectCount;
  }

  /** J2. */
  connected(worker: Worker): void {
    this.#connectCount += 1;
    this.#offers.connected(worker);
  }

  /** When the store is to be asked what waits; null: not before something else happens. */
  get askAt(): DeadlineMs | null {
    return this.#offers.askAt;
  }

  ask(now: InstantMs): void {
    this.#offers.ask(now);
  }

  answer(completion: Completion, now: InstantMs): void {
    this.#offers.answer(completion, now);
  }

  /** @param since `connectCount` as the message was sent */
  note(message: Message, delivery: Delivery, since: number): void {
    const foundNobody = delivery.kind === "failed" && delivery.reason === "no_receiver";
    const receiver = receiverOfMessage(message);
    if (receiver !== null) this.#offers.note(receiver, !foundNobody);
    const note = noteOf(message, delivery);
    if (note === null) return;
    this.#commands.push([note]);
    const isKept = receiver !== null && delivery.kind === "failed"; // however it failed (listener.ts, G5)
    if (isKept) this.#missed.set(note, { again: again(message), since });
  }

  /** J3. @param isDone whether it has landed */
  finish(command: Command, isDone: boolean): void {
    const missed = this.#missed.get(command);
    if (missed === undefined) return;
    this.#missed.delete(command);
    if (isDone && missed.since !== this.#connectCount) this.#commands.push([missed.again]);
  }
}

/** Null: nothing is to be kept in mind of it. */
function noteOf(message: Message, delivery: Delivery): InternalCommand | null {
  if (message.kind === "unblock") {
    const { id: awaited, to: address } = message;
    return { kind: "note_told", awaited, address, delivery };
  }
  const foundNobody = delivery.kind === "failed" && delivery.reason === "no_receiver";
  if (!foundNobody) return null; // it may have arrived, and its clock runs
  return { kind: "note_missed", id: message.id, version: message.version };
}

function again(message: Message): InternalCommand {
  const { id, to: address } = message;
  const before = instantMs(0); // what was missed, and nothing else
  if (message.kind === "execute") return { kind: "offer_missed", id, before };
  return { kind: "tell_missed", awaited: id, address, before };
}

function receiverOfMessage({ to }: Message): Receiver | null {
  const address = parseAddress(to);
  return address?.kind === "poll" ? receiverOf(address) : null;
}
