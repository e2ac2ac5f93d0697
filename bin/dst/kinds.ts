// The kinds of values that only the flags of `resonate dst` have; the others are in bin/kinds.ts.

import type { Wishes } from "../../dst/draw.ts";
import { type FaultGroup, type FaultName, faultNames, groups } from "../../dst/faults.ts";
import { parseSeed, type Seed } from "../../dst/seed.ts";
import { bounds, type Limits } from "../../kernel/limits.ts";
import type { Kind } from "../kinds.ts";

/** Arbitrary: a run of so many operations takes minutes. */
export const operationsMax = 1_000_000;

type Single<Value> = {
  readonly placeholder: string;
  readonly expected: string;
  /** @returns null if the text is none of the kind */
  readonly parse: (text: string) => Value | null;
};

/** Of several texts the last counts. */
function single<Value>({ placeholder, expected, parse }: Single<Value>): Kind<Value> {
  return { placeholder, expected, isList: false, parse: (texts) => parse(texts.at(-1) ?? "") };
}

export const seed: Kind<Seed> = single({
  placeholder: "seed",
  expected: "a seed: a number below 2^64, 0x and hex digits, or a git hash of 40 digits",
  parse: parseSeed,
});

/** Where a range of seeds begins. */
export const origin: Kind<Seed | "random"> = single({
  placeholder: "seed|random",
  expected: "random, or a seed: a number below 2^64, 0x and hex digits, or a git hash of 40 digits",
  parse: (text) => (text === "random" ? text : parseSeed(text)),
});

export function whole(placeholder: string, min: number, max: number): Kind<number> {
  return single({
    placeholder,
    expected: `a whole number, ${min} to ${max}`,
    parse: (text) => number(text, min, max),
  });
}

export function range(min: number, max: number): Kind<readonly [min: number, max: number]> {
  return single({
    placeholder: "min:max",
    expected: `a whole number or min:max, ${min} to ${max}`,
    parse: (text) => {
      const [low = "", high = low, ...rest] = text.split(":");
      const [first, last] = [number(low, min, max), number(high, min, max)];
      if (first === null || last === null || first > last || rest.length > 0) return null;
      return [first, last];
    },
  });
}

export const percent: Kind<number> = single({
  placeholder: "percent",
  expected: "a whole number of percent, 0 to 100",
  parse: (text) => number(text.replace(/%$/, ""), 0, 100),
});

const groupNames = Object.keys(groups) as FaultGroup[]; // `keys` forgets which they are

/** Instead of names. */
const swarms = ["drawn", "none", "single", "swarm"] as const;

export const faults: Kind<Wishes["faults"]> = single({
  placeholder: "drawn|none|single|swarm|name,...",
  expected: `${swarms.join(", ")}, or names of: ${[...groupNames, ...faultNames].join(" ")}`,
  parse: (text) => {
    const swarm = swarms.find((each) => each === text);
    if (swarm !== undefined) return swarm;
    const names = text.split(",").map(faultsCalled);
    if (names.includes(null)) return null;
    return faultNames.filter((name) => names.some((each) => each?.includes(name)));
  },
});

function faultsCalled(name: string): readonly FaultName[] | null {
  const group = groupNames.find((each) => each === name);
  if (group !== undefined) return groups[group];
  return faultNames.includes(name as FaultName) ? [name as FaultName] : null;
}

export const limits: Kind<Partial<Limits>> = {
  placeholder: "key=value,...",
  expected: `key=value,... with whole values of at least 1 and keys of: ${Object.keys(bounds).join(" ")}`,
  isList: true,
  parse: (texts) => {
    const pairs = texts.flatMap((text) => text.split(",")).map((pair) => pair.split("="));
    const entries = pairs.map(([key = "", digits = "", ...rest]) => {
      const value = number(digits, 1, Number.MAX_SAFE_INTEGER);
      return Object.hasOwn(bounds, key) && value !== null && rest.length === 0
        ? ([key, value] as const)
        : null;
    });
    const known = entries.filter((entry) => entry !== null);
    return known.length < entries.length ? null : Object.fromEntries(known);
  },
};

/** @param members those that there are; empty: any name */
export function names<const Name extends string>(
  placeholder: string,
  members: readonly Name[],
): Kind<readonly Name[]> {
  const isMember = (text: string): text is Name => {
    return members.length === 0 ? text !== "" : members.some((each) => each === text);
  };
  return {
    placeholder,
    expected: members.length === 0 ? "names with commas" : `some of: ${members.join(" ")}`,
    isList: true,
    parse: (texts) => {
      const given = texts.flatMap((text) => text.split(","));
      const known = given.filter(isMember);
      return known.length < given.length ? null : [...new Set(known)];
    },
  };
}

function number(digits: string, min: number, max: number): number | null {
  if (!/^\d{1,16}$/.test(digits)) return null;
  const value = Number(digits);
  return value >= min && value <= max ? value : null;
}
