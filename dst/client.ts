// A client: does what it means to do, one thing after the other, over a network that delays, loses and
// repeats. What it does not hear of, it does not know.
//
//   Q1. An operation ends once: answered, turned away, or unknown.
//   Q2. A request that is delivered twice is executed twice; nobody waits for the second answer.

import type { CreatePromise, Request, Response, SettlePromise } from "../kernel/command.ts";
import { deadlineMs, durationMs, promiseId, scheduleId, taskVersion } from "../kernel/ids.ts";
import { promiseKey } from "../kernel/stream.ts";
import type { Value } from "../kernel/value.ts";
import { worldEpoch } from "./clock.ts";
import type { Actor } from "./event-queue.ts";
import type { Operation } from "./operation.ts";
import type {
  Action,
  CreateAction,
  Deadline,
  Intent,
  ListAction,
  PlainValue,
  SettleAction,
} from "./plan.ts";
import type { World } from "./world.ts";

/** How long a client waits for an answer, ms. Arbitrary: a short run has some ninety seconds. */
const patienceMs = 5_000;
/** Of one that gives up early. */
const impatienceMs = 200;
const attemptsMax = 3;
const delayedMs = 5_000;
/** One request in so many is written and read as over HTTP. Arbitrary: decoding costs as much as the rest. */
const codecShare = 4;

/** Variant 0 carries the key of the intent, every other one a key of its own. */
type Attempt = { readonly number: number; readonly variant: number };

export class Client {
  readonly index: number;
  readonly #world: World;
  readonly #actor: Actor;
  readonly #intents: readonly Intent[];
  #next = 0;
  /** What it waits for, and for how long, world time. */
  #waiting: { readonly operation: Operation; readonly until: number } | null = null;
  #alarmAt: number | null = null;
  /** Where the last search ended, and the last reading of each log. */
  #before: number | null = null;
  readonly #after = new Map<string | null, number>();
  /** Where the last search by id ended, by its kind. */
  readonly #behind = new Map<string, string | null>();

  constructor(world: World, index: number, intents: readonly Intent[]) {
    this.#world = world;
    this.index = index;
    this.#actor = world.clientActor(index);
    this.#intents = intents;
  }

