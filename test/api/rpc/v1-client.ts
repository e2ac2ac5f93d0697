// What the tests of `resonate.v1` share: the whole RPC side on loopback beside the HTTP side without a
// socket, a client that was not made by those who made our server, and a translation between the
// envelope and the messages that knows neither side's code.

import {
  type ClientReadableStream,
  credentials,
  Client as GrpcClient,
  Metadata,
} from "@grpc/grpc-js";
import { loadSync, type MethodDefinition } from "@grpc/proto-loader";
import { onTestFinished } from "vitest";
import { WorkerMailbox } from "../../../aio/mailbox.ts";
import { createApp } from "../../../api/app.ts";
import type { Guard } from "../../../api/auth/guard.ts";
import { Gateway, type Port } from "../../../api/gateway.ts";
import type { RequestRecord } from "../../../api/record.ts";
import { RpcApp, streamedPaths } from "../../../api/rpc/app.ts";
import { serveRpc } from "../../../api/rpc/listen.ts";
import type { ErrorInfo } from "../../../proto/gen/google/rpc/error_details_pb.ts";
import { decodeStatus } from "./client.ts";

const folder = `${import.meta.dirname}/../../../proto`;
const loading = {
  ...{ longs: String, enums: String, defaults: true, oneofs: true },
  includeDirs: [folder],
};
const loaded = loadSync("resonate/v1/resonate.proto", loading);

type Definition = MethodDefinition<object, object>;
type Json = Readonly<Record<string, unknown>>;

export type Reply = {
  readonly code: number;
  readonly message: string;
  readonly info: ErrorInfo | null;
  readonly response: Json | null;
};

/** @param method such as `Promises/GetPromise` */
function definition(method: string): Definition {
  const [service = "", name = ""] = method.split("/");
  // The loader types a service as any of the things that a package may hold.
  const methods = loaded[`resonate.v1.${service}`] as unknown as Record<string, Definition>;
  const found = methods[name];
  if (found === undefined) throw new Error(`no method ${method}`);
  return found;
}

export class V1Client {
  readonly #client: GrpcClient;

  constructor(url: string) {
    this.#client = new GrpcClient(new URL(url).host, credentials.createInsecure());
    onTestFinished(() => this.#client.close());
  }

  call(method: string, message: object, token?: string): Promise<Reply> {
    const { path, requestSerialize, responseDeserialize } = definition(method);
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        ...([path, requestSerialize, responseDeserialize, message, metadataOf(token)] as const),
        (error, response) => {
          if (error === null) {
            resolve({ code: 0, message: "", info: null, response: (response ?? {}) as Json });
          } else resolve({ ...toRefusal(error), response: null });
        },
      );
    });
  }

  poll(group: string, id: string, token?: string): Polling {
    const { path, requestSerialize, responseDeserialize } = definition("Workers/Poll");
    const wire = [path, requestSerialize, responseDeserialize] as const;
    return new Polling(
      this.#client.makeServerStreamRequest(...wire, { group, id }, metadataOf(token)),
    );
  }

  close(): void {
    this.#client.close();
  }
}

/** What a worker has been told, and how its stream ended. */
export class Polling {
  /** Without those frames that only keep it alive. */
  readonly messages: Json[] = [];
  frameCount = 0;
  readonly ended: Promise<Omit<Reply, "response">>;
  readonly stream: ClientReadableStream<object>;

  constructor(stream: ClientReadableStream<object>) {
    this.stream = stream;
    stream.on("data", (frame: Json) => {
      this.frameCount += 1;
      const { message, ...rest } = frame;
      if (message !== undefined) this.messages.push(rest);
    });
    this.ended = new Promise((resolve) => {
      stream.on("error", (error) => resolve(toRefusal(error as Refusal)));
      stream.on("end", () => resolve({ code: 0, message: "", info: null }));
    });
  }

  /** Waits until the worker is connected. */
  async opened(): Promise<this> {
    await until(() => this.frameCount > 0);
    return this;
  }

  async until(count: number): Promise<void> {
    await until(() => this.messages.length >= count);
  }
}

