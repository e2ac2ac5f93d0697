// Texts for the terminal. Ids, tags and payloads are whatever somebody once stored.
//
//   Q1. No text of a server can move the cursor, colour, reorder or hide what is printed: such
//       characters are printed as escapes. In JSON, too, where an escape means the same character.
//   Q2. A number keeps all its digits on the way through, however large it is.

/** Controls, invisible formats (those that turn the direction of writing among them), and line ends. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const short: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/** Q1. */
export function plain(text: string): string {
  return text.replace(unsafe, (character) => short.get(character) ?? escaped(character));
}

/**
 * JSON, of which numbers that a double would round stand for themselves when they are printed.
 *
 * @throws SyntaxError, or RangeError if it is nested too deeply
 */
export function exactly(text: string): unknown {
  return JSON.parse(text, (_name, value, { source }) => {
    if (typeof value !== "number" || source === undefined) return value;
    const isRounded = !Number.isFinite(value) || (Number.isInteger(value) && !isSafe(value));
    return isRounded ? JSON.rawJSON(source) : value; // Q2
  });
}

const isSafe = Number.isSafeInteger;

/** On one line. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, escaped); // Q1; within strings only: no line is broken
}

function escaped(character: string): string {
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** The two largest units tell enough. */
export function duration(ms: number): string {
  if (ms < second) return `${ms} ms`;
  if (ms < minute) return `${Math.floor(ms / 100) / 10} s`;
  const [large, small, names] =
    ms < hour ? [minute, second, "min s"] : ms < day ? [hour, minute, "h min"] : [day, hour, "d h"];
  const [first, next] = names.split(" ");
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${first}${rest === 0 ? "" : ` ${rest} ${next}`}`;
}

const furthest = 8.64e15; // ms; no date is later

export function date(at: unknown): string {
  const isDate = typeof at === "number" && Math.abs(at) <= furthest;
  return isDate ? new Date(at).toISOString() : "never";
}
