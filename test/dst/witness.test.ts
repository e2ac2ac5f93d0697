// The witness on a stand, without servers: requests are called, loads observed, batches run by the
// kernel's own `Batch`, commits landed and answers given, all by hand. Each test does one thing that a
// correct server would not do, and names the rule that finds it; beside it stands what is allowed.

import { describe, expect, test } from "vitest";
import type { Flight } from "../../dst/aio.ts";
import type { Operation, Own } from "../../dst/operation.ts";
import { plainRules } from "../../dst/rules.ts";
import { modelCron } from "../../dst/run.ts";
import { type Batch as Executed, type Ledger, Witness } from "../../dst/witness.ts";
import { Batch, type Entry, type Outcome } from "../../kernel/batch.ts";
import { type Command, failed, keys, type Request, type Response } from "../../kernel/command.ts";
import {
  commandId,
  deadlineMs,
  instantMs,
  int64Max,
  position,
  promiseId,
} from "../../kernel/ids.ts";
import type { Completion, Due, Loaded, Ran, Submission } from "../../kernel/ports.ts";
import { answer as answerRead, question, type Read } from "../../kernel/read.ts";
import { usualRules } from "../../kernel/rules.ts";
import { type Component, promiseKey } from "../../kernel/stream.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";
import { MemoryStore } from "../../store/memory.ts";
import { found } from "./found.ts";

type Client = Extract<Command, Request>;

function create(id: string, timeoutAt: bigint = int64Max): Client {
  const usual = {
    param: emptyValue,
    tags: noPairs,
    key: null,
    strict: false,
    isExternal: true,
    isShared: false,
  };
  return { kind: "create_promise", id: promiseId(id), timeoutAt: deadlineMs(timeoutAt), ...usual };
}

function settle(id: string): Client {
  const usual = { outcome: "resolved", value: emptyValue, key: null, strict: false } as const;
  return { kind: "settle_promise", id: promiseId(id), ...usual, isShared: false };
}

function get(id: string): Client {
  return { kind: "get_promise", id: promiseId(id) };
}

function register(awaited: string, awaiter: string): Client {
  const pair = { awaited: promiseId(awaited), awaiter: promiseId(awaiter) };
  return { kind: "register_callback", ...pair };
}

const searching: Request = {
  ...{ kind: "search_promises", pattern: "*", state: null, tags: noPairs, limit: 10, before: null },
};
const following: Request = { kind: "read_events", of: null, after: 0, limit: 10 };

/** A load that was observed. */
type View = { readonly ticket: number; readonly loaded: readonly Loaded[] };
/** A batch that has run; if it writes, it waits for its commit. */
type Running = { readonly outcome: Outcome; readonly flight: Flight };
type Lie = (batch: Executed) => Executed;
type Run = { readonly now?: number; readonly lie?: Lie; readonly ledger?: Ledger };

class Stand {
  readonly store = new MemoryStore();
  readonly own: Own[] = [];
  readonly witness: Witness;
  readonly ledger: Ledger;
  #ticket = 0;
  #commandCount = 0;

  constructor() {
    const onOwn = (own: Own) => this.own.push(own);
    const { store } = this;
    this.witness = new Witness({ store, rules: plainRules, pageWeightMax: 10_000, onOwn });
    this.ledger = this.witness.open();
  }

  call(request: Request): Operation {
    const operation: Operation = {
      ...{ number: 0, key: 7, attempt: 1, client: 0, request, calledAt: this.witness.next() },
      ...{ ending: null, answeredAt: null, onEnd: null, expected: null, hasLanded: false },
    };
    this.witness.operations.set(request, operation);
    return operation;
  }

