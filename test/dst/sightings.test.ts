// What must be seen now and then (dst/sometimes.ts), each in a world that was made for it, and none in a
// world where nothing happens. The record below is complete by its type. Then what runs count by name.

import { expect, test } from "vitest";
import type { SettleAction } from "../../dst/plan.ts";
import { plainRules } from "../../dst/rules.ts";
import { type Sometimes, sometimes } from "../../dst/sometimes.ts";
import {
  acquire,
  beat,
  create,
  get,
  history,
  list,
  listen,
  play,
  release,
  type Setting,
  type Step,
  search,
  settle,
  strikes,
  suspend,
  ticks,
  until,
  verdict,
  wait,
  worker,
} from "./play.ts";

type Scene = Setting & { readonly steps: readonly Step[] };

const settling: readonly Step[] = [
  [0, 0, create("a")],
  [10, 0, settle("a")],
];
const waiting: readonly Step[] = [
  [0, 0, create("a")],
  [0, 1, worker("u")],
  [0, 2, worker("v")],
  [0, 3, worker("w")],
  [5, 1, wait("a", "u")],
  [5, 2, wait("a", "v")],
  [5, 3, wait("a", "w")],
  [10, 0, settle("a")],
];
const held: readonly Step[] = [
  [0, 0, create("a")],
  [0, 1, worker("w")],
  [10, 0, acquire("w")],
];
const together: readonly Step[] = [
  [0, 0, create("a")],
  [0, 1, create("b")],
  [0, 2, create("c")],
];
/** Two servers settle one promise; the commit of the first arrives when the second has landed. */
const racing: readonly Step[] = [
  [0, 0, create("a")],
  [10, 0, settle("a")],
  [12, 1, settle("a")],
];
const overtaken = { "slow n0 commit a #2": strikes, "slowness n0 commit a": 9 };

