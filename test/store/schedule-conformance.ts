// The contract of a store for the streams of schedules: what differs from those of promises.

import { test as property } from "@fast-check/vitest";
import { expect } from "vitest";
import { deadlineMs } from "../../kernel/ids.ts";
import { absentOf, dueAt, evolve } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import type { Store } from "../../store/store.ts";
import { arbitraryScheduleHistory } from "./arbitraries.ts";
import {
  commit,
  create,
  created,
  due,
  fired,
  key,
  query,
  scheduled,
  scheduleNamed,
  settled,
  stream,
  timed,
} from "./given.ts";

type It = (rule: string, run: (store: Store) => void) => void;

const target = { "resonate:target": "poll://any@w" };
const tags = new Map(Object.entries(target));
const s = scheduleNamed("s");
const all = { of: null, after: 0, limit: 100, weightMax: 1_000_000 };

export function schedules(it: It, store: () => Store): void {
  it("A3 a schedule that was never written is absent, and so is one that is deleted", (store) => {
    const absent = absentOf("schedule");
    const never = { key: s, version: 0, revision: 0, state: absent, timers: noTimers };
    expect(stream(store, s)).toEqual(never);
    commit(store, timed(store, s, {}, scheduled(20n, tags)));
    expect(stream(store, s).state).not.toEqual(absent);
    commit(store, timed(store, s, {}, { kind: "schedule_deleted" }));
    expect(stream(store, s)).toEqual({ ...never, version: 2, revision: 2 });
  });

  it("a schedule and a promise of one id have nothing to do with each other", (store) => {
    create(store, "s", { tags: target });
    commit(store, timed(store, s, {}, scheduled(20n, tags)));
    commit(store, timed(store, "s", {}, settled()));
    const [promise, schedule] = [stream(store, "s"), stream(store, s)];
    expect([promise.key.kind, promise.version]).toEqual(["promise", 2]);
    expect([schedule.key.kind, schedule.version]).toEqual(["schedule", 1]);
    const [whole, own] = store.log([all, { ...all, of: s }]);
    expect(whole?.events.map(({ key: of, event }) => `${of.kind} ${event.kind}`)).toEqual([
      "promise promise_created",
      "schedule schedule_created",
      "promise promise_settled",
    ]);
    expect(own).toEqual({ events: whole?.events.slice(1, 2), end: 1 });
  });

  it("a schedule is due at its next run, among the promises, and never once it is deleted", (store) => {
    commit(store, timed(store, s, {}, scheduled(20n, tags)));
    commit(store, timed(store, "late", {}, created({ timeoutAt: 21n })));
    const [first] = due(store, 20).streams;
    expect(first).toEqual(stream(store, s));
    commit(store, timed(store, s, {}, fired(20, 30n)));
    expect(due(store, 21).streams.map((each) => each.key.id)).toEqual(["late"]);
    expect(due(store, 29).streams).toEqual([]);
    expect(due(store, 30).streams.map((each) => each.key)).toEqual([s]);
    commit(store, timed(store, s, {}, { kind: "schedule_deleted" }));
    expect(due(store, 4_000).streams).toEqual([]);
  });

  it("no search for promises comes upon a schedule, whatever its tags", (store) => {
    commit(store, timed(store, s, {}, scheduled(20n, tags)));
    create(store, "p", { tags: target });
    const found = [{}, { tags }, { pattern: "s" }, { pattern: "s*" }, { pattern: "*", tags }];
    expect(found.map((each) => store.query(query(each)).rows.map(({ id }) => id))).toEqual([
      ["p"],
      ["p"],
      [],
      [],
      ["p"],
    ]);
  });

  it("A2 a schedule and the promise that it makes land together, or not at all", (store) => {
    commit(store, timed(store, s, {}, scheduled(20n, tags)));
    const firing = timed(store, s, {}, fired(20, 30n));
    const made = timed(store, "s-20", {}, created({ timeoutAt: 90n }));
    create(store, "s-20"); // by somebody else
    expect(store.commit([{ changes: [firing, made] }])).toEqual([0]);
    expect(stream(store, s).version).toBe(1);
    expect(stream(store, key("s-20")).version).toBe(1);
  });

  property.prop([arbitraryScheduleHistory])(
    "store: A3 whatever happens to a schedule, its state is the fold of its log",
    (history) => {
      store().reset();
      for (const event of history) {
        expect(commit(store(), timed(store(), s, {}, event))).toEqual([]);
      }
      const [log] = store().log([{ ...all, of: s }]);
      expect(log?.events.map(({ event }) => event)).toEqual(history);
      const state = history.reduce(evolve, absentOf("schedule"));
      expect(stream(store(), s).state).toEqual(state);
      const at = dueAt(state, noTimers);
      expect(due(store(), 0).nextAt).toEqual(at === null ? null : deadlineMs(at));
    },
  );
}
