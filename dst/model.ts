// What the server should do, said a second time: the contract (promise-api.md §2 and §4, protocol.md
// §2.3 and §3 to §7) as one pure function over whole records. It and the files in model/
// import nothing but each other, and take nothing from an answer that was seen.

import type { ModelAnswer, ModelCommand, ModelStep } from "./model/command.ts";
import { Draft, type ModelMoment } from "./model/draft.ts";
import {
  create,
  drain,
  get,
  listen,
  noteTold,
  register,
  settle,
  silence,
  tell,
  tellMissed,
} from "./model/promises.ts";
import type { ModelRecord } from "./model/record.ts";
import { createSchedule, deleteSchedule, fire, getSchedule } from "./model/schedules.ts";
import {
  acquire,
  createTask,
  dispatchAgain,
  expireLease,
  fence,
  fulfill,
  getTask,
  goOn,
  halt,
  heartbeat,
  noteMissed,
  offerMissed,
  release,
  suspend,
} from "./model/tasks.ts";

/** @param records what is kept under a name; `nothing` where nothing is */
export function step(
  records: (id: string) => ModelRecord,
  command: ModelCommand,
  at: ModelMoment,
): ModelStep {
  const draft = new Draft(records, at);
  const answer = run(draft, command);
  return { changes: draft.changes, answer, messages: draft.messages };
}

function run(draft: Draft, command: ModelCommand): ModelAnswer {
  switch (command.kind) {
    case "create_promise":
      return create(draft, command);
    case "settle_promise":
      return settle(draft, command);
    case "get_promise":
      return get(draft, command.id);
    case "register_callback":
      return register(draft, command);
    case "register_listener":
      return listen(draft, command);
    case "get_task":
      return getTask(draft, command.id);
    case "acquire_task":
      return acquire(draft, command);
    case "create_task":
      return createTask(draft, command);
    case "release_task":
      return release(draft, command);
    case "fulfill_task":
      return fulfill(draft, command);
    case "suspend_task":
      return suspend(draft, command);
    case "fence_task":
      return fence(draft, command);
    case "heartbeat_task":
      return heartbeat(draft, command);
    case "halt_task":
      return halt(draft, command.id);
    case "continue_task":
      return goOn(draft, command.id);
    case "create_schedule":
      return createSchedule(draft, command);
    case "get_schedule":
      return getSchedule(draft, command.id);
    case "delete_schedule":
      return deleteSchedule(draft, command.id);
    case "fire_schedule":
      fire(draft, command);
      return silence;
    case "settle_at_deadline":
      draft.touch(command.id);
      return silence;
    case "drain_callback":
      drain(draft, command);
      return silence;
    case "tell_listener":
      tell(draft, command);
      return silence;
    case "tell_missed":
      tellMissed(draft, command);
      return silence;
    case "note_told":
      noteTold(draft, command);
      return silence;
    case "expire_lease":
      expireLease(draft, command.id);
      return silence;
    case "dispatch_again":
      dispatchAgain(draft, command.id);
      return silence;
    case "offer_missed":
      offerMissed(draft, command);
      return silence;
    case "note_missed":
      noteMissed(draft, command);
      return silence;
  }
}
