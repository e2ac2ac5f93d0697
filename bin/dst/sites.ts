// Where a run may take place: here, or in another process that differs in something that must not
// matter. Two places are compared by hash, and where the hashes differ, by the first record that does.

import { fork } from "node:child_process";
import type { Plan } from "../../dst/plan.ts";
import { checkpointEvery } from "../../dst/trace.ts";
import { examine } from "./examine.ts";
import type { Lab } from "./lab.ts";

/** A plan's run, as far as two of them are compared. */
export type Hashed = {
  readonly trace: string;
  readonly records: number;
  readonly checkpoints: readonly string[];
};

/** Of records, the last one excluded. */
export type Window = { readonly from: number; readonly to: number };

export interface Site {
  hash(plan: Plan): Promise<Hashed>;
  /** The records within it, one text each. */
  records(plan: Plan, window: Window): Promise<readonly string[]>;
  end(): void;
}

/** This process. */
export class Here implements Site {
  readonly #lab: Lab;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async hash(plan: Plan): Promise<Hashed> {
    return hashed(this.#lab, plan);
  }

  async records(plan: Plan, window: Window): Promise<readonly string[]> {
    return recorded(this.#lab, plan, window);
  }

  end(): void {}
}

export function hashed(lab: Lab, plan: Plan): Hashed {
  const { outcome } = examine(lab, plan, { hasTripwires: true });
  const { trace, records, checkpoints } = outcome;
  return { trace, records, checkpoints };
}

export function recorded(lab: Lab, plan: Plan, { from, to }: Window): readonly string[] {
  const records: string[] = [];
  let index = 0;
  examine(lab, plan, {
    hasTripwires: false,
    onRecord: (record) => {
      if (index >= from && index < to) records.push(JSON.stringify(record));
      index += 1;
    },
  });
  return records;
}

export type ElsewhereOptions = {
  /** What is experimented with there, as a URL. */
  readonly labModule: string;
  /** Flags of Node. */
  readonly execArgv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
};

export type Asked = { readonly plan: Plan; readonly window: Window | null };
export type Answered = { readonly hashed: Hashed } | { readonly records: readonly string[] };

const script = new URL("prober.ts", import.meta.url);

/** A process of its own. It is asked one thing after the other. */
export class Elsewhere implements Site {
  readonly #child;

  constructor({ labModule, execArgv, environment }: ElsewhereOptions) {
    this.#child = fork(script, [labModule], {
      ...{ serialization: "advanced", execArgv: [...process.execArgv, ...execArgv] },
      env: { ...process.env, ...environment },
    });
  }

  async hash(plan: Plan): Promise<Hashed> {
    const answered = await this.#ask({ plan, window: null });
    if ("hashed" in answered) return answered.hashed;
    throw new Error("a process answered something else");
  }

  async records(plan: Plan, window: Window): Promise<readonly string[]> {
    const answered = await this.#ask({ plan, window });
    if ("records" in answered) return answered.records;
    throw new Error("a process answered something else");
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #ask(asked: Asked): Promise<Answered> {
    const { promise, resolve, reject } = Promise.withResolvers<Answered>();
    const onExit = (code: number | null, signal: string | null) => {
      reject(new Error(`the process ended with ${signal ?? `exit code ${code}`}`));
    };
    this.#child.once("exit", onExit);
    this.#child.once("message", (answered: Answered) => {
      this.#child.off("exit", onExit);
      resolve(answered);
    });
    this.#child.send(asked);
    return promise;
  }
}

export type Side = { readonly site: Site; readonly plan: Plan };
export type Difference = {
  /** Null: the records are the same, as far as they are told; the hashes are not. */
  readonly record: number | null;
  readonly left: string;
  readonly right: string;
};

/** @returns null if both are the same run */
export async function compare(left: Side, right: Side): Promise<Difference | null> {
  const [first, second] = [await left.site.hash(left.plan), await right.site.hash(right.plan)];
  if (first.trace === second.trace && first.records === second.records) return null;
  const from = checkpointEvery * firstDifference(first.checkpoints, second.checkpoints);
  const window = { from, to: from + checkpointEvery };
  const texts = await left.site.records(left.plan, window);
  const others = await right.site.records(right.plan, window);
  const index = firstDifference(texts, others);
  const ended = "(the run is over)";
  const shown = { left: texts[index] ?? ended, right: others[index] ?? ended };
  if (shown.left !== shown.right) return { record: from + index, ...shown };
  return { record: null, left: first.trace, right: second.trace };
}

/** @returns the length of the shorter one if it begins the longer one */
function firstDifference(left: readonly string[], right: readonly string[]): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) if (left[index] !== right[index]) return index;
  return length;
}
