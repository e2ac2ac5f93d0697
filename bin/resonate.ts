// From the command line to a command, and from its exit code to the end of the process. A command is
// a row of the table; nothing else here knows its name.

import { homedir } from "node:os";
import { clientCommands } from "./client/commands.ts";
import type { Command, ExitCode, Outside } from "./command.ts";
import { dev } from "./dev.ts";
import { dst, dstCommands } from "./dst/commands.ts";
import { overview } from "./help.ts";
import { logExport, logVerify } from "./log.ts";
import { StreamSink } from "./logger.ts";
import { migratePlan, migrateStatus, migrateUp } from "./migrate.ts";
import { serve } from "./serve.ts";
import { storeCopy } from "./store-copy.ts";
import { version } from "./version.ts";

/** What the overview shows. */
const listed: readonly Command[] = [
  serve,
  dev,
  ...clientCommands,
  ...[migrateStatus, migrateUp, migratePlan, storeCopy, logVerify, logExport],
  dst,
];
export const commands: readonly Command[] = [...listed, ...dstCommands];

/** Ends the process. */
export async function main(args: readonly string[]): Promise<void> {
  const { env, stdout, stderr } = process;
  const outside = {
    environment: env,
    workingDirectory: process.cwd(),
    home: homedir(),
    stdout,
    stderr,
  };
  const out = new StreamSink(stdout);
  const err = new StreamSink(stderr);
  let code: ExitCode = 1;
  try {
    code = await run(args, outside);
  } catch (error) {
    err.write(`resonate: ${error instanceof Error ? error.stack : error}\n`);
  }
  await Promise.all([out.flush(), err.flush()]);
  process.exit(code);
}

/** @param args without the program's own name */
export async function run(args: readonly string[], outside: Outside): Promise<ExitCode> {
  const [first = "", second = ""] = args;
  if (first === "version" || first === "--version") return print(outside, `resonate ${version}\n`);
  if (first === "--help" || first === "-h") return print(outside, overview(listed));
  if (first === "help") return help(args.slice(1), outside);
  const command = find([`${first} ${second}`, first]);
  if (command === undefined) return refuse(args, outside);
  return command.run(args.slice(command.name.split(" ").length), outside);
}

function help(words: readonly string[], outside: Outside): ExitCode {
  if (words.length === 0) return print(outside, overview(listed));
  const command = find([words.join(" ")]);
  return command === undefined ? refuse(words, outside) : print(outside, command.help());
}

function find(names: readonly string[]): Command | undefined {
  return names.flatMap((name) => commands.filter((command) => command.name === name))[0];
}

function print({ stdout }: Outside, text: string): ExitCode {
  stdout.write(text);
  return 0;
}

function refuse(words: readonly string[], { stderr }: Outside): ExitCode {
  const reason =
    words.length === 0 ? "a command is needed" : `unknown command "${words.join(" ")}"`;
  stderr.write(`resonate: ${reason}\n\n${overview(listed)}`);
  return 1;
}

if (import.meta.main) await main(process.argv.slice(2));
