// The rules of a task by itself: given this past, when this is asked, then this is answered and these
// events are appended. Refusals in the order in which protocol.md §3.2 judges them.
//
// A1 to A6 of task.ts. What binds a task to its promise and to the streams that it awaits is tested
// where streams are.

import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { durationMs, promiseId, taskVersion } from "../../kernel/ids.ts";
import {
  absent,
  born,
  decideAcquire,
  decideContinue,
  decideHalt,
  decideHeld,
  decideResume,
  evolve,
  fulfilled,
  resumesOf,
  type TaskDecision,
  type TaskEvent,
  type TaskState,
} from "../../kernel/task.ts";

const ttl = durationMs(50n);
const [x, y] = [promiseId("x"), promiseId("y")];

const acquired: TaskEvent = { kind: "task_acquired", pid: "w", ttl };
const released: TaskEvent = { kind: "task_released" };
const suspended: TaskEvent = { kind: "task_suspended" };
const lapsed: TaskEvent = { kind: "lease_expired" };
const halted: TaskEvent = { kind: "task_halted" };
const continued: TaskEvent = { kind: "task_continued" };
const cleared: TaskEvent = { kind: "resumes_cleared" };
const resumed = (awaited = x): TaskEvent => ({ kind: "task_resumed", awaited });

const acquire = (version: number) => (task: TaskState) => {
  return decideAcquire(task, { version: taskVersion(version), pid: "w", ttl });
};
const held =
  (version: number, event: Parameters<typeof decideHeld>[2] = null) =>
  (task: TaskState) =>
    decideHeld(task, taskVersion(version), event);
const release = (version: number) => held(version, { kind: "task_released" });
const suspend = (version: number) => held(version, { kind: "task_suspended" });
const clear = (version: number) => held(version, { kind: "resumes_cleared" });
const resume =
  (awaited = x) =>
  (task: TaskState): TaskDecision => ({ kind: "accepted", events: decideResume(task, awaited) });

const state = (events: readonly TaskEvent[] | null | "fulfilled"): TaskState => {
  if (events === null) return absent;
  if (events === "fulfilled") return fulfilled(state([acquired]));
  return events.reduce<TaskState>(evolve, born);
};

type Given = readonly TaskEvent[] | null | "fulfilled";
type Row = readonly [
  string,
  Given,
  (task: TaskState) => TaskDecision,
  string,
  readonly TaskEvent[],
];
const none: readonly TaskEvent[] = [];
const held1 = [acquired];
const slept = [acquired, suspended];
const again = [acquired, released];

// biome-ignore format: a table is read down its columns
const table: readonly Row[] = [
  // rule                             given                     when            answer                    appended
  ["acquire, absent",                 null,                     acquire(0),     "task_not_found",         none],
  ["A1 acquire, pending",             [],                       acquire(0),     "accepted",               [acquired]],
  ["A1 acquire, held",                held1,                    acquire(1),     "task_not_pending",       none],
  ["A1 acquire, suspended",           slept,                    acquire(1),     "task_not_pending",       none],
  ["A6 acquire, halted",              [halted],                 acquire(0),     "task_not_pending",       none],
  ["A3 acquire, fulfilled",           "fulfilled",              acquire(1),     "task_not_pending",       none],
  ["A1 acquire, an earlier version",  again,                    acquire(0),     "task_version_mismatch",  none],
  ["A1 acquire, a later version",     [],                       acquire(1),     "task_version_mismatch",  none],
  ["A1 acquire, again",               again,                    acquire(1),     "accepted",               [acquired]],
  ["release, absent",                 null,                     release(0),     "task_not_found",         none],
  ["A2 release, pending",             [],                       release(0),     "task_not_held",          none],
  ["A2 release, held",                held1,                    release(1),     "accepted",               [released]],
  ["A2 release, an earlier version",  [...again, acquired],     release(1),     "task_not_held",          none],
  ["A2 release, suspended",           slept,                    release(1),     "task_not_held",          none],
  ["A2 release, lapsed",              [acquired, lapsed],       release(1),     "task_not_held",          none],
  ["A6 release, halted",              [acquired, halted],       release(1),     "task_not_held",          none],
  ["A3 release, fulfilled",           "fulfilled",              release(1),     "task_not_held",          none],
  ["A2 suspend, held",                held1,                    suspend(1),     "accepted",               [suspended]],
  ["A2 suspend, suspended",           slept,                    suspend(1),     "task_not_held",          none],
  ["A2 fence, held",                  held1,                    held(1),        "accepted",               none],
  ["A2 fence, another version",       held1,                    held(2),        "task_not_held",          none],
  ["A4 told, with nothing in mind",   held1,                    clear(1),       "accepted",               none],
  ["A4 told, with something in mind", [acquired, resumed()],    clear(1),       "accepted",               [cleared]],
  ["halt, absent",                    null,                     decideHalt,     "task_not_found",         none],
  ["halt, pending",                   [],                       decideHalt,     "accepted",               [halted]],
  ["halt, held",                      held1,                    decideHalt,     "accepted",               [halted]],
  ["halt, suspended",                 slept,                    decideHalt,     "accepted",               [halted]],
  ["A6 halt, halted",                 [halted],                 decideHalt,     "accepted",               none],
  ["A3 halt, fulfilled",              "fulfilled",              decideHalt,     "task_fulfilled",         none],
  ["continue, absent",                null,                     decideContinue, "task_not_found",         none],
  ["continue, pending",               [],                       decideContinue, "task_not_halted",        none],
  ["A6 continue, halted",             [acquired, halted],       decideContinue, "accepted",               [continued]],
  ["A3 continue, fulfilled",          "fulfilled",              decideContinue, "task_not_halted",        none],
  ["A5 resume, suspended",            slept,                    resume(),       "accepted",               [resumed()]],
  ["A5 resume, pending",              [],                       resume(),       "accepted",               [resumed()]],
  ["A5 resume, held",                 held1,                    resume(),       "accepted",               [resumed()]],
  ["A6 resume, halted",               [halted],                 resume(),       "accepted",               [resumed()]],
  ["A4 resume, the same again",       [resumed()],              resume(),       "accepted",               none],
  ["A4 resume, another one",          [resumed()],              resume(y),      "accepted",               [resumed(y)]],
  ["A3 resume, fulfilled",            "fulfilled",              resume(),       "accepted",               none],
  ["resume, absent",                  null,                     resume(),       "accepted",               none],
];

