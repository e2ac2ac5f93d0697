// The commands that talk to a server: one row each. A row names its arguments and flags, and says what
// is asked of the server; what comes back is printed as a table, or as JSON.

import { parseArgs } from "node:util";
import type { Command, ExitCode, Outside } from "../command.ts";
import { type Asker, asker, Refused } from "./ask.ts";
import { printed } from "./print.ts";

type Flag = { readonly placeholder: string; readonly usual: string; readonly meaning: string };
type Flags = Readonly<Record<string, Flag>>;

type Row = {
  readonly name: string;
  readonly summary: string;
  readonly positionals: readonly string[];
  readonly flags: Flags;
  /** @throws Refused for what cannot be asked */
  readonly ask: (given: Given, ask: Asker) => Promise<unknown>;
};

type Given = {
  readonly positionals: readonly string[];
  /** The last of each; as declared, if it was not given. */
  readonly flag: (name: string) => string;
  readonly list: (name: string) => readonly string[];
};

const common: Flags = {
  server: { placeholder: "url", usual: "http://localhost:8001", meaning: "where the server is" },
  token: { placeholder: "jwt", usual: "", meaning: "bearer token; also RESONATE_TOKEN" },
};

const timeout: Flag = {
  placeholder: "duration",
  usual: "24h",
  meaning: "from now to the deadline: a number with ms, s, m, h or d",
};
const data: Flag = { placeholder: "text", usual: "", meaning: "payload, stored as it is" };
const tags: Flag = { placeholder: "name=value", usual: "", meaning: "tag; may be repeated" };

const rows: readonly Row[] = [
  {
    name: "invoke",
    summary: "runs a function on a worker, durably",
    positionals: ["id"],
    flags: {
      func: { placeholder: "name", usual: "", meaning: "the function, as it was registered" },
      arg: { placeholder: "json", usual: "", meaning: "argument; may be repeated" },
      target: {
        placeholder: "address",
        usual: "poll://any@default",
        meaning: "the workers that may run it",
      },
      version: { placeholder: "number", usual: "1", meaning: "of the function" },
      timeout,
    },
    ask: async ({ positionals: [id], flag, list }, ask) => {
      if (flag("func") === "") throw new Refused("--func is needed: which function to run");
      const call = { func: flag("func"), args: list("arg").map(toJson), version: toNumber(flag) };
      const param = { headers: {}, data: Buffer.from(JSON.stringify(call)).toString("base64") };
      const lineage = ["origin", "branch", "parent"].map((name) => [`resonate:${name}`, id]);
      const tags = { "resonate:target": flag("target"), ...Object.fromEntries(lineage) };
      return await ask("promise.create", { id, timeoutAt: deadline(flag), param, tags });
    },
  },
  {
    name: "promises get",
    summary: "shows a promise",
    positionals: ["id"],
    flags: {},
    ask: ({ positionals: [id] }, ask) => ask("promise.get", { id }),
  },
  {
    name: "promises create",
    summary: "creates a promise, or shows the one that is there",
    positionals: ["id"],
    flags: { timeout, data, tag: tags },
    ask: async ({ positionals: [id], flag, list }, ask) => {
      const param = flag("data") === "" ? {} : { data: flag("data") };
      const named = Object.fromEntries(list("tag").map(toPair));
      return await ask("promise.create", { id, timeoutAt: deadline(flag), param, tags: named });
    },
  },
  ...(["resolve", "reject", "cancel"] as const).map((verb): Row => {
    const states = { resolve: "resolved", reject: "rejected", cancel: "rejected_canceled" };
    return {
      name: `promises ${verb}`,
      summary: `${verb}s a promise, or shows how it was settled`,
      positionals: ["id"],
      flags: { data },
      ask: async ({ positionals: [id], flag }, ask) => {
        const value = flag("data") === "" ? {} : { data: flag("data") };
        return await ask("promise.settle", { id, state: states[verb], value });
      },
    };
  }),
  ...(["get", "halt", "continue"] as const).map((verb): Row => {
    const summaries = {
      get: "shows a task",
      halt: "keeps a task from being run until it is continued",
      continue: "lets a halted task be run again",
    };
    return {
      name: `tasks ${verb}`,
      summary: summaries[verb],
      positionals: ["id"],
      flags: {},
      ask: ({ positionals: [id] }, ask) => ask(`task.${verb}`, { id }),
    };
  }),
];

