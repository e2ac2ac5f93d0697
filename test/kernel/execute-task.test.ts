// The commands of tasks and of those who wait, by table: given the pasts of some promises, when this is
// asked at this instant, then this is answered, these events are appended and timers set, these messages
// leave and these commands are caused. It is protocol.md §3.2, register_listener of §3.1, and the
// steps of the server in §4, each in the order in which refusals are judged. Then what is due.
//
// `t` is the task that most rows are about: created at 1, with a deadline at 90,000. Unless a row says
// otherwise it is asked for at 1,000, when every lease in these pasts has lapsed: only the server may
// draw consequences from that. E1 to E4, I1 to I5 and G2 to G6 through `execute`.

import { expect, test } from "vitest";
import type { Command, CreatePromise, Response, SettlePromise } from "../../kernel/command.ts";
import type { Event, Outcome } from "../../kernel/event.ts";
import { execute } from "../../kernel/execute.ts";
import {
  commandId,
  deadlineMs,
  durationMs,
  instantMs,
  int64Max,
  promiseId,
  taskVersion,
} from "../../kernel/ids.ts";
import type { Telling } from "../../kernel/listener.ts";
import type { Message } from "../../kernel/message.ts";
import type { Delivery } from "../../kernel/ports.ts";
import { usualRules } from "../../kernel/rules.ts";
import { promiseKey, type Stream } from "../../kernel/stream.ts";
import { obligations } from "../../kernel/sweep.ts";
import { noTimers, type Timers } from "../../kernel/timers.ts";
import { emptyValue, noPairs, type Tags } from "../../kernel/value.ts";
import { WorkingSet } from "../../kernel/working-set.ts";
import { born, cron, stream, sweptAt, tagged } from "./given.ts";

const rules = usualRules;
const target = tagged({ "resonate:target": "poll://any@g" });
const timerTags = tagged({ "resonate:target": "poll://any@g", "resonate:timer": "true" });
const delayedTags = tagged({ "resonate:target": "poll://any@g", "resonate:delay": "2000" });
const value = { headers: null, data: "dg==" };

// Pasts

type Past = { readonly events: readonly Event[]; readonly timers?: Timers };
type Given = Readonly<Record<string, Past>>;

const acquired: Event = { kind: "task_acquired", pid: "w", ttl: durationMs(50n) };
const suspended: Event = { kind: "task_suspended" };
const halts: Event = { kind: "task_halted" };
const resumed = (awaited: string): Event => ({ kind: "task_resumed", awaited: promiseId(awaited) });
const waits = (awaiter: string): Event => ({
  kind: "callback_registered",
  awaiter: promiseId(awaiter),
});
const listens = (address: string): Event => ({ kind: "listener_registered", address });
const ends = (outcome: Outcome, at: number): Event => {
  const settledAt = instantMs(at);
  return { kind: "promise_settled", outcome, settledAt, value: emptyValue, key: null };
};

const past = (...events: readonly Event[]): Past => ({ events });
const clocked = (base: Past, timers: Partial<Timers>): Past => {
  return { events: base.events, timers: { ...noTimers, ...timers } };
};
const at = (ms: number) => deadlineMs(BigInt(ms));

const made = born(90_000, target, false);
const absent = past();
const pending = past(made);
const held = past(made, acquired);
const again = past(made, acquired, { kind: "task_released" });
const asleep = past(made, acquired, suspended);
const halted = past(made, acquired, halts);
const done = past(made, acquired, ends("resolved", 9));
const mindful = past(made, acquired, resumed("x"));
const due = past(born(1_000, target, false), acquired);
const plain = past(born(90_000, noPairs, false)); // no task, and nobody may await it
const plainDue = past(born(1_000, noPairs, false));
const open = past(born(90_000, noPairs, true));
const openDue = past(born(1_000, noPairs, true));
const over = past(born(90_000, noPairs, true), ends("rejected", 9));

// Commands

const t = promiseId("t");
const lease = { pid: "p", ttl: durationMs(60n) };
const shared = { key: null, strict: false, isShared: true, isExternal: false };

const create = (id: string, timeoutAt = 90_000, tags: Tags = target): CreatePromise => ({
  ...{ kind: "create_promise", id: promiseId(id), timeoutAt: at(timeoutAt), param: value },
  ...{ tags, ...shared },
});
const settle = (id: string): SettlePromise => {
  const { isExternal: _, ...rest } = shared;
  return { kind: "settle_promise", id: promiseId(id), outcome: "rejected", value, ...rest };
};
const get: Command = { kind: "get_task", id: t };
const acquire = (version: number, ttl = 60n): Command => ({
  ...{ kind: "acquire_task", id: t, version: taskVersion(version), pid: "p" },
  ttl: durationMs(ttl),
});
const createTask = (timeoutAt = 90_000, tags: Tags = target): Command => {
  return { kind: "create_task", ...lease, action: create("t", timeoutAt, tags) };
};
const release = (version = 1): Command => ({
  ...{ kind: "release_task", id: t, version: taskVersion(version) },
});
const fulfill = (version = 1): Command => ({
  ...{ kind: "fulfill_task", id: t, version: taskVersion(version) },
  ...{ outcome: "canceled", value },
});
const suspend = (names: string, version = 1): Command => ({
  ...{ kind: "suspend_task", id: t, version: taskVersion(version) },
  awaited: [...names].map((name) => promiseId(name)),
});
const fence = (action: CreatePromise | SettlePromise, version = 1): Command => ({
  ...{ kind: "fence_task", id: t, version: taskVersion(version), action },
});
const beat = (version = 1, pid = "w"): Command => ({
  ...{ kind: "heartbeat_task", id: t, version: taskVersion(version), pid },
});
const halt: Command = { kind: "halt_task", id: t };
const carryOn: Command = { kind: "continue_task", id: t };
const expire: Command = { kind: "expire_lease", id: t };
const dispatch: Command = { kind: "dispatch_again", id: t };
const missed = (version = 1): Command => ({
  ...{ kind: "note_missed", id: t, version: taskVersion(version) },
});
const offer: Command = { kind: "offer_missed", id: t, before: instantMs(500) };
const drain: Command = { kind: "drain_callback", awaited: promiseId("x"), awaiter: t };
const listen = (address = "http://l"): Command => {
  return { kind: "register_listener", awaited: promiseId("x"), address };
};
const tell = (address = "http://l"): Command => {
  return { kind: "tell_listener", awaited: promiseId("x"), address };
};
const tellMissed = (address = "poll://any@g"): Command => {
  return { kind: "tell_missed", awaited: promiseId("x"), address, before: instantMs(500) };
};
const note = (delivery: Delivery, address = "http://l"): Command => {
  return { kind: "note_told", awaited: promiseId("x"), address, delivery };
};
const delivered: Delivery = { kind: "delivered" };
const failed: Delivery = { kind: "failed", reason: "refused", cause: "503" };
const nobody: Delivery = { kind: "failed", reason: "no_receiver", cause: "" };

