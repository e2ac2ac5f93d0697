// A Postgres as a store that answers at once, for simulations and tests: another thread asks it, and
// this one sleeps until the answer is there. Nothing for a server.

import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import type { InstantMs } from "../../kernel/ids.ts";
import type { Listed, ListQuery } from "../../kernel/list.ts";
import type { Due, DueBounds, Loaded } from "../../kernel/ports.ts";
import type { Found, LogPage, LogRange, PromiseQuery } from "../../kernel/search.ts";
import type { Component, StreamKey } from "../../kernel/stream.ts";
import type { WaitingPage, WaitingQuery } from "../../kernel/waiting.ts";
import { breakIn, type Probe, unprobed } from "../../store/probe.ts";
import { type Store, StoreError } from "../../store/store.ts";
import type { BridgeSetup, Call, Outcome, Reply, Verb } from "./postgres-messages.ts";

/** Longer than any time-out of the store itself. */
const patienceMs = 60_000;

export class SyncPostgres implements Store {
  readonly #port: MessagePort;
  readonly #answers: Int32Array<SharedArrayBuffer>;
  readonly #probe: Probe;
  #isClosed = false;
  #calls = 0;

  constructor(options: BridgeSetup["options"], probe: Probe = unprobed) {
    const answers = new SharedArrayBuffer(4);
    const { port1, port2 } = new MessageChannel();
    const setup: BridgeSetup = { options, answers };
    const worker = new Worker(new URL("./postgres-worker.ts", import.meta.url), {
      workerData: { port: port2, setup },
      transferList: [port2],
    });
    worker.unref();
    this.#port = port1;
    this.#answers = new Int32Array(answers);
    this.#probe = probe;
  }

  load(keys: readonly StreamKey[]): readonly Loaded[] {
    breakIn(this.#probe, "read");
    return this.#ask("load", keys);
  }

  commit(components: readonly Component[]): readonly number[] {
    breakIn(this.#probe, "commit.begin");
    return this.#ask("commit", components);
  }

  query(query: PromiseQuery): Found {
    breakIn(this.#probe, "read");
    return this.#ask("query", query);
  }

  list(queries: readonly ListQuery[]): readonly Listed[] {
    breakIn(this.#probe, "read");
    return this.#ask("list", queries);
  }

  waiting(query: WaitingQuery): WaitingPage {
    breakIn(this.#probe, "read");
    return this.#ask("waiting", query);
  }

  due(now: InstantMs, bounds: DueBounds): Due {
    return this.#ask("due", now, bounds);
  }

  log(ranges: readonly LogRange[]): readonly LogPage[] {
    breakIn(this.#probe, "read");
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
      const before = Atomics.load(this.#answers, 0);
      const received = receiveMessageOnPort(this.#port);
      const reply: Reply | undefined = received?.message;
      if (reply?.number === this.#calls) return told(verb, reply.outcome);
      if (reply !== undefined) continue; // to a call that was given up
      const waited = Atomics.wait(this.#answers, 0, before, patienceMs);
      if (waited === "timed-out") throw new Error(`Postgres did not answer a ${verb}`);
    }
  }
}

function told(verb: Verb, outcome: Outcome): unknown {
  switch (outcome.kind) {
    case "answered":
      return outcome.answer;
    case "failed":
      throw new StoreError(outcome.failure, outcome.message);
    default:
      throw new Error(`${verb}: ${outcome.message}`);
  }
}
