// Hands messages over: to a connected worker, or by HTTP push. What a message looks like on the wire is
// the rim's business, and is handed in.

import { parseAddress } from "../kernel/address.ts";
import type { Message } from "../kernel/message.ts";
import type { Delivery } from "../kernel/ports.ts";
import type { WorkerMailbox } from "./mailbox.ts";
import type { Push } from "./push.ts";

export type SenderOptions = {
  readonly mailbox: Pick<WorkerMailbox, "deliver">;
  readonly push: Pick<Push, "deliver">;
  /** @returns JSON without a line break */
  readonly encode: (message: Message) => string;
  readonly observer: SendObserver;
};

/** What became of messages; for metrics and logs. */
export type SendObserver = {
  readonly started: () => void;
  readonly finished: (message: Message, delivery: Delivery) => void;
};

export class Sender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Sends once. Never rejects. */
  async send(message: Message): Promise<Delivery> {
    const { observer } = this.#options;
    observer.started();
    const delivery = await this.#deliver(message);
    observer.finished(message, delivery);
    return delivery;
  }

  #deliver(message: Message): Promise<Delivery> {
    const { mailbox, push, encode } = this.#options;
    const address = parseAddress(message.to);
    if (address === null) {
      return Promise.resolve({ kind: "failed", reason: "not_permitted", cause: "no address" });
    }
    const json = encode(message);
    if (address.kind === "push") return push.deliver(address.url, json, keyOf(message));
    return mailbox.deliver({ address, subject: message.id, message: json });
  }
}

/** A task has one `execute` that is not delivered yet, the newest, and a promise one `unblock` (§1.5). */
function keyOf({ kind, id }: Message): string {
  return JSON.stringify([kind, id]);
}
