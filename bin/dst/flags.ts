// A command of `resonate dst` declares its flags in a table; parser and help are made from it. Unlike
// a server's settings they have neither variables nor files: a result must follow from its command line.
//
//   D1. What is wrong is said in one line each, which names the flag and what belongs there; exit code 2.

import { parseArgs } from "node:util";
import type { Command, ExitCode, Outside } from "../command.ts";
import type { Kind } from "../kinds.ts";

export type Flag<Value> = {
  readonly kind: Kind<Value>;
  /** As one would write it; null: the flag may be absent, and its value is null then. */
  readonly usual: string | null;
  readonly meaning: string;
};

/** By name, in camelCase here and with dashes on a command line. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

type Value<Row> = Row extends { readonly kind: Kind<infer Parsed>; readonly usual: infer Usual }
  ? Parsed | (null extends Usual ? null : never)
  : never;
export type Values<Table extends Flags> = { readonly [Name in keyof Table]: Value<Table[Name]> };

export type Call<Table extends Flags> = {
  readonly values: Values<Table>;
  /** What stands on the command line without a flag; null: nothing. */
  readonly operand: string | null;
  readonly outside: Outside;
};

export type DstCommand<Table extends Flags> = {
  readonly name: string;
  readonly summary: string;
  /** What the operand is; null: there is none. */
  readonly operand: string | null;
  readonly flags: Table;
  /** Its code is loaded when it is needed: a server has no use for it. */
  readonly load: () => Promise<(call: Call<Table>) => Promise<ExitCode>>;
};

export function dstCommand<Table extends Flags>(command: DstCommand<Table>): Command {
  const { name, summary, operand, flags } = command;
  const help = () => flagsHelp({ name, summary, operand, flags });
  return {
    name,
    summary,
    help,
    run: async (args, outside) => {
      const parsed = parse(args, flags, operand !== null);
      switch (parsed.kind) {
        case "help":
          outside.stdout.write(help());
          return 0;
        case "refused":
          for (const error of parsed.errors) outside.stderr.write(`resonate ${name}: ${error}\n`);
          return 2; // D1
        case "call": {
          const body = await command.load();
          return body({ values: parsed.values, operand: parsed.operand, outside });
        }
      }
    },
  };
}

type Parsed<Table extends Flags> =
  | { readonly kind: "call"; readonly values: Values<Table>; readonly operand: string | null }
  | { readonly kind: "help" }
  | { readonly kind: "refused"; readonly errors: readonly string[] };

export function parse<Table extends Flags>(
  args: readonly string[],
  flags: Table,
  takesOperand: boolean,
): Parsed<Table> {
  const { texts, operands, errors, wantsHelp } = split(args, flags);
  if (wantsHelp) return { kind: "help" };
  const unexpected = operands.slice(takesOperand ? 1 : 0);
  errors.push(...unexpected.map((operand) => `unexpected argument ${operand}`));
  const values = Object.entries(flags).map(([name, { kind, usual }]) => {
    const given = texts.get(name) ?? (usual === null ? null : [usual]);
    if (given === null) return [name, null] as const;
    const value = kind.parse(given);
    if (value === null) {
      const is = JSON.stringify(given.join(","));
      errors.push(`--${dashed(name)} is ${is}; expected ${kind.expected}`);
    }
    return [name, value] as const;
  });
  if (errors.length > 0) return { kind: "refused", errors };
  // Each value was parsed by the kind of its own row.
  return {
    kind: "call",
    values: Object.fromEntries(values) as Values<Table>,
    operand: operands[0] ?? null,
  };
}

type Split = {
  readonly texts: ReadonlyMap<string, readonly string[]>;
  readonly operands: readonly string[];
  readonly errors: string[];
  readonly wantsHelp: boolean;
};

function split(args: readonly string[], flags: Flags): Split {
  const byFlag = new Map(Object.keys(flags).map((name) => [dashed(name), name]));
  const options = [...byFlag].map(([flag, name]) => [flag, { type: typeOf(flags[name]) }] as const);
  const { tokens } = parseArgs({
    args: [...args],
    options: { help: { type: "boolean", short: "h" }, ...Object.fromEntries(options) },
    strict: false, // the messages of parseArgs would not say what is expected
    tokens: true,
    allowPositionals: true,
  });
  const texts = new Map<string, readonly string[]>();
  const operands: string[] = [];
  const errors: string[] = [];
  let wantsHelp = false;
  let valueAt: number | null = null; // what stands behind an unknown flag is most likely its value
  for (const token of tokens) {
    if (token.kind === "positional" && token.index !== valueAt) operands.push(token.value);
    if (token.kind !== "option") continue;
    const name = byFlag.get(token.name);
    const isSwitch = name !== undefined && typeOf(flags[name]) === "boolean";
    const text = isSwitch ? (token.value ?? "true") : token.value;
    if (token.name === "help") wantsHelp = true;
    else if (name === undefined) {
      errors.push(`unknown flag ${token.rawName}`);
      valueAt = token.inlineValue ? null : token.index + 1;
    } else if (text === undefined || (!token.inlineValue && text.startsWith("--"))) {
      errors.push(`--${token.name} needs a value`);
    } else texts.set(name, [...(texts.get(name) ?? []), text]);
  }
  return { texts, operands, errors, wantsHelp };
}

function typeOf(row: Flag<unknown> | undefined): "string" | "boolean" {
  return row?.kind.placeholder === "" ? "boolean" : "string";
}

/** stopAfter -> stop-after */
export function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

type Described = Pick<DstCommand<Flags>, "name" | "summary" | "operand" | "flags">;

export function flagsHelp({ name, summary, operand, flags }: Described): string {
  const rows = Object.entries(flags).flatMap(([flag, row]) => flagHelp(dashed(flag), row));
  return [
    `Usage: resonate ${name}${operand === null ? "" : ` [${operand}]`} [flags]`,
    "",
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    "",
    ...(rows.length === 0 ? ["There are no flags."] : ["Flags, with their defaults:", "", ...rows]),
    "",
  ].join("\n");
}

function flagHelp(flag: string, { kind, usual, meaning }: Flag<unknown>): readonly string[] {
  const isSwitch = kind.placeholder === "";
  const fallback = isSwitch || usual === null ? "" : `, default ${usual}`;
  return [`  --${flag}${isSwitch ? "" : ` <${kind.placeholder}>`}`, `      ${meaning}${fallback}`];
}
