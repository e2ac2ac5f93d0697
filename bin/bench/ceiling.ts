// The ceiling: the HTTP stack that the server uses, reading the same requests and answering the same
// JSON, with no decoder, no kernel and no store; and writing the same frames to the same streams.
// Nothing on this stack can be faster.

import type { ServerResponse } from "node:http";
import { type HttpBindings, serve } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { protocolVersion } from "../../api/protocol/envelope.ts";

const promise = {
  id: "ceiling-1234567",
  state: "PENDING",
  param: { data: "aGVsbG8=" },
  value: {},
  timeout: 2_524_608_000_000,
  idempotencyKeyForCreate: "ceiling-1234567-create",
  createdOn: 1_795_361_820_125,
};
const headers = { "content-type": "application/json; charset=utf-8" };
const record = {
  id: "ceiling-1234567",
  state: "pending",
  param: { headers: {}, data: "aGVsbG8=" },
  value: {},
  tags: {},
  timeoutAt: 2_524_608_000_000,
  createdAt: 1_795_361_820_125,
};
const streams = new Set<ServerResponse>();
const frame = `data: ${JSON.stringify({ kind: "unblock", head: {}, data: { promise: record } })}\n\n`;

const app = new Hono<{ Bindings: HttpBindings }>();
app.get("/ready", (context) => context.body(null, 200));
app.get("/promises", (context) => {
  const page = { cursor: "x".repeat(100), promises: Array.from({ length: 10 }, () => promise) };
  return context.body(JSON.stringify(page), 200, headers);
});
app.get("/promises/:id", (context) => context.body(JSON.stringify(promise), 200, headers));
app.post("/promises/:id/:act", async (context) => {
  await context.req.json();
  return context.body(JSON.stringify(promise), 201, headers);
});
app.post("/", async (context) => {
  const { kind, head } = await context.req.json();
  if (kind === "promise.settle") for (const stream of streams) stream.write(frame);
  const answered = { corrId: head.corrId, status: 200, version: protocolVersion };
  const answer = { kind, head: answered, data: { promise: record } };
  return context.body(JSON.stringify(answer), 200, headers);
});
app.get("/poll/:group/:id", (context) => {
  const { outgoing } = context.env;
  outgoing.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  outgoing.write(": ka\n\n");
  streams.add(outgoing);
  outgoing.once("close", () => streams.delete(outgoing));
  return RESPONSE_ALREADY_SENT;
});
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.argv[2]) });
