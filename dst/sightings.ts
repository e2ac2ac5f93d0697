// What a run has come upon: counted by name, and seen or not. For the floors and the list of what must
// be seen (sometimes.ts): they turn red when the generator no longer makes what the oracles are for.

import type { Command, Request, Response } from "../kernel/command.ts";
import { int64Max } from "../kernel/ids.ts";
import type { Message } from "../kernel/message.ts";
import type { Completion } from "../kernel/ports.ts";
import type { FireSchedule } from "../kernel/schedule.ts";
import type { Flight } from "./aio.ts";
import type { CrashPoint } from "./crash-points.ts";
import { scheduleName } from "./model/record.ts";
import { nameOf as streamName } from "./names.ts";
import type { Process } from "./node.ts";
import type { Operation, Own } from "./operation.ts";
import type { Past } from "./past.ts";
import type { Sometimes } from "./sometimes.ts";
import type { Batch } from "./witness.ts";

/** Where a command stood, and when. */
type At = { readonly at: number; readonly now: number };

/** What only the holder of a task can do. */
const heldBy = new Set<Request["kind"]>([
  "fulfill_task",
  "suspend_task",
  "fence_task",
  "release_task",
]);

export class Sightings {
  readonly #counters = new Map<string, number>();
  readonly #reached = new Map<CrashPoint, number>();
  readonly seen = new Set<Sometimes>();
  readonly #past: Past;
  #conflicted = new Set<Command>();
  /** Who lent a task last. */
  readonly #lenders = new Map<string, Process>();
  /** Who swept a stream last. */
  readonly #sweepers = new Map<string, Process>();
  /** When a lease has expired at its very end, by task. */
  readonly #lapsed = new Map<string, number>();
  /** Another server has made the conflict that the kernel will tell of. */
  #isReal = false;

  constructor(past: Past) {
    this.#past = past;
  }

