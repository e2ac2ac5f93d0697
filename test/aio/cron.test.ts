// The dialect of cron, as tables: first what is an expression and what it means, one row for each rule
// of aio/cron.ts and more where croner alone would answer otherwise; then changes of the clock; then
// what is refused. Properties compare with a model that knows neither croner nor spans of time: it
// takes every minute on the wall, asks the rules which instants it stands for, and sorts them.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { cron } from "../../aio/cron.ts";
import { instantMs } from "../../kernel/ids.ts";

const at = (text: string) => Temporal.Instant.from(text).epochMilliseconds;

/** As many occurrences as there are texts to compare them with. */
function occurrences(expression: string, zone: string, after: number, count: number) {
  const found: string[] = [];
  let last = after;
  while (found.length < count) {
    const next = cron.next({ expression, zone }, instantMs(last));
    if (next.kind !== "occurs") return [...found, next.kind];
    expect(next.at).toBeGreaterThan(last);
    last = next.at;
    found.push(Temporal.Instant.fromEpochMilliseconds(last).toString().replace("T", " "));
  }
  return found;
}

type Row = readonly [rule: string, expression: string, after: string, ...next: readonly string[]];

// 2026-03-01 is a Sunday, 2026-01-01 a Thursday.
// biome-ignore format: a table is read down its columns
const dialect: readonly Row[] = [
  ["Z1 five fields: second 0",         "5 4 * * *",          "2026-03-01T00:00:00Z", "2026-03-01 04:05:00Z", "2026-03-02 04:05:00Z"],
  ["Z1 six fields: second first",      "7 5 4 * * *",        "2026-03-01T00:00:00Z", "2026-03-01 04:05:07Z", "2026-03-02 04:05:07Z"],
  ["Z1 spaces and tabs",               "  5\t4   * * * ",    "2026-03-01T00:00:00Z", "2026-03-01 04:05:00Z"],
  ["Z2 any",                           "* * * * *",          "2026-12-31T23:58:30Z", "2026-12-31 23:59:00Z", "2027-01-01 00:00:00Z"],
  ["Z2 any second",                    "* * * * * *",        "2026-12-31T23:59:58Z", "2026-12-31 23:59:59Z", "2027-01-01 00:00:00Z"],
  ["Z2 ? in day-of-month",             "0 0 ? * 1",          "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-09 00:00:00Z"],
  ["Z2 ? in day-of-week",              "0 0 5 * ?",          "2026-03-01T00:00:00Z", "2026-03-05 00:00:00Z", "2026-04-05 00:00:00Z"],
  ["Z2 ? in both",                     "0 0 ? * ?",          "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-03 00:00:00Z"],
  ["Z2 a-b",                           "0 9-11 * * *",       "2026-03-01T09:30:00Z", "2026-03-01 10:00:00Z", "2026-03-01 11:00:00Z", "2026-03-02 09:00:00Z"],
  ["Z2 a-a",                           "0 9-9 * * *",        "2026-03-01T09:30:00Z", "2026-03-02 09:00:00Z"],
  ["Z2 */n",                           "*/25 * * * *",       "2026-03-01T00:00:00Z", "2026-03-01 00:25:00Z", "2026-03-01 00:50:00Z", "2026-03-01 01:00:00Z"],
  ["Z2 */n of days begins with the 1st", "0 0 */10 * *",     "2026-03-01T00:00:00Z", "2026-03-11 00:00:00Z", "2026-03-21 00:00:00Z", "2026-03-31 00:00:00Z", "2026-04-01 00:00:00Z"],
  ["Z2 ?/n",                           "0 0 ?/10 * *",       "2026-03-01T00:00:00Z", "2026-03-11 00:00:00Z"],
  ["Z2 a-b/n",                         "0 8-17/4 * * *",     "2026-03-01T09:30:00Z", "2026-03-01 12:00:00Z", "2026-03-01 16:00:00Z", "2026-03-02 08:00:00Z"],
  ["Z2 a/n: to the maximum",           "5/20 * * * *",       "2026-03-01T00:00:00Z", "2026-03-01 00:05:00Z", "2026-03-01 00:25:00Z", "2026-03-01 00:45:00Z", "2026-03-01 01:05:00Z"],
  ["Z2 a/n of months",                 "0 0 1 11/1 *",       "2026-03-01T00:00:00Z", "2026-11-01 00:00:00Z", "2026-12-01 00:00:00Z", "2027-11-01 00:00:00Z"],
  ["Z2 list",                          "0 3,1-2,20/2 * * *", "2026-03-01T00:00:00Z", "2026-03-01 01:00:00Z", "2026-03-01 02:00:00Z", "2026-03-01 03:00:00Z", "2026-03-01 20:00:00Z", "2026-03-01 22:00:00Z", "2026-03-02 01:00:00Z"],
  ["Z2 any within a list",             "0 0 *,5 * *",        "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z"],
  ["Z2 a member twice",                "0 0,0 * * *",        "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-03 00:00:00Z"],
  ["Z2 the largest steps",             "*/60 */24 */31 */12 *", "2026-03-01T00:00:00Z", "2027-01-01 00:00:00Z"],
  ["Z3 the last of all",               "59 59 23 31 12 *",   "2026-03-01T00:00:00Z", "2026-12-31 23:59:59Z"],
  ["Z3 leading zeros",                 "05 04 03 02 *",      "2026-01-01T00:00:00Z", "2026-02-03 04:05:00Z"],
  ["Z3 names of months",               "0 0 1 feb,APR-Jun *", "2026-01-01T00:00:00Z", "2026-02-01 00:00:00Z", "2026-04-01 00:00:00Z", "2026-05-01 00:00:00Z", "2026-06-01 00:00:00Z"],
  ["Z3 names of days",                 "0 0 * * mon-Wed,SAT", "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-03 00:00:00Z", "2026-03-04 00:00:00Z", "2026-03-07 00:00:00Z"],
  ["Z3 names with a step, and mixed",  "0 0 * * MON-5/2",    "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-04 00:00:00Z", "2026-03-06 00:00:00Z", "2026-03-09 00:00:00Z"],
  ["Z4 1-5: Monday to Friday",         "0 0 * * 1-5",        "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-03 00:00:00Z", "2026-03-04 00:00:00Z", "2026-03-05 00:00:00Z", "2026-03-06 00:00:00Z", "2026-03-09 00:00:00Z"],
  ["Z4 0 is Sunday",                   "0 0 * * 0",          "2026-03-01T00:00:00Z", "2026-03-08 00:00:00Z", "2026-03-15 00:00:00Z"],
  ["Z4 7 is Sunday",                   "0 0 * * 7",          "2026-03-01T00:00:00Z", "2026-03-08 00:00:00Z", "2026-03-15 00:00:00Z"],
  ["Z4 5-7: Friday to Sunday",         "0 0 * * 5-7",        "2026-03-01T00:00:00Z", "2026-03-06 00:00:00Z", "2026-03-07 00:00:00Z", "2026-03-08 00:00:00Z", "2026-03-13 00:00:00Z"],
  ["Z4 0-7: every day",                "0 0 * * 0-7",        "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-03 00:00:00Z"],
  ["Z4 a/n: up to 7",                  "0 0 * * 1/2",        "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-04 00:00:00Z", "2026-03-06 00:00:00Z", "2026-03-08 00:00:00Z", "2026-03-09 00:00:00Z"],
  ["Z4 SUN-SUN: Sunday",               "0 0 * * SUN-SUN",    "2026-03-01T00:00:00Z", "2026-03-08 00:00:00Z", "2026-03-15 00:00:00Z"],
  ["Z5 either day",                    "0 0 13 * 5",         "2026-03-01T00:00:00Z", "2026-03-06 00:00:00Z", "2026-03-13 00:00:00Z", "2026-03-20 00:00:00Z", "2026-03-27 00:00:00Z", "2026-04-03 00:00:00Z", "2026-04-10 00:00:00Z", "2026-04-13 00:00:00Z"],
  ["Z5 either day, all days written out", "0 0 1-31 * 5",    "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-03 00:00:00Z"],
  ["Z5 both: */2 begins with *",       "0 0 */2 * 1",        "2026-03-01T00:00:00Z", "2026-03-09 00:00:00Z", "2026-03-23 00:00:00Z", "2026-04-13 00:00:00Z"],
  ["Z5 both: ?/2 begins with ?",       "0 0 ?/2 * 1",        "2026-03-01T00:00:00Z", "2026-03-09 00:00:00Z", "2026-03-23 00:00:00Z"],
  ["Z5 both: */3 of the week",         "0 0 1-4 * */3",      "2026-03-01T00:00:00Z", "2026-03-04 00:00:00Z", "2026-04-01 00:00:00Z", "2026-04-04 00:00:00Z"],
  ["Z5 either: 1/2 does not",          "0 0 31/1 * 1",       "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-09 00:00:00Z", "2026-03-16 00:00:00Z", "2026-03-23 00:00:00Z", "2026-03-30 00:00:00Z", "2026-03-31 00:00:00Z"],
  ["Z6 yearly",                        "@yearly",            "2026-03-01T00:00:00Z", "2027-01-01 00:00:00Z", "2028-01-01 00:00:00Z"],
  ["Z6 annually",                      "@annually",          "2026-03-01T00:00:00Z", "2027-01-01 00:00:00Z", "2028-01-01 00:00:00Z"],
  ["Z6 monthly",                       "@monthly",           "2026-03-01T00:00:00Z", "2026-04-01 00:00:00Z", "2026-05-01 00:00:00Z"],
  ["Z6 weekly",                        "@weekly",            "2026-03-01T00:00:00Z", "2026-03-08 00:00:00Z", "2026-03-15 00:00:00Z"],
  ["Z6 daily",                         "@daily",             "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-03 00:00:00Z"],
  ["Z6 midnight",                      " @midnight ",        "2026-03-01T00:00:00Z", "2026-03-02 00:00:00Z", "2026-03-03 00:00:00Z"],
  ["Z6 hourly",                        "@hourly",            "2026-03-01T22:10:00Z", "2026-03-01 23:00:00Z", "2026-03-02 00:00:00Z"],
  ["Z9 strictly after",                "0 * * * *",          "2026-03-01T01:00:00Z", "2026-03-01 02:00:00Z"],
  ["Z9 one ms before it",              "0 * * * *",          "2026-03-01T00:59:59.999Z", "2026-03-01 01:00:00Z"],
  ["Z9 one ms after it",               "* * * * * *",        "2026-03-01T01:00:00.001Z", "2026-03-01 01:00:01Z"],
  ["Z9 the beginning of time",         "0 0 1 1 *",          "1970-01-01T00:00:00Z", "1971-01-01 00:00:00Z"],
  ["Z9 leap days",                     "0 0 29 2 *",         "2026-03-01T00:00:00Z", "2028-02-29 00:00:00Z", "2032-02-29 00:00:00Z"],
  ["Z9 no leap day in 2100",           "0 0 29 2 *",         "2096-02-29T00:00:00Z", "2104-02-29 00:00:00Z"],
  ["Z9 a leap day in 2400",            "0 0 29 2 *",         "2396-02-29T00:00:00Z", "2400-02-29 00:00:00Z", "2404-02-29 00:00:00Z"],
  ["Z9 the longest pause of all",      "0 0 29 2 */7",       "2087-02-28T00:00:00Z", "2088-02-29 00:00:00Z", "2128-02-29 00:00:00Z"],
  ["Z9 the 31st",                      "0 0 31 * *",         "2026-03-31T00:00:00Z", "2026-05-31 00:00:00Z", "2026-07-31 00:00:00Z"],
  ["Z9 never: 30 February",            "0 0 30 2 *",         "2026-03-01T00:00:00Z", "never"],
  ["Z9 not never: its Mondays",        "0 0 30 2 1",         "2026-01-01T00:00:00Z", "2026-02-02 00:00:00Z"],
  ["Z9 never: on no Monday, either",   "0 0 30-31 2 */1",    "2026-03-01T00:00:00Z", "never"],
  ["Z9 not never: one of its months",  "0 0 31 2-3 *",       "2026-03-01T00:00:00Z", "2026-03-31 00:00:00Z"],
  ["Z9 never: the 31st of short months", "0 0 31 2,4,6,9,11 *", "2026-03-01T00:00:00Z", "never"],
  ["Z12 across 2999",                  "0 0 1 1 *",          "2999-06-01T00:00:00Z", "3000-01-01 00:00:00Z", "3001-01-01 00:00:00Z"],
  ["Z12 across 2799",                  "59 59 23 31 12 *",   "2799-12-31T23:59:58Z", "2799-12-31 23:59:59Z", "2800-12-31 23:59:59Z"],
  ["Z12 the year 9999",                "0 0 * * MON",        "9999-12-25T00:00:00Z", "9999-12-27 00:00:00Z", "+010000-01-03 00:00:00Z"],
  ["Z12 a leap day of 9996",           "0 0 29 2 *",         "9995-12-25T00:00:00Z", "9996-02-29 00:00:00Z", "+010000-02-29 00:00:00Z"],
  ["Z12 the end of Temporal",          "0 0 * * *",          "+275760-09-11T12:00:00Z", "+275760-09-12 00:00:00Z", "+275760-09-13 00:00:00Z"],
];

