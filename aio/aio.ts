// The real outside of the kernel: a bounded queue of submissions before a store, and the completions
// that come of it. The store runs in the loop's own thread; aio/DESIGN.md says what was measured.
//
//   I1. `enqueue` never blocks and never answers: the store is asked in a later turn of the loop.
//   I2. Submissions are carried out in order, so a read sees every commit submitted before it.
//   I3. A full queue refuses at once.
//   I4. A message is handed over at once and waits in no queue here; what became of it is a completion
//       like any other, whenever it comes.

import { assert } from "../kernel/assert.ts";
import type { Message } from "../kernel/message.ts";
import type { Aio, Cqe, Sqe } from "../kernel/ports.ts";
import { Queue } from "../kernel/queue.ts";
import type { Store } from "../store/store.ts";
import type { Sender } from "./sender.ts";
import { perform } from "./storage.ts";

/** What became of a submission; for metrics and logs. */
export type AioObserver = {
  readonly started: () => void;
  readonly finished: (status: "success" | "failure") => void;
};

export type StoreAioOptions = {
  readonly store: Store;
  /** Submissions that may wait. */
  readonly queueMax: number;
  readonly observer: AioObserver;
  readonly sender: Pick<Sender, "send">;
  /** Told when something has completed that nobody waits for. */
  readonly onCompleted: () => void;
};

export class StoreAio implements Aio {
  readonly #store: Store;
  readonly #observer: AioObserver;
  readonly #queue: Queue<Sqe>;
  readonly #sender: Pick<Sender, "send">;
  readonly #onCompleted: () => void;
  #sent: Cqe[] = [];

  constructor({ store, queueMax, observer, sender, onCompleted }: StoreAioOptions) {
    this.#store = store;
    this.#observer = observer;
    this.#sender = sender;
    this.#onCompleted = onCompleted;
    this.#queue = new Queue(queueMax);
  }

  /** Submissions that wait: `drain` has something to bring as long as there are any. */
  get waiting(): number {
    return this.#queue.size + this.#sent.length;
  }

  /** Submissions that wait for the store. */
  get backlog(): number {
    return this.#queue.size;
  }

  enqueue(sqe: Sqe): boolean {
    if (sqe.submission.kind === "send") {
      void this.#send(sqe.ticket, sqe.submission.message); // I4
      return true;
    }
    const isQueued = this.#queue.push(sqe); // I3
    if (isQueued) this.#observer.started();
    return isQueued;
  }

  /** @throws StoreError that is fatal, or a bug */
  drain(): readonly Cqe[] {
    const cqes = this.#sent;
    this.#sent = [];
    for (let sqe = this.#queue.shift(); sqe !== undefined; sqe = this.#queue.shift()) {
      assert(sqe.submission.kind !== "send", "a message waits for the store");
      const completion = perform(this.#store, sqe.submission); // I1, I2
      this.#observer.finished(completion.kind === "failed" ? "failure" : "success");
      cqes.push({ ticket: sqe.ticket, completion });
    }
    return cqes;
  }

  async #send(ticket: number, message: Message): Promise<void> {
    const delivery = await this.#sender.send(message);
    this.#sent.push({ ticket, completion: { kind: "sent", delivery } });
    this.#onCompleted();
  }
}
