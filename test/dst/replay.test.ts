// A replay file is read whole or not at all. What was written is read back as it was; each kind of
// damage is named with its field; and nothing that a file may hold is thrown at whoever reads it.

import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { draw, usualWishes } from "../../dst/draw.ts";
import {
  choicesOf,
  decodeReplay,
  encodeReplay,
  fileNameOf,
  type Replay,
  replayOf,
} from "../../dst/replay.ts";
import { seedAt } from "../../dst/seed.ts";
import { limits } from "../../kernel/limits.ts";
import {
  arbitraryChoices,
  arbitraryPlan,
  failure,
  faults,
  get,
  outcomeOf,
  planOf,
  seed,
} from "./failing.ts";

const plan = planOf([get(1, "a"), get(2, "b", 17, 3)], {
  ...{ nodes: 2, faults: faults({ slow: 250 }), policy: { kind: "pct", depth: 2 } },
});
const choices = new Map([
  ["slow n0 commit a", 999_999],
  ["crash n0", 3],
]);
const sample = replayOf(
  { plan, choices, outcome: outcomeOf({ ...failure, intent: 2 }) },
  "ab12cd3",
);

property.prop([arbitraryPlan, arbitraryChoices, fc.option(fc.string({ maxLength: 40 }))])(
  "what is written is read back as it was, and written again as the same text (R1)",
  (plan, choices, commit) => {
    const replay = replayOf({ plan, choices, outcome: outcomeOf(failure) }, commit);
    const text = encodeReplay(replay);
    const read = decodeReplay(text) as Replay;
    expect(read).toEqual(replay);
    expect(encodeReplay(read)).toBe(text);
    expect(choicesOf(read)).toEqual(choices);
  },
);

test("the same replay is the same text, whatever order its members were made in (R1)", () => {
  const turned = turn(sample) as Replay;
  expect(Object.keys(turned)[0]).not.toBe(Object.keys(sample)[0]);
  expect(encodeReplay(turned)).toBe(encodeReplay(sample));
  expect(fileNameOf(turned)).toBe(fileNameOf(sample));
});

/** All members of all objects in the opposite order. */
function turn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turn);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, each]) => [name, turn(each)])
      .reverse(),
  );
}

test("plans as seeds draw them are read back as well (R1)", () => {
  for (let index = 0; index < 20; index++) {
    const plan = draw(seedAt(seed, index), usualWishes);
    const replay = replayOf({ plan, choices, outcome: outcomeOf(failure) }, null);
    expect(decodeReplay(encodeReplay(replay))).toEqual(replay);
  }
});

test("a file has one intent and one choice a line", () => {
  expect(encodeReplay(sample)).toMatchInlineSnapshot(`
    "{
      "format": 1,
      "commit": "ab12cd3",
      "expected": {"oracle":"W","rule":"answer","message":"the answers differ","intent":2,"at":0},
      "trace": "00000000000000ff",
      "plan": {
        "seed": "0000000000009f3c",
        "store": "memory",
        "nodes": 2,
        "clients": 8,
        "policy": {"kind":"pct","depth":2},
        "limits": {"queueMax":4096,"batchMax":1024,"batchesMax":1,"sweepShareMax":32,"dueMax":64,"readsMax":16,"attemptsMax":16,"firingsMax":100,"sweepRetryMs":1000,"pageWeightMax":16777216},
        "rules": {"retryMs":30000,"patienceMs":240000,"retentionMs":86400000,"awaitsAny":false,"preloadMax":0,"isStrict":false},
        "delayMax": 0,
        "healAt": 0,
        "isSearched": false,
        "isCanary": false,
        "faults": {"slow":250},
        "intents": [
          {"key":1,"at":0,"client":0,"action":{"kind":"get","id":"a"}},
          {"key":2,"at":17,"client":3,"action":{"kind":"get","id":"b"}}
        ]
      },
      "choices": [
        ["crash n0",3],
        ["slow n0 commit a",999999]
      ]
    }
    "
  `);
});

test("a file is named after the oracle and what it holds", () => {
  expect(fileNameOf(sample)).toMatch(/^W-[0-9a-f]{8}\.json$/);
  expect(fileNameOf({ ...sample, commit: null })).not.toBe(fileNameOf(sample));
});

test("what a later commit has added is quiet in an older file (R3)", () => {
  const { batchMax: _, ...limited } = sample.plan.limits;
  const older = { ...sample, plan: { ...sample.plan, faults: { slow: 250 }, limits: limited } };
  expect(decodeReplay(JSON.stringify(older))).toEqual(sample);
});