test.each(dialect)("cron: %s", (_rule, expression, after, ...expected) => {
  expect(occurrences(expression, "UTC", at(after), expected.length)).toEqual(expected);
});

type ZoneRow = readonly [
  rule: string,
  zone: string,
  expression: string,
  after: string,
  ...next: readonly string[],
];

// Berlin: on 29 March 2026 from 2:00 to 3:00 at 01:00Z; on 25 October from 3:00 to 2:00 at 01:00Z.
// New York: on 8 March from 2:00 to 3:00 at 07:00Z; on 1 November from 2:00 to 1:00 at 06:00Z.
// Lord Howe, by half an hour: on 5 April from 2:00 to 1:30 at 15:00Z of the 4th; on 4 October from 2:00
// to 2:30 at 15:30Z of the 3rd. Nuuk: on 28 March from 23:00 to 24:00 at 01:00Z of the 29th. Apia left
// out 30 December 2011. Beirut: on 29 March from 0:00 to 1:00.
// biome-ignore format: a table is read down its columns
const zones: readonly ZoneRow[] = [
  ["Z8 local time",               "Europe/Berlin",       "0 12 * * *",       "2026-03-28T00:00:00Z", "2026-03-28 11:00:00Z", "2026-03-29 10:00:00Z"],
  ["Z8 any letter case",          "europe/BERLIN",       "0 12 * * *",       "2026-03-28T00:00:00Z", "2026-03-28 11:00:00Z"],
  ["Z8 an old name",              "US/Eastern",          "0 12 * * *",       "2026-03-01T00:00:00Z", "2026-03-01 17:00:00Z"],
  ["Z8 a name with a sign",       "Etc/GMT+5",           "0 12 * * *",       "2026-03-01T00:00:00Z", "2026-03-01 17:00:00Z"],
  ["Z8 a name without a slash",   "EST5EDT",             "0 12 * * *",       "2026-03-01T00:00:00Z", "2026-03-01 17:00:00Z"],
  ["Z8 an offset in quarters",    "Asia/Kathmandu",      "0 0 * * *",        "2026-03-01T00:00:00Z", "2026-03-01 18:15:00Z"],
  ["Z8 local date, not UTC's",    "Pacific/Kiritimati",  "0 0 1 1 *",        "2026-06-01T00:00:00Z", "2026-12-31 10:00:00Z"],
  ["Z8 west of 1970",             "Pacific/Honolulu",    "0 20 31 12 *",     "1970-01-01T00:00:00Z", "1970-01-01 06:00:00Z", "1971-01-01 06:00:00Z"],
  ["Z10 skipped",                 "Europe/Berlin",       "30 2 * * *",       "2026-03-28T12:00:00Z", "2026-03-29 01:00:00Z", "2026-03-30 00:30:00Z"],
  ["Z10 skipped, asked just before", "Europe/Berlin",    "30 2 * * *",       "2026-03-29T00:59:59Z", "2026-03-29 01:00:00Z", "2026-03-30 00:30:00Z"],
  ["Z10 the first skipped second", "Europe/Berlin",      "0 2 * * *",        "2026-03-28T12:00:00Z", "2026-03-29 01:00:00Z", "2026-03-30 00:00:00Z"],
  ["Z10 the last skipped second", "Europe/Berlin",       "59 59 2 * * *",    "2026-03-28T12:00:00Z", "2026-03-29 01:00:00Z", "2026-03-30 00:59:59Z"],
  ["Z10 all at once",             "Europe/Berlin",       "*/15 2 * * *",     "2026-03-28T12:00:00Z", "2026-03-29 01:00:00Z", "2026-03-30 00:00:00Z"],
  ["Z10 together with what is there", "Europe/Berlin",   "0 2-3 * * *",      "2026-03-28T12:00:00Z", "2026-03-29 01:00:00Z", "2026-03-30 00:00:00Z"],
  ["Z10 a list of hours",         "Europe/Berlin",       "30 2,14 * * *",    "2026-03-28T20:00:00Z", "2026-03-29 01:00:00Z", "2026-03-29 12:30:00Z"],
  ["Z10 every hour, too",         "Europe/Berlin",       "30 * * * *",       "2026-03-29T00:00:00Z", "2026-03-29 00:30:00Z", "2026-03-29 01:00:00Z", "2026-03-29 01:30:00Z"],
  ["Z10 every minute: nothing more", "Europe/Berlin",    "* * * * *",        "2026-03-29T00:58:00Z", "2026-03-29 00:59:00Z", "2026-03-29 01:00:00Z", "2026-03-29 01:01:00Z"],
  ["Z10 what comes after the gap is not moved", "Europe/Berlin", "1 0 3 * * *", "2026-03-28T12:00:00Z", "2026-03-29 01:00:01Z", "2026-03-30 01:00:01Z"],
  ["Z10 New York",                "America/New_York",    "30 2 * * *",       "2026-03-07T12:00:00Z", "2026-03-08 07:00:00Z", "2026-03-09 06:30:00Z"],
  ["Z10 half an hour",            "Australia/Lord_Howe", "15 2 * * *",       "2026-10-03T00:00:00Z", "2026-10-03 15:30:00Z", "2026-10-04 15:15:00Z"],
  ["Z10 just after half an hour", "Australia/Lord_Howe", "30 2 * * *",       "2026-10-03T00:00:00Z", "2026-10-03 15:30:00Z", "2026-10-04 15:30:00Z"],
  ["Z10 at midnight",             "Asia/Beirut",         "0 0 * * *",        "2026-03-28T12:00:00Z", "2026-03-28 22:00:00Z", "2026-03-29 21:00:00Z"],
  ["Z10 up to midnight",          "America/Nuuk",        "30 23 * * *",      "2026-03-28T12:00:00Z", "2026-03-29 01:00:00Z", "2026-03-30 00:30:00Z"],
  ["Z10 up to midnight, Saturdays", "America/Nuuk",      "30 23 * * SAT",    "2026-03-28T12:00:00Z", "2026-03-29 01:00:00Z", "2026-04-05 00:30:00Z"],
  ["Z10 a whole day",             "Pacific/Apia",        "0 12 30 12 *",     "2011-12-01T00:00:00Z", "2011-12-30 10:00:00Z", "2012-12-29 22:00:00Z"],
  ["Z11 twice: the first",        "Europe/Berlin",       "30 2 * * *",       "2026-10-24T12:00:00Z", "2026-10-25 00:30:00Z", "2026-10-26 01:30:00Z"],
  ["Z11 asked between the two",   "Europe/Berlin",       "30 2 * * *",       "2026-10-25T00:45:00Z", "2026-10-26 01:30:00Z"],
  ["Z11 asked within the second", "Europe/Berlin",       "30 2 * * *",       "2026-10-25T01:15:00Z", "2026-10-26 01:30:00Z"],
  ["Z11 the hour after it",       "Europe/Berlin",       "0 3 * * *",        "2026-10-24T12:00:00Z", "2026-10-25 02:00:00Z", "2026-10-26 02:00:00Z"],
  ["Z11 a step of minutes: the first", "Europe/Berlin",  "*/30 2 * * *",     "2026-10-24T12:00:00Z", "2026-10-25 00:00:00Z", "2026-10-25 00:30:00Z", "2026-10-26 01:00:00Z"],
  ["Z11 a step of hours: the first", "Europe/Berlin",    "0 0-23/2 * * *",   "2026-10-24T22:00:00Z", "2026-10-25 00:00:00Z", "2026-10-25 03:00:00Z"],
  ["Z11 hours in a list: the first", "Europe/Berlin",    "0 0-23 * * *",     "2026-10-24T23:00:00Z", "2026-10-25 00:00:00Z", "2026-10-25 02:00:00Z"],
  ["Z11 the hour begins with *: both", "Europe/Berlin",  "30 * * * *",       "2026-10-24T23:45:00Z", "2026-10-25 00:30:00Z", "2026-10-25 01:30:00Z", "2026-10-25 02:30:00Z"],
  ["Z11 */2: both",               "Europe/Berlin",       "0 */2 * * *",      "2026-10-24T22:00:00Z", "2026-10-25 00:00:00Z", "2026-10-25 01:00:00Z", "2026-10-25 03:00:00Z"],
  ["Z11 both, and then not for a year", "America/Havana", "30 */24 1 11 *", "2026-11-01T04:45:00Z", "2026-11-01 05:30:00Z", "2027-11-01 04:30:00Z"],
  ["Z11 both, a year later", "America/Havana", "30 */24 1 11 *",         "2025-11-02T00:00:00Z", "2026-11-01 04:30:00Z", "2026-11-01 05:30:00Z"],
  ["Z10 skipped, years later", "Europe/Berlin", "30 2 29 3 */7",         "2020-03-29T01:00:00Z", "2026-03-29 01:00:00Z"],
  ["Z11 New York, once",          "America/New_York",    "30 1 * * *",       "2026-10-31T12:00:00Z", "2026-11-01 05:30:00Z", "2026-11-02 06:30:00Z"],
  ["Z11 New York, both",          "America/New_York",    "30 * * * *",       "2026-11-01T05:00:00Z", "2026-11-01 05:30:00Z", "2026-11-01 06:30:00Z", "2026-11-01 07:30:00Z"],
  ["Z11 half an hour, once",      "Australia/Lord_Howe", "*/15 1 * * *",     "2026-04-04T14:00:00Z", "2026-04-04 14:15:00Z", "2026-04-04 14:30:00Z", "2026-04-04 14:45:00Z", "2026-04-05 14:30:00Z"],
  ["Z11 half an hour, both",      "Australia/Lord_Howe", "*/15 * * * *",     "2026-04-04T14:30:00Z", "2026-04-04 14:45:00Z", "2026-04-04 15:00:00Z", "2026-04-04 15:15:00Z", "2026-04-04 15:30:00Z"],
  ["Z12 zones of the year 9999",  "Europe/Berlin",       "30 2 * * *",       "9999-03-27T12:00:00Z", "9999-03-28 01:00:00Z", "9999-03-29 00:30:00Z"],
  ["Z12 once, in the year 9999",  "Europe/Berlin",       "30 2 * * *",       "9999-10-30T12:00:00Z", "9999-10-31 00:30:00Z", "9999-11-01 01:30:00Z"],
  ["Z12 Lord Howe, year 200000",  "Australia/Lord_Howe", "15 2 * * *",       "+200000-09-30T00:00:00Z", "+200000-09-30 15:30:00Z", "+200000-10-01 15:15:00Z"],
];

