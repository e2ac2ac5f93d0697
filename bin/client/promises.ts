// `resonate promises`: by hand, what programs do.

import { table } from "./print.ts";
import type { Row } from "./row.ts";
import {
  paging,
  payload,
  tags,
  timeout,
  toDeadline,
  toPayload,
  toSearch,
  toTags,
} from "./values.ts";

const states = { resolve: "resolved", reject: "rejected", cancel: "rejected_canceled" } as const;

export const promises: readonly Row[] = [
  {
    name: "promises get",
    summary: "shows a promise",
    positionals: ["id"],
    flags: {},
    ask: ({ positionals: [id] }, ask) => ask("promise.get", { id }),
  },
  {
    name: "promises search",
    summary: "lists promises, by id",
    positionals: [],
    flags: {
      state: {
        placeholder: "state",
        usual: "",
        meaning: "pending, resolved, rejected, rejected_canceled or rejected_timedout",
      },
      tag: { ...tags, meaning: "only those with this tag; may be repeated" },
      ...paging,
    },
    ask: (given, ask) => ask("promise.search", toSearch(given)),
    print: (answer) => table("promises", answer),
  },
  {
    name: "promises create",
    summary: "creates a promise, or shows the one that is there",
    positionals: ["id"],
    flags: { timeout, ...payload, tag: tags },
    ask: async (given, ask) => {
      const [id] = given.positionals;
      const rest = { timeoutAt: toDeadline(given), param: toPayload(given), tags: toTags(given) };
      return await ask("promise.create", { id, ...rest });
    },
  },
  ...(["resolve", "reject", "cancel"] as const).map((verb): Row => {
    return {
      name: `promises ${verb}`,
      summary: `${verb}s a promise, or shows how it was settled`,
      positionals: ["id"],
      flags: payload,
      ask: async (given, ask) => {
        const [id] = given.positionals;
        return await ask("promise.settle", { id, state: states[verb], value: toPayload(given) });
      },
    };
  }),
];
