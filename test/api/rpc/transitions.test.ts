// promise-api.md §4.2, cell by cell, over gRPC: the cases are those of HTTP, `noop` tells a repeat from
// a change, and a refusal has the code of gRPC and that of the table. Then what is written, whole.

import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { components } from "../../../api/answers.ts";
import { InProcess } from "../../in-process.ts";
import { conforms } from "../client.ts";
import { type Api, cases, type Operation, play, table, timeout } from "../transitions.ts";
import { type Method, open, type Stage, Switch } from "./client.ts";

const methods: Readonly<Record<Operation, Method>> = {
  create: "CreatePromise",
  resolve: "ResolvePromise",
  reject: "RejectPromise",
  cancel: "CancelPromise",
};

/** What HTTP says instead (promise-api.md §3.2). */
const httpStatuses: ReadonlyMap<number, number> = new Map([
  [status.PERMISSION_DENIED, 403],
  [status.NOT_FOUND, 404],
  [status.ALREADY_EXISTS, 409],
]);

const server = new Switch(new InProcess());
let stage: Stage;

beforeAll(async () => {
  stage = await open(server);
});
afterAll(() => stage.close());

const api: Api = {
  send: async ({ operation, key, strict, tags, data }) => {
    const rest =
      operation === "create" ? { timeout, tags } : { value: { data: Buffer.from(data, "base64") } };
    const message = { id: "p", idempotencyKey: key ?? "", strict, ...rest };
    const { code, info, response } = await stage.rpc.call(methods[operation], message);
    if (response !== null) {
      return { told: response.noop ? "200" : "201", promise: response.promise };
    }
    const { code: ours = "" } = info?.metadata ?? {};
    return { told: `${httpStatuses.get(code)} ${ours}`, promise: null };
  },
  read: async () => {
    const { code, response } = await stage.rpc.call("ReadPromise", { id: "p" });
    expect([status.OK, status.NOT_FOUND]).toContain(code);
    const promise = response?.promise;
    return { state: promise?.state ?? null, promise };
  },
  log: async () => {
    const { json } = await stage.http.ask("GET", "/events");
    conforms(components.EventPage, json);
    return (json as { readonly events: readonly { readonly kind: string }[] }).events.map(
      ({ kind }) => kind,
    );
  },
};

function restart(): InProcess {
  const fresh = new InProcess();
  server.port = fresh;
  return fresh;
}

test.each(table)("transitions over gRPC: %s, then %s", async (...row) => {
  for (const each of cases(row)) await play(each, { server: restart(), api });
});

test("transitions over gRPC: what is written is what is read", async () => {
  const fresh = restart();
  const tags = { b: "2", a: "1" };
  const param = { headers: { h: "1" }, data: Buffer.from("param") };
  const birth = { id: "p", idempotencyKey: "c", param, timeout, tags };
  const born = await stage.rpc.call("CreatePromise", birth);
  const nothing = { headers: {}, data: Buffer.of() };
  const pending = {
    ...{ id: "p", state: "PENDING", param, value: nothing, timeout: "5000" },
    ...{ idempotencyKeyForCreate: "c", idempotencyKeyForComplete: "" },
    ...{ createdOn: "1000", completedOn: "0", tags },
  };
  expect(born.response).toEqual({ noop: false, promise: pending });
  fresh.now = 2_000;
  const value = { headers: {}, data: Buffer.from("value") };
  const end = { id: "p", idempotencyKey: "s", value };
  const canceled = {
    ...{ ...pending, state: "REJECTED_CANCELED", value },
    ...{ idempotencyKeyForComplete: "s", completedOn: "2000" },
  };
  const ended = await stage.rpc.call("CancelPromise", end);
  expect(ended.response).toEqual({ noop: false, promise: canceled });
  const read = await stage.rpc.call("ReadPromise", { id: "p" });
  expect(read.response).toEqual({ promise: canceled });
  const found = await stage.rpc.call("SearchPromises", {});
  expect(found.response).toEqual({ cursor: "", promises: [canceled] });
});

test("transitions over gRPC: a deadline settles at its own instant, with no value and no key", async () => {
  const fresh = restart();
  await stage.rpc.call("CreatePromise", { id: "p", timeout });
  fresh.now = 9_000;
  const { response } = await stage.rpc.call("ReadPromise", { id: "p" });
  expect(response?.promise).toMatchObject({
    ...{ state: "REJECTED_TIMEDOUT", createdOn: "1000", completedOn: "5000" },
    ...{ value: { headers: {}, data: Buffer.of() }, idempotencyKeyForComplete: "" },
  });
});
