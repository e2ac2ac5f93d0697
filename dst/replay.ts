// The replay file: a failed run that can be run again without its seed, on another machine, by a
// later commit. It may come from anywhere and be damaged or edited, so it is checked to the last
// field before anything runs.
//
//   R1. Reading what was written gives the same replay; the same replay is always the same text.
//   R2. A file that is not whole and sound is refused, with the name of the field; nothing is thrown.
//   R3. What a later commit has added is quiet in an older file: its faults off, its limits and rules
//       as usual.

import { assert } from "../kernel/assert.ts";
import { bounds, type Limits, limits } from "../kernel/limits.ts";
import { compareBytes } from "../kernel/order.ts";
import type { Choices } from "./choice.ts";
import { faultNames, million } from "./faults.ts";
import * as shape from "./json-shape.ts";
import type { Action, Faults, Intent, Plan } from "./plan.ts";
import { action } from "./replay-actions.ts";
import { type DrawnRules, plainRules } from "./rules.ts";
import { parseSeed, type Seed } from "./seed.ts";
import { TraceHash } from "./trace.ts";
import type { Failure, OracleCode, Outcome } from "./verdict.ts";

export type Replay = {
  readonly format: 1;
  /** Which commit failed; null: not known. Another one may replay it, and may pass. */
  readonly commit: string | null;
  readonly expected: Expected;
  /** The hash of the run, 16 hex digits. */
  readonly trace: string;
  readonly plan: Plan;
  /** By name, sorted by bytes; zeros are left out. */
  readonly choices: ChoiceList;
};

export type Expected = Pick<Failure, "oracle" | "rule" | "message" | "intent" | "at">;
export type ChoiceList = readonly (readonly [name: string, value: number])[];
export type Unreadable = { readonly error: string };

type Found = { readonly plan: Plan; readonly choices: Choices; readonly outcome: Outcome };

/** @param found a run that failed */
export function replayOf({ plan, choices, outcome }: Found, commit: string | null): Replay {
  const { failure, trace } = outcome;
  assert(failure !== null, "a run that passed has no replay file");
  const { oracle, rule, message, intent, at } = failure;
  const expected = { oracle, rule, message, intent, at };
  return { format: 1, commit, expected, trace, plan, choices: sorted(choices) };
}

/** In the form in which a run takes them. */
export function choicesOf(replay: Replay): Choices {
  return new Map(replay.choices);
}

/** `<oracle>-<short hash>.json`: two failures with one name are the same one. */
export function fileNameOf(replay: Replay): string {
  const hash = new TraceHash();
  hash.text(encodeReplay(replay));
  return `${replay.expected.oracle}-${hash.digest.slice(0, 8)}.json`;
}

