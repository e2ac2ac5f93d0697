// What streams are called where promises and schedules stand side by side: in the model's records, in
// what an oracle has found, and in the trace.

import { assert } from "../kernel/assert.ts";
import type { Command, Request } from "../kernel/command.ts";
import { isRead, type Read } from "../kernel/read.ts";
import type { PromiseStream, StreamKey, StreamState } from "../kernel/stream.ts";
import { idsOf } from "./model/command.ts";
import { scheduleName } from "./model/record.ts";

export function nameOf({ kind, id }: StreamKey): string {
  return kind === "promise" ? id : scheduleName(id);
}

/** The kernel's own commands are none either. */
export function isReading(asked: Command | Read): asked is Read {
  return isRead(asked as Request);
}

/** Names of the streams that a request is about. */
export function idsIn(request: Request): readonly string[] {
  if (!isRead(request)) return idsOf(request);
  return request.kind === "read_events" && request.of !== null ? [nameOf(request.of)] : [];
}

/** Of a key that is known to be a promise's. */
export function promiseStream(state: StreamState): PromiseStream {
  assert(state.kind === "promise", "the stream of a promise holds a schedule");
  return state;
}
