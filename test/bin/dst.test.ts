// `resonate dst`: flags and their mistakes, what is printed of a run, progress, tripwires, processes that
// share a range of seeds, and each command on a lab in which little happens.

import { execFile, fork, spawnSync } from "node:child_process";
import nodeCrypto from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { Outside } from "../../bin/command.ts";
import { randomSeed } from "../../bin/dst/checkout.ts";
import { dst, dstCommands } from "../../bin/dst/commands.ts";
import { coverage } from "../../bin/dst/coverage.ts";
import { determinism, diff, isKnown } from "../../bin/dst/determinism.ts";
import { examine } from "../../bin/dst/examine.ts";
import { type Call, type Flags, parse } from "../../bin/dst/flags.ts";
import { floorsText, shortfalls } from "../../bin/dst/floors.ts";
import { fuzz } from "../../bin/dst/fuzz.ts";
import { canaries, quarter, runStages } from "../../bin/dst/gate.ts";
import { type Bench, runWords, wishesOf } from "../../bin/dst/lab.ts";
import { clock, resultJson, resultLine, shortCount, span, worst } from "../../bin/dst/line.ts";
import { huntAll } from "../../bin/dst/mutants.ts";
import { runPool } from "../../bin/dst/pool.ts";
import { progressLine, summary, summaryFields } from "../../bin/dst/progress.ts";
import { replay, shrink } from "../../bin/dst/replay.ts";
import { run } from "../../bin/dst/run.ts";
import { compare, Here } from "../../bin/dst/sites.ts";
import { Stretches } from "../../bin/dst/sweep.ts";
import { systematic } from "../../bin/dst/systematic.ts";
import {
  coverageFlags,
  determinismFlags,
  diffFlags,
  fuzzFlags,
  replayFlags,
  runFlags,
  shrinkFlags,
  systematicFlags,
  worldFlags,
} from "../../bin/dst/tables.ts";
import { classesOf, Tally } from "../../bin/dst/tally.ts";
import { isSampled } from "../../bin/dst/trial.ts";
import { guarded } from "../../bin/dst/tripwires.ts";
import { ProgressDisplay } from "../../bin/progress.ts";
import { commands } from "../../bin/resonate.ts";
import { draw } from "../../dst/draw.ts";
import type { Mutant } from "../../dst/mutants.ts";
import type { Plan } from "../../dst/plan.ts";
import { scripts } from "../../dst/scripts.ts";
import { parseSeed, type Seed, seedAt } from "../../dst/seed.ts";
import type { Failure, FailureClass, Outcome } from "../../dst/verdict.ts";
import { fakeLab, type Mishaps } from "./fake-lab.ts";
import { directory, launcher } from "./server-process.ts";

const base = seedOf("7");
/** Seeds 0, 1, 2 ... of the range. */
const at = (index: number): Seed => seedAt(base, index);
const never = new AbortController().signal;

function seedOf(text: string): Seed {
  const seed = parseSeed(text);
  if (seed === null) throw new Error(`${text} is no seed`);
  return seed;
}

function streams(workingDirectory = "/") {
  const texts = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr") => {
    const write = (chunk: Buffer, _encoding: string, done: () => void) => {
      texts[name] += chunk;
      done();
    };
    return new Writable({ write });
  };
  const outside: Outside = {
    ...{ environment: {}, home: "/", workingDirectory },
    ...{ stdout: stream("stdout"), stderr: stream("stderr") },
  };
  return { outside, texts };
}

function called<Table extends Flags>(table: Table, args: readonly string[], outside: Outside) {
  const parsed = parse(args, table, true);
  if (parsed.kind !== "call") throw new Error(JSON.stringify(parsed));
  return { ...parsed, outside } as Call<Table>; // the kind is left over
}

/** The same lab here and in other processes. */
function bench(mishaps: Mishaps = {}): Bench {
  const module = new URL("fake-lab.ts", import.meta.url);
  for (const [mishap, seeds] of Object.entries(mishaps)) {
    module.searchParams.set(mishap, seeds.join(","));
  }
  return { lab: fakeLab(mishaps), labModule: module.href };
}

const commandNames = dstCommands.map(({ name }) => name);

test.each([
  ["dst run", "--sede 5", "unknown flag --sede"],
  ["dst run", "--seed", "--seed needs a value"],
  ["dst run", "--seed --json", "--seed needs a value"],
  ["dst run", "--seed 5x", '--seed is "5x"; expected a seed: a number below 2^64, 0x and hex'],
  ["dst run", "--seed 18446744073709551616", '--seed is "18446744073709551616"; expected a seed'],
  ["dst run", "--nodes 3:1", '--nodes is "3:1"; expected a whole number or min:max, 1 to 16'],
  ["dst run", "--nodes 0", '--nodes is "0"; expected a whole number or min:max'],
  ["dst run", "--nodes 1:2:3", '--nodes is "1:2:3"; expected'],
  ["dst run", "--store mysql", '--store is "mysql"; expected memory, sqlite or postgres'],
  ["dst run", "--faults kill,rain", '--faults is "kill,rain"; expected drawn, none, single'],
  ["dst run", "--limits batchMax=0", '--limits is "batchMax=0"; expected key=value,... with'],
  ["dst run", "--limits size=1", '--limits is "size=1"; expected key=value,... with'],
  ["dst run", "--json=perhaps", '--json is "perhaps"; expected true or false'],
  ["dst run", "file.json", "unexpected argument file.json"],
  ["dst fuzz", "--wgl 101", '--wgl is "101"; expected a whole number of percent, 0 to 100'],
  ["dst fuzz", "--from HEAD", '--from is "HEAD"; expected random, or a seed'],
  ["dst replay", "a.json b.json", "unexpected argument b.json"],
  ["dst determinism", "--perturb rain", '--perturb is "rain"; expected some of: all max-opt-0'],
])("D1: %s %s is refused in one line", async (name, words, reason) => {
  const { outside, texts } = streams();
  const command = dstCommands.find((each) => each.name === name);
  expect(await command?.run(words.split(" "), outside)).toBe(2);
  expect(texts.stdout).toBe("");
  expect(texts.stderr).toContain(`resonate ${name}: ${reason}`);
  expect(texts.stderr.split("\n").length).toBe(2);
});