// What came of it, in words

function said(response: Response | null): string {
  switch (response?.kind) {
    case undefined:
      return "nobody";
    case "promise": {
      const { promise, changed } = response;
      const state = promise.kind === "pending" ? "pending" : promise.outcome;
      return `${state}${changed ? ", changed" : ""}`;
    }
    case "task":
    case "claim": {
      const { task } = response;
      const holder = task.kind === "acquired" ? ` by ${task.pid}` : "";
      const isShown = "resumes" in task && task.resumes.length > 0;
      const resumes = isShown ? `, resumes ${task.resumes.length}` : "";
      const claim = response.kind === "claim" ? ` of ${response.promise.kind}` : "";
      return `${task.kind} v${task.version}${holder}${resumes}${claim}`;
    }
    case "refused":
      return response.refusal;
    case "fenced":
      return `fenced: ${said(response.inner)}`;
    case "done":
      return "done";
    case "not_suspended":
      return `not suspended, ${response.promise.kind}`;
    default:
      throw new Error(`a command that runs is answered ${response?.kind}`);
  }
}

function happened(event: Event): string {
  switch (event.kind) {
    case "promise_created":
      return `created at ${event.createdAt} until ${event.timeoutAt}`;
    case "promise_settled":
      return `${event.outcome} at ${event.settledAt}, ${event.value.data ?? "empty"}`;
    case "callback_registered":
    case "callback_drained":
      return `${event.kind} ${event.awaiter}`;
    case "listener_registered":
      return `${event.kind} ${event.address}`;
    case "listener_drained":
      return `${event.wasTold ? "told" : "gave up"} ${event.address}`;
    case "task_acquired":
      return `${event.kind} by ${event.pid} for ${event.ttl}`;
    case "task_resumed":
      return `${event.kind} by ${event.awaited}`;
    default:
      return event.kind;
  }
}

function kept({ clockAt, releaseCount, isMissed, tellings }: Timers): string {
  return [
    clockAt === null ? "no clock" : `clock ${clockAt}`,
    ...(releaseCount === 0 ? [] : [`${releaseCount} releases`]),
    ...(isMissed ? ["missed"] : []),
    ...[...tellings].map(([address, telling]) => `${address} ${progress(telling)}`),
  ].join(", ");
}

function progress({ nextAt, failureCount, failedSince, isMissed }: Telling): string {
  const failures = failedSince === null ? "" : `, ${failureCount} failures since ${failedSince}`;
  return `next ${nextAt}${failures}${isMissed ? ", missed" : ""}`;
}

function sent(message: Message): string {
  if (message.kind === "execute") return `execute ${message.id} v${message.version}`;
  return `unblock ${message.to}: ${message.id} ${message.promise.outcome}`;
}

/** One line for each event, set of timers, message and caused command, stream by stream. */
function play(given: Given, when: Command, now: number, awaitsAny = false) {
  const streams = Object.entries(given).map(([id, { events, timers }]) => {
    return stream(id, events, timers);
  });
  const set = new WorkingSet(streams);
  const author = { command: commandId("n-1"), now: instantMs(now), cron };
  const execution = execute(set, when, { ...author, rules: { ...rules, awaitsAny } });
  const lines = streams.flatMap(({ key, timers: before }): readonly string[] => {
    const written = set.changes([key])[0]?.write?.events ?? [];
    const timers = set.timers(key);
    return [
      ...written.map(({ event }) => `${key.id}: ${happened(event)}`),
      ...(timers === before ? [] : [`${key.id}: ${kept(timers)}`]),
    ];
  });
  const messages = execution.messages.map(sent);
  const caused = execution.caused.map((command) => {
    if (command.kind === "drain_callback") return `drain ${command.awaited} for ${command.awaiter}`;
    if (command.kind === "tell_listener") return `tell ${command.address} of ${command.awaited}`;
    return command.kind;
  });
  return [said(execution.response), ...lines, ...messages, ...caused];
}

type Row = readonly [
  rule: string,
  given: Given,
  when: Command,
  answer: string,
  then: readonly string[],
];
const none: readonly string[] = [];

const table = (name: string, rows: readonly Row[], now = 1_000) => {
  test.each(rows)(`${name}: %s`, (_rule, given, when, answer, then) => {
    expect(play(given, when, now)).toEqual([answer, ...then]);
  });
};
/** The deadline of `due`, come upon. */
const tOver = ["t: timedout at 1000, empty", "t: no clock"];

// biome-ignore format: a table is read down its columns
table("create_promise", [
  ["E3 E4 a targeted one is offered at once",   { t: absent },  create("t"),                      "pending, changed",  ["t: created at 1000 until 90000", "t: clock 31000", "execute t v0"]],
  ["I3 one with a delay is not",                { t: absent },  create("t", 90_000, delayedTags), "pending, changed",  ["t: created at 1000 until 90000", "t: clock 2000"]],
  ["I3 a timer never is",                       { t: absent },  create("t", 90_000, timerTags),   "pending, changed",  ["t: created at 1000 until 90000", "t: clock 90000"]],
  ["one without a target has no clock",         { t: absent },  create("t", 90_000, noPairs),     "pending, changed",  ["t: created at 1000 until 90000"]],
  ["born settled, it is not offered",           { t: absent },  create("t", 1_000),               "timedout, changed", ["t: created at 1000 until 1000", "t: timedout at 1000, empty"]],
  ["born settled long ago, a timer",            { t: absent },  create("t", 7, timerTags),        "resolved, changed", ["t: created at 7 until 7", "t: resolved at 7, empty"]],
  ["what exists is not offered again",          { t: pending }, create("t"),                      "pending",           none],
]);

