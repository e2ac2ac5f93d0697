// Random commands of every kind, one after the other, over a few streams in a Map, while time passes:
// whatever is asked, by whomever, the invariants of protocol.md §12 hold. Drains that a command has
// caused, notes on its messages, and what a sweep would find run in between: early, late or never.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { assert } from "../../kernel/assert.ts";
import { type Command, type InternalCommand, keys } from "../../kernel/command.ts";
import type { Event } from "../../kernel/event.ts";
import { execute } from "../../kernel/execute.ts";
import {
  commandId,
  deadlineMs,
  durationMs,
  instantMs,
  type PromiseId,
  promiseId,
  streamRevision,
  streamVersion,
  taskVersion,
} from "../../kernel/ids.ts";
import type { Message } from "../../kernel/message.ts";
import type { Delivery } from "../../kernel/ports.ts";
import type { Rules } from "../../kernel/rules.ts";
import { absent, dueAt, type PromiseStream, promiseKey } from "../../kernel/stream.ts";
import { obligations } from "../../kernel/sweep.ts";
import { noTimers, type Timers } from "../../kernel/timers.ts";
import { emptyValue } from "../../kernel/value.ts";
import { WorkingSet } from "../../kernel/working-set.ts";
import { cron, ofPromise, sweptAt, tagged } from "./given.ts";
import { names, type OfPromise, type Step, violations } from "./invariants.ts";
import { commands, ids } from "./random.ts";

/** Short, so that each of them passes within a run. */
const usual: Rules = {
  ...{ retryMs: 150, patienceMs: 40, retentionMs: 90, awaitsAny: false, preloadMax: 0 },
  isStrict: false,
};

/** Something that happens, and how long it takes. */
type Happening = { readonly waitMs: number } & (
  | { readonly kind: "command"; readonly command: Command; readonly isCurrent: boolean }
  /** The oldest drain. */
  | { readonly kind: "drain" }
  /** What became of the oldest message. */
  | { readonly kind: "note"; readonly delivery: Delivery }
  | { readonly kind: "sweep"; readonly id: PromiseId }
);

const waitMs = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.nat(30) },
  { weight: 1, arbitrary: fc.nat(200) },
);
const deliveries: readonly Delivery[] = [
  { kind: "delivered" },
  { kind: "failed", reason: "no_receiver", cause: "" },
  { kind: "failed", reason: "refused", cause: "503" },
];
const timeout = fc.oneof(
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 200 }) },
  { weight: 4, arbitrary: fc.integer({ min: 200, max: 3_000 }) },
);
const isCurrent = fc.nat(4).map((draw) => draw > 0);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ waitMs, kind: fc.constant("command" as const), isCurrent },
      command: commands(timeout),
    }),
  },
  { weight: 2, arbitrary: fc.record({ waitMs, kind: fc.constant("drain" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ waitMs, kind: fc.constant("note" as const), delivery: fc.constantFrom(...deliveries) },
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      waitMs,
      kind: fc.constant("sweep" as const),
      id: fc.constantFrom(...ids),
    }),
  },
);

