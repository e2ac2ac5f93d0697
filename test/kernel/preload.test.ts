// Who gets a preload, and how much they may hold in memory. What they do in the course of a batch is in
// kernel.test.ts.

import { expect, test } from "vitest";
import { assert } from "../../kernel/assert.ts";
import { Entries } from "../../kernel/entries.ts";
import { instantMs, promiseId } from "../../kernel/ids.ts";
import { limits } from "../../kernel/limits.ts";
import type { Submission } from "../../kernel/ports.ts";
import { Preloads } from "../../kernel/preload.ts";
import { fold } from "../../kernel/stream.ts";
import { born } from "./given.ts";

const tags = new Map([
  ["resonate:target", "poll://any@g"],
  ["resonate:branch", "b"],
]);
const { promise, task } = fold([born(9_999n, tags, false)]);
assert(promise.kind !== "absent" && task.kind !== "absent", "nothing is born");
const over = { kind: "fulfilled", version: task.version } as const;
const claimed = { kind: "claim", id: promiseId("a"), promise, task, preload: [] } as const;

test("D2 who finds its task fulfilled is answered at once", () => {
  const preloads = new Preloads({ limits: limits(), max: 10, enqueue: () => true });
  const get = { kind: "get_task", id: claimed.id } as const;
  const entry = new Entries("n").enter(get, { kind: "client", reply: () => {} });
  expect(preloads.hold(entry, { ...claimed, task: over })).toBe(false);
  expect(preloads.hold(entry, claimed)).toBe(true);
});

test.each([
  [1, 300],
  [3, 100],
  [1_000, 1],
])("D5 each of %d claims of one tick may bring along %d", (count, weightMax) => {
  const asked: Submission[] = [];
  const enqueue = (submission: Submission) => asked.push(submission) > 0;
  const preloads = new Preloads({ limits: limits({ pageWeightMax: 300 }), max: 10, enqueue });
  const entries = new Entries("n");
  for (let each = 0; each < count; each++) {
    const get = { kind: "get_task", id: claimed.id } as const;
    preloads.hold(entries.enter(get, { kind: "client", reply: () => {} }), claimed);
  }
  preloads.ask(instantMs(1));
  const [list] = asked;
  const weights = list?.kind === "list" ? list.queries.map((query) => query.weightMax) : [];
  expect(weights).toEqual(Array.from({ length: count }, () => weightMax));
});
