// One node, process after process: how one is killed, stopped, put to sleep, and what the next one finds.
// Each world is a few requests and one misfortune. A process is named by its node and its life: n0.2 is
// the second one of node 0.

import { expect, test } from "vitest";
import {
  answers,
  create,
  get,
  type Played,
  play,
  type Step,
  seed,
  settle,
  story,
  strikes,
  until,
  verdict,
} from "./play.ts";

const settling: readonly Step[] = [
  [0, 0, create("a")],
  [10, 0, settle("a")],
];

/** The commands that processes have executed, by process and promise. */
function executed({ records }: Played): readonly string[] {
  const batches = records.filter(({ kind }) => kind === "executed");
  const commands = batches.flatMap(({ text }) => text.split("\n").slice(1).join("; ").split("; "));
  const said = commands.filter((line) => line !== "");
  return said.map((line) => line.replace("writes: ", "").split(" ").slice(0, 3).join(" "));
}

function lives(played: Played): readonly string[] {
  const lines = story(played, "start", "crash", "stop", "pause").map((line) => line.split(" "));
  return lines.map(([at, , , kind, name]) => `${at} ${name} ${kind}`);
}

test("N1: what a process held when it died, the next one does not know", () => {
  // Three requests wait while a commit is on its way; a fourth comes after the restart.
  const waiting: readonly Step[] = [
    ...settling,
    [11, 1, create("b")],
    [12, 2, create("c")],
    [13, 3, settle("a", { outcome: "rejected" })],
    [40, 1, create("d")],
  ];
  const choices = {
    "slow n0 commit a #2": strikes,
    "slowness n0 commit a": 1_000,
    "kill n0@13": strikes,
    "down 0": 6,
  };
  const played = play(waiting, { choices });
  expect(verdict(played)).toBeNull();
  expect(lives(played)).toEqual(["0 n0.1 start", "13 n0.1 crash", "20 n0.2 start"]);
  expect(executed(played).slice(0, 3)).toEqual([
    'n0.1-1 create "a"',
    'n0.1-2 settle "a"',
    'n0.2-1 create "d"',
  ]);
  expect(answers(played)).toEqual([
    'op 0 changed "a" pending',
    "op 1 unknown",
    "op 2 unknown",
    "op 3 unknown",
    "op 4 unknown",
    'op 5 changed "d" pending',
    'op 6 unchanged "a" pending', // asked at the end, like the next one
    'op 7 unchanged "d" pending',
  ]);
});

test("N2: a process that is killed in the tick of its replies has answered nobody", () => {
  const together: readonly Step[] = [...settling, [10, 1, get("a")], [10, 2, create("b")]];
  const choices = { "crash commit.consumed n0 commit a #1": strikes };
  const played = play(together, { choices });
  expect(verdict(played)).toBeNull();
  expect(answers(played).slice(1, 4)).toEqual(["op 1 unknown", "op 2 unknown", "op 3 unknown"]);
  expect(answers(played)).toContain('op 4 unchanged "a" resolved'); // but all of it was done
  expect(answers(played)).toContain('op 5 unchanged "b" pending');
});

test("N3: a process that was told to stop takes nothing new, and ends once all is answered", () => {
  const stopping: readonly Step[] = [...settling, [10, 1, get("a")], [12, 2, get("a")]];
  const choices = {
    "slow n0 commit a #2": strikes,
    "slowness n0 commit a": 10,
    "graceful_stop n0@10 #1": strikes,
  };
  const played = play(stopping, { choices });
  expect(verdict(played)).toBeNull();
  expect(lives(played)).toEqual(["0 n0.1 start", "20 n0.1 stop", "21 n0.2 start"]);
  expect(answers(played).slice(0, 3)).toEqual([
    'op 0 changed "a" pending',
    'op 1 unchanged "a" pending',
    'op 2 changed "a" resolved',
  ]);
  expect(executed(played).slice(1, 3)).toEqual(['n0.1-2 get "a"', 'n0.1-3 settle "a"']);
  expect(answers(played).filter((line) => line.startsWith("op 3"))).toEqual([]); // turned away
});

