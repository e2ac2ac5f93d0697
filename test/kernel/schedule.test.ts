// The rules of a schedule, as one table: given this past, when this is asked at this instant, then this
// is answered and these events are appended. It is protocol.md §3.3 and §6, in the order in which the
// code decides. Then what a firing makes, what is owed, and which pasts are corrupt. The properties run
// on the real cron.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { cron as realCron } from "../../aio/cron.ts";
import { deadlineMs, instantMs, int64Max, promiseId, scheduleId } from "../../kernel/ids.ts";
import { evolve as evolvePromise, timeout } from "../../kernel/promise.ts";
import {
  absent,
  type CreateSchedule,
  type DeleteSchedule,
  decideCreate,
  decideDelete,
  decideFire,
  dueAt,
  evolve,
  type FireSchedule,
  type Firing,
  firings,
  type ScheduleCreated,
  type ScheduleDefinition,
  type ScheduleEvent,
  type ScheduleState,
} from "../../kernel/schedule.ts";
import type { Tags } from "../../kernel/value.ts";
import { cron, tenYearsMs } from "./given.ts";

const id = scheduleId("s");

const target: Tags = new Map([["resonate:target", "poll://any@g"]]);
const tagged = (zone: string): Tags => new Map([...target, ["resonate:timezone", zone]]);
const param = { headers: null, data: "cA==" };

const definition = (chosen: Partial<ScheduleDefinition> = {}): ScheduleDefinition => ({
  cron: "tens",
  promiseIdTemplate: "{{.id}}-{{.timestamp}}",
  promiseTimeoutMs: 5n,
  promiseParam: param,
  promiseTags: target,
  ...chosen,
});
const asks = (chosen?: Partial<ScheduleDefinition>): CreateSchedule => {
  return { ...definition(chosen), kind: "create_schedule", id };
};
const created = (at: number, next: number | bigint, chosen?: Partial<ScheduleDefinition>) => {
  const event: ScheduleCreated = {
    ...definition(chosen),
    kind: "schedule_created",
    createdAt: instantMs(at),
    nextRunAt: deadlineMs(BigInt(next)),
  };
  return event;
};
const fired = (at: number, next: number | bigint): ScheduleEvent => {
  const nextRunAt = deadlineMs(BigInt(next));
  return { kind: "schedule_fired", occurrenceAt: instantMs(at), nextRunAt };
};
const deleted: ScheduleEvent = { kind: "schedule_deleted" };
const remove: DeleteSchedule = { kind: "delete_schedule", id };
const fire = (at: number, promise: string | null = `s-${at}`): FireSchedule => {
  const made = promise === null ? null : promiseId(promise);
  return { kind: "fire_schedule", id, occurrenceAt: instantMs(at), promiseId: made };
};
const fold = (events: readonly ScheduleEvent[]) => events.reduce(evolve, absent);

type Command = CreateSchedule | DeleteSchedule | FireSchedule;
type Row = readonly [
  rule: string,
  given: readonly ScheduleEvent[],
  when: Command,
  at: number,
  answer: string,
  events: readonly ScheduleEvent[],
];

const none: readonly ScheduleEvent[] = [];
const made = [created(100, 110)];
const once = { cron: "once" };
const long = { promiseIdTemplate: "x".repeat(2049) };
const int64 = int64Max;
const mars = { promiseTags: tagged("Mars") };
const utc = { promiseTags: tagged("UTC") };

