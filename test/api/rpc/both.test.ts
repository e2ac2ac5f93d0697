// Both APIs act on the same promises and answer alike: every error outcome that both can have, from the
// same kernel, as HTTP tells it and as gRPC does; then what one writes and the other reads, to the
// last byte and digit.

import { fc, test as property } from "@fast-check/vitest";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { usualAcceptance } from "../../../api/acceptance.ts";
import type { Guard } from "../../../api/auth/guard.ts";
import type { Port } from "../../../api/gateway.ts";
import { parseByReviver, printable } from "../../../api/int64.ts";
import { type ErrorOutcome, errorOutcomes, httpStatus, statuses } from "../../../api/status.ts";
import { failed, type Response, refused } from "../../../kernel/command.ts";
import { int64Max } from "../../../kernel/ids.ts";
import { InProcess } from "../../in-process.ts";
import { type Answered, bodyLimit, guards } from "../client.ts";
import {
  type Called,
  type Method,
  open,
  openForTest,
  type RpcResponse,
  type Stage,
  Switch,
} from "./client.ts";

const timeout = 5_000;

/** A kernel that answers one thing, whatever it is asked. */
function answering(response: Response): Port {
  return {
    submit: (_request, reply) => {
      setImmediate(() => reply(response));
      return true;
    },
  };
}

/** One request, as both APIs have it. */
type Scene = {
  readonly port?: () => Port;
  readonly guard?: Guard;
  readonly prepare?: (stage: Stage) => unknown;
  readonly http: (stage: Stage) => Promise<Answered>;
  readonly rpc: (stage: Stage) => Promise<Called>;
};

const reading: Scene = {
  http: ({ http }: Stage) => http.ask("GET", "/promises/p"),
  rpc: ({ rpc }: Stage) => rpc.call("ReadPromise", { id: "p" }),
};

const creating = {
  http: ({ http }: Stage) => http.ask("POST", "/promises/p/create", { body: { timeout } }),
  rpc: ({ rpc }: Stage) => rpc.call("CreatePromise", { id: "p", timeout }),
};

const completing = {
  http: ({ http }: Stage) => http.ask("POST", "/promises/p/resolve", { body: {} }),
  rpc: ({ rpc }: Stage) => rpc.call("ResolvePromise", { id: "p" }),
};

const failing = (response: Response): Scene => ({ port: () => answering(response), ...reading });

const completed = (verb: string): Scene => ({
  prepare: async ({ http }) => {
    await http.ask("POST", "/promises/p/create", { body: { timeout } });
    expect((await http.ask("POST", `/promises/p/${verb}`, { body: {} })).status).toBe(201);
  },
  ...completing,
});

/** Null: gRPC has no code for the outcome. */
const scenes: Readonly<Record<ErrorOutcome, Scene | null>> = {
  invalid_request: {
    http: ({ http }) => {
      const tags = { a: "\0" };
      return http.ask("POST", "/promises", { body: { id: "", timeout: -1, tags } });
    },
    rpc: ({ rpc }) => rpc.call("CreatePromise", { id: "", timeout: -1, tags: { a: "\0" } }),
  },
  unauthenticated: { guard: guards.unauthenticated, ...reading },
  promise_already_resolved: completed("resolve"),
  promise_already_rejected: completed("reject"),
  promise_already_canceled: completed("cancel"),
  promise_already_timedout: {
    prepare: ({ http }) => http.ask("POST", "/promises/p/create", { body: { timeout: 0 } }),
    ...completing,
  },
  forbidden: { guard: guards.forbidden, ...reading },
  promise_not_found: reading,
  route_not_found: {
    http: ({ http }) => http.ask("GET", "/tasks"),
    rpc: ({ rpc }) => rpc.call("ReadPromise", { id: "p" }, { path: "/promise.Promises/Read" }),
  },
  method_not_allowed: null,
  promise_already_exists: { prepare: creating.http, ...creating },
  body_too_large: {
    http: ({ http }) => http.ask("POST", "/promises", { body: " ".repeat(bodyLimit + 1) }),
    rpc: ({ rpc }) => rpc.call("ReadPromise", { id: " ".repeat(bodyLimit + 1) }),
  },
  internal: failing(refused("awaiter_not_found")),
  store_failed: failing(failed("store_failed")),
  outcome_unknown: failing(failed("outcome_unknown")),
  record_unreadable: failing(failed("record_unreadable")),
  shutting_down: { prepare: ({ http }) => http.gateway.close(), ...reading },
  queue_full: { port: () => ({ submit: () => false }), ...reading },
  store_overloaded: failing(failed("store_overloaded")),
};