// biome-ignore format: a table is read down its columns
table("settle_promise", [
  ["E3 fulfils a task that nobody holds",       { t: pending }, settle("t"), "rejected, changed", ["t: rejected at 1000, dg==", "t: no clock"]],
  ["E3 fulfils a task that is held",            { t: held },    settle("t"), "rejected, changed", ["t: rejected at 1000, dg==", "t: no clock"]],
  ["fulfils a task that sleeps",                { t: asleep },  settle("t"), "rejected, changed", ["t: rejected at 1000, dg=="]],
  ["fulfils a task that is halted",             { t: halted },  settle("t"), "rejected, changed", ["t: rejected at 1000, dg=="]],
  ["at the deadline it comes too late",         { t: due },     settle("t"), "timedout",          tOver],
  ["E2 whoever waits is woken and told, in order", { t: past(made, waits("u"), listens("http://l"), waits("v"), listens("poll://any@g")) }, settle("t"), "rejected, changed",
    ["t: rejected at 1000, dg==", "t: no clock", "drain t for u", "drain t for v", "tell http://l of t", "tell poll://any@g of t"]],
]);

// biome-ignore format: a table is read down its columns
table("get_task", [
  ["absent",                                    { t: absent },   get, "task_not_found",          none],
  ["of a promise without a target",             { t: plain },    get, "task_not_found",          none],
  ["E1 the same, and the deadline has passed",  { t: plainDue }, get, "task_not_found",          ["t: timedout at 1000, empty"]],
  ["pending",                                   { t: pending },  get, "pending v0",              none],
  ["held, though its lease has lapsed",         { t: held },     get, "acquired v1 by w",        none],
  ["held, and something it awaited is settled", { t: mindful },  get, "acquired v1 by w, resumes 1", none],
  ["asleep",                                    { t: asleep },   get, "suspended v1",            none],
  ["halted",                                    { t: halted },   get, "halted v1",               none],
  ["fulfilled",                                 { t: done },     get, "fulfilled v1",            none],
  ["held, at its deadline: shown as fulfilled", { t: due },      get, "fulfilled v1",            tOver],
]);

// biome-ignore format: a table is read down its columns
table("acquire_task", [
  ["absent",                                    { t: absent },  acquire(0), "task_not_found",        none],
  ["of a promise without a target",             { t: plain },   acquire(0), "task_not_found",        none],
  ["held",                                      { t: held },    acquire(1), "task_not_pending",      none],
  ["asleep",                                    { t: asleep },  acquire(1), "task_not_pending",      none],
  ["halted",                                    { t: halted },  acquire(1), "task_not_pending",      none],
  ["fulfilled",                                 { t: done },    acquire(1), "task_not_pending",      none],
  ["its state is judged before its version",    { t: held },    acquire(7), "task_not_pending",      none],
  ["timeout always wins",                       { t: past(born(1_000, target, false)) }, acquire(0), "task_not_pending", tOver],
  ["another version",                           { t: again },   acquire(0), "task_version_mismatch", none],
  ["a version it never had",                    { t: again },   acquire(2), "task_version_mismatch", none],
  ["E3 I1 pending: held for the ttl",           { t: pending }, acquire(0), "acquired v1 by p of pending", ["t: task_acquired by p for 60", "t: clock 1060"]],
  ["pending again",                             { t: again },   acquire(1), "acquired v2 by p of pending", ["t: task_acquired by p for 60", "t: clock 1060"]],
  ["what it had in mind is told, and gone",     { t: past(made, resumed("x")) }, acquire(0), "acquired v1 by p of pending", ["t: task_acquired by p for 60", "t: clock 1060"]],
  ["before its delay",                          { t: clocked(past(born(90_000, delayedTags, false)), { clockAt: at(2_000) }) }, acquire(0), "acquired v1 by p of pending", ["t: task_acquired by p for 60", "t: clock 1060"]],
  ["I4 I5 releases are still counted, what was missed is not kept", { t: clocked(again, { clockAt: at(9), releaseCount: 3, isMissed: true }) }, acquire(1), "acquired v2 by p of pending", ["t: task_acquired by p for 60", "t: clock 1060, 3 releases"]],
  ["a lease without end",                       { t: pending }, acquire(0, int64Max), "acquired v1 by p of pending", [`t: task_acquired by p for ${int64Max}`, `t: clock ${int64Max}`]],
]);

// biome-ignore format: a table is read down its columns
table("create_task", [
  ["of a promise without a target",             { t: plain },    createTask(), "promise_not_targeted", none],
  ["E1 the same, and the deadline has passed",  { t: plainDue }, createTask(), "promise_not_targeted", ["t: timedout at 1000, empty"]],
  ["held, though its lease has lapsed",         { t: held },     createTask(), "task_already_exists",  none],
  ["asleep",                                    { t: asleep },   createTask(), "task_already_exists",  none],
  ["halted",                                    { t: halted },   createTask(), "task_already_exists",  none],
  ["fulfilled: shown",                          { t: done },     createTask(), "fulfilled v1 of settled", none],
  ["held, at its deadline: shown as fulfilled", { t: due },      createTask(), "fulfilled v1 of settled", tOver],
  ["asleep, at its deadline: likewise",         { t: past(born(1_000, target, false), acquired, suspended) }, createTask(), "fulfilled v1 of settled", ["t: timedout at 1000, empty"]],
  ["pending: acquired, whatever its version",   { t: again },    createTask(), "acquired v2 by p of pending", ["t: task_acquired by p for 60", "t: clock 1060"]],
  ["pending: its own deadline stays",           { t: pending },  createTask(7), "acquired v1 by p of pending", ["t: task_acquired by p for 60", "t: clock 1060"]],
  ["delayed: acquired",                         { t: clocked(past(born(90_000, delayedTags, false)), { clockAt: at(2_000) }) }, createTask(), "acquired v1 by p of pending", ["t: task_acquired by p for 60", "t: clock 1060"]],
  ["E4 absent: made and held, and not offered", { t: absent },   createTask(), "acquired v1 by p of pending", ["t: created at 1000 until 90000", "t: task_acquired by p for 60", "t: clock 1060"]],
  ["absent, a timer: likewise",                 { t: absent },   createTask(90_000, timerTags), "acquired v1 by p of pending", ["t: created at 1000 until 90000", "t: task_acquired by p for 60", "t: clock 1060"]],
  ["absent, born settled: never held",          { t: absent },   createTask(7), "fulfilled v0 of settled", ["t: created at 7 until 7", "t: timedout at 7, empty"]],
]);

