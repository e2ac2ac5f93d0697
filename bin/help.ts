// The help texts, written from the tables that drive the commands and their settings.

import { extname } from "node:path";
import type { Scope } from "./config.ts";
import { fileNames } from "./config-file.ts";
import { type Setting, settings, variable } from "./settings.ts";

type Named = { readonly name: string; readonly summary: string };

export function overview(commands: readonly Named[]): string {
  const rows = [
    ...commands,
    { name: "help [command]", summary: "says what a command does and which flags it takes" },
    { name: "version", summary: "prints the version" },
  ];
  const width = Math.max(...rows.map(({ name }) => name.length));
  return [
    "Resonate, a server for durable promises.",
    "",
    "Usage: resonate <command> [flags]",
    "",
    ...rows.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
  ].join("\n");
}

export function commandHelp({ name, summary, scope }: Named & { readonly scope: Scope }): string {
  return [
    `Usage: resonate ${name} [flags]`,
    "",
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    "",
    "Flags, with their keys in a config file and their defaults:",
    "",
    "  --config <file>",
    `      config file, ${fileNames.map((each) => extname(each)).join(", ")}`,
    `      default: the first ${fileNames.join(", ")} in the working`,
    "      directory, then in the home directory; none is fine",
    ...scope.names.flatMap((setting) => flagHelp(settings[setting], scope.usual[setting])),
    "",
    "A flag counts before the environment, the environment before the file. The variable of a key is",
    `its upper case behind RESONATE_, with __ for each dot: ${variable(settings.logLevel)}.`,
    "",
  ].join("\n");
}

function flagHelp(row: Setting<unknown>, usual: string = row.usual): readonly string[] {
  const { flag, key, kind, meaning } = row;
  const placeholder = kind.placeholder === "" ? "" : ` <${kind.placeholder}>`;
  const repeats = kind.isList ? " (may be repeated)" : "";
  const fallback = usual === "" ? "no default" : `default ${usual}`;
  return [`  --${flag}${placeholder}${repeats}`, `      ${meaning}`, `      ${key}, ${fallback}`];
}
