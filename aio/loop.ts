// Turns the kernel. A tick is due when a request arrives, when a submission has completed, and when
// the kernel's next instant has come; between them the process sleeps.
//
//   L1. Requests that arrive together meet in one batch: as long as each look at the sockets brings
//       more, a few times over, the batch is not begun. Who is alone waits for one look, not longer.
//   L2. The clock is read when a tick begins, never before waiting.
//   L3. A turn is three ticks at the most, enough for a batch from load to release; then the sockets
//       get theirs, so that no sweep shuts clients out.
//   L4. What a tick throws is a bug or a fatal failure of the store: the loop stops for good.

import type { Worker } from "../kernel/address.ts";
import type { Reply } from "../kernel/batch.ts";
import type { Request } from "../kernel/command.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { News } from "../kernel/others.ts";
import type { StoreAio } from "./aio.ts";
import type { Clock } from "./clock.ts";
import { Timer } from "./timer.ts";

/** Looks at the sockets for one batch. Measured: the batches of 64 busy clients double. */
const looksMax = 8;

/** Load, commit, release. */
const ticksPerTurn = 3;

export type LoopOptions = {
  readonly kernel: Kernel;
  readonly aio: Pick<StoreAio, "waiting">;
  readonly clock: Clock;
  /** Called once; the loop does not turn again. */
  readonly onFatal: (error: unknown) => void;
};

export class Loop {
  readonly #kernel: Kernel;
  readonly #aio: Pick<StoreAio, "waiting">;
  readonly #clock: Clock;
  readonly #onFatal: (error: unknown) => void;
  readonly #timer = new Timer(() => this.wake());
  #isAwake = false;
  #looks = 0;
  /** Requests that waited at the last look. */
  #gathered = 0;
  #isStopped = false;
  readonly #waiters: (() => void)[] = [];

  constructor({ kernel, aio, clock, onFatal }: LoopOptions) {
    this.#kernel = kernel;
    this.#aio = aio;
    this.#clock = clock;
    this.#onFatal = onFatal;
  }

  /** Like the kernel's `submit`, and the kernel will get to it. Call `wake` once to begin. */
  submit(request: Request, reply: Reply): boolean {
    const isAccepted = !this.#isStopped && this.#kernel.submit(request, reply);
    if (isAccepted) this.wake();
    return isAccepted;
  }

  /** Like the kernel's. */
  connected(worker: Worker): void {
    this.#kernel.connected(worker);
    this.wake();
  }

  /** Like the kernel's. */
  told(news: News): void {
    if (this.#isStopped) return;
    this.#kernel.told(news);
    this.wake();
  }

  /** Resolves in a turn after which nothing waits or is under way; never, if the loop has stopped. */
  idle(): Promise<void> {
    this.wake();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  wake(): void {
    if (this.#isAwake || this.#isStopped) return;
    this.#isAwake = true;
    setImmediate(() => this.#turn()); // L1, L3
  }

  /** After this nothing is executed and no reply is called. */
  stop(): void {
    this.#isStopped = true;
    this.#timer.set(null, this.#clock.now());
  }

  #turn(): void {
    this.#isAwake = false;
    if (this.#isStopped) return;
    if (this.#isGathering()) {
      this.wake(); // L1
      return;
    }
    try {
      this.#tick();
    } catch (error) {
      this.stop(); // L4
      this.#onFatal(error);
    }
  }

  #isGathering(): boolean {
    const { waiting } = this.#kernel;
    const isMore = this.#aio.waiting === 0 && waiting > this.#gathered;
    const isGathering = isMore && this.#looks < looksMax;
    this.#looks = isGathering ? this.#looks + 1 : 0;
    this.#gathered = isGathering ? waiting : 0;
    return isGathering;
  }

  #tick(): void {
    let now = this.#clock.now(); // L2
    this.#kernel.tick(now);
    for (let ticks = 1; ticks < ticksPerTurn && this.#aio.waiting > 0; ticks++) {
      now = this.#clock.now();
      this.#kernel.tick(now);
    }
    if (this.#aio.waiting > 0) this.wake(); // L3
    this.#timer.set(this.#kernel.wakeAt, now);
    if (this.#kernel.isIdle) for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
