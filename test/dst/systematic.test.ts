// The systematic search: first that it strikes at every place, on a toy that counts; then over all
// scripts, where an honest server survives every blow; then over stores that break a promise only for
// whoever comes after a crash, which nothing but the search finds.

import { expect, test } from "vitest";
import type { Chooser } from "../../dst/choice.ts";
import { crashPoints } from "../../dst/crash-points.ts";
import type { Plan } from "../../dst/plan.ts";
import { simulate } from "../../dst/run.ts";
import { type Script, scripts } from "../../dst/scripts.ts";
import { blows, search } from "../../dst/systematic.ts";
import type { Outcome } from "../../dst/verdict.ts";
import type { Probe } from "../../store/probe.ts";
import type { Store } from "../../store/store.ts";
import { lying, memory, planOf, verdict } from "./play.ts";

function runner(openStore: (probe: Probe) => Store, onOutcome?: (outcome: Outcome) => void) {
  return (plan: Plan, chooser: Chooser): Outcome => {
    const quiet = { openStore, onRecord: null, choices: null, onChoices: null };
    const outcome = simulate(plan, { ...quiet, chooser });
    onOutcome?.(outcome);
    return outcome;
  };
}

function script(name: string): Script {
  const found = scripts.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no script ${name}`);
  return found;
}

/** A run that passes three places of one kind and two of another, unless the second crash ends it. */
function toy(passed: string[]) {
  return (_plan: Plan, chooser: Chooser): Outcome => {
    const line: string[] = [];
    for (const site of ["crash", "fail_before", "crash", "slow", "fail_before", "crash"]) {
      const choice = chooser.choose("fault", site, "a", 100);
      line.push(choice === 0 ? "." : `${site}!`);
      if (choice !== 0) expect(choice).toBe(99);
      if (choice !== 0 && site === "crash" && line.length === 3) break;
    }
    passed.push(line.join(" "));
    return { failure: null } as Outcome;
  };
}

const nothing: Script = { name: "toy", plan: planOf([]) };

test("every place of every kind is struck once, alone", () => {
  const passed: string[] = [];
  expect(search(nothing, toy(passed), false)).toEqual({ runs: 6, failed: [] });
  expect(passed).toEqual([
    ". . . . . .",
    "crash! . . . . .",
    ". . crash!",
    ". . . . . crash!",
    ". fail_before! . . . .",
    ". . . . fail_before! .",
  ]);
});

test("every two places are struck together once, as far as the first leaves the second", () => {
  const passed: string[] = [];
  const { runs } = search(nothing, toy(passed), true);
  const pairs = passed.filter((line) => line.split("!").length === 3);
  expect(pairs.toSorted()).toEqual(
    [
      "crash! . crash!",
      "crash! . . . . crash!",
      "crash! fail_before! . . . .",
      "crash! . . . fail_before! .",
      ". fail_before! crash!",
      ". fail_before! . . . crash!",
      ". . . . fail_before! crash!",
      ". fail_before! . . fail_before! .",
    ].toSorted(),
  );
  expect(runs).toBe(6 + pairs.length);
});

test("an honest server survives each blow at each place of each script", () => {
  const reached = new Set<string>();
  const struck = new Map<string, number>();
  const run = runner(memory, ({ counters, faults }) => {
    expect(faults).toBeLessThanOrEqual(1);
    for (const name of counters.keys()) reached.add(name);
    for (const blow of blows) {
      struck.set(blow, (struck.get(blow) ?? 0) + (counters.get(`fault ${blow}`) ?? 0));
    }
  });
  let runs = 0;
  for (const each of scripts) {
    const result = search(each, run, false);
    expect(result.failed, each.name).toEqual([]);
    runs += result.runs;
  }
  expect(runs).toBeGreaterThan(2_000);
  const never = crashPoints.filter((point) => !reached.has(`crash ${point}`));
  // No script stops a server, and workers connect when the blows are over.
  const waiting = ["submitted", "done", "completed", "consumed"].map((at) => `waiting.${at}`);
  expect(never).toEqual([...waiting, "stop"]);
  for (const blow of blows) expect(struck.get(blow), blow).toBeGreaterThan(50);
});

test("and each two blows in the shortest ones", () => {
  for (const each of scripts.slice(0, 4)) {
    const { runs, failed } = search(each, runner(memory), true);
    expect(failed, each.name).toEqual([]);
    expect(runs, each.name).toBeGreaterThan(100);
  }
});

test("a store that forgets whom to wake after a settlement is found by a crash, and only by one", () => {
  const forgetful = lying((honest) => ({
    commit: (components) =>
      honest.commit(
        components.map(({ changes }) => ({
          changes: changes.map((change) => {
            const { snapshot } = change.write ?? {};
            const isOver = snapshot?.kind === "promise" && snapshot.promise.kind === "settled";
            return !isOver || change.write === null
              ? change
              : { ...change, write: { ...change.write, dueAt: null } };
          }),
        })),
      ),
  }));
  const { failed, runs } = search(script("a waiter is woken"), runner(forgetful), false);
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.length).toBeLessThan(runs / 2);
  for (const { hits, outcome } of failed) {
    expect(hits).toHaveLength(1);
    expect(verdict({ outcome })).toBe("liveness V due");
  }
  expect(failed.some(({ hits }) => hits[0]?.blow === "crash")).toBe(true);
});

test("a store that never says when more is due is found by a crash, which makes a server ask", () => {
  const silent = lying((honest) => ({
    due: (now, bounds) => ({ ...honest.due(now, bounds), nextAt: null }),
  }));
  const { failed } = search(script("a timer fires"), runner(silent), false);
  expect(failed.map(({ hits }) => hits[0]?.blow)).toContain("crash");
  for (const { outcome } of failed) expect(verdict({ outcome })).toBe("liveness V due");
});

test("a store whose claims never end is found by a crash between a sweep and its commit", () => {
  const grudging = lying((honest) => {
    const claimed = new Set<string>();
    return {
      due: (now, bounds) => {
        const due = honest.due(now, bounds);
        const streams = due.streams.filter(({ key }) => !claimed.has(key.id));
        for (const { key } of streams) claimed.add(key.id);
        return { ...due, streams };
      },
    };
  });
  const { failed } = search(script("a timer fires"), runner(grudging), false);
  expect(failed.map(({ hits }) => hits[0]?.blow)).toContain("crash");
  for (const { outcome } of failed) expect(verdict({ outcome })).toBe("liveness V due");
});

test("a store that loses the log for whoever looks for its own events is believed", () => {
  // It makes the server say "unknown", which is true, if not helpful.
  const blind = lying((honest) => ({
    log: (ranges) =>
      honest.log(ranges).map((page, index) => {
        return ranges[index]?.limit === 1 ? { ...page, events: [] } : page;
      }),
  }));
  expect(search(script("and settled"), runner(blind), false).failed).toEqual([]);
});
