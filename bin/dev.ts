// `resonate dev`: the server, on a store that is gone with it, telling all that it does.

import { MemoryStore } from "../store/memory.ts";
import { type Command, configured } from "./command.ts";
import { runServer } from "./server.ts";
import { type SettingName, settingNames } from "./settings.ts";

/** Of stores that are not opened. */
const isUnused = (name: SettingName) => /^(?:store|storeWorkers|sqlite.*|postgres.*)$/.test(name);

export const dev: Command = configured({
  name: "dev",
  summary: "serves promises from memory, to try things out: they are gone when it ends",
  scope: {
    names: settingNames.filter((name) => !isUnused(name)),
    usual: { logLevel: "debug" },
  },
  logsTo: "stdout",
  run: ({ config, logger }) => {
    const openStore = () => {
      const store = new MemoryStore();
      const missedCount = () => store.missedCount;
      const fields = { store: "memory" };
      return { kind: "own", store, fields, missedCount, close: () => undefined } as const;
    };
    return runServer({ config, logger, openStore });
  },
});