test("D1: of several mistakes each has its line", async () => {
  const { outside, texts } = streams();
  const command = dstCommands.find(({ name }) => name === "dst fuzz");
  await command?.run(["--jobs", "0", "--speed", "9", "--seeds=none"], outside);
  expect(texts.stderr.split("\n")).toEqual([
    "resonate dst fuzz: unknown flag --speed",
    'resonate dst fuzz: --seeds is "none"; expected a whole number, 1 to 100000000',
    'resonate dst fuzz: --jobs is "0"; expected a whole number, 1 to 256',
    "",
  ]);
});

test("what is not given has its default, or is absent", () => {
  expect(parse([], worldFlags, false)).toEqual({
    kind: "call",
    values: {
      ...{ size: "short", store: "memory", nodes: [1, 3], clients: null, ops: null },
      ...{ policy: null, faults: "drawn", limits: null, canary: false },
    },
    operand: null,
  });
});

test("values are read as their kinds say", () => {
  const words =
    "--seed=0xff --nodes 2 --clients 2:9 --ops 40 --faults time,kill --limits batchMax=3,queueMax=1 --limits dueMax=2 --canary --budget 1m --policy pct";
  expect(parse(words.split(" "), runFlags, false)).toMatchObject({
    values: {
      ...{ seed: "00000000000000ff", nodes: [2, 2], clients: [2, 9], ops: 40, policy: "pct" },
      faults: ["kill", "offset", "drift", "jump_forward", "jump_back", "freeze"],
      limits: { batchMax: 3, queueMax: 1, dueMax: 2 },
      ...{ canary: true, budget: 60_000 },
    },
  });
  const hash = "9f3c0000000000010000000000000000000000ab";
  expect(parse(["--from", hash], fuzzFlags, false)).toMatchObject({
    values: { from: "9f3c000000000001" },
  });
});

test("all commands are in the table, and plain dst is the gate", async () => {
  expect(commandNames).toEqual([
    ...["dst run", "dst fuzz", "dst replay", "dst shrink", "dst determinism", "dst diff"],
    ...["dst mutants", "dst coverage", "dst systematic", "dst gate"],
  ]);
  expect(commands).toEqual(expect.arrayContaining([dst, ...dstCommands]));
  const { outside, texts } = streams();
  expect(await dst.run(["--jobs=0"], outside)).toBe(2);
  expect(texts.stderr).toContain("resonate dst gate: --jobs is");
  expect(await dst.run(["rnu"], outside)).toBe(2);
  expect(texts.stderr).toContain('resonate dst: unknown command "rnu"');
});

test("a command line is made that draws the same plan", () => {
  const words = [
    ...["--size", "long", "--store", "sqlite", "--nodes", "2:2", "--clients", "3:4"],
    ...["--ops", "50", "--policy", "lifo", "--faults", "kill,pause", "--limits", "batchMax=3"],
    ...["--wgl", "100", "--canary"],
  ];
  const { values } = called(runFlags, words, streams().outside);
  expect(runWords(base, wishesOf(values, values.wgl))).toEqual([
    ...["run", "--seed", `0x${base}`],
    ...words,
  ]);
  const { values: usual } = called(runFlags, [], streams().outside);
  expect(runWords(base, wishesOf(usual, null))).toEqual(["run", "--seed", `0x${base}`]);
});

const failure: Failure = {
  ...{ class: "safety", oracle: "W", rule: "answer", message: "another one" },
  ...{ expected: "200", actual: "404", ids: ["one"], intent: 3, at: 40, record: 12 },
};

function told(change: Partial<Outcome> = {}) {
  const plan: Plan = { ...draw(base, wishes()), nodes: 2, policy: { kind: "pct", depth: 2 } };
  const outcome: Outcome = {
    ...{ seed: base, failure: null, trace: "5e1f000000000000", records: 9, checkpoints: [] },
    ...{ operations: 12_873, simulatedMs: 1_024_000, faults: 312, pending: 14, unresolved: 0 },
    ...{ isWeak: false, search: { verdict: "ok", steps: 48_211 }, counters: new Map() },
    ...{ sometimes: new Set(["often"]), ...change },
  };
  return { plan, outcome, wallMs: 182.6, commit: "ab12cd3", sometimes: 44 };
}

function wishes() {
  return wishesOf(called(worldFlags, [], streams().outside).values, null);
}

test("a run that passed", () => {
  expect(resultLine(told()).replace(/config=[0-9a-f]{6} /, "")).toBe(
    "PASS seed=0x0000000000000007 commit=ab12cd3 trace=5e1f000000000000 store=memory nodes=2 " +
      "policy=pct2 ops=12873 sim=00:17:04 faults=312 pending=14 unresolved=0 weak=no witness=ok " +
      "wgl=ok/48k sometimes=1/44 wall=183ms",
  );
});

test("a run that failed says with what", () => {
  expect(resultLine(told({ failure, search: null, isWeak: true }))).toMatch(
    /^FAIL class=safety oracle=W rule=answer seed=0x0{15}7 .* weak=yes witness=illegal wgl=- /,
  );
  const crash: Failure = { ...failure, class: "crash", oracle: "A", rule: "kernel: no=1" };
  expect(resultLine(told({ failure: crash }))).toMatch(
    /^FAIL class=crash oracle=A rule="kernel: no=1" .* witness=cut /,
  );
});

test("its JSON has the same names, with figures as numbers", () => {
  const parsed = JSON.parse(resultJson(told({ failure })));
  expect(parsed).toMatchObject({
    ...{ verdict: "fail", seed: `0x${base}`, ops: 12_873, sim: 1_024_000, wall: 183 },
    ...{ weak: false, wgl: { verdict: "ok", steps: 48_211 }, failure },
  });
  expect(resultJson(told())).not.toContain("\n");
});

test("the config hash ignores the seed and changes with all else", () => {
  const config = (change: Partial<Plan>) => {
    const { plan, ...rest } = told();
    return /config=(\w+)/.exec(resultLine({ ...rest, plan: { ...plan, ...change } }))?.[1];
  };
  expect(config({ seed: seedOf("8"), intents: [] })).toBe(config({}));
  expect(config({ delayMax: 999 })).not.toBe(config({}));
});

test("durations and counts are written short", () => {
  expect([0, 61_000, 3_600_000, 500 * 3_600_000].map(clock)).toEqual([
    ...["00:00:00", "00:01:01", "01:00:00", "500:00:00"],
  ]);
  expect([999, 12_873, 14_200_000, 3e9].map(shortCount)).toEqual(["999", "13k", "14.2M", "3.0G"]);
  expect([900, 90_000, 7_200_000, 276_480_000, 1e11].map(span)).toEqual([
    ...["0.9 s", "1.5 min", "2.0 h", "3.2 d", "3.2 y"],
  ]);
});

