// The ceiling: the HTTP stack that the server uses, reading the same requests and answering the same
// JSON, with no decoder, no kernel and no store. Nothing on this stack can be faster.

import { serve } from "@hono/node-server";
import { Hono } from "hono";

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
const app = new Hono();
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
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.argv[2]) });
