// `resonate.v1` over Connect, gRPC and gRPC-Web: the operations of the current protocol with messages
// in place of the envelope. Each is judged, decoded, asked and told as the envelope's is, and nothing
// else (protocol.md §1.1, §3).
//
//   G9.  A request is answered as `POST /` answers it: token, reach, rules, and what the kernel says; and
//        observed as it is, once.
//   G10. A call that ends early, by its client or its deadline, ends for the client only.
//   G11. Whatever is thrown here is answered with INTERNAL, and told, and ends nothing.

import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { Promises, Schedules, Tasks } from "../../../proto/gen/resonate/v1/resonate_pb.ts";
import type { Acceptance } from "../../acceptance.ts";
import type { Guard } from "../../auth/guard.ts";
import { coversOperation, withinReach } from "../../auth/reach.ts";
import type { Answer, Gateway } from "../../gateway.ts";
import { type Told, tell } from "../../protocol/answer.ts";
import { unknownEcho } from "../../protocol/envelope.ts";
import { decodeOperation } from "../../protocol/operations.ts";
import type { Members } from "../../protocol/reading.ts";
import { type RequestRecord, toTid } from "../../record.ts";
import { unlessAborted } from "../standard/abort.ts";
import {
  forbidden,
  internal,
  invalid,
  type Refused,
  refusalOf,
  toError,
  unauthenticated,
} from "./refusal.ts";
import * as reply from "./replies.ts";
import * as read from "./requests.ts";

export type ProtocolServiceOptions = {
  readonly gateway: Gateway;
  readonly guard: Guard;
  /** Absent: the usual. */
  readonly acceptance?: Acceptance;
  readonly observe: (record: RequestRecord) => void;
  /** For requests that bring no id. */
  readonly newRequestId: () => string;
  /** Told what was thrown, and by which operation; must not throw. */
  readonly onFailure?: (error: unknown, kind: string) => void;
};

/** @param status below 400 */
type Encode<Reply> = (shown: reply.Shown, status: number) => Reply;

type Refusal = { readonly kind: "refused"; readonly refused: Refused };
type Done<Reply> = { readonly kind: "done"; readonly reply: Reply; readonly status: number };
type Result<Reply> = Done<Reply> | Refusal;

export function protocolServices(options: ProtocolServiceOptions): (router: ConnectRouter) => void {
  const rim = new Rim(options);
  return (router) => {
    registerPromises(router, rim);
    registerTasks(router, rim);
    registerSchedules(router, rim);
  };
}

function registerPromises(router: ConnectRouter, rim: Rim): void {
  const call = rim.method.bind(rim);
  router.service(Promises, {
    getPromise: call("promise.get", read.named, reply.onePromise),
    createPromise: call("promise.create", read.creation, reply.onePromise),
    settlePromise: call("promise.settle", read.settlement, reply.onePromise),
    registerCallback: call("promise.register_callback", read.waiting, reply.onePromise),
    registerListener: call("promise.register_listener", read.listening, reply.onePromise),
    searchPromises: call("promise.search", read.promiseSearch, reply.pageOfPromises),
  });
}

function registerTasks(router: ConnectRouter, rim: Rim): void {
  const call = rim.method.bind(rim);
  router.service(Tasks, {
    getTask: call("task.get", read.named, reply.oneTask),
    createTask: call("task.create", read.taskCreation, reply.claim),
    acquireTask: call("task.acquire", read.acquisition, reply.claim),
    releaseTask: call("task.release", read.held, reply.nothing),
    fulfillTask: call("task.fulfill", read.fulfilment, reply.onePromise),
    suspendTask: call("task.suspend", read.suspension, reply.suspended),
    fenceTask: call("task.fence", read.fence, reply.fenced),
    heartbeatTasks: call("task.heartbeat", read.heartbeat, reply.nothing),
    haltTask: call("task.halt", read.named, reply.nothing),
    continueTask: call("task.continue", read.named, reply.nothing),
    searchTasks: call("task.search", read.taskSearch, reply.pageOfTasks),
  });
}

function registerSchedules(router: ConnectRouter, rim: Rim): void {
  const call = rim.method.bind(rim);
  router.service(Schedules, {
    getSchedule: call("schedule.get", read.named, reply.oneSchedule),
    createSchedule: call("schedule.create", read.scheduleCreation, reply.oneSchedule),
    deleteSchedule: call("schedule.delete", read.named, reply.nothing),
    searchSchedules: call("schedule.search", read.scheduleSearch, reply.pageOfSchedules),
  });
}

class Rim {
  readonly #options: ProtocolServiceOptions;

  constructor(options: ProtocolServiceOptions) {
    this.#options = options;
  }

  /** @throws ConnectError, which is how a call is refused */
  method<Message, Reply>(
    kind: string,
    decode: (message: Message) => Members,
    encode: Encode<Reply>,
  ) {
    return (message: Message, { requestHeader, signal }: HandlerContext): Promise<Reply> => {
      const authorization = requestHeader.get("authorization");
      const requestId = requestHeader.get("request-id") || this.#options.newRequestId();
      const asked = { kind, read: () => decode(message), authorization, requestId };
      return unlessAborted(this.#answer(asked, encode), signal); // G10
    };
  }

  async #answer<Reply>(asked: Asked, encode: Encode<Reply>): Promise<Reply> {
    const startedAt = performance.now();
    const { onFailure, observe } = this.#options;
    const { kind: operation, requestId } = asked;
    const result = await this.#result(asked, encode).catch((error: unknown): Refusal => {
      onFailure?.(error, operation);
      return { kind: "refused", refused: internal }; // G11
    });
    const { status: code } = result.kind === "done" ? result : result.refused;
    const [tid, ms] = [toTid(requestId), performance.now() - startedAt];
    observe({ api: "grpc", operation, tid, code, ms, error: null });
    if (result.kind === "refused") throw toError(result.refused);
    return result.reply;
  }

  /** G9. */
  async #result<Reply>(asked: Asked, encode: Encode<Reply>): Promise<Result<Reply>> {
    const { guard, gateway, acceptance } = this.#options;
    const { kind, authorization } = asked;
    const grant = await guard.admit(null, authorization);
    if (grant === null) return { kind: "refused", refused: unauthenticated };
    const data = asked.read();
    if (!coversOperation(grant, kind, data)) return { kind: "refused", refused: forbidden };
    const decoded = decodeOperation(kind, data, acceptance);
    if (decoded.kind === "refused") return { kind: "refused", refused: invalid(decoded.reason) };
    const all = (await gateway.askAll(decoded.requests)).map((each) => {
      const answer = withinReach(grant, each.answer);
      return { answer, told: tell(each.request, answer, { kind, corrId: unknownEcho.corrId }) };
    });
    const { answer, told } = all.length === 0 ? nothingAsked : all.reduce(worse);
    if (told.status >= 400) return { kind: "refused", refused: refusalOf(answer, told) };
    // As told to the envelope's clients; each operation's encoder takes what its answer has.
    const { status } = told;
    return { kind: "done", reply: encode(told.data as reply.Shown, status), status };
  }
}

type Asked = {
  readonly kind: string;
  readonly read: () => Members;
  /** The metadata of that name, as it came. */
  readonly authorization: string | null;
  readonly requestId: string;
};

type Answered = { readonly answer: Answer; readonly told: Told };

/** A heartbeat for no task is fine. */
const nothingAsked: Answered = { answer: { kind: "done" }, told: { status: 200, data: {} } };

/** Of a heartbeat's several answers the worst counts, and of equals the first (V13). */
function worse(worst: Answered, each: Answered): Answered {
  return each.told.status > worst.told.status ? each : worst;
}
