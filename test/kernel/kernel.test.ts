// The step machine on a stage, against scripts. What it asks of the outside and what it tells its
// clients goes into one log, because most of its rules are about the order of things.

import { expect, test } from "vitest";
import type { Request, Response } from "../../kernel/command.ts";
import {
  commandId,
  type DeadlineMs,
  deadlineMs,
  durationMs,
  instantMs,
  position,
  promiseId,
  type Receiver,
  streamRevision,
  streamVersion,
  taskVersion,
} from "../../kernel/ids.ts";
import { Kernel } from "../../kernel/kernel.ts";
import { limits } from "../../kernel/limits.ts";
import type { News, Others } from "../../kernel/others.ts";
import type {
  Aio,
  Completion,
  Cqe,
  Delivery,
  Loaded,
  Sqe,
  StoreFailure,
  Submission,
  TraceRecord,
} from "../../kernel/ports.ts";
import type { LogPage } from "../../kernel/search.ts";
import { absent, fold, type PromiseStream, promiseKey, type Stream } from "../../kernel/stream.ts";
import { noTimers, type Timers } from "../../kernel/timers.ts";
import { emptyValue, noPairs, type Tags } from "../../kernel/value.ts";
import { cron, timersOf } from "./given.ts";

const small = { queueMax: 4, batchMax: 3, attemptsMax: 2, sweepShareMax: 1, readsMax: 1 };
const due = deadlineMs(50n);

class Stage implements Aio {
  readonly log: string[] = [];
  readonly traced: TraceRecord[] = [];
  readonly kernel: Kernel;
  /** Submissions that are refused by a full queue; counts down. */
  refusals = 0;
  readonly #cqes: Cqe[] = [];
  readonly #open: Sqe[] = [];

  constructor(
    chosen: Parameters<typeof limits>[0] = {},
    shared: { readonly others?: Others } = {},
  ) {
    this.kernel = new Kernel({
      ...shared,
      cron,
      aio: this,
      limits: limits({ ...small, sweepRetryMs: 1000, ...chosen }),
      node: "n",
      trace: (record) => {
        if (record.kind === "unreadable") this.log.push(`cannot read ${record.key.id}`);
        else this.traced.push(record);
      },
    });
    this.tick();
    this.complete({ kind: "due", due: { streams: [], nextAt: null } });
    this.log.length = 0; // how it starts is one scene of its own
  }

  submit(name: string, request: Request): void {
    const isAccepted = this.kernel.submit(request, (response) => {
      this.log.push(`${name} ${said(response)}`);
    });
    if (!isAccepted) this.log.push(`${name} turned away`);
  }

  tick(now = 1): void {
    this.kernel.tick(instantMs(now));
  }

  /** Answers the oldest open submission, or the one of this kind. */
  complete(completion: Completion, now = 1, kind?: Submission["kind"]): void {
    const index = this.#open.findIndex(
      ({ submission }) => (kind ?? submission.kind) === submission.kind,
    );
    const [sqe] = this.#open.splice(index, 1);
    this.#cqes.push({ ticket: sqe?.ticket ?? -1, completion });
    this.tick(now);
  }

  repeat(completion: Completion): void {
    this.#cqes.push({ ticket: 1, completion });
    this.tick();
  }

  enqueue(sqe: Sqe): boolean {
    if (this.refusals > 0) {
      this.refusals -= 1;
      this.log.push(`no room for ${sqe.submission.kind}`);
      return false;
    }
    this.log.push(asked(sqe.submission));
    this.#open.push(sqe);
    return true;
  }

  drain(): readonly Cqe[] {
    return this.#cqes.splice(0);
  }
}

function asked(submission: Submission): string {
  switch (submission.kind) {
    case "load":
      return `load ${submission.keys.map(({ id }) => id).join("+")}`;
    case "commit": {
      const groups = submission.components.map(({ changes }) => {
        return changes.map(({ key, write }) => (write === null ? `(${key.id})` : key.id)).join("+");
      });
      return `commit ${groups.join(" | ")}`;
    }
    case "log":
      return `log ${submission.ranges.map(({ of, after }) => `${of?.id ?? "all"}>${after}`).join(" ")}`;
    case "waiting": {
      const { receiver, after } = submission.query;
      return `waiting for ${receiver}${after === null ? "" : ` behind ${after.number}`}`;
    }
    case "list":
      return `list ${submission.queries.map(({ tags, limit }) => `${[...tags]} ${limit}`).join(" | ")}`;
    case "due":
      return `due at ${submission.now}`;
    case "send": {
      const { kind, id, to } = submission.message;
      return `send ${kind} ${id} to ${to}`;
    }
    default:
      return submission.kind;
  }
}

type Step = (stage: Stage) => void;

const create = (name: string, timeoutAt: DeadlineMs = deadlineMs(9999n)): Step => {
  return invoke(name, { timeoutAt, tags: noPairs });
};
const target: Tags = new Map([["resonate:target", "poll://any@g"]]);
const invoke = (name: string, { timeoutAt = deadlineMs(9999n), tags = target } = {}): Step => {
  const manner = { key: null, strict: false, isShared: false };
  const rest = { timeoutAt, param: emptyValue, tags, isExternal: true, ...manner };
  return (stage) => stage.submit(name, { kind: "create_promise", id: promiseId(name), ...rest });
};
const acquire = (name: string): Step => {
  const lease = { version: taskVersion(0), pid: "w", ttl: durationMs(50n) };
  return (stage) => stage.submit(name, { kind: "acquire_task", id: promiseId(name), ...lease });
};
const heartbeat = (name: string): Step => {
  const holder = { version: taskVersion(1), pid: "w" };
  return (stage) => stage.submit(name, { kind: "heartbeat_task", id: promiseId(name), ...holder });
};
const get = (name: string): Step => {
  return (stage) => stage.submit(name, { kind: "get_promise", id: promiseId(name) });
};
const resolve = (name: string): Step => {
  const manner = { key: null, strict: false, isShared: false };
  const rest = { outcome: "resolved", value: emptyValue, ...manner } as const;
  return (stage) => stage.submit(name, { kind: "settle_promise", id: promiseId(name), ...rest });
};
const register = (awaited: string, awaiter: string): Step => {
  const ids = { awaited: promiseId(awaited), awaiter: promiseId(awaiter) };
  return (stage) => stage.submit(`${awaited}<${awaiter}`, { kind: "register_callback", ...ids });
};
const search: Step = (stage) => {
  const rest = { pattern: "*", state: null, tags: noPairs, limit: 1, before: null };
  stage.submit("search", { kind: "search_promises", ...rest });
};
const history = (name: string | null): Step => {
  const of = name === null ? null : promiseKey(promiseId(name));
  return (stage) => stage.submit("history", { kind: "read_events", of, after: 0, limit: 9 });
};

