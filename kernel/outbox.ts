// What became of messages, as commands that note it, and what is offered to workers that connect. A
// message that is lost does no harm for good: an `execute` is repaired by the retry clock and by workers
// that connect, an `unblock` is sent again.
//
//   J1. What found nobody is noted with its stream, and found there by whoever connects (waiting.ts).
//   J2. Whoever connects is offered all that waits for it, as many as fit (offers.ts).
//   J3. Who connects between the sending of a message and the landing of its note may have come too
//       early to find it: it is offered once more at once.
//   J4. What found nobody is announced to the other servers once its note has landed, unless it was a
//       repetition. Who is told sends it again, if its stream still says that it was missed.
//   J5. Whoever is offered again what was missed, and is there, is told of: where nobody ever is, to offer
//       it only costs writes.

import { parseAddress, type Receiver, receiverOf, type Worker } from "./address.ts";
import { Backlog } from "./backlog.ts";
import type { Command, InternalCommand } from "./command.ts";
import { type DeadlineMs, type InstantMs, instantMs } from "./ids.ts";
import type { Message } from "./message.ts";
import { Offers, type OffersOptions } from "./offers.ts";
import type { Missed, News } from "./others.ts";
import type { Completion, Delivery } from "./ports.ts";

/** A message on its way. */
export type Sent = {
  readonly message: Message;
  /** It was missed before, and somebody seemed to be there for it. */
  readonly isRepeat: boolean;
  /** `connectCount` as it was sent. */
  readonly since: number;
};

export type OutboxOptions = OffersOptions & {
  /** Told of what nobody here is there for, once that is noted (J4). */
  readonly announce: (missed: Missed) => void;
  /** Told of the receiver that a repetition has reached (J5). */
  readonly taken?: (receiver: Receiver) => void;
};

/** Of a note under way: what to do once it has landed. */
type Kept = Sent & { readonly foundNobody: boolean };

/** Commands that may wait before another server's are taken on. Arbitrary: some 100 batches. */
const toldMax = 4_096;

export class Outbox {
  readonly #commands = new Backlog<InternalCommand>();
  readonly #offers: Offers;
  /** By the command that notes it. */
  readonly #kept = new Map<Command, Kept>();
  readonly #announce: OutboxOptions["announce"];
  readonly #taken: (receiver: Receiver) => void;
  #connectCount = 0;

  constructor(options: OutboxOptions) {
    this.#offers = new Offers(options);
    this.#announce = options.announce;
    this.#taken = options.taken ?? (() => {});
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

  note(sent: Sent, delivery: Delivery): void {
    const { message } = sent;
    const foundNobody = delivery.kind === "failed" && delivery.reason === "no_receiver";
    const receiver = receiverOfMessage(message);
    if (receiver !== null) this.#offers.note(receiver, !foundNobody);
    if (receiver !== null && sent.isRepeat && !foundNobody) this.#taken(receiver); // J5
    const note = noteOf(message, delivery);
    if (note === null) return;
    this.#commands.push([note]);
    const isKept = receiver !== null && delivery.kind === "failed"; // however it failed (listener.ts, G5)
    if (isKept) this.#kept.set(note, { ...sent, foundNobody });
  }

  /** J3, J4. @param isDone whether it has landed */
  finish(command: Command, isDone: boolean): void {
    const kept = this.#kept.get(command);
    if (kept === undefined) return;
    this.#kept.delete(command);
    if (!isDone) return;
    if (kept.since !== this.#connectCount) this.#commands.push([again(kept.message)]);
    if (kept.foundNobody && !kept.isRepeat) this.#announce(keyOf(kept.message));
  }

  /** J4. Of what is too much the next poll tells. */
  told(news: Exclude<News, { readonly kind: "due" }>): void {
    if (news.kind === "waits") this.#offers.waits(news.receiver);
    else if (this.#commands.size < toldMax) this.#commands.push([again(news.message)]);
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

function keyOf({ kind, id, to }: Message): Missed {
  return { kind, id, to };
}

function again(message: Missed): InternalCommand {
  const { id, to: address } = message;
  const before = instantMs(0); // what was missed, and nothing else
  if (message.kind === "execute") return { kind: "offer_missed", id, before };
  return { kind: "tell_missed", awaited: id, address, before };
}

function receiverOfMessage({ to }: Message): Receiver | null {
  const address = parseAddress(to);
  return address?.kind === "poll" ? receiverOf(address) : null;
}
