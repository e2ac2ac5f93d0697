// A search of the current protocol as one statement of Postgres, in the order of ids. A branch leads if
// one is asked for; else whether ids, tags or states are walked or sorted is left to the planner, which
// knows how many there are. Tags of schedules are left to the reader, as on SQLite (sqlite-list.ts).

import { type CompiledQuery, sql } from "kysely";
import type { ListFilter, ListQuery } from "../kernel/list.ts";
import { digest } from "./postgres-plan.ts";
import type { PostgresListed } from "./postgres-rows.ts";
import { type Condition, eb, idsFrom, tables, weighed, withTags } from "./postgres-shapes.ts";

const branchTag = "resonate:branch";

/** @param after only ids behind this one; null: from the first */
export function list(query: ListQuery, after: string | null): CompiledQuery<PostgresListed> {
  const { of: kind, idPrefix, limit, weightMax } = query;
  const behind = after === null ? [] : [eb("s.id", ">", upToNul(after))];
  const conditions = [eb("s.kind", "=", kind), ...idsFrom(idPrefix), ...behind, ...asked(query)];
  const found = tables
    .selectFrom("streams as s")
    .select(["s.kind", "s.id", "s.schema", "s.snapshot", "s.weight"])
    .where(eb.and(conditions))
    .orderBy("s.id")
    .limit(limit + 1);
  return tables
    .selectFrom(weighed(found, sql`id`))
    .select(["w.kind", "w.id", "w.schema", "w.snapshot", "w.available"])
    .where("w.before", "<=", BigInt(weightMax))
    .orderBy("w.id")
    .compile();
}

/** NUL stands in no id and in no text of Postgres: what is behind the one is behind the other. */
function upToNul(text: string): string {
  const [before = ""] = text.split("\0", 1);
  return before;
}

function asked({ of: kind, tags, anyOf, now }: ListQuery): readonly Condition[] {
  if (kind === "schedule") return [];
  const states =
    anyOf === null
      ? eb("s.state", "is not", null)
      : eb.or(anyOf.map((filter) => eb.and(holds(filter, BigInt(now)))));
  const branch = tags.get(branchTag) ?? "";
  if (branch === "") return [states, ...withTags(tags)];
  const others = new Map(tags);
  others.delete(branchTag);
  return [states, eb("s.branch", "=", digest(branch)), ...withTags(others)];
}

function holds({ promise, tasks, isPast, isTimer }: ListFilter, now: bigint): Condition[] {
  const conditions: Condition[] = [eb("s.state", "is not", null)];
  if (promise !== null) conditions.push(eb("s.state", "=", promise));
  if (tasks !== null) conditions.push(eb("s.task_state", "in", [...tasks]));
  if (isPast !== null) conditions.push(eb("s.timeout_at", isPast ? "<=" : ">", now));
  if (isTimer !== null) conditions.push(eb("s.is_timer", "=", isTimer));
  return conditions;
}