const born = (timeoutAt: bigint, tags = noPairs) => ({
  ...({
    kind: "promise_created",
    createdAt: instantMs(0),
    timeoutAt: deadlineMs(timeoutAt),
  } as const),
  ...{ param: emptyValue, tags, key: null, isExternal: true },
});
const over = {
  outcome: "resolved",
  settledAt: instantMs(1),
  value: emptyValue,
  key: null,
} as const;
const pending = fold([born(9999n)]);
const worker = fold([born(9999n, target)]);
const held = fold([born(9999n, target), { kind: "task_acquired", pid: "w", ttl: durationMs(50n) }]);
const listening = [born(9999n), { kind: "listener_registered", address: "http://l" }] as const;
const listened = fold(listening);
const untold = fold([...listening, { kind: "promise_settled", ...over }]);
/** The listener has been sent its message, at 1. */
const beingTold: Timers = {
  ...noTimers,
  tellings: new Map([
    [
      "http://l",
      {
        ...{ nextAt: deadlineMs(240_001n), toldAt: instantMs(1), failureCount: 0 },
        ...{ failedSince: null, isMissed: false },
      },
    ],
  ]),
};
const overdue = fold([born(50n)]);
const awaited = (...awaiters: readonly string[]): PromiseStream => {
  const waiting = awaiters.map((name) => promiseId(name));
  return fold([
    born(9999n),
    ...waiting.map((awaiter) => ({ kind: "callback_registered" as const, awaiter })),
  ]);
};
const settledWith = (...awaiters: readonly string[]): PromiseStream => {
  const waiting = awaiters.map((name) => promiseId(name));
  return fold([
    born(9999n),
    ...waiting.map((awaiter) => ({ kind: "callback_registered" as const, awaiter })),
    { kind: "promise_settled", ...over },
  ]);
};

const stream = (name: string, state: PromiseStream = absent, timers = timersOf(state)): Stream => {
  const count = state === absent ? 0 : 1;
  const numbers = { version: streamVersion(count), revision: streamRevision(count) };
  return { key: promiseKey(promiseId(name)), ...numbers, state, timers };
};
type Named = string | readonly [string, PromiseStream, Timers?];
const load = (...names: readonly Named[]): Completion => ({
  kind: "loaded",
  streams: names.map((name): Loaded => {
    return { kind: "stream", stream: typeof name === "string" ? stream(name) : stream(...name) };
  }),
});
const loaded =
  (...names: readonly Named[]): Step =>
  (stage) =>
    stage.complete(load(...names), 1, "load");
const loadedAt =
  (now: number, ...names: readonly Named[]): Step =>
  (stage) =>
    stage.complete(load(...names), now, "load");
const unreadable = (bad: string, ...names: readonly string[]): Step => {
  const streams: Loaded[] = names.map((name) => ({ kind: "stream", stream: stream(name) }));
  const key = promiseKey(promiseId(bad));
  return (stage) =>
    stage.complete({ kind: "loaded", streams: [{ kind: "unreadable", key }, ...streams] });
};
const committed = (...conflicts: readonly number[]): Step => {
  return (stage) => stage.complete({ kind: "committed", conflicts }, 1, "commit");
};
const failed =
  (failure: StoreFailure): Step =>
  (stage) =>
    stage.complete({ kind: "failed", failure });
/** The log holds, for each range, an event of this command; null: nothing. */
const looked = (...commands: readonly (string | null)[]): Step => {
  const pages = commands.map((command): LogPage => {
    if (command === null) return { events: [], end: 0 };
    const event = { at: instantMs(1), command: commandId(command), event: born(9999n) };
    const place = {
      position: position(1),
      key: promiseKey(promiseId("x")),
      version: streamVersion(1),
    };
    return { events: [{ ...event, ...place }], end: 1 };
  });
  return (stage) => stage.complete({ kind: "logged", pages });
};
const committedAt = (now: number): Step => {
  return (stage) => stage.complete({ kind: "committed", conflicts: [] }, now, "commit");
};
/** What became of the oldest message under way. */
const sent = (delivery: Delivery): Step => {
  return (stage) => stage.complete({ kind: "sent", delivery }, 1, "send");
};
const delivered = sent({ kind: "delivered" });
const missed = sent({ kind: "failed", reason: "no_receiver", cause: "" });
const rejected = sent({ kind: "failed", reason: "refused", cause: "503" });
/** A worker comes to the group that all tasks here are for. */
const connect: Step = (stage) => stage.kernel.connected({ group: "g", id: "1" });
const swept = (streams: readonly Stream[], nextAt: DeadlineMs | null = null, now = 60): Step => {
  return (stage) => stage.complete({ kind: "due", due: { streams, nextAt } }, now, "due");
};
const full =
  (refusals: number): Step =>
  (stage) => {
    stage.refusals = refusals;
  };
const tick: Step = (stage) => stage.tick();
const tickAt =
  (now: number): Step =>
  (stage) =>
    stage.tick(now);
const wake: Step = (stage) => stage.log.push(`wake at ${stage.kernel.wakeAt}`);
const idle: Step = (stage) => stage.log.push(stage.kernel.isIdle ? "idle" : "busy");

type Row = readonly [rule: string, script: readonly Step[], log: readonly string[]];