/** They are the transport's own: code and message only. */
const bare: readonly ErrorOutcome[] = ["route_not_found", "body_too_large"];

describe("both APIs tell an outcome alike", () => {
  test.each(errorOutcomes.filter((outcome) => scenes[outcome] !== null))("%s", async (outcome) => {
    const { port = () => new InProcess(), guard, prepare, http, rpc } = scenes[outcome] ?? reading;
    const stage = await openForTest(port(), [], guard && { guard });
    await prepare?.(stage);
    const [answer, called] = [await http(stage), await rpc(stage)];
    const { code, grpc, reason, message } = statuses[outcome];
    expect(answer).toMatchObject({ status: httpStatus(outcome), code });
    expect(called.response).toBe(null);
    expect(called.code).toBe(grpc);
    expect(stage.records.map((record) => record.code)).toEqual([code]);
    if (bare.includes(outcome)) {
      expect(called.message).not.toBe("");
      expect(called.info).toBe(null);
      return;
    }
    const retryAfter = answer.headers.get("retry-after");
    expect(called.message).toBe(message);
    expect(called.info).toMatchObject({ reason, domain: "resonate" });
    expect({ ...called.info?.metadata }).toEqual({
      code: `${code}`,
      envelope: answer.text,
      ...(retryAfter !== null && { retryAfter }),
    });
  });

  test("and no outcome is left out but that of methods", () => {
    const missing = errorOutcomes.filter((outcome) => scenes[outcome] === null);
    expect(missing).toEqual(["method_not_allowed"]);
  });

  test("and to come back later is asked for by both, or by neither", async () => {
    const asking = errorOutcomes.filter((outcome) => statuses[outcome].retryAfter !== undefined);
    expect(asking).toEqual(["queue_full", "store_overloaded"]);
    const stage = await openForTest({ submit: () => false });
    const { info } = await stage.rpc.call("ReadPromise", { id: "p" });
    expect(info?.metadata).toMatchObject({ retryAfter: "1" });
  });
});

const words = fc.string({ unit: "binary", maxLength: 8 }).filter((word) => !word.includes("\0"));
const odd = fc.constantFrom("__proto__", "constructor", "2", "01", "", "é", "\u{1f600}", "a\u0301");
const pairs = fc
  .array(fc.tuple(fc.oneof(words, odd), words), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries));
const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const payloads = fc.record({
  headers: pairs,
  data: fc.oneof(fc.constant(Buffer.of()), fc.uint8Array({ maxLength: 64 }).map(Buffer.from)),
});
const deadlines = fc.oneof(
  fc.constantFrom(2n ** 53n + 1n, int64Max, 2n ** 53n, 2_000n),
  fc.bigInt({ min: 2_000n, max: int64Max }),
);

type Payload = { readonly headers: Record<string, string>; readonly data: Buffer };
type Birth = {
  readonly deadline: bigint;
  readonly param: Payload;
  readonly value: Payload;
  readonly tags: Record<string, string>;
};

const births: fc.Arbitrary<Birth> = fc.record({
  deadline: deadlines,
  param: payloads,
  value: payloads,
  tags: pairs,
});
const allBytes = { headers: { ["__proto__"]: "1", "2": "é" }, data: Buffer.from(all) };
const extremes: Birth[] = [2n ** 53n + 1n, int64Max].map((deadline) => {
  return { deadline, param: allBytes, value: allBytes, tags: allBytes.headers };
});

const server = new Switch(new InProcess());
let shared: Stage;

beforeAll(async () => {
  shared = await open(server);
});
afterAll(() => shared.close());

const inJson = ({ headers, data }: Payload) => ({ headers, data: data.toString("base64") });

/** As HTTP shows it: what is empty is left out. */
const shown = ({ headers, data }: Payload) => ({
  ...(Object.keys(headers).length > 0 && { headers }),
  ...(data.length > 0 && { data: data.toString("base64") }),
});

async function createOverHttp({ deadline, param, tags }: Birth): Promise<void> {
  const body = JSON.stringify({ timeout: printable(deadline), param: inJson(param), tags });
  const { status, text } = await shared.http.ask("POST", "/promises/p/create", { body });
  expect(status, text).toBe(201);
}

