// The judge of the tests that injure real servers, judged: one honest history of a promise and a task,
// and what it says once somebody has lied, one row a lie. No server runs here.

import { describe, expect, test } from "vitest";
import type { Event } from "../../kernel/event.ts";
import {
  commandId,
  deadlineMs,
  durationMs,
  instantMs,
  position,
  promiseId,
  streamVersion,
} from "../../kernel/ids.ts";
import type { LoggedEvent } from "../../kernel/search.ts";
import { promiseKey } from "../../kernel/stream.ts";
import { emptyValue } from "../../kernel/value.ts";
import { explained, judge, type Recorded } from "./cluster-history.ts";
import {
  type Asked,
  create,
  get,
  type Outcome,
  operation,
  outcomeOf,
  settle,
} from "./cluster-requests.ts";

const far = 2_524_608_000_000;
const start = 1_000_000;

function logged(id: string, version: number, at: number, command: string, event: Event) {
  return {
    position: position(0),
    key: promiseKey(promiseId(id)),
    version: streamVersion(version),
    at: instantMs(start + at),
    command: commandId(command),
    event,
  };
}

function recorded(asked: Asked, call: number, until: number, status: number, body: unknown) {
  const outcome = outcomeOf(asked, status, JSON.stringify(body));
  return { asked, call: start + call, return: start + until, outcome };
}

function told(data: unknown, status = 200) {
  return { kind: "any", head: { corrId: "c", status, version: "2026-04-01" }, data };
}

// The promise p: created and resolved, once each.

const pCreation = create({ id: "p", timeout: far, key: "k", word: "one" });
const pSettlement = settle({ id: "p", verb: "resolve", key: "s", word: "two" });
const pPending = {
  ...{ id: "p", state: "PENDING", param: { data: "b25l" }, value: {}, timeout: far },
  ...{ idempotencyKeyForCreate: "k", createdOn: start + 10 },
};
const pResolved = {
  ...{ ...pPending, state: "RESOLVED", value: { data: "dHdv" } },
  ...{ idempotencyKeyForComplete: "s", completedOn: start + 30 },
};
const createdAt = instantMs(start + 10);
const timeoutAt = deadlineMs(BigInt(far));
const pCreated: Event = {
  ...{ kind: "promise_created", createdAt, timeoutAt, param: { headers: null, data: "b25l" } },
  ...{ tags: new Map(), key: "k", isExternal: true },
};
const pSettled: Event = {
  ...{ kind: "promise_settled", outcome: "resolved", settledAt: instantMs(start + 30) },
  ...{ value: { headers: null, data: "dHdv" }, key: "s" },
};

// The task t: acquired, lost, acquired by another worker.

const target = { "resonate:target": "poll://any@g" };
const tCreation = operation("promise.create", { id: "t", timeoutAt: far, tags: target });
const tPromise = {
  ...{ id: "t", state: "pending", param: {}, value: {}, tags: target },
  ...{ timeoutAt: far, createdAt: start + 100 },
};
const acquisition = (version: number, pid: string) => {
  return operation("task.acquire", { id: "t", version, pid, ttl: 100 });
};
const claim = (version: number, pid: string) => {
  const task = { id: "t", state: "acquired", version, resumes: 0, ttl: 100, pid };
  return told({ task, promise: tPromise, preload: [] });
};
const tCreated: Event = {
  ...{ kind: "promise_created", createdAt: instantMs(start + 100), timeoutAt, param: emptyValue },
  ...{ tags: new Map(Object.entries(target)), key: null, isExternal: false },
};
const tAcquired = (pid: string): Event => ({ kind: "task_acquired", pid, ttl: durationMs(100n) });

const honestLog: readonly LoggedEvent[] = [
  logged("p", 1, 10, "n-1", pCreated),
  logged("p", 2, 30, "n-2", pSettled),
  logged("t", 1, 100, "n-3", tCreated),
  logged("t", 2, 110, "n-4", tAcquired("a")),
  logged("t", 3, 220, "m-1", { kind: "lease_expired" }),
  logged("t", 4, 230, "m-2", tAcquired("b")),
];

const beat = operation("task.heartbeat", { pid: "a", tasks: [{ id: "t", version: 1 }] });
const honest = {
  creation: recorded(pCreation, 5, 15, 201, pPending),
  earlyRead: recorded(get("p"), 16, 20, 200, pPending),
  settlement: recorded(pSettlement, 25, 35, 201, pResolved),
  read: recorded(get("p"), 40, 45, 200, pResolved),
  repetition: recorded(pCreation, 46, 49, 200, pResolved),
  absence: recorded(get("q"), 46, 49, 404, { error: { code: 4040 } }),
  tCreation: recorded(tCreation, 95, 105, 200, told({ promise: tPromise })),
  first: recorded(acquisition(0, "a"), 106, 115, 200, claim(1, "a")),
  beat: recorded(beat, 114, 116, 200, told({})),
  second: recorded(acquisition(1, "b"), 225, 235, 200, claim(2, "b")),
  late: recorded(acquisition(1, "c"), 240, 245, 409, told("Task is not pending", 409)),
} satisfies Readonly<Record<string, Recorded>>;

