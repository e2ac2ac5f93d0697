// How large a failing run is: what a reader has to take in before the failure makes sense. Shrinking
// goes down by this measure, so it ends.
//
//   R4. Sizes are compared part by part: intents first, then nodes, clients, faults, choices, and in
//       the end the weight, which counts whatever makes a value longer than it must be.

import { bounds, type Limits } from "../kernel/limits.ts";
import { parseName } from "./choice-name.ts";
import { idsOf } from "./involved.ts";
import type { Action, Deadline, Intent, PairList, PlainValue, Plan } from "./plan.ts";
import type { ChoiceList } from "./replay.ts";
import { type DrawnRules, plainRules } from "./rules.ts";

/** A run that might fail: its plan, and what it is told to choose. */
export type Candidate = { readonly plan: Plan; readonly choices: ChoiceList };

/** What is printed of a run before and after. */
export type Sizes = {
  readonly intents: number;
  readonly ids: number;
  readonly clients: number;
  readonly nodes: number;
  /** Kinds of faults that may strike. */
  readonly faults: number;
  /** Choices other than the quietest. */
  readonly choices: number;
};

export const sizeNames = [
  "intents",
  "ids",
  "clients",
  "nodes",
  "faults",
  "choices",
] as const satisfies readonly (keyof Sizes)[];

export function sizesOf({ plan, choices }: Candidate): Sizes {
  return {
    intents: plan.intents.length,
    ids: new Set(plan.intents.flatMap(({ action }) => idsOf(action))).size,
    clients: new Set(plan.intents.map(({ client }) => client)).size,
    nodes: plan.nodes,
    faults: faultsOn(plan),
    choices: choices.length,
  };
}

/** To be compared by `compareSizes`; weighs an intent once. */
export class Scale {
  readonly #weights = new WeakMap<Intent | ChoiceList[number], number>();

  weigh({ plan, choices }: Candidate): readonly number[] {
    let weight = worldWeight(plan);
    for (const intent of plan.intents) weight += this.#weightOf(intent);
    for (const choice of choices) weight += this.#weightOfChoice(choice);
    const { intents, nodes, clients } = plan;
    return [intents.length, nodes, clients, faultsOn(plan), choices.length, weight];
  }

  #weightOf(intent: Intent): number {
    const known = this.#weights.get(intent);
    if (known !== undefined) return known;
    const weight = digits(intent.at) + digits(intent.client) + actionWeight(intent.action);
    this.#weights.set(intent, weight);
    return weight;
  }

  #weightOfChoice(choice: ChoiceList[number]): number {
    const known = this.#weights.get(choice);
    if (known !== undefined) return known;
    const [name, value] = choice;
    const { at, occurrence } = parseName(name);
    const weight = digits(value) + digits(at ?? 0) + digits(occurrence);
    this.#weights.set(choice, weight);
    return weight;
  }
}

/** Negative: `left` is the smaller one (R4). */
export function compareSizes(left: readonly number[], right: readonly number[]): number {
  const index = left.findIndex((part, at) => part !== right[at]);
  return index < 0 ? 0 : (left[index] ?? 0) - (right[index] ?? 0);
}

/** Nothing is lighter than 0, and 1 than all the others. */
function digits(value: number): number {
  return value === 0 || value === 1 ? value : 1 + String(value).length;
}

/** So far away that nobody waits for it in a small world. */
export const farAway: Deadline = { from: "request", ms: 1_000_000 };

/** The largest that the API allows. */
export const pageUsual = 100;

/** A minute, ms, as SDKs ask for. */
export const ttlUsual = 60_000;

/** Beyond any number of digits. */
const otherOrigin = 20;

function faultsOn({ faults }: Plan): number {
  return Object.values(faults).filter((rate) => rate > 0).length;
}

const ruleNames = Object.keys(plainRules) as (keyof DrawnRules)[]; // `keys` forgets the names

function worldWeight(plan: Plan): number {
  const { policy, limits, rules, store, isSearched, delayMax, healAt } = plan;
  const flags = [policy.kind !== "fifo", store !== "memory", isSearched];
  const names = Object.keys(limits) as (keyof Limits)[];
  const limited = names.reduce((sum, name) => sum + limitWeight(name, limits), 0);
  const odd = ruleNames.map((name) => rules[name] !== plainRules[name]);
  return count(flags) + count(odd) + limited + digits(delayMax) + digits(healAt);
}

/** Nothing if it is as usual, little if it is one. */
function limitWeight(name: keyof Limits, limits: Limits): number {
  if (isUsual(name, limits)) return 0;
  return limits[name] === 1 ? 1 : 1 + digits(limits[name]);
}

