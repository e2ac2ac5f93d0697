// What the tests of verify start from, in any store, what they damage there, and what is to be found.

import { expect } from "vitest";
import type { Event } from "../../kernel/event.ts";
import { deadlineMs, instantMs } from "../../kernel/ids.ts";
import { dueAt, evolve } from "../../kernel/stream.ts";
import type { Timers } from "../../kernel/timers.ts";
import type { Store } from "../../store/store.ts";
import type { Report } from "../../store/verify.ts";
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
const mistimed: readonly Mistimed[] = [
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

/** Each is found with the timers of another one, and nothing else is. */
export async function expectMistimed(store: Store, verify: () => Promise<Report>): Promise<void> {
  for (const { id, timers: wrong, expected } of mistimed) {
    const { timers } = stream(store, id);
    commit(store, timed(store, id, wrong));
    const { differing, first } = await verify();
    commit(store, timed(store, id, timers));
    const found = [differing, first?.stream?.id, first?.field, first?.expected];
    expect(found).toEqual([1, id, ...expected]);
  }
}

export function replaced(column: string, from: string, to: string): string {
  return `UPDATE streams SET ${column} = replace(${column}, '${from}', '${to}')`;
}

/** A statement, and what is found first (`expectFirst`). */
export type Damage = readonly [what: string, damage: string, expected: string];

/** To what `fill` leaves, in words that both databases know. */
export const damages: readonly Damage[] = [
  ["V1 a missing event", "DELETE FROM events WHERE position = 2", "a events[2] version 3"],
  ["V1 a missing stream", "DELETE FROM streams WHERE id = 'a'", "null the event at 1 none"],
  ["V1 a missing last stream", "DELETE FROM streams WHERE id = 'b'", "null the event at 3 none"],
  [
    "V2 an unreadable event",
    "UPDATE events SET data = '{' WHERE position = 4",
    "a events[3] no JSON",
  ],
  ["V2 another version", "UPDATE streams SET version = 9", "a version 3 9"],
  ["V2 an unreadable snapshot", "UPDATE streams SET snapshot = '{'", "a the row readable no JSON"],
  ["V2 a revision of less than nothing", "UPDATE streams SET revision = -5", "a the row no count"],
  ["V2 an event of no command", "UPDATE events SET command = ''", "a events[1] an empty name"],
  [
    "V2 another outcome",
    replaced("snapshot", "rejected", "resolved"),
    "a snapshot.promise.outcome",
  ],
  ["V2 another payload", replaced("snapshot", "é", "e"), 'b snapshot.promise.param.data "é" "e"'],
  ["V2 another header", replaced("snapshot", '"v"', '"w"'), "b snapshot.promise.param.headers.h"],
  [
    "V2 headers in another order",
    replaced("snapshot", '["h","v"],["10",""]', '["10",""],["h","v"]'),
    "b snapshot.promise.param.headers, in order",
  ],
  [
    "V2 tags in another order",
    replaced("snapshot", '["t","x"],["u","y"]', '["u","y"],["t","x"]'),
    "a snapshot.promise.tags, in order",
  ],
  [
    "V2 a lost waiter",
    replaced("snapshot", '"callbacks":["b"]', '"callbacks":[]'),
    "a snapshot.callbacks.0",
  ],
  ["V3 another state", "UPDATE streams SET state = 'pending'", "a columns.state"],
  ["V3 another deadline", "UPDATE streams SET timeout_at = timeout_at - 1", "a columns.timeout_at"],
  ["V3 another due date", "UPDATE streams SET due_at = NULL WHERE id = 'b'", "b columns.due_at"],
  ["V2 unreadable timers", "UPDATE streams SET timers = '{'", "a the row readable no JSON"],
  [
    "V3 timers that do not lead to the due date",
    'UPDATE streams SET timers = \'{"clockAt":"5","releaseCount":0,"offeredAt":null,"isMissed":false,"tellings":[]}\' WHERE id = \'b\'',
    "b columns.due_at 5",
  ],
  ["V3 another task", "UPDATE streams SET task_state = 'halted'", "a columns.task_state"],
  [
    "V3 somebody who is waited for",
    `UPDATE streams SET waiting = '[["[\\"g\\"]",0]]'`,
    "a columns.waiting",
  ],
];

/** @param expected the stream and the field, then words of what should be there and what is */
export function expectFirst({ differing, first }: Report, expected: string): void {
  expect(differing).toBeGreaterThan(0);
  const said = `${first?.stream?.id ?? null} ${first?.field} ${first?.expected} ${first?.found}`;
  for (const word of expected.split(" ")) expect(said).toContain(word);
  expect(said.startsWith(expected.split(" ").slice(0, 2).join(" "))).toBe(true);
}