// biome-ignore format: a scene takes three lines
const rows: readonly Row[] = [
  ["K1 what arrives during a batch becomes the next one",
    [create("a"), tick, create("b"), create("c"), tick, loaded("a"), committed()],
    ["load a", "commit a", "a pending", "load b+c"]],
  ["K1 a batch has its limit",
    [get("a"), get("b"), get("c"), get("d"), tick],
    ["load a+b+c"]],
  ["K2 commands execute in the order of submission",
    [get("a"), create("a"), create("a"), tick, loaded("a"), committed()],
    ["load a", "commit a", "a promise_not_found", "a pending", "a promise_already_exists"]],
  ["K2 a batch executes at the instant at which it was loaded, not admitted",
    [get("a"), tick, loadedAt(60, ["a", overdue]), (stage) => stage.complete({ kind: "committed", conflicts: [] }, 60)],
    ["load a", "commit a", "a timedout at 50"]],
  ["K3 no reply leaves before the commit, not even that of a read",
    [create("a"), get("b"), tick, loaded("a", "b"), tick],
    ["load a+b", "commit a"]],
  ["K3 a batch that changes nothing has nothing to wait for",
    [get("a"), tick, loaded("a"), idle],
    ["load a", "a promise_not_found", "idle"]],
  ["K4 a conflict sends back its own commands, ahead of newer ones",
    [create("a"), create("b"), tick, create("c"), loaded("a", "b"), committed(1)],
    ["load a+b", "commit a | b", "a pending", "load b+c"]],
  ["K4 a conflict sends back what shares a stream with it, directly or through others",
    [register("a", "b"), register("b", "c"), create("d"), tick, loaded(["a", pending], ["b", worker], ["c", worker], "d"), committed(0)],
    ["load a+b+c+d", "commit a+b+(c) | d", "d pending", "load a+b+c"]],
  ["K4 a command is given up after its last attempt",
    [create("a"), tick, loaded("a"), committed(0), loaded("a"), committed(0), idle],
    ["load a", "commit a", "load a", "commit a", "a store_overloaded", "idle"]],
  ["K5 after a lost commit the log is asked; what is found is answered as decided",
    [create("a"), create("b"), tick, loaded("a", "b"), failed("outcome_unknown"), looked("n-1", "n-2"), idle],
    ["load a+b", "commit a | b", "log a>0 b>0", "a pending", "b pending", "idle"]],
  ["K5 what is not found is unknown, and not decided again",
    [create("a"), create("b"), tick, loaded("a", "b"), failed("outcome_unknown"), looked(null, "n-2"), idle],
    ["load a+b", "commit a | b", "log a>0 b>0", "b pending", "a outcome_unknown", "idle"]],
  ["K5 another one's event in the same place is not ours",
    [create("a"), tick, loaded("a"), failed("outcome_unknown"), looked("m-1")],
    ["load a", "commit a", "log a>0", "a outcome_unknown"]],
  ["K5 a look that fails leaves all unknown",
    [create("a"), tick, loaded("a"), failed("outcome_unknown"), failed("store_failed")],
    ["load a", "commit a", "log a>0", "a outcome_unknown"]],
  ["K5 a look that finds no room leaves all unknown",
    [create("a"), tick, full(0), loaded("a"), full(1), failed("outcome_unknown")],
    ["load a", "commit a", "no room for log", "a outcome_unknown"]],
  ["K5 who wrote nothing fails and knows that nothing changed",
    [create("a"), get("a"), get("b"), tick, loaded("a", "b"), failed("outcome_unknown"), looked(null)],
    ["load a+b", "commit a", "log a>0", "a outcome_unknown", "a store_failed", "b store_failed"]],
  ["K5 what was lost may be due: the sweep looks for it",
    [create("a"), tick, loaded("a"), failed("outcome_unknown"), looked(null), wake],
    ["load a", "commit a", "log a>0", "a outcome_unknown", "wake at 1001"]],
  ["K6 a failed load answers each of its commands, once",
    [get("a"), get("b"), tick, failed("store_failed"), tick, idle],
    ["load a+b", "a store_failed", "b store_failed", "idle"]],
  ["K5 what was lost may land yet: its due date is not forgotten",
    [create("a", due), tick, loaded("a"), failed("outcome_unknown"), looked(null), wake],
    ["load a", "commit a", "log a>0", "a outcome_unknown", "wake at 50"]],
  ["K6 one refusal of the store's queue is not told to all who wait",
    [create("a"), create("b"), create("c"), create("d"), full(2), tick, tick],
    ["no room for load", "a store_overloaded", "b store_overloaded", "c store_overloaded", "no room for load", "d store_overloaded"]],
  ["K6 nor to all reads",
    [search, search, full(1), tick, tick],
    ["no room for query", "search store_overloaded", "query"]],
  ["K6 a full queue accepts none, whatever it asks",
    [get("a"), get("b"), get("c"), search, get("e"), search],
    ["e turned away", "search turned away"]],
  ["K6 a commit that was rolled back fails what it was for; reads stay up",
    [create("a"), get("b"), tick, loaded("a", ["b", pending]), failed("store_overloaded"), idle],
    ["load a+b", "commit a", "a store_overloaded", "b pending", "idle"]],
  ["K6 a load that finds no room is answered as overload",
    [get("a"), full(1), tick, idle],
    ["no room for load", "a store_overloaded", "idle"]],
  ["K6 a commit that finds no room is answered as overload",
    [create("a"), tick, full(1), loaded("a"), idle],
    ["load a", "no room for commit", "a store_overloaded", "idle"]],
  ["B1 an unreadable record fails its own command and no other",
    [get("a"), create("b"), tick, unreadable("a", "b"), committed()],
    ["load a+b", "cannot read a", "commit b", "b pending", "a record_unreadable"]],
  ["B1 nor does it drag down what else its command would have touched",
    [register("b", "a"), create("b"), tick, (stage) => stage.complete({ kind: "loaded", streams: [
      { kind: "stream", stream: stream("b") }, { kind: "unreadable", key: promiseKey(promiseId("a")) }] }), committed()],
    ["load b+a", "cannot read a", "commit b", "b<a record_unreadable", "b pending"]],
  ["B2 a stream that was only read is checked as well",
    [register("a", "b"), tick, loaded(["a", pending], ["b", worker]), committed()],
    ["load a+b", "commit a+(b)", "a<b pending"]],
  ["B3 a component that writes nothing is left out of the commit",
    [get("a"), create("b"), tick, loaded("a", "b"), committed()],
    ["load a+b", "commit b", "b pending", "a promise_not_found"]],
  ["K7 a drain runs before commands that came after the settlement",
    [resolve("a"), tick, create("x"), loaded(["a", awaited("w")]), committed(), loaded(["a", settledWith("w")], ["w", worker], "x"), committed()],
    ["load a", "commit a", "a resolved", "load a+w+x", "commit a+w | x", "x pending"]],
  ["K7 and takes a batch of its own if there are many",
    [resolve("a"), tick, create("x"), loaded(["a", awaited("u", "v", "w")]), committed()],
    ["load a", "commit a", "a resolved", "load a+u+v+w"]],
  ["K7 drains that are on their way need no sweep",
    [resolve("a"), tick, loaded(["a", awaited("w")]), committed(), wake],
    ["load a", "commit a", "a resolved", "load a+w", "wake at null"]],
  ["K7 a drain that fails is left to the sweep",
    [resolve("a"), tick, loaded(["a", awaited("w")]), committed(), failed("store_failed"), wake],
    ["load a", "commit a", "a resolved", "load a+w", "wake at 1001"]],
  ["K7 a promise is not swept while its drains are on their way, however many batches they take",
    [resolve("a"), tick, loaded(["a", awaited("u", "v", "w", "x")]), committed(), loaded(["a", settledWith("u", "v", "w", "x")], ["u", worker], ["v", worker], ["w", worker]), committed(), wake,
      loaded(["a", settledWith("x")], ["x", worker]), committed(), wake, idle],
    ["load a", "commit a", "a resolved", "load a+u+v+w", "commit a+u+v+w", "load a+x", "wake at 9999", "commit a+x", "wake at 9999", "idle"]],
  ["K7 drains outlive a conflict and are then swept no more",
    [resolve("a"), tick, loaded(["a", awaited("w")]), committed(), loaded(["a", settledWith("w")], ["w", worker]), committed(0), wake, loaded(["a", settledWith("w")], ["w", worker]), committed(), wake, idle],
    ["load a", "commit a", "a resolved", "load a+w", "commit a+w", "load a+w", "wake at null", "commit a+w", "wake at 9999", "idle"]],
  ["K7 drains after a lost commit that landed",
    [resolve("a"), tick, loaded(["a", awaited("w")]), failed("outcome_unknown"), looked("n-1")],
    ["load a", "commit a", "log a>1", "a resolved", "load a+w"]],
  ["K8 nothing is asked before the first due date, and then at once",
    [create("a", due), tick, loaded("a"), committed(), wake, tickAt(49), tickAt(50)],
    ["load a", "commit a", "a pending", "wake at 50", "due at 50"]],
  ["K8 a due promise is settled by a command of its own",
    [create("a", due), tick, loaded("a"), committed(), tickAt(60), swept([stream("a", overdue)]), (stage) => stage.complete(load(["a", overdue]), 60), idle],
    ["load a", "commit a", "a pending", "due at 60", "load a", "commit a", "busy"]],
  ["K8 what falls due while a sweep is under way is not forgotten",
    [create("a", due), create("b", deadlineMs(70n)), tick, loaded("a", "b"), tickAt(1), committed(), tickAt(60),
      create("c", deadlineMs(65n)), tickAt(60), (stage) => stage.complete(load("c"), 60, "load"), (stage) => stage.complete({ kind: "committed", conflicts: [] }, 60, "commit"),
      tickAt(64), swept([], deadlineMs(70n), 64), wake],
    ["load a+b", "commit a | b", "a pending", "b pending", "due at 60", "load c", "commit c", "c pending", "wake at 65"]],
  ["K8 one question at a time, though more falls due before it is answered",
    [create("a", due), tick, loaded("a"), committed(), create("c", deadlineMs(65n)), tickAt(60), (stage) => stage.complete(load("c"), 60, "load"),
      (stage) => stage.complete({ kind: "committed", conflicts: [] }, 60, "commit"), tickAt(66), idle, swept([], null, 66)],
    ["load a", "commit a", "a pending", "due at 60", "load c", "commit c", "c pending", "busy",
      "due at 66"]],
  ["K8 a failed sweep is tried again later, not at once",
    [create("a", due), tick, loaded("a"), committed(), tickAt(60), (stage) => stage.complete({ kind: "failed", failure: "store_failed" }, 60), wake, tickAt(1059), tickAt(1060)],
    ["load a", "commit a", "a pending", "due at 60", "wake at 1060", "due at 1060"]],
  ["K8 a sweep that finds no room likewise",
    [create("a", due), tick, loaded("a"), committed(), full(1), tickAt(60), wake],
    ["load a", "commit a", "a pending", "no room for due", "wake at 1060"]],
  ["K8 the sweep asks on while there is more",
    [create("a", due), tick, loaded("a"), committed(), tickAt(60), swept([stream("a", overdue)], deadlineMs(55n)), wake,
      (stage) => stage.complete(load(["a", overdue]), 60), (stage) => stage.complete({ kind: "committed", conflicts: [] }, 60, "commit")],
    ["load a", "commit a", "a pending", "due at 60", "load a", "wake at 55", "commit a", "due at 60"]],
  ["K8 a stream that is not due, though the index says so, owes nothing",
    [create("z", due), tick, loaded("z"), committed(), tickAt(60), swept([stream("a", pending)]), idle],
    ["load z", "commit z", "z pending", "due at 60", "idle"]],
  ["K9 a sweep has its share and no more, even if no client waits",
    [create("z", due), tick, loaded("z"), committed(), tickAt(60), swept([stream("a", overdue), stream("b", overdue)])],
    ["load z", "commit z", "z pending", "due at 60", "load a"]],
  ["K9 a sweep begins no batch of its own in the tick that answers clients, but in the next",
    [create("z", due), tick, loaded("z"), committed(), create("x"), tickAt(60), swept([stream("a", overdue), stream("b", overdue)]),
      (stage) => stage.complete(load("x"), 60, "load"), (stage) => stage.complete({ kind: "committed", conflicts: [] }, 60, "commit"), wake, tickAt(60)],
    ["load z", "commit z", "z pending", "due at 60", "load x", "commit x", "x pending", "wake at 60", "load a"]],
  ["K9 a sweep and clients share each batch",
    [create("z", due), tick, loaded("z"), committed(), create("x"), tickAt(60), (stage) => stage.complete({ kind: "failed", failure: "store_failed" }, 60, "load"),
      create("y"), swept([stream("a", overdue), stream("b", overdue), stream("c", overdue)])],
    ["load z", "commit z", "z pending", "due at 60", "load x", "x store_failed", "load a+y"]],
  ["reads go beside the batches, so many at a time",
    [create("a"), search, history(null), tick, (stage) => stage.complete({ kind: "found", found: { rows: [], hasMore: false } }, 1, "query")],
    ["load a", "query", "search promises 0", "log all>0"]],
  ["a read that fails says so",
    [search, tick, failed("record_unreadable")],
    ["query", "search record_unreadable"]],
  ["a read that finds no room is answered as overload",
    [search, full(1), tick, idle],
    ["no room for query", "search store_overloaded", "idle"]],
  ["the history of what does not exist is refused, the whole log is not",
    [history("a"), tick, looked(null), history(null), tick, looked(null)],
    ["log a>0", "history promise_not_found", "log all>0", "history events 0"]],
];

