// Clocks that are off: one by hand, then under random treatment, then those of nodes in a world. A clock
// may be wrong in every way but one: within one life of the node it never goes back.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { NodeClock, worldEpoch } from "../../dst/clock.ts";
import { create, get, type Played, play, settle, story, strikes, until, verdict } from "./play.ts";

const second = 1_000;
const year = 365 * 86_400 * second;

/** What the clock shows, ms since the epoch of the worlds. */
function shown(clock: NodeClock, world: number): number {
  return clock.read(world) - worldEpoch;
}

test("a clock is off by its offset, and by its drift since it was set", () => {
  expect(shown(new NodeClock(0, 0, 0), 500)).toBe(500);
  expect(shown(new NodeClock(0, -7, 0), 500)).toBe(493);
  expect(shown(new NodeClock(1_000, 0, 100_000), 2_000)).toBe(2_100);
  expect(shown(new NodeClock(1_000, 5, -1_000), 1_999)).toBe(2_004);
  expect(shown(new NodeClock(1_000, 5, -1_000), 2_000)).toBe(2_004);
});

test("a clock that is set back stands still until time has caught up with it", () => {
  const clock = new NodeClock(0, 0, 0);
  expect(shown(clock, 100)).toBe(100);
  clock.jump(-30);
  expect([clock.isBehind(100), clock.stands(100)]).toEqual([true, true]);
  expect([100, 129, 130, 131].map((world) => shown(clock, world))).toEqual([100, 100, 100, 101]);
  expect(clock.isBehind(131)).toBe(false);
});

test("a clock that nobody has looked at may be set back", () => {
  const clock = new NodeClock(0, 0, 0);
  clock.jump(-30 * year);
  expect(shown(clock, 0)).toBe(-30 * year);
});

test("a frozen clock shows one instant, and then the time", () => {
  const clock = new NodeClock(0, 10, 0);
  clock.freeze(100);
  clock.freeze(120); // it stands already
  expect([100, 150, 900].map((world) => shown(clock, world))).toEqual([110, 110, 110]);
  expect(clock.stands(900)).toBe(true);
  clock.unfreeze();
  expect(clock.stands(900)).toBe(false);
  expect(shown(clock, 901)).toBe(911);
});

test("a clock that has healed stays as far off as it is, and runs evenly", () => {
  const clock = new NodeClock(0, 40, 100_000);
  clock.freeze(1_000);
  expect(shown(clock, 2_000)).toBe(1_140);
  clock.heal(3_000);
  expect([3_000, 3_001, 13_000].map((world) => shown(clock, world))).toEqual([
    1_140, 1_141, 11_140,
  ]);
  const behind = new NodeClock(0, 0, 0);
  behind.read(500);
  behind.jump(-year);
  behind.heal(600);
  expect([600, 700].map((world) => shown(behind, world))).toEqual([500, 600]);
});

type Treatment = readonly [kind: "read" | "jump" | "freeze" | "unfreeze" | "heal", by: number];

const treatments = fc.array(
  fc.tuple(
    fc.constantFrom("read", "jump", "freeze", "unfreeze", "heal") satisfies fc.Arbitrary<
      Treatment[0]
    >,
    fc.oneof(fc.integer({ min: -5_000, max: 5_000 }), fc.constantFrom(-year, year)),
  ),
  { minLength: 5, maxLength: 40 },
);

property.prop(
  [treatments, fc.integer({ min: -year, max: year }), fc.constantFrom(0, -100_000, 1, 10_000)],
  { seed: 42 },
)(
  "whatever is done to a clock, it never goes back, and is behind only where it stands",
  (list, offset, drift) => {
    const clock = new NodeClock(0, offset, drift);
    let [world, last] = [0, 0];
    for (const [kind, by] of list) {
      if (kind === "jump") clock.jump(by);
      if (kind === "freeze") clock.freeze(world);
      if (kind === "unfreeze") clock.unfreeze();
      if (kind === "heal") clock.heal(world);
      const now = clock.read(world);
      expect(now).toBeGreaterThanOrEqual(last);
      if (clock.isBehind(world)) expect(now).toBe(last);
      last = now;
      world += Math.abs(by) % 100;
    }
  },
);

const three = [
  [0, 0, create("a")],
  [10, 0, settle("a")],
  [20, 0, get("a")],
] as const;

/** The instants at which batches ran, ms since the epoch of the worlds. */
function instants(played: Played): readonly number[] {
  const lines = story(played, "executed");
  return lines.map((line) => Number(line.split(" ").at(-1)) - worldEpoch);
}