test("a process can be killed while it stops", () => {
  const choices = {
    "slow n0 commit a #2": strikes,
    "slowness n0 commit a": 10,
    "graceful_stop n0@10 #1": strikes,
    "crash stop n0.1 #2": strikes,
  };
  const played = play(settling, { choices });
  expect(verdict(played)).toBeNull();
  expect(lives(played).slice(0, 2)).toEqual(["0 n0.1 start", "20 n0.1 crash"]);
  expect(answers(played)[1]).toBe('op 1 changed "a" resolved'); // the reply had left
});

test("a stale commit of a process that has slept is refused, and its command is done again", () => {
  const twice: readonly Step[] = [
    [0, 0, create("a")],
    [10, 0, settle("a", { outcome: "rejected" })],
    [20, 1, settle("a")],
  ];
  const choices = {
    "slow n0 commit a #2": strikes, // on its way while the process sleeps
    "slowness n0 commit a": 30,
    "pause n0@15": strikes,
    "asleep 0": 99,
  };
  const played = play([...twice, [15, 2, get("b")]], { choices, nodes: 2 });
  expect(verdict(played)).toBeNull();
  const commits = story(played, "pause", "effect").filter((line) => /pause|commit/.test(line));
  expect(commits.slice(1, 4)).toEqual([
    "15 node 0 pause n0.1 falls asleep",
    "20 node 1 effect n1.1 commit 3 committed",
    "40 node 0 effect n0.1 commit 5 committed, but for the components 0",
  ]);
  expect(story(played, "answer").slice(1, 4)).toEqual([
    '20 client 1 answer op 3 changed "a" resolved',
    "115 client 0 answer op 1 promise_already_resolved",
    "115 client 2 answer op 2 promise_not_found",
  ]);
  expect(played.outcome.sometimes).toContain(
    "a commit of a server that has died or slept is refused",
  );
});

test("a stale commit of a process that has died is refused, and nobody does it again", () => {
  const twice: readonly Step[] = [
    [0, 0, create("a")],
    [10, 0, settle("a", { outcome: "rejected" })],
    [15, 2, get("b")],
    [20, 1, settle("a")],
    [100, 3, get("a")],
  ];
  const choices = {
    "slow n0 commit a #2": strikes,
    "slowness n0 commit a": 30,
    "kill n0@15": strikes,
  };
  const played = play(twice, { choices, nodes: 2 });
  expect(verdict(played)).toBeNull();
  expect(answers(played).slice(0, 5)).toEqual([
    'op 0 changed "a" pending',
    "op 1 unknown",
    "op 2 unknown",
    'op 3 changed "a" resolved',
    'op 4 unchanged "a" resolved',
  ]);
  expect(played.outcome.sometimes).toContain(
    "a commit of a server that has died or slept is refused",
  );
});

test("where one server has the store to itself, the next process waits until the last commit is durable", () => {
  const choices = {
    "slow_sync n0 commit a #1": strikes,
    "sync n0 commit a": 40,
    "crash commit.done n0 commit a #1": strikes,
  };
  const alone = play(settling, { choices });
  expect(verdict(alone)).toBeNull();
  expect(lives(alone)).toEqual(["0 n0.1 start", "10 n0.1 crash", "50 n0.2 start"]);
  const shared = play(settling, { choices, nodes: 2 });
  expect(verdict(shared)).toBeNull();
  expect(lives(shared).at(-1)).toBe("11 n0.2 start");
  const quick = play(settling, { choices: { ...choices, "quick_restart 0": strikes } });
  expect(verdict(quick)).toBeNull();
  expect(lives(quick).at(-1)).toBe("10 n0.2 start");
});

test("Z2: where the store lives in the process, a commit that is not written dies with it", () => {
  const armed: readonly Step[] = [
    [0, 0, until(50, "a")],
    [10, 1, get("a")],
    ...Array.from({ length: 25 }, (_, index): Step => [600 + index, 1, create(`b${index}`)]),
  ];
  const choices = {
    "slow n0 commit a": strikes,
    "slowness n0 commit a": 500,
    "kill n0@10": strikes,
  };
  // Would it land after all, nobody would be told of the deadline.
  const alone = play(armed, { choices });
  expect(verdict(alone)).toBeNull();
  const shared = play(armed, { choices, nodes: 2 });
  expect(verdict(shared)).toBeNull();
  const swept = (played: Played) => executed(played).filter((line) => / settle_at_/.test(line));
  expect(swept(shared)).toHaveLength(1); // the next look at the store finds it
  expect(swept(alone)).toHaveLength(0);
});

