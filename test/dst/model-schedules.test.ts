// The model of schedules, cron, searches by id and strict servers against the contract (protocol.md §3.3,
// §6, §7 and decisions 5 to 7). Its cron has rows by hand, and is compared with the one that serves.

import { expect, test } from "vitest";
import { cron } from "../../aio/cron.ts";
import type { ModelAnswer, ModelCommand } from "../../dst/model/command.ts";
import { civil, nextOf } from "../../dst/model/cron.ts";
import { list, type ModelList } from "../../dst/model/list.ts";
import {
  dueAt,
  int64Max,
  type ModelPromise,
  type ModelRecord,
  nothing,
  scheduleName,
  stopped,
} from "../../dst/model/record.ts";
import { step } from "../../dst/model.ts";
import { plainRules } from "../../dst/rules.ts";
import { instantMs } from "../../kernel/ids.ts";

const at = (text: string): number => Date.parse(`${text}Z`);
const empty = { headers: null, data: null };

// biome-ignore format: a table
test.each<[rule: string, expression: string, zone: string, after: string, next: string | null]>([
  ["O5: strictly behind", "0 0 * * *", "UTC", "2027-01-15T00:00:00.000", "2027-01-16T00:00:00"],
  ["O5: a whole second", "* * * * * *", "UTC", "2027-01-15T00:00:00.001", "2027-01-15T00:00:01"],
  ["O5: the same second is over", "* * * * * *", "UTC", "2027-01-15T00:00:01.000", "2027-01-15T00:00:02"],
  ["O6: either day", "0 0 20 1 5", "UTC", "2027-01-16T00:00", "2027-01-20T00:00"],
  ["O6: or the other", "0 0 20 1 5", "UTC", "2027-01-20T00:00", "2027-01-22T00:00"],
  ["O6: both", "0 0 * 1 5", "UTC", "2027-01-16T00:00", "2027-01-22T00:00"],
  ["O6: 7 is Sunday", "0 0 ? * 7", "UTC", "2027-01-16T00:00", "2027-01-17T00:00"],
  ["a step within a range", "1-9/4 30 8 15 JAN ?", "UTC", "2027-01-15T08:30:01", "2027-01-15T08:30:05"],
  ["an open step", "50/4 * * * * *", "UTC", "2027-01-15T08:30:54", "2027-01-15T08:30:58"],
  ["ahead of UTC", "0 0 15 1 *", "Asia/Kolkata", "2027-01-01T00:00", "2027-01-14T18:30"],
  ["behind it", "0 0 15 1 *", "America/Phoenix", "2027-01-01T00:00", "2027-01-15T07:00"],
  ["a leap day of a century", "0 0 29 2 *", "UTC", "1997-01-22T08:00", "2000-02-29T00:00"],
  ["never", "0 0 30 2 *", "UTC", "2027-01-15T00:00", null],
])("model: cron: %s", (_rule, expression, zone, after, next) => {
  const found = nextOf({ expression, zone }, at(after));
  expect(found).toEqual(next === null ? { kind: "never" } : { kind: "occurs", at: at(next) });
});

const expressions = [
  ...[
    "* * * * * *",
    "*/7 * * * * *",
    "5-9/2 3 8 15 1 *",
    "5-9 3 8 ? JAN FRI",
    "0 0 29 2 *",
    "0 0 30 2 *",
  ],
  ...[
    "0 0 1 * 1",
    "0 0 * * 7",
    "0 12 * * 5-7",
    "10/20 * 8 * * *",
    "1,2,50 */9 * 15 1,6 *",
    "0 0 ? 2 1",
  ],
  ...["61 * * * *", "* * * *", "", "@every 1s", "1-0 * * * *", "0 0 * * FRI-MON", "*/0 * * * * *"],
];

test("model: cron: agrees with the one that serves, on what these worlds ask of it", () => {
  let count = 0;
  for (const expression of expressions) {
    for (const zone of ["UTC", "Asia/Kolkata", "America/Phoenix", "Mars/Olympus"]) {
      const rule = { expression, zone };
      for (const start of ["1997-01-22T08:00:07", "2027-01-15T08:00:00", "2057-12-31T23:59:59"]) {
        for (let after = at(start), turn = 0; turn < 8; turn += 1) {
          const next = nextOf(rule, after);
          expect(next, `${expression} ${zone} ${after}`).toEqual(cron.next(rule, instantMs(after)));
          count += 1;
          if (next.kind !== "occurs") break;
          after = next.at;
        }
      }
    }
  }
  expect(count).toBeGreaterThan(800);
});

