// Exact integers in and out of JSON. A client's deadline is any int64 and is echoed to the last
// digit (promise-api.md, "int64"), but a JSON number that is parsed as usual rounds above 2^53, and
// forgets whether it was written `5`, `5.0` or `5e0`. So the source text is kept on the way in, and
// printed as it is on the way out.
//
//   N1. A number under an exact member is read as its source text, whatever its size or form.
//   N2. The quick way and the reviver read every text alike; the reviver is what is right.

declare global {
  // The parts of "JSON.parse source text access" that the compiler's library does not know yet.
  interface JSON {
    parse(text: string, reviver: Reviver): unknown;
    rawJSON(text: string): unknown;
  }
}

type Reviver = (
  this: unknown,
  name: string,
  value: unknown,
  context: { readonly source?: string },
) => unknown;

/** A JSON number that nobody has interpreted yet. */
export class JsonNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/**
 * Like `JSON.parse`, but a number under the name `member`, at any depth, becomes a `JsonNumber` (N1).
 *
 * The reviver runs for every member of the text and makes parsing five times slower, so the usual
 * text is read without it. That is exact (N2): in a text that parses and has no backslash, every
 * occurrence of the quoted name is a whole string; if there is only one, and the object at the top
 * has a member of that name, the occurrence is this member's name, and its number comes next.
 *
 * @throws SyntaxError if it is not JSON, RangeError if the reviver finds it nested too deeply
 */
export function parseExact(text: string, member: "timeout"): unknown {
  if (text.includes("\\")) return parseByReviver(text, member);
  const name = `"${member}"`;
  const start = text.indexOf(name);
  if (start === -1) return JSON.parse(text);
  const end = start + name.length;
  if (text.includes(name, end)) return parseByReviver(text, member);
  const parsed: unknown = JSON.parse(text);
  if (!isObject(parsed) || !Object.hasOwn(parsed, member)) return parseByReviver(text, member);
  if (typeof parsed[member] === "number") parsed[member] = numberAfter(text, end);
  return parsed;
}

/** What `parseExact` must agree with. */
export function parseByReviver(text: string, member: "timeout"): unknown {
  return JSON.parse(text, (name, value, { source }) => {
    const isExact = name === member && typeof value === "number" && source !== undefined;
    return isExact ? new JsonNumber(source) : value;
  });
}

/** A value for `JSON.stringify` that prints as exactly this integer. */
export function printable(integer: bigint): unknown {
  const isSafe = integer <= Number.MAX_SAFE_INTEGER && integer >= Number.MIN_SAFE_INTEGER;
  return isSafe ? Number(integer) : JSON.rawJSON(`${integer}`); // a number prints twice as fast
}

const sourceAfterName = /[ \t\r\n]*:[ \t\r\n]*([-+.\dEe]+)/y;

function numberAfter(text: string, end: number): JsonNumber {
  sourceAfterName.lastIndex = end;
  return new JsonNumber(sourceAfterName.exec(text)?.[1] ?? "");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** No double rounds a shorter number; and what may have an exponent, which most ids have not. */
const longNumber = /[\d.]{16}|[:,[]\s*-?[\d.]+[eE]/;

/**
 * Like `JSON.parse`, but a number under one of these names, at any depth, becomes a `JsonNumber` where
 * a double might not hold it (N1); most texts have none.
 *
 * @throws as `parseExact`
 */
export function parseMembers(text: string, members: ReadonlySet<string>): unknown {
  if (!longNumber.test(text)) return JSON.parse(text);
  return JSON.parse(text, (name, value, { source }) => {
    const isExact = members.has(name) && typeof value === "number" && source !== undefined;
    return isExact ? new JsonNumber(source) : value;
  });
}

/** The smallest integer that is not below it; null if it is no number. */
export function roundedUp(input: unknown): bigint | null {
  if (typeof input === "number") return Number.isFinite(input) ? BigInt(Math.ceil(input)) : null;
  if (!(input instanceof JsonNumber)) return null;
  const [, sign, whole = "", fraction = "", exponent = "0"] = number.exec(input.source) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  if (digits === "") return 0n;
  const isNegative = sign === "-";
  const wholeLength = digits.length - fraction.length + Number(exponent);
  if (wholeLength > lengthMax) return isNegative ? -int64Beyond : int64Beyond;
  const kept = Math.max(0, wholeLength);
  const integer = BigInt(digits.slice(0, kept).padEnd(kept, "0"));
  if (isNegative) return -integer;
  return /[1-9]/.test(digits.slice(kept)) ? integer + 1n : integer;
}

/** A JSON number in its parts. */
const number = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/;

/** Digits of the largest int64. */
const lengthMax = 19;

/** Larger than any int64, for numbers that have more digits. */
const int64Beyond = 2n ** 64n;
