// bin/resonate.js on a Node that is too old to run the server: it finds the pinned one, and is not
// noticed from then on. Without an old Node on this machine there is nothing to see, and it says so.

import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { directory, launcher, Run, ServerProcess } from "./server-process.ts";

const old = oldNode();
const root = join(import.meta.dirname, "..", "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

function oldNode(): string | null {
  const found = spawnSync("which", ["-a", "node"], { encoding: "utf8" }).stdout ?? "";
  return found.split("\n").find((path) => path !== "" && majorOf(path) < 26) ?? null;
}

function majorOf(path: string): number {
  const { stdout } = spawnSync(path, ["-p", "process.versions.node"], { encoding: "utf8" });
  return Number.parseInt(stdout, 10);
}

const withOldNode = test.skipIf(old === null);
if (old === null)
  process.stdout.write("launcher: no Node older than 26 is on PATH, so three tests are skipped\n");

/** The launcher where nothing is installed beside it. */
function bare(path: string): string {
  mkdirSync(join(path, "bin"));
  writeFileSync(join(path, "package.json"), '{"type":"module"}');
  const copy = join(path, "bin", "resonate.js");
  copyFileSync(launcher, copy);
  return copy;
}

test("the version is the package's", () => {
  const text = execFileSync(process.execPath, [launcher, "version"], { encoding: "utf8" });
  expect(text).toBe(`resonate ${version}\n`);
});

withOldNode("an old Node hands over to the pinned one: arguments, output, exit code", async () => {
  using place = directory();
  const node = old ?? "";
  await using fine = new Run({ node, args: ["version"], cwd: place.path });
  expect(await fine.ended).toEqual({ code: 0, signal: null });
  expect(fine.stdout).toBe(`resonate ${version}\n`);
  await using bad = new Run({ node, args: ["no", "such command"], cwd: place.path });
  expect(await bad.ended).toEqual({ code: 1, signal: null });
  expect(bad.stderr).toContain('unknown command "no such command"');
});

withOldNode(
  "signals reach the server through an old Node, and a killed launcher leaves none",
  async () => {
    using place = directory();
    const node = old ?? "";
    await using server = await ServerProcess.start({ node, args: ["dev"], cwd: place.path });
    server.kill("SIGTERM");
    expect(await server.ended).toEqual({ code: 0, signal: null });
    await using killed = await ServerProcess.start({ node, args: ["dev"], cwd: place.path });
    killed.kill("SIGKILL");
    await killed.ended; // its output is closed, so nobody holds it any more
    await expect(fetch(killed.url)).rejects.toThrow();
  },
);

withOldNode("an old Node alone says what is needed", () => {
  using place = directory();
  const { status, stderr } = spawnSync(old ?? "", [bare(place.path)], { encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^resonate: this is Node \d+\.\d+\.\d+; .* Node 26 .* `npm ci` .*\n$/);
});

test("a Node without type stripping says so", () => {
  using place = directory();
  const args = ["--no-strip-types", bare(place.path)];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^resonate: .* without type stripping; .* `npm ci` .*\n$/);
});

test("packages that are not installed are named as the cause", () => {
  using place = directory();
  const copy = bare(place.path);
  writeFileSync(join(place.path, "bin", "resonate.ts"), 'import "no-such-package";');
  const { status, stderr } = spawnSync(process.execPath, [copy], { encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^resonate: the packages are not installed; run `npm ci` in .*\n$/);
});
