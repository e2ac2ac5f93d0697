// How a process behaves beyond what it answers: requests, batches and submissions by hand, at each limit
// and one beyond it. Then the same of real processes in a world: they reach their limits, and keep them.

import { expect, test } from "vitest";
import { Conduct } from "../../dst/conduct.ts";
import type { Operation } from "../../dst/operation.ts";
import { type Command, failed, type Request, type Response } from "../../kernel/command.ts";
import { commandId, instantMs, promiseId, streamRevision } from "../../kernel/ids.ts";
import { limits } from "../../kernel/limits.ts";
import type { Ran, Submission } from "../../kernel/ports.ts";
import { promiseKey } from "../../kernel/stream.ts";
import { found } from "./found.ts";
import { create, planOf, playPlan, type Step, settle, verdict } from "./play.ts";

const small = limits({ queueMax: 3, batchMax: 2, attemptsMax: 2, batchesMax: 2, readsMax: 1 });
const done: Response = { kind: "refused", refusal: "promise_not_found" };

type Get = Extract<Command, { kind: "get_promise" }>;
type Wait = Extract<Command, { kind: "register_callback" }>;

function get(id: string): Get {
  return { kind: "get_promise", id: promiseId(id) };
}

function wait(awaited: string, awaiter: string): Wait {
  const pair = { awaited: promiseId(awaited), awaiter: promiseId(awaiter) };
  return { kind: "register_callback", ...pair };
}

function accept<Accepted extends Request>(conduct: Conduct, request: Accepted): Accepted {
  conduct.accepted({ request } as unknown as Operation); // of which it reads nothing else
  return request;
}

/** A batch of commands that write, and of some that only read. */
function execute(
  conduct: Conduct,
  writing: readonly Command[],
  reading: readonly Command[] = [],
): void {
  const ran = (command: Command): Ran => {
    return { entry: { command, id: commandId("n-1") }, response: done, wrote: false };
  };
  const groups = writing.map((command) => ({ executed: [ran(command)] }));
  conduct.executed({
    ...{ kind: "executed", load: 1, commit: 2, now: instantMs(1) },
    ...{ writing: groups, reading: reading.map(ran) },
  });
}

function load(...ids: readonly string[]): Submission {
  return { kind: "load", keys: ids.map((id) => promiseKey(promiseId(id))) };
}

function commit(...ids: readonly string[]): Submission {
  const components = ids.map((id) => {
    const key = promiseKey(promiseId(id));
    return { changes: [{ key, expectedRevision: streamRevision(0), write: null }] };
  });
  return { kind: "commit", components };
}

test("B3: no more commands are in a batch than may be", () => {
  const conduct = new Conduct(small);
  expect(found(() => execute(conduct, [get("a"), get("b")]))).toBe("nothing");
  expect(found(() => execute(conduct, [get("a")], [get("b")]))).toBe("nothing");
  expect(found(() => execute(conduct, [get("a"), get("b"), get("c")]))).toBe("B batch");
  expect(found(() => execute(conduct, [get("a")], [get("b"), get("c")]))).toBe("B batch");
});

test("B3: a command is executed no more often than may be", () => {
  const conduct = new Conduct(small);
  const command = accept(conduct, get("a"));
  expect(found(() => execute(conduct, [command]))).toBe("nothing");
  expect(found(() => execute(conduct, [], [command]))).toBe("nothing");
  expect(found(() => execute(conduct, [command]))).toBe("B attempts");
  const own = get("b"); // of the server itself
  expect(found(() => [1, 2, 3].map(() => execute(conduct, [own])))).toBe("nothing");
});

test.each([
  [3, 0, "nothing"],
  [4, 0, "B queue"],
  [0, 5, "nothing"], // two batches, one read, one preload, one sweep
  [0, 6, "B flights"],
])("B3: %i requests wait and %i submissions are under way: %s", (waiting, inFlight, verdict) => {
  expect(found(() => new Conduct(small).watch(waiting, inFlight))).toBe(verdict);
});

test("B4: batches that are under way touch disjoint promises", () => {
  for (const submission of [load, commit]) {
    const conduct = new Conduct(small);
    conduct.launched(1, load("a", "b"));
    expect(found(() => conduct.launched(2, submission("c", "d")))).toBe("nothing");
    expect(found(() => conduct.launched(3, submission("e", "b")))).toBe("B overlap");
    conduct.completed(1);
    expect(found(() => conduct.launched(4, submission("b")))).toBe("nothing");
    expect(found(() => conduct.launched(5, submission("d")))).toBe("B overlap");
  }
});

test("B4: what only reads touches nothing", () => {
  const conduct = new Conduct(small);
  conduct.launched(1, load("a"));
  const range = { of: promiseKey(promiseId("a")), after: 0, limit: 1, weightMax: 1 };
  expect(found(() => conduct.launched(2, { kind: "log", ranges: [range] }))).toBe("nothing");
});

test("B5: commands on one promise are done as they were accepted", () => {
  const conduct = new Conduct(small);
  const [first, second, third] = ["a", "b", "a"].map((id) => accept(conduct, get(id)));
  if (first === undefined || second === undefined || third === undefined) throw new Error("three");
  expect(found(() => conduct.finished(third, done))).toBe("nothing");
  expect(found(() => conduct.finished(second, done))).toBe("nothing"); // another promise
  expect(found(() => conduct.finished(first, done))).toBe("B order");
});

test("B5: a command on two promises keeps its place on both", () => {
  const conduct = new Conduct(small);
  const [pair, one] = [accept(conduct, wait("a", "b")), accept(conduct, get("b"))];
  expect(found(() => conduct.finished(one, done))).toBe("nothing");
  expect(found(() => conduct.finished(pair, done))).toBe("B order");
});

test("B5: who has failed was not done, and may be overtaken", () => {
  const conduct = new Conduct(small);
  const [first, second] = [accept(conduct, get("a")), accept(conduct, get("a"))];
  expect(found(() => conduct.finished(second, failed("store_failed")))).toBe("nothing");
  expect(found(() => conduct.finished(first, done))).toBe("nothing");
  const third = accept(conduct, get("a"));
  expect(found(() => conduct.finished(third, done))).toBe("nothing");
  expect(found(() => conduct.finished(first, failed("store_failed")))).toBe("nothing");
});

test("B3, B4, B5: servers at their limits keep to them", () => {
  const burst = Array.from({ length: 72 }, (_, index): Step => {
    const id = `p${index % 5}`;
    return [Math.floor(index / 24), index % 24, index % 3 === 0 ? create(id) : settle(id)];
  });
  for (const max of [1, 2, 3]) {
    const chosen = {
      batchMax: max,
      batchesMax: max,
      queueMax: 2 * max,
      readsMax: 1,
      attemptsMax: max,
    };
    const world = { clients: 24, nodes: 2, limits: limits(chosen), delayMax: 20 };
    const played = playPlan(planOf(burst, world), null);
    expect(verdict(played)).toBeNull();
    const seen = [...played.outcome.sometimes];
    expect(seen).toContain("a request is turned away because the queue is full");
    if (max > 1) expect(seen).toContain("a batch of exactly the maximum");
    if (max > 2) expect(seen).toContain("two batches are under way");
  }
});
