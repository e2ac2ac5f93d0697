// Makes what is left of a failing run plainer, without taking intents away: values, ids, who goes
// first, when things happen. Passes of shrink-passes.ts.

import { isFault, parseName, printName } from "./choice-name.ts";
import type { Descent } from "./descent.ts";
import { idsOf } from "./involved.ts";
import { scheduleName } from "./model/record.ts";
import type { Action, Deadline, Intent, PairList, PlainValue } from "./plan.ts";
import type { ChoiceList } from "./replay.ts";
import { type Candidate, farAway, pageUsual, ttlUsual } from "./size.ts";

/** What a number is tried as, the least first. */
const magnitudes = [0, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000];

const nothing: PlainValue = { headers: null, data: null };

/** Members of an action in a plainer form. */
type Plainer = { readonly [member: string]: unknown };
type Edit = { readonly key: number; readonly change: Plainer };

/** One member at a time of each, the plainest form first: no tags, no key, null data. */
export function simplifyActions(descent: Descent): void {
  const { intents } = descent.best.plan;
  const rows = intents.map(({ key, at, action }) => {
    return plainer(action, at).map((change) => ({ key, change }));
  });
  const most = Math.max(...rows.map((row) => row.length), 0);
  for (let index = 0; index < most; index++) {
    const edits = rows.flatMap((row) => row[index] ?? []);
    descent.reduce(edits, changeActions);
  }
}

function changeActions({ plan, choices }: Candidate, edits: ReadonlySet<Edit>): Candidate {
  const changes = new Map([...edits].map(({ key, change }) => [key, change]));
  const intents = plan.intents.map((intent) => {
    const change = changes.get(intent.key);
    if (change === undefined) return intent;
    return { ...intent, action: { ...intent.action, ...change } as Action }; // its own members
  });
  return { plan: { ...plan, intents }, choices };
}

function plainer(action: Action, at: number): readonly Plainer[] {
  switch (action.kind) {
    case "create": {
      const { deadline, param, tags, key } = action;
      return [
        { deadline: farAway },
        ...[...plainerPairs(tags)].map((tags) => ({ tags })),
        ...plainerValues(param).map((param) => ({ param })),
        ...plainerKey(key),
        { strict: false },
        { isExternal: false },
        ...plainerDeadlines(deadline, at).map((deadline) => ({ deadline })),
      ];
    }
    case "settle": {
      const { value, key } = action;
      return [
        { outcome: "resolved" },
        ...plainerValues(value).map((value) => ({ value })),
        ...plainerKey(key),
        { strict: false },
      ];
    }
    case "search": {
      const tags = plainerPairs(action.tags).map((tags) => ({ tags }));
      return [{ pattern: "*" }, { state: null }, ...tags, { before: "start" }, ...limits];
    }
    case "events":
      return [{ after: "start" }, ...limits];
    case "list_promises":
    case "list_tasks":
    case "list_schedules": {
      const pairs = action.kind === "list_tasks" ? [] : plainerPairs(action.tags);
      const state = action.kind === "list_schedules" ? [] : [{ state: null }];
      const tags = pairs.map((tags) => ({ tags }));
      return [{ idPrefix: "" }, { after: "start" }, ...state, ...tags, ...limits];
    }
    case "schedule":
      return plainerValues(action.param).map((param) => ({ param }));
    case "acquire":
      return [{ lag: 0 }, { ttl: ttlUsual }, { pid: "w" }];
    case "heartbeat":
      return [{ lag: 0 }, { pid: "w" }];
    case "release":
      return [{ lag: 0 }];
    case "fulfill": {
      const values = plainerValues(action.value).map((value) => ({ value }));
      return [{ lag: 0 }, { outcome: "resolved" }, ...values];
    }
    case "suspend": {
      const { awaited } = action;
      const fewer = awaited.map((gone) => awaited.filter((id) => id !== gone));
      return [{ lag: 0 }, ...(awaited.length > 1 ? fewer : []).map((awaited) => ({ awaited }))];
    }
    case "start":
      return [{ ttl: ttlUsual }, { pid: "w" }, ...plainerInner(action, at)];
    case "fence":
      return [{ lag: 0 }, ...plainerInner(action, at)];
    case "share":
      return plainerInner(action, at);
    case "get":
    case "look":
    case "halt":
    case "continue":
    case "callback":
    case "listen":
    case "show":
    case "unschedule":
      return [];
  }
}

