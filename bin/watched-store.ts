// A store that says why it failed. The kernel and its clients are told what a failure means; the
// operator needs the cause.

import type { InstantMs } from "../kernel/ids.ts";
import type { Listed, ListQuery } from "../kernel/list.ts";
import type { Due, DueBounds, Loaded } from "../kernel/ports.ts";
import type { Found, LogPage, LogRange, PromiseQuery } from "../kernel/search.ts";
import type { Component, StreamKey } from "../kernel/stream.ts";
import type { WaitingPage, WaitingQuery } from "../kernel/waiting.ts";
import { type Store, StoreError } from "../store/store.ts";
import type { Logger } from "./logger.ts";

/** What to do with a failure of a store. @param call what was asked of it */
export function failureLog(logger: Logger): (call: string, error: StoreError) => void {
  return (call, { failure, message: cause }) => {
    logger.error("store failed", { call, failure, cause });
  };
}

export class WatchedStore implements Store {
  readonly #store: Store;
  readonly #onFailure: (call: string, error: StoreError) => void;

  constructor(store: Store, logger: Logger) {
    this.#store = store;
    this.#onFailure = failureLog(logger);
  }

  load(keys: readonly StreamKey[]): readonly Loaded[] {
    return this.#watch("load", () => this.#store.load(keys));
  }

  commit(components: readonly Component[]): readonly number[] {
    return this.#watch("commit", () => this.#store.commit(components));
  }

  query(query: PromiseQuery): Found {
    return this.#watch("query", () => this.#store.query(query));
  }

  list(queries: readonly ListQuery[]): readonly Listed[] {
    return this.#watch("list", () => this.#store.list(queries));
  }

  waiting(query: WaitingQuery): WaitingPage {
    return this.#watch("waiting", () => this.#store.waiting(query));
  }

  due(now: InstantMs, bounds: DueBounds): Due {
    return this.#watch("due", () => this.#store.due(now, bounds));
  }

  log(ranges: readonly LogRange[]): readonly LogPage[] {
    return this.#watch("log", () => this.#store.log(ranges));
  }

  reset(): void {
    this.#watch("reset", () => this.#store.reset());
  }

  #watch<Answer>(call: string, ask: () => Answer): Answer {
    try {
      return ask();
    } catch (error) {
      if (error instanceof StoreError) this.#onFailure(call, error);
      throw error;
    }
  }
}
