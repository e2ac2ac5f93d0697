// What of the kernel's vocabulary these worlds speak: all of it but schedules, and the searches by id.
// Whoever meets one of those has come to a world that has none.

import { assert } from "../kernel/assert.ts";
import type { Command, Request } from "../kernel/command.ts";
import type { Cron } from "../kernel/ports.ts";
import { isRead, type Read } from "../kernel/read.ts";
import type { FireSchedule } from "../kernel/schedule.ts";
import type { PromiseStream, StreamState } from "../kernel/stream.ts";
import { idsOf } from "./model/command.ts";

type OfSchedule = Extract<Command, { readonly kind: `${string}_schedule` }> | FireSchedule;
/** What the model knows (model/command.ts). */
export type KnownCommand = Exclude<Command, OfSchedule>;
export type KnownRead = Extract<Read, { readonly kind: "search_promises" | "read_events" }>;

/** No expression ever occurs. */
export const noCron: Cron = { next: () => ({ kind: "never" }) };

export function known(command: Command): KnownCommand {
  assert(!command.kind.endsWith("_schedule"), "a schedule in a world without any");
  return command as KnownCommand; // said above
}

export function knownRead(read: Read): KnownRead {
  assert(!read.kind.startsWith("list_"), "a search by id in a world without any");
  return read as KnownRead; // said above
}

/** The kernel's own commands are none either. */
export function isReading(asked: Command | Read): asked is Read {
  return isRead(asked as Request);
}

/** Ids of the promises that a request is about. */
export function idsIn(request: Request): readonly string[] {
  if (!isRead(request)) return idsOf(known(request));
  const read = knownRead(request);
  return read.kind === "read_events" && read.of !== null ? [read.of.id] : [];
}

export function promiseStream(state: StreamState): PromiseStream {
  assert(state.kind === "promise", "a schedule in a world without any");
  return state;
}
