// Choices: how they are named, recorded and given again; then what the names are for. A run is repeated
// from its choices alone, and a request that is taken away leaves all others what befell them.

import { describe, expect, test } from "vitest";
import {
  type Chooser,
  Drawing,
  Recording,
  Replaying,
  type StreamName,
  streams,
} from "../../dst/choice.ts";
import { draw, usualWishes } from "../../dst/draw.ts";
import { faultNames } from "../../dst/faults.ts";
import type { Faults, Plan } from "../../dst/plan.ts";
import { simulate } from "../../dst/run.ts";
import {
  create,
  get,
  memory,
  planOf,
  play,
  playPlan,
  quiet,
  type Step,
  seed,
  settle,
  story,
  strikes,
  verdict,
} from "./play.ts";

/** Asks for one choice after the other, of a hundred. */
function ask(chooser: Chooser, ...questions: readonly (readonly [site: string, key: string])[]) {
  return questions.map(([site, key]) => chooser.choose("fault", site, key, 100));
}

function choosing(...choices: readonly number[]): Chooser {
  const left = [...choices];
  return { choose: () => left.shift() ?? 0 };
}

describe("H2: a choice is named by its site, its entity, and how often that pair was asked before", () => {
  const questions = [
    ["slow", "a"],
    ["slow", "b"],
    ["slow", "a"],
    ["hang", "a"],
    ["slow", "a"],
  ] as const;

  test("the first without a number; zeros are left out", () => {
    const recording = new Recording(choosing(5, 0, 6, 7, 8));
    expect(ask(recording, ...questions)).toEqual([5, 0, 6, 7, 8]);
    expect([...recording.choices]).toEqual([
      ["slow a", 5],
      ["slow a #1", 6],
      ["hang a", 7],
      ["slow a #2", 8],
    ]);
  });

  test("and is given again by that name, whatever else is asked for", () => {
    const choices = new Map([
      ["slow a", 5],
      ["slow a #2", 8],
      ["hang a", 7],
    ]);
    expect(ask(new Replaying(choices), ...questions)).toEqual([5, 0, 0, 7, 8]);
    const others = [
      ["drift", "z"],
      ["hang", "a"],
      ["slow", "b"],
      ["slow", "a"],
    ] as const;
    expect(ask(new Replaying(choices), ...others)).toEqual([0, 7, 0, 5]);
  });

  test("0 is given where the file holds nothing, or more than there is to choose from", () => {
    const replaying = new Replaying(new Map([["slow a", 5]]));
    expect(replaying.choose("fault", "hang", "a", 100)).toBe(0);
    expect(replaying.choose("fault", "slow", "a", 5)).toBe(0);
  });
});

test("one more draw of one stream does not shift the others", () => {
  const draws = (drawing: Drawing, stream: StreamName) => {
    return Array.from({ length: 20 }, () => drawing.choose(stream, "x", 1, 1000));
  };
  for (const stream of streams) {
    const [fresh, used] = [new Drawing(seed("42")), new Drawing(seed("42"))];
    for (const other of streams) if (other !== stream) used.choose(other, "x", 1, 1000);
    expect(draws(used, stream), stream).toEqual(draws(fresh, stream));
    used.choose(stream, "x", 1, 1); // there is nothing to draw
    expect(draws(used, stream), stream).toEqual(draws(fresh, stream));
  }
  const lists = streams.map((stream) => draws(new Drawing(seed("42")), stream).join());
  expect(new Set(lists).size).toBe(streams.length);
});

const three: readonly Step[] = [
  [0, 0, create("a")],
  [0, 1, create("b")],
  [10, 0, settle("a")],
  [20, 1, settle("b")],
  [30, 2, get("a")],
  [30, 3, get("b")],
];