// biome-ignore format: a table is read down its columns
const rows: readonly Row[] = [
  // rule                                 given                        when                           at   answer               appended
  ["create, absent",                      none,                        asks(),                       100, "accepted",          made],
  ["create, just before an occurrence",   none,                        asks(),                       109, "accepted",          [created(109, 110)]],
  ["create, deleted: made anew",          [...made, deleted],          asks(),                       119, "accepted",          [created(119, 120)]],
  ["create, zone in a tag",               none,                        asks(utc),                    100, "accepted",          [created(100, 110, utc)]],
  ["F2 create, within ten years",         none,                        asks({ cron: "ten years" }),  100, "accepted",          [created(100, 100 + tenYearsMs, { cron: "ten years" })]],
  ["F2 create, a moment later",           none,                        asks({ cron: "over ten years" }), 100, "cron_invalid",  none],
  ["F2 create, never",                    none,                        asks({ cron: "never" }),      100, "cron_invalid",      none],
  ["create, no cron expression",          none,                        asks({ cron: "bad" }),        100, "cron_invalid",      none],
  ["create, no time zone",                none,                        asks(mars),                   100, "time_zone_invalid", none],
  ["create, neither",                     none,                        asks({ ...mars, cron: "bad" }), 100, "cron_invalid",    none],
  ["create, exists, no cron expression",  made,                        asks({ cron: "bad" }),        101, "cron_invalid",      none],
  ["create, exists, no time zone",        made,                        asks(mars),                   101, "time_zone_invalid", none],
  ["F1 create, exists",                   made,                        asks(),                       101, "accepted",          none],
  ["F1 create, exists, all different",    made,                        asks({ ...once, ...long }),   101, "accepted",          none],
  ["delete, absent",                      none,                        remove,                       100, "not_found",         none],
  ["delete, exists",                      made,                        remove,                       100, "accepted",          [deleted]],
  ["delete, deleted",                     [...made, deleted],          remove,                       100, "not_found",         none],
  ["F3 fire, due at this instant",        made,                        fire(110),                    110, "fired",             [fired(110, 120)]],
  ["F3 fire, late: its own instant",      made,                        fire(110),                    999, "fired",             [fired(110, 120)]],
  ["F3 fire, the next of many missed",    [...made, fired(110, 120)],  fire(120),                    999, "fired",             [fired(120, 130)]],
  ["F4 fire, early",                      made,                        fire(110),                    109, "unchanged",         none],
  ["F4 fire, double",                     [...made, fired(110, 120)],  fire(110),                    999, "unchanged",         none],
  ["F4 fire, out of turn",                made,                        fire(120),                    999, "unchanged",         none],
  ["F4 fire, absent",                     none,                        fire(110),                    110, "unchanged",         none],
  ["F4 fire, deleted",                    [...made, deleted],          fire(110),                    110, "unchanged",         none],
  ["F4 fire, another schedule by now",    [...made, deleted, created(101, 110, { promiseIdTemplate: "y" })], fire(110), 110, "unchanged", none],
  ["F4 fire, its id is too long by now",  [...made, deleted, created(101, 110, long)], fire(110),    110, "unchanged",         none],
  ["F4 fire, skipped for its id before",  made,                        fire(110, null),              110, "unchanged",         none],
  ["F8 fire, id too long",                [created(100, 110, long)],   fire(110, null),              110, "skipped",           [fired(110, 120)]],
  ["F9 fire, the last occurrence",        [created(100, 110, once)],   fire(110),                    110, "fired",             [fired(110, int64)]],
  ["F9 fire, after the last",             [created(100, 110, once), fired(110, int64)], fire(120),   999, "unchanged",         none],
  ["F9 fire, then after ten years and more", [created(100, 110, { cron: "over ten years" })], fire(110), 110, "fired",          [fired(110, 111 + tenYearsMs)]],
  ["F10 fire, expression unknown here",   [created(100, 110, { cron: "bad" })], fire(110),           110, "stuck expression",  none],
  ["F10 fire, zone unknown here",         [created(100, 110, mars)],   fire(110),                    110, "stuck zone",        none],
];

function play(state: ScheduleState, when: Command, at: number) {
  const now = { now: instantMs(at), cron };
  switch (when.kind) {
    case "create_schedule":
      return said(decideCreate(state, when, now));
    case "delete_schedule":
      return said(decideDelete(state));
    case "fire_schedule": {
      const firing = decideFire(state, when, now);
      const answer = firing.kind === "stuck" ? `stuck ${firing.part}` : firing.kind;
      return { answer, appended: "event" in firing ? [firing.event] : [] };
    }
  }
}

function said(decision: ReturnType<typeof decideDelete>) {
  if (decision.kind === "accepted") return { answer: decision.kind, appended: decision.events };
  return { answer: decision.refusal.replace("schedule_", ""), appended: [] };
}

test.each(rows)("schedule: %s", (_rule, given, when, at, answer, appended) => {
  const state = fold(given);
  expect(play(state, when, at)).toEqual({ answer, appended });
  expect(() => appended.reduce(evolve, state)).not.toThrow();
});

test("schedule: each row has a name of its own", () => {
  expect(new Set(rows.map(([name]) => name)).size).toBe(rows.length);
});

test("schedule: F9 a client reads what the events say", () => {
  expect(fold(none)).toEqual({ kind: "absent" });
  const live = { ...definition(), kind: "live", createdAt: 100 };
  expect(fold(made)).toEqual({ ...live, lastRunAt: null, nextRunAt: 110n });
  const later = [...made, fired(110, 120), fired(120, 130)];
  expect(fold(later)).toEqual({ ...live, lastRunAt: 120, nextRunAt: 130n });
  expect(fold([...later, deleted])).toEqual({ kind: "absent" });
});

test.each([
  ["absent", none, null],
  ["live", made, 110n],
  ["past its last occurrence", [created(100, 110, once), fired(110, int64)], null],
  ["deleted", [...made, deleted], null],
] as const)("schedule: when %s, it is due at its next run", (_what, given, expected) => {
  expect(dueAt(fold(given))).toBe(expected);
});