/** One intent and one choice a line, so that two files can be compared by eye. */
export function encodeReplay(replay: Replay): string {
  const { plan, choices, ...head } = readReplay(replay, ""); // in order, and a bug if it could not be read back
  const { intents, faults, ...world } = plan;
  const on = Object.fromEntries(Object.entries(faults).filter(([, rate]) => rate !== 0));
  const lines = [
    "{",
    ...members(head, 1),
    '  "plan": {',
    ...members({ ...world, faults: on }, 2),
    '    "intents": [',
    ...elements(intents, 3),
    "    ]",
    "  },",
    '  "choices": [',
    ...elements(choices, 2),
    "  ]",
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

export function decodeReplay(text: string): Replay | Unreadable {
  try {
    return readReplay(parse(text), "");
  } catch (error) {
    if (error instanceof shape.Damage) return { error: error.message };
    throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new shape.Damage(
      `the file is not JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function members(values: object, depth: number): readonly string[] {
  const indent = "  ".repeat(depth);
  return Object.entries(values).map(([name, value]) => {
    return `${indent}${JSON.stringify(name)}: ${JSON.stringify(value)},`;
  });
}

function elements(values: readonly unknown[], depth: number): readonly string[] {
  const indent = "  ".repeat(depth);
  return values.map((value, index) => {
    return `${indent}${JSON.stringify(value)}${index < values.length - 1 ? "," : ""}`;
  });
}

/** By the bytes of their names. */
export function sorted(choices: Choices): ChoiceList {
  return [...choices].sort(([left], [right]) => compareBytes(left, right));
}

const seed: shape.Shape<Seed> = (value, path) => {
  const digits = shape.matching(/^[0-9a-f]{16}$/, "a seed of 16 hex digits")(value, path);
  return parseSeed(`0x${digits}`) as Seed; // any 16 digits are one
};

const trace = shape.matching(/^[0-9a-f]{16}$/, "a hash of 16 hex digits");
const count = shape.whole(0);

/** What a world is built of is made at once, so a file must not ask for millions. Arbitrary. */
const nodesMax = 16;
const clientsMax = 1000;
const depthMax = 1000;

/** Room for whoever tries more than is usual. Arbitrary. */
const limitRoom = 16;

const intents = shape.list(shape.object<Intent>({ key: count, at: count, client: count, action }));

const policy = shape.tagged<Plan["policy"]>({
  kind: {
    fifo: shape.object({ kind: shape.oneOf("fifo") }),
    lifo: shape.object({ kind: shape.oneOf("lifo") }),
    random: shape.object({ kind: shape.oneOf("random") }),
    starve: shape.object({ kind: shape.oneOf("starve"), actor: count }),
    pct: shape.object({ kind: shape.oneOf("pct"), depth: shape.whole(1, depthMax) }),
  },
});

const readLimits: shape.Shape<Limits> = (value, path) => {
  const names = Object.keys(bounds) as (keyof Limits)[];
  const shapes = names.map((name) => {
    const { usual, simulated } = bounds[name];
    return [name, shape.whole(1, limitRoom * Math.max(usual, simulated[1]))] as const;
  });
  return limits(shape.partial(new Map(shapes))(value, path)); // R3
};

/** Arbitrary: thirty years. */
const duration = shape.whole(1, 1e12);
const rulesShape = shape.object<DrawnRules>({
  retryMs: duration,
  patienceMs: duration,
  retentionMs: duration,
  awaitsAny: shape.flag,
  preloadMax: shape.whole(0, 1000),
  isStrict: shape.flag,
});
const readRules: shape.Shape<DrawnRules> = (value, path) => {
  return rulesShape({ ...plainRules, ...shape.members(value, path) }, path); // R3
};

const readFaults: shape.Shape<Faults> = (value, path) => {
  const rate = shape.whole(0, million);
  const on = shape.partial(new Map(faultNames.map((name) => [name, rate])))(value, path);
  return Object.fromEntries(faultNames.map((name) => [name, on[name] ?? 0])) as Faults; // R3
};

const world = shape.object<Plan>({
  seed,
  store: shape.oneOf("memory", "sqlite", "postgres"),
  nodes: shape.whole(1, nodesMax),
  clients: shape.whole(1, clientsMax),
  policy,
  limits: readLimits,
  rules: readRules,
  faults: readFaults,
  delayMax: count,
  healAt: count,
  isSearched: shape.flag,
  isCanary: shape.flag,
  intents,
});

const readPlan: shape.Shape<Plan> = (value, path) => {
  const plan = world({ rules: {}, ...shape.members(value, path) }, path); // R3
  const keys = new Set<number>();
  for (const [index, { key, client, action }] of plan.intents.entries()) {
    const at = `${path}.intents[${index}]`;
    if (client >= plan.clients) shape.damage(`${at}.client`, `below ${plan.clients}`, client);
    if (keys.has(key)) shape.damage(`${at}.key`, "of one intent only", key);
    keys.add(key);
    tied(action, `${at}.action`);
    if (action.kind !== "callback" || action.awaited !== action.awaiter) continue;
    shape.damage(`${at}.action.awaiter`, "another promise than the awaited one", action.awaiter);
  }
  return plan;
};

/** What the API refuses before the kernel sees it. */
function tied(action: Action, path: string): void {
  if (action.kind === "fence" && action.action.id === action.id) {
    shape.damage(`${path}.action.id`, "another promise than the task's", action.id);
  }
  if (action.kind === "suspend") {
    const { id, awaited } = action;
    const isGood = awaited.length > 0 && !awaited.includes(id);
    if (!isGood) shape.damage(`${path}.awaited`, "other promises than its own", awaited);
  }
  if (action.kind === "start" && !action.action.tags.some(([name]) => name === target)) {
    shape.damage(`${path}.action.tags`, `with a ${target}`, action.action.tags);
  }
}

const target = "resonate:target";

const readChoices: shape.Shape<ChoiceList> = (value, path) => {
  const choices = shape.list(shape.pair(shape.text(), shape.whole(1)))(value, path);
  for (const [index, [name]] of choices.entries()) {
    const before = choices[index - 1];
    if (before === undefined || compareBytes(before[0], name) < 0) continue;
    shape.damage(`${path}[${index}][0]`, "greater than the name before it", name);
  }
  return choices;
};

const oracles = [
  "W",
  "G",
  "S",
  "T",
  "F",
  "C",
  "M",
  "V",
  "B",
  "X",
  "H",
  "A",
] as const satisfies readonly OracleCode[];

const replay = shape.object<Omit<Replay, "format">>({
  commit: shape.nullable(shape.text(100)),
  expected: shape.object<Expected>({
    oracle: shape.oneOf(...oracles),
    rule: shape.text(),
    message: shape.text(),
    intent: shape.nullable(count),
    at: count,
  }),
  trace,
  plan: readPlan,
  choices: readChoices,
});

/** The format comes first: of another one, nothing else can be said. */
const readReplay: shape.Shape<Replay> = (value, path) => {
  const { format, commit, ...rest } = shape.members(value, path);
  if (format === 1) return { format, ...replay({ commit, ...rest }, path) };
  const by = typeof commit === "string" ? `, such as ${shape.show(commit)}` : "";
  throw new shape.Damage(
    `format must be 1, not ${shape.show(format)}: use a commit that knows it${by}`,
  );
};
