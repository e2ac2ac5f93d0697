// What shrinking tries, in its order (simulation.md §6): first to take things away, then to make what
// is left simpler (simplify.ts). Each pass goes from the best run so far to a better one, or leaves it.

import { bounds, type Limits, limits } from "../kernel/limits.ts";
import { isFault, parseName } from "./choice-name.ts";
import type { Descent, ReduceOptions } from "./descent.ts";
import { type FaultName, faultNames, million } from "./faults.ts";
import { connected, idsOf } from "./involved.ts";
import type { Intent, Plan } from "./plan.ts";
import type { ChoiceList } from "./replay.ts";
import { plainRules } from "./rules.ts";
import {
  advance,
  calm,
  renameChoices,
  shortenIds,
  simplifyActions,
  squeezeNumbers,
  squeezeTime,
} from "./simplify.ts";
import { type Candidate, isUsual } from "./size.ts";

type Pass = (descent: Descent) => void;

export const passes: readonly Pass[] = [
  cut,
  leap,
  slice,
  dropClients,
  dropNodes,
  dropIntents,
  dropFaults,
  dropChoices,
  advance,
  dropIds,
  mergeClients,
  relaxLimits,
  simplifyActions,
  shortenIds,
  calm,
  squeezeTime,
  squeezeNumbers,
];

/** Into how many parts intents are divided before other draws are tried. Arbitrary. */
const partsMax = 64;
/** Intents that a reader can take in. Arbitrary. */
const readableMax = 30;
/** Intents of a slice that can be run hundreds of times. Arbitrary. */
const sliceMax = 100;
/** Draws for each slice: cheap ones before anything else, and more where nothing else helps. */
const drawsFirst = 100;
const drawsMost = 700;
/** Draws for each step from there. */
const drawsAgain = 50;

/** Much at once: many failures need no fault at all, and most need no odd limits. */
function leap(descent: Descent): void {
  descent.try(edited(descent.best, { store: "memory", isSearched: false }));
  descent.try(edited(descent.best, { limits: limits() }));
  descent.try(edited(descent.best, { rules: plainRules }));
  const { plan } = descent.best;
  descent.try({ plan, choices: descent.best.choices.filter((choice) => tells(plan, choice)) });
  const quiet = { ...plan, faults: withoutFaults(plan, new Set(faultNames)) };
  descent.try({ plan: quiet, choices: [] });
  descent.try({ plan: quiet, choices: descent.best.choices });
}

/** False: by this choice a fault does not strike, so it is as good as none (fate.ts). */
function tells({ faults }: Plan, [name, value]: ChoiceList[number]): boolean {
  const { site } = parseName(name);
  return !isFault(site) || value >= million - faults[site];
}

/** All that comes after the failure. */
function cut(descent: Descent): void {
  const { at } = descent.failure;
  keep(descent, (intent) => intent.at <= at);
  const { healAt } = descent.best.plan;
  descent.try(edited(descent.best, { healAt: Math.min(healAt, at) }));
}

/**
 * All but the promises of the failure, and those that wait for them or are awaited by them, directly
 * or through others. What reads many promises stays only if the failure needs it.
 */
function slice(descent: Descent): void {
  for (const intents of slices(descent)) {
    if (descent.tryMoved(edited(descent.best, { intents }))) return;
  }
  redraw(descent, drawsFirst);
}

/** The smallest one first; fewer intents than there are, all of them. */
function slices({ best, failure }: Descent): readonly (readonly Intent[])[] {
  const { intents } = best.plan;
  const failed = intents.find(({ key }) => key === failure.intent);
  const core = new Set([...failure.ids, ...(failed === undefined ? [] : idsOf(failed.action))]);
  if (core.size === 0) return [];
  const touches = (among: ReadonlySet<string>) => (each: Intent) => {
    return each === failed || idsOf(each.action).some((id) => among.has(id));
  };
  const isWide = ({ action }: Intent) => idsOf(action).length === 0;
  const component = touches(connected(core, intents));
  return [
    intents.filter(touches(core)),
    intents.filter(component),
    intents.filter((each) => isWide(each) || component(each)),
  ].filter(({ length }) => length < intents.length);
}

function dropClients(descent: Descent): void {
  descent.reduce(
    clientsOf(descent.best),
    ({ plan, choices }, gone) => {
      const intents = plan.intents.filter(({ client }) => !gone.has(client));
      return { plan: { ...plan, intents }, choices };
    },
    moving(descent),
  );
}

/** One client for all, so that nothing is concurrent, or as few as can be. */
function mergeClients(descent: Descent): void {
  countClients(descent);
  descent.reduce(clientsOf(descent.best).slice(1), (best, moved) => {
    return renumbered(best, (client) => (moved.has(client) ? 0 : client));
  });
  countClients(descent);
}

/** As many as there are, by the first numbers. */
function countClients(descent: Descent): void {
  const left = clientsOf(descent.best);
  descent.try(edited(descent.best, { clients: Math.max(...left, 0) + 1 }));
  const candidate = renumbered(descent.best, (client) => left.indexOf(client));
  descent.try(edited(candidate, { clients: Math.max(left.length, 1) }));
}