  load(commands: readonly Command[], ledger = this.ledger): View {
    const loading = { kind: "load", keys: this.#batch(commands).keys() } as const;
    const loaded = this.store.load(loading.keys);
    return this.observe(loading, loaded, ledger);
  }

  observe(loading: Submission, loaded: readonly Loaded[], ledger = this.ledger): View {
    const flight = this.#flight(loading);
    this.witness.observe(ledger, flight, { kind: "loaded", streams: loaded });
    return { ticket: flight.ticket, loaded };
  }

  /** Runs commands on what a load has brought. */
  run(
    commands: readonly Command[],
    view: View,
    { now = 1, lie = same, ledger }: Run = {},
  ): Running {
    const outcome = this.#batch(commands).execute(view.loaded, {
      now: instantMs(now),
      ...{ rules: usualRules, cron: modelCron },
    });
    const components = outcome.writing.map(({ changes }) => ({ changes }));
    const flight = this.#flight({ kind: "commit", components });
    const commit = components.length > 0 ? flight.ticket : null;
    const batch = { kind: "executed", load: view.ticket, commit, now: instantMs(now) } as const;
    this.witness.executed(ledger ?? this.ledger, lie({ ...batch, ...outcome }));
    return { outcome, flight };
  }

  land(running: Running, ledger = this.ledger): void {
    this.witness.land(ledger, running.flight, this.store.commit(componentsOf(running)));
  }

  /** Loads, runs, and lands. */
  done(commands: readonly Command[], options: Run = {}): Running {
    const running = this.run(commands, this.load(commands), options);
    if (running.outcome.writing.length > 0) this.land(running);
    return running;
  }

  /** With what its batch has decided. */
  answer(operation: Operation, { outcome }: Running): void {
    const all = [...outcome.writing.flatMap(({ executed }) => executed), ...outcome.reading];
    const ran = all.find(({ entry }) => entry.command === operation.request);
    this.witness.answered(operation, ran?.response ?? failed("store_failed"));
  }

  /** Asks the store for a search or a history. @returns the answer */
  read({ request }: Operation): Response {
    const submission = question(request as Read, 10_000, instantMs(1));
    const completion: Completion =
      submission.kind === "query"
        ? { kind: "found", found: this.store.query(submission.query) }
        : {
            kind: "logged",
            pages: submission.kind === "log" ? this.store.log(submission.ranges) : [],
          };
    const flight = { ...this.#flight(submission), read: request as Read };
    this.witness.observe(this.ledger, flight, completion);
    return answerRead(request as Read, completion, instantMs(1));
  }

  sweep(now: number, { limit = 9, lie = same as (due: Due) => Due } = {}): void {
    const bounds = { limit, weightMax: 2 ** 40 };
    const due = this.store.due(instantMs(now), { ...bounds, limit: 9 });
    const flight = this.#flight({ kind: "due", now: instantMs(now), bounds });
    this.witness.observe(this.ledger, flight, { kind: "due", due: lie(due) });
  }

  #batch(commands: readonly Command[]): Batch {
    return new Batch(commands.map((command) => this.#entry(command)));
  }

  #entry(command: Command): Entry {
    this.#commandCount += 1;
    const id = commandId(`n-${this.#commandCount}`);
    return { command, keys: keys(command), id, attempt: 1, origin: { kind: "sweep" } };
  }

  #flight(submission: Submission): Flight {
    this.#ticket += 1;
    return { ticket: this.#ticket, submission, key: "", read: null, isAnswered: false };
  }
}

function componentsOf({ flight: { submission } }: Running): readonly Component[] {
  return submission.kind === "commit" ? submission.components : [];
}

function same<Same>(as: Same): Same {
  return as;
}

/** The page with a cursor that lies so far behind its own. */
function moved(response: Response, by: number): Response {
  if (response.kind === "promises" && response.page.before !== null) {
    const before = position(response.page.before + by);
    return { kind: "promises", page: { ...response.page, before } };
  }
  if (response.kind !== "events" || response.page.next === null)
    throw new Error("there is no cursor");
  return { kind: "events", page: { ...response.page, next: response.page.next + by } };
}

/** The batch with another response of its commands. */
function saying(response: Response | null): Lie {
  const said = (ran: Ran): Ran => ({ ...ran, response });
  return (batch) => ({
    ...batch,
    reading: batch.reading.map(said),
    writing: batch.writing.map(({ executed }) => ({ executed: executed.map(said) })),
  });
}

