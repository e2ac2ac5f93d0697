// One page of something long: cut at a number of rows or at their weight (kernel/search.ts, R4).

export type Bounds = { readonly limit: number; readonly weightMax: number };

export type Reading<Stored, Row> = {
  /** A row beyond the page is not read, so it does not matter whether it could be. */
  readonly read: (stored: Stored) => Row;
  readonly weight: (row: Row) => number;
};

/** @param stored is left alone behind the first row that is beyond the page */
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
