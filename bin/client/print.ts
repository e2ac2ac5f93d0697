// Answers for people: a record as a line for each member, a list as a table. Dates are shown as such,
// and payloads that are base64 of text as that text.

import type { Answer } from "./ask.ts";
import { date, duration, plain } from "./text.ts";

export type Row = Readonly<Record<string, unknown>>;

/** Of a table; shown under its name in capitals. */
type Column = { readonly name: string; readonly cell: (row: Row) => string };

const instants: ReadonlySet<string> = new Set([
  ...["timeoutAt", "createdAt", "settledAt"],
  ...["nextRunAt", "lastRunAt"],
]);
const durations: ReadonlySet<string> = new Set(["ttl", "promiseTimeout"]);
const payloads: ReadonlySet<string> = new Set(["param", "value", "promiseParam"]);

export function printed({ promise, task, schedule }: Answer): string {
  const record = promise ?? task ?? schedule;
  if (!isRow(record)) return "done\n";
  const members = Object.entries(record).filter(([, value]) => !isEmpty(value));
  const width = Math.max(0, ...members.map(([name]) => name.length));
  return members
    .map(([name, value]) => `${plain(name).padEnd(width)}  ${shown(name, value)}\n`)
    .join("");
}

const column = (name: string, member: string): Column => {
  return { name, cell: (row) => (row[member] === undefined ? "" : shown(member, row[member])) };
};

// biome-ignore format: a table is read down its columns
const columns = {
  promises:  [column("id", "id"), column("state", "state"), { name: "function", cell: functionOf },
              column("created", "createdAt"), column("settled", "settledAt")],
  tasks:     [column("id", "id"), column("state", "state"), column("version", "version"),
              column("resumes", "resumes"), column("pid", "pid")],
  schedules: [column("id", "id"), column("cron", "cron"), { name: "function", cell: functionOf },
              column("next", "nextRunAt"), column("last", "lastRunAt")],
} as const satisfies Readonly<Record<string, readonly Column[]>>;

const widthMax = 48; // arbitrary: of most ids; a longer one moves only its own line

/** A page of a search. */
export function table(kind: keyof typeof columns, answer: Answer): string {
  const rows = rowsOf(answer, kind);
  const lines = [
    columns[kind].map(({ name }) => name.toUpperCase()),
    ...rows.map((row) => columns[kind].map(({ cell }) => cell(row))),
  ];
  const widths = columns[kind].map((_, index) => {
    const lengths = lines.map((line) => line[index]?.length ?? 0);
    return Math.max(0, ...lengths.filter((length) => length <= widthMax));
  });
  const padded = lines.map((line) => {
    return line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd();
  });
  const { cursor } = answer;
  const more = typeof cursor === "string" ? `\nmore: --cursor ${quoted(cursor)}\n` : "";
  return rows.length === 0 ? `none\n${more}` : `${padded.join("\n")}\n${more}`;
}

/** The records of a page that are some; a server of ours sends no others. */
export function rowsOf(answer: Answer, kind: keyof typeof columns): readonly Row[] {
  const { [kind]: rows } = answer;
  return Array.isArray(rows) ? rows.filter(isRow) : [];
}

/** What the SDKs write into a call's param; empty if it is none. */
export function functionOf(row: Row): string {
  const { param = row["promiseParam"] } = row;
  const { data } = isRow(param) ? param : {};
  try {
    const asked: unknown = JSON.parse(typeof data === "string" ? textOf(data) : "");
    const { func } = isRow(asked) ? asked : {};
    return typeof func === "string" ? plain(func) : "";
  } catch {
    return "";
  }
}

function shown(name: string, value: unknown): string {
  if (instants.has(name)) return date(value);
  if (durations.has(name)) return typeof value === "number" ? duration(value) : "for ever";
  if (payloads.has(name)) return payload(value);
  return plain(typeof value === "string" ? value : JSON.stringify(value));
}

function payload(value: unknown): string {
  const { data, headers } = isRow(value) ? value : {};
  const text = typeof data === "string" ? textOf(data) : "";
  const named = headers === undefined || isEmpty(headers) ? "" : ` ${JSON.stringify(headers)}`;
  return plain(`${text}${named}`);
}

function textOf(data: string): string {
  const bytes = Buffer.from(data, "base64");
  const text = bytes.toString();
  const isText = bytes.toString("base64") === data && !text.includes("\ufffd");
  return isText ? text : data;
}

/** For a shell. */
function quoted(text: string): string {
  const isPlain = /^[\w.:/@%+=,-]+$/.test(text);
  return isPlain ? text : `'${plain(text).replaceAll("'", "'\\''")}'`;
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null;
}

function isEmpty(value: unknown): boolean {
  return isRow(value) && Object.keys(value).length === 0;
}
