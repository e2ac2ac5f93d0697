// Stores to be copied: what is written into them, and all that they answer.

import { assert } from "../../kernel/assert.ts";
import type { Event } from "../../kernel/event.ts";
import { instantMs } from "../../kernel/ids.ts";
import { type Change, dueAt, type StreamKey } from "../../kernel/stream.ts";
import { noTimers, type Timers } from "../../kernel/timers.ts";
import type { Place } from "../../store/copy.ts";
import { copyStore } from "../../store/copy.ts";
import type { Survey } from "../../store/copy-contents.ts";
import { openPostgresReader } from "../../store/postgres-reader.ts";
import { openReader } from "../../store/sqlite-reader.ts";
import type { Store } from "../../store/store.ts";
import { listQuery, query, stream, waitingQuery, writtenTo } from "./given.ts";

export type History = {
  readonly key: StreamKey;
  readonly events: readonly Event[];
  readonly timers: Timers;
};

export const file = (path: string): Place => ({ kind: "sqlite", path, place: `sqlite:${path}` });

export function database(url: string): Place {
  const { host, pathname } = new URL(url);
  return { kind: "postgres", url, place: `postgres://${host}${pathname}` };
}

export function copied(
  from: Place,
  to: Place,
  chosen: { readonly rowsMax?: number; readonly onBatch?: () => void } = {},
): Promise<Survey> {
  const { signal } = new AbortController();
  return copyStore({ from, to, signal, onProgress: () => {}, rowsMax: 3, ...chosen });
}

/** An event at a time, by turns, so that histories are mingled; then the clocks of all. */
export function write(store: Store, histories: readonly History[]): void {
  const longest = Math.max(0, ...histories.map(({ events }) => events.length));
  for (let index = 0; index < longest; index++) {
    const changes = histories.flatMap(({ key, events, timers }) => {
      const event = events[index];
      if (event === undefined) return [];
      return timedBy(writtenTo(stream(store, key), [event]), timers);
    });
    store.commit(changes.map((change) => ({ changes: [change] })));
  }
}

function timedBy(change: Change, given: Timers): Change {
  const { write } = change;
  assert(write !== null, "a write that is none");
  const timers = change.key.kind === "schedule" ? noTimers : given;
  return { ...change, write: { ...write, timers, dueAt: dueAt(write.snapshot, timers) } };
}

/** The whole log, as `log export` prints it. */
export async function exported(place: Place): Promise<readonly string[]> {
  const reader =
    place.kind === "sqlite"
      ? openReader(place.path)
      : await openPostgresReader({ address: place.url });
  const lines: string[] = [];
  await reader.export(async (line) => lines.push(line) > 0);
  await reader.close();
  return lines;
}

/** What each verb answers; claims are no part of it. */
export function answers(store: Store, keys: readonly StreamKey[]): unknown {
  const limit = 9_999;
  const weightMax = Number.MAX_SAFE_INTEGER;
  const at = (now: number) => ({ limit, now: instantMs(now) });
  const histories = keys.map((of) => ({ of, after: 0, limit, weightMax }));
  const receivers = ["poll://any@w", "poll://uni@w/é", "poll://any@w/\u{1f600}"];
  return {
    streams: store.load(keys),
    found: [0, 1e6].map((now) => store.query(query(at(now)))),
    tagged: keys.map((each) => {
      const [loaded] = store.load([each]);
      const state = loaded?.kind === "stream" ? loaded.stream.state : null;
      const isFound = state?.kind === "promise" && state.promise.kind !== "absent";
      return isFound ? store.query(query({ ...at(0), tags: state.promise.tags })) : null;
    }),
    lists: store.list([
      listQuery(at(0)),
      listQuery({ ...at(0), of: "schedule" }),
      listQuery({ ...at(0), anyOf: [taskIn("pending")] }),
      listQuery({ ...at(0), anyOf: [taskIn("acquired")] }),
    ]),
    waiting: receivers.map((address) => {
      return store.waiting(waitingQuery(address, { before: instantMs(2 ** 40), limit }));
    }),
    log: store.log([{ of: null, after: 0, limit, weightMax }, ...histories]),
    due: store.due(instantMs(2 ** 52), { limit, weightMax }),
  };
}

function taskIn(state: "pending" | "acquired") {
  return { promise: null, tasks: [state], isPast: null, isTimer: null };
}
