// Judges what clients of real servers have seen: by the log of the store, by our model, and by our
// search for an order (simulation.md §5.4, §10.2).
//
// The log says which commands have written, when, and in which order in each stream, but not who asked
// for them. So a state of the search is how far the log of each stream has come. An operation takes
// effect either as the next command of the log in its streams, if the model makes the same of what was
// there at the same instant, and answers what was seen; or between two of them, if the model changes
// nothing. Commands that the server gives itself may take effect from their recorded instant on. In the
// end the whole log must be explained.
//
//   H1. What was answered has one place in an order that keeps real time, and the answer is the model's.
//   H2. What failed without effect has no place.
//   H3. What failed with an unknown outcome has one place at the most: applied once, or never.
//   H4. Each logged command is explained by one that was asked, or that was due.
//   H5. The invariants of protocol.md §12 hold after each event of the log.
//   H6. No lease ends before its time, counted from its last heartbeat that was answered before.

import { isDeepStrictEqual } from "node:util";
import { brokenState, brokenStep } from "../../dst/invariants.ts";
import { type Finding, linearize, type Operation, type Spec } from "../../dst/linearizability.ts";
import { idsOf, type ModelCommand } from "../../dst/model/command.ts";
import { canonical, type ModelRecord, nothing, stopped } from "../../dst/model/record.ts";
import { step } from "../../dst/model.ts";
import { toModelRecord } from "../../dst/to-model.ts";
import { assert } from "../../kernel/assert.ts";
import { usualRules } from "../../kernel/rules.ts";
import type { LoggedEvent } from "../../kernel/search.ts";
import { absent, evolve } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { type Asked, expectedOf, type Outcome, type Seen } from "./cluster-requests.ts";

/** Instants are of the wall clock, ms, with fractions. */
export type Recorded = {
  readonly asked: Asked;
  readonly call: number;
  readonly return: number;
  readonly outcome: Outcome;
};

export type Judgement = {
  readonly finding: Finding;
  /** An operation of the finding, for people. */
  readonly shown: (index: number) => string;
  /** What else is wrong, a sentence each. */
  readonly broken: readonly string[];
  readonly counts: Readonly<Record<"answered" | "none" | "unknown" | "logged", number>>;
};

/** Clocks of two processes on one machine, the one whole and the other not, differ by less. */
const slackMs = 5;

/** What one command has written. */
type Step = {
  readonly command: string;
  readonly at: number;
  readonly events: readonly LoggedEvent[];
  /** By stream: how far its log has come before and after. */
  readonly spans: ReadonlyMap<string, { readonly from: number; readonly to: number }>;
};

type Past = {
  readonly steps: readonly Step[];
  /** By stream, by version. */
  readonly folds: ReadonlyMap<string, readonly ModelRecord[]>;
  /** By stream, the command of each event. */
  readonly next: ReadonlyMap<string, readonly Step[]>;
};

export function judge(history: readonly Recorded[], log: readonly LoggedEvent[]): Judgement {
  const past = read(log);
  const inputs = [
    ...history.filter(({ outcome }) => outcome.kind !== "none").map(entry), // H2, with H4
    ...past.steps.flatMap(internal),
    ...endings(history, past),
  ];
  const finding = linearize(inputs, new LogSpec(past));
  const count = (kind: Outcome["kind"]) =>
    history.filter((each) => each.outcome.kind === kind).length;
  const counts = {
    ...{ answered: count("answered"), none: count("none"), unknown: count("unknown") },
    logged: past.steps.length,
  };
  const shown = (index: number) => describe(inputs[index]);
  return { finding, shown, broken: [...brokenRules(past), ...shortLeases(history, past)], counts };
}

/** For people: why there is no order; empty if there is one. */
export function explained(
  { finding, broken, counts, shown }: Judgement,
  log: readonly LoggedEvent[],
): string {
  const worst = finding.components.at(-1);
  if (finding.verdict === "ok" || worst === undefined) return broken.join("\n");
  const ids = new Set(worst.ids);
  const events = log
    .filter(({ key }) => ids.has(key.id))
    .map((each) => {
      return `  ${each.at} ${each.key.id} v${each.version} ${each.command} ${show(each.event)}`;
    });
  const { order, blocked } = worst.longest;
  const refused = blocked.map((index) => `  no place for: ${shown(index)}`);
  const head = `${finding.verdict}: ${worst.ids.join(", ")} (${show(counts)})`;
  const sizes = `${order.length} of ${worst.operations.length} have a place`;
  return [head, sizes, ...refused, "  the log:", ...events, ...broken].join("\n");
}

function show(value: unknown): string {
  return JSON.stringify(value, (_name, each) => {
    if (each instanceof Map) return [...each];
    return typeof each === "bigint" ? `${each}` : each;
  });
}

// What may take effect.

type Input =
  | { readonly kind: "asked"; readonly asked: Asked; readonly window: readonly [number, number] }
  /** By itself, as this command of the log. */
  | { readonly kind: "internal"; readonly command: ModelCommand; readonly step: Step }
  | { readonly kind: "end"; readonly id: string };