test("H1: where every choice is 0, no fault strikes, however often it could", () => {
  const always = Object.fromEntries(faultNames.map((name) => [name, 999_999])) as Faults;
  // These two make other servers possible, so the server asks for what they have made due.
  const alone = { ...always, fail_landing_later: 0, quick_restart: 0 };
  for (const kind of ["fifo", "random"] as const) {
    const plan: Plan = planOf(three, { faults: alone, delayMax: 500, policy: { kind } });
    const { outcome } = playPlan(plan, new Map());
    expect(outcome.failure).toBeNull();
    expect(outcome.faults).toBe(0);
    expect(outcome.trace).toBe(play(three).outcome.trace);
  }
  const shared = playPlan(planOf(three, { faults: always, nodes: 2 }), new Map());
  expect(shared.outcome).toMatchObject({ faults: 0, failure: null });
  expect(shared.outcome.trace).toBe(play(three, { nodes: 2 }).outcome.trace);
});

test("H2: take one request away, and what befell the others stays where it was", () => {
  const steps: readonly Step[] = [
    [0, 0, create("a")],
    [1, 1, create("b")],
    [10, 2, settle("a")],
    [20, 3, settle("b")],
    [30, 4, get("a")],
    [31, 5, get("b")],
  ];
  const choices = {
    "fail_before n0 commit b": strikes,
    "response_lost 3": strikes,
    "request_lost 5": strikes,
    "client_gives_up 6": strikes,
  };
  const all = ["client_gives_up 6", "fail_before n0 commit b", "request_lost 5", "response_lost 3"];
  const plan = planOf(steps, { clients: 6, faults: on(Object.keys(choices)) });
  const faults = (isLeft: (key: number) => boolean) => {
    const intents = plan.intents.filter(({ key }) => isLeft(key));
    const played = playPlan({ ...plan, intents }, new Map(Object.entries(choices)));
    expect(verdict(played)).toBeNull();
    const struck = played.records.filter(({ kind }) => kind === "fault");
    return struck.map(({ entity, text }) => `${entity} ${text}`).toSorted();
  };
  expect(faults(() => true)).toEqual(all);
  for (const gone of [1, 2, 3, 4, 5, 6]) {
    const own = [
      null,
      null,
      "fail_before n0 commit b",
      "response_lost 3",
      null,
      "request_lost 5",
      "client_gives_up 6",
    ];
    const others = all.filter((fault) => fault !== own[gone]);
    expect(
      faults((key) => key !== gone),
      `without ${gone}`,
    ).toEqual(others);
  }
});

/** Each of these as rarely as can be, and no other. */
function on(names: readonly string[]): Faults {
  const struck = names.map((name) => name.split(" ")[0]);
  const faults = faultNames.map((name) => [name, struck.includes(name) ? 1 : 0]);
  return Object.fromEntries(faults) as Faults; // `fromEntries` forgets the names
}

test("H2: a recorded run is given again without its seed, to the record", () => {
  for (const number of ["1", "3", "7", "13"]) {
    const plan = draw(seed(number), { ...usualWishes, operations: 200, faults: "swarm" });
    let choices: ReadonlyMap<string, number> | null = null;
    const drawn = simulate(plan, {
      ...{ openStore: memory, onRecord: null, choices: null },
      onChoices: (made) => {
        choices = made;
      },
    });
    expect(drawn.failure).toBeNull();
    const other: Plan = { ...plan, seed: seed(`${number === "1" ? 991 : 990 + Number(number)}`) };
    const again = playPlan(other, choices);
    expect(again.outcome).toEqual({ ...drawn, seed: other.seed });
  }
});

test("a chooser of one's own takes the place of both", () => {
  const plan = draw(seed("5"), { ...usualWishes, operations: 50, faults: "swarm" });
  const outcome = simulate(plan, {
    ...{ openStore: memory, onRecord: null, choices: null, onChoices: null, chooser: quiet },
  });
  expect(outcome).toMatchObject({ failure: null, faults: 0 });
  expect(verdict(playPlan(plan, null))).toBeNull();
  expect(story(playPlan(plan, null), "start").length).toBeGreaterThan(0);
});