test("model: cron: the calendar is the usual one", () => {
  for (let day = 0; day < 60_000; day += 1) {
    const date = new Date(day * 86_400_000);
    expect(civil(day)).toEqual({ date: date.getUTCDate(), month: date.getUTCMonth() + 1 });
  }
});

const epoch = at("2027-01-15T08:00:00");
const definition = {
  ...{ cron: "* * * * * *", promiseIdTemplate: "{{.id}}-{{.timestamp}}" },
  ...{ promiseTimeoutMs: 60_000n, promiseParam: empty },
  promiseTags: new Map([["resonate:target", "poll://any@g"]]),
};
const create = (more: Partial<typeof definition> = {}): ModelCommand => {
  return { kind: "create_schedule", id: "s", ...definition, ...more };
};
const fire = (
  occurrenceAt: number,
  promiseId: string | null = `s-${occurrenceAt}`,
): ModelCommand => {
  return { kind: "fire_schedule", id: "s", occurrenceAt, promiseId };
};

class Kept {
  readonly records = new Map<string, ModelRecord>();

  run(command: ModelCommand, now: number, isStrict = false): ModelAnswer {
    const rules = { ...plainRules, isStrict };
    const read = (name: string) => this.records.get(name) ?? nothing;
    const { changes, answer, messages } = step(read, command, { now, rules });
    for (const [name, record] of changes) this.records.set(name, record);
    this.sent.push(...messages.map(({ kind, id }) => `${kind} ${id}`));
    return answer;
  }

  readonly sent: string[] = [];

  promise(id: string): ModelPromise | null {
    return this.records.get(id)?.promise ?? null;
  }

  get schedule() {
    return this.records.get(scheduleName("s"))?.schedule ?? null;
  }
}

test("model: O7: each occurrence is fired, the oldest first, and makes a promise as at that instant", () => {
  const kept = new Kept();
  kept.run(create(), epoch);
  expect(kept.schedule).toMatchObject({
    createdAt: epoch,
    lastRunAt: null,
    nextRunAt: BigInt(epoch + 1000),
  });
  expect(dueAt(kept.records.get(scheduleName("s")) ?? nothing)).toBe(BigInt(epoch + 1000));
  kept.run(fire(epoch + 2000), epoch + 9000);
  kept.run(fire(epoch + 1000), epoch + 999);
  kept.run(fire(epoch + 1000, "other"), epoch + 9000);
  expect(kept.schedule?.lastRunAt).toBeNull();
  kept.run(fire(epoch + 1000), epoch + 3000);
  expect(kept.schedule).toMatchObject({ lastRunAt: epoch + 1000, nextRunAt: BigInt(epoch + 2000) });
  const id = `s-${epoch + 1000}`;
  expect(kept.promise(id)).toMatchObject({
    createdAt: epoch + 1000,
    timeoutAt: BigInt(epoch + 61_000),
  });
  expect([...(kept.promise(id)?.tags ?? [])]).toEqual([
    ["resonate:target", "poll://any@g"],
    ["resonate:schedule", "s"],
    ...["origin", "branch", "parent"].map((name) => [`resonate:${name}`, id]),
  ]);
  expect(kept.sent).toEqual([`execute ${id}`]);
  kept.run(fire(epoch + 1000), epoch + 3000);
  expect(kept.sent).toHaveLength(1);
});

test("model: O7: who is late fires what is over, and nothing is offered", () => {
  const kept = new Kept();
  kept.run(create({ promiseTimeoutMs: 0n }), epoch);
  kept.run(fire(epoch + 1000), epoch + 1000);
  const record = kept.records.get(`s-${epoch + 1000}`);
  expect(record?.promise).toMatchObject({ state: "timedout", settledAt: epoch + 1000 });
  expect(record?.task).toMatchObject({ state: "fulfilled", version: 0 });
  expect(kept.sent).toEqual([]);
  const eternal = new Kept();
  eternal.run(create({ promiseTimeoutMs: int64Max }), epoch);
  eternal.run(fire(epoch + 1000), epoch + 1000);
  expect(eternal.promise(`s-${epoch + 1000}`)?.timeoutAt).toBe(int64Max);
});

