// The simulated outside of one process: the port of the kernel, over the disk that all nodes share.
// A submission takes effect at one moment and is answered at a later one; anything may happen between
// the two. A failure strikes before the effect or after it, and the second is the one to fear.
//
//   Z1. What a tick hands over leaves the process only after the tick, so a crash can take all of it.
//   Z2. A dead process hears nothing any more; what it has written lands all the same. What it has sent
//       and not written arrives if the store is elsewhere, and is gone if it lives in the process.
//   Z3. Only a failed commit is ever of unknown outcome.
//   Z4. A message arrives once, unless a fault says otherwise; the store has no part in it.

import type { Message } from "../kernel/message.ts";
import type {
  Aio,
  Completion,
  Cqe,
  Delivery,
  DeliveryFailure,
  Sqe,
  StoreFailure,
  Submission,
} from "../kernel/ports.ts";
import type { Read } from "../kernel/read.ts";
import type { Component } from "../kernel/stream.ts";
import type { CrashPoint } from "./crash-points.ts";
import type { Disk, Landing } from "./disk.ts";
import type { Actor, EventQueue } from "./event-queue.ts";
import type { Fate } from "./fate.ts";
import type { Ledger, Witness } from "./witness.ts";

/** The process around it. */
export interface Host {
  readonly node: number;
  /** Kills the process if that is its fate at this point; @returns whether it did. */
  crash(point: CrashPoint, key: string): boolean;
  /** It hangs: only its end can help. */
  doom(): void;
  poke(): void;
}

export type AioOptions = {
  readonly host: Host;
  readonly actor: Actor;
  readonly queue: EventQueue;
  readonly disk: Disk;
  readonly fate: Fate;
  readonly witness: Witness;
  readonly ledger: Ledger;
  /** The store is elsewhere; else it lives in the process (Z2). */
  readonly isShared: boolean;
  readonly onStep: (step: Step, flight: Flight, completion?: Completion) => void;
  /** A message has reached its receiver. */
  readonly onDelivery: (message: Message) => void;
  /** `refused` was kept back by a fault; null: nothing was. */
  readonly onLanding: (
    flight: Flight,
    landing: { readonly conflicts: readonly number[]; readonly refused: number | null },
  ) => void;
};

export type Step = "submission" | "effect" | "completion";

export type Flight = {
  readonly ticket: number;
  readonly submission: Submission;
  /** Names the choices about it. */
  readonly key: string;
  /** The request that it carries out; null: it is for a batch, a look or a sweep. */
  readonly read: Read | null;
  isAnswered: boolean;
};

/** The store acts for everybody. */
export const storeActor: Actor = 0;

const readFaults = ["fail_before", "rolled_back"] as const;
const commitFaults = [
  "fail_before",
  "rolled_back",
  "fail_never_landing",
  "fail_landing_later",
] as const;

/** What befalls a message on its way. */
const sendFaults = ["no_receiver", "message_lost"] as const;
/** What is said of it: of a stream, and of a push. */
const reasons = {
  no_receiver: ["no_receiver", "unreachable"],
  message_lost: ["stream_lost", "timed_out"],
} as const satisfies Record<(typeof sendFaults)[number], readonly DeliveryFailure[]>;

/** The longest that a slow step takes, ms. Arbitrary: twice as long as a claim lasts. */
const slowMs = 10_000;

export class SimulatedAio implements Aio {
  readonly #outside: AioOptions;
  readonly #flights = new Map<number, Flight>();
  #outbox: Flight[] = [];
  #arrived: Flight[] = [];
  readonly #completions = new Map<number, Completion>();
  #taken: Read | null = null;
  #isOpen = true;
  /** How often the connections were cut: what was under way before never arrives. */
  #cuts = 0;

  constructor(outside: AioOptions) {
    this.#outside = outside;
  }

  /** Submissions that are not answered yet. */
  get inFlight(): number {
    return this.#flights.size;
  }

