// What became of messages, as commands that note it. A message that is lost does no harm for good: an
// `execute` is repaired by the retry clock and by workers that connect, an `unblock` is sent again.

import { Backlog } from "./backlog.ts";
import type { InternalCommand } from "./command.ts";
import type { Message } from "./message.ts";
import type { Delivery } from "./ports.ts";

export class Outbox {
  readonly #notes = new Backlog<InternalCommand>();

  /** Notes that wait for a batch. */
  get size(): number {
    return this.#notes.size;
  }

  shift(): InternalCommand | undefined {
    return this.#notes.shift();
  }

  note(message: Message, delivery: Delivery): void {
    if (message.kind === "unblock") {
      const { id: awaited, to: address } = message;
      this.#notes.push([{ kind: "note_told", awaited, address, delivery }]);
    } else if (delivery.kind === "failed" && delivery.reason === "no_receiver") {
      const { id, version } = message;
      this.#notes.push([{ kind: "note_missed", id, version }]);
    }
  }
}
