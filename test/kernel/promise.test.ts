// The rules of a promise, as one table: given this past, when this is asked at this instant, then
// this is answered and these events are appended. It is promise-api.md §4.2, row by row: every state,
// operation, key and strictness. Rows go through `execute`, as in the server.

import { expect, test } from "vitest";
import type { Command, Response, SettlePromise } from "../../kernel/command.ts";
import type { Event, Outcome, PromiseCreated } from "../../kernel/event.ts";
import { execute } from "../../kernel/execute.ts";
import {
  commandId,
  deadlineMs,
  instantMs,
  int64Max,
  promiseId,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import { evolve as evolvePromise, isAwaitable, project } from "../../kernel/promise.ts";
import { usualRules } from "../../kernel/rules.ts";
import { fold, promiseKey } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { emptyValue, noPairs, type Tags } from "../../kernel/value.ts";
import { WorkingSet } from "../../kernel/working-set.ts";
import { cron } from "./given.ts";

const id = promiseId("p");
const key = promiseKey(id);
const timeoutAt = deadlineMs(100n);
const value = { headers: null, data: "dg==" };
const timer: Tags = new Map([["resonate:timer", "true"]]);

const birth = (createKey: string | null, at = 1, tags: Tags = noPairs): PromiseCreated => {
  const createdAt = instantMs(at);
  const param = emptyValue;
  return {
    kind: "promise_created",
    createdAt,
    timeoutAt,
    param,
    tags,
    key: createKey,
    isExternal: true,
  };
};
const end = (outcome: Outcome, at: number, settleKey: string | null): Event => {
  return { kind: "promise_settled", outcome, settledAt: instantMs(at), value, key: settleKey };
};
const byDeadline = (outcome: Outcome): Event => {
  const settledAt = instantMs(100);
  return { kind: "promise_settled", outcome, settledAt, value: emptyValue, key: null };
};

type Key = string | null;
const create = (createKey: Key, strict: boolean, tags: Tags = noPairs): Command => {
  const rest = { key: createKey, strict, isExternal: true, isShared: false };
  return { kind: "create_promise", id, timeoutAt, param: emptyValue, tags, ...rest };
};
const settle = (outcome: SettlePromise["outcome"], settleKey: Key, strict: boolean): Command => {
  return { kind: "settle_promise", id, outcome, value, key: settleKey, strict, isShared: false };
};
const get: Command = { kind: "get_promise", id };
const sweep: Command = { kind: "settle_at_deadline", id };

const [T, F] = [true, false];
const [made, unkeyed] = [[birth("c")], [birth(null)]];
const timerMade = [birth("c", 1, timer)];
const ended = (outcome: Outcome, settleKey: Key = "s") => [...made, end(outcome, 9, settleKey)];
const [resolved, rejected, canceled] = [ended("resolved"), ended("rejected"), ended("canceled")];
const timedout = [...made, byDeadline("timedout")];
const timerEnded = [...timerMade, byDeadline("resolved")];
const out = [byDeadline("timedout")];
const bornTimedout = [birth("c", 100), ...out];
const bornResolved = [birth("c", 100, timer), byDeadline("resolved")];

/** Through the current protocol (P9). */
const shared = (command: Command): Command => {
  const isKeyed = command.kind === "create_promise" || command.kind === "settle_promise";
  return isKeyed ? { ...command, isShared: true } : command;
};

type Row = readonly [string, readonly Event[], Command, number, string, readonly Event[]];
const none: readonly Event[] = [];

// biome-ignore format: a table is read down its columns
const singles: readonly Row[] = [
  // rule                           given       when                            at   answer       appended
  ["get, absent",                   none,       get,                             2, "not_found",  none],
  ["get, pending",                  made,       get,                            99, "unchanged",  none],
  ["P2 get, due: settled",          made,       get,                           100, "unchanged",  out],
  ["P2 get, long due: dated same",  made,       get,                           999, "unchanged",  out],
  ["P2 get, timed out: not twice",  timedout,   get,                           999, "unchanged",  none],
  ["P7 get, due timer",             timerMade,  get,                           100, "unchanged",  [byDeadline("resolved")]],
  ["P2 sweep, due",                 made,       sweep,                         100, "nobody",     out],
  ["P2 sweep, too early",           made,       sweep,                          99, "nobody",     none],
  ["P2 sweep, absent",              none,       sweep,                         100, "nobody",     none],
  ["P1 sweep, settled",             resolved,   sweep,                         100, "nobody",     none],
  ["create, absent",                none,       create("c", F),                  1, "changed",    made],
  ["create, absent, strict",        none,       create("c", T),                  1, "changed",    made],
  ["create, absent, no key",        none,       create(null, F),                 1, "changed",    unkeyed],
  ["create, absent, no key, strict",none,       create(null, T),                 1, "changed",    unkeyed],
  ["create, one ms before its end", none,       create("c", F),                 99, "changed",    [birth("c", 99)]],
  ["P5 create, at its deadline",    none,       create("c", F),                100, "changed",    bornTimedout],
  ["P5 create, after it",           none,       create("c", T),                999, "changed",    bornTimedout],
  ["P5 create, after it, timer",    none,       create("c", F, timer),         999, "changed",    bornResolved],
  ["P3 create, again, pending",     made,       create("c", F),                  2, "unchanged",  none],
  ["P6 create, again, strict",      made,       create("c", T),                  2, "unchanged",  none],
  ["P3 create, again, due",         made,       create("c", F),                100, "unchanged",  out],
  ["P6 create, again, due, strict", made,       create("c", T),                100, "exists",     out],
  ["E1 create, other key, due",     made,       create("x", F),                100, "exists",     out],
  ["E1 create, no key, due",        made,       create(null, T),               100, "exists",     out],
  ["P4 create, neither has a key",  unkeyed,    create(null, F),                 2, "exists",     none],
  ["P4 create, stored has no key",  unkeyed,    create("c", F),                  2, "exists",     none],
  ["settle, pending, no key",       made,       settle("resolved", null, F),     9, "changed",    [end("resolved", 9, null)]],
  ["settle, pending, last moment",  made,       settle("resolved", "s", F),     99, "changed",    [end("resolved", 99, "s")]],
  ["P8 settle, clock went back",    [birth("c", 5)], settle("rejected", "s", F), 3, "changed",    [end("rejected", 5, "s")]],
  ["P4 settle, stored has no key",  ended("resolved", null), settle("resolved", null, F), 10, "resolved", none],
  ["P4 settle, only the request has one", ended("resolved", null), settle("resolved", "s", F), 10, "resolved", none],
  ["P9 shared create, absent",      none,       shared(create(null, F)),         1, "changed",    unkeyed],
  ["P9 shared create, pending",     made,       shared(create(null, F)),         2, "unchanged",  none],
  ["P9 shared create, due",         made,       shared(create(null, F)),       100, "unchanged",  out],
  ["P9 shared create, settled",     resolved,   shared(create(null, F)),        10, "unchanged",  none],
  ["P9 shared settle, absent",      none,       shared(settle("resolved", null, F)),  9, "not_found", none],
  ["P9 shared settle, pending",     made,       shared(settle("rejected", null, F)),  9, "changed",   [end("rejected", 9, null)]],
  ["P9 shared settle, due",         made,       shared(settle("rejected", null, F)), 100, "unchanged", out],
  ["P9 shared settle, settled otherwise", resolved, shared(settle("rejected", null, F)), 10, "unchanged", none],
];

const outcomes = ["resolved", "rejected", "canceled"] as const;
const keysSent = ["s", "x", null] as const;

/** What §4.2 says of a state in which nothing matches, whatever is asked and however strictly. */
function uniform(name: string, given: readonly Event[], answer: string, at = 10, appended = none) {
  return outcomes.flatMap((outcome) =>
    keysSent.flatMap((sent) =>
      [F, T].map((strict): Row => {
        const asked = settle(outcome, sent, strict);
        return [
          `settle ${outcome}, ${name}, key ${sent}, strict ${strict}`,
          given,
          asked,
          at,
          answer,
          appended,
        ];
      }),
    ),
  );
}

/** §4.2, the rows of settled promises: a key that matches, strict or not, the same outcome or not. */
function settledRows(stored: (typeof outcomes)[number], given: readonly Event[]): readonly Row[] {
  const rows = outcomes.flatMap((outcome) =>
    keysSent.flatMap((sent) =>
      [F, T].map((strict): Row => {
        const isAccepted = sent === "s" && (!strict || outcome === stored);
        const name = `P1 P3 P6 settle ${outcome}, ${stored}, key ${sent}, strict ${strict}`;
        return [
          name,
          given,
          settle(outcome, sent, strict),
          10,
          isAccepted ? "unchanged" : stored,
          none,
        ];
      }),
    ),
  );
  const creates = keysSent
    .map((sent) => (sent === "s" ? "c" : sent))
    .flatMap((sent) =>
      [F, T].map((strict): Row => {
        const name = `P3 P6 create, ${stored}, key ${sent}, strict ${strict}`;
        const isAccepted = sent === "c" && !strict;
        return [name, given, create(sent, strict), 10, isAccepted ? "unchanged" : "exists", none];
      }),
    );
  return [...rows, ...creates];
}

const pendingRows = outcomes.flatMap((outcome) =>
  keysSent.flatMap((sent) =>
    [F, T].map((strict): Row => {
      const name = `settle ${outcome}, pending, key ${sent}, strict ${strict}`;
      return [name, made, settle(outcome, sent, strict), 9, "changed", [end(outcome, 9, sent)]];
    }),
  ),
);

const rows: readonly Row[] = [
  ...singles,
  ...pendingRows,
  ...uniform("absent", none, "not_found"),
  ...uniform("P2 pending, due", made, "timedout", 100, out),
  ...uniform("P7 pending, due, timer", timerMade, "resolved", 100, [byDeadline("resolved")]),
  ...uniform("P4 timed out", timedout, "timedout", 101),
  ...uniform("P4 P7 resolved by its deadline", timerEnded, "resolved", 101),
  ...settledRows("resolved", resolved),
  ...settledRows("rejected", rejected),
  ...settledRows("canceled", canceled),
];

function play(given: readonly Event[], when: Command, at: number) {
  const numbers = { version: streamVersion(given.length), revision: streamRevision(given.length) };
  const set = new WorkingSet([{ key, ...numbers, state: fold(given), timers: noTimers }]);
  const author = { command: commandId("n-1"), now: instantMs(at), rules: usualRules, cron };
  const { response } = execute(set, when, author);
  const recorded = set.changes([key])[0]?.write?.events ?? [];
  expect(recorded.every((each) => each.at === at && each.command === "n-1")).toBe(true);
  return { answer: said(response), appended: recorded.map(({ event }) => event) };
}

test.each(rows)("promise: %s", (_rule, given, when, at, answer, appended) => {
  expect(play(given, when, at)).toEqual({ answer, appended });
});

test("promise: the table has every state, operation, key and strictness", () => {
  expect(rows.length).toBe(singles.length + 18 + 5 * 18 + 3 * (18 + 6));
  expect(new Set(rows.map(([name]) => name)).size).toBe(rows.length);
});

test("promise: P1 a stream that settles twice is corrupt", () => {
  expect(() => fold([...resolved, ...out])).toThrow("not pending");
});

test.each([
  ["created twice", [...made, ...made], "created twice"],
  [
    "settled before its creation",
    [birth("c", 5), end("resolved", 4, null)],
    "before it is created",
  ],
  ["settled after its deadline", [...made, end("resolved", 101, null)], "after its deadline"],
  ["created after its deadline", [birth("c", 101)], "created after its deadline"],
] as const)("promise: a stream that is %s is corrupt", (_what, events, because) => {
  expect(() => fold(events)).toThrow(because);
});

test("promise: R1 a projection shows a passed deadline and nothing else", () => {
  const pending = evolvePromise({ kind: "absent" }, birth("c"));
  expect(project(pending, instantMs(99))).toBe(pending);
  expect(project(pending, instantMs(100))).toMatchObject({
    kind: "settled",
    outcome: "timedout",
    settledAt: 100,
    value: emptyValue,
    settleKey: null,
  });
});

test.each([
  [[], false, false],
  [[], true, true],
  [[["resonate:target", "poll://any@g"]], false, true],
  [[["resonate:timer", "true"]], false, true],
  [[["resonate:timer", "yes"]], false, false],
  [[["resonate:timeout", "true"]], false, true],
  [[["resonate:external", "true"]], false, true],
  [[["resonate:scope", "global"]], false, true],
  [[["resonate:scope", "local"]], false, false],
] as const)(
  "promise: with tags %j, external %s, it is awaitable: %s",
  (tags, isExternal, expected) => {
    const created = { ...birth(null), tags: new Map<string, string>(tags), isExternal };
    expect(isAwaitable(evolvePromise({ kind: "absent" }, created))).toBe(expected);
  },
);

test("promise: the largest deadline never comes and is kept to the last digit", () => {
  const never = { ...birth(null), timeoutAt: deadlineMs(int64Max) };
  const state = fold([never]);
  expect(state.promise).toMatchObject({ kind: "pending", timeoutAt: 9223372036854775807n });
});

function said(response: Response | null): string {
  if (response === null) return "nobody";
  if (response.kind === "promise") return response.changed ? "changed" : "unchanged";
  if (response.kind === "refused") return response.refusal.replace(/^promise_(already_)?/, "");
  throw new Error(`a command that runs is answered ${response.kind}`);
}
