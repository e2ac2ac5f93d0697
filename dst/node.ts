// A node: one process at a time. It starts, ticks when something has come or is due, and ends, by its
// own will or not. The kernel in it is the one that serves.
//
//   N1. What a dead process had in memory is gone; the next one begins with an empty kernel.
//   N2. Replies leave after the tick that gave them, and never if the process is killed in it.
//   N3. A process that was told to stop takes nothing new, and ends once it is idle.

import type { Worker } from "../kernel/address.ts";
import type { Reply } from "../kernel/batch.ts";
import type { Request } from "../kernel/command.ts";
import { Kernel } from "../kernel/kernel.ts";
import type { Limits } from "../kernel/limits.ts";
import type { Announcement } from "../kernel/others.ts";
import type { TraceRecord } from "../kernel/ports.ts";
import { usualRules } from "../kernel/rules.ts";
import { SimulatedAio } from "./aio.ts";
import { announce } from "./announcements.ts";
import { type NodeClock, worldEpoch } from "./clock.ts";
import { Conduct } from "./conduct.ts";
import type { CrashPoint } from "./crash-points.ts";
import type { Actor } from "./event-queue.ts";
import { befall } from "./misfortune.ts";
import { isReading } from "./names.ts";
import { Crash } from "./verdict.ts";
import type { Ledger } from "./witness.ts";
import type { World } from "./world.ts";

export type ProcessOptions = {
  readonly world: World;
  readonly node: number;
  /** Counts the processes of this node. */
  readonly life: number;
  readonly limits: Limits;
  readonly clock: NodeClock;
};

/** A commit is durable and its replies have not left. */
const answering = new Set<CrashPoint>(["commit.durable", "commit.completed", "commit.consumed"]);

/** Beyond this no alarm is set: no world lasts so long. Ms. */
const alarmMax = 400 * 24 * 3600 * 1000;

export class Process {
  readonly name: string;
  readonly clock: NodeClock;
  readonly kernel: Kernel;
  readonly limits: Limits;
  readonly node: number;
  readonly ledger: Ledger;
  readonly aio: SimulatedAio;
  readonly conduct: Conduct;
  readonly #world: World;
  readonly #actor: Actor;
  #replies: (() => void)[] = [];
  #isAlive = true;
  #isPaused = false;
  #isStopping = false;
  #isPoked = false;
  #hasSlept = false;
  /** Questions for due streams so far. */
  #sweeps = 0;
  /** When its alarm clock rings next, world time; null: it is not set. */
  #alarmAt: number | null = null;

  constructor({ world, node, life, limits, clock }: ProcessOptions) {
    this.name = `n${node}.${life}`;
    this.node = node;
    this.limits = limits;
    this.clock = clock;
    this.#world = world;
    this.#actor = world.nodeActor(node);
    this.conduct = new Conduct(limits);
    this.ledger = world.witness.open();
    this.aio = new SimulatedAio({
      host: this,
      actor: this.#actor,
      queue: world.queue,
      disk: world.disk,
      fate: world.fate,
      witness: world.witness,
      ledger: this.ledger,
      isShared: world.pollMs !== null,
      onStep: (step, flight, completion) => world.traceStep(this, step, flight, completion),
      onDelivery: (message) => world.delivered(message),
      onLanding: (flight, landing) => world.landed(this, flight, landing),
    });
    const trace = (record: TraceRecord) => this.#traced(record);
    const { pollMs } = world;
    const tell = (announcement: Announcement) => announce(world, this, announcement);
    const shared = pollMs === null ? {} : { others: { pollMs, announce: tell } };
    const rules = { ...usualRules, ...world.plan.rules };
    const { aio } = this;
    const outside = { aio, trace, cron: world.cron };
    this.kernel = new Kernel({ ...outside, limits, rules, node: this.name, ...shared });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isListening(): boolean {
    return this.#isAlive && !this.#isStopping;
  }

  /** It may hold what has moved on since. */
  get hasSlept(): boolean {
    return this.#hasSlept;
  }

  /** @returns false if its queue is full */
  submit(request: Request, reply: Reply): boolean {
    const isAccepted = this.#guarded(() => {
      return this.kernel.submit(request, (response) => this.#replies.push(() => reply(response)));
    });
    if (isAccepted) this.poke();
    return isAccepted;
  }

