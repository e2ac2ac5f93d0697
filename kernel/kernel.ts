// The step machine. One turn of the loop is one `tick`: take what has completed, move the batches
// on, hand over what is wanted next.
//
//     submit                                                                    reply
//    ────────► queue ──► admit ──► load ──► execute ──► commit ──► release ────────►
//                ▲                                        │           │
//                │                                   lost answer    drains, conflicts
//                │                                        ▼           │
//     due ───────┴───────────────────────────────────── look ─────────┘
//
//   K1. Batches under way touch disjoint streams. What arrives meanwhile waits for the next one.
//   K2. Commands on one stream execute in the order of submission, a whole batch at the instant of
//       one tick, and no tick is earlier than the one before.
//   K3. No reply leaves before all that it tells of is durable.
//   K4. A conflict sends back its component, no other command, ahead of newer ones. After
//       `attemptsMax` executions the client is told to come back.
//   K5. After a lost commit the log is asked for the events of each component. Found: answered as
//       decided. Not found proves nothing, and it is not decided again: the answer says "unknown".
//   K6. Every accepted request is answered once. A full queue accepts none.
//   K7. What a commit makes due runs before every command that is submitted after its replies.
//   K8. The store is asked for due streams at the instant when one falls due, and never before; where
//       other servers make streams due as well, also every `pollMs`.
//   K9. A sweep has a share of every batch: `sweepShareMax` at the most, less the more clients wait, and
//       never nothing. But it does not begin a batch of its own in the tick that has answered clients:
//       they may be about to come back.
//   K10. Who connects is offered what waits for it, out of the store (outbox.ts). What comes along with
//       an answer is read once its commit has landed (preload.ts).
//   K11. The other servers are told what falls due before they would look, and what found nobody here,
//       once that has landed (others.ts).
//   K12. A batch begins beside others that are under way if it is large, or if they take long.

import type { Worker } from "./address.ts";
import { admit, type Sources } from "./admission.ts";
import { assert, unreachable } from "./assert.ts";
import {
  Batch,
  type Entry,
  type Executed,
  type Group,
  landed,
  landing,
  type Outcome,
  type Reply,
} from "./batch.ts";
import { failed, type Request, type Response } from "./command.ts";
import { Drains } from "./drains.ts";
import { Driven } from "./driven.ts";
import { DueList } from "./due-list.ts";
import { Entries } from "./entries.ts";
import { type Flight, Flights } from "./flight.ts";
import { type DeadlineMs, earliest, type InstantMs, instantMs } from "./ids.ts";
import type { Limits } from "./limits.ts";
import { Mail } from "./mail.ts";
import { announceDue, type News, type Others, tellers } from "./others.ts";
import type { Aio, Completion, Cqe, Cron, StoreFailure, Submission, Trace } from "./ports.ts";
import { Preloads } from "./preload.ts";
import { Queue } from "./queue.ts";
import { isRead } from "./read.ts";
import { Reads } from "./reads.ts";
import { type Rules, usualRules } from "./rules.ts";
import type { StreamKey } from "./stream.ts";
import { UnderWay } from "./under-way.ts";

export type KernelOptions = {
  readonly aio: Aio;
  readonly limits: Limits;
  /** This server in this run: no other one, nor an earlier run of this one, has the same name. */
  readonly node: string;
  readonly trace: Trace;
  readonly rules?: Rules;
  readonly cron: Cron;
  /** The other servers on this store; absent: there are none. */
  readonly others?: Others;
  /** Whether messages leave while time stands still (pause.ts). */
  readonly deliversPaused?: boolean;
};