/** The sample, with this in the place of what is there. */
function damaged(path: string, value: unknown): string {
  const copy = JSON.parse(encodeReplay(sample));
  const names = path.split(".");
  const last = names.pop() ?? "";
  const holder = names.reduce((members, name) => members[name], copy);
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return JSON.stringify(copy);
}

test.each([
  ["format", 2, 'format must be 1, not 2: use a commit that knows it, such as "ab12cd3"'],
  ["format", undefined, "format must be 1, not absent"],
  ["commit", 7, "commit must be text, not 7"],
  ["commit", "c".repeat(101), "commit must be at most 100 characters long"],
  ["expected", null, "expected must be an object, not null"],
  ["expected.oracle", "Q", "expected.oracle must be one of W, G, S,"],
  ["expected.rule", undefined, "expected.rule is missing"],
  ["expected.intent", -1, "expected.intent must be a whole number from 0"],
  ["expected.at", "1", 'expected.at must be a whole number from 0 to 9007199254740991, not "1"'],
  ["trace", "xyz", 'trace must be a hash of 16 hex digits, not "xyz"'],
  ["plan", [], "plan must be an object, not a list of 0"],
  ["plan.seed", "0x1", 'plan.seed must be a seed of 16 hex digits, not "0x1"'],
  ["plan.seed", ["000000000000000a"], "plan.seed must be a seed"],
  ["plan.store", "mysql", 'plan.store must be one of memory, sqlite, postgres, not "mysql"'],
  ["plan.nodes", 0, "plan.nodes must be a whole number from 1 to 16, not 0"],
  ["plan.nodes", 1e9, "plan.nodes must be a whole number from 1 to 16, not 1000000000"],
  ["plan.clients", 1.5, "plan.clients must be a whole number"],
  ["plan.policy.kind", "best", "plan.policy.kind must be one of fifo, lifo,"],
  ["plan.policy.depth", undefined, "plan.policy.depth is missing"],
  ["plan.policy.actor", 1, "plan.policy.actor is not known"],
  ["plan.limits.queueMax", 0, "plan.limits.queueMax must be a whole number from 1 to 65536, not 0"],
  ["plan.limits.queueMax", 1e15, "plan.limits.queueMax must be"],
  ["plan.limits.cacheMax", 1, "plan.limits.cacheMax is not known"],
  ["plan.faults.slow", 1_000_001, "plan.faults.slow must be a whole number from 0 to 1000000"],
  ["plan.faults.meteor", 1, "plan.faults.meteor is not known"],
  ["plan.faults.a b", 1, 'plan.faults."a b" is not known'],
  ["plan.delayMax", -1, "plan.delayMax must be"],
  ["plan.healAt", null, "plan.healAt must be"],
  ["plan.isSearched", 1, "plan.isSearched must be true or false, not 1"],
  ["plan.isCanary", "no", "plan.isCanary must be true or false"],
  ["plan.intents", {}, "plan.intents must be a list, not an object"],
  ["plan.intents.1", null, "plan.intents[1] must be an object, not null"],
  ["plan.intents.1.key", 1, "plan.intents[1].key must be of one intent only, not 1"],
  ["plan.intents.0.at", 2 ** 53, "plan.intents[0].at must be"],
  ["plan.intents.0.client", 8, "plan.intents[0].client must be below 8, not 8"],
  ["plan.intents.0.action.kind", "put", "plan.intents[0].action.kind must be one of create,"],
  ["plan.intents.0.action.kind", "__proto__", "plan.intents[0].action.kind must be one of"],
  ["plan.intents.0.action.id", "", 'plan.intents[0].action.id must be an id, not ""'],
  ["plan.intents.0.action.id", "a\0", "plan.intents[0].action.id must be without NUL"],
  ["plan.intents.0.action.id", "\ud800", "plan.intents[0].action.id must be without NUL"],
  ["choices", "none", 'choices must be a list, not "none"'],
  ["choices.0", ["a"], "choices[0] must be a list of two, not a list of 1"],
  ["choices.0.1", 0, "choices[0][1] must be a whole number from 1"],
  ["choices.1.0", "crash n0", "choices[1][0] must be greater than the name before it"],
  ["choices.0.0", "zzz", 'choices[1][0] must be greater than the name before it, not "slow'],
  ["surplus", 1, "surplus is not known"],
])("a damaged field is named (R2): %s = %j", (path, value, error) => {
  expect(decodeReplay(damaged(path, value))).toEqual({ error: expect.stringContaining(error) });
});

