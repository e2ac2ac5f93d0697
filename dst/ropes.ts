// Who waits for whom, across streams, as the store has it after each commit (protocol.md §12).
//
//   S2. Whoever sleeps is a callback of something that it awaits (invariant 13).
//   S3. Who is to be woken has a task (invariant 14).
//   T3. A callback that is gone leaves its awaiter fulfilled, or told of it (invariant 27).

import type { LoggedEvent } from "../kernel/search.ts";
import { promiseStream } from "./names.ts";
import type { StreamOracle } from "./stream-oracle.ts";
import { Violation } from "./verdict.ts";

export class Ropes {
  readonly #streams: StreamOracle;
  /** By the one that waits, all that it waits for. */
  readonly #held = new Map<string, Set<string>>();

  constructor(streams: StreamOracle) {
    this.#streams = streams;
  }

  /** @param events of one component that has landed */
  tied(events: readonly LoggedEvent[]): void {
    const concerned = new Set<string>();
    for (const { key, event } of events) {
      concerned.add(key.id);
      if (event.kind === "callback_registered") {
        this.#of(event.awaiter).add(key.id);
        if (this.#taskOf(event.awaiter) === null) fail("S", "awaiter-has-task", event.awaiter);
      } else if (event.kind === "callback_drained") {
        this.#of(event.awaiter).delete(key.id);
        concerned.add(event.awaiter);
        this.#told(event.awaiter, key.id, events);
      }
    }
    for (const id of concerned) {
      const isAsleep = this.#taskOf(id)?.kind === "suspended";
      if (isAsleep && this.#of(id).size === 0) fail("S", "sleeper-holds-a-rope", id);
    }
  }

  /** T3. */
  #told(awaiter: string, awaited: string, events: readonly LoggedEvent[]): void {
    const task = this.#taskOf(awaiter);
    const isOver = task?.kind === "fulfilled";
    const isKnown = task !== null && "resumes" in task && task.resumes.some((id) => id === awaited);
    const isTold = events.some(({ key, event }) => {
      return key.id === awaiter && event.kind === "task_resumed" && event.awaited === awaited;
    });
    const isCleared = events.some(({ key }) => key.id === awaiter); // told before, and taken since
    if (!isOver && !isKnown && !isTold && !isCleared) fail("T", "drain-wakes", awaiter);
  }

  #taskOf(id: string) {
    const stream = this.#streams.seen(id);
    if (stream === null) return null;
    const { task } = promiseStream(stream.state);
    return task.kind === "absent" ? null : task;
  }

  #of(awaiter: string): Set<string> {
    const known = this.#held.get(awaiter) ?? new Set();
    this.#held.set(awaiter, known);
    return known;
  }
}

const messages = {
  "awaiter-has-task": "somebody is to be woken who has no task",
  "sleeper-holds-a-rope": "a task sleeps, and nothing will wake it",
  "drain-wakes": "a callback is gone, and its awaiter was not told",
} as const;

function fail(oracle: "S" | "T", rule: keyof typeof messages, id: string): never {
  throw new Violation(oracle, rule, messages[rule], { ids: [id] });
}