function said(response: Response): string {
  switch (response.kind) {
    case "promise": {
      const { promise } = response;
      if (promise.kind === "pending") return "pending";
      return promise.outcome === "timedout" ? `timedout at ${promise.settledAt}` : promise.outcome;
    }
    case "promises":
      return `promises ${response.page.promises.length}`;
    case "events":
      return `events ${response.page.events.length}`;
    case "refused":
      return response.refusal;
    case "task":
      return `task ${response.task.kind}`;
    case "claim":
      return [
        `claim ${response.task.kind}`,
        ...(response.preload.length === 0
          ? []
          : ["with", response.preload.map(({ id }) => id).join(", ")]),
      ].join(" ");
    case "fenced":
      return `fenced ${said(response.inner)}`;
    case "promise_list":
      return `promise list ${response.promises.length}`;
    case "task_list":
      return `task list ${response.tasks.length}`;
    case "schedule_list":
      return `schedule list ${response.schedules.length}`;
    case "schedule":
    case "done":
    case "not_suspended":
      return response.kind;
    default:
      return response.failure;
  }
}

function play(script: readonly Step[], stage = new Stage()): readonly string[] {
  for (const step of script) step(stage);
  return stage.log;
}

test.each(rows)("kernel: %s", (_rule, script, log) => {
  expect(play(script)).toEqual(log);
});

