// What comes along with a task, true and false (dst/preloads.ts).

import { expect, test } from "vitest";
import { emptyValue, type ModelRecord, nothing } from "../../dst/model/record.ts";
import type { Operation } from "../../dst/operation.ts";
import { Past } from "../../dst/past.ts";
import { Preloads } from "../../dst/preloads.ts";
import { plainRules } from "../../dst/rules.ts";
import { Violation } from "../../dst/verdict.ts";
import type { Response } from "../../kernel/command.ts";
import { deadlineMs, instantMs, promiseId, taskVersion } from "../../kernel/ids.ts";
import type { ListQuery, ShownPromise } from "../../kernel/list.ts";
import type { PromiseRecord } from "../../kernel/promise.ts";

const tags = new Map([["resonate:branch", "b"]]);

function record(timeoutAt: bigint, of = tags): ModelRecord {
  return {
    ...nothing,
    promise: {
      ...{ state: "pending", param: emptyValue, value: emptyValue, timeoutAt, createdAt: 1 },
      ...{ settledAt: null, createKey: null, settleKey: null, isExternal: true, tags: of },
    },
  };
}

const pending = (timeoutAt = 100n): PromiseRecord => ({
  ...{
    kind: "pending",
    param: { headers: null, data: null },
    tags,
    timeoutAt: deadlineMs(timeoutAt),
  },
  ...{ createdAt: instantMs(1), createKey: null, isExternal: true },
});
const over: PromiseRecord = {
  ...{ ...pending(40n), kind: "settled", outcome: "timedout", settledAt: instantMs(40) },
  ...{ value: { headers: null, data: null }, settleKey: null },
};

const shown = (id: string, promise = pending()): ShownPromise => ({ id: promiseId(id), promise });

/** The promise `w` of the task, then two of its branch and one of another. @param asked moments of questions */
function found(preload: readonly ShownPromise[], asked: readonly number[], isOver = false): string {
  const past = new Past();
  past.set("w", record(100n), 1);
  past.set("z", record(40n), 1);
  past.set("a", record(100n), 3);
  past.set("other", record(100n, new Map([["resonate:branch", "c"]])), 1);
  const rules = { ...plainRules, preloadMax: 2 };
  const preloads = new Preloads(past, { rules, pageWeightMax: 1000 });
  for (const at of asked) preloads.asked([{ now: instantMs(50) } as ListQuery], at); // no more is looked at
  const task = isOver ? "fulfilled" : "acquired";
  const response = {
    ...{ kind: "claim", id: promiseId("w"), promise: pending(), preload },
    task: { kind: task, version: taskVersion(1) },
  } as unknown as Response; // nor of this
  try {
    preloads.sent(
      { key: 1, expected: { kind: "answer", at: 2 } } as unknown as Operation,
      response,
    );
    return "nothing";
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return `${error.oracle} ${error.rule}`;
  }
}

// biome-ignore format: a table
test.each<[what: string, preload: readonly ShownPromise[], asked: readonly number[], expected: string]>([
  ["its branch, as it was asked for", [shown("a"), shown("z", over)], [4], "nothing"],
  ["its branch, as it was before", [shown("z", over)], [2], "nothing"],
  ["one of two questions", [shown("z", over)], [2, 4], "nothing"],
  ["none, since they could not be read", [], [4], "nothing"],
  ["some that nobody asked for", [shown("a"), shown("z", over)], [], "W preload"],
  ["from before the commit", [shown("z", over)], [1], "W preload"],
  ["out of order", [shown("z", over), shown("a")], [4], "W preload"],
  ["one too few", [shown("a")], [4], "W preload"],
  ["itself", [shown("a"), shown("w")], [4], "W preload"],
  ["one of another branch", [shown("a"), shown("other")], [4], "W preload"],
  ["what is overdue as pending", [shown("a"), shown("z", pending(40n))], [4], "W preload"],
])("W9: a task comes with %s", (_what, preload, asked, expected) => {
  expect(found(preload, asked)).toBe(expected);
});

test("W9: a task that is fulfilled comes with nothing", () => {
  expect(found([shown("a"), shown("z", over)], [4], true)).toBe("W preload");
});
