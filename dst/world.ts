// One world: nodes over one store, clients, and all that befalls them, as one queue of events. It does
// what the plan says and what the chooser chooses, and nothing else, so the same plan and choices give
// the same run, to the bit.

import { failed, type Response } from "../kernel/command.ts";
import { type Limits, limits } from "../kernel/limits.ts";
import type { Message } from "../kernel/message.ts";
import type { Completion, Cron, TraceRecord } from "../kernel/ports.ts";
import { type Probe, type ProbeSite, probeSites } from "../store/probe.ts";
import type { Store } from "../store/store.ts";
import type { Flight, Step } from "./aio.ts";
import { storeActor } from "./aio.ts";
import type { Chooser } from "./choice.ts";
import { Client } from "./client.ts";
import { drawClock } from "./clocks.ts";
import { digestText } from "./digest.ts";
import { Disk } from "./disk.ts";
import { type Actor, EventQueue } from "./event-queue.ts";
import { Fate, type Key } from "./fate.ts";
import type { FaultName } from "./faults.ts";
import { connectAll, HonestWorkers } from "./honest.ts";
import { idsIn, isReading } from "./names.ts";
import { Process } from "./node.ts";
import { laneOf, type Operation, type Own } from "./operation.ts";
import type { Plan } from "./plan.ts";
import type { Codec } from "./run.ts";
import { showBatch, showRequest } from "./show.ts";
import { Sightings } from "./sightings.ts";
import type { Sometimes } from "./sometimes.ts";
import type { TraceRecord as Line } from "./trace.ts";
import { type Entry, idsOfSubmission, Tracer } from "./tracer.ts";
import { Crash, Violation } from "./verdict.ts";
import { Witness } from "./witness.ts";

export type WorldOptions = {
  readonly plan: Plan;
  readonly openStore: (probe: Probe) => Store;
  readonly chooser: Chooser;
  readonly onRecord: ((record: Line) => void) | null;
  readonly codec: Codec;
  readonly cron: Cron;
};

type Begin = Pick<Operation, "key" | "attempt" | "client" | "request">;

/** How long a node is down, asleep or frozen, ms. Arbitrary: up to several leases of a claim. */
const downMs = 20_000;

/** Between looks at what other servers have made due, ms. Arbitrary: less than the world rests. */
const pollMs = 60_000;

export class World {
  readonly plan: Plan;
  readonly store: Store;
  readonly queue: EventQueue;
  readonly fate: Fate;
  readonly codec: Codec;
  readonly cron: Cron;
  readonly disk: Disk;
  readonly witness: Witness;
  readonly tracer: Tracer;
  readonly sightings: Sightings;
  /** Null: one server has the store to itself, as on SQLite. */
  readonly pollMs: number | null;
  readonly operations: Operation[] = [];
  /** Of each task, the last version that any client has been told. */
  readonly taskVersions = new Map<string, number>();
  /** What the server did by itself; kept only if the plan wants another order searched for. */
  readonly history: Own[] = [];
  readonly honest = new HonestWorkers(this);
  /** Accepted and not answered, by process. */
  readonly open = new Map<Process, Set<Operation>>();
  readonly #processes: (Process | null)[];
  readonly #lives: number[];
  /** Stays dead after the faults; null: none does. */
  #spared: number | null = null;
  readonly #openSites: ReadonlySet<ProbeSite>;
  faultCount = 0;

