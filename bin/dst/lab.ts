// What the commands of `resonate dst` experiment with: the simulation, the drawing of plans, and the
// stores. Tests put something smaller in its place.

import { join, relative } from "node:path";
import type { Wishes } from "../../dst/draw.ts";
import type { Plan, StoreKind } from "../../dst/plan.ts";
import type { Simulate } from "../../dst/run.ts";
import type { Seed } from "../../dst/seed.ts";
import { unreachable } from "../../kernel/assert.ts";
import { MemoryStore } from "../../store/memory.ts";
import { type Probe, unprobed } from "../../store/probe.ts";
import { openSqlite, type SqliteStore } from "../../store/sqlite.ts";
import type { Store } from "../../store/store.ts";
import type { Outside } from "../command.ts";
import type { Values } from "./flags.ts";
import { sharedPostgres } from "./postgres-shared.ts";
import { worldFlags } from "./tables.ts";

export type Lab = {
  readonly simulate: Simulate;
  readonly draw: (seed: Seed, wishes: Wishes) => Plan;
  /** Each sometimes-assertion, and within how many seeds it must hold at least once. */
  readonly sometimes: ReadonlyMap<string, number>;
};

/** A lab for this process and the module of the same for others, as a URL. */
export type Bench = { readonly lab: Lab; readonly labModule: string };

/** Opens what a run asks for, and closes it afterwards. */
export class Stores {
  readonly #kind: StoreKind;
  readonly #opened: SqliteStore[] = [];

  constructor(kind: StoreKind) {
    this.#kind = kind;
    if (kind === "postgres") sharedPostgres().begin(unprobed); // connected before a run is guarded
  }

  open(probe: Probe): Store {
    switch (this.#kind) {
      case "memory":
        return new MemoryStore(probe);
      case "sqlite": {
        const store = openSqlite(":memory:", { probe });
        this.#opened.push(store);
        return store;
      }
      case "postgres": {
        const store = sharedPostgres();
        store.begin(probe);
        return store;
      }
      default:
        return unreachable(this.#kind);
    }
  }

  close(): void {
    for (const store of this.#opened) store.close();
  }
}

/** @param wgl in percent, 0 or 100; null: the seed decides */
export function wishesOf(values: Values<typeof worldFlags>, wgl: number | null): Wishes {
  const { size, store, nodes, clients, ops, policy, faults, limits, canary } = values;
  return {
    ...{ size, store, nodes, clients, policy, faults },
    ...{ operations: ops, limits: limits ?? {}, isCanary: canary },
    isSearched: wgl === null ? "sampled" : wgl > 0,
  };
}

/** A command line that works where this one was given. */
export function commandLine(words: readonly string[], { workingDirectory }: Outside): string {
  const script = relative(workingDirectory, join(import.meta.dirname, "..", "resonate.js"));
  return ["node", script, "dst", ...words].join(" ");
}

/** What makes the same plan. */
export function runWords(seed: Seed, wishes: Wishes): readonly string[] {
  return ["run", "--seed", `0x${seed}`, ...flagsOf(wishes)];
}

function flagsOf(wishes: Wishes): readonly string[] {
  const given: Readonly<Record<string, string | null>> = {
    size: wishes.size,
    store: wishes.store,
    nodes: wishes.nodes.join(":"),
    clients: wishes.clients?.join(":") ?? null,
    ops: wishes.operations?.toString() ?? null,
    policy: wishes.policy,
    faults: typeof wishes.faults === "string" ? wishes.faults : wishes.faults.join(","),
    limits: Object.entries(wishes.limits)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    wgl: wishes.isSearched === "sampled" ? null : wishes.isSearched ? "100" : "0",
  };
  const usual: Readonly<Record<string, string | null>> = {
    ...{ size: worldFlags.size.usual, store: worldFlags.store.usual },
    ...{ nodes: worldFlags.nodes.usual, faults: worldFlags.faults.usual, limits: "" },
  };
  const flags = Object.entries(given).flatMap(([name, text]) => {
    return text === null || text === usual[name] ? [] : [`--${name}`, text];
  });
  return wishes.isCanary ? [...flags, "--canary"] : flags;
}
