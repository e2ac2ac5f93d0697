// What is printed of a failure, held to samples; that differences are shown whole; and that nothing
// a client named reaches a terminal as more than text.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { diff, layOut, showDiff } from "../../dst/diff.ts";
import { report } from "../../dst/report.ts";
import type { TraceRecord } from "../../dst/trace.ts";
import { clockOf, oracleWords, printable, shortened } from "../../dst/words.ts";
import { failure, get, planOf } from "./failing.ts";

function record(index: number, change: Partial<TraceRecord> = {}): TraceRecord {
  return {
    ...{ at: 100 * index, actor: "client 3", kind: "call", entity: `op ${index}` },
    ...{ text: `get "a"`, ids: ["a"] },
    ...change,
  };
}

const told = {
  plan: planOf([get(7, "a", 1250, 3)]),
  failure: {
    ...failure,
    ...{ intent: 7, at: 3_723_004, record: 4 },
    expected: 'unchanged "a" pending ["k1",{"headers":[],"data":"dg=="}]',
    actual: 'unchanged "a" resolved ["k1",{"headers":[],"data":"dg=="}]',
  },
  records: [
    record(0),
    record(1, { actor: "node 0", kind: "submission", entity: "n0.1 load 1", text: 'load "a"' }),
    record(2, { actor: "node 0", kind: "crash", entity: "n0.1", text: "kill", ids: [] }),
    record(3, { kind: "answer", entity: "op 0", text: "pending\nof late" }),
    record(4, { text: "after the failure" }),
  ],
  shrunk: {
    before: { intents: 1300, ids: 20, clients: 8, nodes: 3, faults: 12, choices: 4000 },
    after: { intents: 1, ids: 1, clients: 1, nodes: 1, faults: 0, choices: 0 },
    ...{ candidates: 250, isMinimal: true },
  },
  commands: [["replay", "npm run dst -- replay dst/failures/W-0011aabb.json"]],
} as const;

test("a report says what is wrong, where, what came instead, what led to it, and how to see it", () => {
  expect(report(told)).toMatchInlineSnapshot(`
    "safety: W answer: the answers differ
      found by   witness: run in the order of the commits, the model answers or stores something else
      when       01:02:03.004, after 4 records
      promises   "a"
      operation  intent 7 of client 3, not before 00:00:01.250: {"kind":"get","id":"a"}

    - expected, + came:
    - unchanged "a" pending ["k1",{"headers":[],"data":"dg=="}]
    + unchanged "a" resolved ["k1",{"headers":[],"data":"dg=="}]

    the last 3 of 3 records of these promises:
     00:00:00.000 client 3  call       op 0            get "a"
     00:00:00.100 node 0    submission n0.1 load 1     load "a"
     00:00:00.200 node 0    crash      n0.1            kill
     00:00:00.300 client 3  answer     op 0            pending
                                                       of late

      shrunk     1300 -> 1 intents, 20 -> 1 ids, 8 -> 1 clients, 3 -> 1 nodes, 12 -> 0 faults, 4000 -> 0 choices
                 in 250 candidates; nothing more can be left out
      replay     npm run dst -- replay dst/failures/W-0011aabb.json"
  `);
});

test("what is not known is left out", () => {
  const { expected: _, ...rest } = told.failure;
  const bare = { ...rest, expected: null, actual: null, ids: [], intent: null };
  expect(report({ ...told, failure: bare, records: [], shrunk: null })).toMatchInlineSnapshot(`
    "safety: W answer: the answers differ
      found by   witness: run in the order of the commits, the model answers or stores something else
      when       01:02:03.004, after 4 records

      intents    1, not shrunk
      replay     npm run dst -- replay dst/failures/W-0011aabb.json"
  `);
});

test("one side alone is shown as what it is, and a budget that ended it is told", () => {
  const half = { ...told.failure, expected: null };
  const shrunk = { ...told.shrunk, isMinimal: false };
  const text = report({ ...told, failure: half, shrunk });
  expect(text).toContain('came:\n  unchanged "a" resolved');
  expect(text).toContain("in 250 candidates; stopped by its budget");
  expect(report({ ...told, failure: { ...told.failure, actual: null } })).toContain(
    "expected:\n  unch",
  );
});

test("of many records, the last twenty before the failure are shown, and what befell nodes meanwhile", () => {
  const many = Array.from({ length: 200 }, (_, index) => {
    if (index % 2 === 1) return record(index, { ids: ["b"] });
    return index === 190
      ? record(index, { kind: "pause", ids: [], text: "asleep" })
      : record(index);
  });
  const text = report({ ...told, records: many, failure: { ...told.failure, record: 195 } });
  const shown = [...text.matchAll(/ op (\d+) /g)].map(([, number]) => Number(number));
  expect(shown).toEqual(Array.from({ length: 21 }, (_, index) => 154 + 2 * index));
  expect(text).toContain("the last 20 of 97 records of these promises:");
});

