// Delivers messages by HTTP: one POST each (protocol.md §1.4). Sends once; whether and when it is
// tried again is for the kernel to say.
//
//   P1. 2xx is delivered; everything else, a redirect included, is not.
//   P2. A bounded number of requests is under way. What has to wait does so in a bounded queue for
//       each target, and whoever waits gets its turn, however much one target has to do.
//   P3. A target is judged when it is used (target.ts), not only when it was accepted.
//   P4. A configured token that cannot be had is a failed delivery, never a request without one.
//   P5. Once stopped, what is under way is broken off and nothing more is sent; each delivery has its
//       outcome all the same.
//   P6. Of messages under one key that wait for one target only the newest is sent, and what becomes of
//       it becomes of all: what is sent again and again takes one place (protocol.md §1.5).

import { Agent as HttpAgent, validateHeaderName, validateHeaderValue } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { LookupFunction } from "node:net";
import { assert, unreachable } from "../kernel/assert.ts";
import type { Delivery, DeliveryFailure, PushPolicy } from "../kernel/ports.ts";
import type { Clock } from "./clock.ts";
import { Identity, metadataUrl } from "./identity.ts";
import { type Outcome, type RequestOptions, send } from "./request.ts";
import { forbiddenAddress, guarded, type Resolve } from "./target.ts";

export type PushAuth =
  | { readonly mode: "none" }
  | { readonly mode: "bearer"; readonly header: string; readonly token: string }
  /** Audience null: the target's origin. */
  | { readonly mode: "gcp"; readonly header: string; readonly audience: string | null };

export type PushOptions = {
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Requests under way. */
  readonly concurrency: number;
  readonly auth: PushAuth;
  readonly targets: PushPolicy;
  readonly clock: Clock;
  readonly queues?: Partial<QueueBounds>;
  /** Without a path. */
  readonly metadataUrl?: string;
  /** How names are resolved; the system's way, if it is left out. */
  readonly resolve?: Resolve;
};

export type QueueBounds = {
  /** Messages that wait for one target. */
  readonly targetMax: number;
  /** Messages that wait for all of them. */
  readonly totalMax: number;
};

const queueBounds: QueueBounds = { targetMax: 1_000, totalMax: 10_000 }; // arbitrary
const answerBytesMax = 64 * 1024; // arbitrary: nobody reads it
const idleMs = 4_000; // less than the 5 s after which servers on Node close an idle connection
const tokenTimeoutMs = 10_000; // arbitrary: the metadata server is next door

type Job = {
  readonly url: string;
  readonly message: string;
  /** What the message is about; null: nothing else is about it. */
  readonly key: string | null;
  readonly done: (delivery: Delivery) => void;
};

