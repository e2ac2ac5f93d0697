// One command at work: the working set it runs over, who it is and when, the rules, and the messages
// that leave if its commit lands. What several commands do to a stream stands here, once.
//
//   E1. A refusal changes nothing, save for the timeout that it may have come upon: that fact stays.
//   E3. A task gets and loses its clock with the event that moves it.
//   E4. A message is caused by a dispatch or a telling, and leaves only with the commit.

import { assert } from "./assert.ts";
import type { Response } from "./command.ts";
import { refused } from "./command.ts";
import type { Event, PromiseSettled } from "./event.ts";
import type { CommandId, InstantMs, PromiseId, ScheduleId } from "./ids.ts";
import type { Message } from "./message.ts";
import type { Cron, Notice } from "./ports.ts";
import { type PendingPromise, type PromiseEvent, timeout } from "./promise.ts";
import type { Rules } from "./rules.ts";
import type { ScheduleEvent, ScheduleState } from "./schedule.ts";
import { type PromiseStream, promiseKey, scheduleKey } from "./stream.ts";
import { type Dispatch, dispatch, noTimers, type Timers } from "./timers.ts";
import type { WorkingSet } from "./working-set.ts";

export type TurnOptions = {
  readonly set: WorkingSet;
  readonly command: CommandId;
  readonly now: InstantMs;
  readonly rules: Rules;
  readonly cron: Cron;
};

type At = { readonly now: InstantMs; readonly retryMs: number };

export class Turn {
  readonly now: InstantMs;
  readonly rules: Rules;
  readonly cron: Cron;
  readonly messages: Message[] = [];
  /** What an operator should know, once it has landed. */
  readonly notices: Notice[] = [];
  readonly #set: WorkingSet;
  readonly #command: CommandId;

  constructor({ set, command, now, rules, cron }: TurnOptions) {
    this.#set = set;
    this.#command = command;
    this.now = now;
    this.rules = rules;
    this.cron = cron;
  }

  state(id: PromiseId): PromiseStream {
    return this.#set.state(promiseKey(id));
  }

  timers(id: PromiseId): Timers {
    return this.#set.timers(promiseKey(id));
  }

  setTimers(id: PromiseId, timers: Timers): void {
    this.#set.setTimers(promiseKey(id), timers);
  }

  append(id: PromiseId, event: Event): void {
    this.#set.append(promiseKey(id), event, { command: this.#command, now: this.now });
  }

  schedule(id: ScheduleId): ScheduleState {
    return this.#set.schedule(scheduleKey(id));
  }

  appendToSchedule(id: ScheduleId, event: ScheduleEvent): void {
    this.#set.append(scheduleKey(id), event, { command: this.#command, now: this.now });
  }

  /** E1. Settles a promise whose deadline has passed (promise.ts, P2). */
  touch(id: PromiseId): void {
    const settled = timeout(this.state(id).promise, this.now);
    if (settled !== null) this.settle(id, settled);
  }

  /** E3. */
  settle(id: PromiseId, event: PromiseSettled): void {
    this.append(id, event);
    if (this.timers(id).clockAt !== null) this.setTimers(id, noTimers);
  }

  /** What a decision about the promise has led to. */
  applyAll(id: PromiseId, events: readonly PromiseEvent[]): void {
    for (const event of events) {
      if (event.kind === "promise_settled") this.settle(id, event);
      else this.append(id, event);
    }
  }

  /** Offers a task that is pending from now on (E3, E4), unless `how` says to wait. */
  offer(
    id: PromiseId,
    how: (timers: Timers, promise: PendingPromise, at: At) => Dispatch = dispatch,
  ): void {
    const { promise, task } = this.state(id);
    assert(promise.kind === "pending", "a task is offered whose promise is settled");
    assert(task.kind === "pending", "a task is offered that is not pending");
    const at = { now: this.now, retryMs: this.rules.retryMs };
    const { timers, isOffered } = how(this.timers(id), promise, at);
    this.setTimers(id, timers);
    const to = promise.tags.get("resonate:target");
    assert(to !== undefined, "a task without a target");
    if (isOffered) this.messages.push({ kind: "execute", to, id, version: task.version });
  }

  /** A promise as an answer. */
  show(id: PromiseId, changed: boolean): Response {
    const { promise } = this.state(id);
    if (promise.kind === "absent") return refused("promise_not_found");
    return { kind: "promise", id, promise, changed };
  }
}
