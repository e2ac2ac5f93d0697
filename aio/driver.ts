// Drives the server by hand, for the debug surface (protocol.md §9). Stands between the gateways and the
// loop, and passes everything on until somebody stops time, sets it, or asks for something that needs
// the server to stand still.
//
//   D1. Requests and orders take effect in the order in which they came.
//   D2. Time is set, and an order carried out, while nothing is under way: so a batch has one instant,
//       and an order sees all that was asked before it.
//   D3. Time that is driven does not go backwards: an earlier instant counts as the last one. It begins
//       anew, earlier or later, when driving begins and when it ends.
//   D4. Whoever sets the time stops it: no timed step is taken until it is told to go on.
//   D5. A tick does all that is due at its instant: first deadlines of promises, then drains, leases and
//       retries, then schedules; and again, until nothing is left. The order of rows does not matter.
//   D6. What is asked while something is waited for stands in a bounded line.

import { assert, unreachable } from "../kernel/assert.ts";
import type { Reply } from "../kernel/batch.ts";
import type { InternalCommand, Request } from "../kernel/command.ts";
import { type Debug, type DebugAnswer, type DebugOrder, noRoom } from "../kernel/debug.ts";
import type { Driven } from "../kernel/driven.ts";
import type { InstantMs } from "../kernel/ids.ts";
import { compareBytes } from "../kernel/order.ts";
import type { Completion, Cron } from "../kernel/ports.ts";
import { Queue } from "../kernel/queue.ts";
import type { Stream } from "../kernel/stream.ts";
import { StreamMap } from "../kernel/stream-map.ts";
import { obligations } from "../kernel/sweep.ts";
import { type Store, StoreError } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import type { Loop } from "./loop.ts";
import { perform } from "./storage.ts";

export type DriverOptions = {
  readonly driven: Driven;
  readonly loop: Pick<Loop, "submit" | "idle" | "wake">;
  readonly clock: Clock;
  readonly store: Store;
  readonly cron: Cron;
  /** Of one schedule, at a time. */
  readonly firingsMax: number;
  /** What may stand in line. */
  readonly queueMax: number;
};

type Job =
  | {
      readonly kind: "request";
      readonly request: Request;
      readonly reply: Reply;
      readonly at: InstantMs | null;
    }
  | {
      readonly kind: "order";
      readonly order: DebugOrder;
      readonly reply: (answer: DebugAnswer) => void;
      readonly at: InstantMs | null;
    };

type Failed = Extract<Completion, { readonly kind: "failed" }>;

const done: DebugAnswer = { kind: "done" };
const page = { limit: 1_000, weightMax: 16 * 1024 * 1024 } as const; // arbitrary: seen by nobody