/** Choices that name a client go with it, unless an intent has the same number. */
function renumbered({ plan, choices }: Candidate, to: (client: number) => number): Candidate {
  const intents = plan.intents.map((intent) => ({ ...intent, client: to(intent.client) }));
  const clients = new Set(plan.intents.map(({ client }) => client));
  for (const { key } of plan.intents) clients.delete(key);
  const names = new Map([...clients].map((client) => [`${client}`, `${to(client)}`]));
  return { plan: { ...plan, intents }, choices: renameChoices(choices, names) };
}

function clientsOf({ plan }: Candidate): readonly number[] {
  return distinct(plan.intents.map(({ client }) => client)).toSorted((left, right) => left - right);
}

function dropNodes(descent: Descent): void {
  const { nodes } = descent.best.plan;
  for (let count = 1; count < nodes; count++) {
    if (descent.try(edited(descent.best, { nodes: count }))) return;
  }
}

/** Large parts first; where most of them seem to matter, other draws may do with less. */
function dropIntents(descent: Descent): void {
  const { length } = descent.best.plan.intents;
  reduceIntents(descent, { ...moving(descent), least: Math.ceil(length / partsMax) });
  if (descent.best.plan.intents.length > length / 4) redraw(descent, drawsMost);
  reduceIntents(descent, moving(descent));
  redraw(descent, drawsMost);
}

/** The promises of the failure alone, with other delays, and with those faults that struck them. */
function redraw(descent: Descent, drawsMax: number): void {
  const { best, failure } = descent;
  if (best.plan.intents.length <= readableMax || best.choices.length === 0) return;
  const struck = best.choices
    .filter((choice) => tells(best.plan, choice))
    .map(([name]) => parseName(name))
    .filter(({ entity }) => failure.ids.some((id) => entity.endsWith(` ${id}`)));
  const likely = distinct(struck.map(({ site }) => site)).filter(isFault);
  const draw = (plan: Plan, count: number) => {
    for (let number = 0; number < count; number++) {
      if (descent.tryRedrawn({ plan, number, likely })) return true;
    }
    return false;
  };
  const small = slices(descent).filter(({ length }) => length <= sliceMax);
  if (!small.some((intents) => draw({ ...best.plan, intents }, drawsMax))) return;
  reduceIntents(descent, { attempt: ({ plan }) => draw(plan, drawsAgain) });
}

function reduceIntents(descent: Descent, options: ReduceOptions): void {
  const keys = descent.best.plan.intents.map(({ key }) => key);
  const without = ({ plan, choices }: Candidate, gone: ReadonlySet<number>) => {
    const intents = plan.intents.filter(({ key }) => !gone.has(key));
    return { plan: { ...plan, intents }, choices };
  };
  descent.reduce(keys, without, options);
}

function dropFaults(descent: Descent): void {
  const { faults } = descent.best.plan;
  const on = faultNames.filter((name) => faults[name] > 0);
  descent.reduce(on, ({ plan, choices }, off) => {
    return { plan: { ...plan, faults: withoutFaults(plan, off) }, choices };
  });
}

/** All of a kind, then each: what is not chosen is 0, and quiet. */
function dropChoices(descent: Descent): void {
  const sites = distinct(descent.best.choices.map(([name]) => parseName(name).site));
  descent.reduce(sites, ({ plan, choices }, gone) => {
    return { plan, choices: choices.filter(([name]) => !gone.has(parseName(name).site)) };
  });
  const names = descent.best.choices.map(([name]) => name);
  descent.reduce(names, ({ plan, choices }, gone) => {
    return { plan, choices: choices.filter(([name]) => !gone.has(name)) };
  });
}

function dropIds(descent: Descent): void {
  const ids = distinct(descent.best.plan.intents.flatMap(({ action }) => idsOf(action)));
  descent.reduce(
    ids,
    ({ plan, choices }, gone) => {
      const intents = plan.intents.filter(
        ({ action }) => !idsOf(action).some((id) => gone.has(id)),
      );
      return { plan: { ...plan, intents }, choices };
    },
    moving(descent),
  );
}

/** To what is usual, else to one. */
function relaxLimits(descent: Descent): void {
  const names = Object.keys(bounds) as (keyof Limits)[];
  const odd = () => names.filter((name) => !isUsual(name, descent.best.plan.limits));
  for (const value of ["usual", "one"] as const) {
    descent.reduce(odd(), ({ plan, choices }, chunk) => {
      const relaxed = [...chunk].map((name) => [name, value === "one" ? 1 : bounds[name].usual]);
      const chosen = { ...plan.limits, ...Object.fromEntries(relaxed) };
      return { plan: { ...plan, limits: limits(chosen) }, choices };
    });
  }
}

function keep(descent: Descent, isKept: (intent: Intent) => boolean): boolean {
  const { intents } = descent.best.plan;
  const kept = intents.filter(isKept);
  return kept.length < intents.length && descent.tryMoved(edited(descent.best, { intents: kept }));
}

/** What takes intents away moves whatever is counted. */
function moving(descent: Descent): ReduceOptions {
  return { attempt: (candidate) => descent.tryMoved(candidate) };
}

function edited({ plan, choices }: Candidate, change: Partial<Plan>): Candidate {
  return { plan: { ...plan, ...change }, choices };
}

function withoutFaults({ faults }: Plan, off: ReadonlySet<FaultName>): Plan["faults"] {
  return Object.fromEntries(
    faultNames.map((name) => [name, off.has(name) ? 0 : faults[name]]),
  ) as Plan["faults"]; // one member for each name
}

function distinct<Value>(values: readonly Value[]): readonly Value[] {
  return [...new Set(values)];
}
