// What a replay file may say that a client means to do (replay.ts): checked to the last field.

import { int64Max } from "../kernel/ids.ts";
import * as shape from "./json-shape.ts";
import type {
  Action,
  CreateAction,
  Deadline,
  ListAction,
  PairList,
  PlainValue,
  SettleAction,
} from "./plan.ts";

const count = shape.whole(0);

/** Text as the API lets it through to the kernel. */
const clean: shape.Shape<string> = (value, path) => {
  const read = shape.text()(value, path);
  const isClean = read.isWellFormed() && !read.includes("\0");
  return isClean ? read : shape.damage(path, "without NUL and lone surrogates", value);
};

const id: shape.Shape<string> = (value, path) => {
  return value === "" ? shape.damage(path, "an id", value) : clean(value, path);
};

const pairs: shape.Shape<PairList> = shape.list(shape.pair(clean, clean));

const plainValue = shape.object<PlainValue>({
  headers: shape.nullable(pairs),
  data: shape.nullable(clean),
});

const instant: shape.Shape<string> = (value, path) => {
  const isDecimal = typeof value === "string" && /^(0|[1-9]\d{0,18})$/.test(value);
  const isInstant = isDecimal && BigInt(value) <= int64Max;
  return isInstant ? value : shape.damage(path, `decimal text from 0 to ${int64Max}`, value);
};

const anyWhole = shape.whole(Number.MIN_SAFE_INTEGER);
const deadline = shape.tagged<Deadline>({
  from: {
    request: shape.object({ from: shape.oneOf("request"), ms: anyWhole }),
    start: shape.object({ from: shape.oneOf("start"), ms: anyWhole }),
    epoch: shape.object({ from: shape.oneOf("epoch"), ms: instant }),
  },
});

/** A number is a place; the words depend on the action. */
function place<Word extends string>(...words: readonly Word[]): shape.Shape<Word | number> {
  const word = shape.oneOf(...words);
  return (value, path) => (typeof value === "number" ? count : word)(value, path);
}

const conditions = { key: shape.nullable(clean), strict: shape.flag } as const;

const outcome = shape.oneOf("resolved", "rejected", "canceled");
const createShape = shape.object({
  kind: shape.oneOf("create"),
  id,
  deadline,
  param: plainValue,
  tags: pairs,
  ...conditions,
  isExternal: shape.flag,
});
const settleShape = shape.object({
  kind: shape.oneOf("settle"),
  id,
  outcome: outcome,
  value: plainValue,
  ...conditions,
});
const change = shape.tagged<CreateAction | SettleAction>({
  kind: { create: createShape, settle: settleShape },
});

const ofTask = { id, lag: anyWhole } as const;
const lease = { pid: shape.text(), ttl: shape.whole(1) } as const;

/** Of the tasks, and of what only the current protocol can say. */
const taskActions = {
  look: shape.object({ kind: shape.oneOf("look"), id }),
  halt: shape.object({ kind: shape.oneOf("halt"), id }),
  continue: shape.object({ kind: shape.oneOf("continue"), id }),
  acquire: shape.object({ kind: shape.oneOf("acquire"), ...ofTask, ...lease }),
  start: shape.object({ kind: shape.oneOf("start"), ...lease, action: createShape }),
  release: shape.object({ kind: shape.oneOf("release"), ...ofTask }),
  heartbeat: shape.object({ kind: shape.oneOf("heartbeat"), ...ofTask, pid: shape.text() }),
  fulfill: shape.object({ kind: shape.oneOf("fulfill"), ...ofTask, outcome, value: plainValue }),
  suspend: shape.object({ kind: shape.oneOf("suspend"), ...ofTask, awaited: shape.list(id) }),
  fence: shape.object({ kind: shape.oneOf("fence"), ...ofTask, action: change }),
  listen: shape.object({ kind: shape.oneOf("listen"), awaited: id, address: shape.text() }),
  share: shape.object({ kind: shape.oneOf("share"), action: change }),
} as const;

const listAfter: shape.Shape<ListAction["after"]> = (value, path) => {
  if (typeof value === "string") return shape.oneOf("start", "next")(value, path);
  return shape.object({ id: clean })(value, path);
};
const ofList = { idPrefix: clean, after: listAfter, limit: shape.whole(1) } as const;

/** Of the schedules, and the searches by id. */
const laterActions = {
  schedule: shape.object({
    kind: shape.oneOf("schedule"),
    ...{ id, cron: clean, promiseId: id, promiseTimeout: instant, param: plainValue, tags: pairs },
  }),
  show: shape.object({ kind: shape.oneOf("show"), id }),
  unschedule: shape.object({ kind: shape.oneOf("unschedule"), id }),
  list_promises: shape.object({
    kind: shape.oneOf("list_promises"),
    ...ofList,
    state: shape.nullable(shape.oneOf("pending", "resolved", "rejected", "canceled", "timedout")),
    tags: pairs,
  }),
  list_tasks: shape.object({
    kind: shape.oneOf("list_tasks"),
    ...ofList,
    state: shape.nullable(shape.oneOf("pending", "acquired", "suspended", "halted", "fulfilled")),
  }),
  list_schedules: shape.object({ kind: shape.oneOf("list_schedules"), ...ofList, tags: pairs }),
} as const;

export const action = shape.tagged<Action>({
  kind: {
    create: createShape,
    settle: settleShape,
    ...taskActions,
    get: shape.object({ kind: shape.oneOf("get"), id }),
    callback: shape.object({
      kind: shape.oneOf("callback"),
      awaited: id,
      awaiter: id,
    }),
    search: shape.object({
      kind: shape.oneOf("search"),
      pattern: clean,
      state: shape.nullable(shape.oneOf("pending", "resolved", "rejected")),
      tags: pairs,
      limit: shape.whole(1),
      before: place("start", "next"),
    }),
    events: shape.object({
      kind: shape.oneOf("events"),
      of: shape.nullable(id),
      after: place("start", "next"),
      limit: shape.whole(1),
    }),
    ...laterActions,
  },
});
