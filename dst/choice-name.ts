// The names of choices, taken apart: site, entity, and how often that pair was asked for before
// (choice.ts, H2). An id that ends like a number of occurrences is taken for one; shrinking, which is
// what this is for, then tries something that fails, and goes on.

import { type FaultName, faultNames } from "./faults.ts";

export type ChoiceName = {
  readonly site: string;
  readonly entity: string;
  /** 0: it is not written. */
  readonly occurrence: number;
};

export function parseName(name: string): ChoiceName {
  const mark = name.lastIndexOf(" #");
  const digits = mark < 0 ? "" : name.slice(mark + 2);
  const isCounted = /^[1-9]\d{0,8}$/.test(digits);
  const pair = isCounted ? name.slice(0, mark) : name;
  const space = pair.indexOf(" ");
  const end = space < 0 ? pair.length : space;
  const occurrence = isCounted ? Number(digits) : 0;
  return { site: pair.slice(0, end), entity: pair.slice(end + 1), occurrence };
}

export function printName({ site, entity, occurrence }: ChoiceName): string {
  return occurrence === 0 ? `${site} ${entity}` : `${site} ${entity} #${occurrence}`;
}

/** Whether it is chosen there that a fault strikes (fate.ts), of a million occasions. */
export function isFault(site: string): site is FaultName {
  return faultNames.includes(site as FaultName);
}
