// Schedules in the step machine, over the reference store, against scripts: every occurrence is fired
// once, whatever happens between. What is fired, asked and told goes into one log.

import { expect, test } from "vitest";
import type { Request, Response } from "../../kernel/command.ts";
import { deadlineMs, type InstantMs, instantMs, promiseId, scheduleId } from "../../kernel/ids.ts";
import { Kernel } from "../../kernel/kernel.ts";
import { type Limits, limits } from "../../kernel/limits.ts";
import type {
  Aio,
  Completion,
  Cqe,
  Cron,
  Sqe,
  Submission,
  TraceRecord,
} from "../../kernel/ports.ts";
import type { CreateSchedule } from "../../kernel/schedule.ts";
import { emptyValue } from "../../kernel/value.ts";
import { MemoryStore } from "../../store/memory.ts";
import { cron, tagged } from "./given.ts";

const id = scheduleId("s");
const tags = tagged({ "resonate:target": "poll://any@g" });
const creation: CreateSchedule = {
  kind: "create_schedule",
  ...{ id, cron: "tens", promiseIdTemplate: "{{.id}}-{{.timestamp}}", promiseTags: tags },
  ...{ promiseTimeoutMs: 10_000n, promiseParam: emptyValue },
};
const remove = { kind: "delete_schedule", id } as const;
const get = { kind: "get_schedule", id } as const;

/** One server. What it asks is done at once; the completions come when it runs, unless they are held. */
class Server implements Aio {
  readonly kernel: Kernel;
  /** Completions are held back. */
  isStill = false;
  readonly #cqes: Cqe[] = [];
  readonly #stage: Stage;

  constructor(stage: Stage, node: string, options: { chosen: Partial<Limits>; cron: Cron }) {
    this.#stage = stage;
    this.kernel = new Kernel({
      ...{ aio: this, limits: limits(options.chosen), node, cron: options.cron },
      trace: (record) => stage.traced.push(record),
    });
  }

