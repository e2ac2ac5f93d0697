// A small regression: worlds of some seeds, under all oracles. The first thirty are as good as any; the
// others are drawn from a word, as a range of `resonate dst fuzz` is drawn from a commit. Not from the
// commit here: whether a test passes must not depend on it.

import { describe, expect, test } from "vitest";
import { throughCodecs } from "../../bin/dst/codec.ts";
import { draw, usualWishes } from "../../dst/draw.ts";
import { simulate } from "../../dst/run.ts";
import { type Seed, seedAt } from "../../dst/seed.ts";
import type { Outcome } from "../../dst/verdict.ts";
import { memory, seed } from "./play.ts";

const word = seed("0x7265736f6e617465"); // "resonate"

function run(each: Seed): Outcome {
  return simulate(draw(each, usualWishes), {
    ...{ openStore: memory, onRecord: null, choices: null, onChoices: null, codec: throughCodecs },
  });
}

const fixed = Array.from({ length: 30 }, (_, index) => seed(String(index + 1)));
const derived = Array.from({ length: 10 }, (_, index) => seedAt(word, index));

describe("nothing is found in the world of seed", () => {
  const outcomes: Outcome[] = [];

  test.each([...fixed, ...derived])("0x%s", (each) => {
    const outcome = run(each);
    outcomes.push(outcome);
    expect(outcome.failure).toBeNull();
    expect(["ok", undefined]).toContain(outcome.search?.verdict);
    expect(outcome.operations).toBeGreaterThan(1_000);
  });

  test("and much has happened in all of them together", () => {
    const sum = (of: (outcome: Outcome) => number) =>
      outcomes.reduce((all, one) => all + of(one), 0);
    expect(outcomes).toHaveLength(40);
    expect(sum(({ faults }) => faults)).toBeGreaterThan(2_000);
    expect(sum(({ pending }) => pending)).toBeGreaterThan(200);
    expect(outcomes.filter(({ isWeak }) => isWeak).length).toBeLessThan(4);
    const seen = new Set(outcomes.flatMap(({ sometimes }) => [...sometimes]));
    expect(seen.size).toBeGreaterThan(25);
    const names = new Set(outcomes.flatMap(({ counters }) => [...counters.keys()]));
    expect([...names].filter((name) => name.startsWith("crash ")).length).toBeGreaterThan(10);
  });
});

test("the run of seed 42 changes by decision only", () => {
  const { trace, records, operations } = run(seed("42"));
  // A change of the kernel, the simulation or the drawing changes this. It is pinned so that it is seen:
  // whoever changes it says why in the commit, and that a change was meant.
  expect({ trace, records, operations }).toEqual({
    ...{ trace: "18a915864b682b6a", records: 6399, operations: 1429 },
  });
});
