// What a command of the command line is: a row of the table in resonate.ts. Most commands take
// settings; `configured` makes such a row from a scope and a body.

import type { Writable } from "node:stream";
import { type Origin, resolveConfig, type Scope, type Sources } from "./config.ts";
import { commandHelp } from "./help.ts";
import { Logger, StreamSink } from "./logger.ts";
import type { Config } from "./settings.ts";

/** What the process brings along. */
export type Outside = Omit<Sources, "args"> & {
  readonly stdout: Writable;
  readonly stderr: Writable;
};

/**
 * 0: done; 1: refused or failed; 74: the store failed, and only a restart can tell how (§6.3). The
 * simulation says with 1 to 6 what it found (simulation.md §6).
 */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 74;

export type Command = {
  /** One word or two. */
  readonly name: string;
  readonly summary: string;
  readonly help: () => string;
  readonly run: (args: readonly string[], outside: Outside) => Promise<ExitCode>;
};

/** A command's view of its settings, checked, and of the world. */
export type Run = {
  readonly config: Config;
  readonly logger: Logger;
  readonly outside: Outside;
};

export type ConfiguredCommand = {
  readonly name: string;
  readonly summary: string;
  readonly scope: Scope;
  /** A tool keeps standard output for what it was asked for. */
  readonly logsTo: "stdout" | "stderr";
  readonly run: (run: Run) => Promise<ExitCode>;
};

export function configured(command: ConfiguredCommand): Command {
  const { name, summary, scope, logsTo, run } = command;
  const help = () => commandHelp({ name, summary, scope });
  return {
    name,
    summary,
    help,
    run: async (args, outside) => {
      const resolution = resolveConfig({ ...outside, args }, scope);
      switch (resolution.kind) {
        case "help":
          outside.stdout.write(help());
          return 0;
        case "refused":
          for (const error of resolution.errors) {
            outside.stderr.write(`resonate ${name}: ${error}\n`);
          }
          return 1;
        case "config": {
          const { config, origins, unknownVariables } = resolution;
          const { logLevel: level, logFormat: format } = config;
          const logger = new Logger({ level, format, sink: new StreamSink(outside[logsTo]) });
          report(logger, origins, unknownVariables);
          return run({ config, logger, outside });
        }
      }
    },
  };
}

function report(
  logger: Logger,
  origins: readonly Origin[],
  unknownVariables: readonly string[],
): void {
  for (const name of unknownVariables) logger.warn("unknown variable", { name });
  for (const { key, text, from } of origins) logger.debug("setting", { key, value: text, from });
}
