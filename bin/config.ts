// Flags, environment, file and defaults, value by value in this order of precedence, become one
// checked Config (promise-api.md §6.2). What is wrong is returned as sentences for the operator,
// each of which names the place where the value was written and says what belongs there.

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { findFile, readFile } from "./config-file.ts";
import {
  type Config,
  relations,
  type Setting,
  type SettingName,
  settingNames,
  settings,
  variable,
} from "./settings.ts";

export type Sources = {
  /** What stands behind the command. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly home: string;
};

/** What a command makes of the table. */
export type Scope = {
  /** The flags that it takes. Environment and file are shared by all commands and may say more. */
  readonly names: readonly SettingName[];
  /** Defaults of its own, as text. */
  readonly usual: Readonly<Partial<Record<SettingName, string>>>;
};

/** Which value counts and where it was found, for those who wonder. */
export type Origin = {
  readonly key: string;
  readonly text: string;
  /** "flag", "environment", "default", or the path of the file. */
  readonly from: string;
};

export type Resolution =
  | {
      readonly kind: "config";
      readonly config: Config;
      readonly origins: readonly Origin[];
      /** Variables that look like ours and are not. */
      readonly unknownVariables: readonly string[];
    }
  | { readonly kind: "help" }
  | { readonly kind: "refused"; readonly errors: readonly string[] };

/** A value before it is checked. */
type Found = {
  readonly name: SettingName;
  /** Null: nothing that could be text. */
  readonly texts: readonly string[] | null;
  readonly from: string;
  /** What a message calls the place. */
  readonly where: string;
};
type Given = Found & { readonly value: unknown };
type Layer = {
  readonly given: ReadonlyMap<SettingName, Given>;
  readonly errors: readonly string[];
};

const rows: readonly (readonly [SettingName, Setting<unknown>])[] = settingNames.map((name) => {
  return [name, settings[name]];
});

export function resolveConfig(sources: Sources, scope: Scope): Resolution {
  const { found: flags, errors, configPath, wantsHelp } = readFlags(sources.args, scope.names);
  if (wantsHelp) return { kind: "help" };
  const layers = [
    check(flags, errors),
    check(readEnvironment(sources.environment)),
    readFileLayer(sources, configPath),
    check(readDefaults(scope)),
  ];
  const allErrors = layers.flatMap((layer) => layer.errors);
  if (allErrors.length > 0) return { kind: "refused", errors: allErrors };
  const chosen = settingNames.flatMap((name) => {
    return layers.find(({ given }) => given.has(name))?.given.get(name) ?? [];
  });
  // Every row has a default, and each value was parsed by the kind of its own row.
  const config = Object.fromEntries(chosen.map(({ name, value }) => [name, value])) as Config;
  const broken = relations.filter(({ holds }) => !holds(config));
  if (broken.length > 0) {
    return {
      kind: "refused",
      errors: broken.flatMap(({ name, expected }) => {
        return chosen.filter((each) => each.name === name).map((each) => misfit(each, expected));
      }),
    };
  }
  const origins = chosen.map(({ name, texts, from }) => {
    return { key: settings[name].key, text: shown(name, texts?.join(",") ?? ""), from };
  });
  return { kind: "config", config, origins, unknownVariables: unknown(sources.environment) };
}

function check(found: readonly Found[], errors: readonly string[] = []): Layer {
  const given = new Map<SettingName, Given>();
  const misfits: string[] = [];
  for (const each of found) {
    const kind: Setting<unknown>["kind"] = settings[each.name].kind;
    const value = each.texts === null ? null : kind.parse(each.texts);
    if (value === null) misfits.push(misfit(each, kind.expected));
    given.set(each.name, { ...each, value });
  }
  return { given, errors: [...errors, ...misfits] };
}

/** A secret is not told, neither to a log nor on a screen. */
function shown(name: SettingName, text: string): string {
  const { kind }: Setting<unknown> = settings[name];
  return kind.isSecret === true && text !== "" ? "(secret)" : text;
}

function misfit({ name, where, texts }: Found, expected: string): string {
  const text = texts && JSON.stringify(shown(name, texts.join(",")));
  const is = text === null ? "cannot be used" : `is ${text}`;
  return `${where} ${is}; expected ${expected}`;
}

type Flags = {
  readonly found: readonly Found[];
  readonly errors: readonly string[];
  readonly configPath: string | null;
  readonly wantsHelp: boolean;
};

function readFlags(args: readonly string[], names: readonly SettingName[]): Flags {
  const byFlag = new Map(names.map((name) => [settings[name].flag as string, name]));
  const { tokens } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h" },
      config: { type: "string" },
      ...Object.fromEntries([...byFlag].map(([flag, name]) => [flag, { type: typeOf(name) }])),
    },
    strict: false, // the messages of parseArgs would not say what is expected
    tokens: true,
    allowPositionals: true,
  });
  const texts = new Map<SettingName, readonly string[]>();
  const errors: string[] = [];
  let configPath: string | null = null;
  let wantsHelp = false;
  let valueAt: number | null = null; // what stands behind an unknown flag is most likely its value
  for (const token of tokens) {
    if (token.kind === "positional" && token.index !== valueAt) {
      errors.push(`unexpected argument ${token.value}`);
    }
    if (token.kind !== "option") continue;
    const name = byFlag.get(token.name);
    const text =
      name !== undefined && typeOf(name) === "boolean" ? (token.value ?? "true") : token.value;
    if (token.name === "help") wantsHelp = true;
    else if (name === undefined && token.name !== "config") {
      errors.push(`unknown flag ${token.rawName}`);
      valueAt = token.inlineValue ? null : token.index + 1;
    } else if (text === undefined || (!token.inlineValue && text.startsWith("--")))
      errors.push(`--${token.name} needs a value`);
    else if (name === undefined) configPath = text;
    else texts.set(name, [...(texts.get(name) ?? []), text]);
  }
  const found = [...texts].map(([name, given]) => {
    return { name, texts: given, from: "flag", where: `--${settings[name].flag}` };
  });
  return { found, errors, configPath, wantsHelp };
}

