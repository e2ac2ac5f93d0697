// The flags of each command of `resonate dst`, as data (simulation.md §8). Those that shape a world are
// shared: a world is told in the same words whoever runs it.

import { choice, duration, text, toggle } from "../kinds.ts";
import type { Flags } from "./flags.ts";
import {
  faults,
  limits,
  names,
  operationsMax,
  origin,
  percent,
  range,
  seed,
  whole,
} from "./kinds.ts";
import { perturbationNames } from "./perturbations.ts";

/** Enough for any figure, and few enough to be counted. Arbitrary. */
const seedsMax = 100_000_000;

/** More than any machine that would run this. Arbitrary. */
const jobsMax = 256;

const off = { kind: toggle, usual: "false" } as const;
const seeds = (usual: string) => {
  return { kind: whole("count", 1, seedsMax), usual, meaning: "how many seeds are run" } as const;
};

export const worldFlags = {
  size: {
    kind: choice(["short", "long"]),
    usual: "short",
    meaning: "how much happens: about 1300 operations, or 13000",
  },
  store: {
    kind: choice(["memory", "sqlite", "postgres"]),
    usual: "memory",
    meaning: "the store beneath the nodes",
  },
  nodes: { kind: range(1, 16), usual: "1:3", meaning: "server processes that share it" },
  clients: { kind: range(1, 1000), usual: null, meaning: "clients that send requests; drawn" },
  ops: {
    kind: whole("count", 1, operationsMax),
    usual: null,
    meaning: "what the clients mean to do; instead of --size",
  },
  policy: {
    kind: choice(["fifo", "lifo", "random", "starve", "pct"]),
    usual: null,
    meaning: "who goes first of those that could act at the same millisecond; drawn",
  },
  faults: { kind: faults, usual: "drawn", meaning: "what goes wrong, by group or by name" },
  limits: { kind: limits, usual: null, meaning: "bounds of the kernel; drawn" },
  canary: {
    ...off,
    meaning: "the model lies on every hundredth seed, so these must fail",
  },
} as const satisfies Flags;

const tripwires = {
  ...off,
  meaning: "reading a clock, entropy or a timer during a run is an error",
} as const;
const json = { ...off, meaning: "one JSON object a line instead of text" } as const;
const out = {
  kind: text("folder"),
  usual: "dst/failures",
  meaning: "where replay files and pictures of failures are written",
} as const;
const noShrink = { ...off, meaning: "leave a failing run as large as it is" } as const;
const jobs = { kind: whole("count", 1, jobsMax), usual: null, meaning: "processes; one per core" };
const from = {
  kind: origin,
  usual: null,
  meaning: "where the range of seeds begins; the current commit if there is one",
} as const;
const wgl = {
  kind: percent,
  usual: null,
  meaning: "share of seeds whose history is searched as well; the seed decides, 5% of them do",
} as const;
const budget = { kind: duration, usual: "60s", meaning: "the longest that shrinking may take" };
const files = {
  trace: { kind: text("file"), usual: null, meaning: "every record of the run, a line each" },
  html: { kind: text("file"), usual: null, meaning: "a picture of the run, in one file" },
} as const;

export const runFlags = {
  seed: { kind: seed, usual: null, meaning: "names the world; a random one is drawn and printed" },
  ...worldFlags,
  wgl,
  tripwires,
  ...files,
  noShrink,
  budget,
  out,
  printOps: { ...off, meaning: "print what the clients mean to do" },
  json,
} as const satisfies Flags;

export const fuzzFlags = {
  seeds: seeds("2000"),
  minutes: {
    kind: whole("count", 1, 7 * 24 * 60),
    usual: null,
    meaning: "run for so long, instead of so many seeds",
  },
  from,
  ...worldFlags,
  jobs,
  stopAfter: {
    kind: whole("count", 1, 1000),
    usual: "1",
    meaning: "stop once so many seeds have failed",
  },
  recheck: { kind: percent, usual: "5", meaning: "share of seeds that are run twice" },
  wgl,
  corpus: { kind: text("folder"), usual: null, meaning: "replay files that are run first" },
  floors: { ...off, meaning: "enough must have been seen, as for coverage" },
  noShrink,
  budget,
  out,
  json,
} as const satisfies Flags;

export const replayFlags = { tripwires, ...files, json } as const satisfies Flags;

export const shrinkFlags = {
  seed: { kind: seed, usual: null, meaning: "the failing run, instead of a replay file" },
  ...worldFlags,
  wgl,
  tripwires,
  budget,
  out,
} as const satisfies Flags;

export const determinismFlags = {
  seed: { kind: seed, usual: null, meaning: "the first seed; the current commit if there is one" },
  seeds: seeds("3"),
  perturb: {
    kind: names("all|name,...", ["all", ...perturbationNames]),
    usual: null,
    meaning: "run again in processes that differ by what must not matter",
  },
  fresh: { ...off, meaning: "run again in a new process, alone and after the others" },
  ...worldFlags,
} as const satisfies Flags;

export const diffFlags = {
  seeds: seeds("100"),
  from,
  stores: {
    kind: names("name,...", ["memory", "sqlite", "postgres"]),
    usual: "memory,sqlite",
    meaning: "the stores that must agree",
  },
  ...worldFlags,
} as const satisfies Flags;

export const mutantsFlags = {
  only: { kind: names<string>("name,...", []), usual: null, meaning: "planted bugs; all of them" },
  seeds: seeds("200"),
  from,
  jobs,
  json,
} as const satisfies Flags;

export const coverageFlags = {
  seeds: seeds("1000"),
  from,
  ...worldFlags,
  jobs,
  out,
  updateFloors: { ...off, meaning: "write dst/floors.ts anew, at half of what was counted" },
} as const satisfies Flags;

export const systematicFlags = {
  script: { kind: text("name"), usual: null, meaning: "only this one" },
  pairs: { ...off, meaning: "two blows in one run, too, in the five shortest scripts" },
  noShrink,
  budget,
  out,
} as const satisfies Flags;

export const gateFlags = { from, jobs, out } as const satisfies Flags;
