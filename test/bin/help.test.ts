// The help texts, letter by letter, and the way from words to a command.

import { expect, test } from "vitest";
import { commands } from "../../bin/resonate.ts";
import { said as saidTo } from "./said.ts";

const said = (...args: readonly string[]) => saidTo(args);

test("help lists the commands", async () => {
  const { code, stdout } = await said("help");
  expect(code).toBe(0);
  await expect(stdout).toMatchFileSnapshot("../golden/help.txt");
  expect(await said("--help")).toEqual({ code, stdout, stderr: "" });
  expect(await said("-h")).toEqual({ code, stdout, stderr: "" });
});

test.each(commands.map(({ name }) => name))("help of %s, asked for in any way", async (name) => {
  const words = name.split(" ");
  const { code, stdout } = await said("help", ...words);
  expect(code).toBe(0);
  expect(stdout.split("\n").every((line) => line.length <= 100)).toBe(true);
  await expect(stdout).toMatchFileSnapshot(`../golden/help-${words.join("-")}.txt`);
  expect(await said(...words, "--help")).toEqual({ code, stdout, stderr: "" });
  expect(await said(...words, "-h")).toEqual({ code, stdout, stderr: "" });
});

test("without a command, or with an unknown one, the overview comes with exit code 1", async () => {
  const { stdout: overview } = await said("help");
  const refused = (reason: string) => ({
    code: 1,
    stdout: "",
    stderr: `resonate: ${reason}\n\n${overview}`,
  });
  expect(await said()).toEqual(refused("a command is needed"));
  expect(await said("srve")).toEqual(refused('unknown command "srve"'));
  expect(await said("log")).toEqual(refused('unknown command "log"'));
  expect(await said("help", "log")).toEqual(refused('unknown command "log"'));
  expect(await said("--api-size", "1")).toEqual(refused('unknown command "--api-size 1"'));
});

test("mistakes in the settings are one line each, with exit code 1", async () => {
  const { code, stdout, stderr } = await said(
    "serve",
    "--api-size=0",
    "--api-sise=1",
    "--config=none.toml",
  );
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr.split("\n")).toEqual([
    "resonate serve: unknown flag --api-sise",
    'resonate serve: --api-size is "0"; expected a whole number, 1 to 1000000',
    expect.stringMatching(/^resonate serve: \/none\.toml cannot be read as a config file: ENOENT/),
    "",
  ]);
});

test("the version is told in both ways", async () => {
  expect((await said("version")).stdout).toMatch(/^resonate \d+\.\d+\.\d+\n$/);
  expect(await said("--version")).toEqual(await said("version"));
});