const notFound: Response = { kind: "refused", refusal: "promise_not_found" };
const exists: Response = { kind: "refused", refusal: "promise_already_exists" };

test("what a correct server does is accepted", () => {
  const stand = new Stand();
  const [first, second] = [stand.call(create("a")), stand.call(get("a"))];
  const running = stand.done([first.request as Client, second.request as Client]);
  stand.answer(first, running);
  stand.answer(second, running);
  const third = stand.call(settle("a"));
  stand.answer(third, stand.done([third.request as Client]));
  const search = stand.call(searching);
  stand.witness.answered(search, stand.read(search));
  const history = stand.call(following);
  stand.witness.answered(history, stand.read(history));
  expect([first, second, third, search, history].map(({ ending }) => ending?.kind)).toEqual(
    Array.from({ length: 5 }, () => "answered"),
  );
  expect([first, second, third].map(({ hasLanded }) => hasLanded)).toEqual([true, false, true]);
  expect(stand.witness.past.now("a").promise?.state).toBe("resolved");
});

describe("W1: a command stands at its commit, or at the snapshot of its load", () => {
  test("its answer there is the model's", () => {
    const stand = new Stand();
    const [creating, reading] = [create("a"), get("a")];
    expect(found(() => stand.done([creating], { lie: saying(exists) }))).toBe("W answer");
    const other = new Stand();
    expect(found(() => other.done([reading], { lie: saying(notFound) }))).toBe("nothing");
    expect(found(() => other.done([reading], { lie: saying(exists) }))).toBe("W answer");
    expect(found(() => other.done([reading], { lie: saying(null) }))).toBe("W answer");
  });

  test("who only reads does not see what has landed after its load", () => {
    const stand = new Stand();
    const view = stand.load([get("a")]);
    stand.done([create("a")]);
    expect(found(() => stand.run([get("a")], view))).toBe("nothing");
    const early = stand.load([get("a")]);
    stand.done([settle("a")]);
    const late = stand.store.load(
      early.loaded.map((each) => (each.kind === "stream" ? each.stream.key : each.key)),
    );
    expect(found(() => stand.run([get("a")], { ...early, loaded: late }))).toBe("W answer");
  });

  test("who is in the component of a write sees what has landed before it", () => {
    const stand = new Stand();
    stand.done([create("a")]);
    const reading = stand.run([get("a")], stand.load([get("a")]));
    stand.done([settle("a")]);
    const asIfWritten: Lie = (batch) => ({
      ...batch,
      writing: [{ executed: reading.outcome.reading }],
    });
    const running = stand.run([create("b")], stand.load([create("b")]), { lie: asIfWritten });
    expect(found(() => stand.land(running))).toBe("W answer"); // "pending" is no longer true
  });

  test("what has to write is not said to have read", () => {
    const stand = new Stand();
    stand.done([create("a", 5n)]);
    const asIfRead: Lie = (batch) => {
      const reading = batch.writing.flatMap(({ executed }) => executed);
      return { ...batch, writing: [], reading, commit: null };
    };
    expect(
      found(() => stand.run([get("a")], stand.load([get("a")]), { now: 5, lie: asIfRead })),
    ).toBe("W unwritten");
  });

  test("a batch runs on what was loaded, once, and a commit was asked for, once", () => {
    const stand = new Stand();
    const view = stand.load([get("a")]);
    stand.run([get("a")], view);
    expect(found(() => stand.run([get("a")], view))).toBe("W load");
    expect(found(() => stand.run([get("a")], { ...view, ticket: 99 }))).toBe("W load");
    const running = stand.done([create("a")]);
    expect(found(() => stand.land(running))).toBe("W commit");
  });

  test("what a load shows has been committed", () => {
    const stand = new Stand();
    const running = stand.run([create("a")], stand.load([create("a")]));
    stand.store.commit(componentsOf(running)); // and nobody says that it has landed
    expect(found(() => stand.load([get("a")]))).toBe("W loaded");
  });

  test("promises are created in the order of their commands", () => {
    const stand = new Stand();
    const both = [create("a"), create("b")];
    const running = stand.run(both, stand.load(both));
    stand.store.commit(componentsOf(running).toReversed());
    expect(found(() => stand.witness.land(stand.ledger, running.flight, []))).toBe("W creation");
  });
});