// biome-ignore format: a table is read down its columns
const claimGate: readonly (readonly [string, Past, number, string, readonly string[]])[] = [
  ["absent",                          absent,  1, "task_not_found", none],
  ["of a promise without a target",   plain,   1, "task_not_found", none],
  ["pending",                         again,   1, "task_not_held",  none],
  ["asleep",                          asleep,  1, "task_not_held",  none],
  ["halted",                          halted,  1, "task_not_held",  none],
  ["fulfilled",                       done,    1, "task_not_held",  none],
  ["held by an earlier version",      held,    0, "task_not_held",  none],
  ["held by a later version",         held,    2, "task_not_held",  none],
  ["E1 timeout always wins",          due,     1, "task_not_held",  tOver],
];
const holders: readonly (readonly [string, (version: number) => Command, Given])[] = [
  ["release_task", release, {}],
  ["fulfill_task", fulfill, {}],
  [
    "suspend_task, whatever it would await",
    (version) => suspend("xy", version),
    { x: absent, y: over },
  ],
  ["fence_task, whatever its action", (version) => fence(settle("x"), version), { x: absent }],
];
test.each(
  holders.flatMap(([name, ask, others]) =>
    claimGate.map(([rule, t, version, answer, then]) => {
      return [name, rule, { t, ...others }, ask(version), [answer, ...then]] as const;
    }),
  ),
)("the claim gate of %s: %s", (_name, _rule, given, when, expected) => {
  expect(play(given, when, 1_000)).toEqual(expected);
});

const releasedFor = (count: number): Past => {
  return clocked(held, { clockAt: at(1_001), releaseCount: count });
};

// biome-ignore format: a table is read down its columns
table("release_task", [
  ["E3 E4 held: offered at once",               { t: held },            release(), "done", ["t: task_released", "t: clock 31000, 1 releases", "execute t v1"]],
  ["what it has in mind stays",                 { t: mindful },         release(), "done", ["t: task_released", "t: clock 31000, 1 releases", "execute t v1"]],
  ["I4 a third time, likewise",                 { t: releasedFor(2) },  release(), "done", ["t: task_released", "t: clock 31000, 3 releases", "execute t v1"]],
  ["I4 a fourth time, a little later",          { t: releasedFor(3) },  release(), "done", ["t: task_released", "t: clock 1100, 4 releases"]],
  ["I4 a sixth time, four times as late",       { t: releasedFor(5) },  release(), "done", ["t: task_released", "t: clock 1400, 6 releases"]],
  ["I4 never later than the retry interval",    { t: releasedFor(50) }, release(), "done", ["t: task_released", "t: clock 31000, 51 releases"]],
  ["I3 a timer: not offered",                   { t: past(born(90_000, timerTags, false), acquired) }, release(), "done", ["t: task_released", "t: clock 90000, 1 releases"]],
  ["I3 before its delay: not offered",          { t: past(born(90_000, delayedTags, false), acquired) }, release(), "done", ["t: task_released", "t: clock 2000, 1 releases"]],
]);

// biome-ignore format: a table is read down its columns
table("fulfill_task", [
  ["E3 held, though its lease has lapsed",      { t: held }, fulfill(), "canceled, changed", ["t: canceled at 1000, dg==", "t: no clock"]],
  ["E2 whoever waits is woken and told",        { t: past(made, waits("u"), listens("http://l"), acquired) }, fulfill(), "canceled, changed",
    ["t: canceled at 1000, dg==", "t: no clock", "drain t for u", "tell http://l of t"]],
]);

// biome-ignore format: a table is read down its columns
table("suspend_task", [
  ["E1 touches what it awaits before it is refused", { t: done, x: openDue },          suspend("x"),  "task_not_held",         ["x: timedout at 1000, empty"]],
  ["an awaited promise is absent",              { t: held, x: absent },                suspend("x"),  "awaited_not_found",     none],
  ["an awaited promise is not awaitable",       { t: held, x: plain },                 suspend("x"),  "awaited_not_awaitable", none],
  ["the first of several decides: absent",      { t: held, x: absent, y: plain },      suspend("xy"), "awaited_not_found",     none],
  ["the first of several decides: not awaitable", { t: held, x: plain, y: absent },    suspend("xy"), "awaited_not_awaitable", none],
  ["a refusal goes before a 300",               { t: held, x: over, y: absent },       suspend("xy"), "awaited_not_found",     none],
  ["E1 refused, yet what is due is settled",    { t: held, x: openDue, y: absent },    suspend("xy"), "awaited_not_found",     ["x: timedout at 1000, empty"]],
  ["300 one is settled: nothing changes",       { t: held, x: open, y: over },         suspend("xy"), "not suspended, pending", none],
  ["300 what it has in mind is cleared",        { t: mindful, x: over },               suspend("x"),  "not suspended, pending", ["t: resumes_cleared"]],
  ["300 one is due: it is settled",             { t: held, x: open, y: openDue },      suspend("xy"), "not suspended, pending", ["y: timedout at 1000, empty"]],
  ["300 one is due and not awaitable: refused", { t: held, y: plainDue },              suspend("y"),  "awaited_not_awaitable", ["y: timedout at 1000, empty"]],
  ["E2 300 who waits for the one that is due",  { t: held, y: past(born(1_000, noPairs, true), waits("t"), listens("http://l")) }, suspend("y"), "not suspended, pending",
    ["y: timedout at 1000, empty", "drain y for t", "tell http://l of y"]],
  ["200 all pending: a callback on each",       { t: held, x: open, y: pending },      suspend("xy"), "done", ["t: task_suspended", "t: no clock", "x: callback_registered t", "y: callback_registered t"]],
  ["200 one has the callback already",          { t: held, x: past(...open.events, waits("t")), y: open }, suspend("xy"), "done", ["t: task_suspended", "t: no clock", "y: callback_registered t"]],
  ["200 what it has in mind goes with it",      { t: mindful, x: open },               suspend("x"),  "done", ["t: task_suspended", "t: no clock", "x: callback_registered t"]],
  ["200 its releases are forgotten",            { t: releasedFor(7), x: open },        suspend("x"),  "done", ["t: task_suspended", "t: no clock", "x: callback_registered t"]],
]);