export class Kernel {
  /** For whoever drives time (K2). */
  readonly driven: Driven;
  readonly #aio: Aio;
  readonly #limits: Limits;
  readonly #entries: Entries;
  readonly #trace: Trace;
  readonly #given: { readonly rules: Rules; readonly cron: Cron };
  readonly #others: Others | null;
  /** These four fill a batch, in this order. `#again` holds what was admitted once already. */
  #again: readonly Entry[] = [];
  readonly #drains = new Drains();
  readonly #due: DueList;
  readonly #mail: Mail;
  readonly #commands: Queue<Entry>;
  readonly #reads: Reads;
  readonly #preloads: Preloads;
  readonly #flights: Flights;
  readonly #underWay: UnderWay;
  /** In this tick, to a client. */
  #hasReplied = false;
  #now = instantMs(0);
  readonly #sources: Sources = {
    drains: () => this.#entries.next(this.#drains, { kind: "drain" }),
    due: () => {
      const note = this.#entries.next(this.#mail, { kind: "sweep" });
      if (note !== undefined) return note;
      const mayComeBack = this.#hasReplied && this.#commands.size === 0; // K9
      return mayComeBack ? undefined : this.#entries.next(this.#due, { kind: "sweep" });
    },
    commands: () => this.#commands.shift(),
    waiting: () => this.#commands.size,
  };

  constructor(options: KernelOptions) {
    const { aio, limits, trace, rules = usualRules, cron } = options;
    const { others = null, deliversPaused = false } = options;
    this.#aio = aio;
    this.#limits = limits;
    this.#entries = new Entries(options.node);
    this.#trace = trace;
    this.#given = { rules, cron };
    this.#others = others;
    this.#due = new DueList({ ...limits, pollMs: others?.pollMs ?? null, cron });
    this.#flights = new Flights(aio);
    this.#underWay = new UnderWay(limits);
    this.#commands = new Queue(limits.queueMax);
    const enqueue = (submission: Submission, flight: Flight) => this.#enqueue(submission, flight);
    this.#mail = new Mail({ limits, enqueue, deliversPaused, ...tellers(others) }); // K11
    this.#reads = new Reads({ limits, trace, enqueue });
    this.#preloads = new Preloads({ limits, max: rules.preloadMax, enqueue });
    this.driven = new Driven({
      ...{ mail: this.#mail, due: this.#due, flights: this.#flights },
      startAnew: () => {
        this.#now = instantMs(0);
      },
    });
  }

  /**
   * @param reply called once, from a later tick
   * @returns whether the request was accepted; if not, `reply` is never called (K6)
   */
  submit(request: Request, reply: Reply): boolean {
    if (this.waiting >= this.#limits.queueMax) return false;
    if (isRead(request)) return this.#reads.push({ read: request, reply });
    return this.#commands.push(this.#entries.enter(request, { kind: "client", reply }));
  }

  /** A worker is there from now on; what had found nobody is offered again. */
  connected(worker: Worker): void {
    this.#mail.connected(worker);
  }

  /** Of another server: it may come late, twice, or not at all (K11). */
  told(news: News): void {
    if (news.kind === "due") this.#due.askBy(news.at);
    else this.#mail.told(news);
  }

  /** Requests that wait for the kernel. */
  get waiting(): number {
    return this.#commands.size + this.#reads.waiting;
  }

  /** Nothing waits or is under way; what is due later does not count. */
  get isIdle(): boolean {
    const open = this.#flights.awaitedCount + this.#underWay.count;
    return this.#pending + this.#reads.waiting + open === 0;
  }

  /** Commands that wait for a batch. */
  get #pending(): number {
    const own = this.#drains.size + this.#due.size + this.#mail.size + this.#again.length;
    return own + this.#commands.size;
  }

  /** When `tick` wants to be called even if nothing completes; null: not before something does. */
  get wakeAt(): DeadlineMs | null {
    const askAt = this.#mail.isPaused ? null : earliest(this.#due.askAt, this.#mail.askAt);
    return earliest(askAt, this.#underWay.at(this.#pending, this.#now, this.#hasReplied));
  }

  /** The oldest due date that is not met yet, as far as it is known; it may lie ahead. */
  get dueAt(): DeadlineMs | null {
    return this.#due.dueAt;
  }

  /** @param now the same or later at each call; the clock behind it sees to that */
  tick(now: InstantMs): void {
    assert(now >= this.#now, "time went back"); // K2
    this.#now = now;
    this.#hasReplied = false;
    for (const cqe of this.#aio.drain()) this.#complete(cqe);
    for (const { entry, claim } of this.#preloads.ask(now)) this.#answer(entry, claim);
    this.#sweep();
    this.#mail.ask(now); // K10
    while (this.#underWay.allows(this.#pending, now) && this.#admit());
    this.#reads.begin(now);
  }

  /** @returns whether a batch was begun */
  #admit(): boolean {
    const isBusy =
      this.#underWay.count === 0 ? null : (key: StreamKey) => this.#flights.isBusy(key);
    const { picked, again } = admit(this.#again, this.#sources, this.#limits, isBusy);
    this.#again = again;
    if (picked.length === 0) return false;
    const batch = new Batch(picked);
    const fresh = picked.filter(({ attempt }) => attempt === 1).map(({ command }) => command);
    if (fresh.length > 0) this.#trace({ kind: "taken", requests: fresh });
    this.#underWay.begin(this.#now);
    const load = { kind: "load", keys: batch.keys() } as const;
    const isQueued = this.#enqueue(load, { kind: "loading", batch });
    if (!isQueued) this.#abandon(batch, "store_overloaded");
    return isQueued;
  }

  /** K8. */
  #sweep(): void {
    if (this.#mail.isPaused || !this.#due.isWanted(this.#now)) return;
    const bounds = { limit: this.#limits.dueMax, weightMax: this.#limits.pageWeightMax };
    const isQueued = this.#enqueue({ kind: "due", now: this.#now, bounds }, { kind: "sweeping" });
    this.#due.ask(isQueued, this.#now);
  }

  #complete({ ticket, completion }: Cqe): void {
    const flight = this.#flights.end(ticket);
    switch (flight.kind) {
      case "loading":
        this.#loaded(ticket, flight.batch, completion);
        break;
      case "committing":
        this.#committed(flight, completion);
        break;
      case "looking":
        this.#looked(flight.outcome, completion);
        break;
      case "reading":
        this.#reads.complete(flight, completion);
        break;
      case "preloading":
        for (const { entry, claim } of this.#preloads.complete(flight, completion)) {
          this.#answer(entry, claim);
        }
        break;
      case "sending":
        this.#mail.sent(flight, completion);
        break;
      case "offering":
        this.#mail.answer(completion, this.#now);
        break;
      case "sweeping":
        this.#due.answer(completion, this.#now);
        break;
      default:
        unreachable(flight);
    }
  }

  #loaded(load: number, batch: Batch, completion: Completion): void {
    if (completion.kind === "failed") {
      this.#abandon(batch, completion.failure);
    } else {
      assert(completion.kind === "loaded", "a load is answered by something else");
      for (const each of completion.streams) if (each.kind === "unreadable") this.#trace(each);
      const at = { now: this.#now, ...this.#given }; // K2
      const outcome = batch.execute(completion.streams, at);
      const commit = this.#commit(batch, outcome);
      this.#trace({ kind: "executed", load, commit, now: this.#now, ...outcome });
      if (commit === null) this.#rolledBack(outcome, "store_overloaded");
    }
  }

  /** @returns the ticket; null if nothing is to be written, or the submission was refused */
  #commit(batch: Batch, outcome: Outcome): number | null {
    if (outcome.writing.length === 0) return null;
    const components = outcome.writing.map(({ changes }) => ({ changes }));
    const flight = { kind: "committing", batch, outcome } as const; // K3: the replies wait here
    return this.#flights.enqueue({ kind: "commit", components }, flight);
  }

  #committed({ batch, outcome }: Flight & { kind: "committing" }, completion: Completion): void {
    if (completion.kind === "failed") {
      if (completion.failure === "outcome_unknown") this.#look(batch, outcome);
      else this.#rolledBack(outcome, completion.failure);
    } else {
      assert(completion.kind === "committed", "a commit is answered by something else");
      this.#underWay.end();
      const conflicts = new Set(completion.conflicts);
      const moved = outcome.writing.filter((_, index) => conflicts.has(index));
      this.#again = [...moved.flatMap(({ executed }) => this.#retry(executed)), ...this.#again]; // K4
      this.#land(outcome.writing.filter((_, index) => !conflicts.has(index)));
      this.#release(outcome.reading);
    }
  }

  /** Known to be without effect: what rests on nothing else is as true as before. */
  #rolledBack({ writing, reading }: Outcome, failure: StoreFailure): void {
    this.#underWay.end();
    for (const { executed } of writing) {
      for (const { entry } of executed) this.#finish(entry, failed(failure));
    }
    this.#release(reading);
  }

  /** K5. Of timers alone the log does not tell, so nobody can. */
  #look(batch: Batch, outcome: Outcome): void {
    const ranges = outcome.writing.map(landing).filter((range) => range !== null);
    const flight = { kind: "looking", batch, outcome } as const;
    const isQueued = ranges.length > 0 && this.#enqueue({ kind: "log", ranges }, flight);
    if (!isQueued) this.#lost(outcome.writing, outcome.reading);
  }

  #looked({ writing, reading }: Outcome, completion: Completion): void {
    if (completion.kind === "failed") {
      this.#lost(writing, reading);
    } else {
      assert(completion.kind === "logged", "a look is answered by something else");
      const found = landed(writing, completion.pages);
      this.#land(found);
      const missing = writing.filter((group) => !found.includes(group));
      this.#lost(missing, reading);
    }
  }

  /** K5. Not found is not "not applied"; only who wrote nothing knows that nothing changed. */
  #lost(writing: readonly Group[], reading: readonly Executed[]): void {
    this.#underWay.end();
    this.#due.askLater(this.#now); // what landed after all may be due,
    for (const { changes } of writing) {
      for (const { write } of changes) this.#due.askBy(write?.dueAt ?? null); // or what will land yet
    }
    for (const { entry, wrote } of [...writing.flatMap(({ executed }) => executed), ...reading]) {
      this.#finish(entry, failed(wrote ? "outcome_unknown" : "store_failed"));
    }
  }

  #land(groups: readonly Group[]): void {
    for (const { changes, executed } of groups) {
      for (const { caused } of executed) this.#drains.push(caused); // K7
      this.#release(executed);
      for (const { entry, messages } of executed) {
        for (const message of messages) this.#mail.send(message, entry.command.kind);
      }
      this.#mail.landed(changes);
      for (const { key, write } of changes) {
        if (write === null || this.#drains.isOpen(key)) continue;
        this.#due.askBy(write.dueAt);
        announceDue(this.#others, write.dueAt, this.#now); // K11
      }
    }
  }

  #release(executed: readonly Executed[]): void {
    for (const { entry, response, notices } of executed) {
      for (const notice of notices) {
        this.#trace(notice);
        if (notice.kind === "schedule_stuck") this.#due.askLater(this.#now); // it is due as before
      }
      this.#finish(entry, response);
    }
  }

  #retry(executed: readonly Executed[]): readonly Entry[] {
    const entries = executed.map(({ entry }) => entry);
    this.#trace({ kind: "conflicted", commands: entries.map(({ command }) => command) });
    return entries.flatMap((entry) => {
      if (entry.attempt < this.#limits.attemptsMax)
        return [{ ...entry, attempt: entry.attempt + 1 }];
      this.#finish(entry, failed("store_overloaded"));
      return [];
    });
  }

  /** Ends a batch that has not executed. */
  #abandon(batch: Batch, failure: StoreFailure): void {
    assert(failure !== "outcome_unknown", "a load has no effect that could be unknown");
    this.#underWay.end();
    for (const entry of batch.entries) this.#finish(entry, failed(failure));
  }

  #finish(entry: Entry, response: Response | null): void {
    if (!this.#preloads.hold(entry, response)) this.#answer(entry, response);
  }

  #answer({ command, origin }: Entry, response: Response | null): void {
    this.#trace({ kind: "finished", request: command, response });
    if (origin.kind === "client") {
      assert(response !== null, "somebody waits for an answer and there is none");
      this.#hasReplied = true;
      origin.reply(response);
      return;
    }
    if (response !== null) this.#due.askLater(this.#now); // it failed: what it was for is still due
    if (origin.kind === "drain") this.#drains.finish(command);
    else this.#mail.finish(command, response === null);
  }

  #enqueue(submission: Submission, flight: Flight): boolean {
    return this.#flights.enqueue(submission, flight) !== null;
  }
}
