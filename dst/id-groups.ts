// Which ids the shapes of a workload use. A group is a few ids that belong together, and the clients
// that use them. Some groups are hot: shape after shape comes back to them, until they are worn out,
// since a settled promise has little left to lose.
//
//   D1. A seed whose history is searched has many small groups: each is used by few clients and few
//       shapes, and no command spans two. So the search has little to order at a time.

import { Prng } from "./prng.ts";

export type GroupOptions = {
  readonly seed: string;
  readonly clients: number;
  readonly isSearched: boolean;
};

/** Ids that are alike to whoever is careless; each family is one group, used once. */
const families: readonly (readonly string[])[] = [
  ["\u{e9}", "e\u{301}", "\u{e8}"],
  ["a/b", "a%2Fb", "a%252Fb", "a/b/"],
  ["10", "9", "010", "1e1"],
  ["__proto__", "constructor", "toString", "hasOwnProperty"],
  ["a\u{ffff}", "a\u{1f600}", "a\u{1f600}b", "\u{10ffff}", "\u{e000}"],
  ["x".repeat(2048), `${"x".repeat(2047)}y`, "\u{e9}".repeat(1024)],
  [".", ":", "a:b", "a.b", "a:", "a.", ".."],
  ["*", "a*b", "a_b", "a%b", "a?b", "a\\b", "a[b]"],
  ["null", "undefined", "true", "NaN"],
  [" ", "  ", "\t", "\n", "\u{a0}"],
  ["A", "a", "\u{131}", "i\u{307}", "I"],
  ["'", '"', "';--", "\u{feff}", "\u{200b}"],
];

/** Shapes that come back to one group before it is worn out. Arbitrary. */
const usesMax = { hot: 5, searched: 2 };
/** Groups that a shape may come back to. Arbitrary. */
const recentMax = 8;
/** Concurrency within a group is no higher. */
const searchedClientsMax = 5;

export class Group {
  readonly clients: readonly number[];
  readonly #name: string;
  readonly #ids: readonly string[];

  constructor(name: string, ids: readonly string[], clients: readonly number[]) {
    this.#name = name;
    this.#ids = ids;
    this.clients = clients;
  }

  /** A group has as many ids as are asked for. */
  id(index: number): string {
    return this.#ids[index] ?? `${this.#name}${index}`;
  }
}

export class IdGroups {
  readonly #prng: Prng;
  readonly #options: GroupOptions;
  readonly #everybody: readonly number[];
  #count = 0;
  readonly #families: (readonly string[])[] = [...families];
  readonly #recent: Group[] = [];
  #hot: Group;
  #usesLeft: number;

  constructor(options: GroupOptions) {
    this.#prng = new Prng(`${options.seed}/ids`);
    this.#options = options;
    this.#everybody = Array.from({ length: options.clients }, (_, client) => client);
    this.#usesLeft = 0;
    this.#hot = this.fresh();
  }

  /** For the next shape: fresh, hot, or one that was used not long ago. */
  next(): Group {
    if (this.#prng.chance(this.#options.isSearched ? 30 : 55)) return this.fresh();
    if (this.#options.isSearched || this.#prng.chance(65)) return this.#hottest();
    return this.#prng.pick(this.#recent);
  }

  /** Never used before. */
  fresh(): Group {
    return this.#prng.chance(7) ? this.hostile() : this.#plain();
  }

  /** Of a family, while there is one left. */
  hostile(): Group {
    if (this.#families.length === 0) return this.#plain();
    const [family = []] = this.#families.splice(this.#prng.below(this.#families.length), 1);
    return this.#add(`f${families.length - this.#families.length}.`, family);
  }

  #plain(): Group {
    const name = `p${this.#count}`;
    this.#count += 1;
    return this.#add(`${name}${this.#prng.pick([".", ":", "/"])}`, [name]);
  }

  #hottest(): Group {
    if (this.#usesLeft === 0) {
      this.#hot = this.fresh();
      this.#usesLeft = this.#options.isSearched ? usesMax.searched : usesMax.hot;
    }
    this.#usesLeft -= 1;
    return this.#hot;
  }

  #add(name: string, ids: readonly string[]): Group {
    const group = new Group(name, ids, this.#users());
    this.#recent.push(group);
    if (this.#recent.length > recentMax) this.#recent.shift();
    return group;
  }

  /** D1. */
  #users(): readonly number[] {
    const { clients, isSearched } = this.#options;
    if (!isSearched || clients <= searchedClientsMax) return this.#everybody;
    const first = this.#prng.below(clients);
    const count = this.#prng.between(2, searchedClientsMax);
    return Array.from({ length: count }, (_, index) => (first + index) % clients);
  }
}
