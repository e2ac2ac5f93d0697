// Messages on their way out, and back again as notes of what became of them (outbox.ts), unless time
// stands still (pause.ts): then they wait, and so does what would be offered to those who connect.

import type { Worker } from "./address.ts";
import { assert } from "./assert.ts";
import type { Command, InternalCommand } from "./command.ts";
import type { Flight } from "./flight.ts";
import type { DeadlineMs, InstantMs } from "./ids.ts";
import type { Message } from "./message.ts";
import type { News } from "./others.ts";
import { Outbox, type OutboxOptions } from "./outbox.ts";
import { Pause } from "./pause.ts";
import type { Completion } from "./ports.ts";
import type { Change } from "./stream.ts";

export type MailOptions = OutboxOptions & {
  /** Whether messages leave while time stands still. */
  readonly deliversPaused: boolean;
};

export class Mail {
  readonly #options: MailOptions;
  readonly #pause: Pause;
  readonly #outbox: Outbox;
  /** What is noted once it completes. */
  readonly #sending = new Set<Message>();

  constructor(options: MailOptions) {
    this.#options = options;
    this.#pause = new Pause(options.deliversPaused);
    this.#outbox = new Outbox(options);
  }

  /** Commands that wait for a batch. */
  get size(): number {
    return this.#outbox.size;
  }

  shift(): InternalCommand | undefined {
    return this.#outbox.shift();
  }

  /** When `ask` wants to be called; null: not before something else happens. */
  get askAt(): DeadlineMs | null {
    return this.isPaused ? null : this.#outbox.askAt;
  }

  /** Who connects while time stands still is offered what waits for it afterwards. */
  connected(worker: Worker): void {
    this.#outbox.connected(worker);
  }

  /** What another server could not deliver. While time stands still it waits for its clock. */
  told(news: Exclude<News, { readonly kind: "due" }>): void {
    if (!this.isPaused) this.#outbox.told(news);
  }

  ask(now: InstantMs): void {
    if (!this.isPaused) this.#outbox.ask(now);
  }

  answer(completion: Completion, now: InstantMs): void {
    this.#outbox.answer(completion, now);
  }

  finish(command: Command, isDone: boolean): void {
    this.#outbox.finish(command, isDone);
  }

  /** To be told of a commit once its messages are sent. */
  landed(changes: readonly Change[]): void {
    this.#pause.landed(changes);
  }

  /** @param cause the command that sends it; absent: it has waited for time to go on */
  send(message: Message, cause?: Command["kind"]): void {
    if (this.#pause.keeps(message)) return;
    const isRepeat = cause === "offer_missed" || cause === "tell_missed";
    const sent = { message, isRepeat, since: this.#outbox.connectCount };
    const isQueued = this.#options.enqueue({ kind: "send", message }, { kind: "sending", sent });
    if (isQueued) this.#sending.add(message);
    else this.#outbox.note(sent, { kind: "failed", reason: "queue_full", cause: "" });
  }

  sent({ sent }: Flight & { kind: "sending" }, completion: Completion): void {
    assert(completion.kind === "sent", "a message is answered by something else");
    if (this.#sending.delete(sent.message)) this.#outbox.note(sent, completion.delivery);
  }

  get isPaused(): boolean {
    return this.#pause.isOn;
  }

  /** Each `execute` that waits. */
  get executes(): readonly Message[] {
    return this.#pause.executes;
  }

  pause(): void {
    this.#pause.begin();
  }

  resume(): void {
    for (const message of this.#pause.end()) this.send(message);
  }

  /** What was sent is noted nowhere, and what waits is gone: all that it told of is erased. */
  forget(): void {
    this.#pause.forget();
    this.#sending.clear();
  }
}