test("suspend_task: with await-any nothing is refused for its tags, and what is missing still is", () => {
  expect(play({ t: held, x: plain }, suspend("x"), 1_000, true)).toEqual([
    "done",
    "t: task_suspended",
    "t: no clock",
    "x: callback_registered t",
  ]);
  expect(play({ t: held, x: absent }, suspend("x"), 1_000, true)).toEqual(["awaited_not_found"]);
});

test.each<[string, Command, string]>([
  ["C3 a task that awaits itself", suspend("xt"), "waits for itself"],
  ["a task that awaits nothing", suspend(""), "wait for nothing"],
  ["a task that fences itself", fence(settle("t")), "fences itself"],
])("%s is a bug behind the decoder", (_what, when, because) => {
  expect(() => play({ t: held, x: open }, when, 1_000)).toThrow(because);
});

// biome-ignore format: a table is read down its columns
table("fence_task", [
  ["E1 touches the other promise before it is refused", { t: done, x: openDue }, fence(settle("x")), "task_not_held", ["x: timedout at 1000, empty"]],
  ["create: made and offered",                  { t: held, x: absent },  fence(create("x")),                  "fenced: pending, changed",  ["x: created at 1000 until 90000", "x: clock 31000", "execute x v0"]],
  ["create, without a target",                  { t: held, x: absent },  fence(create("x", 90_000, noPairs)), "fenced: pending, changed",  ["x: created at 1000 until 90000"]],
  ["create, a timer with a target",             { t: held, x: absent },  fence(create("x", 90_000, timerTags)), "fenced: pending, changed", ["x: created at 1000 until 90000", "x: clock 90000"]],
  ["create, born settled",                      { t: held, x: absent },  fence(create("x", 7)),               "fenced: timedout, changed", ["x: created at 7 until 7", "x: timedout at 7, empty"]],
  ["create, it exists: shown",                  { t: held, x: over },    fence(create("x")),                  "fenced: rejected",          none],
  ["create, it is due: shown as settled",       { t: held, x: openDue }, fence(create("x")),                  "fenced: timedout",          ["x: timedout at 1000, empty"]],
  ["settle, absent: an inner refusal",          { t: held, x: absent },  fence(settle("x")),                  "fenced: promise_not_found", none],
  ["settle, pending",                           { t: held, x: open },    fence(settle("x")),                  "fenced: rejected, changed", ["x: rejected at 1000, dg=="]],
  ["settle, settled: shown",                    { t: held, x: past(born(90_000, noPairs, true), ends("resolved", 9)) }, fence(settle("x")), "fenced: resolved", none],
  ["settle, due: the deadline's verdict",       { t: held, x: openDue }, fence(settle("x")),                  "fenced: timedout",          ["x: timedout at 1000, empty"]],
  ["E2 E3 settle, somebody waits, and it has a task", { t: held, x: past(made, waits("t"), acquired) }, fence(settle("x")), "fenced: rejected, changed",
    ["x: rejected at 1000, dg==", "x: no clock", "drain x for t"]],
]);

// biome-ignore format: a table is read down its columns
table("heartbeat_task", [
  ["I1 held: the lease begins anew, with the ttl it had", { t: held },   beat(),          "done", ["t: clock 1050"]],
  ["I4 it forgets no releases",                 { t: releasedFor(2) },   beat(),          "done", ["t: clock 1050, 2 releases"]],
  ["by another worker",                         { t: held },             beat(1, "v"),    "done", none],
  ["another version",                           { t: held },             beat(2),         "done", none],
  ["an earlier version",                        { t: held },             beat(0),         "done", none],
  ["absent",                                    { t: absent },           beat(),          "done", none],
  ["of a promise without a target",             { t: plain },            beat(),          "done", none],
  ["pending",                                   { t: again },            beat(),          "done", none],
  ["asleep",                                    { t: asleep },           beat(),          "done", none],
  ["halted",                                    { t: halted },           beat(),          "done", none],
  ["fulfilled",                                 { t: done },             beat(),          "done", none],
  ["at its deadline: not even settled",         { t: due },              beat(),          "done", none],
]);

// biome-ignore format: a table is read down its columns
table("halt_task", [
  ["absent",                                    { t: absent },  halt, "task_not_found", none],
  ["of a promise without a target",             { t: plain },   halt, "task_not_found", none],
  ["fulfilled",                                 { t: done },    halt, "task_fulfilled", none],
  ["timeout always wins",                       { t: due },     halt, "task_fulfilled", tOver],
  ["E3 pending",                                { t: pending }, halt, "done",           ["t: task_halted", "t: no clock"]],
  ["E3 held",                                   { t: held },    halt, "done",           ["t: task_halted", "t: no clock"]],
  ["asleep",                                    { t: asleep },  halt, "done",           ["t: task_halted"]],
  ["halted: nothing",                           { t: halted },  halt, "done",           none],
]);

// biome-ignore format: a table is read down its columns
table("continue_task", [
  ["absent",                                    { t: absent },  carryOn, "task_not_found",  none],
  ["of a promise without a target",             { t: plain },   carryOn, "task_not_found",  none],
  ["pending",                                   { t: pending }, carryOn, "task_not_halted", none],
  ["held",                                      { t: held },    carryOn, "task_not_halted", none],
  ["asleep",                                    { t: asleep },  carryOn, "task_not_halted", none],
  ["fulfilled",                                 { t: done },    carryOn, "task_not_halted", none],
  ["timeout always wins",                       { t: past(born(1_000, target, false), halts) }, carryOn, "task_not_halted", ["t: timedout at 1000, empty"]],
  ["E3 E4 halted: offered",                     { t: halted },  carryOn, "done", ["t: task_continued", "t: clock 31000", "execute t v1"]],
  ["I4 releases before it are forgotten",       { t: clocked(halted, { releaseCount: 9 }) }, carryOn, "done", ["t: task_continued", "t: clock 31000", "execute t v1"]],
  ["I3 halted before its delay",                { t: past(born(90_000, delayedTags, false), halts) }, carryOn, "done", ["t: task_continued", "t: clock 2000"]],
  ["I3 halted, a timer",                        { t: past(born(90_000, timerTags, false), halts) },   carryOn, "done", ["t: task_continued", "t: clock 90000"]],
]);