test("model: O7: an id that is taken, or too long, makes no promise, and the schedule goes on", () => {
  const kept = new Kept();
  kept.run(create({ promiseIdTemplate: "p" }), epoch);
  kept.run(fire(epoch + 1000, "p"), epoch + 1000);
  kept.run(fire(epoch + 2000, "p"), epoch + 2000);
  expect(kept.promise("p")?.createdAt).toBe(epoch + 1000);
  expect(kept.schedule?.lastRunAt).toBe(epoch + 2000);
  const long = new Kept();
  long.run(create({ promiseIdTemplate: `${"x".repeat(2036)}{{.timestamp}}` }), epoch);
  long.run(fire(epoch + 1000, null), epoch + 1000);
  expect(long.schedule?.lastRunAt).toBe(epoch + 1000);
  expect(long.records.size).toBe(1);
});

test("model: O8: who creates what is there is shown it, and told of what is invalid all the same", () => {
  const kept = new Kept();
  const first = kept.run(create(), epoch);
  expect(kept.run(create({ promiseIdTemplate: "q" }), epoch + 5000)).toEqual(first);
  const refused = (refusal: string) => ({ kind: "refused", refusal });
  expect(kept.run(create({ cron: "61 * * * *" }), epoch)).toEqual(refused("schedule_cron_invalid"));
  expect(kept.run(create({ cron: "0 0 30 2 *" }), epoch)).toEqual(refused("schedule_cron_invalid"));
  const promiseTags = new Map([["resonate:timezone", "Mars/Olympus"]]);
  expect(kept.run(create({ promiseTags }), epoch)).toEqual(refused("schedule_time_zone_invalid"));
  expect(kept.run({ kind: "get_schedule", id: "s" }, epoch)).toEqual(first);
  expect(kept.run({ kind: "delete_schedule", id: "s" }, epoch)).toEqual({ kind: "done" });
  for (const kind of ["get_schedule", "delete_schedule"] as const) {
    expect(kept.run({ kind, id: "s" }, epoch)).toEqual(refused("schedule_not_found"));
  }
  kept.run(fire(epoch + 1000), epoch + 2000);
  expect(kept.promise(`s-${epoch + 1000}`)).toBeNull();
});

function promise(more: Partial<ModelPromise> = {}): ModelRecord {
  const plain: ModelPromise = {
    ...{ state: "pending", param: empty, value: empty, timeoutAt: 100n, createdAt: 1 },
    ...{
      settledAt: null,
      createKey: null,
      settleKey: null,
      isExternal: true,
      tags: new Map(),
      ...more,
    },
  };
  return { ...nothing, promise: plain };
}

function task(state: "pending" | "acquired", more: Partial<ModelPromise> = {}): ModelRecord {
  const held = state === "acquired" ? { pid: "w", ttl: 5n } : { pid: null, ttl: null };
  return { ...promise(more), task: { state, version: 1, resumes: [], ...held }, clock: stopped };
}

const page = { idPrefix: "", after: null, limit: 10 } as const;
const promises = { ...page, kind: "list_promises", state: null, tags: new Map() } as const;
const stored: readonly (readonly [string, ModelRecord])[] = [
  ["b", promise()],
  ["a\u{1f600}", promise({ tags: new Map([["k", "v"]]) })],
  ["a\u{ffff}", task("acquired")],
  ["a", task("pending", { timeoutAt: 40n })],
  [
    scheduleName("a"),
    { ...nothing, schedule: { ...definition, createdAt: 1, lastRunAt: null, nextRunAt: 5n } },
  ],
];

