// The switch by which time stands still for the debug surface (protocol.md §9), and the messages that
// wait meanwhile. What does not look at a clock goes on as ever: drains, for one.
//
//   H1. While it is on, the server takes no step of its own accord because of the time, and offers
//       nothing to those who connect.
//   H2. Messages wait while it is on, unless they are to be delivered all the same: one `execute` of a
//       task, the newest, and one `unblock` of a promise for each address.
//   H3. An `execute` no longer waits once its task is not pending, or is another one.
//   H4. What waits leaves when it is switched off, in the order in which it began to wait.

import type { PromiseId } from "./ids.ts";
import type { Message } from "./message.ts";
import type { Change } from "./stream.ts";

export class Pause {
  readonly #delivers: boolean;
  readonly #executes = new Map<PromiseId, Message>();
  readonly #unblocks = new Map<PromiseId, Map<string, Message>>();
  #isOn = false;

  /** @param delivers whether messages leave all the same */
  constructor(delivers: boolean) {
    this.#delivers = delivers;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  begin(): void {
    this.#isOn = true;
  }

  /** H4. */
  end(): readonly Message[] {
    this.#isOn = false;
    const unblocks = [...this.#unblocks.values()].flatMap((each) => [...each.values()]);
    const kept = [...this.executes, ...unblocks];
    this.forget();
    return kept;
  }

  /** H2. @returns whether the message waits here */
  keeps(message: Message): boolean {
    if (!this.#isOn || this.#delivers) return false;
    const { id, to } = message;
    if (message.kind === "execute") {
      this.#executes.set(id, message);
    } else {
      const ofPromise = this.#unblocks.get(id) ?? new Map<string, Message>();
      this.#unblocks.set(id, ofPromise.set(to, message));
    }
    return true;
  }

  /** H3. To be told behind the messages of the same commit: the task may have been taken in it, too. */
  landed(changes: readonly Change[]): void {
    if (this.#executes.size === 0) return;
    for (const { key, write } of changes) {
      if (key.kind !== "promise" || write === null) continue;
      const { snapshot } = write;
      const isPending = snapshot.kind === "promise" && snapshot.task.kind === "pending";
      if (!isPending) this.#executes.delete(key.id);
    }
  }

  get executes(): readonly Message[] {
    return [...this.#executes.values()];
  }

  forget(): void {
    this.#executes.clear();
    this.#unblocks.clear();
  }
}