// biome-ignore format: a table is read down its columns
table("expire_lease", [
  ["absent",                                    { t: absent },                             expire, "nobody", none],
  ["E3 E4 lapsed: offered again",               { t: held },                               expire, "nobody", ["t: lease_expired", "t: clock 31000", "execute t v1"]],
  ["at its very instant",                       { t: clocked(held, { clockAt: at(1_000) }) }, expire, "nobody", ["t: lease_expired", "t: clock 31000", "execute t v1"]],
  ["prolonged since",                           { t: clocked(held, { clockAt: at(1_001) }) }, expire, "nobody", none],
  ["I4 releases before it are forgotten",       { t: clocked(held, { clockAt: at(1_000), releaseCount: 9 }) }, expire, "nobody", ["t: lease_expired", "t: clock 31000", "execute t v1"]],
  ["I3 lapsed, a timer",                        { t: past(born(90_000, timerTags, false), acquired) }, expire, "nobody", ["t: lease_expired", "t: clock 90000"]],
  ["pending, and due to be offered",            { t: clocked(again, { clockAt: at(1_000) }) }, expire, "nobody", none],
  ["asleep",                                    { t: asleep },                             expire, "nobody", none],
  ["halted",                                    { t: halted },                             expire, "nobody", none],
  ["fulfilled",                                 { t: done },                               expire, "nobody", none],
  ["timeout always wins: no work for a dead task", { t: due },                             expire, "nobody", tOver],
]);

const waiting = (timers: Partial<Timers>) => clocked(again, { clockAt: at(1_000), ...timers });

// biome-ignore format: a table is read down its columns
table("dispatch_again", [
  ["absent",                                    { t: absent },                              dispatch, "nobody", none],
  ["I2 E4 due: offered again",                  { t: waiting({}) },                         dispatch, "nobody", ["t: clock 31000", "execute t v1"]],
  ["not due any more",                          { t: waiting({ clockAt: at(1_001) }) },     dispatch, "nobody", none],
  ["I4 I5 releases are still counted, what was missed is kept", { t: waiting({ releaseCount: 5, isMissed: true }) }, dispatch, "nobody", ["t: clock 31000, 5 releases, missed", "execute t v1"]],
  ["I3 its delay is over",                      { t: clocked(past(born(90_000, tagged({ "resonate:target": "poll://any@g", "resonate:delay": "1000" }), false)), { clockAt: at(1_000) }) }, dispatch, "nobody", ["t: clock 31000", "execute t v0"]],
  ["held, though its lease has lapsed",         { t: held },                                dispatch, "nobody", none],
  ["asleep",                                    { t: asleep },                              dispatch, "nobody", none],
  ["halted",                                    { t: halted },                              dispatch, "nobody", none],
  ["fulfilled",                                 { t: done },                                dispatch, "nobody", none],
  ["timeout always wins",                       { t: clocked(past(born(1_000, target, false)), { clockAt: at(1_000) }) }, dispatch, "nobody", tOver],
  ["I3 a timer, at its deadline",               { t: clocked(past(born(1_000, timerTags, false)), { clockAt: at(1_000) }) }, dispatch, "nobody", ["t: resolved at 1000, empty", "t: no clock"]],
]);

// biome-ignore format: a table is read down its columns
table("note_missed", [
  ["I5 pending, this version",                  { t: waiting({ releaseCount: 2 }) },  missed(),  "nobody", ["t: clock 1000, 2 releases, missed"]],
  ["twice",                                     { t: waiting({ isMissed: true }) },   missed(),  "nobody", none],
  ["another version: it was offered since",     { t: waiting({}) },                   missed(0), "nobody", none],
  ["absent",                                    { t: absent },                        missed(),  "nobody", none],
  ["held since",                                { t: held },                          missed(),  "nobody", none],
  ["fulfilled since",                           { t: done },                          missed(),  "nobody", none],
]);

// biome-ignore format: a table is read down its columns
table("offer_missed", [
  ["absent",                                    { t: absent },                             offer, "nobody", none],
  ["I5 E4 missed: offered before its clock",    { t: waiting({ clockAt: at(9_000), releaseCount: 2, isMissed: true }) }, offer, "nobody", ["t: clock 31000, 2 releases", "execute t v1"]],
  ["I5 not missed: offered since",              { t: waiting({ offeredAt: instantMs(500) }) }, offer, "nobody", none],
  ["U3 offered before this run of the server",  { t: waiting({ offeredAt: instantMs(499) }) }, offer, "nobody", ["t: clock 31000", "execute t v1"]],
  ["U4 not offered yet: it has to wait",        { t: waiting({}) },                        offer, "nobody", none],
  ["held since",                                { t: held },                               offer, "nobody", none],
  ["asleep since",                              { t: asleep },                             offer, "nobody", none],
  ["fulfilled since",                           { t: done },                               offer, "nobody", none],
  ["timeout always wins",                       { t: clocked(past(born(1_000, target, false)), { clockAt: at(9_000), isMissed: true }) }, offer, "nobody", tOver],
]);

const called = past(born(90_000, noPairs, true), waits("t"), ends("resolved", 9));
const woken = ["x: callback_drained t", "t: task_resumed by x"];

// biome-ignore format: a table is read down its columns
table("drain_callback", [
  ["E3 E4 asleep: woken and offered",           { x: called, t: asleep },  drain, "nobody", [...woken, "t: clock 31000", "execute t v1"]],
  ["I3 asleep, a timer: woken",                 { x: called, t: past(born(90_000, timerTags, false), acquired, suspended) }, drain, "nobody", [...woken, "t: clock 90000"]],
  ["pending: kept in mind",                     { x: called, t: again },   drain, "nobody", woken],
  ["held: kept in mind",                        { x: called, t: held },    drain, "nobody", woken],
  ["halted: kept in mind",                      { x: called, t: halted },  drain, "nobody", woken],
  ["kept in mind already",                      { x: called, t: mindful }, drain, "nobody", ["x: callback_drained t"]],
  ["kept in mind with another one",             { x: called, t: past(made, acquired, resumed("y")) }, drain, "nobody", woken],
  ["fulfilled: dropped",                        { x: called, t: done },    drain, "nobody", ["x: callback_drained t"]],
  ["E1 due: settled first, and dropped",        { x: called, t: due },     drain, "nobody", ["x: callback_drained t", ...tOver]],
  ["E2 due: whoever waits for it is woken next", { x: called, t: past(born(1_000, target, false), waits("u"), acquired, suspended) }, drain, "nobody",
    ["x: callback_drained t", "t: timedout at 1000, empty", "drain t for u"]],
  ["nobody waits any more",                     { x: over, t: asleep },    drain, "nobody", none],
  ["it is not settled yet",                     { x: past(born(90_000, noPairs, true), waits("t")), t: asleep }, drain, "nobody", none],
  ["it is due, and not settled yet",            { x: past(born(1_000, noPairs, true), waits("t")), t: asleep }, drain, "nobody", none],
]);

