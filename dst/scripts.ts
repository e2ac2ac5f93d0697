// Short workloads, written by hand, for the systematic search: each is run with a crash, and with a
// failure, at every place where there can be one.

import { limits } from "../kernel/limits.ts";
import { faultNames } from "./faults.ts";
import type { Action, Faults, Intent, Plan } from "./plan.ts";
import { plainRules } from "./rules.ts";
import type { Seed } from "./seed.ts";

export type Script = { readonly name: string; readonly plan: Plan };

type Step = readonly [at: number, client: number, action: Action];

const never = { from: "epoch", ms: "9223372036854775807" } as const;
const empty = { headers: null, data: null };
const calm = Object.fromEntries(faultNames.map((name) => [name, 0])) as Faults; // of all names

function create(id: string, more: Partial<Action & { kind: "create" }> = {}): Action {
  const usual = { deadline: never, param: empty, tags: [], key: null, strict: false } as const;
  return { kind: "create", id, ...usual, isExternal: true, ...more };
}

/** With a deadline so many ms after the start. */
function until(id: string, ms: number, more: Partial<Action & { kind: "create" }> = {}): Action {
  return create(id, { deadline: { from: "start", ms }, ...more });
}

function settle(id: string, more: Partial<Action & { kind: "settle" }> = {}): Action {
  const usual = { outcome: "resolved", value: empty, key: null, strict: false } as const;
  return { kind: "settle", id, ...usual, ...more };
}

const get = (id: string): Action => ({ kind: "get", id });
const wait = (awaited: string, awaiter: string): Action => ({ kind: "callback", awaited, awaiter });
const worker = (id: string): Action => create(id, { tags: [["resonate:target", "poll://any@g"]] });
const search = (limit: number, before: "start" | "next" = "start"): Action => {
  return { kind: "search", pattern: "*", state: null, tags: [], limit, before };
};
const history = (of: string | null): Action => ({ kind: "events", of, after: "start", limit: 10 });

const ticks: Action = {
  ...{ kind: "schedule", id: "s", cron: "1-2 0 8 15 1 *", promiseId: "{{.id}}-{{.timestamp}}" },
  ...{ promiseTimeout: "0", param: empty, tags: [["resonate:target", "poll://any@g"]] },
};
const list: Action = {
  ...{ kind: "list_promises", idPrefix: "", after: "start", limit: 10, state: null, tags: [] },
};

const steps: Readonly<Record<string, readonly Step[]>> = {
  "a promise is created": [[0, 0, create("a")]],
  "and read": [
    [0, 0, create("a")],
    [10, 0, get("a")],
  ],
  "and settled": [
    [0, 0, create("a")],
    [10, 0, settle("a")],
    [20, 0, get("a")],
  ],
  "created twice with one key": [
    [0, 0, create("a", { key: "k" })],
    [0, 1, create("a", { key: "k" })],
    [20, 0, create("a", { key: "k", strict: true })],
  ],
  "two clients settle one promise": [
    [0, 0, create("a")],
    [10, 0, settle("a", { key: "k" })],
    [10, 1, settle("a", { key: "l", outcome: "rejected" })],
    [20, 1, get("a")],
  ],
  "a deadline passes unasked": [
    [0, 0, until("a", 50)],
    [100, 0, history("a")],
  ],
  "a deadline passes and is come upon": [
    [0, 0, until("a", 50)],
    [50, 0, get("a")],
    [50, 1, settle("a")],
  ],
  "a timer fires": [[0, 0, until("a", 50, { tags: [["resonate:timer", "true"]] })]],
  "a promise is born settled": [
    [5, 0, until("a", 0)],
    [10, 0, get("a")],
  ],
  "a waiter is woken": [
    [0, 0, create("a")],
    [0, 1, worker("w")],
    [10, 0, wait("a", "w")],
    [20, 0, settle("a")],
  ],
  "three waiters are woken": [
    [0, 0, create("a")],
    [0, 1, worker("u")],
    [0, 2, worker("v")],
    [0, 3, worker("w")],
    [10, 1, wait("a", "u")],
    [10, 2, wait("a", "v")],
    [10, 3, wait("a", "w")],
    [20, 0, settle("a")],
    [40, 0, history("a")],
  ],
  "a waiter is woken by a deadline": [
    [0, 0, until("a", 50)],
    [0, 1, worker("w")],
    [10, 0, wait("a", "w")],
    [100, 0, get("a")],
  ],
  "a waiter comes as the promise is settled": [
    [0, 0, create("a")],
    [0, 1, worker("w")],
    [10, 0, settle("a")],
    [10, 1, wait("a", "w")],
  ],
  "a chain of waiters": [
    [0, 0, worker("a")],
    [0, 1, worker("b")],
    [0, 2, worker("c")],
    [10, 0, wait("a", "b")],
    [10, 1, wait("b", "c")],
    [20, 0, settle("a")],
    [20, 1, settle("b")],
    [30, 2, settle("c")],
  ],
  "a waiter that is overdue": [
    [0, 0, create("a")],
    [0, 1, until("w", 15, { tags: [["resonate:target", "poll://any@g"]] })],
    [10, 0, wait("a", "w")],
    [20, 0, settle("a")],
  ],
  "several in one batch": [
    [0, 0, create("a")],
    [0, 1, create("b")],
    [0, 2, create("c")],
    [0, 3, get("a")],
  ],
  "a search while others write": [
    [0, 0, create("a")],
    [0, 1, create("b")],
    [10, 0, search(1)],
    [10, 1, settle("a")],
    [20, 0, search(1, "next")],
  ],
  "the log is followed": [
    [0, 0, create("a")],
    [10, 1, history(null)],
    [20, 0, settle("a")],
    [30, 1, history(null)],
  ],
  "many deadlines at once": [
    [0, 0, until("a", 50)],
    [0, 1, until("b", 50)],
    [0, 2, until("c", 50)],
    [0, 3, until("d", 50)],
  ],
  "a schedule is fired twice": [[0, 0, ticks]],
  "a schedule is deleted as it is fired": [
    [0, 0, ticks],
    [1000, 1, { kind: "unschedule", id: "s" }],
    [1010, 0, list],
  ],
  "a refusal that times a promise out": [
    [0, 0, until("a", 20, { key: "k" })],
    [20, 0, create("a", { key: "k", strict: true })],
    [30, 0, get("a")],
  ],
};

/** Twice each: one server, and two that share the store. */
export const scripts: readonly Script[] = Object.entries(steps).flatMap(([name, script]) => [
  { name, plan: planOf(script, 1) },
  { name: `${name}, two servers`, plan: planOf(script, 2) },
]);

function planOf(script: readonly Step[], nodes: number): Plan {
  const intents = script.map(([at, client, action], index): Intent => {
    return { key: index + 1, at, client, action };
  });
  return {
    seed: "0000000000000000" as Seed, // never drawn from
    store: "memory",
    nodes,
    clients: 4,
    policy: { kind: "fifo" },
    limits: limits({ dueMax: 2 }),
    rules: plainRules,
    faults: calm,
    delayMax: 0,
    healAt: 1 + Math.max(1_000, ...script.map(([at]) => at)),
    intents,
    isSearched: true,
    isCanary: false,
  };
}