function metadataOf(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

type Refusal = { readonly code: number; readonly details: string; readonly metadata: Metadata };

function toRefusal({ code, details, metadata }: Refusal): Omit<Reply, "response"> {
  const [bytes] = metadata.get("grpc-status-details-bin");
  const info = Buffer.isBuffer(bytes) ? decodeStatus(bytes).info : null;
  return { code, message: details, info };
}

export async function until(isSo: () => boolean): Promise<void> {
  const startedAt = performance.now();
  while (!isSo()) {
    if (performance.now() - startedAt > 5_000) throw new Error("never so");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export type Opening = {
  readonly port: Port;
  readonly guard?: Guard;
  readonly connectionsMax?: number;
  readonly bufferMax?: number;
  readonly keepAliveMs?: number;
};

/** Both sides of one server, for one test. */
export async function openV1({ port, guard, ...chosen }: Opening) {
  const gateway = new Gateway(port);
  const failures: { readonly error: unknown; readonly kind: string }[] = [];
  const records: RequestRecord[] = [];
  const { connectionsMax = 10, bufferMax = 100, keepAliveMs = 60_000 } = chosen;
  const mailbox = new WorkerMailbox({ connectionsMax, bufferMax, onConnect: () => {} });
  const rim = {
    ...{ gateway, bodyLimit: 100_000, corsOrigins: [], newRequestId: () => "made" },
    observe: (record: RequestRecord) => void records.push(record),
    onFailure: (error: unknown, kind: string) => void failures.push({ error, kind }),
    ...(guard !== undefined && { guard }),
  };
  const http = createApp({ ...rim, readiness: () => true });
  const rpc = new RpcApp({ ...rim, protocol: gateway, mailbox, keepAliveMs });
  const binding = { host: "127.0.0.1", port: 0, onError: () => {} };
  const listener = await serveRpc({ serve: rpc.serve, streamedPaths, ...binding });
  onTestFinished(async () => {
    rpc.end();
    await listener.close(0);
  });
  const url = `http://127.0.0.1:${listener.address.port}`;
  const client = new V1Client(url);
  const ask = async (kind: string, data: unknown, token?: string): Promise<Told> => {
    const head = { corrId: "c", version: "2026-04-01", auth: token };
    const body = JSON.stringify({ kind, head, data });
    const response = await http.request("http://localhost/", { method: "POST", body });
    const told = (await response.json()) as { readonly data: unknown };
    return { status: response.status, data: told.data };
  };
  return { gateway, failures, records, mailbox, rpc, listener, url, client, ask };
}

export type Told = { readonly status: number; readonly data: unknown };

/** The method of each operation. */
export const methods: Readonly<Record<string, string>> = {
  "promise.get": "Promises/GetPromise",
  "promise.create": "Promises/CreatePromise",
  "promise.settle": "Promises/SettlePromise",
  "promise.register_callback": "Promises/RegisterCallback",
  "promise.register_listener": "Promises/RegisterListener",
  "promise.search": "Promises/SearchPromises",
  "task.get": "Tasks/GetTask",
  "task.create": "Tasks/CreateTask",
  "task.acquire": "Tasks/AcquireTask",
  "task.release": "Tasks/ReleaseTask",
  "task.fulfill": "Tasks/FulfillTask",
  "task.suspend": "Tasks/SuspendTask",
  "task.fence": "Tasks/FenceTask",
  "task.heartbeat": "Tasks/HeartbeatTasks",
  "task.halt": "Tasks/HaltTask",
  "task.continue": "Tasks/ContinueTask",
  "task.search": "Tasks/SearchTasks",
  "schedule.get": "Schedules/GetSchedule",
  "schedule.create": "Schedules/CreateSchedule",
  "schedule.delete": "Schedules/DeleteSchedule",
  "schedule.search": "Schedules/SearchSchedules",
};

/** The message that asks what the envelope's data asks. Members have the same names in both. */
export function toMessage(kind: string, data: Json): object {
  const prefix = kind.startsWith("task.search") ? "TASK_STATE_" : "PROMISE_STATE_";
  const { action, actions, ...rest } = data as Record<string, never>;
  const own = Object.entries(rest).map(([name, member]) => [name, toMember(name, member, prefix)]);
  const message = {
    ...Object.fromEntries(own),
    ...(actions !== undefined && { awaited: awaitedOf(actions) }),
  };
  if (action === undefined) return message;
  const { kind: inner, data: asked } = action as { readonly kind: string; readonly data: Json };
  const told = toMessage(inner, asked);
  if (kind === "task.fulfill") return { ...told, ...message };
  if (kind === "task.create") return { ...message, action: told };
  return { ...message, [inner === "promise.settle" ? "settle" : "create"]: told };
}

function awaitedOf(actions: readonly { readonly data: { readonly awaited: string } }[]) {
  return actions.map(({ data }) => data.awaited);
}

function toMember(name: string, member: unknown, prefix: string): unknown {
  if (name === "state") return `${prefix}${String(member).toUpperCase()}`;
  if (name !== "param" && name !== "value" && name !== "promiseParam") return member;
  const { headers, ...rest } = member as Json;
  return headers === undefined ? rest : { ...rest, headers: { entries: headers } };
}

const numbers = new Set(
  ["timeoutAt", "createdAt", "settledAt", "version", "ttl"].concat(
    ...["promiseTimeout", "nextRunAt", "lastRunAt"],
  ),
);
const maps = new Set(["tags", "promiseTags"]);
const lists = new Set(["preload", "promises", "tasks", "schedules"]);
const records = new Set(["promise", "task", "schedule"]);

/** How the loader names what is chosen, or present. */
const choices = /^(_.*|outcome)$/;

/** What the envelope's data would be, of a response as the loader shows it. */
export function toData(response: Json): Json {
  return Object.fromEntries(
    Object.entries(response)
      .filter(([name, member]) => member !== null && !choices.test(name))
      .map(([name, member]) => [name, fromMember(name, member)]),
  );
}

function fromMember(name: string, member: unknown): unknown {
  if (name === "state")
    return String(member)
      .replace(/^[A-Z]+_STATE_/, "")
      .toLowerCase();
  if (numbers.has(name)) return Number(member);
  if (maps.has(name)) return member;
  if (lists.has(name)) return (member as readonly Json[]).map(toData);
  if (records.has(name)) return toData(member as Json);
  if (name !== "param" && name !== "value" && name !== "promiseParam") return member;
  const { headers, data } = member as {
    readonly headers: { readonly entries: Json } | null;
    readonly data?: string;
  };
  return {
    ...(headers && { headers: headers.entries }),
    ...(data !== undefined && { data }),
  };
}
