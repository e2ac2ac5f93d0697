// Bugs that we had: each left a shrunk replay file, named after the planted bug that brings it back. The
// server of today runs it to the end; with the bug planted, the very rule is broken again.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { throughCodecs } from "../../bin/dst/codec.ts";
import { decodeReplay } from "../../dst/replay.ts";
import { simulate } from "../../dst/run.ts";
import { MemoryStore } from "../../store/memory.ts";

const root = join(import.meta.dirname, "../..");
const corpus = join(root, "test/corpus");
const files = readdirSync(corpus);

function read(name: string) {
  const replay = decodeReplay(readFileSync(join(corpus, name), "utf8"));
  if ("error" in replay) throw new Error(replay.error);
  return replay;
}

test("corpus: it has files", () => {
  expect(files.length).toBeGreaterThan(1);
});

test.each(files)("corpus: %s breaks no rule any more", (name) => {
  const { plan, choices } = read(name);
  const { failure } = simulate(plan, {
    ...{ openStore: (probe) => new MemoryStore(probe), choices: new Map(choices) },
    ...{ onRecord: null, onChoices: null, codec: throughCodecs },
  });
  expect(failure).toBe(null);
});

test.each(files)(
  "corpus: %s breaks the same rule with its bug planted",
  (name) => {
    const { expected } = read(name);
    const replay = ["dst", "replay", join(corpus, name)];
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", "./bin/dst/plant.ts", "bin/resonate.ts", ...replay],
      {
        cwd: root,
        encoding: "utf8",
        env: { ...process.env, RESONATE_MUTANT: name.replace(".json", "") },
      },
    );
    expect(stdout + stderr).toMatch(
      new RegExp(`oracle=${expected.oracle} rule="?${expected.rule}"?`),
    );
  },
  30_000,
);