test.each([
  ["safety", 1],
  ["liveness", 3],
  ["determinism", 4],
  ["crash", 5],
  ["inconclusive", 6],
] as const)("%s is %i", (failureClass, code) => {
  expect(worst([failureClass])).toBe(code);
});

test("of several the worst counts: 5, 1, 4, 3, 6", () => {
  const order: FailureClass[] = [
    ...(["inconclusive", "liveness", "determinism", "safety", "crash"] as const),
  ];
  const codes = order.map((_, index) => worst(order.slice(0, index + 1)));
  expect(codes).toEqual([6, 3, 4, 1, 5]);
  expect(order.map((_, index) => worst(order.slice(index).reverse()))).toEqual([5, 5, 5, 5, 5]);
  expect(worst([])).toBe(0);
});

test.each([
  ["passes", {}, 0],
  ["fails", { fail: [at(0)] }, 1],
  ["stalls", { stall: [at(0)] }, 3],
  ["throws", { throw: [at(0)] }, 5],
  ["proves little", { weak: [at(0)] }, 6],
  ["is not decided", { undecided: [at(0)] }, 6],
] as const)("a run that %s", async (_what, mishaps, code) => {
  using place = directory();
  const { outside, texts } = streams(place.path);
  const args = ["--seed", `0x${at(0)}`, "--ops", "20"];
  expect(await run(called(runFlags, args, outside), fakeLab(mishaps))).toBe(code);
  expect(texts.stdout).toMatch(/^(PASS|FAIL) [^\n]+\n$/);
});

test("with tripwires a run that reads the clock is not deterministic; without, it is not noticed", async () => {
  using place = directory();
  const { outside, texts } = streams(place.path);
  const lab = fakeLab({ clock: [at(0)] });
  const args = ["--seed", `0x${at(0)}`, "--ops", "20"];
  expect(await run(called(runFlags, args, outside), lab)).toBe(0);
  expect(await run(called(runFlags, [...args, "--tripwires"], outside), lab)).toBe(4);
  expect(texts.stdout).toContain("FAIL class=determinism oracle=H rule=tripwire");
  expect(texts.stderr).toContain("Date.now");
  expect(texts.stderr).toContain("fake-lab.ts");
});

const tally = (outcomes: readonly Partial<Outcome>[]) => {
  const sums = new Tally();
  for (const outcome of outcomes) sums.add(told(outcome).outcome, { times: 1, busyMs: 10 });
  return sums;
};
const classes = (outcomes: readonly Partial<Outcome>[], isInterrupted = false) => {
  return classesOf({ figures: tally(outcomes).figures, isInterrupted });
};

test("of workers they add up to what one would have", () => {
  const [left, right, both] = [
    tally([{ counters: new Map([["kill", 2]]) }]),
    tally([{ counters: new Map([["kill", 3]]), isWeak: true }]),
    tally([
      { counters: new Map([["kill", 2]]) },
      { counters: new Map([["kill", 3]]), isWeak: true },
    ]),
  ];
  left.merge(right.figures);
  expect(left.figures).toEqual(both.figures);
  expect(left.figures.sums).toMatchObject({ seeds: 2, weak: 1, operations: 2 * 12_873 });
  expect(left.figures.counters).toEqual(new Map([["kill", 5]]));
  expect(left.figures.sometimes).toEqual(new Map([["often", 2]]));
});

test("a sweep is inconclusive if interrupted, if all is weak, or if too much is undecided", () => {
  const unknown = { search: { verdict: "unknown", steps: 1 } } as const;
  expect(classes([{}])).toEqual([]);
  expect(classes([{}], true)).toEqual(["inconclusive"]);
  expect(classes([{ isWeak: true }])).toEqual(["inconclusive"]);
  expect(classes([{ isWeak: true }, {}])).toEqual([]);
  expect(classes([unknown, {}])).toEqual(["inconclusive"]);
  expect(classes([unknown, ...Array.from({ length: 99 }, () => ({}))])).toEqual([]);
  expect(classes([])).toEqual(["inconclusive"]);
});

const figures = after1204();
const progress = (done: number, total = 2000) => ({
  ...{ figures, done, total, isByTime: false, elapsedMs: 5652, sometimes: 44 },
});

function after1204() {
  const tally = new Tally();
  const { outcome } = told({ operations: 14_200_000, simulatedMs: 276_480_000 });
  tally.add(outcome, { times: 1, busyMs: 0 });
  const { sums, ...rest } = tally.figures;
  return { ...rest, sums: { ...sums, seeds: 1204 } };
}

test("one line says how far it is, how fast, and what it has seen", () => {
  expect(progressLine(progress(1204))).toBe(
    "1204/2000 ██████░░░░░ 213 seeds/s · 14.2M ops · 3.2 d simulated · sometimes 1/44 · fail 0 · 4 s left",
  );
  expect(progressLine(progress(0))).toMatch(/^0\/2000 ░{11} .* · …$/);
  expect(progressLine({ ...progress(5652, 60_000), isByTime: true })).toMatch(
    /^1204 seeds █░{10} 213 seeds\/s .* · 55 s left$/,
  );
});

test("elsewhere than on a terminal there is a plain line for every five percent", () => {
  const { outside, texts } = streams();
  const display = new ProgressDisplay(outside.stderr, progressLine);
  for (let done = 1; done <= 2000; done++) display.show(progress(done));
  display.clear();
  const lines = texts.stderr.trimEnd().split("\n");
  expect(lines.map((line) => Number.parseInt(line, 10))).toEqual(
    Array.from({ length: 20 }, (_, step) => (step + 1) * 100),
  );
  expect(texts.stderr).not.toContain("\r");
});

test("on a terminal one line is drawn again and again, not too often, and cleared", () => {
  const { outside, texts } = streams();
  const display = new ProgressDisplay(Object.assign(outside.stderr, { isTTY: true }), progressLine);
  for (let elapsedMs = 0; elapsedMs < 1000; elapsedMs += 10) {
    display.show({ ...progress(1204), elapsedMs });
  }
  display.clear();
  expect(texts.stderr.split("\r\u001b[2K").length - 1).toBe(5 + 1);
  expect(texts.stderr.endsWith("\r\u001b[2K")).toBe(true);
  expect(texts.stderr).not.toContain("\n");
});

