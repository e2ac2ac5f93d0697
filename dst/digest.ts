// Digests of what enters the trace. Field by field in a fixed order, so that neither the order of an
// object's members nor a store's own numbers (positions) count.

import type { Response } from "../kernel/command.ts";
import type { ShownPromise } from "../kernel/list.ts";
import type { Message } from "../kernel/message.ts";
import type { Completion, Submission } from "../kernel/ports.ts";
import type { PromiseRecord } from "../kernel/promise.ts";
import type { ScheduleState } from "../kernel/schedule.ts";
import type { LoggedEvent } from "../kernel/search.ts";
import type { Stream, StreamState } from "../kernel/stream.ts";
import type { TaskState } from "../kernel/task.ts";
import type { Timers } from "../kernel/timers.ts";
import type { Pairs, Value } from "../kernel/value.ts";

const offset = 0x811c9dc5 | 0;
const prime = 0x01000193;

/** Set apart from every text and number that is there. */
const absent = 0x5bd1e995;

type Digest = number;

function add(digest: Digest, word: number): Digest {
  return Math.imul(digest ^ word, prime);
}

function count(digest: Digest, value: number): Digest {
  return add(add(digest, value | 0), (value / 2 ** 32) | 0);
}

export function digestText(value: string): Digest {
  return text(offset, value);
}

function text(digest: Digest, value: string | null): Digest {
  if (value === null) return add(digest, absent);
  let next = add(digest, value.length);
  for (let index = 0; index < value.length; index++) next = add(next, value.charCodeAt(index));
  return next;
}

function pairs(digest: Digest, value: Pairs | null): Digest {
  if (value === null) return add(digest, absent);
  let next = add(digest, value.size);
  for (const [name, content] of value) next = text(text(next, name), content);
  return next;
}

function payload(digest: Digest, { headers, data }: Value): Digest {
  return text(pairs(digest, headers), data);
}

function int64(digest: Digest, value: bigint): Digest {
  if (value <= Number.MAX_SAFE_INTEGER) return count(digest, Number(value));
  return text(digest, value.toString());
}

function promise(digest: Digest, record: PromiseRecord): Digest {
  let next = count(int64(digest, record.timeoutAt), record.createdAt);
  next = text(pairs(payload(next, record.param), record.tags), record.createKey);
  next = add(next, record.isExternal ? 1 : 0);
  if (record.kind === "pending") return next;
  next = text(count(next, record.settledAt), record.outcome);
  return text(payload(next, record.value), record.settleKey);
}

function state(digest: Digest, of: StreamState): Digest {
  if (of.kind === "schedule") return schedule(digest, of.schedule);
  const { promise: record, ...rest } = of;
  const next = record.kind === "absent" ? add(digest, absent) : promise(digest, record);
  const waiting = rest.callbacks.reduce(text, add(next, rest.callbacks.length));
  return task(rest.listeners.reduce(text, add(waiting, rest.listeners.length)), rest.task);
}

function schedule(digest: Digest, record: ScheduleState): Digest {
  if (record.kind === "absent") return add(digest, absent);
  const { cron, promiseIdTemplate, promiseTimeoutMs, promiseParam, promiseTags } = record;
  const { createdAt, lastRunAt, nextRunAt } = record;
  let next = int64(text(text(digest, cron), promiseIdTemplate), promiseTimeoutMs);
  next = pairs(payload(next, promiseParam), promiseTags);
  return int64(count(count(next, createdAt), lastRunAt ?? -1), nextRunAt);
}

function preloaded(digest: Digest, promises: readonly ShownPromise[]): Digest {
  return promises.reduce((next, row) => promise(text(next, row.id), row.promise), digest);
}

function task(digest: Digest, record: TaskState): Digest {
  let next = text(digest, record.kind);
  if (record.kind === "absent") return next;
  next = add(next, record.version);
  if (record.kind === "acquired") next = int64(text(next, record.pid), record.ttl);
  return "resumes" in record ? record.resumes.reduce(text, next) : next;
}

function timers(
  digest: Digest,
  { clockAt, releaseCount, offeredAt, isMissed, tellings }: Timers,
): Digest {
  let next = clockAt === null ? add(digest, absent) : int64(digest, clockAt);
  next = count(add(add(next, releaseCount), isMissed ? 1 : 0), offeredAt ?? -1);
  for (const [address, telling] of tellings) {
    next = add(int64(text(next, address), telling.nextAt), telling.failureCount);
    next = count(count(next, telling.failedSince ?? -1), telling.toldAt);
  }
  return next;
}

