// The kinds of values that a setting may have. A value comes as text, from a flag, a variable or a
// file, and each kind knows what it looks like, what it means and how to say so to an operator.

import { validateHeaderName, validateHeaderValue } from "node:http";
import { type Permission, parsePermission } from "../aio/target.ts";

export type Kind<Value> = {
  /** Stands for the value in a help text; empty for a switch, which needs none. */
  readonly placeholder: string;
  /** Ends the sentence "expected ...". */
  readonly expected: string;
  readonly isList: boolean;
  /** Never printed. */
  readonly isSecret?: true;
  /** @returns null if it is none of the kind; of several texts that are no list, the last counts */
  readonly parse: (texts: readonly string[]) => Value | null;
};

export type Address = { readonly host: string; readonly port: number };

/** The longest that a Node timer can wait, 2^31 - 1 ms. */
const durationMaxMs = 2 ** 31 - 1;

/** Arbitrary: queues are allocated at the start, and this many still fit. */
const countMax = 1_000_000;

const portMax = 65_535;

/** An IPv6 host stands in brackets; without a host, all interfaces are meant, as in the old server. */
export const address: Kind<Address> = scalar({
  placeholder: "host:port",
  expected: "host:port, such as 127.0.0.1:8001, :8001 or [::1]:8001",
  parse: (text) => {
    const [, bracketed, plain = "", digits = ""] =
      text.match(/^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/]*)):(\d{1,5})$/i) ?? [];
    const portNumber = whole(digits, 0, portMax);
    if (portNumber === null) return null;
    return { host: bracketed ?? (plain === "" ? "0.0.0.0" : plain), port: portNumber };
  },
});

