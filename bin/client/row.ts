// What a command that talks to a server is: a row, which names its arguments and flags, says what is
// asked of the server, and how the answer is shown. Here a row becomes a command: its arguments are
// read, its help is written, and a refusal becomes an exit code.

import { parseArgs } from "node:util";
import type { Command, ExitCode, Outside } from "../command.ts";
import { type Answer, type Asker, asker, Refused } from "./ask.ts";
import { printed } from "./print.ts";
import { plain, plainJson } from "./text.ts";

export type Flag = {
  readonly placeholder: string;
  /** Empty: none. */
  readonly usual: string;
  readonly meaning: string;
};
export type Flags = Readonly<Record<string, Flag>>;

export type Row = {
  readonly name: string;
  readonly summary: string;
  readonly positionals: readonly string[];
  readonly flags: Flags;
  /** @throws Refused for what cannot be asked */
  readonly ask: (given: Given, ask: Asker) => Promise<Answer>;
  /** For people, lines that end; a record or a table, if nothing is said. */
  readonly print?: (answer: Answer, given: Given) => string;
};

export type Given = {
  readonly positionals: readonly string[];
  /** The last of each; as declared, if it was not given. */
  readonly flag: (name: string) => string;
  readonly list: (name: string) => readonly string[];
};

const usualServer = "http://localhost:8001";
const common: Flags = {
  server: {
    placeholder: "url",
    usual: "",
    meaning: `where the server is; also RESONATE_URL, default ${usualServer}`,
  },
  token: { placeholder: "jwt", usual: "", meaning: "bearer token; also RESONATE_TOKEN" },
};

export function toCommand(row: Row): Command {
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
    const server = given.flag("server") || environment["RESONATE_URL"] || usualServer;
    const token = given.flag("token") || (environment["RESONATE_TOKEN"] ?? "");
    const answer = await row.ask(given, asker(server, token));
    stdout.write(isJson ? `${plainJson(answer)}\n` : (row.print ?? printed)(answer, given));
    return 0;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    stderr.write(`resonate ${row.name}: ${plain(error.message)}\n`);
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
    const why = error instanceof Error ? error.message : String(error);
    throw new Refused(why.replaceAll("\n", " "));
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