  /** Messages under way: nobody waits for them. */
  get sends(): number {
    return [...this.#flights.values()].filter(({ submission }) => submission.kind === "send")
      .length;
  }

  /** Batches that wait for the store. */
  get batches(): number {
    const kinds = [...this.#flights.values()].map(({ submission }) => submission.kind);
    return kinds.filter((kind) => kind === "load" || kind === "commit").length;
  }

  /** The kernel has just handed something over. */
  get isAsking(): boolean {
    return this.#outbox.length > 0;
  }

  /** The kernel takes up a read, and hands over the submission for it next. */
  take(read: Read): void {
    this.#taken = read;
  }

  enqueue({ ticket, submission }: Sqe): boolean {
    const read = this.#taken;
    this.#taken = null;
    const { host, queue, witness, ledger } = this.#outside;
    const key = `n${host.node} ${nameOf(submission, queue.now)}`;
    if (submission.kind === "send") witness.sending(ledger, submission.message);
    if (this.#outside.fate.strikes("aio_full", key)) return false;
    this.#outbox.push({ ticket, submission, key, read, isAnswered: false }); // Z1
    return true;
  }

  drain(): readonly Cqe[] {
    return this.#arrived.map(({ ticket }) => {
      const completion = this.#completions.get(ticket);
      this.#completions.delete(ticket);
      if (completion?.kind === "committed") this.#outside.ledger.told.add(ticket);
      return { ticket, completion: completion as Completion }; // set as it arrived
    });
  }

  /** After a tick: lets out what it has handed over, unless the process is killed first (Z1). */
  flush(): boolean {
    const [arrived, outbox] = [this.#arrived, this.#outbox];
    this.#arrived = [];
    this.#outbox = [];
    const { host, witness, ledger } = this.#outside;
    witness.sent(ledger);
    for (const { submission, key } of arrived) {
      if (host.crash(`${submission.kind}.consumed`, key)) return false;
    }
    for (const flight of outbox) if (this.#isOpen) this.#launch(flight);
    return this.#isOpen;
  }

  /** Z2. */
  close(): void {
    this.#isOpen = false;
    this.#outbox = [];
  }

  /** All connections to the store drop; what they had under way is answered by a failure. */
  cut(): void {
    this.#cuts += 1;
    for (const flight of this.#flights.values()) {
      if (flight.submission.kind !== "send") this.#fail(flight, lost(flight));
    }
  }

  #launch(flight: Flight): void {
    const { host, queue, fate, onStep } = this.#outside;
    this.#flights.set(flight.ticket, flight);
    onStep("submission", flight);
    if (host.crash(`${flight.submission.kind}.submitted`, flight.key)) return;
    const delay = fate.delay("effect", flight.key);
    queue.schedule(storeActor, this.#slowed(flight, delay), () => this.#strike(flight));
  }

  /** The submission arrives at the store. */
  #strike(flight: Flight): void {
    if (flight.isAnswered) return; // by a cut connection
    const { submission } = flight;
    if (submission.kind === "send") {
      this.#send(flight, submission.message);
    } else if (submission.kind !== "commit") {
      if (this.#isOpen) this.#read(flight, submission);
    } else if (this.#isOpen || this.#outside.isShared) {
      this.#commit(flight, submission.components); // Z2
    }
  }

  /** Z4. Whoever dies after it has sent something hears nothing of it, and it may have arrived. */
  #send(flight: Flight, message: Message): void {
    const { host, queue, fate, onStep, onDelivery } = this.#outside;
    const fault = fate.first(sendFaults, flight.key);
    const delivery: Delivery =
      fault === null
        ? { kind: "delivered" }
        : { kind: "failed", reason: reasons[fault][isPush(message) ? 1 : 0], cause: fault };
    const isLate = fate.strikes("message_delayed", flight.key);
    const delay = isLate ? fate.amount("message delay", flight.key, slowMs) : 0;
    queue.schedule(storeActor, delay, () => {
      if (!this.#isOpen) return;
      const completion = { kind: "sent", delivery } as const;
      onStep("effect", flight, completion);
      if (fault === null) onDelivery(message);
      if (!host.crash("send.done", flight.key)) this.#answer(flight, completion);
    });
  }

  #read(flight: Flight, submission: Exclude<Submission, { kind: "commit" | "send" }>): void {
    const { host, disk, fate, witness, ledger, onStep } = this.#outside;
    const fault = fate.first(readFaults, flight.key);
    if (fault !== null) {
      this.#fail(flight, fault === "rolled_back" ? "store_overloaded" : "store_failed");
      return;
    }
    const read = disk.read(submission);
    const completion = this.#damaged(flight, read);
    witness.observe(ledger, flight, completion);
    onStep("effect", flight, completion);
    if (host.crash(`${submission.kind}.done`, flight.key)) return;
    if (fate.strikes("hang", flight.key)) host.doom();
    else this.#answer(flight, completion);
  }

  /** A record of those that were loaded cannot be decoded, for once. */
  #damaged(flight: Flight, completion: Completion): Completion {
    const { fate } = this.#outside;
    if (completion.kind !== "loaded" || !fate.strikes("unreadable", flight.key)) return completion;
    const index = fate.amount("damaged", flight.key, completion.streams.length);
    const streams = completion.streams.map((loaded, at) => {
      if (at !== index || loaded.kind === "unreadable") return loaded;
      return { kind: "unreadable", key: loaded.stream.key } as const;
    });
    return { kind: "loaded", streams };
  }

  #commit(flight: Flight, components: readonly Component[]): void {
    const { queue, fate } = this.#outside;
    const fault = fate.first(commitFaults, flight.key);
    switch (fault) {
      case null:
        this.#write(flight, components);
        break;
      case "fail_before":
        this.#fail(flight, "store_failed");
        break;
      case "rolled_back":
        this.#fail(flight, "store_overloaded");
        break;
      case "fail_never_landing":
        this.#fail(flight, "outcome_unknown"); // Z3
        break;
      case "fail_landing_later": {
        this.#fail(flight, "outcome_unknown");
        const delay = fate.amount("landing", flight.key, slowMs);
        const cuts = this.#cuts;
        queue.schedule(storeActor, delay, () => {
          if (cuts === this.#cuts) this.#write(flight, components);
        });
        break;
      }
    }
  }

  #write(flight: Flight, components: readonly Component[]): void {
    const { host, queue, disk, fate } = this.#outside;
    const isRefused = fate.strikes("false_conflict", flight.key);
    const refused = isRefused ? fate.amount("refused", flight.key, components.length) : null;
    const sent = components.filter((_, index) => index !== refused);
    const written = disk.write(sent, (landing) => {
      this.#land(flight, refused === null ? landing : without(landing, refused), refused);
    });
    const sync = fate.strikes("slow_sync", flight.key)
      ? fate.amount("sync", flight.key, slowMs)
      : fate.delay("sync", flight.key);
    queue.schedule(storeActor, sync, () => disk.sync(written));
    if (this.#isOpen) host.crash("commit.done", flight.key);
  }

  /** The commit is durable, refused, or gone. */
  #land(flight: Flight, landing: Landing, refused: number | null): void {
    const { host, fate, onStep, onLanding } = this.#outside;
    const isLanded = landing.kind === "landed";
    if (isLanded) onLanding(flight, { conflicts: landing.conflicts, refused });
    if (!this.#isOpen || flight.isAnswered) return;
    const completion = completionOf(landing);
    onStep("effect", flight, completion);
    if (host.crash("commit.durable", flight.key)) return;
    if (isLanded && fate.strikes("fail_after", flight.key)) this.#fail(flight, "outcome_unknown");
    else if (fate.strikes("hang", flight.key)) host.doom();
    else this.#answer(flight, completion);
  }

  #fail(flight: Flight, failure: StoreFailure): void {
    this.#answer(flight, { kind: "failed", failure });
  }

