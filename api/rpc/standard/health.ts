// Whether the services of a server can be called now: grpc.health.v1. The owner of the server says
// so, and one status holds for all services. Nothing is probed here.
//
//   L1. Known are the server as a whole, whose name is empty, and the services given. No others.
//   L2. Nothing is served before `serve`, nor ever again after `close`.
//   L3. A watcher is told the status at once, and again whenever it differs from what that watcher
//       was told last. Nothing is kept for a slow one: it is told what holds when it reads.
//   L4. Only a watcher that waits for a change is known here, and it waits no longer than its call.
//   L5. `close` ends every watch with UNAVAILABLE, once it has told that nothing is served.

import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../../proto/gen/grpc/health/v1/health_pb.ts";

type Status = { readonly status: ServingStatus };

export class Health {
  readonly #services: ReadonlySet<string>;
  /** Each wakes one watcher, and forgets it. */
  readonly #waiters = new Set<() => void>();
  #isServing = false; // L2
  #isClosed = false;

  /** @param services their full names, as in `typeName`; the empty one need not be among them */
  constructor(services: readonly string[]) {
    this.#services = new Set(["", ...services]); // L1
  }

  register(router: ConnectRouter): void {
    router.service(HealthService, {
      check: ({ service }) => this.#check(service),
      watch: ({ service }, { signal }) => this.#watch(service, signal),
    });
  }

  /** From here on all services can be called. Means nothing after `close`. */
  serve(): void {
    this.#change(!this.#isClosed); // L2
  }

  /** From here on none can, until `serve`. */
  pause(): void {
    this.#change(false);
  }

  /** From here on none can, ever. Checks are still answered. */
  close(): void {
    this.#isClosed = true;
    this.#change(false);
  }

  /** Watchers that wait for a change. One that has not yet read the last is not counted. */
  get waitingCount(): number {
    return this.#waiters.size;
  }

  #change(isServing: boolean): void {
    this.#isServing = isServing;
    for (const wake of this.#waiters) wake();
  }

  #check(service: string): Status {
    const status = this.#statusOf(service);
    if (status !== ServingStatus.SERVICE_UNKNOWN) return { status };
    // The name is not repeated: gRPC sends a message as a header, and a long one breaks the call.
    const message = "no such service here. An empty name asks about the server as a whole";
    throw new ConnectError(message, Code.NotFound); // L1
  }

  async *#watch(service: string, signal: AbortSignal): AsyncGenerator<Status> {
    let told: ServingStatus | null = null;
    while (!signal.aborted) {
      const status = this.#statusOf(service);
      if (status !== told) {
        told = status;
        yield { status }; // L3
      } else if (this.#isClosed) {
        throw new ConnectError("the server is shutting down", Code.Unavailable); // L5
      } else {
        await this.#changed(signal);
      }
    }
    throw ConnectError.from(signal.reason, Code.Canceled); // says so if it was the deadline
  }

  #statusOf(service: string): ServingStatus {
    if (!this.#services.has(service)) return ServingStatus.SERVICE_UNKNOWN;
    return this.#isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  /** Resolves after the next change, or at the end of the call; the signal must not be aborted. */
  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiters.delete(wake); // L4
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}
