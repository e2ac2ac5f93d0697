// The requests that a load is made of, ready for a socket or a stream.

import { create as message, toBinary } from "@bufbuild/protobuf";
import { protocolVersion } from "../../api/protocol/envelope.ts";
import {
  CreatePromiseRequestSchema,
  PromiseService,
  ReadPromiseRequestSchema,
} from "../../proto/gen/promise/promise_pb.ts";

export type Plan =
  /** Creates new promises, no id twice. */
  | { readonly kind: "create"; readonly prefix: string }
  /** Reads promises `<prefix>0` to `<prefix><stored - 1>`, spread evenly. */
  | { readonly kind: "get"; readonly prefix: string; readonly stored: number }
  /** Creates a promise, and resolves it with the next request on that connection. */
  | { readonly kind: "create_resolve"; readonly prefix: string }
  | { readonly kind: "search"; readonly query: string }
  /** Creates new promises through the envelope, no id twice. */
  | { readonly kind: "envelope_create"; readonly prefix: string }
  /** Takes a task for each connection, and creates promises under its fence, as a worker's steps do. */
  | { readonly kind: "fence"; readonly prefix: string }
  /** The life of a task in three requests: its promise is created, a worker takes it and fulfils it. */
  | { readonly kind: "task"; readonly prefix: string }
  /** Creates promises that all fall due at one instant. */
  | { readonly kind: "due"; readonly prefix: string; readonly timeoutAt: number };

const never = 2_524_608_000_000;
const stride = 7_919; // a prime: walks all of the stored promises, never neighbours in a row

export type Place = {
  /** Counts the requests of the load, from 0. */
  readonly number: number;
  /** Counts connections, from 0. */
  readonly connection: number;
  /** Counts the requests of that connection, from 0. */
  readonly turn: number;
};

/** As text of HTTP/1.1. */
export function request(plan: Plan, { number, connection, turn }: Place): string {
  switch (plan.kind) {
    case "create":
      return create(`${plan.prefix}${number}`, never);
    case "due":
      return create(`${plan.prefix}${number}`, plan.timeoutAt);
    case "create_resolve": {
      const id = `${plan.prefix}${connection}-${turn >> 1}`;
      return turn % 2 === 0 ? create(id, never) : resolve(id);
    }
    case "get":
      return get(`/promises/${plan.prefix}${(number * stride) % plan.stored}`);
    case "search":
      return get(`/promises?${plan.query}`);
    case "envelope_create":
      return envelope("promise.create", creation(`${plan.prefix}${number}`));
    case "fence": {
      const id = `${plan.prefix}${connection}`;
      return turn === 0 ? take(id) : fenced(id, turn);
    }
    case "task":
      return live(`${plan.prefix}${connection}-${Math.floor(turn / 3)}`, turn % 3);
    default:
      throw new Error(`no such plan: ${JSON.stringify(plan satisfies never)}`);
  }
}

const target = "poll://any@nobody"; // nobody is connected: these requests are the only work
const holder = { pid: "bench", ttl: 3_600_000 };

function creation(id: string, tags: Readonly<Record<string, string>> = {}) {
  return { id, timeoutAt: never, param: { headers: {}, data: "aGVsbG8=" }, tags };
}

function take(id: string): string {
  const data = creation(id, { "resonate:target": target });
  return envelope("task.create", { ...holder, action: { kind: "promise.create", data } });
}

/** The tags are those of the SDK's local steps. */
function fenced(id: string, step: number): string {
  const lineage = { "resonate:origin": id, "resonate:branch": id, "resonate:parent": id };
  const data = creation(`${id}:${step}`, { ...lineage, "resonate:scope": "local" });
  return envelope("task.fence", { id, version: 1, action: { kind: "promise.create", data } });
}

function live(id: string, age: number): string {
  if (age === 0) return envelope("promise.create", creation(id, { "resonate:target": target }));
  if (age === 1) return envelope("task.acquire", { id, version: 0, ...holder });
  const data = { id, state: "resolved", value: { headers: {}, data: "ZG9uZQ==" } };
  return envelope("task.fulfill", { id, version: 1, action: { kind: "promise.settle", data } });
}

function envelope(kind: string, data: unknown): string {
  const body = JSON.stringify({ kind, head: { corrId: kind, version: protocolVersion }, data });
  return (
    `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

/** As a call of gRPC: its path, and its message in a frame. The same promises as over HTTP. */
export function call(
  plan: Plan,
  { number }: Place,
): { readonly path: string; readonly frame: Uint8Array } {
  const { readPromise, createPromise } = PromiseService.method;
  switch (plan.kind) {
    case "create": {
      const id = `${plan.prefix}${number}`;
      const param = { data: hello };
      const init = { id, idempotencyKey: `${id}-create`, param, timeout: BigInt(never) };
      const bytes = toBinary(CreatePromiseRequestSchema, message(CreatePromiseRequestSchema, init));
      return { path: pathOf(createPromise.name), frame: framed(bytes) };
    }
    case "get": {
      const id = `${plan.prefix}${(number * stride) % plan.stored}`;
      const bytes = toBinary(ReadPromiseRequestSchema, message(ReadPromiseRequestSchema, { id }));
      return { path: pathOf(readPromise.name), frame: framed(bytes) };
    }
    default:
      throw new Error(`not measured over gRPC: ${plan.kind}`);
  }
}

const hello = Buffer.from("hello");

function pathOf(name: string): string {
  return `/${PromiseService.typeName}/${name}`;
}

/** Not compressed; the length in four bytes. */
function framed(bytes: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(5 + bytes.length);
  frame.writeUInt32BE(bytes.length, 1);
  frame.set(bytes, 5);
  return frame;
}

function create(id: string, timeoutAt: number): string {
  const body = `{"param":{"data":"aGVsbG8="},"timeout":${timeoutAt}}`;
  return post(`/promises/${id}/create`, `${id}-create`, body);
}

function resolve(id: string): string {
  return post(`/promises/${id}/resolve`, `${id}-resolve`, '{"value":{"data":"ZG9uZQ=="}}');
}

function post(path: string, key: string, body: string): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
    `Idempotency-Key: ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
}
