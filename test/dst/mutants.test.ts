// The planted bugs, as data: each fits its file and leaves a program. And their planting: it changes
// what a process does, and nothing on the disk. That each is found is for `resonate dst mutants`.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Edit, editsOf, mutants, planted } from "../../dst/mutants.ts";

const root = join(import.meta.dirname, "..", "..");
const plant = join(root, "bin", "dst", "plant.ts");

/** A process in which the bug is planted before the script runs. */
function run(mutant: string, script: string) {
  const env = { ...process.env, RESONATE_MUTANT: mutant };
  const args = ["--import", plant, "--input-type=module", "--eval", script];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    ...{ cwd: root, env, encoding: "utf8" },
  });
  return { status, stdout, stderr };
}

test("planted bugs have names of their own, oracles that find them, and a bound", () => {
  expect(mutants.length).toBeGreaterThan(45);
  const names = mutants.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, fault, oracles, seedsMax } of mutants) {
    expect(name).toMatch(/^[a-z]+[a-z0-9]*(-[a-z0-9]+)+$/);
    expect(fault, name).toMatch(/^\S.*\.$/);
    expect(oracles, name).not.toEqual([]);
    expect(seedsMax, name).toBeLessThanOrEqual(200);
  }
});

test("what a planted bug replaces stands in its file exactly once", () => {
  const texts = new Map<string, string>();
  const stale = mutants.flatMap((mutant) => {
    return editsOf(mutant).flatMap(({ file, find, replace }) => {
      const text = texts.get(file) ?? readFileSync(join(root, file), "utf8");
      texts.set(file, text);
      const count = text.split(find).length - 1;
      return count === 1 && replace !== find ? [] : [`${mutant.name}: ${count} in ${file}`];
    });
  });
  expect(stale).toEqual([]);
  expect(texts.size).toBeGreaterThan(10);
});

test("bugs are planted in what a simulation runs, and not in what plants them", () => {
  const files = new Set(mutants.flatMap((mutant) => editsOf(mutant).map(({ file }) => file)));
  for (const file of files) {
    expect(file).toMatch(/^(kernel|store|dst|aio|api|api\/rpc)\/[a-z-]+\.ts$/);
    expect(["dst/mutants.ts", "dst/verdict.ts"]).not.toContain(file);
  }
});

test("a planted bug leaves a module that loads", { timeout: 60_000 }, () => {
  const script = `
    import { readFileSync } from "node:fs";
    import { registerHooks } from "node:module";
    import { pathToFileURL } from "node:url";
    import { editsOf, mutants, planted } from "./dst/mutants.ts";
    const here = pathToFileURL("./").href;
    registerHooks({
      load(url, context, nextLoad) {
        const { searchParams, pathname } = new URL(url);
        const mutant = mutants.find(({ name }) => name === searchParams.get("mutant"));
        if (mutant === undefined) return nextLoad(url, context);
        const edits = editsOf(mutant).filter(({ file }) => url.startsWith(here + file));
        const source = planted(readFileSync(pathname, "utf8"), edits);
        return { format: "module-typescript", source, shortCircuit: true };
      },
    });
    let count = 0;
    for (const mutant of mutants) {
      for (const { file } of editsOf(mutant)) {
        try {
          await import(here + file + "?mutant=" + mutant.name);
          count += 1;
        } catch (error) {
          console.log(mutant.name, file, error.message);
        }
      }
    }
    console.log(count);
  `;
  const args = ["--input-type=module", "--eval", script];
  const { stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  expect(stdout).toBe(`${mutants.flatMap(editsOf).length}\n`);
});

test("a planted bug changes what a process does", () => {
  const script = `
    import { isDue } from "./kernel/ids.ts";
    import { timeout } from "./kernel/promise.ts";
    const promise = { kind: "pending", timeoutAt: 5n, tags: new Map([["resonate:timer", "true"]]) };
    console.log(isDue(5n, 5), timeout(promise, 5)?.outcome, timeout(promise, 6)?.outcome);
  `;
  expect(run("key-absent-matches", script).stdout).toBe("true resolved resolved\n");
  expect(run("timer-tag-ignored", script).stdout).toBe("true timedout timedout\n");
  expect(run("deadline-off-by-one", script).stdout).toBe("true undefined resolved\n");
});

test("a planted bug is inherited by the processes and threads of the program", () => {
  const script = `
    import { execFileSync } from "node:child_process";
    import { Worker } from "node:worker_threads";
    const asked = \`
      import { matches } from "./kernel/search.ts";
      console.log(matches("a*", "b"));
    \`;
    const args = [...process.execArgv.slice(0, 2), "--input-type=module", "--eval", asked];
    process.stdout.write(execFileSync(process.execPath, args));
    new Worker(asked, { eval: true });
  `;
  expect(run("search-prefix-ignored", script).stdout).toBe("true\ntrue\n");
  expect(run("timer-tag-ignored", script).stdout).toBe("false\nfalse\n");
});

test("a planted source is neither written into the compile cache nor read from it", () => {
  const script = `
    import { constants, enableCompileCache } from "node:module";
    const { status } = enableCompileCache("/tmp/never-made");
    console.log(status === constants.compileCacheStatus.DISABLED);
  `;
  expect(run("timer-tag-ignored", script).stdout).toBe("true\n");
});

test("a bug that is not known is not planted, and nothing runs", () => {
  const ran = run("nothing-known", 'console.log("ran")');
  expect(ran.status).toBe(6);
  expect(ran.stdout).toBe("");
  expect(ran.stderr).toMatch(/nothing is planted: .*"nothing-known"/);
});

test.each<[what: string, source: string, finds: readonly string[], expected: string | null]>([
  ["one edit", "a b c", ["b"], "a <b> c"],
  ["several, in whatever order", "a b c", ["c", "a"], "<a> b <c>"],
  ["one that is not there", "a b c", ["b", "d"], null],
  ["one that is there twice", "a b b", ["b"], null],
  ["one that is there twice, overlapping", "aaa", ["aa"], null],
])("what is planted: %s", (_what, source, finds, expected) => {
  const edits: readonly Edit[] = finds.map((find) => ({ file: "", find, replace: `<${find}>` }));
  expect(planted(source, edits)).toBe(expected);
});