export class Driver implements Debug {
  readonly #options: DriverOptions;
  readonly #line: Queue<Job>;
  #isWorking = false;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#line = new Queue(options.queueMax);
  }

  /** Like the loop's. @param at the instant at which it is to run; null: now */
  submit(request: Request, reply: Reply, at: InstantMs | null = null): boolean {
    const isFree = !this.#isWorking && !this.#moves(at);
    if (isFree) return this.#options.loop.submit(request, reply);
    return this.#join({ kind: "request", request, reply, at });
  }

  order(order: DebugOrder, reply: (answer: DebugAnswer) => void, at: InstantMs | null): boolean {
    return this.#join({ kind: "order", order, reply, at });
  }

  /** D1, D6. */
  #join(job: Job): boolean {
    if (!this.#line.push(job)) return false;
    if (!this.#isWorking) void this.#work();
    return true;
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    for (let job = this.#line.shift(); job !== undefined; job = this.#line.shift()) {
      if (job.kind === "order" || this.#moves(job.at)) await this.#options.loop.idle(); // D2
      if (job.kind === "order") job.reply(await this.#carryOut(job.order, job.at));
      else this.#pass(job);
    }
    this.#isWorking = false;
  }

  #pass({ request, reply, at }: Job & { readonly kind: "request" }): void {
    if (at !== null) this.#drive(at);
    if (!this.#options.loop.submit(request, reply)) reply(noRoom);
  }

  /** Whether time would have to be set. */
  #moves(at: InstantMs | null): boolean {
    const { clock } = this.#options;
    return at !== null && (!clock.isDriven || at > clock.now());
  }

  async #carryOut(order: DebugOrder, at: InstantMs | null): Promise<DebugAnswer> {
    if (at !== null) this.#drive(at);
    switch (order.kind) {
      case "start":
        this.#options.driven.pause();
        return done;
      case "stop":
        this.#letGo();
        return done;
      case "reset":
        return this.#reset();
      case "tick":
        this.#drive(order.time);
        return await this.#tick();
      case "snap":
        return this.#snapshot();
      default:
        return unreachable(order);
    }
  }

  /** D3, D4. */
  #drive(at: InstantMs): void {
    const { driven, clock } = this.#options;
    if (!this.#moves(at)) return;
    driven.pause();
    if (!clock.isDriven) driven.startAnew();
    clock.drive(at);
  }

  /** D3. */
  #letGo(): void {
    const { driven, clock, loop } = this.#options;
    if (clock.isDriven) {
      clock.letGo();
      driven.startAnew();
    }
    driven.resume();
    loop.wake();
  }

  #reset(): DebugAnswer {
    const { store, driven } = this.#options;
    try {
      store.reset();
    } catch (error) {
      if (!(error instanceof StoreError) || error.isFatal) throw error;
      return { kind: "failed", failure: error.failure };
    }
    driven.forget();
    return done;
  }

  /** D5. */
  async #tick(): Promise<DebugAnswer> {
    const { driven, loop } = this.#options;
    for (;;) {
      const owed = this.#owed();
      if ("kind" in owed) return owed;
      if (owed.length === 0) return done;
      for (const phase of phases) {
        driven.owe(owed.filter((command) => phaseOf(command) === phase));
        await loop.idle();
      }
    }
  }

  /** All that is due now, in an order that no store decides. The store hands each stream out once. */
  #owed(): readonly InternalCommand[] | Failed {
    const { store, clock, cron, firingsMax } = this.#options;
    const now = clock.now();
    const streams: Stream[] = [];
    for (;;) {
      const due = perform(store, { kind: "due", now, bounds: page });
      if (due.kind === "failed") return due;
      assert(due.kind === "due", "a sweep is answered by something else");
      if (due.due.streams.length === 0) break;
      streams.push(...due.due.streams);
    }
    return streams
      .toSorted((left, right) => compareBytes(left.key.id, right.key.id))
      .flatMap((stream) => obligations(stream, { now, cron, firingsMax }));
  }

  /** Every stream there is: the log names them. Nothing is under way, so all pages are of one moment. */
  #snapshot(): DebugAnswer {
    const { store, driven } = this.#options;
    const streams = new StreamMap<Stream>();
    for (let after = 0; ; ) {
      const logged = perform(store, { kind: "log", ranges: [{ of: null, after, ...page }] });
      if (logged.kind === "failed") return logged;
      assert(logged.kind === "logged", "a log is answered by something else");
      const events = logged.pages[0]?.events ?? [];
      const keys = events.map(({ key }) => key).filter((key) => !streams.has(key));
      const loaded = perform(store, { kind: "load", keys });
      if (loaded.kind === "failed") return loaded;
      assert(loaded.kind === "loaded", "a load is answered by something else");
      for (const each of loaded.streams) {
        if (each.kind === "unreadable") return { kind: "failed", failure: "record_unreadable" };
        streams.set(each.stream.key, each.stream);
      }
      after = events.at(-1)?.position ?? 0;
      if (events.length === 0) break;
    }
    return { kind: "snapshot", streams: [...streams.values()], executes: driven.executes };
  }
}

const phases = [0, 1, 2] as const;

/** D5. */
function phaseOf({ kind }: InternalCommand): (typeof phases)[number] {
  if (kind === "settle_at_deadline") return 0;
  return kind === "fire_schedule" ? 2 : 1;
}