/** Of a task whose offer found nobody. */
const unseen: Timers = { ...timersOf(worker), offeredAt: instantMs(1), isMissed: true };
/** What waits for the worker, and for its group. */
const waits = (streams: readonly Stream[] = [], next: number | null = null): Step => {
  const place = next === null ? null : { offeredAt: instantMs(1), number: next };
  return (stage) =>
    stage.complete({ kind: "waiting", page: { streams, next: place } }, 1, "waiting");
};
const lost: Step = (stage) => {
  stage.complete({ kind: "failed", failure: "store_failed" }, 1001, "waiting");
};

/** A targeted promise is made and its message under way; then a promise settles that somebody listens to. */
const invoked = [invoke("a"), tick, loaded("a"), committed()];
const offered = ["load a", "commit a", "a pending", "send execute a to poll://any@g"];
const told = [resolve("a"), tick, loaded(["a", listened]), committed(), loaded(["a", untold])];
const telling = ["load a", "commit a", "a resolved", "load a", "commit a"];

// biome-ignore format: a scene takes three lines
const messages: readonly Row[] = [
  ["E4 a message leaves once its commit has landed, behind the answer, and nobody waits for it",
    [invoke("a"), tick, loaded("a"), tick, idle, committed(), idle, wake],
    ["load a", "commit a", "busy", "a pending", "send execute a to poll://any@g", "idle", "wake at 9999"]],
  ["E4 none leaves after a conflict, but with the attempt that lands",
    [invoke("a"), tick, loaded("a"), committed(0), loaded("a"), committed()],
    ["load a", "commit a", "load a", "commit a", "a pending", "send execute a to poll://any@g"]],
  ["E4 none leaves after the last attempt",
    [invoke("a"), tick, loaded("a"), committed(0), loaded("a"), committed(0), idle],
    ["load a", "commit a", "load a", "commit a", "a store_overloaded", "idle"]],
  ["E4 a conflict holds back no message of another component",
    [invoke("a"), invoke("b"), tick, loaded("a", "b"), committed(0)],
    ["load a+b", "commit a | b", "b pending", "send execute b to poll://any@g", "load a"]],
  ["E4 none leaves after a rollback",
    [invoke("a"), tick, loaded("a"), failed("store_overloaded"), idle],
    ["load a", "commit a", "a store_overloaded", "idle"]],
  ["E4 none leaves when the commit finds no room",
    [invoke("a"), tick, full(1), loaded("a"), idle],
    ["load a", "no room for commit", "a store_overloaded", "idle"]],
  ["K5 after a lost commit that the log shows they leave",
    [invoke("a"), tick, loaded("a"), failed("outcome_unknown"), looked("n-1")],
    ["load a", "commit a", "log a>0", "a pending", "send execute a to poll://any@g"]],
  ["K5 after a lost commit that the log does not show none leaves: the clock repairs it",
    [invoke("a"), tick, loaded("a"), failed("outcome_unknown"), looked(null), wake],
    ["load a", "commit a", "log a>0", "a outcome_unknown", "wake at 1001"]],
  ["K5 nobody can tell whether timers have landed alone: unknown, and the log is not asked",
    [heartbeat("a"), get("b"), tick, loaded(["a", held], ["b", pending]), failed("outcome_unknown"), idle],
    ["load a+b", "commit a", "a outcome_unknown", "b store_failed", "idle"]],
  ["K5 timers that were lost may be due: the sweep looks for them",
    [heartbeat("a"), tick, loaded(["a", held]), failed("outcome_unknown"), wake],
    ["load a", "commit a", "a outcome_unknown", "wake at 51"]],
  ["K5 timers alone, beside what the log shows, are unknown",
    [heartbeat("a"), invoke("b"), tick, loaded(["a", held], "b"), failed("outcome_unknown"), looked("n-2"), idle],
    ["load a+b", "commit a | b", "log b>0", "b pending", "send execute b to poll://any@g", "a outcome_unknown", "idle"]],
  ["K5 timers beside events in one component are found with them",
    [heartbeat("a"), register("b", "a"), tick, loaded(["a", held], ["b", pending]), failed("outcome_unknown"), looked("n-2")],
    ["load a+b", "commit a+b", "log b>1", "a done", "b<a pending"]],
  ["I5 what found nobody is noted, by a command",
    [...invoked, missed, loaded(["a", worker]), committed(), idle],
    [...offered, "load a", "commit a", "idle"]],
  ["K10 J2 who connects is offered at once what nobody could take",
    [...invoked, missed, loaded(["a", worker]), committed(), connect, wake, tick, waits(), waits([stream("a", worker, unseen)]), loaded(["a", worker, unseen]), committed(), idle],
    [...offered, "load a", "commit a", "wake at 0", 'waiting for ["g","1"]', 'waiting for ["g"]', "load a", "commit a", "send execute a to poll://any@g", "idle"]],
  ["O2 page by page, the next one once nothing of the last one waits",
    [connect, tick, waits(), waits([stream("a", worker, unseen), stream("b", worker, unseen)], 7), loaded(["a", worker, unseen]), committed(), loaded(["b", worker, unseen]), committed(), waits(), wake],
    ['waiting for ["g","1"]', 'waiting for ["g"]', "load a", "commit a", "send execute a to poll://any@g", "load b", "commit b", 'waiting for ["g"] behind 7', "send execute b to poll://any@g", "wake at 9999"]],
  ["O4 what could not be asked is asked again",
    [connect, full(1), tick, wake, tickAt(1001), lost, wake],
    ["no room for waiting", "wake at 1001", 'waiting for ["g","1"]', "wake at 2001"]],
  ["J3 who connects while a message is under way is offered it if it found nobody",
    [...invoked, connect, tick, waits(), waits(), missed, loaded(["a", worker]), committed(), loaded(["a", worker, unseen]), committed()],
    [...offered, 'waiting for ["g","1"]', 'waiting for ["g"]', "load a", "commit a", "load a", "commit a", "send execute a to poll://any@g"]],
  ["I5 what was delivered is not, nor what may have arrived",
    [...invoked, ...[invoke("b"), tick, loaded("b"), committed()], delivered, rejected, idle],
    [...offered, "load b", "commit b", "b pending", "send execute b to poll://any@g", "idle"]],
  ["I5 a note that comes too late changes nothing",
    [...invoked, missed, loaded(["a", held]), idle],
    [...offered, "load a", "idle"]],
  ["G2 a listener is told after the settlement, and waited for",
    [...told, committed(), wake, idle],
    [...telling, "send unblock a to http://l", "wake at 240001", "idle"]],
  ["G2 no listener is told before its telling has landed",
    [...told, committed(0), loaded(["a", untold]), committed()],
    [...telling, "load a", "commit a", "send unblock a to http://l"]],
  ["G2 once that is confirmed it leaves, by a command",
    [...told, committed(), delivered, loaded(["a", untold, beingTold]), committed(), idle],
    [...telling, "send unblock a to http://l", "load a", "commit a", "idle"]],
  ["G4 if it failed it is told again, later",
    [...told, committed(), rejected, loaded(["a", untold, beingTold]), committed(), wake],
    [...telling, "send unblock a to http://l", "load a", "commit a", "wake at 1001"]],
  ["G3 a note that fails is lost: the listener is told again after a while",
    [...told, committed(), delivered, failed("store_failed"), idle],
    [...telling, "send unblock a to http://l", "load a", "idle"]],
  ["G4 a send that finds no room has failed",
    [...told, full(1), committed(), loaded(["a", untold, beingTold]), committed(), wake, idle],
    [...telling, "no room for send", "load a", "commit a", "wake at 1001", "idle"]],
  ["I2 an offer that finds no room is repaired by its clock",
    [invoke("a"), tick, loaded("a"), full(1), committed(), idle, wake],
    ["load a", "commit a", "a pending", "no room for send", "idle", "wake at 9999"]],
  ["a note waits for the batch under way, and is not forgotten",
    [...invoked, create("x"), tick, missed, idle, wake, loaded("x"), committed(), loaded(["a", worker]), committed(), idle],
    [...offered, "load x", "busy", "wake at 9999", "commit x", "x pending", "load a", "commit a", "idle"]],
  ["K7 listeners are told before what was asked after the settlement",
    [resolve("a"), tick, create("x"), loaded(["a", listened]), committed(), loaded(["a", untold], "x"), committed()],
    ["load a", "commit a", "a resolved", "load a+x", "commit a | x", "send unblock a to http://l", "x pending"]],
];

