// A search over promises as one SQL statement, and the choice of the index that leads it. Rows come
// lazily and newest first, so that a page ends where it is full. What leads, in this order:
//
//   Q1. A whole id: the key.
//   Q2. A prefix that few ids share: their range, sorted.
//   Q3. A tag: its index, which is in order already; the other tags are looked up.
//   Q4. States: a walk along the index of states for each, merged. Overdue promises are few or many,
//       as ids are: few are sorted, many are found on the walk over all that is pending.
//   Q5. Nothing: the table itself, backwards.

import type { Database, Statement } from "better-sqlite3";
import { type CompiledQuery, type Expression, expressionBuilder, type SqlBool, sql } from "kysely";
import type { InstantMs } from "../kernel/ids.ts";
import type { PromiseQuery, StateFilter } from "../kernel/search.ts";
import type { Tags } from "../kernel/value.ts";
import { selectEnd, tables } from "./queries.ts";
import type { FoundRow } from "./rows.ts";
import type { Tables } from "./schema.ts";
import { successor } from "./successor.ts";

type Condition = Expression<SqlBool>;
type Numbers = ReturnType<typeof numbersWhere>;

/** More rows than that are never sorted, nor counted. Arbitrary: some 3 ms. */
const fewMax = 10_000;

/** Rows walked past in the time that it takes to sort one, at most. Measured: see DESIGN.md. */
const walkedPerSorted = 3;

/** Shapes of statements that are kept prepared; far fewer are in use. */
const shapesMax = 256;

/** SQLite sorts a blob behind every text. */
const behindAllTexts = Buffer.alloc(0);

const columns = ["s.number", "s.id", "s.schema", "s.snapshot"] as const;
const eb = expressionBuilder<
  Tables & { readonly s: Tables["streams"]; readonly t: Tables["tags"] },
  "s" | "t"
>();

export class Search {
  readonly #database: Database;
  readonly #statements = new Map<string, Statement<unknown[], unknown>>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** As many rows as match; the reader stops where it likes. */
  run(query: PromiseQuery): IterableIterator<FoundRow> {
    const { sql: text, parameters } = this.plan(query);
    return this.#prepare<FoundRow>(text).iterate(...parameters);
  }

  plan(query: PromiseQuery): CompiledQuery<FoundRow> {
    const { pattern, tags } = query;
    if (!pattern.includes("*")) return one(query);
    const prefix = pattern.slice(0, pattern.indexOf("*"));
    if (prefix !== "" && this.#areFew(idsFrom(prefix), query)) return among(query, idsFrom(prefix));
    const [lead] = tags;
    if (lead !== undefined) return tagged(query, lead);
    if (query.anyOf === null) return all(query);
    return walks(query, query.anyOf, (filter) => this.#areFew(overdue(filter, query.now), query));
  }

  /**
   * Whether it is cheaper to sort all `count` rows than to walk, newest first, until the page is full.
   * A walk meets one of them every `total / count` rows, and wants `limit + 1`; so sorting wins while
   * `count² <= 3 · total · (limit + 1)`, and it is enough to count up to the root of that. But they may
   * all be old, and then a walk passes everything: where that costs more than any sort, none that can
   * be sorted is walked for. The end of the log stands for the total, which nobody counts.
   */
  #areFew(numbers: Numbers, { limit }: PromiseQuery): boolean {
    const [log] = this.#prepare<{ readonly end: number | null }>(selectEnd).all();
    const total = log?.end ?? 0;
    const even = Math.floor(Math.sqrt(walkedPerSorted * total * (limit + 1)));
    const most = total > walkedPerSorted * fewMax ? fewMax : Math.min(even, fewMax);
    const counted = tables
      .selectFrom(numbers.limit(most + 1).as("few"))
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .compile();
    const select = this.#prepare<{ readonly count: number }>(counted.sql);
    return select.all(...counted.parameters).every(({ count }) => count <= most); // of one row
  }

  #prepare<Row>(text: string): Statement<unknown[], Row> {
    const known = this.#statements.get(text);
    if (known !== undefined) return known as Statement<unknown[], Row>; // the text says what a row is
    if (this.#statements.size >= shapesMax) this.#statements.clear();
    const statement = this.#database.prepare<unknown[], Row>(text);
    this.#statements.set(text, statement);
    return statement;
  }
}

/** Q1. */
function one(query: PromiseQuery): CompiledQuery<FoundRow> {
  const key = [eb("s.kind", "=", "promise"), eb("s.id", "=", query.pattern)];
  return matching([...key, ...before(query), ...states(query), ...tags(query.tags)]).compile();
}

/** Q2. */
function among(query: PromiseQuery, ids: Numbers): CompiledQuery<FoundRow> {
  const isAmong = [eb("s.number", "in", ids), ...before(query)];
  return matching([...isAmong, ...pattern(query), ...states(query), ...tags(query.tags)]).compile();
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
    .where(eb.and([...pattern(query), ...states(query), ...tags(others)]))
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

function numbersWhere(conditions: readonly Condition[]) {
  return tables.selectFrom("streams as s").select("s.number").where(eb.and(conditions));
}

/** By bytes of UTF-8, which sort like code points. */
function idsFrom(prefix: string): Numbers {
  const end = sql<string>`${successor(prefix) ?? behindAllTexts}`;
  const isFrom = [eb("s.id", ">=", prefix), eb("s.id", "<", end)];
  return numbersWhere([eb("s.kind", "=", "promise"), ...isFrom]);
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

/** One parameter, so that there is one shape however many they are. */
function tags(wanted: Tags): readonly Condition[] {
  if (wanted.size === 0) return [];
  const isMissing = sql`select 1 from json_each(${JSON.stringify([...wanted])}) as w
    where not exists (select 1 from tags as x
      where x.name = w.value ->> 0 and x.value = w.value ->> 1 and x.stream = s.number)`;
  return [sql<SqlBool>`not exists (${isMissing})`];
}