type Entry = Operation<Input, Seen | "end">;

function describe(entry: Entry | undefined): string {
  if (entry === undefined) return "nothing";
  const { input, output, call, return: until } = entry;
  const what =
    input.kind === "end" ? input : input.kind === "asked" ? input.asked.command : input.command;
  return `${input.kind} ${call.toFixed(1)} to ${until.toFixed(1)} ${show(what)} -> ${show(output)}`;
}

function entry({ asked, call, return: until, outcome }: Recorded): Entry {
  const ids = idsOf(asked.command);
  if (outcome.kind === "answered") {
    const input: Input = { kind: "asked", asked, window: [call - slackMs, until + slackMs] };
    return { call, return: until, input, output: outcome.seen, ids };
  }
  const window = [call - slackMs, Number.POSITIVE_INFINITY] as const;
  const input: Input = { kind: "asked", asked, window };
  return { call, return: Number.POSITIVE_INFINITY, input, output: null, ids }; // H3
}

function internal(step: Step): readonly Entry[] {
  return commandsOf(step).map((command) => {
    const input: Input = { kind: "internal", command, step };
    const bounds = { call: step.at - slackMs, return: Number.POSITIVE_INFINITY };
    return { ...bounds, input, output: null, ids: idsOf(command) };
  });
}

/** What the server may have asked of itself to write this. */
function commandsOf({ events }: Step): readonly ModelCommand[] {
  return events.flatMap(({ key: { id }, event }): readonly ModelCommand[] => {
    switch (event.kind) {
      case "callback_drained":
        return [{ kind: "drain_callback", awaited: id, awaiter: event.awaiter }];
      case "lease_expired":
        return [{ kind: "expire_lease", id }];
      case "promise_settled": {
        const isAlone = events.length === 1 && event.key === null;
        return isAlone ? [{ kind: "settle_at_deadline", id }] : [];
      }
      default:
        return [];
    }
  });
}

/** H4. */
function endings(history: readonly Recorded[], { folds }: Past): readonly Entry[] {
  const last = history.reduce((latest, each) => Math.max(latest, each.return), 0);
  const asked = history.flatMap((each) => idsOf(each.asked.command));
  return [...new Set([...asked, ...folds.keys()])].map((id) => {
    const bounds = { call: last + 1, return: last + 2 };
    return { ...bounds, input: { kind: "end", id }, output: "end", ids: [id] };
  });
}

/** How far the log of each stream of a component has come. */
type State = { readonly places: ReadonlyMap<string, number>; readonly versions: readonly number[] };

class LogSpec implements Spec<State, Input, Seen | "end"> {
  readonly #past: Past;

  constructor(past: Past) {
    this.#past = past;
  }

  initial(ids: readonly string[]): State {
    return { places: new Map(ids.map((id, place) => [id, place])), versions: ids.map(() => 0) };
  }

  key({ versions }: State): string {
    return versions.join(" ");
  }

  step(state: State, input: Input, output: Seen | "end" | null): State | null {
    if (input.kind === "end") {
      return this.#next(state, input.id) === null ? state : null;
    }
    if (input.kind === "internal") {
      return this.#written(state, input, input.step, null);
    }
    const seen = output === "end" ? null : output;
    const candidates = new Set(idsOf(input.asked.command).map((id) => this.#next(state, id)));
    for (const candidate of candidates) {
      const after = candidate === null ? null : this.#written(state, input, candidate, seen);
      if (after !== null) return after;
    }
    return seen !== null && this.#isRead(state, input, seen) ? state : null;
  }

  #next(state: State, id: string): Step | null {
    return this.#past.next.get(id)?.[versionOf(state, id)] ?? null;
  }

  #record(state: State, id: string): ModelRecord {
    return this.#past.folds.get(id)?.[versionOf(state, id)] ?? nothing;
  }

  /** Null: it cannot have been this command that has written this. */
  #written(
    state: State,
    input: Exclude<Input, { kind: "end" }>,
    { at, spans }: Step,
    seen: Seen | null,
  ): State | null {
    for (const [id, { from }] of spans) {
      const place = state.places.get(id);
      if (place === undefined || state.versions[place] !== from) return null;
    }
    if (input.kind === "asked" && (at < input.window[0] || at > input.window[1])) return null;
    const { changes, answer } = this.#ask(state, commandOf(input), at);
    const isAnswer = (asked: Asked, what: Seen) =>
      isDeepStrictEqual(expectedOf(asked, answer), what);
    if (input.kind === "asked" && seen !== null && !isAnswer(input.asked, seen)) return null;
    if (changes.size !== spans.size) return null;
    const versions = [...state.versions];
    for (const [id, { to }] of spans) {
      const stored = this.#past.folds.get(id)?.[to] ?? nothing;
      if (changes.get(id) !== canonical(stored)) return null;
      versions[state.places.get(id) ?? 0] = to; // looked up above
    }
    return { places: state.places, versions };
  }

  /** The model answers the same and changes nothing, early or late in the life of the operation. */
  #isRead(state: State, input: Input & { kind: "asked" }, seen: Seen): boolean {
    return input.window.some((now) => {
      const { changes, answer } = this.#ask(state, input.asked.command, Math.floor(now));
      return changes.size === 0 && isDeepStrictEqual(expectedOf(input.asked, answer), seen);
    });
  }

  /** Records that are others than before, as text. */
  #ask(state: State, command: ModelCommand, now: number) {
    const before = (id: string) => this.#record(state, id);
    const { changes, answer } = step(before, command, { now, rules: usualRules });
    const facts = changes.map(([id, record]) => [id, canonical(untimed(record))] as const);
    const others = facts.filter(([id, text]) => text !== canonical(before(id)));
    return { answer, changes: new Map(others) };
  }
}