test.each(messages)("kernel, messages: %s", (_rule, script, log) => {
  expect(play(script)).toEqual(log);
});

const branched = fold([born(9999n, new Map([...target, ["resonate:branch", "b"]]))]);
const listed = (...ids: readonly string[]): Step => {
  const rows = ids.map((id) => stream(id, branched)).map(({ key, state }) => ({ key, state }));
  return (stage) =>
    stage.complete({ kind: "listed", pages: [{ rows, hasMore: false }] }, 1, "list");
};
const unlisted: Step = (stage) => {
  stage.complete({ kind: "failed", failure: "store_failed" }, 1, "list");
};
const acquiring = [acquire("a"), tick, loaded(["a", branched])];

// biome-ignore format: a scene takes three lines
const preloads: readonly Row[] = [
  ["K10 K3 D3 a claim is answered once what comes with it is read, and that after the commit",
    [...acquiring, tick, committed(), idle, listed("a", "b", "c"), idle],
    ["load a", "commit a", "list resonate:branch,b 11", "busy", "a claim acquired with b, c", "idle"]],
  ["D1 what cannot be read does not fail what has taken effect",
    [...acquiring, committed(), unlisted],
    ["load a", "commit a", "list resonate:branch,b 11", "a claim acquired"]],
  ["D1 nor does a full queue",
    [...acquiring, full(1), committed(), idle],
    ["load a", "commit a", "no room for list", "a claim acquired", "idle"]],
  ["D2 whoever has no branch is answered at once",
    [acquire("a"), tick, loaded(["a", worker]), committed()],
    ["load a", "commit a", "a claim acquired"]],
  ["D4 one question for the claims of one tick",
    [acquire("a"), acquire("b"), tick, loaded(["a", branched], ["b", branched]), committed(), unlisted],
    ["load a+b", "commit a | b", "list resonate:branch,b 11 | resonate:branch,b 11", "a claim acquired", "b claim acquired"]],
  ["D4 no more questions than reads under way: beyond that the answers go without",
    [...acquiring, committed(), acquire("c"), tick, loaded(["c", branched]), committed()],
    ["load a", "commit a", "list resonate:branch,b 11", "load c", "commit c", "c claim acquired"]],
  ["D1 a claim that is refused, or fails, asks for nothing",
    [acquire("a"), tick, loaded(["a", held]), acquire("b"), tick, loaded(["b", branched]), failed("store_overloaded")],
    ["load a", "a task_not_pending", "load b", "commit b", "b store_overloaded"]],
];

