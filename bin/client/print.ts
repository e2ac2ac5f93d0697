// Records for people: a line for each member. Dates are shown as such, and payloads that are base64 of
// text as that text.

const instants: ReadonlySet<string> = new Set(["timeoutAt", "createdAt", "settledAt"]);
const furthest = 8.64e15; // ms; no date is later

export function printed(answer: unknown): string {
  const { promise, task } = answer as { readonly promise?: unknown; readonly task?: unknown };
  const record = promise ?? task;
  if (typeof record !== "object" || record === null) return "done\n";
  const members = Object.entries(record).filter(([, value]) => !isEmpty(value));
  const width = Math.max(...members.map(([name]) => name.length));
  const lines = members.flatMap(([name, value]) => {
    return `${name.padEnd(width)}  ${shown(name, value)}`;
  });
  return `${lines.join("\n")}\n`;
}

function shown(name: string, value: unknown): string {
  if (instants.has(name) && typeof value === "number") {
    return value <= furthest ? new Date(value).toISOString() : "never";
  }
  if (name === "param" || name === "value") return payload(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

function payload(value: unknown): string {
  const { data, headers } = value as { readonly data?: string; readonly headers?: object };
  const text = data === undefined ? "" : textOf(data);
  const named = headers === undefined || isEmpty(headers) ? "" : ` ${JSON.stringify(headers)}`;
  return `${text}${named}`;
}

function textOf(data: string): string {
  const bytes = Buffer.from(data, "base64");
  const text = bytes.toString();
  const isText = bytes.toString("base64") === data && !text.includes("\ufffd");
  return isText ? text : data;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
