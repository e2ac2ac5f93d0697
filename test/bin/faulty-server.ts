// A server whose store, or whose own code, breaks on demand: the id of a new promise says how. Run as
// a process of its own, by serve.test.ts.

import { resolveConfig } from "../../bin/config.ts";
import { Logger, StreamSink } from "../../bin/logger.ts";
import { runServer } from "../../bin/server.ts";
import { settingNames } from "../../bin/settings.ts";
import type { Component } from "../../kernel/stream.ts";
import { MemoryStore } from "../../store/memory.ts";
import { StoreError } from "../../store/store.ts";

const faults: Readonly<Record<string, () => void>> = {
  "lost commit": () => {
    throw new StoreError("outcome_unknown", "fsync failed", { isFatal: true });
  },
  "failed commit": () => {
    throw new StoreError("store_failed", "disk unplugged");
  },
  "full disk": () => {
    throw new StoreError("store_overloaded", "no space left");
  },
  bug: () => {
    throw new TypeError("a bug of the store");
  },
  exception: () => {
    setTimeout(() => {
      throw new Error("an exception that nobody catches");
    });
  },
  rejection: () => {
    void Promise.reject(new Error("a rejection that nobody catches"));
  },
};

class FaultyStore extends MemoryStore {
  override commit(components: readonly Component[]): readonly number[] {
    for (const { changes } of components) {
      for (const { key } of changes) faults[key.id]?.();
    }
    return super.commit(components);
  }
}

const resolution = resolveConfig(
  { args: process.argv.slice(2), environment: {}, workingDirectory: "/", home: "/" },
  { names: settingNames, usual: {} },
);
if (resolution.kind !== "config") throw new Error(JSON.stringify(resolution));
const { config } = resolution;
const sink = new StreamSink(process.stdout);
const logger = new Logger({ level: "info", format: "json", sink });
const openStore = () => ({
  kind: "own" as const,
  store: new FaultyStore(),
  fields: {},
  missedCount: () => 0,
  close: () => undefined,
});
const code = await runServer({ config, logger, openStore });
await sink.flush();
process.exit(code);
