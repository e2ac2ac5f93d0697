// Texts as clients may send them: keys, payloads, tags, patterns. Hostile wherever that is legal, and
// from small vocabularies, so that two draws are often the same, or differ by what a careless
// database or a plain object would lose. NUL and lone surrogates are not among them: the API refuses
// those before the kernel sees them.

import type { PairList, PlainValue } from "./plan.ts";
import { Prng } from "./prng.ts";

type Pair = PairList[number];

/** What a promise is, as far as its tags say so. */
export type Role = "plain" | "timer" | "target" | "target_timer" | "global" | "decoy";

const roleTags: Readonly<Record<Role, PairList>> = {
  plain: [],
  timer: [["resonate:timer", "true"]],
  target: [["resonate:target", "poll://any@default"]],
  target_timer: [
    ["resonate:target", "poll://any@default"],
    ["resonate:timer", "true"],
  ],
  global: [["resonate:scope", "global"]],
  /** Close to a tag that is read, and none. */
  decoy: [["resonate:timer", "TRUE"]],
};

/** Other ways to say the same. */
const otherTags: Readonly<Record<Role, PairList>> = {
  plain: [],
  timer: [["resonate:timeout", "true"]],
  target: [["resonate:target", "http://worker.example/inbox"]],
  target_timer: [
    ["resonate:timeout", "true"],
    ["resonate:target", "poll://uni@default/one"],
  ],
  global: [["resonate:external", "true"]],
  decoy: [
    ["resonate:scope", "local"],
    ["resonate:external", "false"],
    ["resonate:invoke", "poll://any@default"],
  ],
};

/** By name; of one name a promise gets one value. */
const vocabulary: readonly (readonly Pair[])[] = [
  [
    ["color", "red"],
    ["color", "blue"],
    ["color", "Red"],
  ],
  [["10", "x"]],
  [["9", "y"]],
  [["__proto__", "z"]],
  [["constructor", ""]],
  [["\u{e9}", "one letter"]],
  [["e\u{301}", "two"]],
  [["", "no name"]],
  [["%", "*"]],
  [
    ["\u{ffff}", "\u{1f600}"],
    ["\u{ffff}", "\u{10ffff}"],
  ],
];

/** Mostly the same one, so that a repetition is one, and also for another promise. */
const usualKeys = ["k1", "k1", "k1", "k2"] as const;
const oddKeys = [
  "K1",
  "\u{e9}",
  "e\u{301}",
  "__proto__",
  "10",
  "9",
  "k1 ",
  "k".repeat(2048),
] as const;

const texts = [
  "dg==",
  "dmFsdWU=",
  "e30=",
  "null",
  "0",
  "not base64",
  "'\"\\\n",
  "\u{1f600}\u{ffff}",
  "__proto__",
] as const;

type Pattern = (start: string, rest: string, id: string) => string;

const patterns: readonly Pattern[] = [
  (_start, _rest, id) => id,
  () => "*",
  () => "*",
  () => "**",
  (start) => `${start}*`,
  (start) => `${start}*`,
  (_start, rest) => `*${rest}`,
  (_start, rest) => `*${rest}*`,
  (start, rest) => `${start}*${rest}`,
  (start, rest) => `*${start}**${rest}*`,
  (start, rest) => `${start}*${rest}*0`,
  (_start, rest) => `*${rest}%`,
  (start) => `${start}_*`,
];

export class Values {
  readonly #prng: Prng;

  constructor(seed: string) {
    this.#prng = new Prng(`${seed}/values`);
  }

  /** An idempotency key. Null: none. */
  key(): string | null {
    const kind = this.#prng.below(10);
    if (kind < 3) return null;
    return this.#prng.pick(kind < 9 ? usualKeys : oddKeys);
  }

  payload(): PlainValue {
    if (this.#prng.chance(60)) return { headers: null, data: null };
    const headers = this.#prng.chance(50) ? null : this.pairs();
    return { headers, data: this.#text() };
  }

  /** None, one, or up to three, with different names; what a search may ask for as well. */
  pairs(): PairList {
    const first = this.#prng.below(vocabulary.length);
    const count = this.#prng.pick([0, 0, 0, 0, 1, 1, 1, 2, 2, 3] as const);
    const pairs: Pair[] = [];
    for (let index = 0; index < count; index += 1) {
      const named = vocabulary[(first + index * 3) % vocabulary.length] ?? []; // 3 and 10 are coprime
      pairs.push(this.#prng.pick(named));
    }
    return pairs;
  }

  tags(role: Role): PairList {
    const source = this.#prng.chance(75) ? roleTags : otherTags;
    const pairs = this.pairs();
    return this.#prng.chance(50) ? [...source[role], ...pairs] : [...pairs, ...source[role]];
  }

  /** A pattern that may match `id`: the id, all, its beginning, end or middle, or none of it. */
  pattern(id: string): string {
    const letters = [...id.slice(0, 24).toWellFormed()]; // whole ones: half a pair is no text
    const cut = this.#prng.below(letters.length + 1);
    const start = letters.slice(0, cut).join("");
    const rest = letters.slice(cut).join("");
    return this.#prng.pick(patterns)(start, rest, id);
  }

  #text(): string | null {
    const kind = this.#prng.below(20);
    if (kind < 4) return null;
    if (kind < 8) return "";
    if (kind < 19) return this.#prng.pick(texts);
    return "bG9u".repeat(this.#prng.logUniform(1, 1024));
  }
}