describe("what a server says of its batches", () => {
  test("a component that was refused has not been done", () => {
    const stand = new Stand();
    const [one, two] = [create("a"), create("a")];
    const [first, second] = [
      stand.run([one], stand.load([one])),
      stand.run([two], stand.load([two])),
    ];
    stand.land(first);
    expect(found(() => stand.land(second))).toBe("nothing");
    expect(stand.witness.past.log).toHaveLength(1);
  });

  test("the instants of one process do not go back, those of two may", () => {
    const stand = new Stand();
    stand.done([get("a")], { now: 10 });
    const ledger = stand.witness.open();
    expect(
      found(() => stand.run([get("a")], stand.load([get("a")], ledger), { now: 9, ledger })),
    ).toBe("nothing");
    expect(found(() => stand.done([get("a")], { now: 10 }))).toBe("nothing");
    expect(found(() => stand.done([get("a")], { now: 9 }))).toBe("T time");
  });

  test("what a server does by itself is done, and told", () => {
    const stand = new Stand();
    stand.done([create("a", 5n)]);
    stand.own.length = 0;
    const sweep: Command = { kind: "settle_at_deadline", id: promiseId("a") };
    expect(found(() => stand.done([sweep], { now: 5 }))).toBe("nothing");
    expect(stand.own.map(({ command, now }) => [command.kind, now])).toEqual([
      ["settle_at_deadline", 5],
    ]);
    expect(found(() => stand.done([sweep], { now: 6, lie: saying(notFound) }))).toBe("W answer");
  });
});

describe("W2: a command stands between its call and its answer", () => {
  test("not at a snapshot that is older than the call", () => {
    const stand = new Stand();
    const view = stand.load([get("a")]);
    const operation = stand.call(get("a"));
    const running = stand.run([operation.request as Client], view);
    expect(found(() => stand.answer(operation, running))).toBe("W stale");
  });

  test("nor does a search, or a history", () => {
    for (const request of [searching, following]) {
      const stand = new Stand();
      const early = stand.call(request);
      const response = stand.read(early);
      const late = stand.call({ ...request });
      late.expected = early.expected;
      expect(found(() => stand.witness.answered(late, response))).toBe("W stale");
      expect(found(() => stand.witness.answered(early, response))).toBe("nothing");
    }
  });
});

describe("W3: nothing is answered before it is durable", () => {
  test("not as the commit is asked for", () => {
    const stand = new Stand();
    const operation = stand.call(create("a"));
    const running = stand.run(
      [operation.request as Client],
      stand.load([operation.request as Client]),
    );
    expect(found(() => stand.answer(operation, running))).toBe("W early");
  });

  test("nor before it has run at all", () => {
    const stand = new Stand();
    const operation = stand.call(get("a"));
    expect(found(() => stand.witness.answered(operation, notFound))).toBe("W early");
    const read = stand.call(searching);
    const page: Response = { kind: "promises", page: { promises: [], before: null } };
    expect(found(() => stand.witness.answered(read, page))).toBe("W early");
  });

  test("nor something else than what was decided", () => {
    const stand = new Stand();
    const operation = stand.call(create("a"));
    stand.done([operation.request as Client]);
    expect(found(() => stand.witness.answered(operation, exists))).toBe("W released");
  });
});

