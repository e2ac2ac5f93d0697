// `resonate dst`: its commands, each a row with its flags and with the code that runs when it is
// called (simulation.md §8).

import type { Command } from "../command.ts";
import { dstCommand } from "./flags.ts";
import {
  coverageFlags,
  determinismFlags,
  diffFlags,
  fuzzFlags,
  gateFlags,
  mutantsFlags,
  replayFlags,
  runFlags,
  shrinkFlags,
  systematicFlags,
} from "./tables.ts";

export const dstCommands: readonly Command[] = [
  dstCommand({
    name: "dst run",
    summary: "runs one seed and says everything about it",
    operand: null,
    flags: runFlags,
    load: async () => (await import("./run.ts")).run,
  }),
  dstCommand({
    name: "dst fuzz",
    summary: "runs many seeds, in one process per core",
    operand: null,
    flags: fuzzFlags,
    load: async () => (await import("./fuzz.ts")).fuzz,
  }),
  dstCommand({
    name: "dst replay",
    summary: "runs again what a replay file holds",
    operand: "file",
    flags: replayFlags,
    load: async () => (await import("./replay.ts")).replay,
  }),
  dstCommand({
    name: "dst shrink",
    summary: "makes a failing run smaller, from a replay file or from its seed",
    operand: "file",
    flags: shrinkFlags,
    load: async () => (await import("./replay.ts")).shrink,
  }),
  dstCommand({
    name: "dst determinism",
    summary: "checks that a seed is the same run wherever it runs",
    operand: null,
    flags: determinismFlags,
    load: async () => (await import("./determinism.ts")).determinism,
  }),
  dstCommand({
    name: "dst diff",
    summary: "checks that seeds are the same runs on every store",
    operand: null,
    flags: diffFlags,
    load: async () => (await import("./determinism.ts")).diff,
  }),
  dstCommand({
    name: "dst mutants",
    summary: "checks that the bugs which are planted for it are found",
    operand: null,
    flags: mutantsFlags,
    load: async () => (await import("./mutants.ts")).mutants,
  }),
  dstCommand({
    name: "dst coverage",
    summary: "counts what many seeds come upon, and demands enough of each",
    operand: null,
    flags: coverageFlags,
    load: async () => (await import("./coverage.ts")).coverage,
  }),
  dstCommand({
    name: "dst systematic",
    summary: "injures short scripts at every place where they can be injured",
    operand: null,
    flags: systematicFlags,
    load: async () => (await import("./systematic.ts")).systematic,
  }),
  dstCommand({
    name: "dst gate",
    summary: "runs what every change must pass",
    operand: null,
    flags: gateFlags,
    load: async () => (await import("./gate.ts")).gate,
  }),
];

/** Without a further word it is the gate. */
export const dst: Command = {
  name: "dst",
  summary: "simulates the server to find bugs; its commands: resonate dst --help",
  help,
  run: async (args, outside) => {
    const [first = ""] = args;
    if (first === "--help" || first === "-h" || first === "help") {
      outside.stdout.write(help());
      return 0;
    }
    const gate = dstCommands.find(({ name }) => name === "dst gate");
    if ((first === "" || first.startsWith("-")) && gate !== undefined) {
      return gate.run(args, outside);
    }
    outside.stderr.write(`resonate dst: unknown command "${first}"\n\n${help()}`);
    return 2;
  },
};

function help(): string {
  const width = Math.max(...dstCommands.map(({ name }) => name.length));
  return [
    "Usage: resonate dst [command] [flags]",
    "",
    "Runs the server in a simulated world, where a seed decides all that happens. Without a command",
    "it is the gate.",
    "",
    ...dstCommands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "Exit codes: 0 passed, 1 safety, 2 usage, 3 liveness, 4 determinism, 5 crash, 6 inconclusive.",
    "",
  ].join("\n");
}
