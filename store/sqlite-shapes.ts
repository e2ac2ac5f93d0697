// What searches share: statements of many shapes, prepared once for each, the choice between a sort and
// a walk, and conditions on what is indexed.

import type { Database, Statement } from "better-sqlite3";
import { type Expression, expressionBuilder, type SqlBool, sql } from "kysely";
import type { StreamKind } from "../kernel/stream.ts";
import type { Tags } from "../kernel/value.ts";
import { selectEnd, tables } from "./queries.ts";
import type { Tables } from "./schema.ts";
import { successor } from "./successor.ts";

export type Condition = Expression<SqlBool>;
export type Numbers = ReturnType<typeof numbersWhere>;

/** More rows than that are never sorted, nor counted. Arbitrary: some 3 ms. */
const fewMax = 10_000;

/** Rows walked past in the time that it takes to sort one, at most. Measured: see DESIGN.md. */
const walkedPerSorted = 3;

/** Shapes of statements that are kept prepared; far fewer are in use. */
const shapesMax = 256;

/** SQLite sorts a blob behind every text. */
const behindAllTexts = Buffer.alloc(0);

export const eb = expressionBuilder<
  Tables & { readonly s: Tables["streams"]; readonly t: Tables["tags"] },
  "s" | "t"
>();

export class Shapes {
  readonly #database: Database;
  readonly #statements = new Map<string, Statement<unknown[], unknown>>();

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Whether it is cheaper to sort all `count` rows than to walk, in order, until the page is full.
   * A walk meets one of them every `total / count` rows, and wants `limit + 1`; so sorting wins while
   * `count² <= 3 · total · (limit + 1)`, and it is enough to count up to the root of that. But they may
   * all come last, and then a walk passes everything: where that costs more than any sort, none that can
   * be sorted is walked for. The end of the log stands for the total, which nobody counts.
   */
  areFew(numbers: Numbers, limit: number): boolean {
    const [log] = this.prepare<{ readonly end: number | null }>(selectEnd).all();
    const total = log?.end ?? 0;
    const even = Math.floor(Math.sqrt(walkedPerSorted * total * (limit + 1)));
    const most = total > walkedPerSorted * fewMax ? fewMax : Math.min(even, fewMax);
    const counted = tables
      .selectFrom(numbers.limit(most + 1).as("few"))
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .compile();
    const select = this.prepare<{ readonly count: number }>(counted.sql);
    return select.all(...counted.parameters).every(({ count }) => count <= most); // of one row
  }

  prepare<Row>(text: string): Statement<unknown[], Row> {
    const known = this.#statements.get(text);
    if (known !== undefined) return known as Statement<unknown[], Row>; // the text says what a row is
    if (this.#statements.size >= shapesMax) this.#statements.clear();
    const statement = this.#database.prepare<unknown[], Row>(text);
    this.#statements.set(text, statement);
    return statement;
  }
}

/** Something else leads, and its order must not be lost. */
export function unindexed(column: "state" | "kind" | "id"): Expression<string> {
  return sql<string>`${sql.raw(`+s.${column}`)}`;
}

/** Which may lead. */
export function indexed(column: "kind" | "id"): Expression<string> {
  return sql<string>`${sql.raw(`s.${column}`)}`;
}

export function numbersWhere(conditions: readonly Condition[]) {
  return tables.selectFrom("streams as s").select("s.number").where(eb.and(conditions));
}

/** By bytes of UTF-8, which sort like code points. */
export function idsFrom(
  kind: StreamKind,
  prefix: string,
  column: typeof indexed = indexed,
): readonly Condition[] {
  const end = sql<string>`${successor(prefix) ?? behindAllTexts}`;
  const id = column("id");
  return [eb(column("kind"), "=", kind), eb(id, ">=", prefix), eb(id, "<", end)];
}

/** One parameter, so that there is one shape however many they are. */
export function withTags(wanted: Tags): readonly Condition[] {
  if (wanted.size === 0) return [];
  const isMissing = sql`select 1 from json_each(${JSON.stringify([...wanted])}) as w
    where not exists (select 1 from tags as x
      where x.name = w.value ->> 0 and x.value = w.value ->> 1 and x.stream = s.number)`;
  return [sql<SqlBool>`not exists (${isMissing})`];
}