test.each(zones)("cron: %s, %s", (_rule, zone, expression, after, ...expected) => {
  expect(occurrences(expression, zone, at(after), expected.length)).toEqual(expected);
});

// biome-ignore format: a table is read down its columns
const refused: readonly (readonly [rule: string, expressions: readonly string[]])[] = [
  ["Z1 too few or too many fields",  ["", " ", "*", "* * * *", "* * * * * * *", "0 0 0 1 1 * 2026"]],
  ["Z1 other spaces",                ["* * * *\u00a0*", "* * * *\n*", "* * * * *\n"]],
  ["Z2 empty members",               ["1, * * * *", ",1 * * * *", "1,,2 * * * *", ", * * * *"]],
  ["Z2 half members",                ["-5 * * * *", "5- * * * *", "1-2-3 * * * *", "/5 * * * *", "*/ * * * *", "1/2/3 * * * *", "*-5 * * * *", "** * * * *", "5* * * * *", "*5 * * * *"]],
  ["Z2 ? outside of day fields",     ["? * * * *", "* ? * * *", "* * * ? *", "? * * * * *", "?/2 * * * *"]],
  ["Z2 steps of nothing",            ["*/0 * * * *", "5/0 * * * *", "1-5/0 * * * *"]],
  ["Z2 steps beyond the field",      ["*/61 * * * *", "0 */25 * * *", "0 0 */32 * *", "0 0 1 */13 *", "0 0 * * */8"]],
  ["Z2 signs, points, exponents",    ["+5 * * * *", "-0 * * * *", "1.5 * * * *", "1e1 * * * *", "0x5 * * * *", "٣ * * * *"]],
  ["Z3 values out of range",         ["60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *", "* * * * 8", "60 * * * * *", "99999999999999999999 * * * *", "0-60 * * * *", "* * 0-5 * *", "* * * * 5-8"]],
  ["Z3 ranges that run downwards",   ["5-4 * * * *", "* 22-2 * * *", "* * * DEC-JAN *", "* * * * 5-1", "* * * * FRI-MON", "5-4/2 * * * *", "* * * * 7-0"]],
  ["Z3 names that are none",         ["* * * * MONDAY", "* * * JANUARY *", "* * * * JAN", "* * * MON *", "MON * * * *", "* * * * MO", "* * * * SUN6", "* * * * */MON", "* * * * \u017fUN", "* * * __proto__ *", "* * * constructor *"]],
  ["Z4 SUN at the end of a range",   ["* * * * FRI-SUN", "* * * * 5-sun"]],
  ["Z6 macros otherwise written",    ["@Daily", "@DAILY", "@daily 0", "0 @daily", "@", "@reboot", "@secondly", "@yearly *", "@daily * * * *"]],
  ["Z7 last, nearest, n-th",         ["0 0 L * *", "0 0 L-3 * *", "0 0 LW * *", "0 0 15W * *", "0 0 * * 5L", "0 0 * * FRIL", "0 0 * * L", "0 0 * * 5#2", "0 0 * * FRI#2"]],
  ["Z7 every, and both by a sign",   ["@every 5m", "@every 1h", "0 0 1 * +1", "0 0 1 * +MON"]],
  ["Z7 dates",                       ["2026-03-01T00:00:00Z", "2026-03-01 00:00:00"]],
  ["Z7 over 1024 characters",        [`${"0,".repeat(508)}0 * * * *`]],
];