test("a request that meets no process is turned away", () => {
  const choices = { "crash boot n0.1": strikes, "down 0": 99 };
  const played = play([[10, 0, create("a")]], { choices });
  expect(verdict(played)).toBeNull();
  expect(lives(played)).toEqual(["0 n0.1 start", "0 n0.1 crash", "100 n0.2 start"]);
  expect(executed(played)).toEqual([]);
  expect(answers(played)).toEqual(["op 0 unknown"]);
  expect(played.outcome.pending).toBe(0); // who is turned away knows that nothing has happened
});

test("a process can die again and again before its first sweep", () => {
  const choices = {
    "crash boot n0.1": strikes,
    "crash boot n0.2": strikes,
    "crash due.submitted n0 due@2": strikes,
    "crash due.done n0 due@3": strikes,
  };
  const played = play([[100, 0, create("a")]], { choices });
  expect(verdict(played)).toBeNull();
  expect(lives(played).filter((line) => line.includes("crash"))).toHaveLength(4);
  expect(answers(played)[0]).toBe('op 0 changed "a" pending');
  expect(played.outcome.sometimes).toContain("a crash during the first sweep");
});

test("a process may start with other limits than the last one", () => {
  const burst: readonly Step[] = [
    [0, 0, create("a")],
    ...[1, 2, 3].map((client): Step => [50, client, create(`b${client}`)]),
  ];
  const choices = { "kill n0@0 #3": strikes, "other_limits 0 #1": strikes, "batch limit 0": 1 };
  const played = play(burst, { choices });
  expect(verdict(played)).toBeNull();
  const batches = played.records.filter(({ kind, at }) => kind === "executed" && at === 50);
  expect(batches.map(({ text }) => text.split("\n").length - 1)).toEqual([2, 1]);
  const usual = play(burst, { choices: { "kill n0@0 #3": strikes } });
  expect(usual.records.filter(({ kind, at }) => kind === "executed" && at === 50)).toHaveLength(1);
});

test("a power cut takes what is written and not durable, and perhaps the process, too", () => {
  const cut = {
    "slow_sync n0 commit a #1": strikes,
    "sync n0 commit a": 9_000,
    "power_cut n0@12": strikes,
    "dropped power": 1,
  };
  const steps: readonly Step[] = [...settling, [12, 1, create("b")], [100, 2, get("a")]];
  const dropped = play(steps, { choices: cut });
  expect(verdict(dropped)).toBeNull();
  expect(answers(dropped).slice(1, 4)).toEqual([
    "op 1 failed: outcome_unknown",
    'op 2 changed "b" pending',
    'op 3 unchanged "a" pending',
  ]);
  expect(dropped.outcome.sometimes).toContain("a power cut drops a written commit");
  const kept = play(steps, { choices: { ...cut, "dropped power": 0 } });
  expect(verdict(kept)).toBeNull();
  expect(answers(kept)[1]).toBe('op 1 changed "a" resolved');
  const killed = play(steps, { choices: { ...cut, "power 0": 1 } });
  expect(verdict(killed)).toBeNull();
  expect(lives(killed)).toEqual(["0 n0.1 start", "12 n0.1 crash", "13 n0.2 start"]);
  expect(answers(killed).slice(1, 4)).toEqual([
    "op 1 unknown",
    "op 2 unknown",
    'op 3 unchanged "a" pending',
  ]);
});

test("a power cut drops the last of what is written, and no more of it than it may", () => {
  const three: readonly Step[] = [
    [0, 0, create("a")],
    [1, 1, create("b")],
    [2, 2, create("c")],
    [9, 3, get("d")],
  ];
  const slow = ["a", "b", "c"].flatMap((id) => [
    [`slow_sync n0 commit ${id}`, strikes],
    [`sync n0 commit ${id}`, 99],
  ]);
  for (const [dropped, left] of [
    [0, "abc"],
    [1, "ab"],
    [2, "a"],
    [3, ""],
  ] as const) {
    const choices = {
      ...Object.fromEntries(slow),
      "power_cut n0@9": strikes,
      "dropped power": dropped,
    };
    const played = play(three, { choices, limits: { batchesMax: 4, batchMax: 1 } });
    expect(verdict(played)).toBeNull();
    const changed = answers(played).filter(
      (line) => line.includes("changed ") && !line.includes("un"),
    );
    expect(changed.map((line) => line.split('"')[1]).join("")).toBe(left);
    const unknown = answers(played).filter((line) => line.endsWith("outcome_unknown"));
    expect(unknown).toHaveLength(dropped);
  }
});

