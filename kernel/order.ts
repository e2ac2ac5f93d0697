// The one order in which texts leave the kernel: by their UTF-8 bytes, as every store sorts them.
// The operator `<` compares UTF-16 code units and puts U+1F600 before U+FFFD.

/** Negative, zero or positive, like any comparator; total, and the same on every machine. */
export function compareBytes(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return rank(a) - rank(b);
  }
  return left.length - right.length;
}

/** Surrogates stand for characters beyond U+FFFF, so they rank behind every other code unit. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