test.each(refused)("cron: refused: %s", (_rule, expressions) => {
  for (const expression of expressions) {
    const next = cron.next({ expression, zone: "nowhere" }, instantMs(0));
    expect(next, expression).toEqual({ kind: "invalid", part: "expression" });
  }
});

test("cron: Z7 an expression of 1024 characters is one", () => {
  const expression = `${"0,".repeat(507)}00 * * * *`;
  expect(expression.length).toBe(1024);
  expect(cron.next({ expression, zone: "UTC" }, instantMs(0))).toMatchObject({ kind: "occurs" });
});

test.each([
  ...[
    "",
    " ",
    "Europe",
    "Europe/Nowhere",
    "Europe/Berlin ",
    " UTC",
    "Mars/Olympus",
    "+01:00",
    "-5",
  ],
  ...["+0100", "UTC+1", "GMT+1", "Z", "z", "T10", "2026-03-01T00:00Z", "2026-03-01[Europe/Berlin]"],
  ...["Etc/Unknown", "localtime", "CEST", "__proto__", "Europe/Berlin\0", "\u017fingapore"],
])("cron: Z8 refused as a time zone: %j", (zone) => {
  const next = cron.next({ expression: "* * * * *", zone }, instantMs(0));
  expect(next).toEqual({ kind: "invalid", part: "zone" });
});

