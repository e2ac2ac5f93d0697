// What the tests of verify start from, in any store, and what is wrong about tasks that they plant there.

import type { Event } from "../../kernel/event.ts";
import { deadlineMs, instantMs } from "../../kernel/ids.ts";
import { dueAt, evolve } from "../../kernel/stream.ts";
import type { Timers } from "../../kernel/timers.ts";
import type { Store } from "../../store/store.ts";
import {
  acquired,
  commit,
  created,
  listening,
  registered,
  settled,
  stream,
  timed,
  written,
} from "./given.ts";

/** As the kernel does it, due dates included. */
export function append(store: Store, name: string, ...events: readonly Event[]): void {
  const { state, timers } = stream(store, name);
  const due = dueAt(events.reduce(evolve, state), timers);
  commit(store, written(store, name, events, due));
}

/** Two promises, four events, two tags. */
export function fill(store: Store): void {
  const headers = new Map([
    ["h", "v"],
    ["10", ""],
  ]);
  append(store, "a", created({ timeoutAt: 90n, tags: { t: "x", u: "y" } }), registered("b"));
  append(store, "b", created({ param: { headers, data: "é" } }));
  append(store, "a", settled("rejected"));
}

const address = "poll://any@w";
const toldAt = instantMs(3);
const told = { nextAt: deadlineMs(9n), toldAt, failureCount: 1 };
const telling = { ...told, failedSince: null, isMissed: false };
const tellings = new Map([[address, telling]]);
const clockAt = deadlineMs(5n);

/** Four promises with what moves without events. */
export function fillTasks(store: Store): void {
  const birth = created({ tags: { "resonate:target": address } });
  commit(store, timed(store, "held", { clockAt }, birth, acquired()));
  commit(store, timed(store, "told", { tellings }, created(), listening(address), settled()));
  commit(store, timed(store, "awaited", {}, created(), listening(address)));
  const asleep = [acquired(), { kind: "task_suspended" }] as const;
  commit(store, timed(store, "asleep", {}, birth, ...asleep));
  commit(store, timed(store, "held", { clockAt: deadlineMs(7n), releaseCount: 2 }));
}

type Mistimed = {
  readonly id: string;
  readonly timers: Partial<Timers>;
  readonly expected: readonly [field: string, expected: string];
};

/** V4: timers that such a stream cannot have, and what is said of them. */
export const mistimed: readonly Mistimed[] = [
  { id: "held", timers: {}, expected: ["timers.clockAt", "a clock"] },
  { id: "asleep", timers: { clockAt }, expected: ["timers.clockAt", "none"] },
  {
    id: "told",
    timers: { tellings: new Map([["poll://any@v", telling]]) },
    expected: ["timers.tellings[poll://any@v]", "a listener"],
  },
  {
    id: "asleep",
    timers: { tellings },
    expected: ["timers.tellings[poll://any@w]", "a listener"],
  },
  {
    id: "awaited",
    timers: { tellings },
    expected: ["timers.tellings[poll://any@w]", "a listener"],
  },
];
