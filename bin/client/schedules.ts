// `resonate schedules`: what is called again and again.

import { Refused } from "./ask.ts";
import { table } from "./print.ts";
import type { Given, Row } from "./row.ts";
import {
  call,
  paging,
  payload,
  tags,
  target,
  timeout,
  toCall,
  toMs,
  toPayload,
  toSearch,
  toTags,
} from "./values.ts";

export const schedules: readonly Row[] = [
  {
    name: "schedules get",
    summary: "shows a schedule",
    positionals: ["id"],
    flags: {},
    ask: ({ positionals: [id] }, ask) => ask("schedule.get", { id }),
  },
  {
    name: "schedules search",
    summary: "lists schedules, by id",
    positionals: [],
    flags: { tag: { ...tags, meaning: "only those with this tag; may be repeated" }, ...paging },
    ask: (given, ask) => ask("schedule.search", toSearch(given)),
    print: (answer) => table("schedules", answer),
  },
  {
    name: "schedules create",
    summary: "creates a schedule, or shows the one that is there",
    positionals: ["id"],
    flags: {
      cron: { placeholder: "text", usual: "", meaning: "when: five fields, or six with seconds" },
      zone: { placeholder: "name", usual: "", meaning: "time zone of the fields; UTC without" },
      ...call,
      ...payload,
      target,
      "promise-id": {
        placeholder: "template",
        usual: "{{.id}}-{{.timestamp}}",
        meaning: "id of each promise",
      },
      timeout: {
        ...timeout,
        meaning: "from a date to its deadline: a number with ms, s, m, h or d",
      },
      tag: { ...tags, meaning: "tag of each promise; may be repeated" },
    },
    ask: async (given, ask) => {
      const { flag, positionals } = given;
      if (flag("cron") === "") throw new Refused("--cron is needed: when to run");
      return await ask("schedule.create", {
        id: positionals[0],
        cron: flag("cron"),
        promiseId: flag("promise-id"),
        promiseTimeout: toMs("timeout", flag("timeout")),
        promiseParam: toParam(given),
        promiseTags: {
          "resonate:target": flag("target"),
          ...(flag("zone") !== "" && { "resonate:timezone": flag("zone") }),
          ...toTags(given),
        },
      });
    },
  },
  {
    name: "schedules delete",
    summary: "deletes a schedule; what it has created stays",
    positionals: ["id"],
    flags: {},
    ask: ({ positionals: [id] }, ask) => ask("schedule.delete", { id }),
  },
];

function toParam(given: Given): unknown {
  const isCall = given.flag("func") !== "";
  const param = toPayload(given);
  if (isCall && param.data !== undefined) {
    throw new Refused("--func and a payload exclude each other");
  }
  return isCall ? toCall(given) : param;
}