test("cron: Z12 the last second of our clock is found, and then never", () => {
  const rule = { expression: "* * * * * *", zone: "Europe/Berlin" };
  const last = Math.floor(Number.MAX_SAFE_INTEGER / 1000) * 1000;
  expect(cron.next(rule, instantMs(last - 1))).toEqual({ kind: "occurs", at: last });
  expect(cron.next(rule, instantMs(last))).toEqual({ kind: "never" });
  expect(cron.next(rule, instantMs(Number.MAX_SAFE_INTEGER))).toEqual({ kind: "never" });
});

type Member = { readonly text: string; readonly values: readonly number[] };
type Sample = { readonly text: string; readonly values: ReadonlySet<number> };

const steps = (from: number, to: number, step: number) =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);

function members(min: number, max: number, count: number): fc.Arbitrary<Member> {
  const value = fc.integer({ min, max });
  const step = fc.integer({ min: 1, max: count });
  const range = fc.tuple(value, value).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  return fc.oneof(
    value.map((a) => ({ text: `${a}`, values: [a] })),
    range.map(([a, b]) => ({ text: `${a}-${b}`, values: steps(a, b, 1) })),
    step.map((n) => ({ text: `*/${n}`, values: steps(min, max, n) })),
    fc
      .tuple(range, step)
      .map(([[a, b], n]) => ({ text: `${a}-${b}/${n}`, values: steps(a, b, n) })),
    fc.tuple(value, step).map(([a, n]) => ({ text: `${a}/${n}`, values: steps(a, max, n) })),
    fc.constant({ text: "*", values: steps(min, max, 1) }),
  );
}

