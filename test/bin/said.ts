// The command line without a process: what it prints, and its exit code.

import { Writable } from "node:stream";
import type { Outside } from "../../bin/command.ts";
import { run } from "../../bin/resonate.ts";

export type Said = { readonly code: number; readonly stdout: string; readonly stderr: string };

export async function said(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Said> {
  const stdout = collect();
  const stderr = collect();
  const outside: Outside = {
    environment,
    workingDirectory: "/",
    home: "/",
    ...{ stdout, stderr },
  };
  const code = await run(args, outside);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

function collect() {
  const collected = { text: "" };
  const write = (chunk: Buffer, _encoding: string, done: () => void) => {
    collected.text += chunk;
    done();
  };
  return Object.defineProperty(new Writable({ write }), "text", {
    get: () => collected.text,
  }) as Writable & { readonly text: string }; // the property that was just defined
}
