// A request of the simulation as a protobuf message, serialized as a client would and read back by the
// server's own decoder.

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { encodeCursor } from "../../api/cursor.ts";
import type { Decoded } from "../../api/decode.ts";
import {
  decodeComplete,
  decodeCreate,
  decodeRead,
  decodeSearch,
  toMap,
  toValue,
} from "../../api/rpc/messages.ts";
import type { Request } from "../../kernel/command.ts";
import {
  CancelPromiseRequestSchema,
  CreatePromiseRequestSchema,
  ReadPromiseRequestSchema,
  RejectPromiseRequestSchema,
  ResolvePromiseRequestSchema,
  SearchPromisesRequestSchema,
  SearchState,
} from "../../proto/gen/promise/promise_pb.ts";
import { isCarried, isCursor, isSayable } from "./sayable.ts";

const completions = {
  resolved: ResolvePromiseRequestSchema,
  rejected: RejectPromiseRequestSchema,
  canceled: CancelPromiseRequestSchema,
} as const;

const searchStates = {
  pending: SearchState.SEARCH_PENDING,
  resolved: SearchState.SEARCH_RESOLVED,
  rejected: SearchState.SEARCH_REJECTED,
} as const;

/** @returns null if it cannot be said over gRPC */
export function carriedByRpc(request: Request): Decoded<Request> | null {
  switch (request.kind) {
    case "create_promise": {
      if (request.isShared || !isSayable(request)) return null;
      const { id, timeoutAt: timeout, strict } = request;
      const [param, tags] = [toValue(request.param), toMap(request.tags)];
      const init = { id, idempotencyKey: request.key ?? "", strict, param, timeout, tags };
      return decodeCreate(carried(CreatePromiseRequestSchema, init));
    }
    case "settle_promise": {
      if (request.isShared || !isCarried(request.value)) return null;
      const { id, strict, outcome } = request;
      const init = { id, idempotencyKey: request.key ?? "", strict, value: toValue(request.value) };
      return decodeComplete(carried(completions[outcome], init), outcome);
    }
    case "get_promise":
      return decodeRead(carried(ReadPromiseRequestSchema, { id: request.id }));
    case "search_promises": {
      const { pattern: q, tags, limit, before } = request;
      if (before !== null && !isCursor(before)) return null;
      if (before !== null) {
        return decodeSearch(
          carried(SearchPromisesRequestSchema, { cursor: encodeCursor(request) }),
        );
      }
      const state = request.state === null ? SearchState.SEARCH_ALL : searchStates[request.state];
      return decodeSearch(
        carried(SearchPromisesRequestSchema, { q, state, limit, tags: toMap(tags) }),
      );
    }
    default:
      return null; // not part of this API
  }
}

function carried<Schema extends DescMessage>(
  schema: Schema,
  init: MessageInitShape<Schema>,
): MessageShape<Schema> {
  return fromBinary(schema, toBinary(schema, create(schema, init)));
}