type Name = keyof typeof honest;
type Lie = {
  readonly log?: readonly LoggedEvent[];
  readonly told?: Partial<Record<Name, Recorded>>;
};

function verdict({ log = honestLog, told: others = {} }: Lie) {
  const history = Object.values({ ...honest, ...others });
  const judgement = judge(history, log);
  return { verdict: judgement.finding.verdict, why: explained(judgement, log) };
}

function unanswered(name: Name, kind: "none" | "unknown"): Partial<Record<Name, Recorded>> {
  const outcome: Outcome = { kind };
  return { [name]: { ...honest[name], outcome } };
}

test("an honest history has an order, which explains the whole log", () => {
  expect(verdict({})).toEqual({ verdict: "ok", why: "" });
});

test("H3 an operation of unknown outcome may have happened, or not", () => {
  expect(verdict({ told: unanswered("settlement", "unknown") }).verdict).toBe("ok");
  const dropped = { ...honest, settlement: unanswered("settlement", "unknown").settlement };
  const { read: _, repetition: __, ...rest } = dropped;
  const history = Object.values(rest).filter((each) => each !== undefined);
  const log = honestLog.filter(({ command }) => command !== "n-2");
  expect(explained(judge(history, log), log)).toBe("");
});

const without = (...commands: readonly string[]) => {
  return honestLog.filter(({ command }) => !commands.includes(command));
};
const shiftedLease = honestLog.map((each) =>
  each.command === "m-1" ? { ...each, at: instantMs(start + 190) } : each,
);

describe.each<readonly [string, Lie, RegExp]>([
  ["H1 an acknowledged write that is not in the log", { log: without("n-2") }, /^illegal: p /],
  [
    "H1 a stale read",
    { told: { read: recorded(get("p"), 40, 45, 200, pPending) } },
    /^illegal: p /,
  ],
  [
    "H1 a read from the future",
    { told: { earlyRead: recorded(get("p"), 16, 20, 200, pResolved) } },
    /^illegal: p /,
  ],
  [
    "H1 a write that was acknowledged twice",
    { told: { repetition: recorded(pCreation, 46, 49, 201, pPending) } },
    /^illegal: p /,
  ],
  [
    "H1 a write that the answer garbles",
    { told: { settlement: recorded(pSettlement, 25, 35, 201, { ...pResolved, value: {} }) } },
    /^illegal: p /,
  ],
  [
    "H1 a promise that is said not to be there",
    { told: { read: recorded(get("p"), 40, 45, 404, { error: { code: 4040 } }) } },
    /^illegal: p /,
  ],
  [
    "H1 one lease that two have",
    { told: { late: recorded(acquisition(1, "c"), 240, 245, 200, claim(2, "c")) } },
    /^illegal: t /,
  ],
  [
    "H1 a task that is taken before its lease has ended",
    { told: { second: recorded(acquisition(1, "b"), 130, 140, 200, claim(2, "b")) } },
    /^illegal: t /,
  ],
  [
    "H2 a write that was said to have had no effect",
    { told: unanswered("settlement", "none") },
    /^illegal: p /,
  ],
  [
    "H2 a claim that was said to have had no effect",
    { told: unanswered("second", "none") },
    /^illegal: t /,
  ],
  [
    "H3 an unknown outcome that is answered by a read, and is not in the log",
    { log: without("n-2"), told: unanswered("settlement", "unknown") },
    /^illegal: p /,
  ],
  [
    "H4 an event that nobody asked for",
    { log: [...honestLog, logged("t", 5, 240, "m-3", { kind: "task_released" })] },
    /^illegal: t /,
  ],
  [
    "H4 a command that is applied twice",
    {
      log: [
        ...honestLog,
        logged("t", 5, 340, "m-3", { kind: "lease_expired" }),
        logged("t", 6, 341, "m-4", tAcquired("b")),
      ],
    },
    /^illegal: t /,
  ],
  [
    "H5 a deadline that comes too early",
    {
      log: honestLog.map((each) =>
        each.command === "n-2" ? { ...each, event: { ...pSettled, outcome: "timedout" } } : each,
      ),
    },
    /p v2 breaks deadline-verdict/,
  ],
  ["H6 a lease that ends before its time", { log: shiftedLease }, /^t: lease 1 ended 24 ms early$/],
  [
    "H6 a lease that a heartbeat has prolonged in vain",
    { told: { beat: recorded(beat, 150, 160, 200, told({})) } },
    /^t: lease 1 ended 30 ms early$/,
  ],
])("%s", (_what, lie, why) => {
  test("is found", () => {
    expect(verdict(lie).why).toMatch(why);
  });
});

test.each([
  [
    500,
    {
      error: {
        code: 5000,
        message: "m",
        details: [{ message: "whether anything changed is unknown" }],
      },
    },
  ],
  [
    500,
    {
      error: {
        code: 5003,
        message: "m",
        details: [{ message: "is corrupt or not ours; nothing changed" }],
      },
    },
  ],
  [502, { error: { code: 5020 } }],
])("an answer %s that these tests must never see is found", (status, body) => {
  expect(() => outcomeOf(pCreation, status, JSON.stringify(body))).toThrow(`${status}`);
});
