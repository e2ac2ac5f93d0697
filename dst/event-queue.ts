// Virtual time: one queue of all that is going to happen. The earliest event comes first; what falls on
// the same millisecond comes in the order of the policy that the seed has drawn, then as scheduled.

import { Heap } from "../store/heap.ts";
import type { Chooser } from "./choice.ts";
import type { Policy } from "./plan.ts";

/** Whoever acts: the store, a node, a client. */
export type Actor = number;

type Event = {
  readonly at: number;
  readonly tie: number;
  readonly sequence: number;
  readonly isIdle: boolean;
  readonly run: () => void;
};

/** Priorities of the policy "pct" are drawn below this. Arbitrary: ties are rare then. */
const priorityMax = 1 << 20;

/** Events among which the policy "pct" changes a priority; a short run has some ten thousand. */
const changeRange = 1 << 13;

export class EventQueue {
  readonly #heap = new Heap<Event>(compare);
  readonly #order: Order;
  #now = 0;
  #sequence = 0;
  #busy = 0;
  #atOnce = 0;

  constructor(policy: Policy, chooser: Chooser) {
    this.#order = new Order(policy, chooser);
  }

  /** World time, ms since the start. */
  get now(): number {
    return this.#now;
  }

  /** Events that are more than somebody's alarm clock. */
  get busy(): number {
    return this.#busy;
  }

  /** Events so far at this very instant. */
  get atOnce(): number {
    return this.#atOnce;
  }

  /** The time of the next event; null: there is none. */
  get nextAt(): number | null {
    return this.#heap.peek()?.at ?? null;
  }

  schedule(actor: Actor, delay: number, run: () => void): void {
    this.#push(actor, delay, run, false);
  }

  /** Like `schedule`; as long as there is nothing else, the world is at rest. */
  scheduleIdle(actor: Actor, delay: number, run: () => void): void {
    this.#push(actor, delay, run, true);
  }

  /** Runs the next event. Call only if there is one. */
  step(): void {
    const event = this.#heap.pop();
    if (event === undefined) return;
    this.#atOnce = event.at === this.#now ? this.#atOnce + 1 : 0;
    this.#now = event.at;
    if (!event.isIdle) this.#busy -= 1;
    event.run();
  }

  #push(actor: Actor, delay: number, run: () => void, isIdle: boolean): void {
    const sequence = this.#sequence++;
    const tie = this.#order.tie(actor, sequence);
    this.#heap.push({ at: this.#now + delay, tie, sequence, isIdle, run });
    if (!isIdle) this.#busy += 1;
  }
}

function compare(left: Event, right: Event): number {
  return left.at - right.at || left.tie - right.tie || left.sequence - right.sequence;
}

class Order {
  readonly #policy: Policy;
  readonly #chooser: Chooser;
  readonly #priorities = new Map<Actor, number>();
  /** When the policy "pct" gives an actor another priority: counts of events. */
  readonly #changes: readonly number[];

  constructor(policy: Policy, chooser: Chooser) {
    this.#policy = policy;
    this.#chooser = chooser;
    const count = policy.kind === "pct" ? policy.depth - 1 : 0;
    this.#changes = Array.from({ length: count }, (_, index) => {
      return chooser.choose("order", "change", index, changeRange);
    });
  }

  tie(actor: Actor, sequence: number): number {
    switch (this.#policy.kind) {
      case "fifo":
        return 0;
      case "lifo":
        return -sequence;
      case "random":
        return this.#chooser.choose("order", "tie", actor, priorityMax);
      case "starve":
        return actor === this.#policy.actor ? 1 : 0;
      case "pct":
        return this.#priority(actor, sequence);
    }
  }

  #priority(actor: Actor, sequence: number): number {
    const known = this.#changes.includes(sequence) ? undefined : this.#priorities.get(actor);
    if (known !== undefined) return known;
    const drawn = this.#chooser.choose("order", "priority", actor, priorityMax);
    this.#priorities.set(actor, drawn);
    return drawn;
  }
}
