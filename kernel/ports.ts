// The border. This is all that the kernel may ask of the outside and all that it may be told; aio/
// implements it over real stores, dst/ over a simulated one, and neither knows the other.

import type { Worker } from "./address.ts";
import type { Command, Failure, Response } from "./command.ts";
import type { CommandId, DeadlineMs, InstantMs, PromiseId, ScheduleId } from "./ids.ts";
import type { Listed, ListQuery } from "./list.ts";
import type { Message } from "./message.ts";
import type { Read } from "./read.ts";
import type { Found, LogPage, LogRange, PromiseQuery } from "./search.ts";
import type { Component, Stream, StreamKey } from "./stream.ts";
import type { WaitingPage, WaitingQuery } from "./waiting.ts";

export type Submission =
  /** Read these streams, those that do not exist included, all at one moment. */
  | { readonly kind: "load"; readonly keys: readonly StreamKey[] }
  /** Write these components, in one transaction with one sync to disk. */
  | { readonly kind: "commit"; readonly components: readonly Component[] }
  | { readonly kind: "query"; readonly query: PromiseQuery }
  /** A page for each, all at one moment. */
  | { readonly kind: "list"; readonly queries: readonly ListQuery[] }
  /** Read these ranges of the log, all at one moment. */
  | { readonly kind: "log"; readonly ranges: readonly LogRange[] }
  /** Hand a message over; its completion may take minutes, and is waited for by nobody. */
  | { readonly kind: "send"; readonly message: Message }
  /** What waits for a receiver that has come. */
  | { readonly kind: "waiting"; readonly query: WaitingQuery }
  /** Claim the streams that are due, for a while (design.md, "More than one server"). */
  | { readonly kind: "due"; readonly now: InstantMs; readonly bounds: DueBounds };

/** Whichever is reached first, but never before the first stream. */
export type DueBounds = { readonly limit: number; readonly weightMax: number };

/** A stream under its key, or the news that its record cannot be read. */
export type Loaded =
  | { readonly kind: "stream"; readonly stream: Stream }
  | { readonly kind: "unreadable"; readonly key: StreamKey };

export type Due = {
  readonly streams: readonly Stream[];
  /** When to ask again if nothing is written in between; null: never. */
  readonly nextAt: DeadlineMs | null;
};

/** Only a failed commit may be `outcome_unknown`; all others are known to have had no effect. */
export type StoreFailure = Exclude<Failure, "queue_full">;

export type Completion =
  /** In the order of the keys. */
  | { readonly kind: "loaded"; readonly streams: readonly Loaded[] }
  /** All is durable but these components, by index, some stream of which had moved. */
  | { readonly kind: "committed"; readonly conflicts: readonly number[] }
  | { readonly kind: "found"; readonly found: Found }
  /** In the order of the queries. */
  | { readonly kind: "listed"; readonly pages: readonly Listed[] }
  /** In the order of the ranges. */
  | { readonly kind: "logged"; readonly pages: readonly LogPage[] }
  | { readonly kind: "due"; readonly due: Due }
  | { readonly kind: "waiting"; readonly page: WaitingPage }
  | { readonly kind: "sent"; readonly delivery: Delivery }
  | { readonly kind: "failed"; readonly failure: StoreFailure };

/** A submission in its queue, and the completion that carries the same ticket back. */
export type Sqe = { readonly ticket: number; readonly submission: Submission };
export type Cqe = { readonly ticket: number; readonly completion: Completion };

export interface Aio {
  /**
   * Never blocks and never answers from within the call.
   *
   * @returns false if its queue is full; then nothing has happened and no completion will come
   */
  enqueue(sqe: Sqe): boolean;
  /** Takes out what has completed since the last call. */
  drain(): readonly Cqe[];
}

/** A cron expression in the dialect of protocol.md §6, and the time zone it is read in, by IANA name. */
export type CronRule = { readonly expression: string; readonly zone: string };

export type CronNext =
  | { readonly kind: "occurs"; readonly at: InstantMs }
  /** At no instant that our clock can show. */
  | { readonly kind: "never" }
  /** No such expression, or no such zone. If neither is any good, it is the expression. */
  | { readonly kind: "invalid"; readonly part: "expression" | "zone" };

