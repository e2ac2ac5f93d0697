// What the model may be asked, and what it says. The commands of the kernel fit without conversion:
// their brands are subtypes.

import {
  type ModelOutcome,
  type ModelPairs,
  type ModelPromise,
  type ModelRecord,
  type ModelSchedule,
  type ModelTask,
  type ModelValue,
  scheduleName,
} from "./record.ts";

export type ModelCommand =
  | ModelCreate
  | ModelSettle
  | ModelOfOne
  | ModelPair
  | ModelListen
  | ModelToldBy
  | ModelTellMissed
  | ModelOfferMissed
  | ModelTaskCommand
  | ModelScheduleCommand;

export type ModelCreate = {
  readonly kind: "create_promise";
  readonly id: string;
  readonly timeoutAt: bigint;
  readonly param: ModelValue;
  readonly tags: ModelPairs;
  readonly key: string | null;
  readonly strict: boolean;
  readonly isExternal: boolean;
  /** Through the current protocol: what is there is shown, whatever the keys. */
  readonly isShared: boolean;
};
export type ModelSettle = {
  readonly kind: "settle_promise";
  readonly id: string;
  readonly outcome: Exclude<ModelOutcome, "timedout">;
  readonly value: ModelValue;
  readonly key: string | null;
  readonly strict: boolean;
  readonly isShared: boolean;
};
export type ModelOfOne = {
  readonly kind:
    | "get_promise"
    | "get_task"
    | "halt_task"
    | "continue_task"
    | "settle_at_deadline"
    | "expire_lease"
    | "dispatch_again";
  readonly id: string;
};

/** The two ids differ: the rim refuses anything else. */
export type ModelPair = {
  readonly kind: "register_callback" | "drain_callback";
  readonly awaited: string;
  readonly awaiter: string;
};
export type ModelListen = {
  readonly kind: "register_listener" | "tell_listener";
  readonly awaited: string;
  readonly address: string;
};
/** Missed, or handed over before this instant, by a run of the server that has ended. */
export type ModelTellMissed = {
  readonly kind: "tell_missed";
  readonly awaited: string;
  readonly address: string;
  readonly before: number;
};
export type ModelOfferMissed = {
  readonly kind: "offer_missed";
  readonly id: string;
  readonly before: number;
};
export type ModelToldBy = {
  readonly kind: "note_told";
  readonly awaited: string;
  readonly address: string;
  readonly delivery: { readonly kind: "delivered" | "failed" };
};

type OfVersion = { readonly id: string; readonly version: number };
type Lease = { readonly pid: string; readonly ttl: bigint };
export type ModelTaskCommand =
  | ModelAcquire
  | ModelCreateTask
  | ModelFulfill
  | ModelSuspend
  | ModelFence
  | ModelHeartbeat
  | (OfVersion & { readonly kind: "release_task" | "note_missed" });
export type ModelAcquire = OfVersion & Lease & { readonly kind: "acquire_task" };
/** Its promise has a target: the rim sees to that. */
export type ModelCreateTask = Lease & {
  readonly kind: "create_task";
  readonly action: ModelCreate;
};
export type ModelFulfill = OfVersion & {
  readonly kind: "fulfill_task";
  readonly outcome: ModelSettle["outcome"];
  readonly value: ModelValue;
};
/** Not its own. */
export type ModelSuspend = OfVersion & {
  readonly kind: "suspend_task";
  readonly awaited: readonly string[];
};
/** About another promise. */
export type ModelFence = OfVersion & {
  readonly kind: "fence_task";
  readonly action: ModelCreate | ModelSettle;
};
export type ModelHeartbeat = OfVersion & { readonly kind: "heartbeat_task"; readonly pid: string };

export type ModelScheduleCommand =
  | ModelCreateSchedule
  | { readonly kind: "get_schedule" | "delete_schedule"; readonly id: string }
  | ModelFire;
export type ModelCreateSchedule = Omit<ModelSchedule, "createdAt" | "lastRunAt" | "nextRunAt"> & {
  readonly kind: "create_schedule";
  readonly id: string;
};
/** `promiseId` null: it would be too long. */
export type ModelFire = {
  readonly kind: "fire_schedule";
  readonly id: string;
  readonly occurrenceAt: number;
  readonly promiseId: string | null;
};

export type ModelRefusal =
  | "promise_not_found"
  | "promise_already_exists"
  | `promise_already_${ModelOutcome}`
  | "promise_not_targeted"
  | "awaited_not_found"
  | "awaiter_not_found"
  | "awaiter_not_targeted"
  | "awaited_not_awaitable"
  | "task_not_found"
  | "task_not_pending"
  | "task_version_mismatch"
  | "task_not_held"
  | "task_fulfilled"
  | "task_not_halted"
  | "task_already_exists"
  | "origins_differ"
  | "awaited_repeated"
  | "timer_with_target"
  | "schedule_not_found"
  | "schedule_cron_invalid"
  | "schedule_time_zone_invalid";

export type ModelAnswer =
  | {
      readonly kind: "promise";
      readonly id: string;
      readonly promise: ModelPromise;
      /** This very command created, settled or registered: 201 in the original API. */
      readonly changed: boolean;
    }
  | { readonly kind: "task"; readonly id: string; readonly task: ModelTask }
  | {
      readonly kind: "claim";
      readonly id: string;
      readonly task: ModelTask;
      readonly promise: ModelPromise;
    }
  | { readonly kind: "schedule"; readonly id: string; readonly schedule: ModelSchedule }
  | { readonly kind: "done" }
  /** 300, with the task's own promise. */
  | { readonly kind: "not_suspended"; readonly id: string; readonly promise: ModelPromise }
  | { readonly kind: "fenced"; readonly inner: ModelAnswer }
  | { readonly kind: "refused"; readonly refusal: ModelRefusal }
  /** Nobody asked: an internal command. */
  | { readonly kind: "none" };

export type ModelMessage =
  | {
      readonly kind: "execute";
      readonly to: string;
      readonly id: string;
      readonly version: number;
    }
  | {
      readonly kind: "unblock";
      readonly to: string;
      readonly id: string;
      readonly promise: ModelPromise;
    };

export type ModelStep = {
  /** Only records that are not as before, each once. */
  readonly changes: readonly ModelChange[];
  readonly answer: ModelAnswer;
  /** What leaves once this is durable, and not before. */
  readonly messages: readonly ModelMessage[];
};
export type ModelChange = readonly [name: string, record: ModelRecord];

/** The names of what a command reads or writes. */
export function idsOf(command: ModelCommand): readonly string[] {
  switch (command.kind) {
    case "register_callback":
    case "drain_callback":
      return [command.awaited, command.awaiter];
    case "register_listener":
    case "tell_listener":
    case "tell_missed":
    case "note_told":
      return [command.awaited];
    case "create_task":
      return [command.action.id];
    case "fence_task":
      return [command.id, command.action.id];
    case "suspend_task":
      return [command.id, ...command.awaited];
    case "create_schedule":
    case "get_schedule":
    case "delete_schedule":
      return [scheduleName(command.id)];
    case "fire_schedule": {
      const { id, promiseId } = command;
      return [scheduleName(id), ...(promiseId === null ? [] : [promiseId])];
    }
    default:
      return [command.id];
  }
}

export function refused(refusal: ModelRefusal): ModelAnswer {
  return { kind: "refused", refusal };
}