describe("W4: what is said to have had no effect has none", () => {
  const sure = ["store_failed", "store_overloaded", "record_unreadable", "queue_full"] as const;

  test.each(sure)("%s, after it has landed", (failure) => {
    const stand = new Stand();
    const operation = stand.call(create("a"));
    stand.done([operation.request as Client]);
    expect(found(() => stand.witness.answered(operation, failed(failure)))).toBe("W effect");
  });

  test.each(sure)("%s, before it lands", (failure) => {
    for (const hasGivenUp of [false, true]) {
      const stand = new Stand();
      const operation = stand.call(create("a"));
      const running = stand.run(
        [operation.request as Client],
        stand.load([operation.request as Client]),
      );
      if (hasGivenUp) operation.ending = { kind: "pending" };
      stand.witness.answered(operation, failed(failure));
      expect(found(() => stand.land(running))).toBe("W effect");
    }
  });

  test("a request that was turned away is not done", () => {
    const stand = new Stand();
    const operation = stand.call(create("a"));
    operation.ending = { kind: "turned_away" };
    expect(found(() => stand.done([operation.request as Client]))).toBe("W effect");
  });

  test("of unknown outcome is whatever has landed, lands later, or never does", () => {
    for (const when of ["before", "later", "never"]) {
      const stand = new Stand();
      const operation = stand.call(create("a"));
      const running = stand.run(
        [operation.request as Client],
        stand.load([operation.request as Client]),
      );
      if (when === "before") stand.land(running);
      stand.witness.answered(operation, failed("outcome_unknown"));
      expect(operation.ending?.kind).toBe("pending");
      expect(found(() => when === "later" && stand.land(running))).toBe("nothing");
    }
  });

  test("a read is never of unknown outcome, and may fail", () => {
    for (const request of [searching, following]) {
      const stand = new Stand();
      expect(
        found(() => stand.witness.answered(stand.call(request), failed("outcome_unknown"))),
      ).toBe("W failure");
      expect(found(() => stand.witness.answered(stand.call(request), failed("store_failed")))).toBe(
        "nothing",
      );
    }
  });
});

describe("W5: a command takes effect once", () => {
  test("it is not done again, not even if it is refused then", () => {
    const stand = new Stand();
    const operation = stand.call(create("a"));
    const command = operation.request as Client;
    stand.done([command]);
    expect(found(() => stand.done([command]))).toBe("W twice"); // "promise_already_exists"
  });

  test("nor together with another one that writes", () => {
    const stand = new Stand();
    stand.done([create("w")]);
    const operation = stand.call(create("a"));
    stand.done([operation.request as Client]);
    expect(found(() => stand.done([operation.request as Client, settle("a")]))).toBe("W twice");
  });

  test("it may be done again after a conflict", () => {
    const stand = new Stand();
    stand.done([create("a")]);
    const operation = stand.call(settle("a"));
    const command = operation.request as Client;
    const running = stand.run([command], stand.load([command]));
    stand.done([register("a", "b")]);
    stand.done([settle("a")]);
    stand.land(running); // refused by the store
    const again = stand.done([command]);
    expect(found(() => stand.answer(operation, again))).toBe("nothing");
    expect(operation.ending).toMatchObject({ response: { refusal: "promise_already_resolved" } });
  });

  test("and is answered once", () => {
    const stand = new Stand();
    const operation = stand.call(get("a"));
    const running = stand.done([operation.request as Client]);
    stand.answer(operation, running);
    expect(found(() => stand.answer(operation, running))).toBe("W twice");
  });
});

