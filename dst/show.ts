// Requests and batches in words, for whoever reads a trace.

import { type Command, type InternalCommand, keys, type Request } from "../kernel/command.ts";
import { showResponse } from "./compare.ts";
import type { Batch } from "./witness.ts";

export function showRequest(request: Request): string {
  switch (request.kind) {
    case "create_promise": {
      const { id, timeoutAt, key, strict, tags } = request;
      const tagged = tags.size === 0 ? "" : `, tags ${JSON.stringify([...tags])}`;
      return `create ${quote(id)} until ${timeoutAt}, ${keyed(key, strict)}${tagged}`;
    }
    case "settle_promise": {
      const { id, outcome, key, strict } = request;
      return `settle ${quote(id)} as ${outcome}, ${keyed(key, strict)}`;
    }
    case "get_promise":
      return `get ${quote(request.id)}`;
    case "register_callback":
      return `let ${quote(request.awaiter)} wait for ${quote(request.awaited)}`;
    case "search_promises": {
      const { pattern, state, limit, tags } = request;
      const tagged = tags.size === 0 ? "" : `, tags ${JSON.stringify([...tags])}`;
      return `search ${quote(pattern)}, ${state ?? "any state"}, at most ${limit}${tagged}`;
    }
    case "read_events": {
      const { of, limit } = request;
      return `read ${of === null ? "the log" : `the log of ${quote(of.id)}`}, at most ${limit}`;
    }
    case "list_promises":
    case "list_tasks":
    case "list_schedules":
      return `${request.kind} ${quote(request.idPrefix)}, at most ${request.limit}`;
    default:
      return showOther(request);
  }
}

/** A command of tasks or listeners. */
function showOther(command: Command): string {
  const ids = keys(command).map(({ id }) => quote(id));
  const words = [command.kind, ids.join(", ")];
  if ("version" in command) words.push(`v${command.version}`);
  if ("pid" in command) words.push(`by ${quote(command.pid)}`);
  if ("ttl" in command) words.push(`for ${command.ttl}`);
  if ("address" in command) words.push(`at ${quote(command.address)}`);
  if ("action" in command) words.push(`(${showRequest(command.action)})`);
  return words.join(" ");
}

export function showBatch({ now, writing, reading }: Batch): string {
  const groups = writing.map(({ executed }) => executed.map(shown).join("; "));
  return [`at ${now}`, ...groups.map((text) => `writes: ${text}`), ...reading.map(shown)].join(
    "\n",
  );
}

function shown({ entry: { command, id }, response }: Batch["reading"][number]): string {
  const what = isInternal(command) ? showOther(command) : showRequest(command);
  return `${id} ${what} -> ${showResponse(response)}`;
}

const internal: ReadonlySet<Command["kind"]> = new Set<InternalCommand["kind"]>([
  "settle_at_deadline",
  "drain_callback",
  "expire_lease",
  "dispatch_again",
  "note_missed",
  "offer_missed",
  "tell_missed",
  "tell_listener",
  "note_told",
  "fire_schedule",
]);

function isInternal(command: Command): command is InternalCommand {
  return internal.has(command.kind);
}

function keyed(key: string | null, strict: boolean): string {
  const named = key === null ? "no key" : `key ${quote(key)}`;
  return strict ? `${named}, strict` : named;
}

function quote(text: string): string {
  return JSON.stringify(text.length <= 80 ? text : `${text.slice(0, 80)}…`);
}