  #answer(flight: Flight, completion: Completion): void {
    if (flight.isAnswered || !this.#isOpen) return;
    flight.isAnswered = true;
    this.#flights.delete(flight.ticket);
    const { host, actor, queue, fate, onStep } = this.#outside;
    const delay = this.#slowed(flight, fate.delay("completion", flight.key));
    queue.schedule(actor, delay, () => {
      if (!this.#isOpen) return; // Z2
      this.#arrived.push(flight);
      this.#completions.set(flight.ticket, completion);
      onStep("completion", flight, completion);
      if (!host.crash(`${flight.submission.kind}.completed`, flight.key)) host.poke();
    });
  }

  #slowed(flight: Flight, delay: number): number {
    const { fate } = this.#outside;
    if (!fate.strikes("slow", flight.key)) return delay;
    return delay + fate.amount("slowness", flight.key, slowMs);
  }
}

/** What a dropped connection says about a submission. */
function lost({ submission }: Flight): StoreFailure {
  return submission.kind === "commit" ? "outcome_unknown" : "store_failed"; // Z3
}

function completionOf(landing: Landing): Completion {
  switch (landing.kind) {
    case "landed":
      return { kind: "committed", conflicts: landing.conflicts };
    case "refused":
      return { kind: "failed", failure: landing.failure };
    case "dropped":
      return { kind: "failed", failure: "outcome_unknown" }; // Z3
  }
}

function isPush({ to }: Message): boolean {
  return !to.startsWith("poll:");
}

/** The landing of all components, had this one not been kept back. */
function without(landing: Landing, refused: number): Landing {
  if (landing.kind !== "landed") return landing;
  const others = landing.conflicts.map((index) => (index < refused ? index : index + 1));
  return { kind: "landed", conflicts: [...others, refused].sort((left, right) => left - right) };
}

/** By what it is about, so that it keeps its name when other requests are taken away. */
function nameOf(submission: Submission, now: number): string {
  switch (submission.kind) {
    case "load":
      return `load ${submission.keys[0]?.id}`;
    case "commit":
      return `commit ${submission.components[0]?.changes[0]?.key.id}`;
    case "query":
      return `query ${submission.query.pattern}`;
    case "log":
      return `log ${submission.ranges[0]?.of?.id ?? "all"}`;
    case "due":
      return `due@${now}`;
    case "list":
      return `list ${submission.queries.length}`;
    case "waiting":
      return `waiting ${submission.query.receiver}`;
    case "send":
      return `send ${submission.message.kind} ${submission.message.id}`;
  }
}