function plainerInner({ action }: { readonly action: Action }, at: number): readonly Plainer[] {
  return plainer(action, at).map((change) => ({ action: { ...action, ...change } as Action })); // its own members
}

const limits: readonly Plainer[] = [{ limit: pageUsual }, { limit: 1 }, { limit: 2 }];

function plainerPairs(pairs: PairList): readonly PairList[] {
  if (pairs.length === 0) return [];
  const without = pairs.map((_, gone) => pairs.filter((_, index) => index !== gone));
  return [[], ...(pairs.length > 1 ? without : []), pairs.map(([name]) => [name, "x"] as const)];
}

function plainerValues({ headers, data }: PlainValue): readonly PlainValue[] {
  const forms = [nothing, { headers: null, data }, { headers, data: null }];
  const pairs = plainerPairs(headers ?? []).map((headers) => ({ headers, data }));
  return [...forms, { headers: null, data: "x" }, ...pairs];
}

function plainerKey(key: string | null): readonly Plainer[] {
  return key === null ? [] : [{ key: null }, { key: "k" }];
}

/** @param at when the client is to ask */
function plainerDeadlines(deadline: Deadline, at: number): readonly Deadline[] {
  const relative = magnitudes.map((ms) => ({ from: "request", ms }) as const);
  if (deadline.from !== "start") return relative;
  return [...relative, { from: "request", ms: deadline.ms - at }];
}

/** Renames what has a long name, here and in the names of choices, to `a`, `b` and so on. */
export function shortenIds(descent: Descent): void {
  const ids = new Set(descent.best.plan.intents.flatMap(({ action }) => idsOf(action)));
  const free = shortNames(ids.size).filter((name) => !ids.has(name));
  const renames = [...ids]
    .filter((id) => !/^[a-z]$/.test(id))
    .flatMap((id, index) => {
      const to = free[index];
      return to === undefined ? [] : [{ id, to }];
    });
  descent.reduce(renames, (best, chunk) => {
    return rename(best, new Map([...chunk].map(({ id, to }) => [id, to])));
  });
}

function shortNames(count: number): readonly string[] {
  const letters = "abcdefghijklmnopqrstuvwxyz".split("");
  const numbered = Array.from({ length: count }, (_, index) => `p${index}`);
  return [...letters, ...numbered];
}

type Names = ReadonlyMap<string, string>;

function rename({ plan, choices }: Candidate, names: Names): Candidate {
  const intents = plan.intents.map((intent) => {
    return { ...intent, action: renameAction(intent.action, names) };
  });
  return { plan: { ...plan, intents }, choices: renameChoices(choices, names) };
}

function renameAction(action: Action, names: Names): Action {
  const to = (id: string) => names.get(id) ?? id;
  switch (action.kind) {
    case "create":
    case "settle":
    case "get":
    case "look":
    case "halt":
    case "continue":
    case "acquire":
    case "release":
    case "heartbeat":
    case "fulfill":
      return { ...action, id: to(action.id) };
    case "listen":
      return { ...action, awaited: to(action.awaited) };
    case "suspend":
      return { ...action, id: to(action.id), awaited: action.awaited.map(to) };
    case "start":
      return { ...action, action: { ...action.action, id: to(action.action.id) } };
    case "share":
      return { ...action, action: { ...action.action, id: to(action.action.id) } };
    case "fence": {
      const inner = { ...action.action, id: to(action.action.id) };
      return { ...action, id: to(action.id), action: inner };
    }
    case "callback":
      return { ...action, awaited: to(action.awaited), awaiter: to(action.awaiter) };
    case "schedule":
    case "show":
    case "unschedule":
      return { ...action, id: names.get(scheduleName(action.id)) ?? action.id };
    case "list_promises":
    case "list_tasks":
    case "list_schedules":
      return { ...action, idPrefix: to(action.idPrefix) };
    case "search":
      return { ...action, pattern: to(action.pattern) };
    case "events":
      return action.of === null ? action : { ...action, of: to(action.of) };
  }
}

/** Wherever a choice is about one of these, it is about what `names` makes of it. */
export function renameChoices(choices: ChoiceList, names: Names): ChoiceList {
  return choices.map(([name, value]) => [renameChoice(name, names), value]);
}

function renameChoice(name: string, names: Names): string {
  const parsed = parseName(name);
  for (const [id, to] of names) {
    const { entity } = parsed;
    if (entity !== id && !entity.endsWith(` ${id}`)) continue;
    return printName({ ...parsed, entity: entity.slice(0, entity.length - id.length) + to });
  }
  return name;
}

