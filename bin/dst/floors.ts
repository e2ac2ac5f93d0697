// How much of what is counted must be there, at the least: so that a generator which no longer makes
// what the oracles are there for is found (simulation.md §4).

import { existsSync } from "node:fs";
import type { Figures } from "./tally.ts";

/** By the name of a counter: how much of it a thousand short seeds make, at the least. */
export type Floors = ReadonlyMap<string, number>;

const floorsPer = 1000;

export const floorsFile = new URL("../../dst/floors.ts", import.meta.url);

/** None, as long as the file has not been written. */
export async function storedFloors(): Promise<Floors> {
  if (!existsSync(floorsFile)) return new Map();
  const { floors }: { readonly floors: Floors } = await import(floorsFile.href);
  return floors;
}

/** One line for each floor that is not reached, and for each assertion that never held. */
export function shortfalls(
  { sums, counters, sometimes }: Figures,
  floors: Floors,
  assertions: ReadonlyMap<string, number>,
): readonly string[] {
  const low = [...floors].flatMap(([name, perThousand]) => {
    const least = Math.floor((perThousand * sums.seeds) / floorsPer);
    const count = counters.get(name) ?? 0;
    return count < least ? [`${name}: ${count}, at least ${least}`] : [];
  });
  const unseen = [...assertions].flatMap(([name, seeds]) => {
    return sums.seeds >= seeds && !sometimes.has(name) ? [`never: ${name}`] : [];
  });
  return [...low, ...unseen];
}

/** Arbitrary: what is rarer comes in bunches, and may be half as often by mere chance. */
const floorMin = 50;

/** Half of what was counted: a floor is there for what is lost, and not for what varies. */
export function floorsText({ sums, counters }: Figures): string {
  const rows = byName(counters).flatMap(([name, count]) => {
    const floor = Math.floor((count * floorsPer) / sums.seeds / 2);
    return floor < floorMin ? [] : [`  [${JSON.stringify(name)}, ${floor}],`];
  });
  return [
    "// How much of each counter a thousand short seeds make, at the least: half of what they made when",
    "// this was written by `resonate dst coverage --update-floors`. A generator that no longer makes it",
    "// is found by that.",
    "",
    "export const floors: ReadonlyMap<string, number> = new Map([",
    ...rows,
    "]);",
    "",
  ].join("\n");
}

export function byName(
  counts: ReadonlyMap<string, number>,
): readonly (readonly [string, number])[] {
  return [...counts].sort(([left], [right]) => (left < right ? -1 : 1));
}
