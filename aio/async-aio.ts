// The real outside of the kernel before a store that takes time: submissions wait in a bounded queue
// for one of a few workers, and what came of them waits for the kernel. See aio.ts for the store that
// answers at once; what is said there of messages holds here (I4).
//
//   I5. `enqueue` never blocks and never answers: whatever the store does, completions are handed out
//       by `drain` alone. A full queue refuses at once.
//   I6. As many submissions are under way as there are workers. They begin in order and may end in any,
//       so a read sees every commit that was drained before it was enqueued, and perhaps others.
//   I7. A failure is a completion. A bug, or a failure that is fatal, is thrown by the next `drain`.
//   I8. Who closes is refused no completion: all that was taken on is carried out first.

import { assert, unreachable } from "../kernel/assert.ts";
import type { Message } from "../kernel/message.ts";
import type { Aio, Completion, Cqe, Sqe } from "../kernel/ports.ts";
import { Queue } from "../kernel/queue.ts";
import { type AsyncStore, StoreError } from "../store/store.ts";
import type { AioObserver } from "./aio.ts";
import type { Sender } from "./sender.ts";
import { failed, type Submission } from "./storage.ts";

/** What the kernel asks of a store. */
export type WaitingStore = Omit<AsyncStore, "reset">;

export type AsyncAioOptions = {
  readonly store: WaitingStore;
  /** Submissions that may wait for a worker. */
  readonly queueMax: number;
  /** Submissions that are under way at a time; a connection each. */
  readonly workers: number;
  readonly observer: AioObserver;
  readonly sender: Pick<Sender, "send">;
  /** Told when something has completed. */
  readonly onCompleted: () => void;
  /** Told why the store has failed. */
  readonly onFailure?: (call: string, error: StoreError) => void;
};

export class AsyncAio implements Aio {
  readonly #store: WaitingStore;
  readonly #workers: number;
  readonly #observer: AioObserver;
  readonly #queue: Queue<Sqe>;
  readonly #sender: Pick<Sender, "send">;
  readonly #onCompleted: () => void;
  readonly #onFailure: (call: string, error: StoreError) => void;
  #completed: Cqe[] = [];
  #active = 0;
  #bug: { readonly error: unknown } | null = null;
  #isClosing = false;
  readonly #closed = Promise.withResolvers<void>();

  constructor(options: AsyncAioOptions) {
    const { store, queueMax, workers, observer, sender, onCompleted } = options;
    assert(workers > 0, "submissions without a worker would wait for ever");
    this.#store = store;
    this.#workers = workers;
    this.#observer = observer;
    this.#sender = sender;
    this.#onCompleted = onCompleted;
    this.#onFailure = options.onFailure ?? (() => {});
    this.#queue = new Queue(queueMax);
  }

  /** Completions that wait: `drain` has something to bring as long as there are any. */
  get waiting(): number {
    return this.#completed.length + (this.#bug === null ? 0 : 1);
  }

  /** Submissions that wait for a worker. */
  get backlog(): number {
    return this.#queue.size;
  }

  enqueue(sqe: Sqe): boolean {
    if (sqe.submission.kind === "send") {
      void this.#send(sqe.ticket, sqe.submission.message);
      return true;
    }
    const isQueued = !this.#isClosing && this.#queue.push(sqe); // I5
    if (isQueued) {
      this.#observer.started();
      this.#next();
    }
    return isQueued;
  }

  /** @throws StoreError that is fatal, or a bug (I7) */
  drain(): readonly Cqe[] {
    if (this.#bug !== null) throw this.#bug.error;
    const cqes = this.#completed;
    this.#completed = [];
    return cqes;
  }

  /** Refuses what comes from now on, and resolves when all that was taken on has completed (I8). */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#endIfIdle();
    await this.#closed.promise;
  }

  /** I6. */
  #next(): void {
    while (this.#active < this.#workers) {
      const sqe = this.#queue.shift();
      if (sqe === undefined) break;
      assert(sqe.submission.kind !== "send", "a message waits for the store");
      this.#active += 1;
      void this.#perform(sqe.ticket, sqe.submission);
    }
  }

  async #perform(ticket: number, submission: Submission): Promise<void> {
    const completion = await this.#attempt(submission);
    this.#active -= 1;
    if (completion !== null) {
      this.#observer.finished(completion.kind === "failed" ? "failure" : "success");
      this.#completed.push({ ticket, completion });
    }
    this.#next();
    this.#onCompleted();
    this.#endIfIdle();
  }

  /** Null: it was a bug, which is kept (I7). */
  async #attempt(submission: Submission): Promise<Completion | null> {
    try {
      return await ask(this.#store, submission);
    } catch (error) {
      if (error instanceof StoreError) this.#onFailure(submission.kind, error);
      try {
        return failed(error, submission);
      } catch (bug) {
        this.#bug ??= { error: bug };
        return null;
      }
    }
  }

  async #send(ticket: number, message: Message): Promise<void> {
    const delivery = await this.#sender.send(message);
    this.#completed.push({ ticket, completion: { kind: "sent", delivery } });
    this.#onCompleted();
  }

  #endIfIdle(): void {
    if (this.#isClosing && this.#queue.size + this.#active === 0) this.#closed.resolve();
  }
}

async function ask(store: WaitingStore, submission: Submission): Promise<Completion> {
  switch (submission.kind) {
    case "load":
      return { kind: "loaded", streams: await store.load(submission.keys) };
    case "commit":
      return { kind: "committed", conflicts: await store.commit(submission.components) };
    case "query":
      return { kind: "found", found: await store.query(submission.query) };
    case "log":
      return { kind: "logged", pages: await store.log(submission.ranges) };
    case "list":
      return { kind: "listed", pages: await store.list(submission.queries) };
    case "waiting":
      return { kind: "waiting", page: await store.waiting(submission.query) };
    case "due":
      return { kind: "due", due: await store.due(submission.now, submission.bounds) };
    default:
      return unreachable(submission);
  }
}
