// What the searches of Postgres share: the tables as kysely knows them, which runs nothing here, and
// conditions on ids and tags.

import {
  DummyDriver,
  type Expression,
  expressionBuilder,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  type SelectQueryBuilder,
  type SqlBool,
  sql,
} from "kysely";
import type { Tags } from "../kernel/value.ts";
import { tagDigest } from "./postgres-plan.ts";
import type { PostgresTables } from "./postgres-schema.ts";
import { successor } from "./successor.ts";

export type Condition = Expression<SqlBool>;

export const tables = new Kysely<PostgresTables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export const eb = expressionBuilder<
  PostgresTables & {
    readonly s: PostgresTables["streams"];
    readonly t: PostgresTables["tags"];
  },
  "s" | "t"
>();

/** By bytes of UTF-8; "": any id. */
export function idsFrom(prefix: string): readonly Condition[] {
  if (prefix === "") return [];
  const end = successor(prefix);
  const isBefore = end === null ? [] : [eb("s.id", "<", end)];
  return [eb("s.id", ">=", prefix), ...isBefore];
}

/** Each is one look into the index of tags. */
export function withTags(tags: Tags): readonly Condition[] {
  return [...tags].map(([name, value]) => {
    return sql<SqlBool>`exists (select 1 from tags as x
      where x.tag = ${tagDigest(name, value)} and x.stream = s.number)`;
  });
}

/**
 * Found rows, with how many there are and what those before each weigh, by which a page is cut.
 *
 * @param order of the rows, by one of their columns
 */
export function weighed<Row extends { readonly weight: bigint }>(
  found: SelectQueryBuilder<PostgresTables, never, Row>,
  order: RawBuilder<unknown>,
) {
  return tables
    .selectFrom(found.as("f"))
    .selectAll("f")
    .select(({ fn }) => fn.countAll<bigint>().over().as("available"))
    .select(
      sql<bigint>`sum(weight) over (order by ${order} rows unbounded preceding) - weight`.as(
        "before",
      ),
    )
    .as("w");
}