function commandOf(input: Exclude<Input, { kind: "end" }>): ModelCommand {
  return input.kind === "asked" ? input.asked.command : input.command;
}

function versionOf({ places, versions }: State, id: string): number {
  const version = versions[places.get(id) ?? -1];
  assert(version !== undefined, "an operation touches an id that it does not name");
  return version;
}

// The log.

type Growing = Omit<Step, "spans"> & {
  readonly events: LoggedEvent[];
  readonly spans: Map<string, { from: number; to: number }>;
};

function grow({ command, at }: LoggedEvent): Growing {
  return { command, at, events: [], spans: new Map() };
}

function read(log: readonly LoggedEvent[]): Past {
  const steps = new Map<string, Growing>();
  const folds = new Map<string, ModelRecord[]>();
  const next = new Map<string, Step[]>();
  const states = new Map<string, typeof absent>();
  for (const each of log) {
    const { id } = each.key;
    const known = steps.get(each.command);
    const ours = known ?? grow(each);
    if (known === undefined) steps.set(each.command, ours);
    const records = folds.get(id) ?? [nothing];
    assert(each.version === records.length, `${id}: version ${each.version} is out of order`);
    assert(each.at === ours.at, `${each.command} has written at two instants`);
    const span = ours.spans.get(id) ?? { from: each.version - 1, to: 0 };
    assert(span.to === 0 || span.to === each.version - 1, `${each.command} was interrupted`);
    span.to = each.version;
    ours.spans.set(id, span);
    ours.events.push(each);
    const state = evolve(states.get(id) ?? absent, each.event);
    assert(state.kind === "promise", "these tests have no schedules");
    states.set(id, state);
    folds.set(id, [...records, untimed(toModelRecord({ state, timers: noTimers }))]);
    next.set(id, [...(next.get(id) ?? []), ours]);
  }
  return { steps: [...steps.values()], folds, next };
}

/** Without what the log does not tell: a task that has a clock is due at any time. */
function untimed(record: ModelRecord): ModelRecord {
  const { task } = record;
  const isRunning = task?.state === "pending" || task?.state === "acquired";
  return { ...record, tellings: new Map(), clock: { ...stopped, at: isRunning ? 0n : null } };
}

/** H5. A state counts once the command is done: who is born overdue is settled by its second event. */
function brokenRules({ steps, folds }: Past): readonly string[] {
  return steps.flatMap(({ events, spans }) => {
    return events.flatMap(({ key: { id }, version, event }) => {
      const records = folds.get(id) ?? [];
      const [before = nothing, after = nothing] = records.slice(version - 1, version + 1);
      const isDone = spans.get(id)?.to === version;
      const state = isDone ? brokenState(after, { id, awaitsAny: false }) : null;
      const rule = state ?? brokenStep(before, after, event);
      return rule === null ? [] : [`${id} v${version} breaks ${rule}`];
    });
  });
}

/** H6. */
function shortLeases(history: readonly Recorded[], { next }: Past): readonly string[] {
  const beats = history.flatMap(({ asked: { command }, outcome, ...times }) => {
    const isHeard = command.kind === "heartbeat_task" && outcome.kind === "answered";
    return isHeard ? [{ ...command, ...times }] : [];
  });
  return [...next].flatMap(([id, steps]) => {
    let held = { pid: "", ttl: 0, since: 0, version: 0 };
    return [...new Set(steps)].flatMap(({ at, events }) => {
      const broken: string[] = [];
      for (const { key, event } of events) {
        if (key.id !== id) continue;
        if (event.kind === "task_acquired") {
          const { pid, ttl } = event;
          held = { pid, ttl: Number(ttl), since: at, version: held.version + 1 };
        } else if (event.kind === "lease_expired") {
          const { pid, version } = held;
          const heard = beats.filter((beat) => {
            const isOurs = beat.id === id && beat.pid === pid && beat.version === version;
            return isOurs && beat.call > held.since && beat.return < at - slackMs;
          });
          const since = heard.reduce((latest, { call }) => Math.max(latest, call), held.since);
          const early = since + held.ttl - at;
          if (early > slackMs) broken.push(`${id}: lease ${version} ended ${early} ms early`);
        }
      }
      return broken;
    });
  });
}
