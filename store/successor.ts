// The end of a range of texts that share a beginning, where texts are ordered by their bytes.

/** The first text behind all that begin with this one; null: there is none. */
export function successor(prefix: string): string | null {
  const points = [...prefix].map((each) => each.codePointAt(0) ?? 0);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  const next = last === 0xd7ff ? 0xe000 : last + 1; // surrogates are no code points
  return String.fromCodePoint(...points, next);
}
