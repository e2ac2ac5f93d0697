// Every choice of a run goes through here, so that it can be drawn, recorded, and given again.
//
//   H1. 0 is the quietest choice: no fault, no delay, the first in order.
//   H2. A choice is named by its site, its entity and how often that pair has been asked before. A
//       replay that is asked for a choice which the file does not hold gets 0. So a request can be
//       taken away, and the faults of the others stay where they are.

import { Prng } from "./prng.ts";
import type { Seed } from "./seed.ts";

/** Each draws from a generator of its own: one more draw of one does not shift the others. */
export const streams = [
  "client",
  "network",
  "order",
  "latency",
  "fault",
  "crash",
  "clock",
  "probe",
] as const;
export type StreamName = (typeof streams)[number];

/** By name; zeros are left out (H1). */
export type Choices = ReadonlyMap<string, number>;

export interface Chooser {
  /**
   * @param key the entity that it is about: an operation, a message, a submission
   * @returns a whole number from 0 to `count - 1`
   */
  choose(stream: StreamName, site: string, key: string | number, count: number): number;
}

/** Draws, and keeps no record: the next run of the same seed would make the same one. */
export class Drawing implements Chooser {
  readonly #prngs: Readonly<Record<StreamName, Prng>>;

  constructor(seed: Seed) {
    this.#prngs = Object.fromEntries(
      streams.map((name) => [name, new Prng(`${seed}/${name}`)]),
    ) as Record<StreamName, Prng>; // `fromEntries` forgets the names of the keys
  }

  choose(stream: StreamName, _site: string, _key: string | number, count: number): number {
    return count === 1 ? 0 : this.#prngs[stream].below(count);
  }
}

/** Asks another chooser, and keeps what it said. */
export class Recording implements Chooser {
  readonly choices = new Map<string, number>();
  readonly #inner: Chooser;
  readonly #names = new Names();

  constructor(inner: Chooser) {
    this.#inner = inner;
  }

  choose(stream: StreamName, site: string, key: string | number, count: number): number {
    const choice = this.#inner.choose(stream, site, key, count);
    const name = this.#names.next(site, key);
    if (choice !== 0) this.choices.set(name, choice);
    return choice;
  }
}

/** Gives what was recorded (H2). */
export class Replaying implements Chooser {
  readonly #choices: Choices;
  readonly #names = new Names();

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  choose(_stream: StreamName, site: string, key: string | number, count: number): number {
    const choice = this.#choices.get(this.#names.next(site, key)) ?? 0;
    return choice < count ? choice : 0; // recorded where there was more to choose from
  }
}

class Names {
  readonly #counts = new Map<string, number>();

  next(site: string, key: string | number): string {
    const entity = `${site} ${key}`;
    const count = this.#counts.get(entity) ?? 0;
    this.#counts.set(entity, count + 1);
    return count === 0 ? entity : `${entity} #${count}`;
  }
}
