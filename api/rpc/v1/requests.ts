// Messages of `resonate.v1`, as the data that the envelope would hold: read by the same rules, in the
// same order, and refused with the same texts (protocol.md §1.1). Nothing is judged here.
//
//   G5. What is absent in a message is absent in the data, and what is empty is empty.
//   G6. A 64-bit number is read to its last digit.

import {
  type AcquireTaskRequest,
  type CreatePromiseRequest,
  type CreateScheduleRequest,
  type CreateTaskRequest,
  type FenceTaskRequest,
  type FulfillTaskRequest,
  type HeartbeatTasksRequest,
  PromiseState,
  type RegisterCallbackRequest,
  type RegisterListenerRequest,
  type SearchPromisesRequest,
  type SearchSchedulesRequest,
  type SearchTasksRequest,
  type SettlePromiseRequest,
  type SuspendTaskRequest,
  TaskState,
  type Value,
} from "../../../proto/gen/resonate/v1/resonate_pb.ts";
import { JsonNumber } from "../../int64.ts";
import type { Members } from "../../protocol/reading.ts";

type Message<Of> = Omit<Of, "$typeName" | "$unknown">;

export function named({ id }: { readonly id: string }): Members {
  return { id };
}

export function creation(message: Message<CreatePromiseRequest>): Members {
  const { id, timeoutAt, param, tags } = message;
  return { id, timeoutAt: exact(timeoutAt), param: value(param), tags };
}

export function settlement(message: Message<SettlePromiseRequest>): Members {
  const { id, state } = message;
  return { id, state: promiseState(state), value: value(message.value) };
}

export function waiting({ awaited, awaiter }: Message<RegisterCallbackRequest>): Members {
  return { awaited, awaiter };
}

export function listening({ awaited, address }: Message<RegisterListenerRequest>): Members {
  return { awaited, address };
}

export function held({ id, version }: { readonly id: string; readonly version: bigint }): Members {
  return { id, version: Number(version) }; // what is rounded is no version in any case
}

export function taskCreation({ pid, ttl, action }: Message<CreateTaskRequest>): Members {
  return { pid, ttl: exact(ttl), action: action && toAction("promise.create", creation(action)) };
}

export function acquisition(message: Message<AcquireTaskRequest>): Members {
  return { ...held(message), pid: message.pid, ttl: exact(message.ttl) };
}

/** The task and its promise have one id, so it is told once. */
export function fulfilment(message: Message<FulfillTaskRequest>): Members {
  return { ...held(message), action: toAction("promise.settle", settlement(message)) };
}

/** Whoever awaits is the task, so it is told once. */
export function suspension({ id, version, awaited }: Message<SuspendTaskRequest>): Members {
  const actions = awaited.map((each) => {
    return toAction("promise.register_callback", { awaited: each, awaiter: id });
  });
  return { ...held({ id, version }), actions };
}

export function fence({ id, version, action }: Message<FenceTaskRequest>): Members {
  switch (action.case) {
    case "create":
      return {
        ...held({ id, version }),
        action: toAction("promise.create", creation(action.value)),
      };
    case "settle":
      return {
        ...held({ id, version }),
        action: toAction("promise.settle", settlement(action.value)),
      };
    default:
      return held({ id, version });
  }
}

export function heartbeat({ pid, tasks }: Message<HeartbeatTasksRequest>): Members {
  return { pid, tasks: tasks.map(held) };
}

export function scheduleCreation(message: Message<CreateScheduleRequest>): Members {
  const { id, cron, promiseId, promiseTimeout, promiseParam, promiseTags } = message;
  const param = value(promiseParam);
  const timeout = exact(promiseTimeout);
  return { id, cron, promiseId, promiseTimeout: timeout, promiseParam: param, promiseTags };
}

export function promiseSearch(message: Message<SearchPromisesRequest>): Members {
  const { state, tags, idPrefix, limit, cursor } = message;
  return { state: promiseState(state), tags, idPrefix, limit, cursor };
}

export function taskSearch(message: Message<SearchTasksRequest>): Members {
  const { state, idPrefix, limit, cursor } = message;
  return { state: taskState(state), idPrefix, limit, cursor };
}

export function scheduleSearch(message: Message<SearchSchedulesRequest>): Members {
  const { tags, idPrefix, limit, cursor } = message;
  return { tags, idPrefix, limit, cursor };
}

function toAction(kind: string, data: Members): Members {
  return { kind, data };
}

/** G6. As a JSON number of this source. */
function exact(integer: bigint | undefined): JsonNumber | undefined {
  return integer === undefined ? undefined : new JsonNumber(`${integer}`);
}

/** G5. */
function value(sent: Value | undefined): Members | undefined {
  return sent && { headers: sent.headers?.entries, data: sent.data };
}

const promiseStates: Readonly<Record<PromiseState, string | undefined>> = {
  [PromiseState.UNSPECIFIED]: undefined,
  [PromiseState.PENDING]: "pending",
  [PromiseState.RESOLVED]: "resolved",
  [PromiseState.REJECTED]: "rejected",
  [PromiseState.REJECTED_CANCELED]: "rejected_canceled",
  [PromiseState.REJECTED_TIMEDOUT]: "rejected_timedout",
};

const taskStates: Readonly<Record<TaskState, string | undefined>> = {
  [TaskState.UNSPECIFIED]: undefined,
  [TaskState.PENDING]: "pending",
  [TaskState.ACQUIRED]: "acquired",
  [TaskState.SUSPENDED]: "suspended",
  [TaskState.HALTED]: "halted",
  [TaskState.FULFILLED]: "fulfilled",
};

/** A number may come that no name stands for: it is told on, as a state that there is not. */
function promiseState(state: PromiseState): string | undefined {
  return state in promiseStates ? promiseStates[state] : `${state}`;
}

function taskState(state: TaskState): string | undefined {
  return state in taskStates ? taskStates[state] : `${state}`;
}