// biome-ignore format: a table
const scenes: Readonly<Record<Sometimes, Scene>> = {
  "a settlement meets the deadline at one millisecond": { steps: [[0, 0, until(50, "a")], [50, 1, settle("a")]] },
  "a settlement one millisecond before the deadline succeeds": { steps: [[0, 0, until(50, "a")], [49, 1, settle("a")]] },
  "a callback is registered in the batch of the settlement, before it": {
    steps: [[0, 0, create("a")], [0, 1, worker("w")], [10, 0, wait("a", "w")], [10, 1, settle("a")]],
  },
  "a callback is registered in the batch of the settlement, after it": {
    steps: [[0, 0, create("a")], [0, 1, worker("w")], [10, 0, settle("a")], [10, 1, wait("a", "w")]],
  },
  "the drains of one settlement take two commits": { steps: waiting, limits: { batchMax: 2 } },
  "a crash between commit and answer": { steps: settling, choices: { "crash commit.durable n0 commit a": strikes } },
  "a crash during the first sweep": { steps: settling, choices: { "crash due.done n0 due@0": strikes } },
  "a sweep is longer than its limit": { steps: [[0, 0, until(50, "a")], [0, 1, until(50, "b")]], limits: { dueMax: 1 } },
  "a conflict that another server has made": { steps: racing, nodes: 2, choices: overtaken },
  "a conflict with transitive commands": {
    steps: [[0, 0, create("a")], [0, 2, worker("w")], [10, 0, wait("a", "w")], [10, 2, get("w")], [12, 1, settle("w")]],
    nodes: 2, choices: overtaken,
  },
  "the bound of attempts is reached": { steps: racing, nodes: 2, choices: overtaken, limits: { attemptsMax: 1 } },
  "an ambiguous commit has landed": { steps: settling, choices: { "fail_after n0 commit a": strikes } },
  "an ambiguous commit never lands": { steps: settling, choices: { "fail_never_landing n0 commit a": strikes } },
  "an ambiguous commit lands late": {
    steps: settling, choices: { "fail_landing_later n0 commit a": strikes, "landing n0 commit a": 5 },
  },
  "a server finds its own event after an unknown commit": { steps: settling, choices: { "fail_after n0 commit a": strikes } },
  "a commit of a server that has died or slept is refused": {
    steps: [...racing, [11, 2, get("b")]], nodes: 2, choices: { ...overtaken, "kill n0@11": strikes },
  },
  "two processes sweep one stream": { steps: [[0, 0, until(50, "a")]], choices: { "crash due.done n0 due@50": strikes } },
  "a request is turned away because the queue is full": { steps: together, limits: { queueMax: 1 } },
  "a batch of exactly the maximum": { steps: together, limits: { batchMax: 3 } },
  "a component of several commands": { steps: [[0, 0, create("a")], [0, 1, get("a")]] },
  "two batches are under way": {
    steps: together, limits: { batchMax: 1, batchesMax: 3 },
    choices: { "slow n0 load a": strikes, "slowness n0 load a": 9, "slow n0 load b": strikes, "slowness n0 load b": 9 },
  },
  "a batch of one while others wait": { steps: together, limits: { batchMax: 1 } },
  "a page of a search ends inside one millisecond": { steps: [...together, [5, 0, search({ limit: 2 })]] },
  "a full last page has no cursor": { steps: [...together, [5, 0, search({ limit: 3 })]] },
  "an astral id comes back": { steps: [[0, 0, create("\u{1f600}")]] },
  "the largest deadline comes back": { steps: [[0, 0, create("a")]] },
  "a promise is born settled": { steps: [[5, 0, until(5, "a")]] },
  "the clock went back and a due stream waited": {
    steps: [[0, 0, until(50, "a")], [20, 1, get("b")]], choices: { "jump_back n0@20": strikes, "back 0": 4 },
  },
  "a retry succeeds": { steps: settling, choices: { "rolled_back n0 commit a": strikes, "retry_same_key 1": strikes } },
  "a restart with other limits": { steps: settling, choices: { "kill n0@0 #3": strikes, "other_limits 0 #1": strikes } },
  "a power cut drops a written commit": {
    steps: [...settling, [12, 1, get("a")]],
    choices: { "slow_sync n0 commit a #1": strikes, "sync n0 commit a": 99, "power_cut n0@12": strikes, "dropped power": 1 },
  },
  "a process is killed while a commit is written and not durable": {
    steps: settling, choices: { "crash commit.done n0 commit a": strikes },
  },
  "a task is acquired": { steps: [[0, 1, worker("w")], [10, 0, acquire("w")]] },
  "two processes lend one task": {
    steps: [[0, 1, worker("w")], [10, 0, acquire("w")], [20, 0, release("w")], [30, 1, acquire("w")]], nodes: 2,
  },
  "a holder is heard in the last millisecond of its lease": {
    steps: [[0, 1, worker("w")], [10, 0, acquire("w", 100)], [109, 0, release("w")]],
  },
  "a task is taken in the millisecond in which its lease has ended": {
    steps: [[0, 1, worker("w")], [10, 0, acquire("w", 100)], ...[1, 2, 3, 4].map((): Step => [110, 1, get("w")]), [110, 1, acquire("w")]],
  },
  "a heartbeat prolongs a lease": {
    steps: [[0, 1, worker("w")], [10, 0, acquire("w", 100)], [50, 0, beat("w")]],
  },
  "a heartbeat comes too late": {
    steps: [[0, 1, worker("w")], [10, 0, acquire("w", 100)], [200, 0, beat("w")]],
  },
  "a drain finds its awaiter acquired": {
    steps: [...held, [15, 1, wait("a", "w")], [20, 0, settle("a")]],
  },
  "a drain finds its awaiter halted": {
    steps: [...held, [15, 1, wait("a", "w")], [18, 1, { kind: "halt", id: "w" }], [20, 0, settle("a")]],
  },
  "a task waits for its delay": {
    steps: [[0, 0, create("w", { tags: [["resonate:target", "poll://any@g"], ["resonate:delay", "1800000000500"]] })]],
  },
  "a lease expires": { steps: [[0, 1, worker("w")], [10, 0, acquire("w", 100)]] },
  "a suspended task is woken by a drain": {
    steps: [...held, [20, 0, suspend("w", "a")], [30, 0, settle("a")]],
  },
  "a suspension finds something settled": {
    steps: [...held, [20, 0, settle("a")], [30, 0, suspend("w", "a")]],
  },
  "a fence is refused as stale": {
    steps: [...held, [20, 0, { kind: "fence", id: "w", lag: -1, action: settling[1]?.[2] as SettleAction }]],
  },
  "a release is backed off": {
    steps: [[0, 0, worker("w")], ...[10, 20, 30, 40].flatMap((at): Step[] => [[at, 0, acquire("w")], [at + 5, 0, release("w")]])],
  },
  "a listener is told": { steps: [[0, 0, create("a")], [5, 0, listen("a")], [10, 0, settle("a")]] },
  "a listener is given up": {
    steps: [[0, 0, create("a")], [5, 0, listen("a")], [10, 0, settle("a")]],
    choices: { "message_lost n0 send unblock a": strikes, "message_lost n0 send unblock a #1": strikes },
    healAt: 5_000, rules: { ...plainRules, retentionMs: 500 },
  },
  "a crash between commit and send": {
    steps: [[0, 1, worker("w")]], choices: { "crash commit.durable n0 commit w": strikes },
  },
  "a worker connects to what had found nobody": {
    steps: [[0, 1, worker("w")], [50, 0, get("w")]],
    choices: { "no_receiver n0 send execute w": strikes, "worker_connects n0@50": strikes, "worker 0": 1 },
  },
  "a server is told what another one missed": {
    steps: [[0, 1, worker("w")]], nodes: 2, choices: { "no_receiver n1 send execute w": strikes },
  },
  "an offer arrives after its task has ended": {
    steps: [[0, 1, worker("w")], [10, 0, settle("w")]],
    choices: { "message_delayed n0 send execute w": strikes, "message delay n0 send execute w": 50 },
  },
  "a listener is told again after a failure": {
    steps: [[0, 0, create("a")], [5, 0, listen("a")], [10, 0, settle("a")]],
    choices: { "message_lost n0 send unblock a": strikes },
  },
  "a schedule is fired": { steps: [[0, 0, ticks("s")]] },
  "a schedule catches up on three firings": {
    steps: [[0, 0, ticks("s")], [20, 1, get("b")]], choices: { "jump_forward n0@20": strikes, "forward 0": 6 },
  },
  "a schedule is deleted while its firing is under way": {
    steps: [[0, 0, ticks("s")], [1005, 1, { kind: "unschedule", id: "s" }]],
    choices: { "slow n0 due@1000 #1": strikes, "slowness n0 due@1000": 20 }, healAt: 5_000,
  },
  "a firing finds its promise there": { steps: [[0, 0, ticks("s", { promiseId: "p" })]] },
  "a promise is fired when it is over": { steps: [[0, 0, ticks("s", { promiseTimeout: "0" })]] },
  "an occurrence is skipped": {
    steps: [[0, 0, ticks("s", { promiseId: `${"x".repeat(2036)}{{.timestamp}}` })]],
  },
  "two processes sweep one schedule": {
    steps: [[0, 0, ticks("s")]], choices: { "crash due.done n0 due@1000": strikes }, healAt: 5_000,
  },
  "a page of a search by id is followed by another": { steps: [...together, [5, 0, list({ limit: 2 })]] },
  "a task comes with promises of its branch": {
    steps: [
      [0, 0, create("w", { tags: [["resonate:target", "poll://any@g"], ["resonate:branch", "w"]] })],
      [0, 1, create("a", { tags: [["resonate:branch", "w"]] })],
      [10, 0, acquire("w")],
    ],
    rules: { ...plainRules, preloadMax: 2 },
  },
  "a process stops gracefully": { steps: settling, choices: { "graceful_stop n0@0 #3": strikes } },
};

