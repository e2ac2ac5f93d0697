// A search of the current protocol as one SQL statement: rows lazily, in the order of ids, so that a page
// ends where it is full. What leads, in this order:
//
//   N1. A branch: its index, which is in order already (protocol.md §5, preload).
//   N2. A prefix that few ids share: the index of ids, from the prefix or the cursor on.
//   N3. A tag that few have, or that which is pending if that is few: sorted.
//   N4. The index of ids.

import { type CompiledQuery, type SqlBool, sql } from "kysely";
import type { ListFilter, ListQuery } from "../kernel/list.ts";
import { selectBranch, tables } from "./queries.ts";
import type { ListedRow } from "./rows.ts";
import {
  type Condition,
  eb,
  idsFrom,
  indexed,
  type Numbers,
  numbersWhere,
  type Shapes,
  unindexed,
  withTags,
} from "./sqlite-shapes.ts";

const columns = ["s.kind", "s.id", "s.schema", "s.snapshot"] as const;
const branchTag = "resonate:branch";

export class ListSearch {
  readonly #shapes: Shapes;

  constructor(shapes: Shapes) {
    this.#shapes = shapes;
  }

  /** As many rows as match; the reader stops where it likes. Tags of schedules are left to it. */
  run(query: ListQuery): IterableIterator<ListedRow> {
    const branch = onlyBranch(query);
    if (branch !== null) return this.#shapes.prepare<ListedRow>(selectBranch).iterate(branch);
    const { sql: text, parameters } = this.plan(query);
    return this.#shapes.prepare<ListedRow>(text).iterate(...parameters);
  }

  plan(query: ListQuery): CompiledQuery<ListedRow> {
    const { of: kind, tags, anyOf } = query;
    const ids = idsOf(query, indexed);
    if (kind === "schedule") return inOrder(ids);
    const filters = [...there(anyOf), ...states(query)];
    const branch = tags.get(branchTag) ?? "";
    if (branch !== "") {
      const others = new Map(tags);
      others.delete(branchTag);
      return inOrder([eb("s.branch", "=", branch), ...ids, ...filters, ...withTags(others)]); // N1
    }
    const lead = this.#lead(query, ids);
    if (lead === null) return inOrder([...ids, ...filters, ...withTags(tags)]); // N2, N4
    const bounds = idsOf(query, unindexed);
    return inOrder([eb("s.number", "in", lead), ...bounds, ...filters, ...withTags(tags)]); // N3
  }

  #lead({ idPrefix, tags, anyOf, limit }: ListQuery, ids: readonly Condition[]): Numbers | null {
    if (idPrefix !== "" && this.#shapes.areFew(numbersWhere(ids), limit)) return null;
    const [tag] = tags;
    const candidates: Numbers[] = [];
    if (tag !== undefined) candidates.push(tagged(tag));
    const isPending = anyOf?.every(isOfPending) ?? false;
    if (isPending) candidates.push(numbersWhere([eb("s.state", "=", "pending")]));
    return candidates.find((numbers) => this.#shapes.areFew(numbers, limit)) ?? null;
  }
}

function idsOf(
  { of: kind, idPrefix, after }: ListQuery,
  column: typeof indexed,
): readonly Condition[] {
  const behind = after === null ? [] : [eb(column("id"), ">", after)];
  return [...idsFrom(kind, idPrefix, column), ...behind];
}

/** N1. Of a question for a branch and nothing else, as a preload is; null for any other. */
function onlyBranch({ of: kind, idPrefix, after, anyOf, tags }: ListQuery): string | null {
  const isWhole = idPrefix === "" && after === null && anyOf === null && tags.size === 1;
  return kind === "promise" && isWhole ? tags.get(branchTag) || null : null;
}

function inOrder(conditions: readonly Condition[]): CompiledQuery<ListedRow> {
  return tables
    .selectFrom("streams as s")
    .select(columns)
    .where(eb.and(conditions))
    .orderBy("s.id")
    .compile();
}

function tagged([name, value]: readonly [string, string]): Numbers {
  return numbersWhere([
    sql<SqlBool>`s.number in (select stream from tags where name = ${name} and value = ${value})`,
  ]);
}

/** Whether only promises that are stored as pending can match. */
function isOfPending({ promise, tasks }: ListFilter): boolean {
  return promise === "pending" || (tasks !== null && !tasks.includes("fulfilled"));
}

function there(anyOf: ListQuery["anyOf"]): readonly Condition[] {
  return anyOf === null ? [eb(unindexed("state"), "is not", null)] : [];
}

function states({ anyOf, now }: ListQuery): readonly Condition[] {
  if (anyOf === null) return [];
  return [
    eb.or(
      anyOf.map(({ promise, tasks, isPast, isTimer }) => {
        const conditions: Condition[] = [];
        if (promise !== null) conditions.push(eb(unindexed("state"), "=", promise));
        if (isPast !== null) conditions.push(eb("s.timeout_at", isPast ? "<=" : ">", BigInt(now)));
        if (isTimer !== null) conditions.push(eb("s.is_timer", "=", isTimer ? 1 : 0));
        if (tasks !== null) conditions.push(eb("s.task_state", "in", [...tasks])); // behind the snapshot
        return eb.and(conditions);
      }),
    ),
  ];
}