/** One of them can be no larger than another one (kernel/limits.ts). */
export function isUsual(name: keyof Limits, limits: Limits): boolean {
  const { usual } = bounds[name];
  const most = name === "sweepShareMax" ? Math.min(usual, limits.batchMax) : usual;
  return limits[name] === most;
}

function actionWeight(action: Action): number {
  switch (action.kind) {
    case "create": {
      const { id, deadline, param, tags, key, strict, isExternal } = action;
      const texts = textWeight(id) + optionalWeight(key) + pairsWeight(tags) + valueWeight(param);
      return texts + deadlineWeight(deadline) + count([strict, isExternal]);
    }
    case "schedule": {
      const { id, cron, promiseId, param, tags } = action;
      const texts = textWeight(id) + textWeight(cron) + textWeight(promiseId);
      return texts + pairsWeight(tags) + valueWeight(param);
    }
    case "show":
    case "unschedule":
      return textWeight(action.id);
    case "list_promises":
    case "list_schedules":
    case "list_tasks": {
      const { idPrefix, after, limit } = action;
      const tags = action.kind === "list_tasks" ? 0 : pairsWeight(action.tags);
      const isAny = action.kind === "list_schedules" || action.state === null;
      const place = count([after !== "start", !isAny]) + (limit === pageUsual ? 0 : digits(limit));
      return tags + place + optionalWeight(idPrefix === "" ? null : idPrefix);
    }
    case "settle": {
      const { id, outcome, value, key, strict } = action;
      const texts = textWeight(id) + optionalWeight(key) + valueWeight(value);
      return texts + count([strict, outcome !== "resolved"]);
    }
    case "get":
    case "look":
    case "halt":
    case "continue":
      return textWeight(action.id);
    case "listen":
      return textWeight(action.awaited) + textWeight(action.address);
    case "share":
      return 1 + actionWeight(action.action);
    case "start":
      return leaseWeight(action) + actionWeight(action.action);
    case "acquire":
      return leaseWeight(action) + taskWeight(action);
    case "release":
      return taskWeight(action);
    case "heartbeat":
      return textWeight(action.pid) + taskWeight(action);
    case "fulfill": {
      const isOther = action.outcome !== "resolved";
      return taskWeight(action) + valueWeight(action.value) + count([isOther]);
    }
    case "suspend":
      return taskWeight(action) + action.awaited.reduce((sum, id) => sum + 1 + textWeight(id), 0);
    case "fence":
      return taskWeight(action) + actionWeight(action.action);
    case "callback":
      return textWeight(action.awaited) + textWeight(action.awaiter);
    case "search": {
      const { pattern, state, tags, limit, before } = action;
      return (
        textWeight(pattern) + pairsWeight(tags) + count([state !== null]) + page(limit, before)
      );
    }
    case "events":
      return optionalWeight(action.of) + page(action.limit, action.after);
  }
}

function taskWeight({ id, lag }: { readonly id: string; readonly lag: number }): number {
  return textWeight(id) + digits(Math.abs(lag));
}

function leaseWeight({ pid, ttl }: { readonly pid: string; readonly ttl: number }): number {
  return textWeight(pid) + (ttl === ttlUsual ? 0 : 1 + digits(ttl));
}

function page(limit: number, from: "start" | "next" | number): number {
  const start = from === "start" ? 0 : typeof from === "number" ? 1 + digits(from) : 1;
  return start + (limit === pageUsual ? 0 : digits(limit));
}

function deadlineWeight(deadline: Deadline): number {
  const { from, ms } = deadline;
  if (from === farAway.from && ms === farAway.ms) return 0;
  return (from === "request" ? 1 : otherOrigin) + (ms === 0 ? 0 : String(ms).length);
}

function valueWeight({ headers, data }: PlainValue): number {
  return (headers === null ? 0 : 1 + pairsWeight(headers)) + optionalWeight(data);
}

function pairsWeight(pairs: PairList): number {
  return pairs.reduce((sum, [name, text]) => sum + 1 + textWeight(name) + textWeight(text), 0);
}

function optionalWeight(text: string | null): number {
  return text === null ? 0 : 1 + textWeight(text);
}

/** A character beyond ASCII, and one that must be escaped, is harder to read. */
function textWeight(text: string): number {
  return text.length + text.replace(/[\w.:/-]/g, "").length;
}

function count(flags: readonly boolean[]): number {
  return flags.filter((flag) => flag).length;
}
