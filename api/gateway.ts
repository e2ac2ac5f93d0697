// Where requests of one API enter the kernel, and where they leave. Each is a promise of JavaScript
// that the kernel's reply resolves; a client that goes away does not take its request with it.
//
//   Q1. What is accepted is answered, and counted until it is; what is not is refused at once.
//   Q2. Once closed, nothing is accepted. `drained` is when the last accepted request is answered.
//   Q3. What one client asks for at once is asked for in slices, so that it cannot fill the queue.

import { AssertionError, assert, unreachable } from "../kernel/assert.ts";
import type { Failure, Request, Response } from "../kernel/command.ts";
import type { Debug, DebugAnswer, DebugOrder } from "../kernel/debug.ts";
import type { InstantMs } from "../kernel/ids.ts";
import type { RimFailure } from "./status.ts";

/** The kernel, as the rim sees it. */
export interface Port {
  /**
   * @param at the instant at which it is to run; null or absent: now. Only where time can be driven
   * @returns false if nothing was accepted; then `reply` is never called
   */
  submit(request: Request, reply: (response: Response) => void, at?: InstantMs | null): boolean;
}

export type Answer =
  | Exclude<Response, { readonly kind: "failed" }>
  | { readonly kind: "failed"; readonly failure: Failure | RimFailure };

export type Asked = { readonly request: Request; readonly answer: Answer };

export type OrderAnswer = DebugAnswer | Extract<Answer, { readonly kind: "failed" }>;

export type Operation =
  | "read-promise"
  | "search-promises"
  | "create-promise"
  | "resolve-promise"
  | "reject-promise"
  | "cancel-promise"
  | "read-events"
  | "unknown";

/** Those that the original API can be given. */
export type PromiseAnswer = Extract<
  Answer,
  { readonly kind: "promise" | "promises" | "events" | "refused" | "failed" }
>;

export function ofPromises(answer: Answer): PromiseAnswer {
  switch (answer.kind) {
    case "promise":
    case "promises":
    case "events":
    case "refused":
    case "failed":
      return answer;
    case "task":
    case "schedule":
    case "promise_list":
    case "task_list":
    case "schedule_list":
    case "claim":
    case "done":
    case "not_suspended":
    case "fenced":
      throw new AssertionError(`the original API is answered with "${answer.kind}"`);
    default:
      return unreachable(answer);
  }
}

/** Arbitrary: much less than the queue takes, and enough to share a commit. */
const sliceMax = 100;

const overloaded = { kind: "failed", failure: "queue_full" } as const;
const shuttingDown = { kind: "failed", failure: "shutting_down" } as const;

export class Gateway {
  readonly #port: Port;
  readonly #debug: Debug | null;
  readonly #inFlight = new Map<Operation, number>();
  #count = 0;
  #isClosed = false;
  readonly #waiters: (() => void)[] = [];

  /** @param debug null: there is no debug surface, and time cannot be driven */
  constructor(port: Port, debug: Debug | null = null) {
    this.#port = port;
    this.#debug = debug;
  }

  get isDebugged(): boolean {
    return this.#debug !== null;
  }

  /** @param at the instant at which it is to run, by the debug surface; null: now */
  ask(request: Request, at: InstantMs | null = null): Promise<Answer> {
    return new Promise((resolve) => {
      if (this.#isClosed) {
        resolve(shuttingDown); // Q2
        return;
      }
      const operation = operationOf(request);
      const reply = (response: Response) => {
        this.#move(operation, -1); // Q1
        resolve(response);
      };
      const isAccepted = this.#port.submit(request, reply, at);
      if (isAccepted) this.#move(operation, 1);
      else resolve(overloaded);
    });
  }

  /** Q3. All of them, answered in their order. */
  async askAll(
    requests: readonly Request[],
    at: InstantMs | null = null,
  ): Promise<readonly Asked[]> {
    const asked: Asked[] = [];
    for (let start = 0; start < requests.length; start += sliceMax) {
      const slice = requests.slice(start, start + sliceMax);
      const answered = slice.map(async (request) => {
        return { request, answer: await this.ask(request, at) };
      });
      asked.push(...(await Promise.all(answered)));
    }
    return asked;
  }

  /** The same for the debug surface, which must be there. */
  order(order: DebugOrder, at: InstantMs | null): Promise<OrderAnswer> {
    const debug = this.#debug;
    assert(debug !== null, "an order without a debug surface");
    return new Promise((resolve) => {
      if (this.#isClosed) {
        resolve(shuttingDown); // Q2
        return;
      }
      const reply = (answer: DebugAnswer) => {
        this.#move("unknown", -1); // Q1
        resolve(answer);
      };
      if (debug.order(order, reply, at)) this.#move("unknown", 1);
      else resolve(overloaded);
    });
  }

  /** From here on requests are refused; those accepted before are still answered. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves once nothing is in flight. Means something only after `close`. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#count === 0) resolve();
      else this.#waiters.push(resolve);
    });
  }

  /** Requests accepted and not yet answered. */
  get inFlight(): number {
    return this.#count;
  }

  /** The same by operation; those that never had one are left out. */
  get inFlightByOperation(): ReadonlyMap<Operation, number> {
    return this.#inFlight;
  }

  #move(operation: Operation, step: 1 | -1): void {
    this.#count += step;
    this.#inFlight.set(operation, (this.#inFlight.get(operation) ?? 0) + step);
    assert(this.#count >= 0, "a request is answered before it was accepted");
    if (this.#count === 0) for (const resolve of this.#waiters.splice(0)) resolve();
  }
}

/** What metrics and logs call it. */
export function operationOf(request: Request): Operation {
  switch (request.kind) {
    case "get_promise":
      return "read-promise";
    case "search_promises":
      return "search-promises";
    case "create_promise":
      return "create-promise";
    case "settle_promise":
      return settleOperations[request.outcome];
    case "read_events":
      return "read-events";
    case "register_callback":
    case "register_listener":
    case "get_task":
    case "halt_task":
    case "continue_task":
    case "acquire_task":
    case "create_task":
    case "release_task":
    case "fulfill_task":
    case "suspend_task":
    case "fence_task":
    case "heartbeat_task":
    case "list_promises":
    case "list_tasks":
    case "list_schedules":
    case "create_schedule":
    case "get_schedule":
    case "delete_schedule":
      return "unknown"; // not asked for through the original API
    default:
      return unreachable(request);
  }
}

export const settleOperations = {
  resolved: "resolve-promise",
  rejected: "reject-promise",
  canceled: "cancel-promise",
} as const;