test("the summary has every figure, as text and as fields", () => {
  const counters = new Map([
    ["answer create_promise changed", 60],
    ["answer create_promise promise_already_exists", 30],
    ["answer get_promise queue_full", 10],
    ["kill", 7],
  ]);
  const all = { ...figures, counters };
  const summarized = {
    ...{ figures: { ...all, sums: { ...all.sums, busyMs: 10_000, rechecked: 60 } } },
    ...{ elapsedMs: 5652, sometimes: 44, jobs: 2, isInterrupted: true },
  };
  expect(summary(summarized)).toBe(
    `interrupted after 1204 seeds, 0 failed, 5.7 s with 2 processes
speed: 213 seeds/s, 1420000 requests/s and core
simulated: 14.2M operations in 3.2 d, 49k times as fast as time
checked: 60 run twice, 1 searched for an order, 0 of them undecided
faults 312, pending 14, unresolved 0, weak runs 0, refused 30%, sometimes 1/44
`,
  );
  expect(summaryFields(summarized)).toMatchObject({
    ...{ seeds: 1204, failed: 0, compression: 48_917, refusedPercent: 30, sometimesAll: 44 },
  });
});

const uses: readonly (readonly [string, () => unknown])[] = [
  ["Date.now", () => Date.now()],
  ["new Date()", () => new Date()],
  ["Date()", () => Date()],
  ["performance.now", () => performance.now()],
  ["process.hrtime", () => process.hrtime()],
  ["process.hrtime.bigint", () => process.hrtime.bigint()],
  ["process.uptime", () => process.uptime()],
  ["Temporal.Now.instant", () => Temporal.Now.instant()],
  ["Math.random", () => Math.random()],
  ["crypto.randomUUID", () => crypto.randomUUID()],
  ["crypto.getRandomValues", () => crypto.getRandomValues(new Uint8Array(1))],
  ["node:crypto randomBytes", () => nodeCrypto.randomBytes(1)],
  ["setTimeout", () => setTimeout(() => undefined)],
  ["setInterval", () => setInterval(() => undefined)],
  ["setImmediate", () => setImmediate(() => undefined)],
  ["queueMicrotask", () => queueMicrotask(() => undefined)],
  ["process.nextTick", () => process.nextTick(() => undefined)],
  ["AbortSignal.timeout", () => AbortSignal.timeout(1)],
  ["String.prototype.localeCompare", () => "a".localeCompare("b")],
  ["Number.prototype.toLocaleString", () => (1).toLocaleString()],
  ["Date.prototype.toLocaleDateString", () => new Date(0).toLocaleDateString()],
  ["Intl.Collator", () => new Intl.Collator()],
  ["Intl.DateTimeFormat", () => Intl.DateTimeFormat()],
  ["new WeakRef", () => new WeakRef({})],
  ["new FinalizationRegistry", () => new FinalizationRegistry(() => undefined)],
];

test.each(uses)("%s throws where it is used, and is told even if that is caught", (name, use) => {
  const { result, trips } = guarded(() => {
    try {
      return use();
    } catch {
      return "caught";
    }
  });
  expect(result).toBe("caught");
  expect(trips.map(({ what }) => what)).toEqual([name]);
  expect(trips[0]?.stack).toContain("dst.test.ts");
});

test("D2: afterwards everything is as it was, also after an exception", async () => {
  const places = [globalThis, Date, Math, process, performance, crypto, nodeCrypto, Intl] as const;
  const look = () => places.map((place) => Object.getOwnPropertyDescriptors(place));
  const before = look();
  expect(() => guarded(() => Date.now())).toThrow("a run may not use Date.now");
  expect(look()).toEqual(before);
  for (const [, use] of uses.filter(([name]) => !name.startsWith("set"))) use();
  expect(await new Promise((resolve) => setTimeout(resolve, 1, "later"))).toBe("later");
});

test("D3: dates may be computed with", () => {
  const { result, trips } = guarded(() => [
    new Date(0).toISOString(),
    Date.UTC(2026, 1, 28),
    Date.parse("2026-01-01T00:00:00Z"),
    new Date(5) instanceof Date,
    Math.max(1, 2),
    "a".toUpperCase(),
  ]);
  expect(result).toEqual([
    ...["1970-01-01T00:00:00.000Z", 1_772_236_800_000, 1_767_225_600_000, true, 2, "A"],
  ]);
  expect(trips).toEqual([]);
});

test("D2: a run on each store trips none of them", () => {
  for (const store of ["memory", "sqlite"] as const) {
    const plan = draw(at(0), { ...wishes(), store, operations: 30 });
    const { outcome } = examine(fakeLab(), plan, { hasTripwires: true });
    expect(outcome.failure).toBe(null);
  }
});

test("stretches cover every index once", () => {
  for (const [end, length] of [
    [0, 8],
    [1, 8],
    [2000, 8],
    [13, 5],
  ] as const) {
    const stretches = new Stretches(end, length);
    const indexes: number[] = [];
    for (let next = stretches.next(); next !== null; next = stretches.next()) {
      for (let index = next.from; index < next.to; index++) indexes.push(index);
    }
    expect(indexes).toEqual(Array.from({ length: end }, (_, index) => index));
  }
});

test.each([0, 1, 5, 33, 100])("%i percent are sampled of any hundred", (percent) => {
  for (const from of [0, 17, 100]) {
    const sampled = Array.from({ length: 100 }, (_, index) => isSampled(from + index, percent));
    expect(sampled.filter(Boolean).length).toBe(percent);
  }
});

type Swept = {
  readonly failed: readonly number[];
  readonly seeds: number;
  readonly rules: string[];
};

async function pooled(
  mishaps: Mishaps,
  { seeds = 12, jobs = 2, seedMaxMs = 20_000 } = {},
): Promise<Swept> {
  const stretches = new Stretches(seeds, 4);
  const tally = new Tally();
  const setup = {
    ...{ base, wishes: { ...wishes(), operations: 20 }, recheck: 0, wgl: null },
    ...{ commit: "", isJson: false, isDifferential: false },
  };
  await runPool({
    ...{ jobs, setup, seedMaxMs, labModule: bench(mishaps).labModule, stop: never },
    next: () => stretches.next(),
    onReport: (figures) => tally.merge(figures),
  });
  const { sums, failures } = tally.figures;
  const failed = failures.map(({ index }) => index).sort((left, right) => left - right);
  return { failed, seeds: sums.seeds, rules: failures.map(({ failure: { rule } }) => rule) };
}

test("D6: every index counts once, however many processes there are", async () => {
  expect(await pooled({}, { jobs: 3 })).toEqual({ failed: [], seeds: 12, rules: [] });
  expect(await pooled({ fail: [at(1), at(2), at(11)] })).toEqual({
    ...{ failed: [1, 2, 11], seeds: 12, rules: ["answer", "answer", "answer"] },
  });
});