test.each(preloads)("kernel, preload: %s", (_rule, script, log) => {
  expect(play(script)).toEqual(log);
});

const found = [create("z", due), tick, loaded("z"), committed(), tickAt(60)];
const asking = ["load z", "commit z", "z pending", "due at 60"];
const waiting: Timers = { ...noTimers, clockAt: due };

// biome-ignore format: a scene takes three lines
const sweeps: readonly Row[] = [
  ["K8 a lease is a due date",
    [acquire("a"), tick, loaded(["a", worker]), committed(), wake],
    ["load a", "commit a", "a claim acquired", "wake at 51"]],
  ["K8 a lease that has lapsed is taken away, and the task offered",
    [...found, swept([stream("a", held)]), loadedAt(60, ["a", held]), committedAt(60), idle],
    [...asking, "load a", "commit a", "send execute a to poll://any@g", "idle"]],
  ["K8 a lease that was prolonged meanwhile is not",
    [...found, swept([stream("a", held)]), loadedAt(60, ["a", held, { ...noTimers, clockAt: deadlineMs(61n) }]), idle],
    [...asking, "load a", "idle"]],
  ["K8 a task that nobody took is offered again",
    [...found, swept([stream("a", worker, waiting)]), loadedAt(60, ["a", worker, waiting]), committedAt(60), wake],
    [...asking, "load a", "commit a", "send execute a to poll://any@g", "wake at 9999"]],
  ["K8 a listener is told by the sweep if no drain has",
    [...found, swept([stream("a", untold)]), loadedAt(60, ["a", untold]), committedAt(60), wake],
    [...asking, "load a", "commit a", "send unblock a to http://l", "wake at 240060"]],
  ["K8 callbacks and listeners are commands of their own",
    [...found, swept([stream("a", fold([...listening, { kind: "callback_registered", awaiter: promiseId("w") }, { kind: "promise_settled", ...over }]))]),
      loadedAt(60, ["a", settledWith("w")], ["w", worker]), committedAt(60), loadedAt(60, ["a", untold]), committedAt(60)],
    [...asking, "load a+w", "commit a+w", "load a", "commit a", "send unblock a to http://l"]],
];

test.each(sweeps)("kernel, what is due: %s", (_rule, script, log) => {
  expect(play(script)).toEqual(log);
});

// biome-ignore format: a scene takes three lines
const overlapping: readonly Row[] = [
  ["K4 what lost a race runs before what was held back behind it",
    [create("a"), tick, resolve("a"), tick, loaded("a"), committed(0), loaded("a"), committed()],
    ["load a", "commit a", "load a", "commit a", "a pending", "a resolved"]],
  ["K1 a second batch begins on other streams",
    [create("a"), tick, create("b"), tickAt(30)],
    ["load a", "load b"]],
  ["K12 a small batch waits for the one before, but not for one that takes long",
    [create("a"), tick, create("b"), tickAt(9), wake, tickAt(20), tickAt(21), wake, create("c"), tickAt(99), wake],
    ["load a", "wake at 21", "load b", "wake at null", "wake at null"]],
  ["K12 one that is full waits for nobody",
    [create("a"), tick, ...Array.from("bcdefghij", (name) => create(name)), tick],
    ["load a", "load b+c+d+e+f+g+h+i+j"]],
  ["K8 K12 what falls due is asked for although a batch is stuck, and a command behind it",
    [create("a", due), tick, loaded("a"), committed(), create("b"), tick, get("b"), tickAt(22), wake, tickAt(50), wake],
    ["load a", "commit a", "a pending", "load b", "wake at 50", "due at 50", "wake at null"]],
  ["K9 K12 what a sweep brought as clients were answered begins in the next tick, beside a batch that is stuck",
    [create("a", due), tick, loaded("a"), committed(), create("b"), tick, loaded("b"), get("c"), tickAt(50),
      swept([stream("a", overdue)], null, 50), wake, loadedAt(75, "c"), wake, tickAt(76)],
    ["load a", "commit a", "a pending", "load b", "commit b", "due at 50", "load c", "wake at null", "c promise_not_found", "wake at 75", "load a"]],
  ["K1 what shares a stream with a batch under way is held back, in order",
    [create("a"), tick, get("a"), register("b", "a"), get("b"), create("c"), tickAt(30), loadedAt(30, "a"), committedAt(30), tickAt(50)],
    ["load a", "load c", "commit a", "a pending", "load a+b"]],
  ["K2 what was held back runs before what came later",
    [create("a"), tick, get("a"), tickAt(30), loadedAt(30, "a"), create("a"), committedAt(30)],
    ["load a", "commit a", "a pending", "load a"]],
];

test.each(overlapping)("kernel, two batches at once: %s", (_rule, script, log) => {
  expect(play(script, new Stage({ batchesMax: 2, batchMax: 9, queueMax: 9 }))).toEqual(log);
});

test("kernel: K8 after a start the store is asked at once, which is all recovery", () => {
  const asked: string[] = [];
  const enqueue = ({ submission }: Sqe) => asked.push(submission.kind) > 0;
  const kernel = new Kernel({
    ...{
      aio: { enqueue, drain: () => [] },
      limits: limits(),
      node: "n",
      trace: () => undefined,
      cron,
    },
  });
  kernel.tick(instantMs(1));
  expect(asked).toEqual(["due"]);
});

test("kernel: K8 beside other servers it asks now and then unasked, since they make streams due too", () => {
  const stage = new Stage({}, { others: { pollMs: 300, announce: () => {} } });
  const none = { kind: "due", due: { streams: [], nextAt: null } } as const;
  play([wake, tickAt(300), tickAt(301), (on) => on.complete(none, 310), wake], stage);
  expect(stage.log).toEqual(["wake at 301", "due at 301", "wake at 610"]);
});

