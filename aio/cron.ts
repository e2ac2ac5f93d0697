// Cron behind the port `Cron`: which expressions there are, and when one occurs next. This is the
// table of its dialect (protocol.md §6); test/aio/cron.test.ts has rows for each of its lines. The
// package croner walks the calendar. It knows more expressions than we do and has other rules for
// changes of the clock (aio/DESIGN.md), so it is handed numbers only and never a time zone.
//
//   Z1. Five fields, `minute hour day-of-month month day-of-week`, or six with the second in front.
//   Z2. A field is a list of `*`, `a`, `a-b`, `*/n`, `a-b/n`, `a/n`, the last up to the maximum. In day
//       fields `?` is `*`. n is at least 1, and at most the number of values that the field has.
//   Z3. A value is a number in its range, or a name in any letter case. Ranges run upwards.
//   Z4. In day-of-week both 0 and 7 are Sunday; its maximum is 7. The name SUN is 0, and only 0.
//   Z5. Either of the two day fields may match. If one begins with `*` or `?`, both must.
//   Z6. The macros are @yearly @annually @monthly @weekly @daily @midnight @hourly, so written.
//   Z7. Nothing else is an expression: no year, L, W, #, +, @every, and none over 1024 characters.
//   Z8. A time zone is an IANA name, in any letter case. An offset is none.
//   Z9. The answer is a whole second, strictly later.
//   Z10. Local times that a change of the clock skips all occur at the first instant after the gap.
//   Z11. A local time that comes twice occurs at the first, and at both if the hour begins with `*`.
//   Z12. It goes on to the end of our clock: calendar and zones repeat themselves every 400 years.

import { CronDate, CronPattern } from "croner";
import { type InstantMs, instantMs } from "../kernel/ids.ts";
import type { Cron, CronNext, CronRule } from "../kernel/ports.ts";

type Field = {
  readonly min: number;
  readonly max: number;
  /** Of the values that differ. */
  readonly count: number;
  readonly names: readonly string[];
  readonly isDay: boolean;
};

/** What an expression means, to croner and to us. */
type Schedule = {
  readonly pattern: CronPattern;
  /** Whether both day fields must match. */
  readonly domAndDow: boolean;
  readonly isHourly: boolean;
};

/** The time from one change of a zone's clock to the next; offsets from UTC in ms. */
type Span = {
  readonly startAt: number | null;
  /** The first instant that is no longer part of it. */
  readonly endAt: number | null;
  readonly offsetMs: number;
  readonly offsetBeforeMs: number;
};

const months = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const weekdays = "SUN MON TUE WED THU FRI SAT".split(" ");

// biome-ignore format: a table is read down its columns
const fields: readonly Field[] = [
  { min: 0, max: 59, count: 60, names: [],       isDay: false }, // second
  { min: 0, max: 59, count: 60, names: [],       isDay: false }, // minute
  { min: 0, max: 23, count: 24, names: [],       isDay: false }, // hour
  { min: 1, max: 31, count: 31, names: [],       isDay: true },  // day of month
  { min: 1, max: 12, count: 12, names: months,   isDay: false }, // month
  { min: 0, max: 7,  count: 7,  names: weekdays, isDay: true },  // day of week
];

const macros: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);

/** In leap years. */
const daysOf = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Arbitrary: every value of every field, each once and with two digits, takes half of that. */
const lengthMax = 1024;

/** 400 years of the Gregorian calendar: a whole number of weeks. */
const cycleMs = 146_097 * 86_400_000;

/** More than any change moves a clock: that of Samoa went ahead by a day. */
const changeMaxMs = 2 * 86_400_000;

/**
 * The year 2400. From here on instants are moved into the 400 years that follow: all rules of zones
 * that have an end have ended, and it is far from 3000, where croner stops. No rule pauses for
 * longer than 40 years (29 February on a given day of the week, across a year like 2100).
 */
const cycleAt = Date.UTC(2400);

/** Expressions and zones that are remembered; far fewer are in use, as a rule. Arbitrary. */
const rememberedMax = 256;

/** Of the expressions that were asked for last: reading one takes longer than finding its next instant. */
const parsed = new Map<string, Schedule | null>();

/** The span that each zone was asked for last. Who catches up asks for instants of one span. */
const spans = new Map<string, Span>();

export const cron: Cron = { next };

function next({ expression, zone }: CronRule, after: InstantMs): CronNext {
  const schedule = remembered(expression);
  if (schedule === null) return { kind: "invalid", part: "expression" };
  if (!isZone(zone)) return { kind: "invalid", part: "zone" };
  if (!isPossible(schedule)) return { kind: "never" };
  const cycles = Math.max(0, Math.floor((after - cycleAt) / cycleMs)); // Z12
  const found = search(schedule, zone, after - cycles * cycleMs);
  const at = found === null ? Number.POSITIVE_INFINITY : found + cycles * cycleMs;
  return at <= Number.MAX_SAFE_INTEGER ? { kind: "occurs", at: instantMs(at) } : { kind: "never" };
}

function remembered(expression: string): Schedule | null {
  const known = parsed.get(expression);
  if (known !== undefined) return known;
  const schedule = parse(expression);
  if (expression.length <= lengthMax) remember(parsed, expression, schedule);
  return schedule;
}

function remember<Value>(values: Map<string, Value>, name: string, value: Value): void {
  if (values.size >= rememberedMax && !values.has(name)) values.clear();
  values.set(name, value);
}