/** First come, first served, and at once. */
export function calm(descent: Descent): void {
  const { plan, choices } = descent.best;
  descent.try({ plan: { ...plan, policy: { kind: "fifo" }, delayMax: 0 }, choices });
  descent.try({ plan: { ...descent.best.plan, policy: { kind: "fifo" } }, choices });
}

/** Takes out the time in which nothing is asked, then makes it a round figure. */
export function squeezeTime(descent: Descent): void {
  const instants = [...new Set(descent.best.plan.intents.map(({ at }) => at))];
  const steps = instants.sort((left, right) => left - right);
  const stepOf = new Map(descent.best.plan.intents.map(({ key, at }) => [key, steps.indexOf(at)]));
  for (const gap of magnitudes) {
    descent.reduce([...steps.keys()], (best, chunk) => {
      return moved(best, stepOf, (index, usual) =>
        chunk.has(index) ? Math.min(gap, usual) : usual,
      );
    });
  }
}

/** @param gap of a step, from the gap that it has now to the one that it shall have */
function moved(
  { plan, choices }: Candidate,
  stepOf: ReadonlyMap<number, number>,
  gap: (index: number, usual: number) => number,
): Candidate {
  const stepIn = ({ key }: Intent) => stepOf.get(key) ?? 0;
  const now: number[] = [];
  for (const intent of plan.intents) now[stepIn(intent)] = intent.at;
  const then: number[] = [];
  for (const [index, at] of now.entries()) {
    then.push((then[index - 1] ?? 0) + gap(index, at - (now[index - 1] ?? 0)));
  }
  const intents = plan.intents.map((intent) => ({ ...intent, at: then[stepIn(intent)] ?? 0 }));
  const to = (at: number) => {
    const last = now.findLastIndex((step) => step <= at);
    return last < 0 ? Math.min(at, then[0] ?? at) : at - (now[last] ?? 0) + (then[last] ?? 0);
  };
  return {
    plan: { ...plan, intents, healAt: to(plan.healAt) },
    choices: choices.map(([name, value]) => {
      const parsed = parseName(name);
      return [printName({ ...parsed, at: parsed.at === null ? null : to(parsed.at) }), value];
    }),
  };
}

/** Round figures: when faults end, the longest delay, and each that was chosen. */
export function squeezeNumbers(descent: Descent): void {
  for (const member of ["healAt", "delayMax"] as const) {
    for (const value of magnitudes) {
      const { plan, choices } = descent.best;
      if (value < plan[member]) descent.try({ plan: { ...plan, [member]: value }, choices });
    }
  }
  for (const value of magnitudes.slice(1)) {
    const larger = descent.best.choices.filter(
      ([name, chosen]) => chosen > value && !isFault(parseName(name).site),
    );
    descent.reduce(
      larger.map(([name]) => name),
      ({ plan, choices }, chunk) => {
        const chosen = choices.map(([name, old]) => [name, chunk.has(name) ? value : old] as const);
        return { plan, choices: chosen };
      },
    );
  }
}

/** Of more choices, it is not worth the while. Arbitrary. */
const advancedMax = 50;

/** What is chosen at the hundredth occasion may be chosen at the first one, and then needs no others. */
export function advance(descent: Descent): void {
  if (descent.best.choices.length > advancedMax) return;
  for (const pair of descent.anchors().keys()) {
    const { length } = descent.anchors().get(pair) ?? [];
    for (let index = 0; index < length; index++) {
      for (const member of ["at", "turn"] as const) advanceOne(descent, { pair, index, member });
    }
  }
}

type Place = {
  readonly pair: string;
  readonly index: number;
  readonly member: "at" | "turn";
};

/** To the start, or by half, a quarter, an eighth. */
function advanceOne(descent: Descent, { pair, index, member }: Place): void {
  let step = descent.anchors().get(pair)?.[index]?.[member] ?? 0;
  const least = Math.max(1, step / 8);
  while (step >= least) {
    const anchors = descent.anchors();
    const anchor = anchors.get(pair)?.[index];
    if (anchor === undefined) return; // it came to nothing, and was left out
    const earlier = { ...anchor, turn: 0, [member]: Math.max(0, anchor[member] - step) };
    const moved = anchors.get(pair)?.with(index, earlier) ?? [];
    if (!descent.tryAnchored(descent.best.plan, new Map(anchors).set(pair, moved))) {
      step = Math.floor(step / 2);
    }
    step = Math.min(step, descent.anchors().get(pair)?.[index]?.[member] ?? 0);
  }
}
