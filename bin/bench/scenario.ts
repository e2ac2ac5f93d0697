// What a scenario is, and the one that most are: as many requests as are answered, against the ceiling.

import { join } from "node:path";
import { deadlineMs, int64Max } from "../../kernel/ids.ts";
import type { Result } from "./load.ts";
import { compare, median, type Options, type Side } from "./measure.ts";
import type { Plan } from "./requests.ts";
import { seed } from "./seed.ts";
import { type Server, serve, serveCeiling } from "./servers.ts";

export type Row = {
  readonly name: string;
  /** Null where nothing is compared. */
  readonly ratio: number | null;
  /** What the ratio should reach; null: it is only watched. */
  readonly goal: { readonly atLeast: number } | { readonly atMost: number } | null;
  readonly figures: Readonly<Record<string, number>>;
};

export type Scenario = (folder: string, options: Options) => Promise<readonly Row[]>;

/** Promises that are there before anything is measured. */
export const stored = 10_000;
export const never = deadlineMs(int64Max);

export async function withServers(
  file: string,
  act: (ours: Server, ceiling: Server) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const [ours, ceiling] = await Promise.all([serve(file), serveCeiling()]);
  try {
    return await act(ours, ceiling);
  } finally {
    await Promise.all([ours.stop(), ceiling.stop()]);
  }
}

export const perSecond = (results: readonly Result[]) =>
  median(results.map((result) => result.perSecond));
export const p99Ms = (results: readonly Result[]) => median(results.map((result) => result.p99Ms));

/** Requests per second, closed loop, against the ceiling. */
export function throughput(
  name: string,
  goal: Row["goal"],
  plan: (round: number) => Plan,
): Scenario {
  return async (folder, options) => {
    const file = join(folder, `${name}.db`);
    seed({ file, prefix: "stored-", count: stored, timeoutAt: never });
    return await withServers(file, async (ours, ceiling) => {
      const side =
        ({ port }: Server) =>
        (round: number): Side => ({ port, plan: plan(round) });
      const [mine = [], top = []] = await compare([side(ours), side(ceiling)], options);
      const figures = {
        perSecond: perSecond(mine),
        ceilingPerSecond: perSecond(top),
        p99Ms: p99Ms(mine),
      };
      return [{ name, ratio: figures.perSecond / figures.ceilingPerSecond, goal, figures }];
    });
  };
}
