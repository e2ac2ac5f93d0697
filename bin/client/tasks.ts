// `resonate tasks`: what waits for a worker, and who holds what.

import { table } from "./print.ts";
import type { Row } from "./row.ts";
import { paging, toSearch } from "./values.ts";

export const tasks: readonly Row[] = [
  one("get", "shows a task"),
  {
    name: "tasks search",
    summary: "lists tasks, by id",
    positionals: [],
    flags: {
      state: {
        placeholder: "state",
        usual: "",
        meaning: "pending, acquired, suspended, halted or fulfilled",
      },
      ...paging,
    },
    ask: (given, ask) => ask("task.search", toSearch(given)),
    print: (answer) => table("tasks", answer),
  },
  one("halt", "keeps a task from being run until it is continued"),
  one("continue", "lets a halted task be run again"),
];

function one(verb: "get" | "halt" | "continue", summary: string): Row {
  return {
    name: `tasks ${verb}`,
    summary,
    positionals: ["id"],
    flags: {},
    ask: ({ positionals: [id] }, ask) => ask(`task.${verb}`, { id }),
  };
}
