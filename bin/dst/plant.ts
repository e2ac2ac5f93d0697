// Plants one bug of dst/mutants.ts in the program that follows: its source is edited as it is loaded,
// and what is on the disk stays as it is. Worker processes and threads inherit it.
//
//     RESONATE_MUTANT=name node --import ./bin/dst/plant.ts bin/resonate.js dst fuzz --seeds 50
//
// A bug that is unknown or stale ends the process before the program begins, with the exit code of an
// inconclusive run. The compile cache is left alone: it is for sources as they are.

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { type Edit, editsOf, mutants, planted } from "../../dst/mutants.ts";
import { exitCodes } from "../../dst/verdict.ts";

const root = new URL("../../", import.meta.url);

function refuse(because: string): never {
  process.stderr.write(`resonate: nothing is planted: ${because}\n`);
  process.exit(exitCodes.inconclusive);
}

function edited(file: string, edits: readonly Edit[]): readonly [url: string, source: string] {
  const url = new URL(file, root);
  const source = planted(readFileSync(url, "utf8"), edits);
  if (source !== null) return [url.href, source];
  return refuse(`${name} is stale, since what it replaces does not stand in ${file} exactly once`);
}

const { RESONATE_MUTANT: name = "" } = process.env;
const mutant = mutants.find((each) => each.name === name);
if (mutant === undefined) refuse(`RESONATE_MUTANT is "${name}", which is not in dst/mutants.ts`);
const byFile = Map.groupBy(editsOf(mutant), ({ file }) => file);
const sources = new Map([...byFile].map(([file, edits]) => edited(file, edits)));

Object.assign(process.env, { NODE_DISABLE_COMPILE_CACHE: "1" });
registerHooks({
  load(url, context, nextLoad) {
    const source = sources.get(url);
    if (source === undefined) return nextLoad(url, context);
    return { format: "module-typescript", source, shortCircuit: true };
  },
});