function field(min: number, max: number, count = max - min + 1): fc.Arbitrary<Sample> {
  const list = fc.array(members(min, max, count), { minLength: 1, maxLength: 3 });
  return list.map((all) => ({
    text: all.map(({ text }) => text).join(","),
    values: new Set(all.flatMap(({ values }) => values)),
  }));
}

const any = { text: "*", values: new Set(steps(0, 59, 1)) };
const mostly = (some: fc.Arbitrary<Sample>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(any) }, { weight: 1, arbitrary: some });
const anyMinute = field(0, 59);
const halfPast: Sample = { text: "30", values: new Set([30]) };
const anyRule = fc.record({
  minute: fc.oneof(anyMinute, fc.constantFrom(halfPast)),
  hour: field(0, 23),
  day: mostly(field(1, 31)),
  month: mostly(field(1, 12)),
  weekday: mostly(field(0, 7, 7)),
});
type Rule = typeof anyRule extends fc.Arbitrary<infer T> ? T : never;
const textOf = ({ minute, hour, day, month, weekday }: Rule) =>
  [minute, hour, day, month, weekday].map(({ text }) => text).join(" ");

const changes = [
  ["UTC", "2026-03-01T00:00:00Z"],
  ["Europe/Berlin", "2026-03-29T01:00:00Z"],
  ["Europe/Berlin", "2026-10-25T01:00:00Z"],
  ["America/New_York", "2026-03-08T07:00:00Z"],
  ["America/New_York", "2026-11-01T06:00:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T15:00:00Z"],
  ["Australia/Lord_Howe", "2026-10-03T15:30:00Z"],
  ["America/Nuuk", "2026-03-29T01:00:00Z"],
  ["Asia/Beirut", "2026-03-28T22:00:00Z"],
  ["Pacific/Apia", "2011-12-30T10:00:00Z"],
  ["America/New_York", "9999-03-14T07:00:00Z"],
] as const;

