// The commands of schedules over a working set, as one table: given these pasts, when this runs at this
// instant, then this is answered, and this is written, sent and noticed. Protocol.md §3.3 and §6. What a
// schedule decides is in schedule.test.ts; here is what a command makes of it.

import { expect, test } from "vitest";
import { type Command, keys, type Response } from "../../kernel/command.ts";
import type { Event } from "../../kernel/event.ts";
import { execute } from "../../kernel/execute.ts";
import {
  commandId,
  deadlineMs,
  instantMs,
  promiseId,
  scheduleId,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import { usualRules } from "../../kernel/rules.ts";
import type { ScheduleDefinition } from "../../kernel/schedule.ts";
import { absentOf, dueAt, evolve, type Stream, scheduleKey } from "../../kernel/stream.ts";
import { obligations } from "../../kernel/sweep.ts";
import { noTimers } from "../../kernel/timers.ts";
import { emptyValue } from "../../kernel/value.ts";
import { WorkingSet } from "../../kernel/working-set.ts";
import { born, cron, stream, sweptAt, tagged } from "./given.ts";

const id = scheduleId("s");
const tags = tagged({ "resonate:target": "poll://any@g" });
const timer = tagged({ "resonate:target": "poll://any@g", "resonate:timer": "true" });

const definition = (chosen: Partial<ScheduleDefinition> = {}): ScheduleDefinition => ({
  cron: "tens",
  promiseIdTemplate: "{{.id}}-{{.timestamp}}",
  promiseTimeoutMs: 50n,
  promiseParam: emptyValue,
  promiseTags: tags,
  ...chosen,
});
const created = (chosen?: Partial<ScheduleDefinition>): Event => ({
  ...definition(chosen),
  kind: "schedule_created",
  createdAt: instantMs(100),
  nextRunAt: deadlineMs(110n),
});
const fired = (at: number): Event => {
  const nextRunAt = deadlineMs(BigInt(at + 10));
  return { kind: "schedule_fired", occurrenceAt: instantMs(at), nextRunAt };
};
const deleted: Event = { kind: "schedule_deleted" };

const ask: Command = { ...definition(), kind: "create_schedule", id };
const bad: Command = { ...definition({ cron: "bad" }), kind: "create_schedule", id };
const get: Command = { kind: "get_schedule", id };
const remove: Command = { kind: "delete_schedule", id };
const fire = (at: number, promise: string | null = `s-${at}`): Command => ({
  kind: "fire_schedule",
  ...{ id, occurrenceAt: instantMs(at) },
  promiseId: promise === null ? null : promiseId(promise),
});

function scheduleStream(events: readonly Event[]): Stream {
  const version = streamVersion(events.length);
  const state = events.reduce(evolve, absentOf("schedule"));
  const numbers = { version, revision: streamRevision(events.length) };
  return { key: scheduleKey(id), ...numbers, state, timers: noTimers };
}

function said(response: Response | null): string {
  if (response === null) return "nothing";
  if (response.kind === "refused") return response.refusal;
  if (response.kind !== "schedule") return response.kind;
  const { nextRunAt, lastRunAt } = response.schedule;
  return `${response.id} next ${nextRunAt}${lastRunAt === null ? "" : `, last ${lastRunAt}`}`;
}

function event(each: Event): string {
  switch (each.kind) {
    case "schedule_fired":
      return `fired ${each.occurrenceAt}, next ${each.nextRunAt}`;
    case "promise_created":
      return `created ${each.createdAt}, until ${each.timeoutAt}`;
    case "promise_settled":
      return `${each.outcome} ${each.settledAt}`;
    default:
      return each.kind;
  }
}

type Row = readonly [
  what: string,
  schedule: readonly Event[],
  promise: readonly Event[],
  when: Command,
  at: number,
  answer: string,
  effects: readonly string[],
];

const none: readonly Event[] = [];
const made = [created()];
const long = { promiseIdTemplate: "x".repeat(2049) };
const [mars, unknown] = [tagged({ "resonate:timezone": "Mars" }), { cron: "bad" }];
const elsewhere = [born(9999, tags, false)];

// biome-ignore format: a table is read down its columns
const rows: readonly Row[] = [
  // what                                  schedule                      promise    when          at   answer                  written, sent, noticed
  ["create, absent",                       none,                         none,      ask,          100, "s next 110",           ["s: schedule_created", "s: due 110"]],
  ["create, exists: shown as it is",       [...made, fired(110)],        none,      ask,          125, "s next 120, last 110", []],
  ["create, refused: nothing changes",     made,                         none,      bad,          125, "schedule_cron_invalid", []],
  ["get",                                  made,                         none,      get,          125, "s next 110",           []],
  ["get, absent",                          none,                         none,      get,          125, "schedule_not_found",   []],
  ["get, deleted",                         [...made, deleted],           none,      get,          125, "schedule_not_found",   []],
  ["delete: due no more",                  made,                         none,      remove,       125, "done",                 ["s: schedule_deleted", "s: due null"]],
  ["delete, absent",                       none,                         none,      remove,       125, "schedule_not_found",   []],
  ["fire: a promise, and its task offered", made,                        none,      fire(110),    110, "nothing",              ["s: fired 110, next 120", "s: due 120", "s-110: created 110, until 160", "s-110: due 160", "execute s-110 v0 to poll://any@g"]],
  ["fire, late: created at its occurrence", made,                        none,      fire(110),    159, "nothing",              ["s: fired 110, next 120", "s: due 120", "s-110: created 110, until 160", "s-110: due 160", "execute s-110 v0 to poll://any@g"]],
  ["fire, after its deadline: settled by it", made,                      none,      fire(110),    160, "nothing",              ["s: fired 110, next 120", "s: due 120", "s-110: created 110, until 160", "s-110: timedout 160", "s-110: due null"]],
  ["fire, no time at all",                 [created({ promiseTimeoutMs: 0n })], none, fire(110),  110, "nothing",              ["s: fired 110, next 120", "s: due 120", "s-110: created 110, until 110", "s-110: timedout 110", "s-110: due null"]],
  ["fire, a timer: not offered",           [created({ promiseTags: timer })], none, fire(110),    110, "nothing",              ["s: fired 110, next 120", "s: due 120", "s-110: created 110, until 160", "s-110: due 160"]],
  ["fire, a timer, late: resolved",        [created({ promiseTags: timer })], none, fire(110),    999, "nothing",              ["s: fired 110, next 120", "s: due 120", "s-110: created 110, until 160", "s-110: resolved 160", "s-110: due null"]],
  ["fire, the id exists: it moves on",     made,                         elsewhere, fire(110),    110, "nothing",              ["s: fired 110, next 120", "s: due 120"]],
  ["F3 fire, late by more: due at once",   made,                         none,      fire(110),    135, "nothing",              ["s: fired 110, next 120", "s: due 120", "s-110: created 110, until 160", "s-110: due 160", "execute s-110 v0 to poll://any@g"]],
  ["F4 fire, double",                      [...made, fired(110)],        none,      fire(110),    110, "nothing",              []],
  ["F4 fire, deleted",                     [...made, deleted],           none,      fire(110),    110, "nothing",              []],
  ["F8 fire, the id is too long",          [created(long)],              none,      fire(110, null), 110, "nothing",           ["s: fired 110, next 120", "s: due 120", "occurrence_skipped s 110"]],
  ["F10 fire, no such expression here",    [created(unknown)],           none,      fire(110),    110, "nothing",              ["schedule_stuck s expression"]],
  ["F10 fire, no such zone here",          [created({ promiseTags: mars })], none,  fire(110),    110, "nothing",              ["schedule_stuck s zone"]],
];

test.each(rows)("schedules: %s", (...[, schedule, promise, when, at, answer, effects]) => {
  const streams = [
    scheduleStream(schedule),
    ...keys(when).flatMap((key) => (key.kind === "promise" ? [stream(key.id, promise)] : [])),
  ];
  const set = new WorkingSet(streams);
  const author = { command: commandId("n-1"), now: instantMs(at), rules: usualRules, cron };
  const { response, messages, notices, caused } = execute(set, when, author);
  expect(said(response)).toBe(answer);
  expect(caused).toEqual([]);
  const written = set.changes(streams.map(({ key }) => key)).flatMap(({ key, write }) => {
    if (write === null) return [];
    expect(write.dueAt).toBe(dueAt(write.snapshot, write.timers));
    const events = write.events.map((each) => `${key.id}: ${event(each.event)}`);
    return [...events, `${key.id}: due ${write.dueAt}`];
  });
  const sent = messages.map((message) => {
    const version = message.kind === "execute" ? ` v${message.version}` : "";
    return `${message.kind} ${message.id}${version} to ${message.to}`;
  });
  const noticed = notices.map((notice) => {
    if (notice.kind === "listener_given_up") throw new Error("a schedule has no listeners");
    const detail = notice.kind === "schedule_stuck" ? notice.part : notice.occurrenceAt;
    return `${notice.kind} ${notice.id} ${detail}`;
  });
  expect([...written, ...sent, ...noticed]).toEqual(effects);
});

test("schedules: a fired promise has what its schedule says, and its own lineage", () => {
  const set = new WorkingSet([scheduleStream(made), stream("s-110", [])]);
  const author = { command: commandId("n-1"), now: instantMs(110), rules: usualRules, cron };
  execute(set, fire(110), author);
  const { promise, task } = set.state({ kind: "promise", id: promiseId("s-110") });
  const lineage = { "resonate:origin": "s-110", "resonate:branch": "s-110" };
  const own = { ...lineage, "resonate:parent": "s-110", "resonate:schedule": "s" };
  expect(promise).toMatchObject({
    ...{ kind: "pending", createdAt: 110, timeoutAt: 160n, param: emptyValue, isExternal: false },
    ...{ tags: new Map([...tags, ...tagged(own)]), createKey: null },
  });
  expect(task).toEqual({ kind: "pending", version: 0, resumes: [] });
});

test("stream: S5 a schedule is due at its next run, and a sweep fires it, at most so often", () => {
  const due = scheduleStream(made);
  const occurrences = (at: number, firingsMax: number) => {
    return obligations(due, { ...sweptAt(at), firingsMax }).map((command) => {
      return command.kind === "fire_schedule" ? command.occurrenceAt : command.kind;
    });
  };
  expect(dueAt(due.state, due.timers)).toBe(110n);
  expect(occurrences(109, 100)).toEqual([]);
  expect(occurrences(135, 100)).toEqual([110, 120, 130]);
  expect(occurrences(135, 2)).toEqual([110, 120]);
  expect(obligations(scheduleStream([...made, deleted]), sweptAt(135))).toEqual([]);
});

test("stream: a schedule and a promise of one id are two streams", () => {
  const set = new WorkingSet([scheduleStream(made), stream("s", elsewhere)]);
  expect(set.schedule(scheduleKey(id)).kind).toBe("live");
  expect(set.state({ kind: "promise", id: promiseId("s") }).promise.kind).toBe("pending");
});

test("stream: what happens to promises happens to no schedule, and the other way round", () => {
  const [event] = elsewhere;
  const wrong = [event, fired(110)].map((each, index) => () => {
    if (each !== undefined) evolve(absentOf(index === 0 ? "schedule" : "promise"), each);
  });
  for (const each of wrong) expect(each).toThrow("has the event");
});