  /** Turns to the next intent, once it is time. */
  proceed(): void {
    const intent = this.#intents[this.#next];
    if (intent === undefined) return;
    this.#next += 1;
    const { queue } = this.#world;
    const delay = Math.max(0, intent.at - queue.now);
    queue.schedule(this.#actor, delay, () => this.#perform(intent, { number: 1, variant: 0 }));
  }

  #perform(intent: Intent, attempt: Attempt): void {
    const meant = this.#request(intent.action, attempt);
    if (meant === null) {
      this.proceed();
      return;
    }
    const request = this.#written(meant, intent.key) ?? meant;
    const operation = this.#world.begin({
      ...{ key: intent.key, attempt: attempt.number, client: this.index, request },
    });
    this.#send(operation, attempt);
    operation.onEnd = (response) => this.#ended(intent, attempt, operation, response);
    const { fate, queue } = this.#world;
    const isImpatient = fate.strikes("client_gives_up", intent.key, "client");
    this.#waiting = { operation, until: queue.now + (isImpatient ? impatienceMs : patienceMs) };
    this.#watch();
  }

  /** A share of the requests passes the codecs of the API first; null: this one does not. */
  #written(request: Request, key: number): Request | null {
    const world = this.#world;
    if (world.fate.amount("codec", key, codecShare, "client") !== codecShare - 1) return null;
    const written = world.codec(request);
    if (written !== null) world.count(`codec ${request.kind}`);
    return written;
  }

  /** One alarm for all that it waits for, since it waits for one thing at a time. */
  #watch(): void {
    const { queue } = this.#world;
    const until = this.#waiting?.until ?? 0;
    if (this.#waiting === null || (this.#alarmAt !== null && this.#alarmAt <= until)) return;
    this.#alarmAt = until;
    queue.scheduleIdle(this.#actor, Math.max(0, until - queue.now), () => {
      if (this.#alarmAt !== until) return; // another one was set before it
      this.#alarmAt = null;
      const { operation } = this.#waiting ?? {};
      if ((this.#waiting?.until ?? Number.POSITIVE_INFINITY) <= queue.now) operation?.onEnd?.(null);
      else this.#watch();
    });
  }

  #send(operation: Operation, { number }: Attempt): void {
    const { fate } = this.#world;
    const { key } = operation;
    const isMoved = number > 1 && fate.strikes("other_node", key, "network");
    const node = (this.index + (isMoved ? 1 : 0)) % this.#world.plan.nodes;
    if (!fate.strikes("request_lost", key, "network")) this.#carry(operation, node);
    if (fate.strikes("request_duplicated", key, "network")) {
      const { request } = operation;
      this.#carry(this.#world.begin({ ...operation, client: null, request: { ...request } }), node);
    }
  }

  #carry(operation: Operation, node: number): void {
    const { fate, queue } = this.#world;
    const { key } = operation;
    const isDelayed = fate.strikes("request_delayed", key, "network");
    const extra = isDelayed ? fate.amount("request delay", key, delayedMs, "network") : 0;
    const delay = fate.delay("request", key) + extra;
    queue.schedule(this.#actor, delay, () => this.#world.deliver(operation, node));
  }

  /** @param response null: none came in time, or the connection was cut */
  #ended(intent: Intent, attempt: Attempt, operation: Operation, response: Response | null): void {
    this.#waiting = null;
    this.#world.end(operation, response);
    if (response !== null) this.#learn(operation.request, response);
    const again = this.#again(intent, attempt, response);
    if (again === null) this.proceed();
    else this.#perform(intent, again);
  }

  #again({ key }: Intent, { number, variant }: Attempt, response: Response | null): Attempt | null {
    const isFailed = response === null || response.kind === "failed";
    if (!isFailed || number >= attemptsMax) return null;
    const { fate } = this.#world;
    if (fate.strikes("retry_same_key", key, "client")) return { number: number + 1, variant };
    const isOther = fate.strikes("retry_other_key", key, "client");
    return isOther ? { number: number + 1, variant: number } : null;
  }

  #learn(request: Request, response: Response): void {
    if (response.kind === "task" || response.kind === "claim") {
      this.#world.taskVersions.set(response.id, response.task.version);
    }
    if (response.kind === "promises") this.#before = response.page.before;
    if ("next" in response) this.#behind.set(request.kind, response.next);
    if (request.kind !== "read_events" || response.kind !== "events") return;
    const { next } = response.page;
    if (next !== null) this.#after.set(request.of?.id ?? null, next);
  }

  /** Null: there is nothing to ask for, since the last search is over. */
  #request(action: Action, { variant }: Attempt): Request | null {
    switch (action.kind) {
      case "create":
        return this.#create(action, { variant, isShared: false });
      case "settle":
        return settlePromise(action, { variant, isShared: false });
      case "share":
        return this.#change(action.action, variant);
      case "listen":
        return {
          ...{ kind: "register_listener", awaited: promiseId(action.awaited) },
          address: action.address,
        };
      case "look":
        return { kind: "get_task", id: promiseId(action.id) };
      case "halt":
        return { kind: "halt_task", id: promiseId(action.id) };
      case "continue":
        return { kind: "continue_task", id: promiseId(action.id) };
      case "start": {
        const created = this.#create(action.action, { variant, isShared: true });
        return { kind: "create_task", ...lease(action), action: created };
      }
      case "acquire":
        return { kind: "acquire_task", ...this.#claimed(action), ...lease(action) };
      case "release":
        return { kind: "release_task", ...this.#claimed(action) };
      case "heartbeat":
        return { kind: "heartbeat_task", ...this.#claimed(action), pid: action.pid };
      case "fulfill": {
        const { outcome, value } = action;
        return { kind: "fulfill_task", ...this.#claimed(action), outcome, value: toValue(value) };
      }
      case "suspend": {
        const awaited = action.awaited.map(promiseId);
        return { kind: "suspend_task", ...this.#claimed(action), awaited };
      }
      case "fence": {
        const inner = this.#change(action.action, variant);
        return { kind: "fence_task", ...this.#claimed(action), action: inner };
      }
      case "schedule": {
        const { cron, promiseId: promiseIdTemplate, promiseTimeout, param, tags } = action;
        return {
          ...{ kind: "create_schedule", id: scheduleId(action.id), cron, promiseIdTemplate },
          ...{ promiseTimeoutMs: BigInt(promiseTimeout), promiseParam: toValue(param) },
          promiseTags: new Map(tags),
        };
      }
      case "show":
        return { kind: "get_schedule", id: scheduleId(action.id) };
      case "unschedule":
        return { kind: "delete_schedule", id: scheduleId(action.id) };
      case "list_promises":
      case "list_tasks":
      case "list_schedules":
        return this.#list(action);
      case "get":
        return { kind: "get_promise", id: promiseId(action.id) };
      case "callback": {
        const [awaited, awaiter] = [promiseId(action.awaited), promiseId(action.awaiter)];
        return { kind: "register_callback", awaited, awaiter };
      }
      case "search": {
        const { pattern, state, tags, limit, before } = action;
        const from = before === "next" ? this.#before : before === "start" ? null : before;
        return {
          ...{ kind: "search_promises", pattern, state, tags: new Map(tags), limit, before: from },
        } as Request; // a position, by whatever number
      }
      case "events": {
        const { of, after, limit } = action;
        const last = this.#after.get(of) ?? 0;
        const from = after === "next" ? last : after === "start" ? 0 : after;
        const key = of === null ? null : promiseKey(promiseId(of));
        return { kind: "read_events", of: key, after: from, limit };
      }
    }
  }

  #list(action: ListAction): Request {
    const { idPrefix, after: from, limit } = action;
    const last = this.#behind.get(action.kind) ?? null;
    const after = from === "next" ? last : from === "start" ? null : from.id;
    const page = { idPrefix, after, limit };
    switch (action.kind) {
      case "list_promises":
        return { ...page, kind: action.kind, state: action.state, tags: new Map(action.tags) };
      case "list_tasks":
        return { ...page, kind: action.kind, state: action.state };
      case "list_schedules":
        return { ...page, kind: action.kind, tags: new Map(action.tags) };
    }
  }

  /** Through the current protocol. */
  #change(action: CreateAction | SettleAction, variant: number): CreatePromise | SettlePromise {
    const how = { variant, isShared: true };
    return action.kind === "create" ? this.#create(action, how) : settlePromise(action, how);
  }

  #create(action: CreateAction, { variant, isShared }: How): CreatePromise {
    const { id, deadline, param, tags, key, strict, isExternal } = action;
    return {
      kind: "create_promise",
      id: promiseId(id),
      timeoutAt: deadlineMs(this.#deadline(deadline)),
      param: toValue(param),
      tags: new Map(tags),
      key: keyOf(key, variant),
      strict,
      isExternal,
      isShared,
    };
  }

  #claimed({ id, lag }: { readonly id: string; readonly lag: number }) {
    const version = Math.max(0, (this.#world.taskVersions.get(id) ?? 0) + lag);
    return { id: promiseId(id), version: taskVersion(version) };
  }

  #deadline(deadline: Deadline): bigint {
    switch (deadline.from) {
      case "request":
        return atLeastZero(worldEpoch + this.#world.queue.now + deadline.ms);
      case "start":
        return atLeastZero(worldEpoch + deadline.ms);
      case "epoch":
        return BigInt(deadline.ms);
    }
  }
}

type How = { readonly variant: number; readonly isShared: boolean };

function settlePromise(action: SettleAction, { variant, isShared }: How): SettlePromise {
  const { id, outcome, value, key, strict } = action;
  return {
    ...{ kind: "settle_promise", id: promiseId(id), outcome, value: toValue(value) },
    ...{ key: keyOf(key, variant), strict, isShared },
  };
}

function lease({ pid, ttl }: { readonly pid: string; readonly ttl: number }) {
  return { pid, ttl: durationMs(BigInt(ttl)) };
}

function atLeastZero(ms: number): bigint {
  return BigInt(Math.max(0, ms));
}

function keyOf(key: string | null, variant: number): string | null {
  return key === null || variant === 0 ? key : `${variant}~${key.slice(0, 100)}`; // within bounds
}

function toValue({ headers, data }: PlainValue): Value {
  return { headers: headers === null ? null : new Map(headers), data };
}
