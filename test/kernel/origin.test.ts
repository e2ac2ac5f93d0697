// To which call graph a promise belongs, row by row of protocol.md §2.3; and what a strict server refuses
// for it. What it says then, and in which order, is in test/api/protocol/strict.test.ts.

import { expect, test } from "vitest";
import type { CreatePromise, SettlePromise } from "../../kernel/command.ts";
import { deadlineMs, instantMs, promiseId } from "../../kernel/ids.ts";
import { isTimerWithTarget, originOf, refuseAwaited, refuseFenced } from "../../kernel/origin.ts";
import { absent, evolve, type PromiseState } from "../../kernel/promise.ts";
import { emptyValue, noPairs, type Tags } from "../../kernel/value.ts";

const tagged = (origin: string): Tags => new Map([["resonate:origin", origin]]);

function stored(tags: Tags): PromiseState {
  return evolve(absent, {
    ...{ kind: "promise_created", createdAt: instantMs(1), param: emptyValue, tags },
    ...{ timeoutAt: deadlineMs(9n), key: null, isExternal: false },
  });
}

// biome-ignore format: a table is read down its columns
test.each<[string, string, Tags | null, Tags, string]>([
  ["the tag of what is stored",           "a:b:1",  tagged("a:b"), noPairs,     "a:b"],
  ["which counts before a planned one",   "a:b:1",  tagged("a:b"), tagged("c"), "a:b"],
  ["what is stored without a tag has none", "a:1",  noPairs,       tagged("c"), "a"],
  ["the planned tag of what is not there", "a:b:1", null,          tagged("c"), "c"],
  ["the text before the first colon",     "a:b:c",  null,          noPairs,     "a"],
  ["a colon counts before a dot",         "a.b:c",  null,          noPairs,     "a.b"],
  ["the text before the first dot",       "a.b.c",  noPairs,       noPairs,     "a"],
  ["else the whole id",                   "a/b-c",  noPairs,       noPairs,     "a/b-c"],
  ["nothing, before a colon",             ":a",     null,          noPairs,     ""],
])("N1 %s", (_rule, id, tags, planned, origin) => {
  const promise = tags === null ? absent : stored(tags);
  expect(originOf(promiseId(id), promise, planned)).toBe(origin);
});

const ids = (...texts: readonly string[]) => texts.map(promiseId);
const nothing = { state: () => ({ promise: absent }) };

// biome-ignore format: a table is read down its columns
test.each<[string, readonly string[], string | null]>([
  ["all of one origin",               ["a:1", "a.1", "a"],  null],
  ["the last of another",             ["a:1", "b:1"],       "origins_differ"],
  ["one twice",                       ["a:1", "a:2", "a:1"], "awaited_repeated"],
  ["one twice, and another's origin", ["a:1", "a:1", "b"],  "origins_differ"],
])("N2 awaited: %s", (_rule, awaited, refusal) => {
  expect(refuseAwaited(nothing, promiseId("a:0"), ids(...awaited))).toBe(refusal);
});

const shared = { key: null, strict: false, isShared: true } as const;
const create = (id: string, tags: Tags = noPairs): CreatePromise => ({
  ...{ kind: "create_promise", id: promiseId(id), timeoutAt: deadlineMs(9n), param: emptyValue },
  ...{ tags, isExternal: false, ...shared },
});
const settle = (id: string): SettlePromise => {
  const outcome = { outcome: "resolved", value: emptyValue } as const;
  return { kind: "settle_promise", id: promiseId(id), ...outcome, ...shared };
};

// biome-ignore format: a table is read down its columns
test.each<[string, CreatePromise | SettlePromise, string | null]>([
  ["a creation of the task's origin",   create("a:1"),                     null],
  ["a creation of another origin",      create("b:1"),                     "origins_differ"],
  ["a creation of a root",              create("b"),                       null],
  ["a root by its tag",                 create("b:1", tagged("b:1")),      null],
  ["another origin by its tag",         create("a:1:2", tagged("a:1")),    "origins_differ"],
  ["a settlement of the task's origin", settle("a.1"),                     null],
  ["a settlement of a root",            settle("b"),                       "origins_differ"],
])("N2 fenced: %s", (_rule, action, refusal) => {
  expect(refuseFenced(nothing, promiseId("a:0"), action)).toBe(refusal);
});

test("a timer with a target is told by both tags, in either spelling of the timer", () => {
  const target = ["resonate:target", "poll://any@g"] as const;
  const isBoth = (...tags: readonly (readonly [string, string])[]) => {
    return isTimerWithTarget(create("a", new Map(tags)));
  };
  expect(isBoth(target, ["resonate:timer", "true"])).toBe(true);
  expect(isBoth(target, ["resonate:timeout", "true"])).toBe(true);
  expect(isBoth(target, ["resonate:timer", "false"])).toBe(false);
  expect(isBoth(["resonate:timer", "true"])).toBe(false);
  expect(isTimerWithTarget(settle("a"))).toBe(false);
});
