// Places at which a simulation may break in (simulation.md §3, "probes"). A server hands in a probe that
// never does.

import { StoreError } from "./store.ts";

export const probeSites = [
  /** Nothing is read yet. */
  "read",
  /** Nothing is written yet. */
  "commit.begin",
  /** Some of it is written. */
  "commit.middle",
  /** All is written, and nothing committed. */
  "commit.end",
  /** A sweep that ends before its bounds are reached. */
  "due.short",
] as const;
export type ProbeSite = (typeof probeSites)[number];

/** @returns whether to break in here, this time */
export type Probe = (site: ProbeSite) => boolean;

export const unprobed: Probe = () => false;

/** @throws StoreError that is known to be without effect */
export function breakIn(probe: Probe, site: ProbeSite): void {
  if (probe(site)) throw new StoreError("store_failed", `broken in upon at ${site}`);
}
