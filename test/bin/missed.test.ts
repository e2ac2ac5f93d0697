// What a worker missed while it was away, and the server with it: killed and started again, the server
// offers it as soon as the worker is there, and not when a clock says so (protocol.md §1.3). Once before
// anybody noted that it was missed, and once afterwards.

import { expect, test } from "vitest";
import { directory, ServerProcess } from "./server-process.ts";

const far = 2_524_608_000_000;
const version = "2026-04-01";

type Message = { readonly kind: string; readonly data: unknown };

/** Far below the 30 s after which a task is offered again by its clock. */
const soonMs = 8_000;

async function ask(server: ServerProcess, kind: string, data: unknown): Promise<void> {
  const { status } = await server.post("/", { kind, head: { corrId: "c", version }, data });
  expect(status).toBe(200);
}

/** The first messages that a worker gets once it connects. */
async function received(
  server: ServerProcess,
  id: string,
  count: number,
): Promise<readonly Message[]> {
  const signal = AbortSignal.timeout(soonMs);
  const { body } = await fetch(`${server.url}/poll/g/${id}`, { signal });
  const messages: Message[] = [];
  let text = "";
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString();
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("data: ")) messages.push(JSON.parse(line.slice(6)));
    }
    if (messages.length >= count) break;
  }
  return messages;
}

test.each([
  ["J1 what nobody could take", 300],
  ["U3 what was under way as the server died", 0],
])("after kill -9 a worker that connects gets at once %s", async (_what, pauseMs) => {
  using place = directory();
  const start = { args: ["serve"], cwd: place.path };
  const server = await ServerProcess.start(start);
  const target = { "resonate:target": "poll://any@g/gone" };
  await ask(server, "promise.create", { id: "task", timeoutAt: far, tags: target });
  await ask(server, "promise.create", {
    id: "told",
    timeoutAt: far,
    tags: { "resonate:scope": "global" },
  });
  for (const address of ["poll://uni@g/w", "poll://uni@g/other"]) {
    await ask(server, "promise.register_listener", { awaited: "told", address });
  }
  await ask(server, "promise.settle", { id: "told", state: "resolved" });
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  server.kill("SIGKILL");
  await server.ended;

  await using again = await ServerProcess.start(start);
  const messages = await received(again, "w", 2);
  expect(messages.map(({ kind }) => kind).toSorted()).toEqual(["execute", "unblock"]);
  expect(messages).toContainEqual({
    kind: "execute",
    head: { serverUrl: expect.any(String) },
    data: { task: { id: "task", version: 0 } },
  });
  const other = await received(again, "other", 1);
  expect(other).toMatchObject([{ kind: "unblock", data: { promise: { id: "told" } } }]);
});
