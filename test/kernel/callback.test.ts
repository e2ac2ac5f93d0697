// Commands over two streams: registering a callback and draining it (protocol.md §3.1, §4). Given two
// promises, when this is asked, then this is answered, these events are appended to each, and these
// commands are caused.

import { expect, test } from "vitest";
import type { Command, Response } from "../../kernel/command.ts";
import type { Event } from "../../kernel/event.ts";
import { execute } from "../../kernel/execute.ts";
import { commandId, deadlineMs, durationMs, instantMs, promiseId } from "../../kernel/ids.ts";
import { usualRules } from "../../kernel/rules.ts";
import { dueAt, fold, promiseKey } from "../../kernel/stream.ts";
import { obligations } from "../../kernel/sweep.ts";
import { noTimers, type Timers } from "../../kernel/timers.ts";
import { emptyValue, noPairs, type Tags } from "../../kernel/value.ts";
import { WorkingSet } from "../../kernel/working-set.ts";
import { cron, retryAt, stream, sweptAt } from "./given.ts";

const awaited = promiseId("awaited");
const awaiter = promiseId("awaiter");
const target: Tags = new Map([["resonate:target", "poll://any@g"]]);

const born = (timeoutAt: bigint, tags: Tags = noPairs, isExternal = true): Event => ({
  ...{ kind: "promise_created", createdAt: instantMs(1), timeoutAt: deadlineMs(timeoutAt) },
  ...{ param: emptyValue, tags, key: null, isExternal },
});
const ends = (outcome: "resolved" | "timedout", at: number): Event => {
  return {
    kind: "promise_settled",
    outcome,
    settledAt: instantMs(at),
    value: emptyValue,
    key: null,
  };
};
const registered: Event = { kind: "callback_registered", awaiter };
const drained: Event = { kind: "callback_drained", awaiter };
const resumed: Event = { kind: "task_resumed", awaited };

const register: Command = { kind: "register_callback", awaited, awaiter };
const drain: Command = { kind: "drain_callback", awaited, awaiter };
const resolve: Command = {
  ...{ kind: "settle_promise", id: awaited, outcome: "resolved", value: emptyValue },
  ...{ key: null, strict: false, isShared: false },
};
const sweep: Command = { kind: "settle_at_deadline", id: awaited };

const [live, worker] = [[born(100n)], [born(200n, target)]];
const waitedFor = [...live, registered];
const settled = [...waitedFor, ends("resolved", 9)];

type Row = readonly [
  rule: string,
  awaited: readonly Event[],
  awaiter: readonly Event[],
  when: Command,
  at: number,
  answer: string,
  toAwaited: readonly Event[],
  toAwaiter: readonly Event[],
  caused: readonly Command[],
];

// biome-ignore format: a table is read down its columns
const rows: readonly Row[] = [
  // rule                              awaited    awaiter    when      at  answer                   to awaited               to awaiter              caused
  ["register: unknown awaited",        [],        worker,    register,  2, "promise_not_found",     [],                      [],                     []],
  ["register: unknown awaiter",        live,      [],        register,  2, "awaiter_not_found",     [],                      [],                     []],
  ["register: awaiter has no target",  live,      [born(200n)], register, 2, "awaiter_not_targeted", [],                     [],                     []],
  ["register: nobody may await it",    [born(100n, noPairs, false)], worker, register, 2, "awaited_not_awaitable", [],      [],                     []],
  ["C1 register: both pending",        live,      worker,    register,  2, "changed",               [registered],            [],                     []],
  ["C1 register: once only",           waitedFor, worker,    register,  2, "unchanged",             [],                      [],                     []],
  ["C1 register: awaited is settled",  [...live, ends("resolved", 9)], worker, register, 10, "unchanged", [],                 [],                     []],
  ["C1 register: awaited is due",      live,      worker,    register, 100, "unchanged",            [ends("timedout", 100)], [],                     []],
  ["C1 register: awaiter is due",      [born(900n)], worker, register, 200, "unchanged",            [],                      [ends("timedout", 200)], []],
  ["E1 register: refused, yet settled", [born(100n, noPairs, false)], worker, register, 100, "awaited_not_awaitable", [ends("timedout", 100)], [],   []],
  ["E2 settle: causes a drain",        waitedFor, worker,    resolve,   9, "changed",               [ends("resolved", 9)],   [],                     [drain]],
  ["E2 settle: nobody waits",          live,      worker,    resolve,   9, "changed",               [ends("resolved", 9)],   [],                     []],
  ["E2 sweep: causes a drain",         waitedFor, worker,    sweep,   100, "nobody",                [ends("timedout", 100)], [],                     [drain]],
  ["E2 read: causes a drain",          waitedFor, worker,    { kind: "get_promise", id: awaited }, 100, "unchanged", [ends("timedout", 100)], [],     [drain]],
  ["E2 read, settled before: causes nothing again", settled, worker, { kind: "get_promise", id: awaited }, 10, "unchanged", [], [], []],
  ["C2 drain: awaited is settled",     settled,   worker,    drain,    10, "nobody",                [drained],               [resumed],              []],
  ["C2 drain: twice",                  [...settled, drained], worker, drain, 10, "nobody",          [],                      [],                     []],
  ["C2 drain: still pending",          waitedFor, worker,    drain,    10, "nobody",                [],                      [],                     []],
  ["drain: touches the awaiter first", settled,   worker,    drain,   200, "nobody",                [drained],               [ends("timedout", 200)], []],
];