function firedBy(chosen: Partial<ScheduleDefinition>, when: FireSchedule, now = 999): Firing {
  const { occurrenceAt } = when;
  const state = fold([created(occurrenceAt - 1, occurrenceAt, chosen)]);
  return decideFire(state, when, { now: instantMs(now), cron });
}

test("schedule: F5 F6 a promise as at its occurrence", () => {
  const tags = new Map([
    ["resonate:target", "poll://any@g"],
    ["resonate:timezone", "UTC"],
    ["resonate:schedule", "s"],
    ["resonate:origin", "s-110"],
    ["resonate:branch", "s-110"],
    ["resonate:parent", "s-110"],
  ]);
  expect(firedBy(utc, fire(110), 112)).toEqual({
    kind: "fired",
    event: fired(110, 120),
    promise: {
      id: "s-110",
      event: {
        ...{ kind: "promise_created", createdAt: 110, timeoutAt: 115n, param, tags },
        ...{ key: null, isExternal: false },
      },
    },
  });
});

test("schedule: F6 what the server says of lineage stands, whatever the schedule's tags say", () => {
  const names = ["schedule", "origin", "branch", "parent"].map((name) => `resonate:${name}`);
  const promiseTags = new Map([...target, ...names.map((name) => [name, "mine"] as const)]);
  const firing = firedBy({ promiseTags }, fire(110));
  if (firing.kind !== "fired") throw new Error(firing.kind);
  const { tags } = firing.promise.event;
  expect(names.map((name) => tags.get(name))).toEqual(["s", "s-110", "s-110", "s-110"]);
  expect(tags.size).toBe(5);
  expect([...promiseTags.values()].filter((tag) => tag === "mine").length).toBe(4);
});

// biome-ignore format: a table is read down its columns
const deadlines = [
  // time-out               due at     settled, at 115
  [0n,                      110n,      110],
  [5n,                      115n,      115],
  [6n,                      116n,      null],
  [int64Max - 110n,         int64Max,  null],
  [int64Max - 109n,         int64Max,  null],
  [int64Max,                int64Max,  null],
] as const;

test.each(deadlines)(
  "schedule: F5 with a time-out of %d it is due at %d",
  (timeoutMs, due, settledAt) => {
    const firing = firedBy({ promiseTimeoutMs: timeoutMs }, fire(110), 115);
    if (firing.kind !== "fired") throw new Error(firing.kind);
    const promise = evolvePromise({ kind: "absent" }, firing.promise.event);
    expect(promise).toMatchObject({ createdAt: 110, timeoutAt: due });
    expect(timeout(promise, instantMs(115))?.settledAt ?? null).toBe(settledAt);
  },
);

const { length } = "-110";
// biome-ignore format: a table is read down its columns
const templates = [
  // schedule id             template                            promise id
  ["s",                      "{{.id}}-{{.timestamp}}",           "s-110"],
  ["s",                      "{{.id}}.{{.timestamp}}",           "s.110"],
  ["s",                      "{{.timestamp}}{{.id}}{{.timestamp}}{{.id}}", "110s110s"],
  ["s",                      "always the same",                  "always the same"],
  ["s",                      "{{ .id }}{{.Id}}{.id}{{id}}{{.}}", "{{ .id }}{{.Id}}{.id}{{id}}{{.}}"],
  ["s",                      "{{{.id}}}{{.name}}",               "{s}{{.name}}"],
  ["{{.timestamp}}",         "{{.id}}/{{.timestamp}}",           "{{.timestamp}}/110"],
  ["$&$1$`",                 "{{.id}}",                          "$&$1$`"],
  ["{{.",                    "{{.id}}id}}",                      "{{.id}}"],
  ["x".repeat(2048 - length), "{{.id}}-{{.timestamp}}",          `${"x".repeat(2048 - length)}-110`],
  ["x".repeat(2049 - length), "{{.id}}-{{.timestamp}}",          null],
  ["é".repeat(1022),         "{{.id}}-{{.timestamp}}",           `${"é".repeat(1022)}-110`],
  ["é".repeat(1023),         "{{.id}}-{{.timestamp}}",           null],
  ["€".repeat(681),          "{{.id}}-{{.timestamp}}",           `${"€".repeat(681)}-110`],
  ["€".repeat(682),          "{{.id}}-{{.timestamp}}",           null],
  ["😀".repeat(511),         "{{.id}}-{{.timestamp}}",           `${"😀".repeat(511)}-110`],
  ["😀".repeat(512),         "{{.id}}-{{.timestamp}}",           null],
] as const;