/** Z5, Z10 and Z11 as they are worded: the instants that the minutes of the wall stand for. */
function model(rule: Rule, zone: string, from: number, to: number): readonly number[] {
  const wall = (ms: number) =>
    Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainDateTime();
  const end = wall(to + 86_400_000).round("minute");
  const found = new Set<number>();
  let local = wall(from - 86_400_000).round("minute");
  for (; Temporal.PlainDateTime.compare(local, end) < 0; local = local.add({ minutes: 1 })) {
    if (!isMatch(rule, local)) continue;
    const first = local.toZonedDateTime(zone, { disambiguation: "earlier" });
    const last = local.toZonedDateTime(zone, { disambiguation: "later" });
    if (!first.toPlainDateTime().equals(local)) {
      found.add(first.getTimeZoneTransition("next")?.epochMilliseconds ?? Number.NaN);
      continue;
    }
    found.add(first.epochMilliseconds);
    if (rule.hour.text.startsWith("*")) found.add(last.epochMilliseconds);
  }
  return [...found].filter((each) => each > from && each <= to).toSorted((a, b) => a - b);
}

function isMatch(rule: Rule, local: Temporal.PlainDateTime): boolean {
  const isDay = rule.day.values.has(local.day);
  const { dayOfWeek } = local; // 1 to 7, Monday first
  const isWeekday = rule.weekday.values.has(dayOfWeek) || rule.weekday.values.has(dayOfWeek % 7);
  const isOpen = rule.day.text.startsWith("*") || rule.weekday.text.startsWith("*");
  return (
    rule.minute.values.has(local.minute) &&
    rule.hour.values.has(local.hour) &&
    rule.month.values.has(local.month) &&
    (isOpen ? isDay && isWeekday : isDay || isWeekday)
  );
}

