// A listener that could not be told within the retention (protocol.md §0, --unblock-retention): whoever
// runs the server reads of it in the log and in the metrics. The address is told as far as it cannot hold
// a secret.

import { expect, test } from "vitest";
import { directory, freePort, ServerProcess } from "./server-process.ts";

const version = "2026-04-01";
const far = 2_524_608_000_000;

test("G2 who runs the server is told of a listener that is given up", async () => {
  using place = directory();
  const metricsPort = await freePort();
  const args = ["serve", "--unblock-retention", "0s", "--metrics-port", `${metricsPort}`];
  await using server = await ServerProcess.start({ args, cwd: place.path });
  const ask = async (kind: string, data: unknown) => {
    const { status } = await server.post("/", { kind, head: { corrId: "c", version }, data });
    expect(status).toBe(200);
  };
  const tags = { "resonate:scope": "global" };
  await ask("promise.create", { id: "p", timeoutAt: far, tags });
  const address = `http://user:word@127.0.0.1:${await freePort()}/hooks/hidden?key=hidden`;
  await ask("promise.register_listener", { awaited: "p", address });
  await ask("promise.settle", { id: "p", state: "resolved" });
  const line = await server.line(/level=WARN msg="listener given up"/);
  expect(line).toContain(`promise=p address=${new URL(address).origin} reason=unreachable`);
  expect(line).toContain("cause=ECONNREFUSED");
  expect(server.stdout).not.toMatch(/hidden|word/);
  const scraped = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  expect(scraped).toContain('\nlisteners_given_up_total{reason="unreachable"} 1\n');
});