function typeOf(name: SettingName): "string" | "boolean" {
  const { kind }: Setting<unknown> = settings[name];
  return kind.placeholder === "" ? "boolean" : "string";
}

/** An empty variable is not set. */
function readEnvironment(environment: Sources["environment"]): readonly Found[] {
  return rows.flatMap(([name, row]) => {
    const text = environment[variable(row)] ?? "";
    return text === "" ? [] : { name, texts: [text], from: "environment", where: variable(row) };
  });
}

function unknown(environment: Sources["environment"]): readonly string[] {
  const known = new Set(rows.map(([, row]) => variable(row)));
  return Object.keys(environment).filter((name) => /^RESONATE_.*__/.test(name) && !known.has(name));
}

function readDefaults({ usual }: Scope): readonly Found[] {
  return rows.map(([name, row]) => {
    return { name, texts: [usual[name] ?? row.usual], from: "default", where: `--${row.flag}` };
  });
}

function readFileLayer(sources: Sources, configPath: string | null): Layer {
  const searched = () => findFile(sources.workingDirectory, sources.home);
  const path = configPath === null ? searched() : resolve(sources.workingDirectory, configPath);
  if (path === null) return check([]);
  const content = readFile(path);
  if (content.kind === "unreadable") {
    return check([], [`${path} cannot be read as a config file: ${content.cause}`]);
  }
  const byKey = new Map(rows.map(([name, { key }]) => [key.toLowerCase(), name]));
  const found = new Map<SettingName, Found>();
  const errors: string[] = [];
  for (const { key, texts, isList } of content.entries) {
    const name = byKey.get(key.toLowerCase());
    const where = `${path}: ${key}`;
    if (name === undefined) {
      if (!isSection(key, texts)) errors.push(`${where} is not a setting`);
    } else if (found.has(name)) {
      errors.push(`${where} is given twice`);
    } else if (texts === null || texts.length > 0 || isList) {
      const { kind }: Setting<unknown> = settings[name];
      found.set(name, { name, texts: isList && !kind.isList ? null : texts, from: path, where });
    }
  }
  return check([...found.values()], errors);
}

/** A level of which all keys are left out; YAML gives it the value null. */
function isSection(key: string, texts: readonly string[] | null): boolean {
  const prefix = `${key.toLowerCase()}.`;
  return texts?.length === 0 && rows.some(([, row]) => row.key.toLowerCase().startsWith(prefix));
}