async function callWell(method: Method, message: object): Promise<RpcResponse> {
  const { code, message: said, response } = await shared.rpc.call(method, message);
  expect(code, said).toBe(status.OK);
  return response ?? {};
}

const createOverRpc = ({ deadline, param, tags }: Birth): Promise<RpcResponse> => {
  return callWell("CreatePromise", { id: "p", timeout: `${deadline}`, param, tags });
};

/** What every way to ask shows of the settled promise. */
async function expectBoth({ deadline, param, value, tags }: Birth): Promise<void> {
  const { text } = await shared.http.ask("GET", "/promises/p");
  const json = parseByReviver(text, "timeout");
  expect(json).toMatchObject({
    timeout: { source: `${deadline}` },
    param: shown(param),
    value: shown(value),
  });
  expect((json as { readonly tags?: object }).tags ?? {}).toEqual(tags); // described so
  const read = await callWell("ReadPromise", { id: "p" });
  const found = await callWell("SearchPromises", {});
  for (const promise of [read.promise, found.promises?.[0]]) {
    expect(promise).toMatchObject({ state: "RESOLVED", timeout: `${deadline}` });
    expect(Object.entries(promise?.tags ?? {}).sort()).toEqual(Object.entries(tags).sort());
    for (const [told, sent] of [
      [promise?.param, param],
      [promise?.value, value],
    ] as const) {
      expect(told?.data).toEqual(sent.data);
      expect(Object.entries(told?.headers ?? {}).sort()).toEqual(
        Object.entries(sent.headers).sort(),
      );
    }
  }
}

const runs = { numRuns: 50, examples: extremes.map((birth): [Birth] => [birth]) };

property.prop([births], runs)(
  "what is created over HTTP and resolved over gRPC is what both show",
  async (birth) => {
    server.port = new InProcess();
    await createOverHttp(birth);
    const { noop, promise } = await callWell("ResolvePromise", { id: "p", value: birth.value });
    expect(noop).toBe(false);
    expect(promise?.value?.data).toEqual(birth.value.data);
    await expectBoth(birth);
  },
);

property.prop([births], runs)(
  "what is created over gRPC and resolved over HTTP is what both show",
  async (birth) => {
    server.port = new InProcess();
    const { noop, promise } = await createOverRpc(birth);
    expect(noop).toBe(false);
    expect(promise).toMatchObject({ param: { data: birth.param.data }, value: { headers: {} } });
    expect(promise?.value?.data).toEqual(Buffer.of());
    const body = { value: inJson(birth.value) };
    expect((await shared.http.ask("POST", "/promises/p/resolve", { body })).status).toBe(201);
    await expectBoth(birth);
  },
);

test("one key is one string over both: a repeat is known, whichever way it comes", async () => {
  server.port = new InProcess();
  const key = "é \u{1f600}";
  const headers = { "idempotency-key": Buffer.from(key).toString("latin1") };
  const body = { timeout };
  const born = await shared.http.ask("POST", "/promises/p/create", { headers, body });
  expect(born.status).toBe(201);
  const message = { id: "p", timeout, idempotencyKey: key, strict: true };
  const repeated = await callWell("CreatePromise", message);
  expect(repeated).toMatchObject({ noop: true, promise: { idempotencyKeyForCreate: key } });
  const end = { id: "p", idempotencyKey: key };
  expect(await callWell("RejectPromise", end)).toMatchObject({ noop: false });
  const again = await shared.http.ask("POST", "/promises/p/reject", { headers, body: {} });
  expect(again.status).toBe(200);
});

test("what a server may not accept is refused by both", async () => {
  const acceptance = { ...usualAcceptance, isStrict: true };
  const { http, rpc } = await openForTest(new InProcess(), [], { acceptance });
  const tags = { "resonate:target": "poll://any@g", "resonate:timer": "true" };
  const answer = await http.ask("POST", "/promises/p/create", { body: { timeout, tags } });
  const called = await rpc.call("CreatePromise", { id: "p", timeout, tags });
  expect([answer.code, called.code]).toEqual([4000, statuses.invalid_request.grpc]);
  expect(called.info?.metadata["envelope"]).toBe(answer.text);
  expect(answer.details).toEqual(["resonate:timer and resonate:target must not be combined"]);
});
