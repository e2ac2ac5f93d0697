// Clients and the network between them and the nodes: what is lost, late, double or given up, one thing a
// test. The settlement is intent 2; what is asked after it, and when, tells whether the client went on.

import { expect, test } from "vitest";
import { live } from "../../dst/ending.ts";
import {
  answers,
  create,
  get,
  history,
  play,
  type Setting,
  type Step,
  search,
  settle,
  story,
  strikes,
  until,
  verdict,
  worldOf,
} from "./play.ts";

const steps: readonly Step[] = [
  [0, 0, create("a")],
  [10, 0, settle("a", { key: "k" })],
  [20, 0, get("a")],
];

/** Nothing heals before the client has lost patience. */
const later = { healAt: 30_000 };

type Row = readonly [
  what: string,
  choices: Setting["choices"],
  said: readonly string[],
  ending: string,
  state: string,
];

// biome-ignore format: a table
test.each<Row>([
  ["is carried at once", {},
    ['10 answer op 1 changed "a" resolved', '20 answer op 2 unchanged "a" resolved'], "answered", "resolved"],
  ["is lost", { "request_lost 2": strikes },
    ["5010 give_up op 1", '5010 answer op 2 unchanged "a" pending'], "pending", "pending"],
  ["is late", { "request_delayed 2": strikes, "request delay 2": 4_000 },
    ['4010 answer op 1 changed "a" resolved', '4010 answer op 2 unchanged "a" resolved'], "answered", "resolved"],
  ["is later than the client's patience",
    { "request_delayed 2": strikes, "request delay 2": 4_999, "client_gives_up 2": strikes },
    ["210 give_up op 1", '210 answer op 2 unchanged "a" pending', '5009 answer op 1 changed "a" resolved'],
    "pending", "resolved"],
  ["is answered, and the answer is lost", { "response_lost 2": strikes },
    ['10 answer op 1 changed "a" resolved', "5010 give_up op 1", '5010 answer op 2 unchanged "a" resolved'],
    "answered", "resolved"],
  ["is cut off, since the process dies", { "crash load.done n0 load a #1": strikes, "down 0": 4 },
    ["10 give_up op 1", '20 answer op 2 unchanged "a" pending'], "pending", "pending"],
  ["finds no process", { "crash commit.consumed n0 commit a": strikes, "down 0": 15 },
    ["0 give_up op 0", "10 give_up op 1", '20 answer op 2 unchanged "a" pending'], "turned_away", "pending"],
])("Q1: a request that %s ends once", (_what, choices = {}, said, ending, state) => {
  const played = play(steps, { ...later, choices });
  expect(verdict(played)).toBeNull();
  const lines = story(played, "answer", "give_up").map((line) => line.replace("client 0 ", ""));
  const first = lines.indexOf('0 answer op 0 changed "a" pending') + 1;
  expect(lines.slice(first, first + said.length)).toEqual(said);
  const world = worldOf(steps, { ...later, choices });
  live(world);
  const settlement = world.operations[1];
  expect(settlement?.ending?.kind).toBe(ending);
  expect(settlement?.onEnd).toBeNull();
  const { promise } = world.witness.past.now("a");
  expect(promise?.state).toBe(state);
});

test("Q2: a request that is delivered twice is executed twice, and nobody waits for the second", () => {
  const choices = {
    "request_duplicated 2": strikes,
    "request_delayed 2 #1": strikes, // the second delivery
    "request delay 2": 100,
  };
  const played = play(steps, { ...later, choices });
  expect(verdict(played)).toBeNull();
  expect(story(played, "call", "answer").slice(2, 8)).toEqual([
    '10 client 0 call op 1 settle "a"',
    '10 network call op 2 settle "a"',
    '10 client 0 answer op 1 changed "a" resolved',
    '20 client 0 call op 3 get "a"',
    '20 client 0 answer op 3 unchanged "a" resolved',
    '110 network answer op 2 unchanged "a" resolved', // the model knows the key again
  ]);
});

test("Q2: of two deliveries without a key the second is refused, or the first if it comes later", () => {
  const unkeyed = [
    [0, 0, create("a")],
    [10, 0, settle("a")],
    [20, 0, get("a")],
  ] as const;
  const once = { "request_duplicated 2": strikes };
  const both = play(unkeyed, { ...later, choices: once });
  expect(verdict(both)).toBeNull();
  expect(answers(both).slice(1, 3)).toEqual([
    'op 1 changed "a" resolved',
    "op 2 promise_already_resolved",
  ]);
  const overtaken = { ...once, "request_delayed 2": strikes, "request delay 2": 50 };
  const late = play(unkeyed, { ...later, choices: overtaken });
  expect(verdict(late)).toBeNull();
  expect(answers(late).slice(1, 3)).toEqual([
    'op 2 changed "a" resolved',
    "op 1 promise_already_resolved",
  ]);
});

test("Q2: a request may be lost, and its second delivery take effect", () => {
  const choices = { "request_lost 2": strikes, "request_duplicated 2": strikes };
  const played = play(steps, { ...later, choices });
  expect(verdict(played)).toBeNull();
  expect(answers(played).slice(1, 4)).toEqual([
    'op 2 changed "a" resolved',
    "op 1 unknown",
    'op 3 unchanged "a" resolved',
  ]);
});

