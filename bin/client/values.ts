// What flags mean: durations, payloads, tags and calls, as the protocol wants them.

import { Refused } from "./ask.ts";
import type { Flag, Flags, Given } from "./row.ts";
import { exactly } from "./text.ts";

export const timeout: Flag = {
  placeholder: "duration",
  usual: "24h",
  meaning: "from now to the deadline: a number with ms, s, m, h or d",
};

export const tags: Flag = {
  placeholder: "name=value",
  usual: "",
  meaning: "tag; may be repeated",
};

export const target: Flag = {
  placeholder: "address",
  usual: "poll://any@default",
  meaning: "the workers that may run it",
};

export const payload: Flags = {
  data: { placeholder: "text", usual: "", meaning: "payload, stored as it is" },
  value: {
    placeholder: "json",
    usual: "",
    meaning: "payload for functions: JSON, written as the SDKs read it",
  },
};

export const call = {
  func: { placeholder: "name", usual: "", meaning: "the function, as it was registered" },
  arg: { placeholder: "json", usual: "", meaning: "argument; may be repeated" },
  version: { placeholder: "number", usual: "1", meaning: "of the function" },
} as const satisfies Flags;

/** Those of every search. */
export const paging: Flags = {
  prefix: { placeholder: "text", usual: "", meaning: "only ids that begin with it" },
  limit: { placeholder: "number", usual: "", meaning: "how many at most, 1 to 1000" },
  cursor: { placeholder: "text", usual: "", meaning: "as the page before said" },
};

const unitsMs: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

export function toDeadline({ flag }: Given): number {
  return Date.now() + toMs("timeout", flag("timeout"));
}

export function toMs(name: string, text: string): number {
  const [, digits, unit = ""] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const unitMs = unitsMs.get(unit);
  if (digits === undefined || unitMs === undefined) {
    throw new Refused(`--${name} must be a number with ms, s, m, h or d: ${text}`);
  }
  return Number(digits) * unitMs;
}

export function toPayload({ flag, list }: Given): { readonly data?: string } {
  const [value] = list("value").slice(-1);
  if (value === undefined) return flag("data") === "" ? {} : { data: flag("data") };
  if (flag("data") !== "") throw new Refused("--data and --value exclude each other");
  return { data: encoded(toJson(value)) };
}

/** What a worker reads to run a function. */
export function toCall({ flag, list }: Given): { readonly headers: object; readonly data: string } {
  const version = toWhole("version", flag("version"));
  const asked = { func: flag("func"), args: list("arg").map(toJson), version };
  return { headers: {}, data: encoded(asked) };
}

export function toTags({ list }: Given): Readonly<Record<string, string>> {
  return Object.fromEntries(list("tag").map(toPair));
}

/** What was not given is not asked for. */
export function toSearch(given: Given): Readonly<Record<string, unknown>> {
  const { flag, list } = given;
  return {
    ...(flag("state") !== "" && { state: flag("state") }),
    ...(list("tag").length > 0 && { tags: toTags(given) }),
    ...(flag("prefix") !== "" && { idPrefix: flag("prefix") }),
    ...(flag("limit") !== "" && { limit: toWhole("limit", flag("limit")) }),
    ...(flag("cursor") !== "" && { cursor: flag("cursor") }),
  };
}

function toWhole(name: string, text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number;
  throw new Refused(`--${name} must be a whole number: ${text}`);
}

/** What is no JSON is a text, so that quotes need no quotes. */
function toJson(text: string): unknown {
  try {
    return exactly(text);
  } catch {
    return text;
  }
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64");
}

function toPair(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new Refused(`--tag must be written as name=value: ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}