// biome-ignore format: a table
test.each<[what: string, query: ModelList, ids: readonly string[], hasMore: boolean]>([
  ["O10: by code points", promises, ["a", "a\u{ffff}", "a\u{1f600}", "b"], false],
  ["behind an id", { ...promises, after: "a\u{ffff}" }, ["a\u{1f600}", "b"], false],
  ["behind what is not there", { ...promises, after: "aa" }, ["a\u{ffff}", "a\u{1f600}", "b"], false],
  ["a prefix", { ...promises, idPrefix: "a" }, ["a", "a\u{ffff}", "a\u{1f600}"], false],
  ["a limit", { ...promises, limit: 2 }, ["a", "a\u{ffff}"], true],
  ["tags", { ...promises, tags: new Map([["k", "v"]]) }, ["a\u{1f600}"], false],
  ["O9: what is overdue is settled", { ...promises, state: "timedout" }, ["a"], false],
  ["O9: and not pending", { ...promises, state: "pending", limit: 2 }, ["a\u{ffff}", "a\u{1f600}"], true],
  ["O9: and its task fulfilled", { ...page, kind: "list_tasks", state: "fulfilled" }, ["a"], false],
  ["tasks", { ...page, kind: "list_tasks", state: null }, ["a", "a\u{ffff}"], false],
  ["schedules", { ...page, kind: "list_schedules", tags: new Map() }, ["a"], false],
  ["schedules by tags", { ...page, kind: "list_schedules", tags: new Map([["k", "v"]]) }, [], false],
])("model: list: %s", (_what, query, ids, hasMore) => {
  const found = list(stored, query, { now: 50, weightMax: 1000 });
  expect(found.rows.map(({ id }) => id)).toEqual(ids);
  expect(found.hasMore).toBe(hasMore);
});

test("model: list: a page ends once it weighs enough, but never before its first row", () => {
  const weigh = (weightMax: number) => list(stored, promises, { now: 50, weightMax }).rows.length;
  expect([1, 2, 3, 4, 1000].map(weigh)).toEqual([1, 2, 2, 2, 4]); // an id, then an id and a pid
});

const target = new Map([["resonate:target", "poll://any@g"]]);
const late = { timeoutAt: int64Max, tags: target };

test("model: a strict server refuses what crosses origins, and what is awaited twice", () => {
  const kept = new Kept();
  kept.records.set("r:1", task("acquired", late));
  for (const id of ["r:2", "r.3", "q"]) kept.records.set(id, task("pending", late));
  const tagged = new Map([...target, ["resonate:origin", "r"]]);
  kept.records.set("t", task("pending", { timeoutAt: int64Max, tags: tagged }));
  const suspend = (...awaited: readonly string[]): ModelCommand => {
    return { kind: "suspend_task", id: "r:1", version: 1, awaited };
  };
  const refusal = (command: ModelCommand, isStrict = true) => {
    const answer = kept.run(command, 1, isStrict);
    return answer.kind === "refused" ? answer.refusal : answer.kind;
  };
  expect(refusal(suspend("r:2", "q"))).toBe("origins_differ");
  expect(refusal(suspend("r:2", "r.3", "r:2"))).toBe("awaited_repeated");
  expect(refusal({ kind: "register_callback", awaited: "q", awaiter: "r:1" })).toBe(
    "origins_differ",
  );
  const creation = {
    kind: "create_promise",
    timeoutAt: int64Max,
    param: empty,
    key: null,
  } as const;
  const flags = { strict: false, isExternal: false, isShared: true };
  const fence = (id: string, tags = target): ModelCommand => {
    return {
      kind: "fence_task",
      id: "r:1",
      version: 1,
      action: { ...creation, ...flags, id, tags },
    };
  };
  expect(refusal(fence("q:1"))).toBe("origins_differ");
  expect(refusal(fence("root"))).toBe("fenced");
  const both = new Map([...target, ["resonate:timer", "true"]]);
  expect(kept.run(fence("r:9", both), 1, true)).toEqual({
    kind: "fenced",
    inner: { kind: "refused", refusal: "timer_with_target" },
  });
  expect(refusal(suspend("r:2", "t"))).toBe("done");
  expect(kept.records.get("t")?.callbacks).toEqual(["r:1"]);
});

test("model: what is awaited twice counts once, unless the server is strict", () => {
  const kept = new Kept();
  kept.records.set("w", task("acquired", late));
  kept.records.set("a", promise({ timeoutAt: int64Max }));
  const twice = { kind: "suspend_task", id: "w", version: 1, awaited: ["a", "a"] } as const;
  expect(kept.run(twice, 1)).toEqual({ kind: "done" });
  expect(kept.records.get("a")?.callbacks).toEqual(["w"]);
});
