// What is served on the port of gRPC: the promise service, and the two services by which every client
// of gRPC asks whether it can be called, and what there is.

import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { Health as HealthService } from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../proto/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { PromiseService } from "../../proto/gen/promise/promise_pb.ts";
import { type HandlerOptions, rpcHandler } from "./handler.ts";
import { promiseService, type ServiceOptions } from "./service.ts";
import { Health } from "./standard/health.ts";
import { registerReflection } from "./standard/reflection.ts";

export type RpcAppOptions = ServiceOptions & Pick<HandlerOptions, "bodyLimit" | "corsOrigins">;

const services = [PromiseService, HealthService, ServerReflection, ServerReflectionAlpha];

/** Calls that stream what they ask: their requests take as long as the client wants. */
export const streamedPaths: ReadonlySet<string> = new Set(
  [ServerReflection, ServerReflectionAlpha].map(({ typeName, method }) => {
    return `/${typeName}/${method.serverReflectionInfo.name}`;
  }),
);

export class RpcApp {
  readonly serve: ReturnType<typeof rpcHandler>;
  readonly #health = new Health([PromiseService.typeName]);
  readonly #ending = new AbortController();

  constructor(options: RpcAppOptions) {
    const standard = (router: ConnectRouter) => {
      this.#health.register(router);
      registerReflection(router, services);
    };
    const routes = [promiseService(options), standard];
    this.serve = rpcHandler({ ...options, routes, ending: this.#ending.signal });
  }

  /** Until then health says that nothing is served. */
  begin(): void {
    this.#health.serve();
  }

  /** Health says so; what the gateway still takes is still answered. */
  pause(): void {
    this.#health.pause();
  }

  /** Ends the calls that would never end by themselves: those that stream. */
  end(): void {
    this.#health.close();
    this.#ending.abort(new ConnectError("the server is shutting down", Code.Unavailable));
  }
}
