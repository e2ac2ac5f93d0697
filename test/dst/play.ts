// Worlds by hand: a few intents, and choices by the names that a replay file gives them (choice.ts, H2).
// All that is not named is quiet, so a test strikes exactly where it says. What the run then did can be
// read line by line.

import { type Choices, type Chooser, Replaying } from "../../dst/choice.ts";
import { type FaultName, faultNames, million } from "../../dst/faults.ts";
import type { Action, Faults, Intent, Plan } from "../../dst/plan.ts";
import { plainRules } from "../../dst/rules.ts";
import { modelCron, simulate } from "../../dst/run.ts";
import { parseSeed, type Seed } from "../../dst/seed.ts";
import type { RecordKind, TraceRecord } from "../../dst/trace.ts";
import type { Outcome } from "../../dst/verdict.ts";
import { World } from "../../dst/world.ts";
import { type Limits, limits } from "../../kernel/limits.ts";
import { MemoryStore } from "../../store/memory.ts";
import type { Probe } from "../../store/probe.ts";
import type { Store } from "../../store/store.ts";

export type Step = readonly [at: number, client: number, action: Action];

/** As a choice: the fault strikes, however seldom it does. */
export const strikes = million - 1;

export const calm = Object.fromEntries(faultNames.map((name) => [name, 0])) as Faults; // of all names

/** Chooses 0 wherever it is asked. */
export const quiet: Chooser = { choose: () => 0 };

export function seed(text: string): Seed {
  const parsed = parseSeed(text);
  if (parsed === null) throw new Error(`${text} is no seed`);
  return parsed;
}

const never = { from: "epoch", ms: "9223372036854775807" } as const;
const empty = { headers: null, data: null };

type Create = Action & { readonly kind: "create" };
type Settle = Action & { readonly kind: "settle" };
type Search = Action & { readonly kind: "search" };

export function create(id: string, more: Partial<Create> = {}): Action {
  const usual = { deadline: never, param: empty, tags: [], key: null, strict: false } as const;
  return { kind: "create", id, ...usual, isExternal: true, ...more };
}

/** With a deadline so many ms after the start of the world. */
export function until(ms: number, id: string, more: Partial<Create> = {}): Action {
  return create(id, { deadline: { from: "start", ms }, ...more });
}

export function worker(id: string): Action {
  return create(id, { tags: [["resonate:target", "poll://any@g"]] });
}

export function settle(id: string, more: Partial<Settle> = {}): Action {
  const usual = { outcome: "resolved", value: empty, key: null, strict: false } as const;
  return { kind: "settle", id, ...usual, ...more };
}

export function get(id: string): Action {
  return { kind: "get", id };
}

export function wait(awaited: string, awaiter: string): Action {
  return { kind: "callback", awaited, awaiter };
}

/** Of a minute; of the last version that was seen. */
export function acquire(id: string, ttl = 60_000): Action {
  return { kind: "acquire", id, lag: 0, pid: "w", ttl };
}

export function release(id: string): Action {
  return { kind: "release", id, lag: 0 };
}

export function beat(id: string): Action {
  return { kind: "heartbeat", id, lag: 0, pid: "w" };
}

export function suspend(id: string, ...awaited: readonly string[]): Action {
  return { kind: "suspend", id, lag: 0, awaited };
}

export function listen(awaited: string, address = "http://h/"): Action {
  return { kind: "listen", awaited, address };
}

export function search(more: Partial<Search> = {}): Action {
  const usual = { pattern: "*", state: null, tags: [], limit: 10, before: "start" } as const;
  return { kind: "search", ...usual, ...more };
}

type Ticks = Action & { readonly kind: "schedule" };

/** In each of the first five seconds of the world but the very first instant. */
export function ticks(id: string, more: Partial<Ticks> = {}): Action {
  return {
    ...{ kind: "schedule", id, cron: "1-5 0 8 15 1 *", promiseId: "{{.id}}-{{.timestamp}}" },
    ...{ promiseTimeout: "60000", param: empty, tags: [["resonate:target", "poll://any@g"]] },
    ...more,
  };
}

type Listing = Action & { readonly kind: "list_promises" };

export function list(more: Partial<Listing> = {}): Action {
  const page = { idPrefix: "", after: "start", limit: 10 } as const;
  return { kind: "list_promises", ...page, state: null, tags: [], ...more };
}

/** @param of null: the whole log */
export function history(of: string | null): Action {
  return { kind: "events", of, after: "start", limit: 10 };
}

