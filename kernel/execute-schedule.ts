// The commands of schedules (protocol.md §3.3, §6). A firing moves its schedule on and makes its promise
// in one command, so that neither ever stands without the other.

import { unreachable } from "./assert.ts";
import { type Response, refused } from "./command.ts";
import type { PromiseCreated } from "./event.ts";
import type { PromiseId, ScheduleId } from "./ids.ts";
import {
  type CreateSchedule,
  type DeleteSchedule,
  decideCreate,
  decideDelete,
  decideFire,
  type FireSchedule,
} from "./schedule.ts";
import type { Turn } from "./turn.ts";

export function create(turn: Turn, command: CreateSchedule): Response {
  const { id } = command;
  const decision = decideCreate(turn.schedule(id), command, turn);
  if (decision.kind === "refused") return decision;
  for (const event of decision.events) turn.appendToSchedule(id, event);
  return showSchedule(turn, id);
}

export function remove(turn: Turn, { id }: DeleteSchedule): Response {
  const decision = decideDelete(turn.schedule(id));
  if (decision.kind === "refused") return decision;
  for (const event of decision.events) turn.appendToSchedule(id, event);
  return { kind: "done" };
}

export function showSchedule(turn: Turn, id: ScheduleId): Response {
  const schedule = turn.schedule(id);
  if (schedule.kind === "absent") return refused("schedule_not_found");
  return { kind: "schedule", id, schedule };
}

export function fire(turn: Turn, command: FireSchedule): void {
  const { id, occurrenceAt } = command;
  const firing = decideFire(turn.schedule(id), command, turn);
  switch (firing.kind) {
    case "unchanged":
      break;
    case "stuck":
      turn.notices.push({ kind: "schedule_stuck", id, part: firing.part });
      break;
    case "skipped":
      turn.appendToSchedule(id, firing.event);
      turn.notices.push({ kind: "occurrence_skipped", id, occurrenceAt });
      break;
    case "fired":
      turn.appendToSchedule(id, firing.event);
      make(turn, firing.promise.id, firing.promise.event);
      break;
    default:
      unreachable(firing);
  }
}

/** As at its occurrence. One that exists is left as it is. */
function make(turn: Turn, id: PromiseId, event: PromiseCreated): void {
  if (turn.state(id).promise.kind !== "absent") return;
  turn.append(id, event);
  turn.touch(id); // F5: it may be over by now
  if (turn.state(id).task.kind === "pending") turn.offer(id);
}