test("D5, D6: a seed that ends its process is a failure, and the others count", async () => {
  const { failed, seeds, rules } = await pooled({ exit: [at(6)], fail: [at(1), at(7)] });
  expect({ failed, seeds }).toEqual({ failed: [1, 6, 7], seeds: 12 });
  expect(rules.toSorted()).toEqual(["answer", "answer", "process"]);
});

test("D5: a seed that does not end is a failure", async () => {
  const hanging = await pooled({ hang: [at(5)] }, { seedMaxMs: 1500 });
  expect(hanging).toEqual({ failed: [5], seeds: 12, rules: ["endless"] });
});

test.each(["idle", "in a loop without end"])(
  "D4: a worker that is %s ends with its parent",
  async (how) => {
    const { labModule } = bench(how === "idle" ? {} : { hang: [at(0)] });
    const parent = fork(new URL("parent.ts", import.meta.url), [labModule, base], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const [pid = 0]: number[] = await once(parent, "message");
    try {
      expect(isAlive(pid)).toBe(true);
      parent.kill("SIGKILL");
      await expect.poll(() => isAlive(pid), { timeout: 10_000, interval: 50 }).toBe(false);
    } finally {
      if (isAlive(pid)) process.kill(pid, "SIGKILL");
    }
  },
);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that nobody has waited for is still listed.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const args = ["--seed", `0x${at(0)}`, "--ops", "20"];

test("prints what was resolved, then one line", async () => {
  const { outside, texts } = streams();
  expect(await run(called(runFlags, [...args, "--print-ops"], outside), fakeLab())).toBe(0);
  expect(texts.stdout).toMatch(/^PASS seed=0x[^\n]+ sometimes=1\/2 wall=\d+ms\n$/);
  expect(texts.stderr).toMatch(/^options: seed=\S+ size=short .* ops=20 /);
  expect(texts.stderr).toMatch(/^limits: queueMax=\d+ /m);
  expect(texts.stderr.match(/^\{"key":/gm)?.length).toBe(20);
});

test("draws a seed if none is given, and prints it", async () => {
  const { outside, texts } = streams();
  await run(called(runFlags, ["--ops", "5"], outside), fakeLab());
  await run(called(runFlags, ["--ops", "5"], outside), fakeLab());
  const seeds = [...texts.stdout.matchAll(/seed=0x([0-9a-f]{16})/g)].map(([, seed]) => seed);
  expect(new Set(seeds).size).toBe(2);
  expect(randomSeed()).not.toBe(randomSeed());
});

test("says as JSON what it says in words", async () => {
  const { outside, texts } = streams();
  await run(called(runFlags, [...args, "--json"], outside), fakeLab());
  expect(JSON.parse(texts.stdout)).toMatchObject({
    verdict: "pass",
    seed: `0x${at(0)}`,
    ops: 20,
  });
});

test("writes records and a picture where it is told to", async () => {
  using place = directory();
  const { outside } = streams(place.path);
  const files = ["--trace", "records.ndjson", "--html", "deep/picture.html"];
  await run(called(runFlags, [...args, ...files], outside), fakeLab());
  const lines = readFileSync(join(place.path, "records.ndjson"), "utf8").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).kind)).toEqual(Array.from(lines, () => "call"));
  expect(readFileSync(join(place.path, "deep", "picture.html"), "utf8")).toMatch(/^<!doctype/i);
});

test("a failure leaves a report, a shrunk replay file and a picture, and both commands work", async () => {
  using place = directory();
  const { outside, texts } = streams(place.path);
  const lab = fakeLab({ fail: [at(0)] });
  expect(await run(called(runFlags, args, outside), lab)).toBe(1);
  const names = readdirSync(join(place.path, "dst", "failures")).sort();
  expect(names).toEqual([
    expect.stringMatching(/^W-[0-9a-f]{8}\.html$/),
    expect.stringMatching(/^W-[0-9a-f]{8}\.json$/),
  ]);
  const path = `dst/failures/${names[1]}`;
  expect(texts.stderr).toContain("safety: W answer: the answer is another one");
  expect(texts.stderr).toMatch(/20 -> \d intents/);
  expect(texts.stderr).toMatch(new RegExp(`node \\S+bin/resonate\\.js dst replay ${path}`));
  expect(texts.stderr).toMatch(/dst run --seed 0x\w+ --ops 20$/m);

  const again = streams(place.path);
  expect(await replay(called(replayFlags, [path], again.outside), lab)).toBe(1);
  expect(again.texts.stdout).toMatch(/^FAIL class=safety oracle=W rule=answer /);
  expect(again.texts.stderr).toContain("the same run as that");
  expect(await replay(called(replayFlags, [path], again.outside), fakeLab())).toBe(0);
  expect(again.texts.stderr).toContain("stale: it no longer fails");
  const stalls = fakeLab({ stall: [at(0)] });
  expect(await replay(called(replayFlags, [path], again.outside), stalls)).toBe(3);
  expect(again.texts.stderr).toContain("it fails with V due");
});

test("with --no-shrink the file holds all of it", async () => {
  using place = directory();
  const { outside } = streams(place.path);
  const lab = fakeLab({ fail: [at(0)] });
  const more = ["--no-shrink", "--out", "here"];
  await run(called(runFlags, [...args, ...more], outside), lab);
  const [name = ""] = readdirSync(join(place.path, "here")).filter((each) => /json$/.test(each));
  const file = JSON.parse(readFileSync(join(place.path, "here", name), "utf8"));
  expect(file.plan.intents.length).toBe(20);
});

test("a file that is missing or damaged is a mistake in the command line", async () => {
  using place = directory();
  writeFileSync(join(place.path, "bad.json"), '{"format":1}');
  const { outside, texts } = streams(place.path);
  for (const words of [[], ["none.json"], ["bad.json"]]) {
    expect(await replay(called(replayFlags, words, outside), fakeLab())).toBe(2);
  }
  expect(texts.stderr.split("\n")).toEqual([
    "resonate dst replay: a replay file is needed",
    "resonate dst replay: none.json: cannot be read: ENOENT",
    expect.stringMatching(/^resonate dst replay: bad\.json: .+/),
    "",
  ]);
  expect(await shrink(called(shrinkFlags, [], outside), fakeLab())).toBe(2);
});