const hourMs = 3_600_000;

property.prop([anyRule, fc.constantFrom(...changes), fc.integer({ min: -12, max: 2 })], {
  numRuns: 150,
})(
  "cron: around a change of the clock it says what the minutes of the wall say",
  (rule, place, hours) => {
    const [zone, change] = place;
    const from = at(change) + hours * hourMs - 1;
    const to = from + 30 * hourMs;
    const expected = model(rule, zone, from, to);
    const found: number[] = [];
    let next = cron.next({ expression: textOf(rule), zone }, instantMs(from));
    while (next.kind === "occurs" && next.at <= to && found.length < 40) {
      found.push(next.at);
      next = cron.next({ expression: textOf(rule), zone }, next.at);
    }
    expect(next.kind).not.toBe("invalid");
    expect(found).toEqual(expected.slice(0, 40));
  },
);

const anyInstant = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 42 }),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
);
const anyZone = fc.constantFrom(...changes.map(([zone]) => zone));

property.prop([anyRule, anyZone, anyInstant, fc.integer({ min: 0, max: 2 ** 36 })])(
  "cron: Z9 the next is strictly later, a whole second, and never comes earlier for asking later",
  (rule, zone, after, more) => {
    const asked = { expression: textOf(rule), zone };
    const next = cron.next(asked, instantMs(after));
    expect(next.kind).not.toBe("invalid");
    if (next.kind !== "occurs") return;
    expect(next.at).toBeGreaterThan(after);
    expect(next.at % 1000).toBe(0);
    const later = cron.next(asked, instantMs(Math.min(after + more, Number.MAX_SAFE_INTEGER)));
    expect(later.kind).not.toBe("invalid");
    if (later.kind !== "occurs") return;
    expect(later.at).toBeGreaterThanOrEqual(next.at);
    if (after + more < next.at) expect(later.at).toBe(next.at);
  },
);

property.prop([
  anyRule,
  anyZone,
  fc.integer({ min: 0, max: 146_097 * 86_400 }),
  fc.integer({ min: 1, max: 600 }),
])(
  "cron: Z12 what happens from 2400 to 2799 happens again every 400 years",
  (rule, zone, second, cycles) => {
    const asked = { expression: textOf(rule), zone };
    const shift = cycles * 146_097 * 86_400_000;
    const after = Date.UTC(2400) + second * 1000;
    const next = cron.next(asked, instantMs(after));
    const far = cron.next(asked, instantMs(after + shift));
    expect(far).toEqual(next.kind === "occurs" ? { ...next, at: next.at + shift } : next);
  },
);

test("cron: whoever asks, and for whatever before, has the same answer", () => {
  const instants = ["2026-01-05", "2026-07-05", "2026-03-28", "2026-10-24", "1995-07-01"];
  const rules = [
    ["30 2 * * *", "Europe/Zurich"],
    ["30 2 * * *", "America/New_York"],
    ["@daily", "UTC"],
    ["no rule", "UTC"],
    ["@daily", "Mars"],
  ].map(([expression = "", zone = ""]) => ({ expression, zone }));
  const questions = rules.flatMap((rule) => {
    return instants.map((text) => [rule, instantMs(at(`${text}T12:00Z`))] as const);
  });
  const ask = (all: typeof questions) => all.map(([rule, after]) => cron.next(rule, after));
  const answers = ask(questions);
  const others = Array.from({ length: 300 }, (_, minute) => ({
    ...{ expression: `${minute % 60} ${minute % 24} 1 * *`, zone: "Asia/Tokyo" },
  }));
  expect(ask(questions.toReversed()).toReversed()).toEqual(answers);
  for (const rule of others) expect(cron.next(rule, instantMs(0)).kind).toBe("occurs");
  expect(ask(questions)).toEqual(answers);
  expect(answers.slice(0, 2)).toEqual([
    { kind: "occurs", at: at("2026-01-06T01:30Z") },
    { kind: "occurs", at: at("2026-07-06T00:30Z") },
  ]);
});
