// A search over promises as one SQL statement, and the choice of the index that leads it. Rows come
// lazily and newest first, so that a page ends where it is full. What leads, in this order:
//
//   Q1. A whole id: the key.
//   Q2. A prefix that few ids share: their range, sorted.
//   Q3. A tag: its index, which is in order already; the other tags are looked up.
//   Q4. States: a walk along the index of states for each, merged. Overdue promises are few or many,
//       as ids are: few are sorted, many are found on the walk over all that is pending.
//   Q5. Nothing: the table itself, backwards.

import { type CompiledQuery, type Expression, sql } from "kysely";
import type { InstantMs } from "../kernel/ids.ts";
import type { PromiseQuery, StateFilter } from "../kernel/search.ts";
import { tables } from "./queries.ts";
import type { FoundRow } from "./rows.ts";
import {
  type Condition,
  eb,
  idsFrom,
  type Numbers,
  numbersWhere,
  type Shapes,
  withTags,
} from "./sqlite-shapes.ts";

const columns = ["s.number", "s.id", "s.schema", "s.snapshot"] as const;

export class Search {
  readonly #shapes: Shapes;

  constructor(shapes: Shapes) {
    this.#shapes = shapes;
  }

  /** As many rows as match; the reader stops where it likes. */
  run(query: PromiseQuery): IterableIterator<FoundRow> {
    const { sql: text, parameters } = this.plan(query);
    return this.#shapes.prepare<FoundRow>(text).iterate(...parameters);
  }

  plan(query: PromiseQuery): CompiledQuery<FoundRow> {
    const { pattern, tags, limit } = query;
    const areFew = (numbers: Numbers) => this.#shapes.areFew(numbers, limit);
    if (!pattern.includes("*")) return one(query);
    const prefix = pattern.slice(0, pattern.indexOf("*"));
    const ids = numbersWhere(idsFrom("promise", prefix));
    if (prefix !== "" && areFew(ids)) return among(query, ids);
    const [lead] = tags;
    if (lead !== undefined) return tagged(query, lead);
    if (query.anyOf === null) return all(query);
    return walks(query, query.anyOf, (filter) => areFew(overdue(filter, query.now)));
  }
}

/** Q1. */
function one(query: PromiseQuery): CompiledQuery<FoundRow> {
  const key = [eb("s.kind", "=", "promise"), eb("s.id", "=", query.pattern)];
  return matching([...key, ...before(query), ...states(query), ...withTags(query.tags)]).compile();
}

/** Q2. */
function among(query: PromiseQuery, ids: Numbers): CompiledQuery<FoundRow> {
  const isAmong = [eb("s.number", "in", ids), ...before(query)];
  return matching([
    ...isAmong,
    ...pattern(query),
    ...states(query),
    ...withTags(query.tags),
  ]).compile();
}

/** Q3. */
function tagged(query: PromiseQuery, [name, value]: readonly [string, string]) {
  const others = new Map(query.tags);
  others.delete(name);
  return tables
    .selectFrom("tags as t")
    .crossJoin("streams as s") // in this order: the tag leads
    .select(columns)
    .whereRef("s.number", "=", "t.stream")
    .where("t.name", "=", name)
    .where("t.value", "=", value)
    .where(query.before === null ? eb.lit(true) : eb("t.stream", "<", query.before))
    .where(eb.and([...pattern(query), ...states(query), ...withTags(others)]))
    .orderBy("t.stream", "desc")
    .compile();
}

/** Q4. */
function walks(
  query: PromiseQuery,
  anyOf: readonly StateFilter[],
  areFew: (filter: StateFilter) => boolean,
): CompiledQuery<FoundRow> {
  const [first, ...others] = anyOf.map((filter) => {
    const isOverdue = filter.state === "pending" && filter.isPast === true;
    const isShort = isOverdue && areFew(filter);
    const leads = isShort
      ? [eb("s.number", "in", overdue(filter, query.now))]
      : holds(filter, query.now, eb.ref("s.state"));
    return walk([...leads, ...before(query), ...pattern(query)]);
  });
  if (first === undefined) return walk([eb.lit(false)]).compile();
  return others
    .reduce((merged, next) => merged.unionAll(next), first)
    .orderBy("number", "desc")
    .compile();
}

/** Q5. */
function all(query: PromiseQuery): CompiledQuery<FoundRow> {
  return matching([eb("s.state", "is not", null), ...before(query), ...pattern(query)]).compile();
}

function matching(conditions: readonly Condition[]) {
  return walk(conditions).orderBy("s.number", "desc");
}

function walk(conditions: readonly Condition[]) {
  return tables.selectFrom("streams as s").select(columns).where(eb.and(conditions));
}

/** Armed deadlines stand in the index of due dates, the others in one of their own. */
function overdue({ isTimer }: StateFilter, now: InstantMs): Numbers {
  const past = BigInt(now);
  const isAsked = isTimer === null ? eb.lit(true) : eb("s.is_timer", "=", isTimer ? 1 : 0);
  const isOverdue = [eb(sql<string>`+s.state`, "=", "pending"), eb("s.timeout_at", "<=", past)];
  const armed = numbersWhere([eb("s.due_at", "<=", past), ...isOverdue, isAsked]);
  // Named, because the planner would rather walk all that is pending.
  return armed.unionAll(sql<{ readonly number: number }>`select s.number
    from streams as s indexed by streams_unarmed
    where s.due_at is null and s.state = 'pending' and s.timeout_at <= ${past} and ${isAsked}`);
}

function before({ before: number }: PromiseQuery): readonly Condition[] {
  return number === null ? [] : [eb("s.number", "<", number)];
}

function pattern({ pattern: text }: PromiseQuery): readonly Condition[] {
  if (/^\*+$/.test(text)) return [];
  const escaped = text.replace(/[?[]/g, "[$&]").replace(/\*+/g, "*");
  return [eb("s.id", sql`glob`, escaped)];
}

function states({ anyOf, now }: PromiseQuery): readonly Condition[] {
  if (anyOf === null) return [eb("s.state", "is not", null)];
  const unindexed = sql<string>`+s.state`; // something else leads, and its order must not be lost
  return [eb.or(anyOf.map((filter) => eb.and(holds(filter, now, unindexed))))];
}

function holds(
  { state, isPast, isTimer }: StateFilter,
  now: InstantMs,
  column: Expression<string | null>,
): readonly Condition[] {
  const conditions: Condition[] = [eb(column, "=", state)];
  if (isPast !== null) conditions.push(eb("s.timeout_at", isPast ? "<=" : ">", BigInt(now)));
  if (isTimer !== null) conditions.push(eb("s.is_timer", "=", isTimer ? 1 : 0));
  return conditions;
}