/** On a stage where the announcements stand in the log; others look every 300 ms. */
function announcing(): Stage {
  const announce: Others["announce"] = (said) => {
    if (said.kind === "due") stage.log.push(`announce ${said.at}`);
    else stage.log.push(`announce ${said.message.kind} ${said.message.id} to ${said.message.to}`);
  };
  const stage = new Stage({}, { others: { pollMs: 300, announce } });
  return stage;
}

const hear = (news: News): Step => {
  return (stage) => stage.kernel.told(news);
};
const heardMissed = hear({
  kind: "missed",
  message: { kind: "execute", id: promiseId("a"), to: "poll://any@g" },
});
const heardWaits = hear({ kind: "waits", receiver: '["g"]' as Receiver });
/** Of a repetition, which another server takes on. */
const repeated = [heardMissed, tick, loaded(["a", worker, unseen]), committed()];
const repeating = ["load a", "commit a", "send execute a to poll://any@g"];

// biome-ignore format: a scene takes three lines
const shared: readonly Row[] = [
  ["K11 what falls due before the others look is announced, once it has landed",
    [create("a", due), tick, loaded("a"), committed()],
    ["load a", "commit a", "a pending", "announce 50"]],
  ["K11 what falls due later they find by themselves",
    [create("a", deadlineMs(301n)), tick, loaded("a"), committed()],
    ["load a", "commit a", "a pending"]],
  ["K11 a lease is announced, and one that is prolonged",
    [acquire("a"), heartbeat("b"), tick, loaded(["a", worker], ["b", held]), committed()],
    ["load a+b", "commit a | b", "a claim acquired", "announce 51", "b done", "announce 51"]],
  ["K11 what a conflict sends back is not announced, but the attempt that lands",
    [create("a", due), tick, loaded("a"), committed(0), loaded("a"), committed()],
    ["load a", "commit a", "load a", "commit a", "a pending", "announce 50"]],
  ["K11 nothing is announced of a commit that failed",
    [create("a", due), tick, loaded("a"), failed("store_overloaded")],
    ["load a", "commit a", "a store_overloaded"]],
  ["K11 of a commit whose answer was lost, that which the log shows",
    [create("a", due), create("b", due), tick, loaded("a", "b"), failed("outcome_unknown"), looked("n-1", null)],
    ["load a+b", "commit a | b", "log a>0 b>0", "a pending", "announce 50", "b outcome_unknown"]],
  ["K11 what found nobody is announced once that is noted",
    [...invoked, missed, loaded(["a", worker]), committed()],
    [...offered, "load a", "commit a", "announce execute a to poll://any@g"]],
  ["K11 not if the note fails, for nobody could find it",
    [...invoked, missed, loaded(["a", worker]), failed("store_failed")],
    [...offered, "load a", "commit a"]],
  ["K11 what was delivered, or may have been, is nobody else's affair",
    [...invoked, delivered, invoke("b"), tick, loaded("b"), committed(), rejected, idle],
    [...offered, "load b", "commit b", "b pending", "send execute b to poll://any@g", "idle"]],
  ["K11 what another server could not deliver is sent here, and its failure not announced again",
    [...repeated, missed, loaded(["a", worker]), committed(), idle],
    [...repeating, "load a", "commit a", "idle"]],
  ["K11 nor is what was offered to whoever connected",
    [connect, tick, waits(), waits([stream("a", worker, unseen)]), loaded(["a", worker, unseen]), committed(), missed, loaded(["a", worker]), committed(), idle],
    ['waiting for ["g","1"]', 'waiting for ["g"]', ...repeating, "load a", "commit a", "idle"]],
  ["K11 what was taken on meanwhile, or was never missed, is not sent for another server",
    [heardMissed, tick, loaded(["a", held]), heardMissed, tick, loaded(["a", worker]), idle],
    ["load a", "load a", "idle"]],
  ["K11 a due date of another server is asked for when it comes, and not before",
    [hear({ kind: "due", at: due }), wake, tickAt(49), tickAt(50)],
    ["wake at 50", "due at 50"]],
  ["K11 what waits for somebody here is offered, as if he had just connected",
    [heardWaits, wake, tick, waits([stream("a", worker, unseen)]), loaded(["a", worker, unseen]), committed()],
    ["wake at 0", 'waiting for ["g"]', ...repeating]],
];

test.each(shared)("kernel, beside other servers: %s", (_rule, script, log) => {
  expect(play(script, announcing())).toEqual(log);
});

test("kernel: the trace tells of each request when it is taken, each time it has run, and when it is finished", () => {
  const stage = new Stage();
  const conflict = [create("a"), tick, loaded("a"), committed(0), loaded("a"), committed()];
  const drained = [
    resolve("b"),
    tick,
    loaded(["b", awaited("w")]),
    committed(),
    failed("store_failed"),
  ];
  play([...conflict, ...drained, search, tick, full(0), failed("store_failed")], stage);
  const told = stage.traced.map((record) => {
    if (record.kind === "taken") return `taken ${record.requests.map(({ kind }) => kind)}`;
    if (record.kind === "executed") return `executed ${record.writing.length}`;
    return record.kind === "finished" ? `finished ${record.request.kind}` : record.kind;
  });
  expect(told.filter((line) => line !== "taken ")).toEqual([
    "taken create_promise",
    "executed 1",
    "conflicted",
    "executed 1",
    "finished create_promise",
    "taken settle_promise",
    "executed 1",
    "finished settle_promise",
    "taken drain_callback",
    "finished drain_callback",
    "taken search_promises",
    "finished search_promises",
  ]);
});

test.each([
  ["K6 a completion for no submission", (stage: Stage) => stage.repeat(load("a")), "no submission"],
  ["K2 an earlier instant", (stage: Stage) => stage.tick(0), "time went back"],
  [
    "K6 a load answered by something else",
    (stage: Stage) =>
      play([get("a"), tick, (on) => on.complete({ kind: "committed", conflicts: [] })], stage),
    "something else",
  ],
  [
    "K6 a load that brings other streams",
    (stage: Stage) => play([get("a"), tick, loaded()], stage),
    "other streams",
  ],
] as const)("kernel: %s is a bug", (_rule, act, because) => {
  expect(() => act(new Stage())).toThrow(because);
});

test("limits: a bound below one is a bug, and a share is no more than the whole", () => {
  expect(() => limits({ queueMax: 0 })).toThrow("queueMax is 0");
  expect(limits({ batchMax: 2 }).sweepShareMax).toBe(2);
});
