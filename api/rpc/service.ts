// The promise service over Connect, gRPC and gRPC-Web: decode, submit, encode, and nothing else
// (promise-api.md §5).
//
//   S1. A call that ends early, by its client or its deadline, ends for the client only: the request
//       may still take effect, and is observed once it is answered.
//   S2. Whatever is thrown here is answered with INTERNAL/5000 and ends nothing.
//   S3. Every request that is read here is observed, once.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { type ConnectRouter, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { assert, unreachable } from "../../kernel/assert.ts";
import type { SettlePromise } from "../../kernel/command.ts";
import {
  type CreatePromiseRequest,
  type PromiseSchema,
  PromiseService,
  type ReadPromiseRequest,
  type SearchPromisesRequest,
  type SearchPromisesResponseSchema,
} from "../../proto/gen/promise/promise_pb.ts";
import type { Acceptance } from "../acceptance.ts";
import { type Guard, openToAll } from "../auth/guard.ts";
import { coversRequest, type OriginalRequest } from "../auth/reach.ts";
import type { Decoded } from "../decode.ts";
import {
  type Gateway,
  type Operation,
  ofPromises,
  type PromiseAnswer,
  settleOperations,
} from "../gateway.ts";
import { type RequestRecord, toTid } from "../record.ts";
import { type ErrorOutcome, promiseRefusal, statuses } from "../status.ts";
import { rpcError } from "./errors.ts";
import {
  type CompleteRequest,
  decodeComplete,
  decodeCreate,
  decodeRead,
  decodeSearch,
  encodePage,
  encodePromise,
} from "./messages.ts";
import { unlessAborted } from "./standard/abort.ts";

/** Whether a call's message has come here; what goes wrong before is the transport's to tell. */
export const isRead = createContextKey(false, { description: "isRead" });

export type ServiceOptions = {
  readonly gateway: Gateway;
  /** Called as each request is answered; must not throw. */
  readonly observe: (record: RequestRecord) => void;
  /** For requests that bring no id. */
  readonly newRequestId: () => string;
  /** Absent: everybody may do everything. */
  readonly guard?: Guard;
  /** Absent: the usual. */
  readonly acceptance?: Acceptance;
};

/** A create, a cancel, a resolve and a reject are answered alike. */
type Written = Read & { readonly noop: boolean };
type Read = { readonly promise: MessageInitShape<typeof PromiseSchema> };
type Searched = MessageInitShape<typeof SearchPromisesResponseSchema>;

type Call<Asked extends OriginalRequest, Reply> = {
  readonly context: HandlerContext;
  readonly operation: Operation;
  readonly requestId: string;
  readonly decode: () => Decoded<Asked>;
  readonly encode: (answer: Success, request: Asked) => Reply;
};

/** What is answered to a request that succeeds. */
type Success = Exclude<PromiseAnswer, { readonly kind: "refused" | "failed" }>;

export function promiseService(options: ServiceOptions): (router: ConnectRouter) => void {
  const rim = new Rim(options);
  return (router) => {
    router.service(PromiseService, {
      readPromise: (message, context) => rim.read(message, context),
      searchPromises: (message, context) => rim.search(message, context),
      createPromise: (message, context) => rim.create(message, context),
      cancelPromise: (message, context) => rim.complete(message, context, "canceled"),
      resolvePromise: (message, context) => rim.complete(message, context, "resolved"),
      rejectPromise: (message, context) => rim.complete(message, context, "rejected"),
    });
  };
}

class Rim {
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  read(message: ReadPromiseRequest, context: HandlerContext): Promise<Read> {
    return this.#serve({
      ...{ context, operation: "read-promise", requestId: message.requestId },
      decode: () => decodeRead(message),
      encode: (answer) => ({ promise: written(answer).promise }),
    });
  }

  search(message: SearchPromisesRequest, context: HandlerContext): Promise<Searched> {
    return this.#serve({
      ...{ context, operation: "search-promises", requestId: message.requestId },
      decode: () => decodeSearch(message),
      encode: (answer, request) => {
        assert(answer.kind === "promises", "a search is answered with something else");
        return encodePage(answer.page, request);
      },
    });
  }

  create(message: CreatePromiseRequest, context: HandlerContext): Promise<Written> {
    return this.#serve({
      ...{ context, operation: "create-promise", requestId: message.requestId },
      decode: () => decodeCreate(message, this.#options.acceptance),
      encode: written,
    });
  }

  complete(
    message: CompleteRequest,
    context: HandlerContext,
    outcome: SettlePromise["outcome"],
  ): Promise<Written> {
    return this.#serve({
      ...{ context, operation: settleOperations[outcome], requestId: message.requestId },
      decode: () => decodeComplete(message, outcome),
      encode: written,
    });
  }

  async #serve<Asked extends OriginalRequest, Reply>(call: Call<Asked, Reply>): Promise<Reply> {
    call.context.values.set(isRead, true);
    return await unlessAborted(this.#answer(call), call.context.signal); // S1
  }

  /** @throws ConnectError, which is how a call is refused */
  async #answer<Asked extends OriginalRequest, Reply>(call: Call<Asked, Reply>): Promise<Reply> {
    const startedAt = performance.now();
    const result = await this.#result(call).catch((error: unknown): Refused => {
      return { kind: "refused", outcome: "internal", details: [], error }; // S2
    });
    const { newRequestId, observe } = this.#options;
    const error = result.kind === "refused" ? result.error : null;
    const ms = performance.now() - startedAt;
    const tid = toTid(call.requestId || newRequestId());
    const { code } = statuses[result.outcome];
    observe({ api: "grpc", operation: call.operation, tid, code, ms, error }); // S3
    if (result.kind === "refused") throw rpcError(result.outcome, result.details);
    return result.reply;
  }

  async #result<Asked extends OriginalRequest, Reply>({
    context,
    decode,
    encode,
  }: Call<Asked, Reply>): Promise<Result<Reply>> {
    const { gateway, guard = openToAll } = this.#options;
    const grant = await guard.admit(null, context.requestHeader.get("authorization"));
    if (grant === null) return refused("unauthenticated");
    const decoded = decode();
    if (decoded.kind === "invalid") return refused("invalid_request", decoded.details);
    const { request } = decoded;
    if (!coversRequest(grant, request)) return refused("forbidden");
    const answer = ofPromises(await gateway.ask(request));
    switch (answer.kind) {
      case "refused":
        return refused(promiseRefusal(answer.refusal));
      case "failed":
        return refused(answer.failure);
      case "promise": {
        const outcome = answer.changed ? "changed" : "unchanged";
        return { kind: "done", outcome, reply: encode(answer, request) };
      }
      case "promises":
      case "events":
        return { kind: "done", outcome: "unchanged", reply: encode(answer, request) };
      default:
        return unreachable(answer);
    }
  }
}

type Refused = {
  readonly kind: "refused";
  readonly outcome: ErrorOutcome;
  /** Of an invalid request. */
  readonly details: readonly string[];
  /** What was thrown; null: nothing. */
  readonly error: unknown;
};
type Result<Reply> =
  | { readonly kind: "done"; readonly outcome: "changed" | "unchanged"; readonly reply: Reply }
  | Refused;

function refused(outcome: ErrorOutcome, details: readonly string[] = []): Refused {
  return { kind: "refused", outcome, details, error: null };
}

function written(answer: Success): Written {
  assert(answer.kind === "promise", "a promise is asked for and something else is answered");
  return { noop: !answer.changed, promise: encodePromise(answer.id, answer.promise) };
}