  constructor({ plan, openStore, chooser, onRecord, codec, cron }: WorldOptions) {
    this.codec = codec;
    this.cron = cron;
    this.plan = plan;
    this.tracer = new Tracer(onRecord);
    this.queue = new EventQueue(plan.policy, chooser);
    this.fate = new Fate({
      ...{ chooser, faults: plan.faults, delayMax: plan.delayMax },
      onFault: (fault, key) => this.#struck(fault, key),
    });
    const store = openStore((site) => this.#probe(site));
    this.store = store;
    this.disk = new Disk(store);
    this.witness = new Witness({
      ...{ store, pageWeightMax: plan.limits.pageWeightMax, rules: plan.rules },
      onOwn: (own) => {
        this.sightings.own(own);
        if (plan.isSearched) this.history.push(own);
      },
    });
    this.sightings = new Sightings(this.witness.past);
    const { fail_landing_later: landingLater, quick_restart: quickRestart } = plan.faults;
    this.pollMs = plan.nodes > 1 || landingLater > 0 || quickRestart > 0 ? pollMs : null;
    this.#processes = Array.from({ length: plan.nodes }, () => null);
    this.#lives = this.#processes.map(() => 0);
    const isProbed = (site: ProbeSite) => chooser.choose("probe", "open", site, 4) === 3;
    this.#openSites = new Set(plan.faults.probe > 0 ? probeSites.filter(isProbed) : []);
  }

  nodeActor(node: number): Actor {
    return storeActor + 1 + node;
  }

  clientActor(client: number): Actor {
    return this.nodeActor(this.plan.nodes) + client;
  }

  get processes(): readonly Process[] {
    return this.#processes.filter((server) => server !== null);
  }

  /**
   * Names what befalls a node now. By the time and not by a count, so that it stays where it is when
   * requests are taken away (choice.ts, H2).
   */
  moment(node: number): string {
    return `n${node}@${this.queue.now}`;
  }

  count(name: string): void {
    this.sightings.count(name);
  }

  see(name: Sometimes): void {
    this.sightings.see(name);
  }

  /** Whether an oracle has thrown this. */
  isVerdict(error: unknown): boolean {
    return error instanceof Violation || error instanceof Crash;
  }

  start(): void {
    for (const node of this.#processes.keys()) this.#start(node);
    for (let index = 0; index < this.plan.clients; index++) {
      const intents = this.plan.intents.filter(({ client }) => client === index);
      new Client(this, index, intents).proceed();
    }
  }

  begin(begin: Begin): Operation {
    const operation: Operation = {
      ...begin,
      number: this.operations.length,
      calledAt: this.witness.next(),
      ...{ ending: null, answeredAt: null, onEnd: null, expected: null, hasLanded: false },
    };
    this.operations.push(operation);
    this.witness.operations.set(begin.request, operation);
    this.#trace("call", operation, { text: () => showRequest(begin.request) });
    return operation;
  }

  /** The request arrives at a node. */
  deliver(operation: Operation, node: number): void {
    const server = this.#processes[node] ?? null;
    if (server === null) {
      operation.ending ??= { kind: "turned_away" }; // no connection
      this.#tell(operation, null);
    } else if (
      !server.isListening ||
      !server.submit(operation.request, this.#reply(server, operation))
    ) {
      operation.ending ??= { kind: "turned_away" };
      if (server.isListening) this.see("a request is turned away because the queue is full");
      this.#tell(operation, failed("queue_full"));
    } else {
      this.count(`request ${operation.request.kind}`);
      server.conduct.accepted(operation);
      this.open.get(server)?.add(operation);
    }
  }

  /** The client turns to something else. */
  end(operation: Operation, response: Response | null): void {
    operation.onEnd = null;
    operation.ending ??= { kind: "pending" };
    if (response === null) this.#trace("give_up", operation, {});
  }

  executed(server: Process, batch: TraceRecord & { readonly kind: "executed" }): void {
    server.conduct.executed(batch);
    this.sightings.batch(server, batch);
    this.log(
      server,
      "executed",
      `batch ${batch.load}`,
      () => showBatch(batch),
      batch.reading.length,
    );
  }

  told(server: Process, record: TraceRecord): void {
    this.count(`kernel ${record.kind}`);
    if (record.kind === "conflicted") this.sightings.conflicted(record.commands);
    if (record.kind !== "finished") return;
    const { request, response } = record;
    this.sightings.finished(request, response);
    if (isReading(request)) return;
    server.conduct.finished(request, response);
  }

  /**
   * A commit is durable, but for some of its components.
   *
   * @param refused the one that the fault "false_conflict" has kept back; null: none
   */
  landed(
    server: Process,
    flight: Flight,
    { conflicts, refused }: { conflicts: readonly number[]; refused: number | null },
  ): void {
    this.witness.land(server.ledger, flight, conflicts);
    this.sightings.landed(
      server,
      conflicts.filter((index) => index !== refused),
    );
    const { submission } = flight;
    const isPart = submission.kind === "commit" && conflicts.length < submission.components.length;
    if (flight.isAnswered && isPart) this.see("an ambiguous commit lands late");
  }

  traceStep(server: Process, step: Step, flight: Flight, completion?: Completion): void {
    const { submission, ticket } = flight;
    const entry = {
      ...{ at: this.queue.now, actor: `node ${server.node}`, kind: step },
      ...{
        entity: `${server.name} ${submission.kind} ${ticket}`,
        ids: idsOfSubmission(submission),
      },
    };
    if (completion === undefined) this.tracer.submission(entry, submission);
    else this.tracer.completion(entry, completion);
    if (step === "submission") server.conduct.launched(ticket, submission);
    if (step === "completion") server.conduct.completed(ticket);
    if (step === "effect" && completion !== undefined) {
      this.sightings.effect(server, flight, completion);
    }
  }

  /** Nobody takes what is offered before the faults have stopped, but the clients. */
  delivered(message: Message): void {
    this.sightings.delivered(message);
    if (message.kind === "execute" && this.fate.isHealed) this.honest.offer(message);
  }

  kill(server: Process, how: string): void {
    this.log(server, "crash", server.name, () => how);
    if (this.disk.writtenCount > 0)
      this.see("a process is killed while a commit is written and not durable");
    if (server.ledger.owed.size > 0) this.see("a crash between commit and send");
    this.#gone(server);
  }

  stopped(server: Process): void {
    this.log(server, "stop", server.name, () => "has finished what it accepted");
    const [lost] = this.open.get(server) ?? [];
    if (lost !== undefined) {
      const detail = { ids: idsIn(lost.request), intent: lost.key };
      throw new Violation("V", "stop", "a process stops with a request unanswered", detail);
    }
    this.see("a process stops gracefully");
    this.#gone(server);
  }

  /** Faults stop: nodes come up, clocks run evenly. One dead node may stay dead. */
  heal(): void {
    this.fate.heal();
    this.tracer.record({ at: this.queue.now, actor: "faults", kind: "heal", entity: "world" });
    const dead = this.#processes.indexOf(null);
    const maySpare = this.processes.length > 0 && this.plan.seed.endsWith("1"); // arbitrary: a sixteenth
    this.#spared = maySpare && dead >= 0 ? dead : null;
    for (const [node, server] of this.#processes.entries()) {
      server?.clock.heal(this.queue.now);
      if (server?.isPaused) server.resume();
      else if (server === null) this.#start(node);
      else server?.poke();
      if (server !== null) connectAll(server);
    }
  }

  /** A quarter of the sites is open in a run (simulation.md §3). The oracles look undisturbed. */
  #probe(site: ProbeSite): boolean {
    if (!this.disk.isAsked || !this.#openSites.has(site)) return false;
    this.count(`probe ${site} passed`);
    const isFired = this.fate.strikes("probe", site, "probe");
    if (isFired) this.count(`probe ${site}`);
    return isFired;
  }

  #start(node: number): void {
    if (this.#processes[node] !== null || this.#spared === node) return;
    if (this.pollMs === null && this.disk.writtenCount > 0) {
      // The file is locked until the last process's transaction has ended.
      this.queue.schedule(this.nodeActor(node), 1, () => this.#start(node));
      return;
    }
    const life = (this.#lives[node] ?? 0) + 1;
    this.#lives[node] = life;
    const clock = drawClock(this.fate, node, this.queue.now);
    const server = new Process({ world: this, node, life, limits: this.#limits(node), clock });
    this.#processes[node] = server;
    this.open.set(server, new Set());
    this.log(
      server,
      "start",
      server.name,
      () => `the clock shows ${server.clock.read(this.queue.now)}`,
    );
    if (server.crash("boot", server.name)) return;
    server.poke();
    if (this.fate.isHealed) connectAll(server);
  }

  #limits(node: number): Limits {
    const { plan, fate } = this;
    if (!fate.strikes("other_limits", node)) return plan.limits;
    if ((this.#lives[node] ?? 0) > 1) this.see("a restart with other limits");
    const batchMax = 1 + fate.amount("batch limit", node, 4);
    return limits({ ...plan.limits, batchMax, dueMax: 1, batchesMax: 1 });
  }

  #gone(server: Process): void {
    const { node } = server;
    const { fate, queue } = this;
    server.end();
    this.#processes[node] = null;
    for (const operation of this.open.get(server) ?? []) this.#tell(operation, null); // cut
    this.open.delete(server);
    const isQuick = fate.isHealed || fate.strikes("quick_restart", node);
    const pause = isQuick ? 0 : 1 + fate.amount("down", node, downMs);
    queue.schedule(this.nodeActor(node), pause, () => this.#start(node));
  }

  #reply(server: Process, operation: Operation): (response: Response) => void {
    return (response) => {
      this.open.get(server)?.delete(operation);
      this.witness.answered(operation, response);
      this.#answered(server, operation, response);
      if (this.fate.strikes("response_lost", operation.key, "network")) return;
      this.#tell(operation, response);
    };
  }

  #tell(operation: Operation, response: Response | null): void {
    const delay = this.fate.delay("response", operation.key);
    const actor = this.clientActor(operation.client ?? 0);
    this.queue.schedule(actor, delay, () => operation.onEnd?.(response));
  }

  #answered(server: Process, operation: Operation, response: Response): void {
    this.sightings.answer(server, operation, response);
    const entry = { at: this.queue.now, actor: laneOf(operation), kind: "answer" } as const;
    const ids = idsIn(operation.request);
    this.tracer.response({ ...entry, entity: `op ${operation.number}`, ids }, response);
  }

  #trace(kind: "call" | "give_up", operation: Operation, more: Partial<Entry>): void {
    const entry = { at: this.queue.now, actor: laneOf(operation), kind };
    const ids = idsIn(operation.request);
    const digest = digestText(`${operation.request.kind} ${ids.join(" ")}`);
    this.tracer.record({ ...entry, entity: `op ${operation.number}`, ids, digest, ...more });
  }

  log(server: Process, kind: Entry["kind"], entity: string, text: () => string, digest = 0): void {
    this.tracer.record({
      at: this.queue.now,
      actor: `node ${server.node}`,
      kind,
      entity,
      text,
      digest,
    });
  }

  #struck(fault: FaultName, key: Key): void {
    this.faultCount += 1;
    if (fault === "fail_after") this.see("an ambiguous commit has landed");
    if (fault === "fail_never_landing") this.see("an ambiguous commit never lands");
    this.count(`fault ${fault}`);
    const entry = { at: this.queue.now, actor: "faults", kind: "fault" } as const;
    const digest = digestText(`${key}`);
    this.tracer.record({ ...entry, entity: fault, digest, text: () => `${key}` });
  }
}
