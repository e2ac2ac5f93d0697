// A folder of replay files: runs that failed once, and must not fail again.

import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { choicesOf } from "../../dst/replay.ts";
import type { FailureClass } from "../../dst/verdict.ts";
import type { Outside } from "../command.ts";
import { examine } from "./examine.ts";
import { briefly } from "./failure.ts";
import { commandLine, type Lab } from "./lab.ts";
import { open } from "./replay.ts";

/** @returns what failed; null if the folder or one of its files cannot be read, which has been said */
export function runCorpus(
  lab: Lab,
  folder: string,
  outside: Outside,
): readonly FailureClass[] | null {
  const { stdout, stderr, workingDirectory } = outside;
  const names = list(resolve(workingDirectory, folder));
  if (names === null) {
    stderr.write(`resonate dst fuzz: --corpus: ${folder} cannot be read\n`);
    return null;
  }
  const found: FailureClass[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const replay = open("dst fuzz", path, outside);
    if (replay === null) return null;
    const choices = choicesOf(replay);
    const { failure } = examine(lab, replay.plan, { hasTripwires: true, choices }).outcome;
    if (failure === null) continue;
    found.push(failure.class);
    const { class: failureClass, oracle, rule } = failure;
    stdout.write(
      `FAIL class=${failureClass} oracle=${oracle} rule=${JSON.stringify(rule)} file=${path}\n`,
    );
    stderr.write(`${briefly(failure)}again: ${commandLine(["replay", path], outside)}\n`);
  }
  stderr.write(`corpus: ${names.length} files, ${found.length} failed\n`);
  return found;
}

function list(folder: string): readonly string[] | null {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .sort();
  } catch {
    return null;
  }
}