test("shrink takes a seed or the file that came of it", async () => {
  using place = directory();
  const { outside, texts } = streams(place.path);
  const lab = fakeLab({ fail: [at(0)] });
  const words = ["--seed", `0x${at(0)}`, "--ops", "40"];
  expect(await shrink(called(shrinkFlags, words, outside), lab)).toBe(1);
  const path = texts.stdout.trim();
  expect(path).toMatch(/^dst\/failures\/W-[0-9a-f]{8}\.json$/);
  expect(await shrink(called(shrinkFlags, [path], outside), lab)).toBe(1);
  expect(texts.stdout.trim().split("\n")).toEqual([path, path]); // it was as small as it gets
  expect(await shrink(called(shrinkFlags, words, outside), fakeLab())).toBe(0);
  expect(texts.stderr).toContain("nothing to shrink");
});

const fuzzWords = ["--from", "7", "--ops", "20", "--jobs", "2"];
const fuzzed = async (mishaps: Mishaps, more: readonly string[], interrupt = never) => {
  const place = directory();
  const { outside, texts } = streams(place.path);
  const call = called(fuzzFlags, [...fuzzWords, ...more], outside);
  try {
    const code = await fuzz(call, bench(mishaps), interrupt);
    return { code, ...texts };
  } finally {
    place[Symbol.dispose]();
  }
};

test("runs as many seeds as it is told, and sums up", async () => {
  const { code, stdout, stderr } = await fuzzed({}, ["--seeds", "40", "--recheck", "10"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^40 seeds, 0 failed, [\d.]+ s with 2 processes\n/);
  expect(stdout).toContain("checked: 4 run twice");
  expect(stderr).toMatch(/^options: seeds=40 .* from=0x0000000000000007 /);
  expect(stderr).toMatch(/^40\/40 █{11} /m);
});

test("stops after the first failure, reports it, and takes its class", async () => {
  const { code, stdout, stderr } = await fuzzed({ stall: [at(3)] }, ["--seeds", "4000"]);
  expect(code).toBe(3);
  expect(stdout).toContain(`FAIL class=liveness oracle=V rule=due seed=0x${at(3)} `);
  expect(Number(/^(\d+) seeds, 1 failed/m.exec(stdout)?.[1])).toBeLessThan(1000);
  expect(stderr).toContain(`dst run --seed 0x${at(3)} --ops 20`);
});

test("goes on if it may, and takes the worst class", async () => {
  const mishaps = { stall: [at(0)], fail: [at(9)], exit: [at(21)], throw: [at(30)] };
  const { code, stdout } = await fuzzed(mishaps, ["--seeds", "32", "--stop-after", "9"]);
  expect(code).toBe(5);
  expect(stdout).toContain("32 seeds, 4 failed");
  expect(stdout.match(/seed=0x[0-9a-f]{16}/g)).toEqual(
    [at(0), at(9), at(21), at(30)].map((seed) => `seed=0x${seed}`),
  );
});

test("a seed that is another run the second time is not deterministic", async () => {
  const { code, stdout, stderr } = await fuzzed({ waver: [at(2)] }, [
    "--seeds",
    "8",
    "--recheck",
    "100",
  ]);
  expect(code).toBe(4);
  expect(stdout).toContain("FAIL class=determinism oracle=H rule=trace");
  expect(stderr).toContain("another one the second time");
});

test("tripwires are armed", async () => {
  const { code, stdout } = await fuzzed({ clock: [at(2)] }, ["--seeds", "8"]);
  expect({ code, stdout }).toEqual({ code: 4, stdout: expect.stringContaining("rule=tripwire") });
});

test("with --json each seed is a line, and the sums are the last one", async () => {
  const { stdout } = await fuzzed({ fail: [at(1)] }, [
    "--seeds",
    "6",
    "--json",
    "--stop-after",
    "2",
  ]);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.length).toBe(7);
  expect(new Set(lines.slice(0, 6).map(({ seed }) => seed)).size).toBe(6);
  expect(lines.filter(({ verdict }) => verdict === "fail").map(({ seed }) => seed)).toEqual([
    `0x${at(1)}`,
  ]);
  expect(lines[6]).toMatchObject({ seeds: 6, failed: 1 });
});

test("when interrupted it says what it has, and with 6 that it is not all", async () => {
  const interrupt = new AbortController();
  setTimeout(() => interrupt.abort(), 700);
  const { code, stdout } = await fuzzed({}, ["--seeds", "10000000"], interrupt.signal);
  expect(code).toBe(6);
  expect(stdout).toMatch(/^interrupted after \d+ seeds, 0 failed/);
});

test("with --floors a fuzz that has not seen enough is inconclusive", async () => {
  const { code, stderr } = await fuzzed({}, ["--seeds", "1000", "--ops", "1", "--floors"]);
  expect(code).toBe(6);
  expect(stderr).toContain("MISSED never: seldom\n");
  expect(stderr).not.toContain("never: often");
});

test("first runs the corpus, if it is told where that is", async () => {
  using place = directory();
  const { outside, texts } = streams(place.path);
  const lab = fakeLab({ fail: [at(0)] });
  await shrink(called(shrinkFlags, ["--seed", `0x${at(0)}`, "--out", "corpus"], outside), lab);
  const more = ["--seeds", "1", "--from", "8", "--corpus", "corpus"];
  const again = bench({ fail: [at(0)] });
  expect(await fuzz(called(fuzzFlags, [...fuzzWords, ...more], outside), again, never)).toBe(1);
  expect(texts.stdout).toContain('FAIL class=safety oracle=W rule="answer" file=corpus/W-');
  expect(await fuzz(called(fuzzFlags, [...fuzzWords, ...more], outside), bench(), never)).toBe(0);
  expect(texts.stderr).toContain("corpus: 1 files, 0 failed");
  const nowhere = called(fuzzFlags, [...fuzzWords, "--corpus", "none"], outside);
  expect(await fuzz(nowhere, bench(), never)).toBe(2);
});

const checkWords = ["--seed", `0x${at(0)}`, "--ops", "3000"];
const checked = async (mishaps: Mishaps, more: readonly string[] = []) => {
  const { outside, texts } = streams();
  const call = called(determinismFlags, [...checkWords, ...more], outside);
  return { code: await determinism(call, bench(mishaps)), ...texts };
};