test.each(Object.keys(sometimes) as Sometimes[])("is seen: %s", (name) => {
  const { steps, ...setting } = scenes[name];
  const played = play(steps, setting);
  expect(verdict(played)).toBeNull();
  expect(played.outcome.sometimes).toContain(name);
  const { choices, limits, ...plain } = setting;
  if (choices === undefined && limits === undefined) return;
  expect(play(steps, plain).outcome.sometimes, "without its cause").not.toContain(name);
});

test("what does not happen is not seen", () => {
  const calm = play([
    [0, 0, until(10 ** 9, "a")],
    [10, 0, settle("a")],
    [20, 0, get("a")],
    [30, 0, search()],
  ]);
  expect(verdict(calm)).toBeNull();
  expect([...calm.outcome.sometimes]).toEqual([]);
});

test("faults, crash points, requests and answers are counted by name", () => {
  const busy: readonly Step[] = [
    ...settling,
    [20, 0, get("b")],
    [30, 0, search()],
    [40, 0, history("a")],
  ];
  const choices = { "fail_after n0 commit a": strikes, "crash query.done n0 query *": strikes };
  const { counters } = play(busy, { choices }).outcome;
  const some = [...counters].filter(([name]) => /^(answer|fault|crash|request) /.test(name));
  expect(Object.fromEntries(some)).toEqual({
    "answer create_promise changed": 1,
    "answer settle_promise changed": 1,
    "answer get_promise promise_not_found": 1,
    "answer read_events last page": 1,
    "answer get_promise unchanged": 1, // at the end
    "fault fail_after": 1,
    "fault crash": 1,
    "crash query.done": 1,
    "request create_promise": 1,
    "request settle_promise": 1,
    "request get_promise": 2,
    "request search_promises": 1,
    "request read_events": 1,
  });
  expect(counters.get("reached query.done")).toBe(1);
  expect(counters.get("reached query.completed")).toBeUndefined();
});