export const clientCommands: readonly Command[] = rows.map(toCommand);

function toCommand(row: Row): Command {
  const { name, summary } = row;
  const help = () => helpOf(row);
  return { name, summary, help, run: (args, outside) => run(row, args, outside) };
}

async function run(row: Row, args: readonly string[], outside: Outside): Promise<ExitCode> {
  const { stdout, stderr, environment } = outside;
  try {
    const { given, isJson, isHelp } = read(row, args);
    if (isHelp) {
      stdout.write(helpOf(row));
      return 0;
    }
    const token = given.flag("token") || (environment["RESONATE_TOKEN"] ?? "");
    const answer = await row.ask(given, asker(given.flag("server"), token));
    stdout.write(isJson ? `${JSON.stringify(answer)}\n` : printed(answer));
    return 0;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    stderr.write(`resonate ${row.name}: ${error.message}\n`);
    return 1;
  }
}

function read(row: Row, args: readonly string[]) {
  const flags = { ...row.flags, ...common };
  const names = Object.keys(flags).map((name) => [name, { type: "string", multiple: true }]);
  const options = {
    ...Object.fromEntries(names),
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  };
  const { values, positionals } = parsed(args, options);
  const isHelp = values["help"] === true;
  const missing = row.positionals[positionals.length];
  if (!isHelp && missing !== undefined) throw new Refused(`<${missing}> is needed`);
  const extra = positionals[row.positionals.length];
  if (extra !== undefined) throw new Refused(`unexpected argument ${extra}`);
  const list = (name: string) => (values[name] ?? []) as readonly string[]; // as declared
  const flag = (name: string) => list(name).at(-1) ?? flags[name]?.usual ?? "";
  return { given: { positionals, flag, list }, isJson: values["json"] === true, isHelp };
}

function parsed(args: readonly string[], options: Parameters<typeof parseArgs>[0] & object) {
  try {
    return parseArgs({ args: [...args], options: options as never, allowPositionals: true });
  } catch (error) {
    throw new Refused(error instanceof Error ? error.message : String(error));
  }
}

function helpOf({ name, summary, positionals, flags }: Row): string {
  const rows = Object.entries({ ...flags, ...common }).map(
    ([flag, { placeholder, usual, meaning }]) => {
      const fallback = usual === "" ? "" : `, default ${usual}`;
      return `  --${flag} <${placeholder}>\n      ${meaning}${fallback}\n`;
    },
  );
  const words = ["resonate", name, ...positionals.map((each) => `<${each}>`)].join(" ");
  const first = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  return `Usage: ${words} [flags]\n\n${first}\n\n${rows.join("")}  --json\n      prints the answer as JSON\n`;
}

const unitsMs: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

function deadline(flag: Given["flag"]): number {
  const text = flag("timeout");
  const [, digits, unit = ""] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const unitMs = unitsMs.get(unit);
  if (digits === undefined || unitMs === undefined) {
    throw new Refused(`--timeout must be a number with ms, s, m, h or d: ${text}`);
  }
  return Date.now() + Number(digits) * unitMs;
}

function toNumber(flag: Given["flag"]): number {
  const version = Number(flag("version"));
  if (Number.isSafeInteger(version) && version >= 0) return version;
  throw new Refused("--version must be a whole number");
}

/** What is no JSON is a text, so that quotes need no quotes. */
function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function toPair(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new Refused(`--tag must be written as name=value: ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}