test.each(table)("%s", (_rule, given, when, answer, appended) => {
  const decision = when(state(given));
  const said = decision.kind === "refused" ? decision.refusal : decision.kind;
  expect(said).toBe(answer);
  expect(decision.kind === "accepted" ? decision.events : []).toEqual(appended);
});

describe("what comes of it", () => {
  const ones: readonly (readonly [string, readonly TaskEvent[], TaskState])[] = [
    [
      "A1 acquired",
      held1,
      { kind: "acquired", version: taskVersion(1), resumes: [], pid: "w", ttl },
    ],
    ["A1 twice", [...again, acquired], { ...state(held1), version: taskVersion(2) } as TaskState],
    ["released", again, { kind: "pending", version: taskVersion(1), resumes: [] }],
    ["lapsed", [acquired, lapsed], { kind: "pending", version: taskVersion(1), resumes: [] }],
    ["suspended", slept, { kind: "suspended", version: taskVersion(1) }],
    ["A5 woken", [...slept, resumed()], { kind: "pending", version: taskVersion(1), resumes: [x] }],
    ["A6 halted", [...slept, halted], { kind: "halted", version: taskVersion(1), resumes: [] }],
  ];

  test.each(ones)("%s", (_what, events, expected) => {
    expect(state(events)).toEqual(expected);
  });

  test("A4: what it has in mind lasts until a holder is told, by acquiring, suspending or a 300", () => {
    const mindful = [acquired, resumed(x), resumed(y)];
    expect(resumesOf(state(mindful))).toEqual([x, y]);
    expect(resumesOf(state([...mindful, released]))).toEqual([x, y]);
    expect(resumesOf(state([...mindful, lapsed]))).toEqual([x, y]);
    expect(resumesOf(state([...mindful, halted, continued]))).toEqual([x, y]);
    for (const told of [[cleared], [suspended], [released, acquired]]) {
      expect(resumesOf(state([...mindful, ...told]))).toEqual([]);
    }
    expect(resumesOf(fulfilled(state(mindful)))).toEqual([]);
  });

  test("a promise that has no target has no task to fulfil", () => {
    expect(fulfilled(absent)).toBe(absent);
  });
});

const moves: readonly ((task: TaskState) => TaskDecision)[] = [
  ...[0, 1, 2, 3].flatMap((version) => [
    acquire(version),
    release(version),
    suspend(version),
    clear(version),
  ]),
  decideHalt,
  decideContinue,
  resume(x),
  resume(y),
];

property.prop([fc.array(fc.constantFrom(...moves), { maxLength: 30 })], { seed: 42 })(
  "A1: whatever is asked, what is accepted can be folded, and the version grows only by acquiring",
  (asked) => {
    let task = born;
    for (const ask of asked) {
      const decision = ask(task);
      if (decision.kind === "refused") continue;
      for (const event of decision.events) {
        const { version } = task;
        task = evolve(task, event);
        expect(task.version - version).toBe(event.kind === "task_acquired" ? 1 : 0);
      }
    }
  },
);

test.each<[string, Given, TaskEvent]>([
  ["A1 an acquisition of what is held", held1, acquired],
  ["A3 anything once it is fulfilled", "fulfilled", halted],
  ["anything where there is no task", null, acquired],
  ["A4 one resume twice", [resumed()], resumed()],
  ["A6 a second halt", [halted], halted],
  ["A6 a continuation of what is not halted", [], continued],
  ["a release of what nobody holds", [], released],
  ["a suspension of what nobody holds", [], suspended],
])("an event that cannot have happened is a bug: %s", (_what, given, event) => {
  expect(() => evolve(state(given), event)).toThrow();
});
