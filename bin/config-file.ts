// The config file: where it is looked for, and its keys and values as text. Which keys there are is
// the business of config.ts.

import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { extname, join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { parse as parseYaml } from "yaml";

export const fileNames = ["resonate.toml", "resonate.yaml", "resonate.yml"] as const;

/** One value of a file. */
export type FileEntry = {
  /** As it was written, levels joined by dots. */
  readonly key: string;
  /** Null: a value that no setting can have, such as a date or a table in a list. */
  readonly texts: readonly string[] | null;
  readonly isList: boolean;
};

export type FileContent =
  | { readonly kind: "entries"; readonly entries: readonly FileEntry[] }
  | { readonly kind: "unreadable"; readonly cause: string };

const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  ".toml": parseToml,
  ".yaml": readYaml,
  ".yml": readYaml,
};

/** The first file there is, in the working directory before the home directory; null: none. */
export function findFile(workingDirectory: string, home: string = homedir()): string | null {
  const candidates = [workingDirectory, home].flatMap((directory) =>
    fileNames.map((name) => join(directory, name)),
  );
  return candidates.find((path) => existsSync(path)) ?? null;
}

export function readFile(path: string): FileContent {
  const parse = parsers[extname(path).toLowerCase()];
  if (parse === undefined) return unreadable("its name must end in .toml, .yaml or .yml");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
    const content = parse(text) ?? {}; // an empty YAML document is null
    if (!isTable(content)) return unreadable("it must hold keys and values");
    return { kind: "entries", entries: [...flatten(content, "")] };
  } catch (error) {
    return unreadable(reason(error));
  }
}

function readYaml(text: string): unknown {
  return parseYaml(text, { logLevel: "error" });
}

/** Parsers add an excerpt below their first line; an operator has the file. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [firstLine = ""] = error.message.split("\n");
  const { code, line, column } = error as { code?: unknown; line?: unknown; column?: unknown }; // smol-toml's and Node's own members, each looked at before it is used
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return "it is not UTF-8";
  const where = typeof line === "number" ? ` at line ${line}, column ${column}` : "";
  return firstLine.replace(/:$/, "") + where;
}

function unreadable(cause: string): FileContent {
  return { kind: "unreadable", cause };
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null; // a date of TOML is no table
}

/** A key without a value, as YAML allows, is not there. */
function* flatten(table: Readonly<Record<string, unknown>>, prefix: string): Iterable<FileEntry> {
  for (const [name, value] of Object.entries(table)) {
    const key = prefix + name;
    if (isTable(value)) yield* flatten(value, `${key}.`);
    else yield { key, texts: toTexts(value), isList: Array.isArray(value) };
  }
}

function toTexts(value: unknown): readonly string[] | null {
  if (value === null) return [];
  if (!Array.isArray(value)) return isPlain(value) ? [String(value)] : null;
  return value.every(isPlain) ? value.map(String) : null;
}

function isPlain(value: unknown): boolean {
  return ["string", "number", "bigint", "boolean"].includes(typeof value);
}
