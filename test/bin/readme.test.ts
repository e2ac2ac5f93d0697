// What the README shows, run as it is written against a server of its own.

import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { testServer } from "../../bin/dst/postgres-server.ts";
import { settings, variable } from "../../bin/settings.ts";
import { directory, Run, ServerProcess } from "./server-process.ts";

const root = join(import.meta.dirname, "..", "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The blocks of this language in a section, in order, with the ports of this server. */
function blocks(
  language: string,
  { url, rpcUrl }: Pick<ServerProcess, "url" | "rpcUrl">,
  title = "Use over gRPC",
): readonly string[] {
  const [, section = ""] = readme.split(`## ${title}\n`);
  const [text = ""] = section.split("\n## ");
  return [...text.matchAll(/```(\w+)[^\n]*\n([\s\S]*?)```/g)]
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

test("the countdown of the README counts down, whatever is killed", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  const title = "Run functions that survive";
  const [code = ""] = blocks("ts", server, title);
  const [commands = ""] = blocks("bash", server, title);
  const file = join(root, `countdown-${process.pid}.ts`); // where the SDK is found
  writeFileSync(
    file,
    code.replace("resonate = new Resonate({ ", "resonate = new Resonate({ ttl: 1000, "),
  );
  onTestFinished(() => rmSync(file));
  const counted: string[] = [];
  const work = () => {
    const worker = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
    worker.stdout.setEncoding("utf8").on("data", (text: string) => counted.push(text.trim()));
    onTestFinished(() => void worker.kill("SIGKILL"));
    return worker;
  };
  expect(readme).toContain("`npx node countdown.ts`");
  const [invoke = "", get = "", tree = ""] = commands.split("\n");
  const resonate = (line: string) => {
    const words = line.replace(/#.*/, "").trim().split(/\s+/).slice(2);
    return run(process.execPath, ["bin/resonate.js", ...words, "--server", server.url]);
  };
  const first = work();
  resonate(invoke);
  while (counted.length < 2) await sleep(5);
  const isDone = async () => {
    const { body } = await server.get("/promises/countdown-1:2");
    return JSON.stringify(body).includes("RESOLVED");
  };
  while (!(await isDone())) await sleep(5); // a step that is killed in the middle runs again
  first.kill("SIGKILL");
  work();
  while (!resonate(get).includes("lift-off")) await sleep(50);
  await expect.poll(() => counted).toEqual(["3...", "2...", "1..."]); // its output may come late
  expect(resonate(tree).match(/ sleep /g)).toHaveLength(3);
});

test("a store moves to Postgres, and three servers share it, as the README says", async () => {
  const postgres = await testServer();
  onTestFinished(() => postgres.stop());
  using place = directory();
  const address = await postgres.database();
  const none = { url: "", rpcUrl: "" };
  const [start = "", copy = "", servers = ""] = blocks("bash", none, "Run it on Postgres");
  const [, name = "", shown = ""] = /export (\w+)=(\S+)/.exec(start) ?? [];
  const wordsOf = (line: string) => line.replaceAll(shown, address).split(/\s+/).slice(2);
  {
    await using laptop = await ServerProcess.start({ args: ["serve"], cwd: place.path });
    await laptop.post("/promises/moved/create", { timeout: 2_524_608_000_000 });
  }
  const copied = new Run({ args: wordsOf(copy.trim()), cwd: place.path });
  expect(await copied.ended, copied.stderr).toMatchObject({ code: 0 });
  const environment = { [name]: address };
  const started = await Promise.all(
    servers
      .trim()
      .split("\n")
      .map((line) => {
        const args = wordsOf(line).filter((word) => !/^(?::?\d+|--(?:api|metrics)-.*)$/.test(word));
        return ServerProcess.start({ args, cwd: place.path, environment });
      }),
  );
  onTestFinished(async () => {
    for (const server of started) await server[Symbol.asyncDispose]();
  });
  expect(started).toHaveLength(3);
  const [first, , third] = started;
  await first?.post("/promises/shared/create", { timeout: 2_524_608_000_000 });
  for (const id of ["shared", "moved"]) {
    expect(await third?.get(`/promises/${id}`)).toMatchObject({ body: { id, state: "PENDING" } });
  }
});

test("what is in the compose file is known to the server, and each service is of the README's shape", () => {
  const { services } = parse(readFileSync(join(root, "compose.yaml"), "utf8"), { merge: true });
  const known = new Set(Object.values(settings).map(variable));
  const ours = Object.entries<{ build?: string; environment?: object }>(services).filter(
    ([, { build }]) => build === ".",
  );
  expect(ours.map(([name]) => name)).toEqual(["one", "two", "three"]);
  for (const [, { environment = {} }] of ours) {
    expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
  }
});