// biome-ignore format: a table is read down its columns
table("register_listener", [
  ["absent",                                    { x: absent },   listen(), "promise_not_found",     none],
  ["not awaitable",                             { x: plain },    listen(), "awaited_not_awaitable", none],
  ["E1 refused, yet settled",                   { x: plainDue }, listen(), "awaited_not_awaitable", ["x: timedout at 1000, empty"]],
  ["G1 pending",                                { x: open },     listen(), "pending, changed",      ["x: listener_registered http://l"]],
  ["G1 to a task",                              { x: pending },  listen(), "pending, changed",      ["x: listener_registered http://l"]],
  ["G1 once more",                              { x: past(...open.events, listens("http://l")) }, listen(), "pending", none],
  ["G1 beside another one",                     { x: past(...open.events, listens("http://m")) }, listen(), "pending, changed", ["x: listener_registered http://l"]],
  ["settled: shown, and nothing stored",        { x: over },     listen(), "rejected",              none],
  ["E2 due: shown, and the others are told",    { x: past(...openDue.events, listens("http://m")) }, listen(), "timedout", ["x: timedout at 1000, empty", "tell http://m of x"]],
]);

test("register_listener: with await-any nothing is refused for its tags", () => {
  const expected = ["pending, changed", "x: listener_registered http://l"];
  expect(play({ x: plain }, listen(), 1_000, true)).toEqual(expected);
});

const poll = "poll://any@g";
/** Settled, with two who listen, and how far each of them is. */
const heard = (tellings: Readonly<Record<string, Partial<Telling>>>): Past => {
  const toldAt = instantMs(500);
  const base = { nextAt: at(1_000), toldAt, failureCount: 0, failedSince: null, isMissed: false };
  const all = Object.entries(tellings).map(([address, telling]) => {
    return [address, { ...base, ...telling }] as const;
  });
  const listening = past(...open.events, listens("http://l"), listens(poll), ends("resolved", 9));
  return clocked(listening, { tellings: new Map(all) });
};
const since = { toldAt: instantMs(500), failureCount: 2, failedSince: instantMs(500) };

// biome-ignore format: a table is read down its columns
table("tell_listener", [
  ["absent",                                    { x: absent },                                 tell(),     "nobody", none],
  ["not settled yet",                           { x: past(...open.events, listens("http://l")) }, tell(),  "nobody", none],
  ["due, and not settled yet",                  { x: past(...openDue.events, listens("http://l")) }, tell(), "nobody", none],
  ["not a listener, or none any more",          { x: over },                                   tell(),     "nobody", none],
  ["G2 E4 untold",                              { x: heard({}) },                              tell(),     "nobody", ["x: no clock, http://l next 241000", "unblock http://l: x resolved"]],
  ["G2 the other one stays as it is",           { x: heard({ [poll]: since }) },               tell(),     "nobody",
    ["x: no clock, poll://any@g next 1000, 2 failures since 500, http://l next 241000", "unblock http://l: x resolved"]],
  ["G3 being told",                             { x: heard({ "http://l": { nextAt: at(1_001) } }) }, tell(), "nobody", none],
  ["G3 not confirmed for too long: once more",  { x: heard({ "http://l": {} }) },              tell(),     "nobody", ["x: no clock, http://l next 241000", "unblock http://l: x resolved"]],
  ["G4 G6 due again after a failure: it is remembered", { x: heard({ "http://l": since }) },   tell(),     "nobody", ["x: no clock, http://l next 241000, 2 failures since 500", "unblock http://l: x resolved"]],
  ["G5 missed, and the end of the retention is there", { x: heard({ [poll]: { ...since, isMissed: true } }) }, tell(poll), "nobody", ["x: no clock, poll://any@g next 31000, 2 failures since 500", `unblock ${poll}: x resolved`]],
]);

// biome-ignore format: a table is read down its columns
table("tell_missed", [
  ["absent",                                    { x: absent },                                    tellMissed(), "nobody", none],
  ["told since: it has left",                   { x: over },                                      tellMissed(), "nobody", none],
  ["untold: its drain is on its way",           { x: heard({}) },                                 tellMissed(), "nobody", none],
  ["G5 not missed: told since",                 { x: heard({ [poll]: since }) },                  tellMissed(), "nobody", none],
  ["U3 told before this run of the server",     { x: heard({ [poll]: { toldAt: instantMs(499), nextAt: at(9_000) } }) }, tellMissed(), "nobody",
    ["x: no clock, poll://any@g next 31000", `unblock ${poll}: x resolved`]],
  ["G5 missed: told before the end of the retention", { x: heard({ [poll]: { ...since, nextAt: at(9_000), isMissed: true } }) }, tellMissed(), "nobody",
    ["x: no clock, poll://any@g next 31000, 2 failures since 500", `unblock ${poll}: x resolved`]],
]);