/** As it is written. */
export function print({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export const port: Kind<number> = scalar({
  placeholder: "port",
  expected: `a port, 0 to ${portMax}`,
  parse: (text) => whole(text, 0, portMax),
});

/** In ms. */
export const duration: Kind<number> = scalar({
  placeholder: "duration",
  expected: "a duration with its unit, such as 250ms, 10s, 1m30s or 24h, at most 596h",
  parse: parseDuration,
});

/** The same of what takes its time, or comes again and again. */
export const interval: Kind<number> = scalar({
  placeholder: "duration",
  expected: "a duration with its unit, such as 250ms, 10s or 1m30s, at least 1ms, at most 596h",
  parse: (text) => parseDuration(text) || null,
});

function parseDuration(text: string): number | null {
  const number = String.raw`(\d{1,10}(?:\.\d{1,10})?)`;
  const pattern = `^(?:${number}h)?(?:${number}m)?(?:${number}s)?(?:${number}ms)?$`;
  const [, ...parts] = text.match(pattern) ?? [];
  if (parts.every((part) => part === undefined)) return null;
  const [hours = 0, minutes = 0, seconds = 0, rest = 0] = parts.map((part) => Number(part ?? 0));
  const ms = Math.round(((hours * 60 + minutes) * 60 + seconds) * 1000 + rest);
  return ms <= durationMaxMs ? ms : null;
}

/** In bytes. */
export function size(maxMib: number): Kind<number> {
  const units: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: 1024 * 1024 };
  return scalar({
    placeholder: "size",
    expected: `a size in bytes, KiB or MiB, such as 65536 or 4MiB, 1 to ${maxMib}MiB`,
    parse: (text) => {
      const [, digits = "", unit = ""] = text.match(/^(\d{1,15})(KiB|MiB|)$/) ?? [];
      const number = whole(digits, 1, Number.MAX_SAFE_INTEGER);
      const bytes = number === null ? null : number * (units[unit] ?? 1);
      return bytes !== null && bytes <= maxMib * 1024 * 1024 ? bytes : null;
    },
  });
}

export const count: Kind<number> = scalar({
  placeholder: "count",
  expected: `a whole number, 1 to ${countMax}`,
  parse: (text) => whole(text, 1, countMax),
});

/** The same, where it may be left to us. */
export const countOrNone: Kind<number | "usual"> = scalar({
  placeholder: "count",
  expected: `a whole number, 1 to ${countMax}, or nothing`,
  parse: (text) => (text === "" ? "usual" : whole(text, 1, countMax)),
});

/** Zero means that there is none. */
export function countUpTo(max: number): Kind<number> {
  return scalar({
    placeholder: "count",
    expected: `a whole number, 0 to ${max}`,
    parse: (text) => whole(text, 0, max),
  });
}

/** @param what what the text is; not empty */
export function text(what: string): Kind<string> {
  return scalar({
    placeholder: what,
    expected: `a ${what}`,
    parse: (given) => (given === "" || given.includes("\0") ? null : given),
  });
}

/** The same, where none is one, too. */
export function textOrNone(what: string): Kind<string> {
  return scalar({
    placeholder: what,
    expected: `a ${what}, or nothing`,
    parse: (given) => (given.includes("\0") ? null : given),
  });
}

/** Of http or https, or nothing. */
export const urlOrNone: Kind<string> = scalar({
  placeholder: "url",
  expected: "a URL of http or https, or nothing",
  parse: (given) => {
    const isUrl = /^https?:\/\//i.test(given) && URL.canParse(given);
    return given === "" || isUrl ? given : null;
  },
});

export const headerName: Kind<string> = scalar({
  placeholder: "header",
  expected: "the name of a header",
  parse: (given) => (isAccepted(() => validateHeaderName(given)) ? given : null),
});

/** What stands behind "Bearer", or nothing. */
export const token: Kind<string> = {
  ...scalar({
    placeholder: "token",
    expected: "a token without spaces, or nothing",
    parse: (given) => {
      const isToken = !/\s/.test(given) && isAccepted(() => validateHeaderValue("token", given));
      return isToken ? given : null;
    },
  }),
  isSecret: true,
};

/** @param what what the text is; may be empty */
export function secret(what: string): Kind<string> {
  return { ...textOrNone(what), isSecret: true };
}

/** Or nothing. It may hold a password. */
export const postgresUrl: Kind<string> = {
  ...scalar({
    placeholder: "url",
    expected: "a URL such as postgres://user@host:5432/database, or nothing",
    parse: (given) => {
      const isUrl = /^postgres(?:ql)?:\/\//i.test(given) && URL.canParse(given);
      return given === "" || isUrl ? given : null;
    },
  }),
  isSecret: true,
};

/** Node has no other way to ask. */
function isAccepted(validate: () => void): boolean {
  try {
    validate();
    return true;
  } catch {
    return false;
  }
}

/** In any letter case. */
export function choice<const Choice extends string>(choices: readonly Choice[]): Kind<Choice> {
  return scalar({
    placeholder: choices.join("|"),
    expected: choices.join(", ").replace(/, ([^,]*)$/, " or $1"),
    parse: (given) => choices.find((each) => each === given.toLowerCase()) ?? null,
  });
}

export const toggle: Kind<boolean> = scalar({
  placeholder: "",
  expected: "true or false",
  parse: (given) => {
    const lower = given.toLowerCase();
    return lower === "true" || lower === "false" ? lower === "true" : null;
  },
});

/** As browsers send them, or `*` for all. */
export const origins: Kind<readonly string[]> = list({
  placeholder: "origin",
  expected: "origins such as https://app.example.com, or *",
  parse: (given) => {
    const isOrigin = URL.canParse(given) && new URL(given).origin === given;
    return given === "*" || isOrigin ? given : null;
  },
});

/** Where messages may be pushed to (aio/target.ts). */
export const permissions: Kind<readonly Permission[]> = list({
  placeholder: "host|url",
  expected: "hosts such as a.example or a.example:8080, or URLs such as https://a.example/hooks/",
  parse: parsePermission,
});

type Scalar<Value> = {
  readonly placeholder: string;
  readonly expected: string;
  readonly parse: (text: string) => Value | null;
};

function scalar<Value>({ placeholder, expected, parse }: Scalar<Value>): Kind<Value> {
  const last = (texts: readonly string[]) => parse(texts.at(-1) ?? "");
  return { placeholder, expected, isList: false, parse: last };
}

/** Several texts, or one with commas, each of which is parsed. */
function list<Member>({ placeholder, expected, parse }: Scalar<Member>): Kind<readonly Member[]> {
  const parseAll = (texts: readonly string[]) => {
    const members = texts.flatMap((each) => each.split(",")).map((each) => each.trim());
    const isEmpty = members.every((member) => member === "");
    if (isEmpty) return [];
    const parsed = members.map(parse);
    return parsed.some((member) => member === null)
      ? null
      : parsed.filter((member) => member !== null);
  };
  return { placeholder, expected, isList: true, parse: parseAll };
}

function whole(digits: string, min: number, max: number): number | null {
  if (!/^\d{1,16}$/.test(digits)) return null;
  const number = Number(digits);
  return number >= min && number <= max ? number : null;
}
