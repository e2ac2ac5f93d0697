// A Postgres as a store that answers at once, for simulations and tests: another thread asks it, and
// this one sleeps until the answer is there. Nothing for a server.

import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import { unreachable } from "../../kernel/assert.ts";
import type { InstantMs } from "../../kernel/ids.ts";
import type { Listed, ListQuery } from "../../kernel/list.ts";
import type { Due, DueBounds, Loaded } from "../../kernel/ports.ts";
import type { Found, LogPage, LogRange, PromiseQuery } from "../../kernel/search.ts";
import type { Component, StreamKey } from "../../kernel/stream.ts";
import type { WaitingPage, WaitingQuery } from "../../kernel/waiting.ts";
import { type Probe, type ProbeSite, unprobed } from "../../store/probe.ts";
import { type Store, StoreError } from "../../store/store.ts";
import {
  type BridgeSetup,
  type Call,
  type Outcome,
  type Reply,
  said,
  type Verb,
} from "./postgres-messages.ts";

/** Longer than any time-out of the store itself. */
const patienceMs = 60_000;

export class SyncPostgres implements Store {
  readonly #port: MessagePort;
  /** See `BridgeSetup`. */
  readonly #shared: Int32Array<SharedArrayBuffer>;
  #probe: Probe;
  #isClosed = false;
  #calls = 0;

  constructor({ address }: Pick<BridgeSetup, "address">, probe: Probe = unprobed) {
    const shared = new SharedArrayBuffer(8);
    const { port1, port2 } = new MessageChannel();
    const setup: BridgeSetup = { address, shared };
    const worker = new Worker(new URL("./postgres-worker.ts", import.meta.url), {
      workerData: { port: port2, setup },
      transferList: [port2],
    });
    worker.unref();
    this.#port = port1;
    this.#shared = new Int32Array(shared);
    this.#probe = probe;
  }

  /** Empties it for another run, which breaks in where its own probe says so. */
  begin(probe: Probe): void {
    this.#probe = unprobed;
    this.reset();
    this.#probe = probe;
  }

  load(keys: readonly StreamKey[]): readonly Loaded[] {
    return this.#ask("load", keys);
  }

  commit(components: readonly Component[]): readonly number[] {
    return this.#ask("commit", components);
  }

  query(query: PromiseQuery): Found {
    return this.#ask("query", query);
  }

  list(queries: readonly ListQuery[]): readonly Listed[] {
    return this.#ask("list", queries);
  }

  waiting(query: WaitingQuery): WaitingPage {
    return this.#ask("waiting", query);
  }

  due(now: InstantMs, bounds: DueBounds): Due {
    return this.#ask("due", now, bounds);
  }

  log(ranges: readonly LogRange[]): readonly LogPage[] {
    return this.#ask("log", ranges);
  }

  reset(): void {
    this.#ask("reset");
  }

  /** Messages that wait for a worker. */
  get missedCount(): number {
    return Number(this.#call("missedCount", []));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#call("close", []);
    this.#port.close();
  }

  #ask<Asked extends keyof Store>(
    verb: Asked,
    ...given: Parameters<Store[Asked]>
  ): ReturnType<Store[Asked]> {
    return this.#call(verb, given) as ReturnType<Store[Asked]>; // the other end's types
  }

  /**
   * Woken without an answer it goes on waiting: the word that the last one was there may come late.
   *
   * @throws StoreError as the store does
   */
  #call(verb: Verb, given: readonly unknown[]): unknown {
    this.#calls += 1;
    this.#port.postMessage({ number: this.#calls, verb, given } satisfies Call);
    for (;;) {
      const before = Atomics.load(this.#shared, 0);
      const received = receiveMessageOnPort(this.#port);
      const reply: Reply | undefined = received?.message;
      if (reply !== undefined) {
        const { number, outcome } = reply;
        if (outcome.kind === "probed") this.#say(outcome.site);
        else if (number === this.#calls) return told(verb, outcome);
        continue; // or it answers a call that was given up
      }
      const waited = Atomics.wait(this.#shared, 0, before, patienceMs);
      if (waited === "timed-out") throw new Error(`Postgres did not answer a ${verb}`);
    }
  }

  /** Whatever the probe does, the other end must not sleep for ever. */
  #say(site: ProbeSite): void {
    let isStruck = false;
    try {
      isStruck = this.#probe(site);
    } finally {
      Atomics.store(this.#shared, 1, isStruck ? said.yes : said.no);
      Atomics.notify(this.#shared, 1);
    }
  }
}

function told(verb: Verb, outcome: Exclude<Outcome, { readonly kind: "probed" }>): unknown {
  switch (outcome.kind) {
    case "answered":
      return outcome.answer;
    case "failed":
      throw new StoreError(outcome.failure, outcome.message);
    case "broken":
      throw new Error(`${verb}: ${outcome.message}`);
    default:
      return unreachable(outcome);
  }
}
