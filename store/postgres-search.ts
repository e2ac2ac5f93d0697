// A search over promises as one statement of Postgres. What leads is as on SQLite (sqlite-search.ts): a
// whole id its key; a tag its index; else a branch for each state, newest first and no longer than the
// page, merged. Postgres keeps statistics, so whether few ids share a prefix, or few are overdue, is
// left to its planner.
//
// Rows beyond what a page may weigh are not read: the statement sums up stored weights, which are never
// less than what a found promise weighs. So a page may have to be gone on with.

import { type AliasedSelectQueryBuilder, type CompiledQuery, sql } from "kysely";
import type { InstantMs } from "../kernel/ids.ts";
import type { PromiseQuery, StateFilter } from "../kernel/search.ts";
import { tagDigest } from "./postgres-plan.ts";
import type { PostgresFound } from "./postgres-rows.ts";
import type { PostgresTables } from "./postgres-schema.ts";
import { type Condition, eb, idsFrom, tables, weighed, withTags } from "./postgres-shapes.ts";

type Row = Pick<PostgresTables["streams"], "number" | "id" | "schema" | "snapshot" | "weight">;
type Branch = { limit(count: number): { as(name: "b"): AliasedSelectQueryBuilder<Row, "b"> } };

const columns = ["s.number", "s.id", "s.schema", "s.snapshot", "s.weight"] as const;

/** @param before only promises created before this one; null: from the newest */
export function search(query: PromiseQuery, before: bigint | null): CompiledQuery<PostgresFound> {
  const limit = query.limit + 1;
  const parts = branches(query, before).map((branch) => nested(branch.limit(limit).as("b")));
  const [first = nested(walk([eb.lit(false)]).as("b")), ...others] = parts;
  const merged = others.reduce((left, right) => left.unionAll(right), first);
  const found = merged.orderBy("number", "desc").limit(limit);
  return tables
    .selectFrom(weighed(found, sql`number desc`))
    .select(["w.number", "w.id", "w.schema", "w.snapshot", "w.available"])
    .where("w.before", "<=", BigInt(query.weightMax))
    .orderBy("w.number", "desc")
    .compile();
}

/** So that each branch has an order and a limit of its own. */
function nested(branch: AliasedSelectQueryBuilder<Row, "b">) {
  return tables.selectFrom(branch).selectAll("b");
}

function branches(query: PromiseQuery, before: bigint | null): readonly Branch[] {
  const { pattern, tags, anyOf, now } = query;
  const common = [eb("s.kind", "=", "promise"), ...older(before), ...matching(pattern)];
  const [lead] = tags;
  if (lead !== undefined && pattern.includes("*")) return [tagged(query, lead, before)];
  const narrow = [...common, ...withTags(tags)];
  if (!pattern.includes("*") || anyOf === null) return [walk([...narrow, ...states(query)])];
  return anyOf.flatMap((filter) => {
    const isOverdue = filter.state === "pending" && filter.isPast === true;
    const held = [...narrow, ...holds(filter, now)];
    if (!isOverdue) return [walk(held)];
    // Armed deadlines stand in the index of due dates, the others in one of their own.
    const armed = eb("s.due_at", "<=", BigInt(now));
    return [walk([...held, armed]), walk([...held, eb("s.due_at", "is", null)])];
  });
}

function walk(conditions: readonly Condition[]) {
  return tables
    .selectFrom("streams as s")
    .select(columns)
    .where(eb.and(conditions))
    .orderBy("s.number", "desc");
}

/** The tag leads, in its own order, which is that of the page; the other tags are looked up. */
function tagged(query: PromiseQuery, lead: readonly [string, string], before: bigint | null) {
  const [name, value] = lead;
  const others = new Map(query.tags);
  others.delete(name);
  return tables
    .selectFrom("tags as t")
    .innerJoin("streams as s", (join) => {
      return join.onRef("s.kind", "=", "t.kind").onRef("s.id", "=", "t.id");
    })
    .select(columns)
    .where("t.tag", "=", tagDigest(name, value))
    .where("t.kind", "=", "promise")
    .where(before === null ? eb.lit(true) : eb("t.stream", "<", before))
    .where(eb.and([...matching(query.pattern), ...states(query), ...withTags(others)]))
    .orderBy("t.stream", "desc");
}

function older(before: bigint | null): readonly Condition[] {
  return before === null ? [] : [eb("s.number", "<", before)];
}

function matching(pattern: string): readonly Condition[] {
  if (!pattern.includes("*")) return [eb("s.id", "=", pattern)];
  if (/^\*+$/.test(pattern)) return [];
  const like = pattern.replace(/[\\%_]/g, "\\$&").replace(/\*+/g, "%");
  const isLike = eb("s.id", "like", like);
  const prefix = pattern.slice(0, pattern.indexOf("*"));
  return [...idsFrom(prefix), isLike];
}

function states({ anyOf, now }: PromiseQuery): readonly Condition[] {
  if (anyOf === null) return [eb("s.state", "is not", null)];
  return [eb.or(anyOf.map((filter) => eb.and(holds(filter, now))))];
}

function holds({ state, isPast, isTimer }: StateFilter, now: InstantMs): readonly Condition[] {
  const conditions: Condition[] = [eb("s.state", "=", state)];
  if (isPast !== null) conditions.push(eb("s.timeout_at", isPast ? "<=" : ">", BigInt(now)));
  if (isTimer !== null) conditions.push(eb("s.is_timer", "=", isTimer));
  return conditions;
}