/** One server, four clients, nothing ever goes wrong; the world is healed after a second. */
export function planOf(steps: readonly Step[], more: Partial<Plan> = {}): Plan {
  const intents = steps.map(([at, client, action], index): Intent => {
    return { key: index + 1, at, client, action };
  });
  return {
    ...{ seed: seed("0"), store: "memory", nodes: 1, clients: 4, policy: { kind: "fifo" } },
    ...{ limits: limits(), rules: plainRules, faults: calm, delayMax: 0, healAt: 1_000, intents },
    ...{ isSearched: true, isCanary: false },
    ...more,
  };
}

export type Played = { readonly outcome: Outcome; readonly records: readonly TraceRecord[] };

export type Setting = Partial<Omit<Plan, "limits">> & {
  /** By name; a name that begins with a fault turns the fault on. */
  readonly choices?: Readonly<Record<string, number>>;
  readonly limits?: Partial<Limits>;
  readonly openStore?: (probe: Probe) => Store;
};

export function play(steps: readonly Step[], setting: Setting = {}): Played {
  const { choices = {}, openStore = memory } = setting;
  return playPlan(planIn(steps, setting), new Map(Object.entries(choices)), openStore);
}

/** A world before its start, for who wants to see into it; `live` runs it, and throws. */
export function worldOf(steps: readonly Step[], setting: Setting = {}): World {
  const { choices = {}, openStore = memory } = setting;
  const chooser = new Replaying(new Map(Object.entries(choices)));
  const plan = planIn(steps, setting);
  return new World({
    plan,
    openStore,
    chooser,
    onRecord: null,
    codec: () => null,
    cron: modelCron,
  });
}

function planIn(steps: readonly Step[], { choices = {}, limits: chosen, ...more }: Setting): Plan {
  const { openStore: _, ...plan } = more;
  const faults = { ...calm, ...faultsIn(choices), ...more.faults };
  return planOf(steps, { ...plan, limits: limits(chosen ?? {}), faults });
}

/** @param choices null: drawn from the seed */
export function playPlan(plan: Plan, choices: Choices | null, openStore = memory): Played {
  const records: TraceRecord[] = [];
  const outcome = simulate(plan, {
    openStore,
    onRecord: (record) => records.push(record),
    choices,
    onChoices: null,
  });
  return { outcome, records };
}

export function memory(probe: Probe): Store {
  return new MemoryStore(probe);
}

/** A memory store that keeps all promises but those that the lie breaks. */
export function lying(lie: (honest: Store) => Partial<Store>): (probe: Probe) => Store {
  return (probe) => {
    const honest = new MemoryStore(probe);
    return {
      load: (keys) => honest.load(keys),
      commit: (components) => honest.commit(components),
      query: (query) => honest.query(query),
      list: (queries) => honest.list(queries),
      waiting: (query) => honest.waiting(query),
      due: (now, bounds) => honest.due(now, bounds),
      log: (ranges) => honest.log(ranges),
      reset: () => honest.reset(),
      ...lie(honest),
    };
  };
}

/** Each as rarely as can be, so that only what is chosen strikes. */
function faultsIn(choices: Readonly<Record<string, number>>): Partial<Faults> {
  const sites = new Set(Object.keys(choices).map((name) => name.split(" ")[0]));
  const isOn = (name: FaultName) => sites.has(name);
  return Object.fromEntries(faultNames.filter(isOn).map((name) => [name, 1]));
}

/** The records of these kinds, in short: when, who, what, and the first words of what was said. */
export function story({ records }: Played, ...kinds: readonly RecordKind[]): readonly string[] {
  const told = records.filter(({ kind }) => kinds.includes(kind));
  return told.map(({ at, actor, kind, entity, text }) => {
    const words =
      text
        .split("\n")[0]
        ?.split(" ")
        .slice(0, wordsOf[kind] ?? 8) ?? [];
    return [at, actor, kind, entity, ...words].join(" ").trimEnd();
  });
}

/** An answer goes on with all members of the promise. */
const wordsOf: Partial<Record<RecordKind, number>> = { answer: 3, call: 2 };

/** What clients were answered, by the number of the operation. */
export function answers({ records }: Played): readonly string[] {
  const told = records.filter(({ kind }) => kind === "answer" || kind === "give_up");
  return told.map(({ kind, entity, text }) => {
    const words = kind === "give_up" ? ["unknown"] : text.split("\n")[0]?.split(" ").slice(0, 3);
    return [entity, ...(words ?? [])].join(" ");
  });
}

/** The oracle and the rule that the run broke; null: none. */
export function verdict({ outcome: { failure } }: Pick<Played, "outcome">): string | null {
  return failure === null ? null : `${failure.class} ${failure.oracle} ${failure.rule}`;
}