function stream(digest: Digest, { key, version, revision }: Stream): Digest {
  return add(add(text(digest, key.id), version), revision);
}

function event(digest: Digest, { key, version, command, at, event }: LoggedEvent): Digest {
  return text(count(text(add(text(digest, key.id), version), command), at), event.kind);
}

function message(digest: Digest, sent: Message): Digest {
  const next = text(text(text(digest, sent.kind), sent.to), sent.id);
  return sent.kind === "execute" ? add(next, sent.version) : promise(next, sent.promise);
}

export function digestResponse(response: Response): Digest {
  const start = text(offset, response.kind);
  switch (response.kind) {
    case "promise":
      return add(promise(text(start, response.id), response.promise), response.changed ? 1 : 0);
    case "promises":
      return response.page.promises.reduce(
        (digest, row) => promise(text(digest, row.id), row.promise),
        add(start, response.page.before === null ? 0 : 1),
      );
    case "task":
      return task(text(start, response.id), response.task);
    case "claim":
      return preloaded(
        promise(task(text(start, response.id), response.task), response.promise),
        response.preload,
      );
    case "not_suspended":
      return preloaded(promise(text(start, response.id), response.promise), response.preload);
    case "fenced":
      return add(start, digestResponse(response.inner));
    case "done":
      return start;
    case "events":
      return response.page.events.reduce(event, add(start, response.page.next === null ? 0 : 1));
    case "refused":
      return text(start, response.refusal);
    case "failed":
      return text(start, response.failure);
    case "schedule":
      return schedule(text(start, response.id), response.schedule);
    case "promise_list":
      return preloaded(text(start, response.next), response.promises);
    case "task_list":
      return response.tasks.reduce(
        (digest, row) => task(text(digest, row.id), row.task),
        text(start, response.next),
      );
    case "schedule_list":
      return response.schedules.reduce(
        (digest, row) => schedule(text(digest, row.id), row.schedule),
        text(start, response.next),
      );
  }
}

export function digestSubmission(submission: Submission): Digest {
  const start = text(offset, submission.kind);
  switch (submission.kind) {
    case "load":
      return submission.keys.reduce((digest, { id }) => text(digest, id), start);
    case "commit": {
      let digest = start;
      for (const { changes } of submission.components) {
        digest = add(digest, changes.length);
        for (const { key, expectedRevision, write } of changes) {
          digest = add(text(digest, key.id), expectedRevision);
          if (write === null) continue;
          digest = timers(state(add(digest, write.version), write.snapshot), write.timers);
        }
      }
      return digest;
    }
    case "query":
      return count(text(start, submission.query.pattern), submission.query.now);
    case "log":
      return submission.ranges.reduce((digest, { of }) => text(digest, of?.id ?? null), start);
    case "due":
      return count(start, submission.now);
    case "send":
      return message(start, submission.message);
    case "waiting":
      return count(text(start, submission.query.receiver), submission.query.before);
    case "list":
      return submission.queries.reduce((digest, { idPrefix, after, limit, now }) => {
        return count(add(text(text(digest, idPrefix), after), limit), now);
      }, start);
  }
}

export function digestCompletion(completion: Completion): Digest {
  const start = text(offset, completion.kind);
  switch (completion.kind) {
    case "loaded":
      return completion.streams.reduce((digest, loaded) => {
        return loaded.kind === "stream"
          ? stream(digest, loaded.stream)
          : text(add(digest, absent), loaded.key.id);
      }, start);
    case "committed":
      return completion.conflicts.reduce(add, start);
    case "found":
      return completion.found.rows.reduce((digest, { id }) => text(digest, id), start);
    case "logged":
      return completion.pages.flatMap(({ events }) => events).reduce(event, start);
    case "due":
      return completion.due.streams.reduce(stream, start);
    case "sent": {
      const { delivery } = completion;
      return text(start, delivery.kind === "failed" ? delivery.reason : delivery.kind);
    }
    case "waiting":
      return completion.page.streams.reduce(stream, start);
    case "listed":
      return completion.pages.reduce((digest, { rows }) => {
        return rows.reduce((next, { key }) => text(next, key.id), add(digest, rows.length));
      }, start);
    case "failed":
      return text(start, completion.failure);
  }
}