test("the same run everywhere is a line for each check", async () => {
  const more = ["--seeds", "2", "--fresh", "--perturb", "hash-seed-12345,locale"];
  const { code, stdout } = await checked({}, more);
  expect({ code, lines: stdout.trimEnd().split("\n") }).toEqual({
    code: 0,
    lines: [
      'SAME seeds=2 check="twice"',
      'SAME seeds=2 check="memory and sqlite"',
      'SAME seeds=2 check="fresh process, alone"',
      'SAME seeds=2 check="fresh process, one after the other"',
      'SAME seeds=2 check="hash-seed-12345"',
      'SAME seeds=2 check="locale"',
    ],
  });
});

test("another run is shown by its first record that differs", async () => {
  const { code, stdout } = await checked({ waver: [at(0)] }, ["--seeds", "1"]);
  expect(code).toBe(1); // on another store, too
  expect(stdout).toMatch(/^DIFFERENT seeds=1 check="twice"\n {2}seed=0x\w+ at record 1500\n/);
  const [, , left = "", right = ""] = stdout.split("\n");
  expect(JSON.parse(left).entity).toBe(JSON.parse(right).entity);
  expect(left).not.toBe(right);
});

test("a store that differs is found", async () => {
  const { code, stdout } = await checked({ differ: [at(0)] }, ["--seeds", "1"]);
  expect(code).toBe(1);
  expect(stdout).toContain('SAME seeds=1 check="twice"');
  expect(stdout).toContain('DIFFERENT seeds=1 check="memory and sqlite"');
  const { outside, texts } = streams();
  const from = ["--from", "7", "--seeds", "4", "--ops", "50"];
  const call = called(diffFlags, from, outside);
  expect(await diff(call, bench({ differ: [at(3)] }))).toBe(1);
  expect(texts.stdout).toContain(`seed=0x${at(3)} at record 25`);
  expect(await diff(call, bench())).toBe(0);
  const probed = called(diffFlags, [...from, "--faults", "probe"], outside);
  expect(await diff(probed, bench())).toBe(0); // what differs by store is left out
  expect(await diff(called(diffFlags, ["--stores", "sqlite"], outside), bench())).toBe(2);
});

test("a hash that differs where no record does is told as that", async () => {
  const plan = draw(at(0), { ...wishes(), operations: 30 });
  const site = new Here(fakeLab());
  const other = {
    hash: async () => ({ ...(await site.hash(plan)), trace: "f".repeat(16) }),
    records: () => site.records(plan, { from: 0, to: 1000 }),
    end: () => undefined,
  };
  const difference = await compare({ site, plan }, { site: other, plan });
  expect(difference).toMatchObject({ record: null, right: "f".repeat(16) });
});

test("a process that ends is a difference, and the next seed has another one", async () => {
  const more = ["--seeds", "2", "--perturb", "no-opt", "--ops", "20"];
  const lab = bench();
  const gone = { ...lab, labModule: bench({ exit: [at(0)] }).labModule };
  const { outside, texts } = streams();
  expect(await determinism(called(determinismFlags, [...checkWords, ...more], outside), gone)).toBe(
    4,
  );
  expect(texts.stdout).toMatch(
    /DIFFERENT seeds=2 check="no-opt"\n {2}seed=\S+ the process ended with exit code 9\n$/,
  );
});

test("a flag that this engine does not know is skipped, with its reason", () => {
  const { outside, texts } = streams();
  const unknown = { name: "no-such", flags: ["--no-such-flag"], environment: {} };
  expect(isKnown(unknown, outside)).toBe(false);
  expect(texts.stdout).toMatch(/^SKIPPED check="no-such" reason=".*bad option: --no-such-flag"\n$/);
  expect(isKnown({ name: "tz", flags: [], environment: { TZ: "Asia/Kolkata" } }, outside)).toBe(
    true,
  );
});

const mutant = (name: string, seedsMax = 50): Mutant => ({
  ...{ name, fault: "none", file: "kernel/ids.ts", find: "a", replace: "b", seedsMax },
  ...{ oracles: ["W"], flags: ["--ops", "20"] },
});
const hunted = async (wanted: readonly (readonly [Mutant, Mishaps | null])[], seeds = 12) => {
  const { outside, texts } = streams();
  const optionsOf = ({ name }: Mutant) => {
    const mishaps = wanted.find(([each]) => each.name === name)?.[1] ?? null;
    return { labModule: bench(mishaps ?? { refuse: [""] }).labModule };
  };
  const hunt = { base, seeds, jobs: 2, isJson: false, optionsOf };
  const code = await huntAll(
    wanted.map(([each]) => each),
    hunt,
    outside,
  );
  return { code, lines: texts.stdout.trimEnd().split("\n").toSorted() };
};

test("each is found by an oracle that is named for it, and how soon is told", async () => {
  const soon = [mutant("soon"), { fail: [at(0)] }] as const;
  const later = [mutant("later"), { stall: [at(2)], fail: [at(4)] }] as const;
  expect(await hunted([soon, later])).toEqual({
    code: 0,
    lines: [
      "2 of 2 planted bugs found, 100% within 50 seeds, median 5",
      'FOUND  later seeds=5 oracle=W rule="answer" expected=W before=V@3',
      'FOUND  soon seeds=1 oracle=W rule="answer" expected=W',
    ],
  });
});

test("one that is not found, found late, found by others only, or stale, is inconclusive", async () => {
  const { code, lines } = await hunted([
    [mutant("never"), {}],
    [mutant("late", 3), { fail: [at(6)] }],
    [mutant("others"), { exit: [at(1)] }],
    [mutant("stale"), null],
  ]);
  expect(code).toBe(6);
  expect(lines).toEqual([
    "0 of 4 planted bugs found, 0% within 50 seeds, median -",
    'LATE   late seeds=7 oracle=W rule="answer" expected=W within=3',
    "MISSED never expected=W",
    "MISSED others expected=W before=A@2",
    "STALE  stale expected=W",
    expect.stringMatching(/^not found: /),
  ]);
});

const countersOf = (seeds: number, counters: readonly (readonly [string, number])[]) => {
  const { figures: all } = new Tally();
  return { ...all, sums: { ...all.sums, seeds }, counters: new Map(counters) };
};

test("floors are for a thousand seeds, and what must be seen has its number of seeds", () => {
  const floors = new Map([
    ["kill", 100],
    ["crash", 50],
  ]);
  const assertions = new Map([
    ["soon", 200],
    ["late", 1000],
  ]);
  const counted = countersOf(500, [["kill", 50]]);
  expect(shortfalls(counted, floors, assertions)).toEqual(["crash: 0, at least 25", "never: soon"]);
  const seen = countersOf(100, [
    ["kill", 10],
    ["crash", 5],
  ]);
  expect(shortfalls(seen, floors, assertions)).toEqual([]);
});

