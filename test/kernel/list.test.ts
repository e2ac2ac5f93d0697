// The searches in the order of ids, as questions and pages. What holds is told by a second description:
// a promise as it stands at `now`, and a filter over what clients see.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { deadlineMs, durationMs, instantMs } from "../../kernel/ids.ts";
import {
  isListed,
  type List,
  type ListRow,
  type Page,
  toListPage,
  toListQuery,
} from "../../kernel/list.ts";
import { project } from "../../kernel/promise.ts";
import { noPairs } from "../../kernel/value.ts";
import { born, stream, tagged } from "./given.ts";

const now = instantMs(1_000);
const target = { "resonate:target": "poll://any@g" };
const timer = { "resonate:timer": "true" };

const deadlines = [999, 1_000, 1_001].map((ms) => deadlineMs(BigInt(ms)));
const tagSets = [{}, timer, target, { ...target, ...timer }, { a: "1" }, { ...target, a: "1" }];
const ends = [null, "resolved", "rejected", "canceled", "timedout"] as const;

/** Every promise that differs in what a search looks at, and what may have befallen its task. */
const rows: readonly ListRow[] = deadlines.flatMap((timeoutAt) =>
  tagSets.flatMap((tags) =>
    ends.flatMap((outcome) =>
      [0, 1, 2].map((moves, index) => {
        const isTargeted = Object.hasOwn(tags, "resonate:target");
        const birth = born(timeoutAt, tagged(tags), false);
        const acquired = { kind: "task_acquired", pid: "w", ttl: durationMs(9n) } as const;
        const moved = [acquired, { kind: "task_suspended" } as const].slice(0, moves);
        const value = { headers: null, data: null };
        const settledAt = instantMs(900);
        const end = { kind: "promise_settled", settledAt, value, key: null } as const;
        const events = [
          ...[birth, ...(isTargeted ? moved : [])],
          ...(outcome === null ? [] : [{ ...end, outcome }]),
        ];
        const id = `${timeoutAt}${JSON.stringify(tags)}${outcome}${index}`;
        const { key, state } = stream(id, events);
        return { key, state };
      }),
    ),
  ),
);

/** As clients see it: the state of the promise, and that of its task. */
function seen({ state }: ListRow): readonly [promise: string, task: string | null] {
  if (state.kind === "schedule" || state.promise.kind === "absent") throw new Error("no promise");
  const promise = project(state.promise, now);
  const shown = promise.kind === "settled" ? promise.outcome : "pending";
  const { kind } = state.task;
  if (kind === "absent") return [shown, null];
  return [shown, shown === "pending" ? kind : "fulfilled"];
}

const page = { idPrefix: "", after: null, limit: 9_999 };
const promiseStates = [null, "pending", "resolved", "rejected", "canceled", "timedout"] as const;
const taskStates = [null, "pending", "acquired", "suspended", "halted", "fulfilled"] as const;

function matching(list: List): readonly ListRow[] {
  const query = toListQuery(list, 1, now);
  return rows.filter(({ state }) => isListed(query, state));
}

test.each(promiseStates)("L1 promises in the state %s are those that clients see so", (state) => {
  const found = matching({ kind: "list_promises", state, tags: noPairs, ...page });
  expect(found).toEqual(rows.filter((row) => state === null || seen(row)[0] === state));
  expect(found.length).toBeGreaterThan(0);
});

test.each(taskStates)("L1 tasks in the state %s are those that clients see so", (state) => {
  const found = matching({ kind: "list_tasks", state, ...page });
  const expected = rows.filter((row) => {
    const [, task] = seen(row);
    return task !== null && (state === null || task === state);
  });
  expect(found).toEqual(expected);
  if (state !== "halted") expect(found.length).toBeGreaterThan(0);
});

property.prop([fc.subarray(Object.entries({ ...target, ...timer, a: "1" }))])(
  "every tag that is asked for is there",
  (pairs) => {
    const found = matching({ kind: "list_promises", state: null, tags: new Map(pairs), ...page });
    const has = (row: ListRow) => {
      const { state } = row;
      if (state.kind === "schedule" || state.promise.kind === "absent") return false;
      const { tags } = state.promise;
      return pairs.every(([name, value]) => tags.get(name) === value);
    };
    expect(found).toEqual(rows.filter(has));
  },
);

test("L1 what a page shows is what its filter has seen", () => {
  for (const list of [
    ...promiseStates.map((state) => ({ kind: "list_promises", state, tags: noPairs }) as const),
    ...taskStates.map((state) => ({ kind: "list_tasks", state }) as const),
  ]) {
    const found = matching({ ...list, ...page });
    const shown = states(toListPage({ ...list, ...page }, { rows: found, hasMore: false }, now));
    const place = list.kind === "list_tasks" ? 1 : 0;
    expect(shown).toEqual(found.map((row) => seen(row)[place]));
  }
});

function states(shown: Page): readonly string[] {
  switch (shown.kind) {
    case "promise_list":
      return shown.promises.map(({ promise }) => {
        return promise.kind === "settled" ? promise.outcome : "pending";
      });
    case "task_list":
      return shown.tasks.map(({ task }) => task.kind);
    case "schedule_list":
      return [];
  }
}

test("L2 L4 a question says where to go on, and how much a page may weigh", () => {
  const [idPrefix, after, limit] = ["a", "ab", 7];
  const asked = { idPrefix, after, limit };
  const bounds = { ...asked, weightMax: 99, now };
  for (const list of [
    { kind: "list_promises", state: null, tags: noPairs, ...asked } as const,
    { kind: "list_tasks", state: "pending", ...asked } as const,
    { kind: "list_schedules", tags: noPairs, ...asked } as const,
  ]) {
    const of = list.kind === "list_schedules" ? "schedule" : "promise";
    expect(toListQuery(list, 99, now)).toMatchObject({ ...bounds, of });
  }
});

test("L3 the next page begins behind the last id, if there is more", () => {
  const list: List = { kind: "list_promises", state: null, tags: noPairs, ...page };
  const two = rows.slice(0, 2);
  expect(toListPage(list, { rows: two, hasMore: true }, now).next).toBe(two[1]?.key.id);
  expect(toListPage(list, { rows: two, hasMore: false }, now).next).toBe(null);
  expect(toListPage(list, { rows: [], hasMore: false }, now).next).toBe(null);
});