test.each([
  [
    "create",
    "deadline",
    { from: "epoch", ms: "9223372036854775808" },
    "deadline.ms must be decimal",
  ],
  ["create", "deadline", { from: "epoch", ms: "01" }, "deadline.ms must be decimal text"],
  ["create", "deadline", { from: "epoch", ms: 1 }, "deadline.ms must be decimal text"],
  ["create", "deadline", { from: "end", ms: 1 }, "deadline.from must be one of request, start"],
  ["create", "param", { headers: { a: "b" }, data: null }, "param.headers must be a list"],
  ["create", "param", { headers: null, data: "\udfff" }, "param.data must be without NUL"],
  ["create", "tags", [["a", "b", "c"]], "tags[0] must be a list of two"],
  ["create", "tags", [["a", 1]], "tags[0][1] must be text, not 1"],
  ["create", "strict", null, "strict must be true or false"],
  ["settle", "outcome", "timedout", "outcome must be one of resolved, rejected, canceled"],
  ["callback", "awaiter", "a", "awaiter must be another promise than the awaited one"],
  ["search", "limit", 0, "limit must be a whole number from 1"],
  ["search", "before", "end", "before must be one of start, next"],
  ["search", "before", -1, "before must be a whole number from 0"],
  ["search", "state", "timedout", "state must be one of pending, resolved, rejected"],
  ["events", "of", "", "of must be an id"],
  ["events", "after", null, "after must be one of start, next"],
])("a damaged member of an action is named (R2): %s, %s = %j", (kind, member, value, error) => {
  const whole = { ...actions[kind as keyof typeof actions], kind };
  expect(decodeReplay(damaged("plan.intents.0.action", whole))).toHaveProperty("plan");
  const text = damaged("plan.intents.0.action", { ...whole, [member]: value });
  const field = `plan.intents[0].action.${error}`;
  expect(decodeReplay(text)).toEqual({ error: expect.stringContaining(field) });
});

const plain = { headers: null, data: null };
const actions = {
  create: {
    ...{ id: "a", deadline: { from: "start", ms: -1 }, param: plain, tags: [], key: null },
    ...{ strict: false, isExternal: true },
  },
  settle: { id: "a", outcome: "resolved", value: plain, key: "k", strict: true },
  callback: { awaited: "a", awaiter: "b" },
  search: { pattern: "*", state: null, tags: [["a", "b"]], limit: 1, before: "next" },
  events: { of: null, after: 3, limit: 100 },
};

const hostile = [
  ["nothing", ""],
  ["a space", " "],
  ["null", "null"],
  ["a number", "1"],
  ["text", '"replay"'],
  ["a list", "[]"],
  ["an empty object", "{}"],
  ["half an object", "{"],
  ["a file without its end", encodeReplay(sample).slice(0, -3)],
  ["a byte order mark", `\ufeff${encodeReplay(sample)}`],
  ["a file with something behind it", `${encodeReplay(sample)}{}`],
  ["a prototype with a format", '{"__proto__": {"format": 1}}'],
  ["no prototype", '{"format": 1, "__proto__": null}'],
  ["a format beyond all numbers", '{"format": 1e400}'],
  ["the name of a method", '{"format": 1, "toString": 1}'],
  ["a deep hole", "[".repeat(200_000)],
  ["a deep plan", `{"format": 1, "plan": ${"[".repeat(50_000)}${"]".repeat(50_000)}}`],
  ["a deep format", `{"format": ${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`],
  ["bytes", "\0\0\0\0"],
] as const;

describe("a hostile file is refused, and nothing is thrown (R2)", () => {
  test.each(hostile)("%s", (_what, text) => {
    expect(decodeReplay(text)).toEqual({ error: expect.any(String) });
  });

  property.prop([fc.nat(), fc.nat({ max: 40 }), fc.constantFrom("", "0", '"', "{", "null", "-")])(
    "a file with a hole in it",
    (place, length, filler) => {
      const whole = encodeReplay(sample);
      const start = place % whole.length;
      const text = whole.slice(0, start) + filler + whole.slice(start + length);
      const read = decodeReplay(text);
      if ("error" in read) expect(read.error.length).toBeLessThan(300);
      else expect(decodeReplay(encodeReplay(read))).toEqual(read);
    },
  );

  property.prop([fc.json()])("any JSON", (text) => {
    expect(decodeReplay(text)).toEqual({ error: expect.any(String) });
  });
});

test("what could not be read back is not written", () => {
  const odd = { ...sample, plan: { ...sample.plan, limits: { ...limits(), queueMax: 0 } } };
  expect(() => encodeReplay(odd)).toThrow("plan.limits.queueMax must be");
  const found = { plan, choices, outcome: outcomeOf(null) };
  expect(() => replayOf(found, null)).toThrow("a run that passed has no replay file");
});
