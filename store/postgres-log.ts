// How far the log may be read. Positions are drawn from a sequence while transactions run, and are seen
// when they commit, in whatever order: a reader that has gone past a position must never miss it when
// it appears (design.md, "More than one server").
//
//   G1. A transaction marks where its positions begin before it draws one, and keeps the mark until it
//       is seen by all or gone: all its positions are greater. The mark is a lock that hinders nobody,
//       whose name is the last position that had been drawn. What would be written without one fails.
//   G2. A reader looks first at the last position drawn, D, then at the marks, and only then at the
//       events. Up to the smallest of D and the marks the log is whole for good: of a position drawn by
//       then, the transaction either stood among the marks, below it, or was over, and is seen now if
//       ever. What is drawn later is greater than D.
//
// Not the oldest running transaction id, which would do as well: it is held back by every program that
// writes to the same server, and comes with a column of its own in each event.

/** The last position up to which the log is whole. */
export function wholeUpTo(drawn: bigint, marks: readonly bigint[]): bigint {
  const behind = marks.map((mark) => unfolded(mark, drawn));
  return behind.reduce((least, each) => (each < least ? each : least), drawn);
}

/** The position next to `drawn` of which the name of a lock, 32 bits, holds the end. */
function unfolded(mark: bigint, drawn: bigint): bigint {
  return drawn + BigInt.asIntN(32, mark - drawn);
}
