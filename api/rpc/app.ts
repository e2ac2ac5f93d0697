// What is served on the port of gRPC: the promise service of the original API, the services of today's
// protocol, and the two by which every client of gRPC asks whether it can be called, and what there is.

import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { Health as HealthService } from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../proto/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { PromiseService } from "../../proto/gen/promise/promise_pb.ts";
import { Promises, Schedules, Tasks, Workers } from "../../proto/gen/resonate/v1/resonate_pb.ts";
import { openToAll } from "../auth/guard.ts";
import type { Gateway } from "../gateway.ts";
import type { StreamsOptions } from "../worker-streams.ts";
import { type HandlerOptions, rpcHandler } from "./handler.ts";
import { promiseService, type ServiceOptions } from "./service.ts";
import { Health } from "./standard/health.ts";
import { registerReflection } from "./standard/reflection.ts";
import { WorkerService } from "./v1/poll.ts";
import { protocolServices } from "./v1/service.ts";

export type RpcAppOptions = ServiceOptions &
  StreamsOptions &
  Pick<HandlerOptions, "bodyLimit" | "corsOrigins"> & {
    /** Where requests of the current protocol go. */
    readonly protocol: Gateway;
    /** Told what was thrown, and by which operation of the current protocol; must not throw. */
    readonly onFailure?: (error: unknown, kind: string) => void;
  };

const ours = [PromiseService, Promises, Tasks, Schedules, Workers];
const services = [...ours, HealthService, ServerReflection, ServerReflectionAlpha];

/** Calls that stream what they ask: their requests take as long as the client wants. */
export const streamedPaths: ReadonlySet<string> = new Set(
  [ServerReflection, ServerReflectionAlpha].map(({ typeName, method }) => {
    return `/${typeName}/${method.serverReflectionInfo.name}`;
  }),
);

export class RpcApp {
  readonly serve: ReturnType<typeof rpcHandler>;
  readonly #health = new Health(ours.map(({ typeName }) => typeName));
  readonly #workers: WorkerService;
  readonly #ending = new AbortController();

  constructor(options: RpcAppOptions) {
    const { protocol, guard = openToAll } = options;
    const workers = new WorkerService({ ...options, admit: guard.admitWorker });
    const standard = (router: ConnectRouter) => {
      this.#health.register(router);
      registerReflection(router, services);
    };
    const current = protocolServices({ ...options, guard, gateway: protocol });
    const polling = (router: ConnectRouter) => workers.register(router);
    const routes = [promiseService(options), current, polling, standard];
    this.#workers = workers;
    this.serve = rpcHandler({ ...options, routes, ending: this.#ending.signal });
  }

  /** Workers that are connected here, those that are leaving included. */
  get workerCount(): number {
    return this.#workers.streamCount;
  }

  /** Until then health says that nothing is served. */
  begin(): void {
    this.#health.serve();
  }

  /** Health says so, and workers are sent away; what the gateway still takes is still answered. */
  pause(): void {
    this.#health.pause();
    this.#workers.close();
  }

  /** Ends the calls that would never end by themselves: those that stream. */
  end(): void {
    this.#health.close();
    this.#ending.abort(new ConnectError("the server is shutting down", Code.Unavailable));
  }
}
