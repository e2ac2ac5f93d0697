// gRPC as its users meet it: a server process, clients that are not ours, what is logged and counted,
// and how calls and connections end with the server.

import { join } from "node:path";
import {
  type ChannelCredentials,
  type Client,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { GrpcReflection } from "grpc-js-reflection-client";
import { expect, test } from "vitest";
import { directory, freePort, ServerProcess } from "./server-process.ts";

const proto = join(import.meta.dirname, "..", "..", "proto");
const loading = { keepCase: true, longs: String, enums: String, defaults: true };
const definitions = loadPackageDefinition(
  loadSync(["promise/promise.proto", "grpc/health/v1/health.proto"], {
    ...loading,
    includeDirs: [proto],
  }),
);
const insecure: ChannelCredentials = credentials.createInsecure();

/** A client of a service that was loaded above. */
function client(path: string, { rpcUrl }: ServerProcess) {
  const found = path.split(".").reduce((at: unknown, name) => {
    return (at as Readonly<Record<string, unknown>>)[name];
  }, definitions);
  const Service = found as ServiceClientConstructor; // as the definition says
  return new Service(new URL(rpcUrl).host, insecure);
}

type Called = { readonly code: number; readonly message: string; readonly response: unknown };

function call(service: Client, method: string, request: unknown): Promise<Called> {
  return new Promise((resolve) => {
    // Loaded clients have a method for each call.
    const methods = service as unknown as Readonly<
      Record<string, (request: unknown, done: (error: unknown, response: unknown) => void) => void>
    >;
    methods[method]?.call(service, request, (error, response) => {
      const { code = status.OK, details = "" } = (error ?? {}) as Partial<Record<string, never>>;
      resolve({ code, message: details, response });
    });
  });
}

/** A watch of the server's health: what it has been told, and how it ended. */
function watch(health: Client) {
  const seen: string[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<number>();
  const methods = health as unknown as { Watch(request: unknown): NodeJS.ReadableStream };
  const stream = methods.Watch({ service: "" });
  stream.on("data", ({ status: told }: { readonly status: string }) => seen.push(told));
  stream.on("error", ({ code }: { readonly code: number }) => resolve(code));
  return { seen, ended };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const far = "2524608000000";

test("a client that knows nothing learns by reflection what there is, and calls it", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["dev"], cwd: place.path });
  const reflection = new GrpcReflection(new URL(server.rpcUrl).host, insecure);
  expect([...(await reflection.listServices())].sort()).toEqual([
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "promise.PromiseService",
    "resonate.v1.Promises",
    "resonate.v1.Schedules",
    "resonate.v1.Tasks",
    "resonate.v1.Workers",
  ]);
  const descriptor = await reflection.getDescriptorBySymbol("promise.PromiseService");
  const { promise } = descriptor.getPackageObject(loading);
  const { PromiseService } = promise as unknown as Record<string, ServiceClientConstructor>;
  if (PromiseService === undefined) throw new Error("there is no such service");
  const promises = new PromiseService(new URL(server.rpcUrl).host, insecure);
  const created = await call(promises, "CreatePromise", { id: "a", timeout: far });
  expect(created.response).toMatchObject({ noop: false, promise: { id: "a", state: "PENDING" } });
  expect((await server.get("/promises/a")).status).toBe(200);
  promises.close();
});

test("calls are logged with their request id and counted as those of gRPC", async () => {
  using place = directory();
  const metricsPort = await freePort();
  const args = ["dev", "--metrics-port", `${metricsPort}`, "--api-body-limit", "1KiB"];
  await using server = await ServerProcess.start({ args, cwd: place.path });
  const promises = client("promise.PromiseService", server);
  await call(promises, "CreatePromise", { id: "a", timeout: far, requestId: "mine" });
  await call(promises, "CreatePromise", { id: "a", timeout: far });
  await call(promises, "ReadPromise", { id: "b" });
  await call(promises, "ResolvePromise", { id: "a", value: { data: Buffer.alloc(2_000) } });
  await fetch(`${server.rpcUrl}/promise.PromiseService/Nothing`, { method: "POST" });
  await server.line(/api=grpc operation=create-promise tid=mine code=2010 ms=/);
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  for (const [operation, code] of [
    ["create-promise", 2010],
    ["create-promise", 4090],
    ["read-promise", 4040],
    ["resolve-promise", 4130],
    ["unknown", 4049],
  ]) {
    expect(text).toContain(
      `api_total_requests{type="grpc",operation="${operation}",status="${code}"} 1\n`,
    );
  }
  expect(text).toContain('api_in_flight_requests{type="grpc",operation="create-promise"} 0\n');
  promises.close();
});

test("an end tells those who watch, ends what streams, and waits for no idle connection", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  const health = client("grpc.health.v1.Health", server);
  const watching = watch(health);
  const reflection = new GrpcReflection(new URL(server.rpcUrl).host, insecure);
  await reflection.listServices();
  await call(client("promise.PromiseService", server), "ReadPromise", { id: "a" });
  await until(() => watching.seen.length > 0);
  const startedAt = performance.now();
  server.kill("SIGTERM");
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(await watching.ended).toBe(status.UNAVAILABLE);
  expect(watching.seen).toEqual(["SERVING", "NOT_SERVING"]);
  expect(server.lines.filter((line) => /level=(WARN|ERROR)/.test(line))).toEqual([]);
});

test("an end under load over gRPC loses nothing that was answered", async () => {
  using place = directory();
  const server = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  const promises = client("promise.PromiseService", server);
  const [asked, created]: [string[], Set<string>] = [[], new Set()];
  const codes = new Set<number>();
  const ask = async (name: number) => {
    for (let count = 0; ; count++) {
      const id = `${name}-${count}`;
      asked.push(id);
      const { code } = await call(promises, "CreatePromise", { id, timeout: far });
      if (code === status.OK) created.add(id);
      else codes.add(code);
      if (code !== status.OK) return;
    }
  };
  const clients = Array.from({ length: 16 }, (_, name) => ask(name));
  await until(() => created.size >= 300);
  server.kill("SIGTERM");
  expect(await server.ended).toEqual({ code: 0, signal: null });
  await Promise.all(clients);
  promises.close();
  expect(codes).toEqual(new Set([status.UNAVAILABLE]));
  await using again = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  for (const id of asked) {
    const found = (await again.get(`/promises/${id}`)).status;
    if (created.has(id)) expect({ id, found }).toEqual({ id, found: 200 });
  }
});

test("a message over the limit, or one that is cut off, costs its call and nothing else", async () => {
  using place = directory();
  const args = ["dev", "--api-body-limit", "1KiB"];
  await using server = await ServerProcess.start({ args, cwd: place.path });
  const promises = client("promise.PromiseService", server);
  const big = { id: "a", timeout: far, param: { data: Buffer.alloc(1_100) } };
  const refused = await call(promises, "CreatePromise", big);
  expect(refused.code).toBe(status.RESOURCE_EXHAUSTED);
  const broken = await fetch(`${server.rpcUrl}/promise.PromiseService/ReadPromise`, {
    method: "POST",
    headers: { "content-type": "application/proto" },
    body: new Uint8Array([0x0a, 0x7f, 0x61]),
  });
  expect(broken.status).toBe(500); // INTERNAL, by the custom of gRPC
  expect(await broken.json()).toMatchObject({ code: "internal" });
  const fine = await call(promises, "CreatePromise", { id: "a", timeout: far });
  expect(fine.code).toBe(status.OK);
  promises.close();
});