export interface Cron {
  /**
   * The first whole second strictly after `after` at which the rule occurs, however far off that is.
   * Pure: the same question has the same answer, on every node that knows the same time zones. Works
   * for every instant, up to 2^53 - 1. Whether a rule is valid does not depend on `after`, so who
   * wants to know only that asks with 0.
   */
  next(rule: CronRule, after: InstantMs): CronNext;
}

/** What happened in a tick: feeds logs, metrics and the trace of a simulation. */
export type TraceRecord =
  /** Each once, when the kernel takes it up for the first time. */
  | { readonly kind: "taken"; readonly requests: readonly (Command | Read)[] }
  /** Each once, when it leaves the kernel; null if nobody had asked. */
  | {
      readonly kind: "finished";
      readonly request: Command | Read;
      readonly response: Response | null;
    }
  /**
   * A batch has run on what one load brought. Its writing groups are the components of a commit, in
   * order; a null commit was refused, or has nothing to write. Submissions are named by ticket.
   */
  | {
      readonly kind: "executed";
      readonly load: number;
      readonly commit: number | null;
      readonly now: InstantMs;
      readonly writing: readonly { readonly executed: readonly Ran[] }[];
      readonly reading: readonly Ran[];
    }
  /** Commands that go back to step one, because another server was faster. */
  | { readonly kind: "conflicted"; readonly commands: readonly Command[] }
  | { readonly kind: "unreadable"; readonly key: StreamKey }
  | Notice;

/** What an operator should know. */
export type Notice =
  /** F8, of a schedule (schedule.ts). */
  | {
      readonly kind: "occurrence_skipped";
      readonly id: ScheduleId;
      readonly occurrenceAt: InstantMs;
    }
  /** F10. It is looked at again in a while. */
  | {
      readonly kind: "schedule_stuck";
      readonly id: ScheduleId;
      readonly part: "expression" | "zone";
    }
  /** G2, of a listener (listener.ts): it could not be told within the retention. */
  | {
      readonly kind: "listener_given_up";
      readonly id: PromiseId;
      readonly address: string;
      /** The last of them. */
      readonly failure: Extract<Delivery, { readonly kind: "failed" }>;
    };

/** A command as it has run, and what it would answer. */
export type Ran = {
  readonly entry: { readonly command: Command; readonly id: CommandId };
  readonly response: Response | null;
  readonly wrote: boolean;
};

export type Trace = (record: TraceRecord) => void;

/** What became of a message. Only `delivered` is certain: what failed may have arrived (§1.5). */
export type Delivery =
  | { readonly kind: "delivered" }
  | {
      readonly kind: "failed";
      readonly reason: DeliveryFailure;
      /** For the log: a status, an error code; may be empty. */
      readonly cause: string;
    };

export type DeliveryFailure =
  /** No worker is connected that may receive it and has room. Not sent. */
  | "no_receiver"
  /** The stream ended before the frame was written to it. */
  | "stream_lost"
  /** The target is not one that may be pushed to. Not sent. */
  | "not_permitted"
  /** Too much waits for this target, or for all of them. Not sent. */
  | "queue_full"
  /** No identity token could be had. Not sent. */
  | "no_token"
  /** No connection, or it broke before there was an answer. */
  | "unreachable"
  | "timed_out"
  /** Answered, but not with 2xx. */
  | "refused"
  /** The server is being stopped. */
  | "stopped";

/** The stream of one connected worker: the rim owns it, and aio hands messages to it. */
export interface WorkerStream {
  readonly worker: Worker;
  /** Whether the worker may be told of this promise (protocol.md §8). */
  mayReceive(subject: PromiseId): boolean;
  /**
   * Sends a message, JSON without a line break. `written` is called once, never from within the call:
   * true when the frame has been written to the socket, false if the stream ended before that.
   */
  write(message: string, written: (isWritten: boolean) => void): void;
}

/** Where the rim announces its streams. */
export interface Mailbox {
  /** @returns false if there are too many; then nothing has happened */
  connect(stream: WorkerStream): boolean;
  /** Nothing is written to the stream from here on. Once for each that was connected. */
  disconnect(stream: WorkerStream): void;
}

/** Where messages may be pushed to: asked when an address is accepted, and again when it is used. */
export interface PushPolicy {
  permits(url: string): boolean;
}