function parse(expression: string): Schedule | null {
  if (expression.length > lengthMax) return null; // Z7
  const text = expression.replace(/^[ \t]+|[ \t]+$/g, "");
  const words = (macros.get(text) ?? text).split(/[ \t]+/); // Z6
  const all = words.length === 5 ? ["0", ...words] : words; // Z1
  if (all.length !== fields.length) return null;
  const plain = fields.map((field, index) => plainField(field, all[index] ?? ""));
  if (plain.includes(null)) return null;
  const [, , hour = "", dayOfMonth = "", , dayOfWeek = ""] = all;
  return {
    pattern: new CronPattern(plain.join(" "), undefined, { mode: "6-part" }),
    domAndDow: /^[*?]/.test(dayOfMonth) || /^[*?]/.test(dayOfWeek), // Z5
    isHourly: hour.startsWith("*"), // Z11
  };
}

/** Croner would find out by walking through 400 years. Either day: there is always a day of the week. */
function isPossible({ pattern, domAndDow }: Schedule): boolean {
  const hasDay = (days: number) => pattern.day.slice(0, days).includes(1);
  return !domAndDow || daysOf.some((days, month) => pattern.month[month] === 1 && hasDay(days));
}

/** The same field as `*`, or as a list of `a-b/n` in numbers; null if it is not valid. */
function plainField(field: Field, text: string): string | null {
  if (text === "*" || (text === "?" && field.isDay)) return "*"; // croner is fastest with it
  const members = text.split(",").map((member) => plainMember(field, member));
  return members.includes(null) ? null : members.join(",");
}

function plainMember(field: Field, text: string): string | null {
  const parts = /^(?:([*?])|(\w+)(?:-(\w+))?)(?:\/(\d+))?$/.exec(text); // Z2
  if (parts === null) return null;
  const [, any, from, to, every] = parts;
  if (any === "?" && !field.isDay) return null;
  const low = from === undefined ? field.min : numberOf(field, from);
  const isOpen = from === undefined || (to === undefined && every !== undefined);
  const high = isOpen ? field.max : numberOf(field, to ?? from);
  const step = every === undefined ? 1 : Number(every);
  if (low === null || high === null || low > high) return null; // Z3
  return step >= 1 && step <= field.count ? `${low}-${high}/${step}` : null;
}

function numberOf(field: Field, text: string): number | null {
  const place = field.names.indexOf(text.toUpperCase());
  if (place >= 0) return field.min + place; // Z4
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= field.min && value <= field.max ? value : null; // Z3
}

/** Z8. Temporal would also take an offset, or a whole date with a zone in it. */
function isZone(zone: string): boolean {
  if (spans.has(zone)) return true;
  if (!/^[A-Za-z][\w+-]*(?:\/[\w+-]+)*$/.test(zone)) return false;
  try {
    localAt(zone, 0);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/**
 * Goes from one change of the clock to the next. In between local time runs evenly, so what croner
 * finds on the calendar is an instant. If it finds nothing in a long while, changes are left out:
 * what they skip or bring again lies in that while.
 */
function search(schedule: Schedule, zone: string, after: number): number | null {
  let from = Math.floor(after / 1000) * 1000 + 1000; // Z9
  for (;;) {
    const { startAt, endAt, offsetMs, offsetBeforeMs } = spanAt(zone, from);
    if (from === startAt && offsetBeforeMs < offsetMs) {
      const skipped = match(schedule, from + offsetBeforeMs);
      if (skipped !== null && skipped < from + offsetMs) return from; // Z10
    }
    const isSeen = startAt !== null && !schedule.isHourly && offsetMs < offsetBeforeMs;
    const seenUntil = isSeen ? startAt + offsetBeforeMs : Number.NEGATIVE_INFINITY; // Z11
    const local = match(schedule, Math.max(from + offsetMs, seenUntil));
    if (local === null) return null;
    const at = local - offsetMs;
    if (endAt === null || at < endAt) return at;
    from = endAt - from > changeMaxMs ? Math.max(endAt, at - changeMaxMs) : endAt;
  }
}

/** The first local time that matches, itself included, in ms as though it were UTC. */
function match({ pattern, domAndDow }: Schedule, local: number): number | null {
  const before = new CronDate(new Date(local - 1), 0); // 0: minutes from UTC
  return before.increment(pattern, { domAndDow }, false)?.getTime() ?? null;
}

function spanAt(zone: string, at: number): Span {
  const known = spans.get(zone);
  if (known !== undefined) {
    const { startAt, endAt } = known;
    if ((startAt === null || startAt <= at) && (endAt === null || at < endAt)) return known;
  }
  const span = findSpan(zone, at);
  remember(spans, zone, span);
  return span;
}

function findSpan(zone: string, at: number): Span {
  const local = localAt(zone, at);
  const offsetMs = local.offsetNanoseconds / 1_000_000;
  const start = localAt(zone, at + 1).getTimeZoneTransition("previous");
  const endAt = local.getTimeZoneTransition("next")?.epochMilliseconds ?? null;
  if (start === null) return { startAt: null, endAt, offsetMs, offsetBeforeMs: offsetMs };
  const startAt = start.epochMilliseconds;
  const offsetBeforeMs = localAt(zone, startAt - 1).offsetNanoseconds / 1_000_000;
  return { startAt, endAt, offsetMs, offsetBeforeMs };
}

function localAt(zone: string, at: number): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
}