test.each(templates)("schedule: F7 F8 %.20s fires %.40s as %.40s", (name, template, expected) => {
  const state = fold([created(100, 110, { promiseIdTemplate: template })]);
  const [command] = firings(scheduleId(name), state, { now: instantMs(110), cron, max: 1 });
  expect(command?.promiseId).toBe(expected);
});

const owed = (given: readonly ScheduleEvent[], now: number, max: number) =>
  firings(id, fold(given), { now: instantMs(now), cron, max });

// biome-ignore format: a table is read down its columns
const debts = [
  // rule                               given                        now  max  owed
  ["absent",                            none,                        999, 100, []],
  ["F4 not due",                        made,                        109, 100, []],
  ["due",                               made,                        110, 100, [fire(110)]],
  ["F3 all that it has missed",         made,                        135, 100, [fire(110), fire(120), fire(130)]],
  ["F3 no more than asked for",         made,                        999, 2,   [fire(110), fire(120)]],
  ["F8 skipped ones, too",              [created(100, 110, long)],   120, 100, [fire(110, null), fire(120, null)]],
  ["F9 the last one",                   [created(100, 110, once)],   999, 100, [fire(110)]],
  ["F10 of a rule that is unknown here", [created(100, 110, mars)],  999, 100, [fire(110)]],
] as const;

test.each(debts)("schedule: what it owes: %s", (_rule, given, now, max, expected) => {
  expect(owed(given, now, max)).toEqual(expected);
});

test.each([
  ["F1", "created twice", [...made, ...made], "created twice"],
  ["F9", "due when it was created", [created(110, 110)], "after its first run"],
  ["F5", "of a negative time-out", [created(1, 2, { promiseTimeoutMs: -1n })], "no time-out"],
  [
    "F5",
    "of a time-out too long",
    [created(1, 2, { promiseTimeoutMs: int64Max + 1n })],
    "no time-",
  ],
  ["F4", "fired while absent", [fired(110, 120)], "fired that does not exist"],
  ["F3", "fired out of turn", [...made, fired(120, 130)], "out of turn"],
  ["F3", "fired twice", [...made, fired(110, 120), fired(110, 120)], "out of turn"],
  ["F3", "fired and stands still", [...made, fired(110, 110)], "does not move on"],
  ["F4", "deleted twice", [...made, deleted, deleted], "deleted that does not exist"],
] as const)("schedule: %s a stream that is %s is corrupt", (_rule, _what, events, because) => {
  expect(() => fold(events)).toThrow(because);
});

const hourMs = 3_600_000;
const anyCron = fc.constantFrom(
  "*/20 * * * * *",
  "*/7 * * * *",
  "30 2 * * *",
  "@monthly",
  "0 0 29 2 *",
);
const anyZone = fc.constantFrom("UTC", "Europe/Berlin", "Australia/Lord_Howe");
const anyStep = fc.oneof(
  { weight: 1, arbitrary: fc.constant<"create" | "delete">("create") },
  { weight: 1, arbitrary: fc.constant<"create" | "delete">("delete") },
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 24 * 40 * hourMs }) },
);

property.prop([anyCron, anyZone, fc.integer({ min: 0, max: 2 ** 45 }), fc.array(anyStep)])(
  "schedule: F3 F9 folding its events gives its state, and it moves forward only (protocol.md §12, 18)",
  (expression, zone, start, steps) => {
    const command = asks({ cron: expression, promiseTags: tagged(zone) });
    const events: ScheduleEvent[] = [];
    let state: ScheduleState = absent;
    let clock = start;
    const append = (event: ScheduleEvent) => {
      events.push(event);
      state = evolve(state, event);
      if (state.kind === "live") {
        const { createdAt, lastRunAt, nextRunAt } = state;
        expect(createdAt).toBeLessThan(Number(nextRunAt));
        expect(lastRunAt ?? createdAt).toBeGreaterThanOrEqual(createdAt);
        expect(lastRunAt ?? createdAt).toBeLessThan(Number(nextRunAt));
      }
      expect(fold(events)).toEqual(state);
    };
    for (const step of steps) {
      const at = { now: instantMs(clock), cron: realCron };
      if (step === "create" || step === "delete") {
        const decided = step === "create" ? decideCreate(state, command, at) : decideDelete(state);
        if (decided.kind === "accepted") decided.events.forEach(append);
        continue;
      }
      clock += step;
      const now = { now: instantMs(clock), cron: realCron };
      for (const due of firings(id, state, { ...now, max: 5 })) {
        const firing = decideFire(state, due, now);
        if (firing.kind !== "fired") throw new Error(firing.kind);
        expect(firing.event.occurrenceAt).toBeLessThanOrEqual(clock);
        append(firing.event);
        expect(decideFire(state, due, now).kind).toBe("unchanged"); // F4
      }
    }
  },
);