test.each([
  ["with the same key it is told what happened", {}, "retry_same_key", 'unchanged "a" resolved'],
  ["with another key it is refused", {}, "retry_other_key", "promise_already_resolved"],
  ["at another node", { "other_node 2": strikes }, "retry_same_key", 'unchanged "a" resolved'],
])("a client that asks again: %s", (_what, more, retry, answer) => {
  const choices = { "response_lost 2": strikes, [`${retry} 2`]: strikes, ...more };
  const played = play(steps, { ...later, nodes: 2, choices });
  expect(verdict(played)).toBeNull();
  expect(answers(played).slice(1, 4)).toEqual([
    'op 1 changed "a" resolved',
    "op 1 unknown",
    `op 2 ${answer}`,
  ]);
  const nodes = story(played, "executed").map((line) => line.split(" ")[2]);
  expect(nodes.slice(0, 3)).toEqual(["0", "0", "other_node 2" in more ? "1" : "0"]);
});

test("a client asks three times at the most, and for nothing else meanwhile", () => {
  const choices = {
    "request_lost 2": strikes,
    "request_lost 2 #1": strikes,
    "request_lost 2 #2": strikes,
    "retry_same_key 2": strikes,
    "retry_other_key 2": strikes,
    "retry_same_key 2 #1": strikes,
    "retry_same_key 2 #2": strikes,
  };
  const played = play(steps, { ...later, choices });
  expect(verdict(played)).toBeNull();
  expect(story(played, "call").slice(1, 5)).toEqual([
    '10 client 0 call op 1 settle "a"',
    '5010 client 0 call op 2 settle "a"',
    '10010 client 0 call op 3 settle "a"',
    '15010 client 0 call op 4 get "a"',
  ]);
});

test("a refusal is an answer: nothing is asked again", () => {
  const choices = { "retry_same_key 2": strikes };
  const twice: readonly Step[] = [
    [0, 0, create("a")],
    [10, 0, create("a")],
    [20, 0, get("a")],
  ];
  const played = play(twice, { ...later, choices });
  expect(answers(played).slice(1, 3)).toEqual([
    "op 1 promise_already_exists",
    'op 2 unchanged "a" pending',
  ]);
});

test("a client that is told to come back comes back", () => {
  const choices = { "rolled_back n0 commit a #1": strikes, "retry_same_key 2": strikes };
  const played = play(steps, { ...later, choices });
  expect(answers(played).slice(1, 3)).toEqual([
    "op 1 failed: store_overloaded",
    'op 2 changed "a" resolved',
  ]);
  expect(played.outcome.sometimes).toContain("a retry succeeds");
});

test("requests to a full queue are turned away, and nothing has happened", () => {
  const burst: readonly Step[] = [0, 1, 2, 3].map((client) => [5, client, create(`a${client}`)]);
  const played = play(burst, { ...later, limits: { queueMax: 2 } });
  expect(verdict(played)).toBeNull();
  expect(answers(played).slice(0, 2)).toEqual([
    'op 0 changed "a0" pending',
    'op 1 changed "a1" pending',
  ]);
  expect(played.outcome.pending).toBe(0);
  const seen = "a request is turned away because the queue is full";
  expect(played.outcome.sometimes).toContain(seen);
});

test("a search goes on where the last one of the client ended, and a reading of the log, too", () => {
  const follow = (of: string | null) => ({ ...history(of), after: "next", limit: 1 }) as const;
  const walk: readonly Step[] = [
    [0, 0, create("a")],
    [1, 0, create("b")],
    [2, 0, create("c")],
    ...[3, 4, 5].map((at): Step => [at, 0, search({ limit: 2, before: "next" })]),
    ...[6, 7, 8].map((at): Step => [at, 0, follow(null)]),
    [9, 0, follow("b")],
  ];
  const played = play(walk, later);
  expect(verdict(played)).toBeNull();
  const pages = played.records.filter(({ kind, at }) => kind === "answer" && at >= 3 && at < 10);
  const firsts = pages.map(({ text }) => text.split("\n").map((line) => line.split(" ")[0]));
  expect(firsts).toEqual([
    ['"c"', '"b"', "more"],
    ['"a"', "end"],
    ['"c"', '"b"', "more"], // from the start again
    ['"a"', "more"],
    ['"b"', "more"],
    ['"c"', "end"],
    ['"b"', "end"],
  ]);
});

test("a deadline may count from the start, from the request, or from the epoch", () => {
  const epoch = { from: "epoch", ms: "1800000000040" } as const;
  const deadlines: readonly Step[] = [
    [10, 0, until(20, "a")],
    [10, 1, create("b", { deadline: { from: "request", ms: 20 } })],
    [10, 2, create("c", { deadline: epoch })],
    [10, 3, create("d", { deadline: { from: "start", ms: -(2 ** 50) } })],
  ];
  const world = worldOf(deadlines);
  live(world);
  const timeoutAt = (id: string) => world.witness.past.now(id).promise?.timeoutAt;
  expect(["a", "b", "c", "d"].map(timeoutAt)).toEqual([
    1_800_000_000_020n,
    1_800_000_000_030n,
    1_800_000_000_040n,
    0n,
  ]);
});
