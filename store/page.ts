// One page of something long: cut at a number of rows or at their weight (kernel/search.ts, R4).

export type Bounds = { readonly limit: number; readonly weightMax: number };

export type Reading<Stored, Row> = {
  /** Not asked of the row beyond the page: it has come out of the store, and need not be decodable. */
  readonly read: (stored: Stored) => Row;
  readonly weight: (row: Row) => number;
};

/** @param stored gives one row beyond the page, which tells that there is more, and is left there */
export function page<Stored, Row>(
  stored: Iterable<Stored>,
  { limit, weightMax }: Bounds,
  { read, weight }: Reading<Stored, Row>,
): { readonly rows: readonly Row[]; readonly hasMore: boolean } {
  const rows: Row[] = [];
  let sum = 0;
  for (const each of stored) {
    if (rows.length >= limit || sum >= weightMax) return { rows, hasMore: true };
    const row = read(each);
    rows.push(row);
    sum += weight(row);
  }
  return { rows, hasMore: false };
}
