// One command over the working set, from start to end, with nothing in between.
//
//   E2. A promise that is settled by a command, by whatever route, causes the drains of its waiters.

import { unreachable } from "./assert.ts";
import { type Command, type InternalCommand, keys, type Response } from "./command.ts";
import { change, listen, noteTold, register, tellListener, tellMissed } from "./execute-promise.ts";
import { create, fire, remove, showSchedule } from "./execute-schedule.ts";
import {
  dispatchAgain,
  drain,
  expireLease,
  noteMissed,
  offerMissed,
  runTask,
} from "./execute-task.ts";
import type { Message } from "./message.ts";
import type { Cron, Notice } from "./ports.ts";
import type { Rules } from "./rules.ts";
import { drains } from "./settle.ts";
import { Turn } from "./turn.ts";
import type { Author, WorkingSet } from "./working-set.ts";

export type Execution = {
  /** True once the working set is durable, and not a moment before; null: nobody has asked. */
  readonly response: Response | null;
  /** What the commit of this command makes due at once. */
  readonly caused: readonly InternalCommand[];
  /** What leaves with the commit. */
  readonly messages: readonly Message[];
  /** What an operator should know, likewise. */
  readonly notices: readonly Notice[];
};

const nothing: readonly InternalCommand[] = [];

export function execute(
  set: WorkingSet,
  command: Command,
  author: Author & { readonly rules: Rules; readonly cron: Cron },
): Execution {
  const turn = new Turn({ set, ...author });
  const touched = keys(command).filter((key) => key.kind === "promise");
  const pending = touched.filter((key) => set.state(key).promise.kind === "pending");
  const response = run(turn, command);
  const caused = pending.flatMap((key) => {
    const { tellings } = set.timers(key);
    return drains(key, set.state(key), { tellings, now: author.now });
  });
  const { messages, notices } = turn;
  return { response, caused: caused.length === 0 ? nothing : caused, messages, notices };
}

function run(turn: Turn, command: Command): Response | null {
  switch (command.kind) {
    case "create_promise":
    case "settle_promise":
      return change(turn, command);
    case "get_promise":
      turn.touch(command.id);
      return turn.show(command.id, false);
    case "register_callback":
      return register(turn, command);
    case "register_listener":
      return listen(turn, command);
    case "settle_at_deadline":
      turn.touch(command.id);
      return null;
    case "drain_callback":
      drain(turn, command.awaited, command.awaiter);
      return null;
    case "tell_listener":
      tellListener(turn, command.awaited, command.address);
      return null;
    case "tell_missed":
      tellMissed(turn, command);
      return null;
    case "offer_missed":
      offerMissed(turn, command.id, command.before);
      return null;
    case "note_told":
      noteTold(turn, command);
      return null;
    case "expire_lease":
      expireLease(turn, command.id);
      return null;
    case "dispatch_again":
      dispatchAgain(turn, command.id);
      return null;
    case "note_missed":
      noteMissed(turn, command.id, command.version);
      return null;
    case "get_task":
    case "acquire_task":
    case "create_task":
    case "release_task":
    case "fulfill_task":
    case "suspend_task":
    case "fence_task":
    case "heartbeat_task":
    case "halt_task":
    case "continue_task":
      return runTask(turn, command);
    case "create_schedule":
      return create(turn, command);
    case "get_schedule":
      return showSchedule(turn, command.id);
    case "delete_schedule":
      return remove(turn, command);
    case "fire_schedule":
      fire(turn, command);
      return null;
    default:
      return unreachable(command);
  }
}
