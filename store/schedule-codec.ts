// Events and snapshots of schedules, by the rules of codec.ts.

import { unreachable } from "../kernel/assert.ts";
import {
  absent,
  type ScheduleDefinition,
  type ScheduleEvent,
  type ScheduleState,
} from "../kernel/schedule.ts";
import {
  deadline,
  encodeValue,
  instant,
  type Members,
  members,
  pairs,
  text,
  time,
  Undecodable,
  value,
} from "./members.ts";

export function encodeScheduleEvent(event: ScheduleEvent): unknown {
  switch (event.kind) {
    case "schedule_created": {
      const { createdAt, nextRunAt } = event;
      return { ...encodeDefinition(event), createdAt, nextRunAt: `${nextRunAt}` };
    }
    case "schedule_fired":
      return { occurrenceAt: event.occurrenceAt, nextRunAt: `${event.nextRunAt}` };
    case "schedule_deleted":
      return {};
    default:
      return unreachable(event);
  }
}

/** @throws Undecodable */
export function decodeScheduleEvent(kind: ScheduleEvent["kind"], stored: Members): ScheduleEvent {
  switch (kind) {
    case "schedule_created": {
      const createdAt = instant(stored.createdAt);
      return { kind, ...definition(stored), createdAt, nextRunAt: deadline(stored.nextRunAt) };
    }
    case "schedule_fired": {
      const occurrenceAt = instant(stored.occurrenceAt);
      return { kind, occurrenceAt, nextRunAt: deadline(stored.nextRunAt) };
    }
    case "schedule_deleted":
      return { kind };
    default:
      return unreachable(kind);
  }
}

export function encodeSchedule(schedule: ScheduleState): unknown {
  if (schedule.kind === "absent") return null;
  const { createdAt, lastRunAt, nextRunAt } = schedule;
  return { ...encodeDefinition(schedule), createdAt, lastRunAt, nextRunAt: `${nextRunAt}` };
}

/** @throws Undecodable */
export function decodeSchedule(encoded: unknown): ScheduleState {
  if (encoded === null) return absent;
  const stored = members(encoded);
  const createdAt = instant(stored.createdAt);
  const lastRunAt = stored.lastRunAt === null ? null : instant(stored.lastRunAt);
  const nextRunAt = deadline(stored.nextRunAt);
  if ((lastRunAt ?? createdAt) >= nextRunAt) {
    throw new Undecodable("a schedule that does not move on");
  }
  return { kind: "live", ...definition(stored), createdAt, lastRunAt, nextRunAt };
}

function encodeDefinition(schedule: ScheduleDefinition): object {
  const { cron, promiseIdTemplate, promiseTimeoutMs, promiseParam, promiseTags } = schedule;
  return {
    cron,
    promiseIdTemplate,
    promiseTimeoutMs: `${promiseTimeoutMs}`,
    promiseParam: encodeValue(promiseParam),
    promiseTags: [...promiseTags],
  };
}

function definition(stored: Members): ScheduleDefinition {
  return {
    cron: text(stored.cron),
    promiseIdTemplate: text(stored.promiseIdTemplate),
    promiseTimeoutMs: time(stored.promiseTimeoutMs),
    promiseParam: value(stored.promiseParam),
    promiseTags: pairs(stored.promiseTags),
  };
}
