// `resonate invoke`: calls a function by hand, as the SDKs do.

import { Refused } from "./ask.ts";
import type { Row } from "./row.ts";
import { call, target, timeout, toCall, toDeadline } from "./values.ts";

export const invoke: Row = {
  name: "invoke",
  summary: "runs a function on a worker, durably",
  positionals: ["id"],
  flags: { func: call.func, arg: call.arg, target, version: call.version, timeout },
  ask: async (given, ask) => {
    const { flag, positionals } = given;
    const [id] = positionals;
    if (flag("func") === "") throw new Refused("--func is needed: which function to run");
    const lineage = ["origin", "branch", "parent"].map((name) => [`resonate:${name}`, id]);
    const tags = { "resonate:target": flag("target"), ...Object.fromEntries(lineage) };
    const rest = { timeoutAt: toDeadline(given), param: toCall(given), tags };
    return await ask("promise.create", { id, ...rest });
  },
};