export class Push {
  readonly #options: PushOptions;
  readonly #bounds: QueueBounds;
  readonly #stopping = new AbortController();
  readonly #agents = {
    http: new HttpAgent({ keepAlive: true, timeout: idleMs }),
    https: new HttpsAgent({ keepAlive: true, timeout: idleMs }),
  };
  readonly #identity: Identity;
  readonly #lookup: LookupFunction;
  /** By target, in the order in which their turn comes; never empty. */
  readonly #queues = new Map<string, Job[]>();
  #waitingCount = 0;
  #inFlight = 0;

  /** @throws if the header of the token, or the token in it, is none that can be sent */
  constructor(options: PushOptions) {
    const { concurrency, clock, auth } = options;
    assert(concurrency >= 1, "a push without requests");
    if (auth.mode !== "none") validateHeaderName(auth.header);
    if (auth.mode === "bearer") validateHeaderValue(auth.header, `Bearer ${auth.token}`);
    this.#options = options;
    this.#bounds = { ...queueBounds, ...options.queues };
    this.#lookup = guarded(options.resolve);
    this.#identity = new Identity({
      metadataUrl: options.metadataUrl ?? metadataUrl,
      clock,
      request: { ...this.#requestOptions(), timeoutMs: tokenTimeoutMs },
    });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Messages that wait for a request to end. */
  get waiting(): number {
    return this.#waitingCount;
  }

  /**
   * @param url of a PushAddress
   * @param message JSON
   * @param key what it is about (P6); null: nothing else is about it
   */
  deliver(url: string, message: string, key: string | null = null): Promise<Delivery> {
    return new Promise((done) => this.#admit({ url, message, key, done }));
  }

  /** P5. */
  stop(): void {
    this.#stopping.abort();
    const waiting = [...this.#queues.values()].flat();
    this.#queues.clear();
    this.#waitingCount = 0;
    for (const { done } of waiting) done(failed("stopped"));
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #admit(job: Job): void {
    if (this.#stopping.signal.aborted) {
      job.done(failed("stopped"));
    } else if (this.#inFlight < this.#options.concurrency) {
      this.#start(job);
    } else if (!this.#queue(job)) {
      job.done(failed("queue_full")); // P2
    }
  }

  #queue(job: Job): boolean {
    const queue = this.#queues.get(job.url) ?? [];
    const place = job.key === null ? -1 : queue.findIndex(({ key }) => key === job.key);
    const older = queue[place];
    if (older !== undefined) {
      queue[place] = together(older, job);
      return true;
    }
    const { targetMax, totalMax } = this.#bounds;
    if (queue.length >= targetMax || this.#waitingCount >= totalMax) return false;
    queue.push(job);
    this.#queues.set(job.url, queue);
    this.#waitingCount += 1;
    return true;
  }

  #start(job: Job): void {
    this.#inFlight += 1;
    void this.#post(job).then((delivery) => {
      this.#inFlight -= 1;
      job.done(delivery);
      const next = this.#next();
      if (next !== null) this.#start(next);
    });
  }

  /** P2. One of each target, then the next of the first. */
  #next(): Job | null {
    const [turn] = this.#queues;
    if (turn === undefined) return null;
    const [target, queue] = turn;
    const job = queue.shift();
    assert(job !== undefined, "an empty queue has its turn");
    this.#queues.delete(target);
    if (queue.length > 0) this.#queues.set(target, queue);
    this.#waitingCount -= 1;
    return job;
  }

  async #post({ url: text, message }: Job): Promise<Delivery> {
    const url = URL.parse(text);
    if (url === null || !this.#options.targets.permits(text)) return failed("not_permitted"); // P3
    const authorization = await this.#authorization(url);
    if (this.#stopping.signal.aborted) return failed("stopped"); // P5
    if (authorization === null) return failed("no_token"); // P4
    const headers = { "content-type": "application/json", ...authorization };
    const options = { ...this.#requestOptions(), lookup: this.#lookup };
    return toDelivery(await send({ method: "POST", url, headers, body: message }, options));
  }

  /** @returns null if there must be a token and is none */
  async #authorization(url: URL): Promise<Readonly<Record<string, string>> | null> {
    const { auth } = this.#options;
    switch (auth.mode) {
      case "none":
        return {};
      case "bearer":
        return { [auth.header]: `Bearer ${auth.token}` };
      case "gcp": {
        const token = await this.#identity.token(auth.audience ?? url.origin);
        return token === null ? null : { [auth.header]: `Bearer ${token}` };
      }
      default:
        return unreachable(auth);
    }
  }

  #requestOptions(): RequestOptions {
    const { timeoutMs, connectTimeoutMs } = this.#options;
    const { signal } = this.#stopping;
    return {
      agents: this.#agents,
      timeoutMs,
      connectTimeoutMs,
      bytesMax: answerBytesMax,
      signal,
    };
  }
}

/** P6. */
function together(older: Job, newer: Job): Job {
  const done = (delivery: Delivery): void => {
    older.done(delivery);
    newer.done(delivery);
  };
  return { ...newer, done };
}

function toDelivery(outcome: Outcome): Delivery {
  switch (outcome.kind) {
    case "answered": {
      const { status } = outcome;
      if (status >= 200 && status <= 299) return { kind: "delivered" }; // P1
      return failed("refused", `${status}`);
    }
    case "broken":
      if (outcome.cause === forbiddenAddress) return failed("not_permitted"); // P3
      return failed("unreachable", outcome.cause);
    case "timed_out":
      return failed("timed_out", outcome.cause);
    case "aborted":
      return failed("stopped");
    default:
      return unreachable(outcome);
  }
}

function failed(reason: DeliveryFailure, cause = ""): Delivery {
  return { kind: "failed", reason, cause };
}
