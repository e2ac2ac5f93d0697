// When a cron expression occurs, as far as these worlds ask for it (protocol.md §6). Five fields or six,
// with values, ranges, steps, lists and names, in zones whose clocks never change. All else is no
// expression here, and no workload draws it.
//
//   O5. An occurrence is a whole second, and the next one lies strictly behind the instant asked about.
//   O6. If both day fields are restricted, either may match. Sunday is 0, and 7 as well.

export type ModelNext =
  | { readonly kind: "occurs"; readonly at: number }
  | { readonly kind: "never" }
  | { readonly kind: "invalid"; readonly part: "expression" | "zone" };

export type ModelRule = { readonly expression: string; readonly zone: string };

type Field = { readonly min: number; readonly max: number; readonly names: readonly string[] };
type Fields = {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly isDay: (day: number) => boolean;
};

/** Ahead of UTC, ms. */
export const zones: ReadonlyMap<string, number> = new Map([
  ["UTC", 0],
  ["Asia/Kolkata", 19_800_000],
  ["America/Phoenix", -25_200_000],
]);

const daySeconds = 86_400;

/** Leap days are at most eight years apart. */
const daysMax = 12 * 366;

const months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const sixty: Field = { min: 0, max: 59, names: [] };
const hour: Field = { min: 0, max: 23, names: [] };
const dayOfMonth: Field = { min: 1, max: 31, names: [] };
const month: Field = { min: 1, max: 12, names: months };
const dayOfWeek: Field = { min: 0, max: 7, names: weekdays };

/** @param after ms since the Unix epoch */
export function nextOf({ expression, zone }: ModelRule, after: number): ModelNext {
  const fields = read(expression);
  if (fields === null) return { kind: "invalid", part: "expression" };
  const ahead = zones.get(zone);
  if (ahead === undefined) return { kind: "invalid", part: "zone" };
  const from = Math.floor((after + ahead) / 1000) + 1; // O5
  const today = Math.floor(from / daySeconds);
  for (let day = today; day < today + daysMax; day += 1) {
    if (!fields.isDay(day)) continue;
    const second = firstOfDay(fields, day === today ? from - day * daySeconds : 0);
    if (second !== null) {
      return { kind: "occurs", at: (day * daySeconds + second) * 1000 - ahead };
    }
  }
  return { kind: "never" };
}

function firstOfDay({ seconds, minutes, hours }: Fields, from: number): number | null {
  for (const each of hours) {
    if (each * 3600 + 3599 < from) continue;
    for (const minute of minutes) {
      const start = each * 3600 + minute * 60;
      const second = seconds.find((second) => start + second >= from);
      if (second !== undefined) return start + second;
    }
  }
  return null;
}

function read(expression: string): Fields | null {
  const texts = expression.split(" ");
  const [second = "", minute = "", each = "", date = "", inMonth = "", weekday = ""] =
    texts.length === 5 ? ["0", ...texts] : texts;
  if (texts.length !== 5 && texts.length !== 6) return null;
  const [seconds, minutes, hours] = [
    values(second, sixty),
    values(minute, sixty),
    values(each, hour),
  ];
  const [dates, all] = [values(plain(date), dayOfMonth), values(inMonth, month)];
  const days = values(plain(weekday), dayOfWeek);
  if (!seconds || !minutes || !hours || !dates || !all || !days) return null;
  const isEither = ![date, weekday].some((text) => text.startsWith("*") || text.startsWith("?")); // O6
  const isDay = (day: number): boolean => {
    const { date: dated, month: inYear } = civil(day);
    if (!all.includes(inYear)) return false;
    const weekdayOf = (day + 4) % 7; // the first day was a Thursday
    const isMeant = days.includes(weekdayOf) || (weekdayOf === 0 && days.includes(7)); // O6
    return isEither ? dates.includes(dated) || isMeant : dates.includes(dated) && isMeant;
  };
  return { seconds, minutes, hours, isDay };
}

/** In day fields. */
function plain(text: string): string {
  return text === "?" ? "*" : text;
}

/** In their order; null: no such field. */
function values(text: string, field: Field): readonly number[] | null {
  const found = new Set<number>();
  for (const part of text.split(",")) {
    const [, first = "", last, step = "1"] = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part) ?? [];
    const isAll = first === "*";
    const low = isAll ? field.min : numberOf(first, field);
    const high = last === undefined ? null : numberOf(last, field);
    const isOpen = isAll || (part.includes("/") && last === undefined);
    const end = last !== undefined ? high : isOpen ? field.max : low;
    if (low === null || end === null || end < low || Number(step) === 0) return null;
    for (let value = low; value <= end; value += Number(step)) found.add(value);
  }
  return [...found].sort((left, right) => left - right);
}

function numberOf(text: string, { min, max, names }: Field): number | null {
  const named = names.indexOf(text.toUpperCase());
  const value = named >= 0 ? named + (min === 1 ? 1 : 0) : /^\d+$/.test(text) ? Number(text) : null;
  return value !== null && value >= min && value <= max ? value : null;
}

/** The calendar of a day, by its number since 1970-01-01: in years that begin in March. */
export function civil(day: number): { readonly date: number; readonly month: number } {
  const shifted = day + 719_468; // since 0000-03-01
  const dayOfEra = shifted - Math.floor(shifted / 146_097) * 146_097;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524);
  const yearOfEra = Math.floor((dayOfEra - leaps - Math.floor(dayOfEra / 146_096)) / 365);
  const days = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - days;
  const march = Math.floor((5 * dayOfYear + 2) / 153);
  const date = dayOfYear - Math.floor((153 * march + 2) / 5) + 1;
  return { date, month: march < 10 ? march + 3 : march - 9 };
}
