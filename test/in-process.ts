// A whole server in one process, for tests of the rim: the kernel and the queues that serve, over a
// store in memory, with a clock that is turned by hand. It turns by itself once it is asked, and
// never otherwise, so a test decides whether a deadline is swept or come upon.

import { StoreAio } from "../aio/aio.ts";
import { cron } from "../aio/cron.ts";
import type { Gateway, Port } from "../api/gateway.ts";
import type { Reply } from "../kernel/batch.ts";
import type { Request } from "../kernel/command.ts";
import { instantMs } from "../kernel/ids.ts";
import { Kernel } from "../kernel/kernel.ts";
import { type Limits, limits } from "../kernel/limits.ts";
import { type Rules, usualRules } from "../kernel/rules.ts";
import { MemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";

export class InProcess implements Port {
  readonly store: Store;
  readonly #kernel: Kernel;
  #now: number;
  #isAwake = false;

  constructor({
    store = new MemoryStore(),
    now = 1_000,
    chosen = {},
    rules = {},
  }: {
    readonly store?: Store;
    readonly now?: number;
    readonly chosen?: Partial<Limits>;
    readonly rules?: Partial<Rules>;
  } = {}) {
    this.store = store;
    this.#now = now;
    const observer = { started() {}, finished() {} };
    const aio = new StoreAio({
      ...{ store, queueMax: 4096, observer },
      sender: { send: () => new Promise(() => {}) }, // what is sent goes nowhere
      onCompleted: () => {},
    });
    const own = { limits: limits(chosen), node: "n", trace: () => {} };
    this.#kernel = new Kernel({ aio, ...own, cron, rules: { ...usualRules, ...rules } });
  }

  /** Sets the clock forward, and wakes nobody. */
  set now(now: number) {
    this.#now = now;
  }

  submit(request: Request, reply: Reply): boolean {
    const isAccepted = this.#kernel.submit(request, reply);
    if (isAccepted && !this.#isAwake) {
      this.#isAwake = true;
      setImmediate(() => this.turn());
    }
    return isAccepted;
  }

  /** Until nothing is under way; what is due by now is swept. */
  turn(): void {
    this.#isAwake = false;
    do this.#kernel.tick(instantMs(this.#now));
    while (!this.#kernel.isIdle);
  }
}

/** Waits until a gateway has got this many requests. */
export async function untilInFlight(gateway: Gateway, count: number): Promise<void> {
  while (gateway.inFlight < count) await new Promise((resolve) => setImmediate(resolve));
}