  count(name: string): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1);
  }

  /** A process passes a crash point. */
  reach(point: CrashPoint): void {
    this.#reached.set(point, (this.#reached.get(point) ?? 0) + 1);
  }

  get counters(): ReadonlyMap<string, number> {
    const reached = [...this.#reached].map(
      ([point, count]) => [`reached ${point}`, count] as const,
    );
    return new Map([...this.#counters, ...reached]);
  }

  see(name: Sometimes): void {
    this.seen.add(name);
  }

  answer(server: Process, operation: Operation, response: Response): void {
    const { request, expected, attempt } = operation;
    this.count(`answer ${request.kind} ${nameOf(response)}`);
    if (attempt > 1 && response.kind !== "failed") this.see("a retry succeeds");
    if (response.kind === "promises" && request.kind === "search_promises") {
      this.#page(response, request.limit);
    }
    this.#task(request, response);
    if ("next" in response && response.next !== null) {
      this.see("a page of a search by id is followed by another");
    }
    if (response.kind === "claim") this.#lent(server, response.id);
    if (expected?.kind !== "answer") return;
    this.#clock(request, response, expected);
    if (request.kind === "settle_promise") this.#settled(request.id, expected.now, response);
    if (response.kind !== "promise") return;
    const { id, promise, changed } = response;
    if (promise.timeoutAt === int64Max) this.see("the largest deadline comes back");
    if (/[\ud800-\udbff]/.test(id)) this.see("an astral id comes back");
    const isBorn = request.kind === "create_promise" && changed && promise.kind === "settled";
    if (isBorn) this.see("a promise is born settled");
  }

  /** What the server did by itself has changed something. */
  own({ command, now, at }: Own): void {
    if (command.kind === "offer_missed" || command.kind === "tell_missed") {
      this.see("a worker connects to what had found nobody");
    } else if (command.kind === "expire_lease") {
      const isLapsed = this.#past.now(command.id).task?.state === "pending";
      if (isLapsed) this.see("a lease expires");
      const leaseEndsAt = this.#past.at(command.id, at - 1).clock.at;
      if (leaseEndsAt === BigInt(now)) this.#lapsed.set(command.id, now);
    } else if (command.kind === "fire_schedule") {
      this.#fired(command, at);
    } else if (command.kind === "drain_callback") {
      const before = this.#past.at(command.awaiter, at - 1).task?.state;
      const after = this.#past.now(command.awaiter).task?.state;
      const isWoken = before === "suspended" && after === "pending";
      if (isWoken) this.see("a suspended task is woken by a drain");
      if (before === "acquired") this.see("a drain finds its awaiter acquired");
      if (before === "halted") this.see("a drain finds its awaiter halted");
    } else if (command.kind === "note_told" && command.delivery.kind === "failed") {
      const isListening = this.#past.now(command.awaited).listeners.includes(command.address);
      if (!isListening) this.see("a listener is given up");
    } else if (command.kind === "note_told" && command.delivery.kind === "delivered") {
      this.see("a listener is told");
      const telling = this.#past.at(command.awaited, at - 1).tellings.get(command.address);
      if ((telling?.failures ?? 0) > 0) this.see("a listener is told again after a failure");
    }
  }

  batch({ limits, kernel, aio }: Process, { writing, reading }: Batch): void {
    const size = writing.reduce((sum, { executed }) => sum + executed.length, reading.length);
    if (size === limits.batchMax && size > 1) this.see("a batch of exactly the maximum");
    if (size === 1 && kernel.waiting > 0) this.see("a batch of one while others wait");
    if (aio.batches > 1) this.see("two batches are under way");
    for (const { executed } of writing) {
      if (executed.length > 1) this.see("a component of several commands");
      this.#order(executed.map(({ entry }) => entry.command));
      this.#caughtUp(executed.map(({ entry }) => entry.command));
    }
    for (const { entry } of reading) this.#tooLate(entry.command);
  }

  conflicted(commands: readonly Command[]): void {
    this.#conflicted = new Set(commands);
    if (this.#isReal && commands.length > 1) this.see("a conflict with transitive commands");
    this.#isReal = false;
  }

  finished(command: object, response: Response | null): void {
    const isOverloaded = response?.kind === "failed" && response.failure === "store_overloaded";
    const isBound = isOverloaded && this.#conflicted.delete(command as Command); // of that type, if it is there
    if (isBound) this.see("the bound of attempts is reached");
  }

  /** @param conflicts of the commit that has landed, those that were made up left out */
  landed(server: Process, conflicts: readonly number[]): void {
    if (conflicts.length === 0) return;
    this.#isReal = true;
    this.see("a conflict that another server has made");
    const isZombie = !server.isAlive || server.hasSlept;
    if (isZombie) this.see("a commit of a server that has died or slept is refused");
  }

  /** A message has reached its receiver. */
  delivered(message: Message): void {
    this.count(`message ${message.kind}`);
    const { task } = this.#past.now(message.id);
    const isOver = message.kind === "execute" && task?.state === "fulfilled";
    if (isOver) this.see("an offer arrives after its task has ended");
  }

  effect(server: Process, { submission, read }: Flight, completion: Completion): void {
    if (completion.kind === "due" && submission.kind === "due") {
      const { streams, nextAt } = completion.due;
      const isCut = nextAt !== null && nextAt <= submission.now && streams.length > 0;
      if (isCut) this.see("a sweep is longer than its limit");
      for (const { key } of streams) {
        const last = this.#sweepers.get(streamName(key));
        if (last !== undefined && last !== server) {
          this.see("two processes sweep one stream");
          if (key.kind === "schedule") this.see("two processes sweep one schedule");
        }
        this.#sweepers.set(streamName(key), server);
      }
    }
    if (completion.kind !== "logged" || read !== null) return;
    const isOwn = completion.pages.some(({ events }) => {
      return events[0]?.command.startsWith(`${server.name}-`);
    });
    if (isOwn) this.see("a server finds its own event after an unknown commit");
  }

  #fired({ promiseId }: FireSchedule, at: number): void {
    this.see("a schedule is fired");
    if (promiseId === null) {
      this.see("an occurrence is skipped");
      return;
    }
    const [before, after] = [this.#past.at(promiseId, at - 1), this.#past.now(promiseId)];
    if (before.promise !== null) this.see("a firing finds its promise there");
    else if (after.promise?.state !== "pending") this.see("a promise is fired when it is over");
  }

  #caughtUp(commands: readonly Command[]): void {
    const firings = commands.filter(({ kind }) => kind === "fire_schedule").length;
    if (firings >= 3) this.see("a schedule catches up on three firings");
  }

  #tooLate(command: Command): void {
    const isFiring = command.kind === "fire_schedule";
    const isGone = isFiring && this.#past.now(scheduleName(command.id)).schedule === null;
    if (isGone) this.see("a schedule is deleted while its firing is under way");
  }

  #task(request: Request, response: Response): void {
    if (response.kind === "claim" && response.task.kind === "acquired") {
      this.see("a task is acquired");
    }
    if ("preload" in response && response.preload.length > 0) {
      this.see("a task comes with promises of its branch");
    }
    if (response.kind === "not_suspended") this.see("a suspension finds something settled");
    const isStale = response.kind === "refused" && response.refusal === "task_not_held";
    if (request.kind === "fence_task" && isStale) this.see("a fence is refused as stale");
    if (request.kind !== "release_task" || response.kind !== "done") return;
    if (this.#past.now(request.id).clock.releases > 3) this.see("a release is backed off");
  }

  #lent(server: Process, id: string): void {
    const last = this.#lenders.get(id);
    if (last !== undefined && last !== server) this.see("two processes lend one task");
    this.#lenders.set(id, server);
  }

  /** How an answer stands to the clock that the task had before. */
  #clock(request: Request, response: Response, { at, now }: At): void {
    if (!("id" in request) || response.kind === "refused" || response.kind === "failed") return;
    const before = this.#past.at(request.id, at - 1);
    const { clock, task } = this.#past.now(request.id);
    const left = before.clock.at === null ? null : before.clock.at - BigInt(now);
    const isHeld = before.task?.state === "acquired";
    const { kind, id } = request;
    if (kind === "create_promise") {
      const isDelayed = this.#past.now(id).promise?.tags.has("resonate:delay") === true;
      if (isDelayed && clock.at !== null) this.see("a task waits for its delay");
    } else if (kind === "acquire_task") {
      const isAtOnce = this.#lapsed.get(id) === now;
      if (isAtOnce) this.see("a task is taken in the millisecond in which its lease has ended");
    } else if (kind === "heartbeat_task") {
      const { version } = request;
      const isPast =
        task !== null && task.version >= version && !(isHeld && task.version === version);
      if (isPast) this.see("a heartbeat comes too late");
      if (isHeld && before.clock.at !== clock.at) this.see("a heartbeat prolongs a lease");
    } else if (isHeld && left === 1n && heldBy.has(kind)) {
      this.see("a holder is heard in the last millisecond of its lease");
    }
  }

  #settled(id: string, now: number, response: Response): void {
    const timeoutAt = this.#past.now(id).promise?.timeoutAt;
    if (timeoutAt === undefined) return;
    if (response.kind === "refused" && timeoutAt === BigInt(now)) {
      this.see("a settlement meets the deadline at one millisecond");
    }
    const isJust = response.kind === "promise" && response.changed;
    if (isJust && timeoutAt === BigInt(now) + 1n) {
      this.see("a settlement one millisecond before the deadline succeeds");
    }
  }

  #page({ page }: Response & { readonly kind: "promises" }, limit: number): void {
    const last = page.promises.at(-1);
    if (page.before === null) {
      if (page.promises.length === limit) this.see("a full last page has no cursor");
      return;
    }
    const [next] = this.#past.newestFirst(page.before);
    if (next?.[1].createdAt === last?.promise.createdAt) {
      this.see("a page of a search ends inside one millisecond");
    }
  }

  #order(commands: readonly Command[]): void {
    const drained = new Map<string, number>();
    for (const [index, command] of commands.entries()) {
      if (command.kind === "drain_callback") {
        drained.set(command.awaited, (drained.get(command.awaited) ?? 0) + 1);
      }
      if (command.kind !== "register_callback") continue;
      const settles = (other: Command) => {
        return other.kind === "settle_promise" && other.id === command.awaited;
      };
      if (commands.slice(index).some(settles)) {
        this.see("a callback is registered in the batch of the settlement, before it");
      }
      if (commands.slice(0, index).some(settles)) {
        this.see("a callback is registered in the batch of the settlement, after it");
      }
    }
    for (const [id, count] of drained) {
      const isPart = this.#past.now(id).callbacks.length > count;
      if (isPart) this.see("the drains of one settlement take two commits");
    }
  }
}

function nameOf(response: Response): string {
  switch (response.kind) {
    case "promise":
      return response.changed ? "changed" : "unchanged";
    case "promises":
      return response.page.before === null ? "last page" : "page";
    case "events":
      return response.page.next === null ? "last page" : "page";
    case "refused":
      return response.refusal;
    case "failed":
      return response.failure;
    case "task":
      return response.task.kind;
    case "claim":
      return `claim ${response.task.kind}`;
    case "fenced":
      return `fenced ${nameOf(response.inner)}`;
    case "done":
    case "not_suspended":
    case "schedule":
      return response.kind;
    case "promise_list":
    case "task_list":
    case "schedule_list":
      return response.next === null ? "last page" : "page";
  }
}