test.each(rows)(
  "callback: %s",
  (...[, given, waiter, when, at, answer, toAwaited, toAwaiter, caused]) => {
    const set = new WorkingSet([stream(awaited, given), stream(awaiter, waiter)]);
    const author = { command: commandId("n-1"), now: instantMs(at), rules: usualRules, cron };
    const execution = execute(set, when, author);
    expect(said(execution.response)).toBe(answer);
    const appended = (id: typeof awaited) => {
      return (set.changes([promiseKey(id)])[0]?.write?.events ?? []).map(({ event }) => event);
    };
    expect(appended(awaited)).toEqual(toAwaited);
    expect(appended(awaiter)).toEqual(toAwaiter);
    expect(execution.caused).toEqual(caused);
    expect(execution.messages).toEqual([]); // who is awake already is not called
    const { task } = set.state(promiseKey(awaiter));
    const clockAt = task.kind === "pending" ? retryAt : null;
    expect(set.timers(promiseKey(awaiter))).toEqual({ ...noTimers, clockAt });
  },
);

test("callback: C3 a promise that waits for itself is a bug behind the decoder", () => {
  const set = new WorkingSet([stream(awaited, worker)]);
  const self: Command = { kind: "register_callback", awaited, awaiter: awaited };
  const author = { command: commandId("n-1"), now: instantMs(2), rules: usualRules, cron };
  expect(() => execute(set, self, author)).toThrow("itself");
});

test.each([
  ["C1 registered on a settled promise", [...live, ends("resolved", 9), registered], "not pending"],
  ["C1 registered twice", [...waitedFor, registered], "registered twice"],
  ["C2 drained before the settlement", [...waitedFor, drained], "before the settlement"],
  ["C2 drained twice", [...settled, drained, drained], "not registered"],
] as const)("callback: %s, a stream is corrupt", (_rule, events, because) => {
  expect(() => fold(events)).toThrow(because);
});

const listens: Event = { kind: "listener_registered", address: "http://l" };
const told: Event = { kind: "listener_drained", address: "http://l", wasTold: true };
const clockAt = (at: bigint): Timers => ({ ...noTimers, clockAt: deadlineMs(at) });
const sent = { nextAt: deadlineMs(77n), toldAt: instantMs(7) };
const telling = { ...sent, failureCount: 0, failedSince: null, isMissed: false };
const beingTold: Timers = { ...noTimers, tellings: new Map([["http://l", telling]]) };
const ended = [...live, ends("resolved", 9)];

// biome-ignore format: a table is read down its columns
test.each<[string, readonly Event[], Timers, bigint | null]>([
  ["absent",                                [],                                        noTimers,      null],
  ["pending, armed",                        live,                                      noTimers,      100n],
  ["pending, not awaitable",                [born(100n, noPairs, false)],              noTimers,      null],
  ["pending, not awaitable, yet awaited",   [born(100n, noPairs, false), registered],  noTimers,      100n],
  ["pending, not awaitable, yet listened to", [born(100n, noPairs, false), listens],   noTimers,      100n],
  ["pending, targeted",                     [born(100n, target, false)],               noTimers,      100n],
  ["pending, its task's clock is earlier",  [born(100n, target, false)],               clockAt(99n),  99n],
  ["pending, its task's clock is later",    [born(100n, target, false)],               clockAt(101n), 100n],
  ["settled, somebody waits",               settled,                                   noTimers,      9n],
  ["settled, all drained",                  [...settled, drained],                     noTimers,      null],
  ["settled, a listener is untold",         [...live, listens, ends("resolved", 9)],   noTimers,      9n],
  ["settled, a listener is being told",     [...live, listens, ends("resolved", 9)],   beingTold,     77n],
  ["settled, a listener is told",           [...live, listens, ends("resolved", 9), told], noTimers,  null],
  ["settled, a listener is being told and somebody waits", [...live, registered, listens, ends("resolved", 9)], beingTold, 9n],
])("stream: S2 the due date of a promise that is %s", (_what, events, timers, expected) => {
  expect(dueAt(fold(events), timers)).toBe(expected);
});

test.each<[string, Event, string]>([
  ["S4 a listener registered on a settled promise", listens, "not pending"],
  [
    "S4 a task acquired after the settlement",
    { kind: "task_acquired", pid: "w", ttl: durationMs(1n) },
    "after the settlement",
  ],
])("stream: %s is a corrupt stream", (_rule, event, because) => {
  expect(() => fold([...ended, event])).toThrow(because);
});

test("stream: S4 a listener drained before the settlement is a corrupt stream", () => {
  expect(() => fold([...live, listens, told])).toThrow("before the settlement");
});

test("stream: S3 a task is born and fulfilled by the events of its promise, and only a targeted one's", () => {
  expect(fold(worker).task).toEqual({ kind: "pending", version: 0, resumes: [] });
  expect(fold([...worker, ends("resolved", 9)]).task).toEqual({ kind: "fulfilled", version: 0 });
  expect(fold(live).task).toEqual({ kind: "absent" });
  expect(fold(ended).task).toEqual({ kind: "absent" });
});

test("sweep: a due stream owes its timeout, or a drain for each that waits", () => {
  expect(obligations(stream(awaited, waitedFor), sweptAt(100))).toEqual([sweep]);
  expect(obligations(stream(awaited, settled), sweptAt(100))).toEqual([drain]);
  expect(obligations(stream(awaited, live), sweptAt(99))).toEqual([]);
});

function said(response: Response | null): string {
  if (response === null) return "nobody";
  if (response.kind === "promise") return response.changed ? "changed" : "unchanged";
  return response.kind === "refused" ? response.refusal : response.kind;
}
