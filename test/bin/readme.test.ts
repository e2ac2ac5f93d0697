// The README's section on gRPC, run as it is written against a server of its own.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { directory, ServerProcess } from "./server-process.ts";

const root = join(import.meta.dirname, "..", "..");
const [, section = ""] = readFileSync(join(root, "README.md"), "utf8").split("## Use over gRPC\n");

/** The blocks of this language, in order, with the ports of this server. */
function blocks(language: string, { url, rpcUrl }: ServerProcess): readonly string[] {
  const [text = ""] = section.split("\n## ");
  return [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)]
    .filter(([, name]) => name === language)
    .map(([, , code = ""]) => {
      return code
        .replaceAll("http://localhost:50051", rpcUrl)
        .replaceAll("http://localhost:8001", url);
    });
}

function run(command: string, args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout;
}

test("the curl command of the README answers what stands there, but for the dates", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["dev"], cwd: place.path });
  const create = { param: { data: "aGVsbG8=" }, timeout: 2_524_608_000_000 };
  await server.post("/promises/foo/create", create, { "idempotency-key": "foo-create" });
  const value = { data: "ZG9uZQ==" };
  await server.post("/promises/foo/resolve", { value }, { "idempotency-key": "foo-resolve" });
  const [, command = ""] = blocks("bash", server);
  const [answer = ""] = blocks("json", server);
  const undated = (text: string) => text.trim().replace(/"(\w+On)":"\d+"/g, '"$1":"-"');
  expect(undated(run("bash", ["-c", command.replace("curl ", "curl -s ")]))).toBe(undated(answer));
});

test("the TypeScript of the README runs as it is", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["dev"], cwd: place.path });
  const [code = ""] = blocks("ts", server);
  expect(run(process.execPath, ["--input-type=module-typescript", "--eval", code])).toBe("true\n");
  const { body } = await server.get("/promises/baz");
  expect(body).toMatchObject({ state: "PENDING", param: { data: "aGVsbG8=" } });
});
