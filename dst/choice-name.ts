// The names of choices, taken apart: site, entity, and how often that pair was asked for before
// (choice.ts, H2). What befalls a whole node has its time in the name of the entity. An id that ends
// like a time or a number of occurrences is taken for one; shrinking, which is what this is for, then
// tries something that fails, and goes on.

import { type FaultName, faultNames } from "./faults.ts";

export type ChoiceName = {
  readonly site: string;
  readonly entity: string;
  /** World time, ms, if the entity ends with it, after an `@`. */
  readonly at: number | null;
  /** 0: it is not written. */
  readonly occurrence: number;
};

const pattern = /^([^ ]*) ?(.*?)(?:@(0|[1-9]\d{0,14}))?(?: #([1-9]\d{0,8}))?$/su;

export function parseName(name: string): ChoiceName {
  const [, site = "", entity = "", at = null, occurrence = 0] = pattern.exec(name) ?? [];
  return { site, entity, at: at === null ? null : Number(at), occurrence: Number(occurrence) };
}

export function printName({ site, entity, at, occurrence }: ChoiceName): string {
  const moment = at === null ? "" : `@${at}`;
  return `${site} ${entity}${moment}${occurrence === 0 ? "" : ` #${occurrence}`}`;
}

/** Whether it is chosen there that a fault strikes (fate.ts), of a million occasions. */
export function isFault(site: string): site is FaultName {
  return faultNames.includes(site as FaultName);
}