test("a failure of no promise shows the last records of all", () => {
  const text = report({ ...told, failure: { ...told.failure, ids: [] } });
  expect(text).toContain("the last 4 of 4 records:");
});

test("a hostile name neither moves the cursor nor breaks the lines", () => {
  const id = "\u001b[2J\r\n\u202e\ud800\0";
  const hostile = record(0, { text: `create "${id}"`, entity: id, ids: [id] });
  const text = report({
    ...told,
    plan: planOf([get(7, "\u001b[31m", 0, 3)]),
    records: [hostile],
    failure: { ...told.failure, ids: [id], message: id, expected: id, actual: `${id}x` },
  });
  expect(text).not.toMatch(/[^\P{C}\n]/u);
  expect(text).toContain("\\u001b[2J");
  expect(text.split("\n")[0]).toBe("safety: W answer: \\u001b[2J\\u000d\\n\\u202e\\ud800\\u0000");
});

test("long texts and long lists are cut, and say by how much", () => {
  const long = "x".repeat(10_000);
  const ids = Array.from({ length: 30 }, (_, index) => `id ${index}`);
  const text = report({
    ...told,
    records: [record(0, { text: long })],
    failure: {
      ...{ ...told.failure, ids: ["a", ...ids] },
      expected: JSON.stringify(ids),
      actual: JSON.stringify(ids.map((each) => `other ${each} ${"y".repeat(70)}`)),
    },
  });
  expect(text).toContain("… (9600 more)");
  expect(text).toContain('"id 8" and 21 more');
  expect(text).toMatch(/\.\.\. \d+ more lines/);
});

test("canonical text is laid out one member a line, and short lists stay whole", () => {
  const long = "x".repeat(50);
  expect(layOut(`changed "a,[b]" 17 [["${long}",null],{"k":["v"]},"${long}"]`)).toEqual([
    'changed "a,[b]" 17 [',
    `  ["${long}",null],`,
    '  {"k":["v"]},',
    `  "${long}"`,
    "]",
  ]);
  expect(layOut("one\ntwo")).toEqual(["one", "two"]);
  expect(layOut("")).toEqual([]);
  expect(layOut(']]}"\\')).toEqual(["]", "]", '}"\\']);
});

property.prop([fc.string({ unit: "binary" })])(
  "whatever a text is, laid out it loses nothing",
  (text) => {
    const visible = (each: string) => each.replace(/\s/g, "");
    expect(visible(layOut(text).join(""))).toBe(visible(text));
  },
);

property.prop([
  fc.array(fc.constantFrom("a", "b", "c", "d")),
  fc.array(fc.constantFrom("a", "b", "c", "d")),
])("a difference holds both sides whole, and no more signs than it must", (left, right) => {
  const lines = diff(left.join("\n"), right.join("\n"));
  const side = (sign: "-" | "+") => lines.filter((line) => line.sign === sign || line.sign === " ");
  expect(side("-").map(({ text }) => text)).toEqual(left);
  expect(side("+").map(({ text }) => text)).toEqual(right);
  const common = lines.filter(({ sign }) => sign === " ").length;
  expect(common).toBe(longestCommon(left, right));
});

/** By its definition, for small lists. */
function longestCommon(left: readonly string[], right: readonly string[]): number {
  let row = new Array<number>(right.length + 1).fill(0);
  for (const each of left) {
    const next = [0];
    for (const [index, other] of right.entries()) {
      const best = Math.max(row[index + 1] ?? 0, next[index] ?? 0);
      next.push(each === other ? (row[index] ?? 0) + 1 : best);
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

test("long runs of equal lines are left out of a difference", () => {
  const left = Array.from({ length: 30 }, (_, index) => `line ${index}`);
  const right = left.with(15, "another");
  expect(showDiff(diff(left.join("\n"), right.join("\n")))).toEqual([
    "  ...",
    ...["  line 12", "  line 13", "  line 14", "- line 15", "+ another"],
    ...["  line 16", "  line 17", "  line 18", "  ..."],
  ]);
});

test("words: clocks, cut texts, control characters, and each oracle", () => {
  expect([0, 999, 3_723_004, 400_000_000].map(clockOf)).toEqual([
    ...["00:00:00.000", "00:00:00.999", "01:02:03.004", "111:06:40.000"],
  ]);
  expect(shortened("abc", 3)).toBe("abc");
  expect(shortened("abcd", 3)).toBe("abc… (1 more)");
  expect(printable("a\tb\nc\u{e0001}\u2028é\u{1f600}")).toBe(
    "a\\u0009b\nc\\u{e0001}\\u2028é\u{1f600}",
  );
  expect(Object.values(oracleWords).every((words) => /^[a-z]+: ./.test(words))).toBe(true);
});