test("a power cut drops all connections: what is on its way never arrives", () => {
  const asking: readonly Step[] = [...settling, [15, 1, get("b")], [100, 2, get("a")]];
  const cut = { "power_cut n0@15": strikes };
  const loading = { ...cut, "slow n0 load a #2": strikes, "slowness n0 load a": 50 };
  const read = play(asking, { choices: loading });
  expect(verdict(read)).toBeNull();
  expect(answers(read).slice(1, 2)).toEqual(["op 1 failed: store_failed"]);
  const committing = { ...cut, "slow n0 commit a #2": strikes, "slowness n0 commit a": 50 };
  const landing = {
    ...cut,
    "fail_landing_later n0 commit a #1": strikes,
    "landing n0 commit a": 50,
  };
  for (const choices of [committing, landing]) {
    const written = play(asking, { choices });
    expect(verdict(written)).toBeNull();
    expect(answers(written)).toContain("op 1 failed: outcome_unknown");
    expect(answers(written)).toContain('op 3 unchanged "a" pending');
  }
});

test("a power cut that ends a process ends it once", () => {
  const choices = { "power_cut n0@12": strikes, "power 0": 1, "kill n0@12": strikes };
  const played = play([...settling, [12, 1, create("b")]], { choices });
  expect(verdict(played)).toBeNull();
  expect(lives(played)).toEqual(["0 n0.1 start", "12 n0.1 crash", "13 n0.2 start"]);
});

test("a kill keeps what is written, where a power cut takes it", () => {
  const choices = {
    "slow_sync n0 commit a #1": strikes,
    "sync n0 commit a": 40,
    "kill n0@12": strikes,
  };
  const steps: readonly Step[] = [...settling, [12, 1, create("b")], [100, 2, get("a")]];
  const played = play(steps, { choices });
  expect(verdict(played)).toBeNull();
  expect(answers(played).slice(1, 4)).toEqual([
    "op 1 unknown",
    "op 2 unknown",
    'op 3 unchanged "a" resolved',
  ]);
  const seen = "a process is killed while a commit is written and not durable";
  expect(played.outcome.sometimes).toContain(seen);
});

test("when the faults stop, sleepers wake and dead nodes start", () => {
  const choices = {
    "pause n0@10 #1": strikes,
    "asleep 0": 19_999,
    "crash boot n1.1": strikes,
    "down 1": 19_999,
  };
  const played = play([[10, 0, create("a")]], { choices, nodes: 2 });
  expect(verdict(played)).toBeNull();
  expect(story(played, "heal", "start").slice(2)).toEqual([
    "1000 faults heal world",
    "1000 node 1 start n1.2 the clock shows 1800000001000",
  ]);
  expect(story(played, "answer")[0]).toBe('1000 client 0 answer op 0 changed "a" pending');
});

test("one dead node may stay dead after the faults, and the others do all that is due", () => {
  const choices = { "crash boot n1.1": strikes, "down 1": 5_000 };
  const armed: readonly Step[] = [
    [0, 0, until(2_000, "a")],
    [10, 1, create("b")],
    [20_000, 1, create("c")],
  ];
  const setting = { choices, nodes: 2 };
  const spared = play(armed, { ...setting, seed: seed("1") });
  expect(verdict(spared)).toBeNull();
  expect(lives(spared)).toEqual(["0 n0.1 start", "0 n1.1 start", "0 n1.1 crash"]);
  expect(executed(spared).filter((line) => line.includes("settle_at_deadline"))).toHaveLength(1);
  const healed = play(armed, { ...setting, seed: seed("2") });
  expect(verdict(healed)).toBeNull();
  expect(lives(healed).at(-1)).toBe("1000 n1.2 start");
  expect(answers(healed)).toContain('op 2 changed "c" pending');
  const alone = play([[10, 0, create("a")]], {
    choices: { "crash boot n0.1": strikes, "down 0": 5_000 },
    seed: seed("1"),
  });
  expect(verdict(alone)).toBeNull();
  expect(lives(alone).at(-1)).toBe("1000 n0.2 start"); // somebody has to live
});