  /** Until nothing more is due. */
  run(now: InstantMs): void {
    for (let ticks = 0; ticks < 1_000; ticks++) {
      this.kernel.tick(now);
      const { wakeAt } = this.kernel;
      const isOver = wakeAt === null || wakeAt > now;
      if (this.isStill || (this.#cqes.length === 0 && isOver)) return;
    }
    throw new Error("it does not come to rest");
  }

  enqueue({ ticket, submission }: Sqe): boolean {
    this.#cqes.push({ ticket, completion: this.#stage.complete(submission) });
    return true;
  }

  drain(): readonly Cqe[] {
    return this.isStill ? [] : this.#cqes.splice(0);
  }
}

/** Servers over one store, of which one is asked. */
class Stage {
  readonly log: string[] = [];
  readonly traced: TraceRecord[] = [];
  readonly store = new MemoryStore();
  server: Server;
  now: InstantMs = instantMs(100);
  readonly #chosen: Partial<Limits>;
  #starts = 0;

  constructor(chosen: Partial<Limits> = {}) {
    this.#chosen = chosen;
    this.server = this.start();
  }

  /** @returns the one that is asked from now on */
  start(known: Cron = cron): Server {
    this.#starts += 1;
    this.server = new Server(this, `n${this.#starts}`, { chosen: this.#chosen, cron: known });
    this.server.run(this.now);
    return this.server;
  }

  ask(request: Request): void {
    this.server.kernel.submit(request, (response) => this.log.push(said(response)));
    this.server.run(this.now);
  }

  at(now: number): void {
    this.now = instantMs(now);
    this.server.run(this.now);
  }

  /** What a server has asked before arrives. */
  release(server: Server = this.server): void {
    server.isStill = false;
    server.run(this.now);
  }

  /** The promises that are there. */
  get promises(): readonly string[] {
    const query = { pattern: "*", anyOf: null, tags: new Map(), before: null, limit: 10_000 };
    const { rows } = this.store.query({ ...query, weightMax: 1e9, now: this.now });
    return rows.map((row) => row.id).reverse();
  }

  complete(submission: Submission): Completion {
    const { store, log } = this;
    switch (submission.kind) {
      case "load":
        return { kind: "loaded", streams: store.load(submission.keys) };
      case "commit":
        return { kind: "committed", conflicts: store.commit(submission.components) };
      case "due":
        log.push(`due at ${submission.now}`);
        return { kind: "due", due: store.due(submission.now, submission.bounds) };
      case "send":
        log.push(`send ${submission.message.id}`);
        return { kind: "sent", delivery: { kind: "delivered" } };
      default:
        return { kind: "failed", failure: "store_failed" };
    }
  }
}

function said(response: Response): string {
  if (response.kind === "refused") return response.refusal;
  if (response.kind !== "schedule") return response.kind;
  const { nextRunAt, lastRunAt } = response.schedule;
  return `next ${nextRunAt}, last ${lastRunAt}`;
}

const named = (from: number, to: number): readonly string[] => {
  return Array.from({ length: (to - from) / 10 + 1 }, (_, index) => `s-${from + 10 * index}`);
};
const sends = ({ log }: Stage) => log.filter((line) => line.startsWith("send"));
const asks = ({ log }: Stage) => log.filter((line) => line.startsWith("due"));

test("schedules: each occurrence is fired at its instant, and not before", () => {
  const stage = new Stage();
  stage.ask(creation);
  expect(stage.server.kernel.wakeAt).toBe(110n);
  for (const now of [109, 110, 111, 119, 120]) stage.at(now);
  expect(stage.promises).toEqual(["s-110", "s-120"]);
  expect(sends(stage)).toEqual(["send s-110", "send s-120"]);
  expect(stage.server.kernel.wakeAt).toBe(130n);
});

test("schedules: F3 what was missed is caught up with, some at a time, oldest first, each once", () => {
  const stage = new Stage({ firingsMax: 3, sweepShareMax: 2, batchMax: 2 });
  stage.ask(creation);
  stage.log.length = 0;
  stage.at(209);
  expect(stage.promises).toEqual(named(110, 200));
  expect(sends(stage)).toEqual(named(110, 200).map((name) => `send ${name}`));
  expect(asks(stage).length).toBeGreaterThanOrEqual(4); // 3 + 3 + 3 + 1
  stage.ask(get);
  expect(stage.log.at(-1)).toBe("next 210, last 200");
});

test("schedules: F3 by default a hundred are fired for one answer of the sweep", () => {
  const stage = new Stage();
  stage.ask(creation);
  stage.log.length = 0;
  stage.at(2_600);
  expect(stage.promises).toEqual(named(110, 2_600));
  expect(asks(stage).length).toBeGreaterThanOrEqual(3);
  expect(asks(stage).length).toBeLessThan(6);
});

test("schedules: F3 of two that are behind neither waits for the other to catch up", () => {
  const stage = new Stage({ firingsMax: 2, sweepShareMax: 2, batchMax: 2 });
  stage.ask(creation);
  stage.ask({ ...creation, id: scheduleId("t") });
  stage.at(150);
  const all = stage.promises;
  expect(all).toHaveLength(10);
  expect(all.indexOf("t-110")).toBeLessThan(all.indexOf("s-150"));
});

test("schedules: F4 a schedule that is deleted in between fires no more", () => {
  const stage = new Stage({ firingsMax: 5, sweepShareMax: 1, batchMax: 2 });
  stage.ask(creation);
  stage.now = instantMs(150);
  while (stage.promises.length === 0) stage.server.kernel.tick(stage.now);
  stage.ask(remove);
  const { length } = stage.promises;
  expect(length).toBeLessThan(5);
  expect(stage.promises).toEqual(named(110, 150).slice(0, length));
  stage.at(500);
  expect(stage.promises).toHaveLength(length); // those that were fired stay
  stage.ask(get);
  expect(stage.log.at(-1)).toBe("schedule_not_found");
});

test("schedules: F4 one that is made anew in between is fired by its own times", () => {
  const stage = new Stage({ firingsMax: 5, sweepShareMax: 1, batchMax: 2 });
  stage.ask(creation);
  stage.server.isStill = true;
  stage.at(130);
  stage.ask(remove);
  stage.ask({ ...creation, promiseIdTemplate: "other-{{.timestamp}}" });
  stage.release();
  stage.at(141);
  expect(stage.promises.filter((name) => name.startsWith("other"))).toEqual(["other-140"]);
});

test("schedules: F4 occurrences that two servers have come upon are fired once", () => {
  const stage = new Stage({ firingsMax: 3 });
  stage.ask(creation);
  const slow = stage.server;
  slow.isStill = true;
  stage.at(145); // it has asked, and does not hear the answer
  stage.start();
  stage.at(5_200); // behind the claim of the slow one
  expect(stage.promises).toEqual(named(110, 5_200));
  stage.release(slow);
  expect(stage.promises).toEqual(named(110, 5_200));
  expect(sends(stage)).toHaveLength(stage.promises.length);
  stage.at(5_210);
  expect(stage.promises).toEqual(named(110, 5_210));
});

test("schedules: a server that is gone leaves nothing half done, and the next one goes on", () => {
  const stage = new Stage({ firingsMax: 4, sweepShareMax: 2, batchMax: 2 });
  stage.ask(creation);
  stage.at(125);
  stage.server.isStill = true;
  stage.at(165); // what it reads never comes back
  stage.start();
  stage.at(6_000); // behind the claim of the one that is gone
  expect(stage.promises).toEqual(named(110, 6_000));
  expect(new Set(sends(stage)).size).toBe(sends(stage).length);
});

test("schedules: F10 one whose rule is not known here is asked about again, and not without pause", () => {
  const stage = new Stage({ sweepRetryMs: 1_000 });
  stage.ask(creation);
  stage.start({ next: () => ({ kind: "invalid", part: "expression" }) });
  stage.log.length = 0;
  for (let now = 110; now < 12_000; now += 10) stage.at(now);
  expect(stage.promises).toEqual([]);
  expect(asks(stage).length).toBeLessThan(10);
  const stuck = stage.traced.filter(({ kind }) => kind === "schedule_stuck");
  expect(stuck.length).toBeGreaterThan(1);
  expect(stuck[0]).toEqual({ kind: "schedule_stuck", id: "s", part: "expression" });
  stage.start(); // its rule is known again
  stage.at(20_000);
  expect(stage.promises).toEqual(named(110, 20_000));
});

test("schedules: F8 an occurrence that makes no promise is told once, and the schedule goes on", () => {
  const stage = new Stage();
  stage.ask({ ...creation, promiseIdTemplate: `${"x".repeat(2048)}{{.timestamp}}` });
  stage.at(130);
  const skipped = stage.traced.filter(({ kind }) => kind === "occurrence_skipped");
  expect(skipped).toEqual(
    [110, 120, 130].map((occurrenceAt) => ({ kind: "occurrence_skipped", id: "s", occurrenceAt })),
  );
  stage.ask(get);
  expect(stage.log.at(-1)).toBe("next 140, last 130");
  expect(stage.promises).toEqual([]);
});

test("schedules: a promise that is there already is left as it is", () => {
  const stage = new Stage();
  const manner = { key: "mine", strict: false, isExternal: true, isShared: false };
  const own = { kind: "create_promise", id: promiseId("s-110"), param: emptyValue } as const;
  stage.ask({ ...own, ...manner, timeoutAt: deadlineMs(99_999n), tags: new Map() });
  stage.ask(creation);
  stage.at(125);
  expect(sends(stage)).toEqual(["send s-120"]);
  stage.ask({ kind: "get_promise", id: promiseId("s-110") });
  stage.ask(get);
  expect(stage.log.at(-1)).toBe("next 130, last 120");
});