test("a node whose clock is off lives by it", () => {
  const ahead = play(three, { choices: { "offset 0": strikes, "offset by 0": 4 } });
  expect(verdict(ahead)).toBeNull();
  expect(instants(ahead).slice(0, 3)).toEqual([1_000, 1_010, 1_020]);
  const behind = play(three, { choices: { "offset 0": strikes, "offset by 0": 5 } });
  expect(instants(behind).slice(0, 3)).toEqual([-1_000, -990, -980]);
  const fast = play(three, { choices: { "drift 0": strikes, "drift by 0": 6 } });
  expect(instants(fast).slice(0, 3)).toEqual([0, 11, 22]);
});

test("a node whose clock is set back does not go back in time", () => {
  // The fourth event of the node: it has just settled the promise.
  const back = play(three, { choices: { "jump_back n0@10 #2": strikes, "back 0": 4 } });
  expect(verdict(back)).toBeNull();
  expect(instants(back).slice(0, 3)).toEqual([0, 10, 10]);
  expect(story(back, "fault")).toEqual(["10 faults fault jump_back n0@10"]);
});

test("a frozen clock of a node stands, and shows the time again after a while", () => {
  const steps = [...three, [60, 0, get("a")]] as const;
  const frozen = play(steps, { choices: { "freeze n0@10 #2": strikes, "frozen 0": 29 } });
  expect(verdict(frozen)).toBeNull();
  expect(instants(frozen).slice(0, 4)).toEqual([0, 10, 10, 60]);
});

test("a clock that stands is left alone: its node looks at it too often for that", () => {
  const steps = [...three.slice(0, 2), [12, 0, get("a")]] as const;
  for (const fault of ["jump_back", "freeze", "jump_forward"]) {
    const first = { "freeze n0@10 #2": strikes, "frozen 0": 29 };
    const second = { [`${fault} n0@12 #1`]: strikes, [`${fault} n0@12 #2`]: strikes };
    const { length } = story(play(steps, { choices: second }), "fault");
    expect(length, fault).toBeGreaterThan(0);
    const struck = story(play(steps, { choices: { ...first, ...second } }), "fault");
    expect(struck, fault).toEqual(["10 faults fault freeze n0@10"]);
  }
});

test("a node whose clock has jumped past a deadline meets it at once", () => {
  const choices = { "jump_forward n0@10000 #1": strikes, "forward 0": 6 }; // by a minute
  const steps = [
    [0, 0, until(50_000, "a")],
    [10_000, 0, get("b")],
  ] as const;
  const jumped = play(steps, { choices, healAt: 100_000 });
  expect(verdict(jumped)).toBeNull();
  expect(story(jumped, "executed").slice(0, 3)).toEqual([
    "0 node 0 executed batch 2 at 1800000000000",
    "10000 node 0 executed batch 4 at 1800000070000",
    "10000 node 0 executed batch 6 at 1800000070000",
  ]);
});

test("when the faults stop, clocks stay as far off as they are, and run evenly", () => {
  const steps = [
    [0, 0, create("a")],
    [2_000, 0, get("a")],
    [3_000, 0, get("a")],
  ] as const;
  const drifting = { "drift 0": strikes, "drift by 0": 6 }; // by a tenth
  const drifted = play(steps, { choices: drifting, healAt: 1_000 });
  expect(verdict(drifted)).toBeNull();
  expect(instants(drifted).slice(0, 3)).toEqual([0, 2_100, 3_100]);
  const freezing = { "freeze n0@0 #3": strikes, "frozen 0": 19_999 };
  const frozen = play(steps, { choices: freezing, healAt: 1_000 });
  expect(verdict(frozen)).toBeNull();
  expect(instants(frozen).slice(0, 3)).toEqual([0, 1_000, 2_000]); // a second was lost
});

test("a process that starts anew may find its clock behind the log", () => {
  const choices = { "kill n0@10 #2": strikes, "offset 0 #1": strikes, "offset by 0": 13 };
  const restarted = play([...three, [2_000, 0, get("a")]], { choices, healAt: 5_000 });
  expect(verdict(restarted)).toBeNull();
  expect(instants(restarted).slice(0, 4)).toEqual([0, 10, 20 - 30 * year, 2_000 - 30 * year]);
  expect(story(restarted, "start").map((line) => line.split(" ").at(-1))).toEqual([
    `${worldEpoch}`,
    `${worldEpoch + 11 - 30 * year}`,
  ]);
});