test("new floors are half of what was counted, unless chance alone could halve it", () => {
  const text = floorsText(
    countersOf(500, [
      ["kill", 100],
      ['a "crash"', 50],
      ["rare", 49],
    ]),
  );
  expect(text.split("\n").slice(-5)).toEqual([
    "export const floors: ReadonlyMap<string, number> = new Map([",
    '  ["a \\"crash\\"", 50],',
    '  ["kill", 100],',
    "]);",
    "",
  ]);
});

test("counts are printed, and what is missed is inconclusive", async () => {
  const { outside, texts } = streams();
  const words = ["--seeds", "10", "--from", "7", "--ops", "20", "--jobs", "1"];
  const call = called(coverageFlags, words, outside);
  expect(await coverage(call, bench(), never, new Map([["intents", 20_000]]))).toBe(0);
  expect(texts.stdout).toContain("       200  intents\n");
  expect(texts.stdout).toContain("        10  often\n");
  expect(await coverage(call, bench(), never, new Map([["intents", 20_100]]))).toBe(6);
  expect(texts.stdout).toContain("MISSED intents: 200, at least 201\n");
});

test("each stage is a line, the rest goes to standard error, and the worst code counts", async () => {
  const { outside, texts } = streams("/");
  const stage = (name: string, code: 0 | 1 | 6) => ({
    ...{ name, words: [name, "--seeds", "5"] },
    run: async ({ stdout }: Outside) => {
      stdout.write(`${name} says more\n`);
      return code;
    },
  });
  const stages = [stage("fuzz", 0), stage("mutants", 6), stage("diff", 1)];
  expect(await runStages(stages, outside, never)).toBe(1);
  expect(texts.stdout.split("\n")).toEqual([
    expect.stringMatching(/^PASS fuzz exit=0 seconds=[\d.]+ {2}node \S+ dst fuzz --seeds 5$/),
    expect.stringMatching(/^FAIL mutants exit=6 /),
    expect.stringMatching(/^FAIL diff exit=1 /),
    "",
  ]);
  expect(texts.stderr).toBe("fuzz says more\nmutants says more\ndiff says more\n");
  expect(await runStages([stage("fuzz", 0)], outside, AbortSignal.abort())).toBe(6);
});

const aimed = scripts.slice(0, 2);
const systematicOf = async (mishaps: Mishaps, words: readonly string[]) => {
  using place = directory();
  const { outside, texts } = streams(place.path);
  const call = called(systematicFlags, words, outside);
  return { code: await systematic(call, bench(mishaps), aimed), ...texts };
};

test("scripts are run one by one, and what fails is pursued as anywhere", async () => {
  const zero = "0".repeat(16); // the seed of all scripts
  const [first = "", second = ""] = aimed.map(({ name }) => name);
  const fine = await systematicOf({}, []);
  expect({ code: fine.code, lines: fine.stdout.split("\n") }).toEqual({
    code: 0,
    lines: [
      `PASS runs=1 failed=0 pairs=no script="${first}"`,
      `PASS runs=1 failed=0 pairs=no script="${second}"`,
      "2 scripts, 2 runs, 0 failed",
      "",
    ],
  });
  const { code, stdout, stderr } = await systematicOf({ fail: [zero] }, ["--script", first]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^FAIL runs=1 failed=1 .*\n1 scripts, 1 runs, 1 failed\n$/);
  expect(stderr).toContain(`"${first}" fails with nothing`);
  expect(stderr).toMatch(/dst replay dst\/failures\/W-\w+\.json/);
  const unknown = await systematicOf({}, ["--script", "none"]);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain(`--script is "none"; expected one of:\n  ${first}\n`);
});

test("four commits in a row plant every bug once", () => {
  const all = Array.from({ length: 10 }, (_, index) => ({ name: `${index}` }) as Mutant); // no more is looked at
  const parts = [4, 5, 6, 7].flatMap((seed) => quarter(all, seedOf(`${seed}`)));
  expect(new Set(parts).size).toBe(10);
  expect(parts.length).toBe(10);
});

test("just the seeds that lie must fail", async () => {
  const lying = Array.from({ length: 150 }, (_, index) => at(index)).filter((seed) => {
    return BigInt(`0x${seed}`) % 100n === 0n;
  });
  expect(lying.length).toBeGreaterThan(0);
  const tried = async (mishaps: Mishaps) => {
    const { outside, texts } = streams();
    const options = { base, jobs: 2, bench: bench(mishaps), interrupt: never };
    const sized = { seeds: 150, words: ["--ops", "20"] };
    return { code: await canaries(options, sized, outside), stderr: texts.stderr };
  };
  expect(await tried({})).toMatchObject({ code: 0 });
  const other = at(0);
  const { code, stderr } = await tried({ stall: [other] });
  expect(code).toBe(1);
  expect(stderr).toContain("0 of them did not fail, 1 others did");
  expect(stderr).toContain(`0x${other}`);
  expect(await tried({ silent: lying.slice(0, 1) })).toMatchObject({ code: 1 });
}, 60_000);

const realWords = ["dst", "run", "--seed", "3", "--ops", "40", "--faults", "none", "--nodes", "1"];

test("npm run dst runs a real seed", () => {
  const { scripts } = JSON.parse(readFileSync(join(launcher, "..", "..", "package.json"), "utf8"));
  expect(scripts.dst).toBe("node bin/resonate.js dst");
  const { status, stdout } = spawnSync(process.execPath, [launcher, ...realWords], {
    encoding: "utf8",
  });
  expect(stdout).toMatch(/^PASS seed=0x0000000000000003 .* ops=\d+ .*\n$/);
  expect(status).toBe(0);
});

test("Ctrl-C ends a fuzz with its summary and 6", async () => {
  const args = [launcher, "dst", "fuzz", "--seeds", "1000000", "--ops", "20", "--from", "3"];
  const bounds = { timeout: 20_000, killSignal: "SIGKILL" } as const;
  const running = promisify(execFile)(process.execPath, [...args, "--jobs", "1"], bounds);
  const { child } = running;
  let text = "";
  await new Promise<void>((resolve) => {
    child.stderr?.on("data", (chunk) => {
      text += chunk;
      if (text.includes("options:")) setTimeout(resolve, 1500);
    });
  });
  child.kill("SIGINT");
  const ended: unknown = await running.catch((error: unknown) => error);
  expect(ended).toMatchObject({
    ...{ code: 6, stdout: expect.stringMatching(/^interrupted after \d+ seeds/) },
  });
});