  /** Something has come: a tick follows. */
  poke(): void {
    if (this.#isPoked || !this.#isAlive) return;
    this.#isPoked = true;
    const delay = this.#world.fate.delay("tick", this.#world.moment(this.node));
    this.#world.queue.schedule(this.#actor, delay, () => this.#wake());
  }

  crash(point: CrashPoint, key: string): boolean {
    if (!this.#isAlive) return true;
    const world = this.#world;
    world.sightings.reach(point);
    if (point === "due.submitted") this.#sweeps += 1;
    if (!world.fate.strikes("crash", `${point} ${key}`, "crash")) return false;
    world.count(`crash ${point}`);
    if (point.startsWith("due.") && this.#sweeps < 2) world.see("a crash during the first sweep");
    if (answering.has(point)) world.see("a crash between commit and answer");
    world.kill(this, point);
    return true;
  }

  /** A worker opens its stream. */
  connect(worker: Worker): void {
    this.#world.log(this, "connect", this.name, () => `the worker ${worker.group}/${worker.id}`);
    this.#guarded(() => this.kernel.connected(worker));
    this.poke();
  }

  /** By another node. */
  told(announcement: Announcement): void {
    this.#guarded(() => this.kernel.told(announcement));
    this.poke();
  }

  doom(): void {
    const world = this.#world;
    const delay = 1 + world.fate.amount("doom", this.node, 60_000);
    world.queue.schedule(this.#actor, delay, () => {
      if (this.#isAlive) world.kill(this, "hang");
    });
  }

  /** N1. */
  end(): void {
    this.#isAlive = false;
    this.#replies = [];
    this.aio.close();
  }

  pause(): void {
    this.#isPaused = true;
    this.#hasSlept = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#isPoked) this.#wake();
    else this.poke();
  }

  stop(): void {
    this.#isStopping = true;
    this.poke();
  }

  #wake(): void {
    if (this.#isPaused || !this.#isAlive) return;
    this.#isPoked = false;
    if (befall(this.#world, this)) return;
    this.#tick();
  }

  #tick(): void {
    const world = this.#world;
    const now = this.clock.read(world.queue.now);
    if (this.clock.isBehind(world.queue.now) && this.#isOverdue()) {
      world.see("the clock went back and a due stream waited");
    }
    this.#guarded(() => this.kernel.tick(now));
    this.conduct.watch(this.kernel.waiting, this.aio.inFlight - this.aio.sends);
    if (!this.aio.flush() || !this.#isAlive) return; // N2
    const replies = this.#replies;
    this.#replies = [];
    for (const reply of replies) reply();
    if (this.#isStopping && this.#isDone()) return;
    this.#setAlarm();
  }

  /** By the true time, and not by its clock. */
  #isOverdue(): boolean {
    const { dueAt } = this.kernel;
    const now = BigInt(worldEpoch + this.#world.queue.now);
    return dueAt !== null && dueAt <= now && dueAt > this.clock.read(this.#world.queue.now);
  }

  /** N3. */
  #isDone(): boolean {
    if (this.crash("stop", this.name)) return true;
    if (!this.kernel.isIdle || this.aio.inFlight > 0) return false;
    this.#world.stopped(this);
    return true;
  }

  #setAlarm(): void {
    const { wakeAt } = this.kernel;
    const { queue } = this.#world;
    if (wakeAt === null) return;
    const ahead = wakeAt - BigInt(this.clock.read(queue.now));
    if (ahead > alarmMax) return;
    const at = queue.now + Math.max(1, Number(ahead));
    if (this.#alarmAt !== null && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    queue.scheduleIdle(this.#actor, at - queue.now, () => {
      if (this.#alarmAt !== at) return; // another one was set before it
      this.#alarmAt = null;
      if (this.#isAlive) this.#ring();
    });
  }

  #ring(): void {
    this.#isPoked = true;
    this.#wake();
  }

  #traced(record: TraceRecord): void {
    const { witness } = this.#world;
    switch (record.kind) {
      case "taken":
        for (const request of record.requests) {
          if (isReading(request)) this.aio.take(request);
        }
        break;
      case "executed":
        witness.executed(this.ledger, record);
        this.#world.executed(this, record);
        break;
      case "finished":
      case "conflicted":
      case "unreadable":
      case "occurrence_skipped":
      case "schedule_stuck":
      case "listener_given_up":
        this.#world.told(this, record);
        break;
    }
  }

  /** What the kernel throws is a bug of the kernel, unless an oracle has spoken. */
  #guarded<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw this.#world.isVerdict(error) ? error : new Crash("kernel", error);
    }
  }
}