describe("W6: a read shows what there is at its snapshot", () => {
  test("not what comes later", () => {
    for (const request of [searching, following]) {
      const stand = new Stand();
      stand.done([create("a")]);
      const operation = stand.call(request);
      const honest = stand.read(operation);
      stand.done([create("b")]);
      const later = stand.read(stand.call({ ...request }));
      expect(found(() => stand.witness.answered(operation, later))).toBe("W released");
      operation.answeredAt = null;
      expect(found(() => stand.witness.answered(operation, honest))).toBe("nothing");
    }
  });

  test("nor without a cursor what goes on", () => {
    const stand = new Stand();
    stand.done([create("a"), create("b")]);
    for (const request of [
      { ...searching, limit: 1 },
      { ...following, limit: 1 },
    ] as const) {
      const operation = stand.call(request);
      const response = stand.read(operation);
      const ended: Response =
        response.kind === "promises"
          ? { kind: "promises", page: { ...response.page, before: null } }
          : response.kind === "events"
            ? { kind: "events", page: { ...response.page, next: null } }
            : response;
      expect(found(() => stand.witness.answered(operation, ended))).toBe("W released");
    }
  });

  test("nor a cursor to another place than where the page has ended", () => {
    const stand = new Stand();
    stand.done([create("a"), create("b"), create("c")]);
    stand.done([settle("a")]);
    const of = promiseKey(promiseId("a"));
    for (const request of [
      { ...searching, limit: 1 },
      { ...following, limit: 1 },
      { ...following, of, limit: 1 },
    ]) {
      const operation = stand.call(request as Request);
      const response = stand.read(operation);
      expect(found(() => stand.witness.answered(operation, moved(response, 0)))).toBe("nothing");
      operation.answeredAt = null;
      expect(found(() => stand.witness.answered(operation, moved(response, 1)))).toBe("W cursor");
    }
  });

  test("a history of nobody is refused", () => {
    const stand = new Stand();
    const operation = stand.call({
      kind: "read_events",
      of: { kind: "promise", id: promiseId("a") },
      after: 0,
      limit: 1,
    });
    expect(stand.read(operation)).toEqual(notFound);
    expect(found(() => stand.witness.answered(operation, notFound))).toBe("nothing");
    const empty: Response = { kind: "events", page: { events: [], next: null } };
    const other = stand.call(operation.request);
    stand.read(other);
    expect(found(() => stand.witness.answered(other, empty))).toBe("W released");
  });
});

describe("W7: what is swept is due, in the order of due dates", () => {
  function armed(): Stand {
    const stand = new Stand();
    stand.done([create("a", 10n), create("b", 20n), create("c", 30n)]);
    return stand;
  }

  test("all of it, and nothing else", () => {
    expect(found(() => armed().sweep(20))).toBe("nothing");
    expect(found(() => armed().sweep(9))).toBe("nothing");
    const later = armed();
    const all = later.store.due(instantMs(30), { limit: 9, weightMax: 99 });
    expect(found(() => later.sweep(29, { lie: () => all }))).toBe("W due");
    expect(found(() => later.sweep(30, { lie: () => all }))).toBe("nothing");
  });

  test("not what is settled and has nobody to wake", () => {
    const stand = armed();
    const due = stand.store.due(instantMs(10), { limit: 9, weightMax: 99 });
    stand.done([settle("a")]);
    expect(found(() => stand.sweep(10, { lie: () => due }))).toBe("W due");
  });

  test("not from the last to the first", () => {
    const lie = (due: Due): Due => ({ ...due, streams: due.streams.toReversed() });
    expect(found(() => armed().sweep(30, { lie }))).toBe("W due");
  });

  test("and no more than was asked for", () => {
    expect(found(() => armed().sweep(30, { limit: 2 }))).toBe("B due");
    expect(found(() => armed().sweep(30, { limit: 3 }))).toBe("nothing");
  });
});

describe("a record that cannot be read", () => {
  const unreadable = { kind: "unreadable", key: { kind: "promise", id: promiseId("a") } } as const;
  const loading: Submission = { kind: "load", keys: [unreadable.key] };

  test("fails the command, and no other", () => {
    const stand = new Stand();
    const view = stand.observe(loading, [unreadable]);
    expect(found(() => stand.run([get("a")], view))).toBe("nothing");
  });

  test("is not passed over", () => {
    const stand = new Stand();
    const view = stand.observe(loading, [unreadable]);
    expect(found(() => stand.run([get("a")], view, { lie: saying(notFound) }))).toBe(
      "W unreadable",
    );
  });

  test("is not made up", () => {
    const stand = new Stand();
    const lie = saying(failed("record_unreadable"));
    expect(found(() => stand.done([get("a")], { lie }))).toBe("W unreadable");
    expect(found(() => stand.done([create("a")], { lie }))).toBe("W unreadable");
  });
});

test("the canary: the model lies about one operation, and about no other", () => {
  const stand = new Stand();
  const [one, two] = [stand.call(get("a")), stand.call(get("a"))];
  stand.witness.canary = two;
  const running = stand.done([one.request as Client, two.request as Client]);
  expect(found(() => stand.answer(one, running))).toBe("nothing");
  expect(found(() => stand.answer(two, running))).toBe("W canary");
});