// biome-ignore format: a table is read down its columns
table("note_told", [
  ["absent",                                    { x: absent },                          note(delivered), "nobody", none],
  ["twice, or late: it has left",               { x: over },                            note(delivered), "nobody", none],
  ["late: it failed, and has left",             { x: over },                            note(failed),    "nobody", none],
  ["late: it has left, though its telling has not", { x: clocked(over, { tellings: new Map([["http://l", { ...since, nextAt: at(9), isMissed: false }]]) }) }, note(delivered), "nobody", none],
  ["of what was never told",                    { x: heard({ [poll]: {} }) },           note(delivered), "nobody", none],
  ["G2 delivered: it leaves",                   { x: heard({ "http://l": {} }) },       note(delivered), "nobody", ["x: told http://l", "x: no clock"]],
  ["G2 delivered after failures",               { x: heard({ "http://l": since }) },    note(delivered), "nobody", ["x: told http://l", "x: no clock"]],
  ["G2 delivered: the other one stays",         { x: heard({ "http://l": {}, [poll]: since }) }, note(delivered), "nobody", ["x: told http://l", "x: no clock, poll://any@g next 1000, 2 failures since 500"]],
  ["G2 delivered late, when it is told again",  { x: heard({ "http://l": { nextAt: at(241_000) } }) }, note(delivered), "nobody", ["x: told http://l", "x: no clock"]],
  ["G4 failed: tried again soon",               { x: heard({ "http://l": {} }) },       note(failed),    "nobody", ["x: no clock, http://l next 2000, 1 failures since 1000"]],
  ["G4 failed again: tried again later",        { x: heard({ "http://l": since }) },    note(failed),    "nobody", ["x: no clock, http://l next 5000, 3 failures since 500"]],
  ["G5 nobody was there",                       { x: heard({ [poll]: {} }) },           note(nobody, poll), "nobody", ["x: no clock, poll://any@g next 86401000, 1 failures since 1000, missed"]],
  ["G5 nobody was there again: no longer than before", { x: heard({ [poll]: since }) }, note(nobody, poll), "nobody", ["x: no clock, poll://any@g next 86400500, 3 failures since 500, missed"]],
]);

// biome-ignore format: a table is read down its columns
table("note_told at the end of the retention", [
  ["G6 failed a moment before it",              { x: heard({ "http://l": { ...since, failedSince: instantMs(501) } }) }, note(failed), "nobody", ["x: no clock, http://l next 86400501, 3 failures since 501"]],
  ["G6 failed: given up",                       { x: heard({ "http://l": since }) },    note(failed),       "nobody", ["x: gave up http://l", "x: no clock"]],
  ["G6 nobody was there: given up",             { x: heard({ [poll]: since }) },        note(nobody, poll), "nobody", ["x: gave up poll://any@g", "x: no clock"]],
  ["G2 delivered after all",                    { x: heard({ "http://l": since }) },    note(delivered),    "nobody", ["x: told http://l", "x: no clock"]],
  ["G6 failed for the first time: tried again", { x: heard({ "http://l": {} }) },       note(failed),       "nobody", ["x: no clock, http://l next 86401500, 1 failures since 86400500"]],
], 86_400_500);

test("what is made carries all that was asked for, and an unblock the record as it is stored", () => {
  const set = new WorkingSet([stream("t", [])]);
  const author = { command: commandId("n-1"), now: instantMs(1_000), rules, cron };
  const { response } = execute(set, createTask(), author);
  const record = { kind: "pending", createdAt: 1_000, timeoutAt: 90_000n, param: value };
  const promise = { ...record, tags: target, createKey: null, isExternal: false };
  const task = { kind: "acquired", version: 1, resumes: [], pid: "p", ttl: 60n };
  expect(response).toEqual({ kind: "claim", id: t, task, promise, preload: [] });
  const told = new WorkingSet([stream("x", heard({}).events)]);
  const { messages } = execute(told, tell(), author);
  const { promise: stored } = told.state(promiseKey(promiseId("x")));
  expect(messages).toEqual([{ kind: "unblock", to: "http://l", id: "x", promise: stored }]);
});

test.each([
  ["the push failed", "http://l", failed],
  ["nobody was there", "poll://any@g", nobody],
])(
  "G2 an operator is told of a listener that is given up, and of no other: %s",
  (_what, to, why) => {
    const noticed = (delivery: Delivery, now: number) => {
      const { events, timers } = heard({ [to]: since });
      const set = new WorkingSet([stream("x", events, timers)]);
      const author = { command: commandId("n-1"), now: instantMs(now), rules, cron };
      return execute(set, note(delivery, to), author).notices;
    };
    expect(noticed(why, 86_400_500)).toEqual([
      { kind: "listener_given_up", id: "x", address: to, failure: why },
    ]);
    expect(noticed(why, 86_400_499)).toEqual([]);
    expect(noticed(delivered, 86_400_500)).toEqual([]);
  },
);

test("an execute goes to the target of the promise", () => {
  const set = new WorkingSet([stream("t", [])]);
  const author = { command: commandId("n-1"), now: instantMs(1_000), rules, cron };
  const { messages } = execute(
    set,
    create("t", 90_000, tagged({ "resonate:target": "http://w" })),
    author,
  );
  expect(messages).toEqual([{ kind: "execute", to: "http://w", id: "t", version: 0 }]);
});

// What a due stream owes (sweep.ts). Each command checks again when it runs.

const owes = (id: string, { events, timers }: Past, now: number): readonly string[] => {
  const due: Stream = stream(id, events, timers);
  return obligations(due, sweptAt(now)).map((command) => {
    if (command.kind === "tell_listener") return `tell ${command.address}`;
    return command.kind === "drain_callback" ? `drain for ${command.awaiter}` : command.kind;
  });
};

// biome-ignore format: a table is read down its columns
test.each<[string, Past, number, readonly string[]]>([
  ["absent",                                   absent,                                   1_000,  none],
  ["a lease that lapses",                      held,                                     50,     ["expire_lease"]],
  ["a lease that does not, yet",               held,                                     49,     none],
  ["a task to be offered again",               waiting({}),                              1_000,  ["dispatch_again"]],
  ["a task to be offered again, not yet",      waiting({}),                              999,    none],
  ["a task that sleeps",                       asleep,                                   89_999, none],
  ["a deadline",                               asleep,                                   90_000, ["settle_at_deadline"]],
  ["a deadline goes before a lease",           due,                                      1_000,  ["settle_at_deadline"]],
  ["a deadline that nobody asked to be kept",  plainDue,                                 9_000,  none],
  ["callbacks, then listeners",                past(...open.events, listens("http://l"), waits("t"), ends("resolved", 9)), 1_000, ["drain for t", "tell http://l"]],
  ["listeners whose time has come",            heard({ "http://l": { nextAt: at(1_001) } }), 1_000, [`tell ${poll}`]],
  ["listeners whose time has come, all",       heard({ "http://l": {} }),                1_000,  ["tell http://l", `tell ${poll}`]],
  ["nobody whose time has come",               heard({ "http://l": { nextAt: at(1_001) }, [poll]: { nextAt: at(1_001) } }), 1_000, none],
  ["nobody who waits",                         done,                                     9_000,  none],
])("sweep: owed by %s", (_what, given, now, expected) => {
  expect(owes("x", given, now)).toEqual(expected);
});