/** All streams, and what is owed to whoever waits. One command at a time, each with its own commit. */
class Streams {
  readonly #streams = new Map<PromiseId, OfPromise>();
  readonly #logs = new Map<PromiseId, readonly Event[]>();
  readonly #rules: Rules;
  readonly #drains: InternalCommand[] = [];
  readonly #messages: Message[] = [];
  #now = instantMs(0);
  #count = 0;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  stream(id: PromiseId): OfPromise {
    const key = promiseKey(id);
    const numbers = { version: streamVersion(0), revision: streamRevision(0) };
    return this.#streams.get(id) ?? { key, ...numbers, state: absent, timers: noTimers };
  }

  happen(what: Happening): readonly Step[] {
    this.#now = instantMs(this.#now + what.waitMs);
    return this.#commands(what).map((command) => this.run(command));
  }

  #commands(what: Happening): readonly Command[] {
    switch (what.kind) {
      case "command":
        return [what.isCurrent ? this.#current(what.command) : what.command];
      case "drain":
        return this.#drains.splice(0, 1);
      case "note":
        return this.#messages.splice(0, 1).map((message): Command => {
          const { id, to } = message;
          if (message.kind === "execute")
            return { kind: "note_missed", id, version: message.version };
          return { kind: "note_told", awaited: id, address: to, delivery: what.delivery };
        });
      default:
        return obligations(this.stream(what.id), sweptAt(this.#now));
    }
  }

  /** Whoever asks knows the version. */
  #current(command: Command): Command {
    if (!("version" in command)) return command;
    const { task } = this.stream(command.id).state;
    return { ...command, version: task.kind === "absent" ? taskVersion(0) : task.version };
  }

  run(command: Command): Step {
    const now = this.#now;
    const before = new Map(this.#streams);
    const touched = keys(command).filter((key) => key.kind === "promise");
    const set = new WorkingSet(touched.map(({ id }) => this.stream(id)));
    this.#count += 1;
    const author = { command: commandId(`n-${this.#count}`), now, rules: this.#rules, cron };
    const { response, messages, caused } = execute(set, command, author);
    for (const { key, expectedRevision, write } of set.changes(touched)) {
      if (write === null) continue;
      const { version, events, timers } = write;
      const snapshot = ofPromise(write.snapshot);
      assert(key.kind === "promise", "a schedule is written");
      expect(write.dueAt).toBe(dueAt(snapshot, timers));
      const revision = streamRevision(expectedRevision + 1);
      this.#streams.set(key.id, { key, version, revision, state: snapshot, timers });
      const log = [...(this.#logs.get(key.id) ?? []), ...events.map(({ event }) => event)];
      this.#logs.set(key.id, log);
      expect(version).toBe(log.length);
    }
    this.#drains.push(...caused);
    this.#messages.push(...messages);
    const [after, logs] = [new Map(this.#streams), new Map(this.#logs)];
    const told = { response, messages, caused };
    return { before, after, command, now, rules: this.#rules, logs, ...told };
  }
}

/** What many runs begin with, so that there is something for them to happen to. */
const [a, b, c] = ids.map((id): Command => {
  const asked = { param: emptyValue, key: null, strict: false, isShared: true, isExternal: true };
  const tags = tagged(id === ids[2] ? {} : { "resonate:target": "poll://any@g" });
  const timeoutAt = deadlineMs(id === ids[1] ? 300n : 9_000n); // one of them in the midst of things
  return { kind: "create_promise", id, timeoutAt, tags, ...asked };
});
const hold = (id: string): Command => {
  const lease = { pid: "w", ttl: durationMs(200n) };
  return { kind: "acquire_task", id: promiseId(id), version: taskVersion(0), ...lease };
};
const all = [a, b, c, hold("a"), hold("b")].filter((each) => each !== undefined);
const prelude = fc.oneof(fc.subarray(all), fc.constant(all), fc.constant(all));

type Play = { readonly before: readonly Command[]; readonly happenings: readonly Happening[] };
const happenings = fc.array(happening, { minLength: 20, maxLength: 60, size: "max" });
const plays: fc.Arbitrary<Play> = fc.record({ before: prelude, happenings });

function play({ before, happenings }: Play, awaitsAny: boolean): readonly Step[] {
  const streams = new Streams({ ...usual, awaitsAny });
  const begun = before.map((command) => streams.run(command));
  return [...begun, ...happenings.flatMap((what) => streams.happen(what))];
}

property.prop([plays, fc.boolean()], { numRuns: 300 })(
  "invariants: they hold after every command, whatever is asked",
  (whole, awaitsAny) => {
    for (const step of play(whole, awaitsAny)) {
      expect(violations(step), JSON.stringify({ ...step.command }, texts)).toEqual([]);
    }
  },
);

const texts = (_: string, each: unknown) => (typeof each === "bigint" ? `${each}n` : each);

test("invariants: the commands come upon each kind of event, answer and message, and each step of a task", () => {
  const seen = new Map<string, number>();
  const see = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  for (const whole of fc.sample(plays, { numRuns: 900, seed: 11 })) {
    const steps = play(whole, false);
    for (const { before, after, command, response, messages } of steps) {
      see(command.kind);
      if (response !== null) see(response.kind === "refused" ? response.refusal : response.kind);
      for (const { kind } of messages) see(kind);
      for (const [id, { state }] of after) {
        const was = before.get(id)?.state.task.kind ?? "absent";
        if (was !== state.task.kind) see(`${was} → ${state.task.kind}`);
      }
    }
    for (const log of steps.at(-1)?.logs.values() ?? []) for (const { kind } of log) see(kind);
  }
  const rare = [...expected].filter((what) => (seen.get(what) ?? 0) < 2);
  expect(rare).toEqual([]);
});

/** Each more than once. */
const expected = [
  ...["promise_created", "promise_settled", "callback_registered", "callback_drained"],
  ...["listener_registered", "listener_drained", "task_acquired", "task_released"],
  ...["task_suspended", "task_resumed", "resumes_cleared", "task_halted", "task_continued"],
  ...["lease_expired", "promise", "task", "claim", "done", "not_suspended", "fenced"],
  ...["execute", "unblock", "absent → pending", "absent → acquired", "absent → fulfilled"],
  ...["pending → acquired", "pending → halted", "pending → fulfilled", "acquired → suspended"],
  ...["acquired → pending", "acquired → halted", "acquired → fulfilled", "suspended → pending"],
  ...["suspended → halted", "suspended → fulfilled", "halted → pending", "halted → fulfilled"],
  ...["note_told", "note_missed", "expire_lease", "dispatch_again", "tell_listener"],
];

// Each invariant by itself, on a fault that is planted for it.

const target = tagged({ "resonate:target": "poll://any@g" });
const timer = tagged({ "resonate:timer": "true" });
const [x, y] = [promiseId("x"), promiseId("y")];
const now = instantMs(500);
const at = (ms: number) => deadlineMs(BigInt(ms));
const birth = { createdAt: instantMs(1), timeoutAt: at(900), param: emptyValue, tags: target };
const made = { ...birth, createKey: null, isExternal: false };
const live = { kind: "pending", ...made } as const;
const end = { outcome: "resolved", settledAt: instantMs(400), value: emptyValue } as const;
const ended = { ...made, kind: "settled", ...end, settleKey: null } as const;
const lease = { pid: "w", ttl: durationMs(50n) };
const v = taskVersion;
const tasks = {
  pending: { kind: "pending", version: v(1), resumes: [] },
  acquired: { kind: "acquired", version: v(1), resumes: [], ...lease },
  suspended: { kind: "suspended", version: v(1) },
  halted: { kind: "halted", version: v(1), resumes: [] },
  fulfilled: { kind: "fulfilled", version: v(1) },
} as const;
const clock = (ms: number): Timers => ({ ...noTimers, clockAt: at(ms) });

type Part = Partial<PromiseStream> & { readonly timers?: Timers };
const bare = { ...absent, timers: noTimers };
const offered: Part = { promise: live, task: tasks.pending, timers: clock(800) };
const held: Part = { promise: live, task: tasks.acquired, timers: clock(550) };
const asleep: Part = { promise: live, task: tasks.suspended };
const resting: Part = { promise: live, task: tasks.halted };
const done: Part = { promise: ended, task: tasks.fulfilled };
const plain: Part = { promise: { ...live, tags: new Map() } };
const over: Part = { promise: { ...ended, tags: new Map(), isExternal: true } };
const look: Command = { kind: "get_promise", id: x };
const sweep: Command = { kind: "dispatch_again", id: x };
const message: Message = { kind: "execute", to: "poll://any@g", id: x, version: v(1) };

/** What the stream `x` was and is; the rest of the step, where it matters; `y` stays as it is. */
type Fault = readonly [
  name: string,
  was: Part,
  is: Part,
  rest?: Partial<Omit<Step, "before" | "after">>,
];

// biome-ignore format: a table is read down its columns
const faults: readonly Fault[] = [
  ["1 created-before-deadline",    {},      { ...plain, promise: { ...live, tags: new Map(), timeoutAt: at(1) } }],
  ["2 settled-in-window",          {},      { ...done, promise: { ...ended, settledAt: instantMs(600) } }],
  ["3 pending-has-no-value",       {},      { ...offered, promise: { ...live, value: emptyValue } as typeof live }],
  ["4 deadline-verdict",           {},      { ...done, promise: { ...ended, outcome: "timedout" } }],
  ["4 deadline-verdict",           {},      { promise: { ...ended, tags: timer, outcome: "timedout", timeoutAt: at(400) } }],
  ["5 waiters-unique",             offered, { ...offered, callbacks: [y, y] }],
  ["5 waiters-unique",             offered, { ...offered, callbacks: [x] }],
  ["6 waiters-need-awaitable",     plain,   { ...plain, listeners: ["http://l"] }],
  ["7 armed-is-due",               plain,   { ...plain, timers: clock(800) }],
  ["8 task-iff-target",            {},      { promise: live }],
  ["9 settled-iff-fulfilled",      held,    { ...held, promise: ended }],
  ["10 lease-fields-together",     {},      { ...held, timers: noTimers }],
  ["11 one-clock-by-state",        asleep,  { ...asleep, timers: clock(800) }],
  ["12 resumes-fit-state",         asleep,  { ...asleep, task: { ...tasks.suspended, resumes: [] } as typeof tasks.suspended }],
  ["13 sleeper-holds-a-rope",      held,    asleep],
  ["14 awaiter-has-task",          offered, { ...offered, callbacks: [promiseId("nobody")] }],
  ["16 one-message-per-key",       offered, offered, { messages: [message, message] }],
  ["17 messages-true",             offered, offered, { messages: [{ ...message, version: v(2) } as Message] }],
  ["17 messages-true",             done,    done,    { messages: [{ kind: "unblock", to: "http://l", id: x, promise: ended }] }],
  ["19 birth-immutable",           offered, { ...offered, promise: { ...live, timeoutAt: at(901) } }],
  ["20 settled-frozen",            done,    { ...done, promise: { ...ended, outcome: "rejected" } }],
  ["21 nothing-vanishes",          done,    {}],
  ["22 version-only-by-acquire",   offered, { ...offered, task: { ...tasks.pending, version: v(2) } }],
  ["22 version-only-by-acquire",   offered, held],
  ["23 edges",                     resting, { ...held, task: { ...tasks.acquired, version: v(2) } }],
  ["24 coupled",                   held,    { promise: live, task: tasks.fulfilled }],
  ["25 no-dead-dispatch",          asleep,  { ...offered, promise: { ...live, timeoutAt: at(500) } }],
  ["25 no-dead-dispatch",          done,    done,    { messages: [message] }],
  ["26 waiters-one-way",           over,    { ...over, callbacks: [y] }],
  ["26 waiters-one-way",           { ...plain, callbacks: [y] }, plain],
  ["27 drain-wakes",               { ...over, callbacks: [y] }, over],
  ["28 wake-by-drain",             asleep,  { ...offered, task: { ...tasks.pending, resumes: [y] } }],
  ["29 suspend-ties",              held,    asleep,  { command: { kind: "suspend_task", id: x, version: v(1), awaited: [y] } }],
  ["30 listener-once",             { ...over, listeners: ["http://l"] }, over, { command: { kind: "tell_listener", awaited: x, address: "http://l" } }],
  ["30 listener-once",             { ...over, listeners: ["http://l"] }, over, { command: { kind: "note_told", awaited: x, address: "http://l", delivery: { kind: "failed", reason: "refused", cause: "" } } }],
  ["31 lease-atomic",              held,    { ...held, timers: clock(551) }],
  ["31 lease-atomic",              held,    { ...held, task: { ...tasks.acquired, pid: "v" } }],
  ["31 lease-atomic",              offered, { ...held, task: { ...tasks.acquired, version: v(2) }, timers: clock(560) }],
  ["32 resumes-clear",             { ...held, task: { ...tasks.acquired, resumes: [y] } }, held],
  ["33 pending-is-offered",        held,    { ...offered, timers: clock(650) }],
  ["33 pending-is-offered",        held,    { ...offered, timers: clock(651) }, { messages: [message] }],
  ["34 retry-moves-forward",       offered, { ...offered, timers: clock(801) }],
  ["34 retry-moves-forward",       { ...offered, timers: clock(500) }, { ...offered, timers: clock(500 - 1) }],
  ["35 born-clean",                {},      { ...offered, task: { ...tasks.pending, version: v(0) }, callbacks: [y] }],
  ["35 born-clean",                {},      { ...done, task: { ...tasks.fulfilled, version: v(0) } }],
  ["36 background-limits",         offered, resting, { command: sweep }],
  ["36 background-limits",         offered, done,    { command: sweep }],
  ["37 answers-projected",         done,    done,    { response: { kind: "promise", id: x, promise: live, changed: false } }],
  ["37 answers-projected",         { ...offered, promise: { ...live, timeoutAt: at(500) } }, { ...offered, promise: { ...live, timeoutAt: at(500) } }, { response: { kind: "promise", id: x, promise: { ...live, timeoutAt: at(500) }, changed: false } }],
  ["39 log-is-truth",              offered, offered],
  ["E2 settlement-causes",         { ...offered, callbacks: [y] }, { ...done, callbacks: [y] }],
];

const streamOf = (id: PromiseId, part: Part): OfPromise => {
  const { timers, ...state } = { ...bare, ...part };
  const numbers = { version: streamVersion(1), revision: streamRevision(1) };
  return { key: promiseKey(id), ...numbers, state, timers };
};

const planted = faults.map(([name, was, is, rest = {}]) => [name, { was, is, rest }] as const);

test.each(planted)("invariants: %s finds its planted fault", (name, { was, is, rest }) => {
  const other = streamOf(y, offered);
  const told = { response: null, messages: [], caused: [], logs: new Map(), rules: usual };
  const step: Step = {
    ...{ ...told, now, command: look, ...rest },
    before: new Map([
      [x, streamOf(x, was)],
      [y, other],
    ]),
    after: new Map([
      [x, streamOf(x, is)],
      [y, other],
    ]),
  };
  expect(violations(step).map((each) => each.split(":")[0])).toContain(name);
});

test("invariants: each has a planted fault", () => {
  expect([...new Set(faults.map(([name]) => name))].toSorted()).toEqual([...names].toSorted());
});
