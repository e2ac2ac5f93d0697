// The drains that own commits have caused, from there until they are finished. As long as those of a
// promise are on their way, no sweep has to look for them (kernel.ts, K7).

import { assert } from "./assert.ts";
import { Backlog } from "./backlog.ts";
import type { Command, InternalCommand } from "./command.ts";
import { promiseKey, type StreamKey } from "./stream.ts";
import { StreamMap } from "./stream-map.ts";

export class Drains {
  readonly #waiting = new Backlog<InternalCommand>();
  /** How many are not finished, by the promise that was awaited. */
  readonly #open = new StreamMap<number>();

  /** Those that wait for a batch. */
  get size(): number {
    return this.#waiting.size;
  }

  isOpen(awaited: StreamKey): boolean {
    return this.#open.has(awaited);
  }

  push(caused: readonly InternalCommand[]): void {
    this.#waiting.push(caused);
    for (const command of caused) this.#count(command, 1);
  }

  shift(): InternalCommand | undefined {
    return this.#waiting.shift();
  }

  finish(command: Command): void {
    this.#count(command, -1);
  }

  #count(command: Command, step: 1 | -1): void {
    const isDrain = command.kind === "drain_callback" || command.kind === "tell_listener";
    assert(isDrain, "a drain that is none");
    const key = promiseKey(command.awaited);
    const open = (this.#open.get(key) ?? 0) + step;
    assert(open >= 0, "a drain is finished twice");
    if (open > 0) this.#open.set(key, open);
    else this.#open.delete(key);
  }
}
