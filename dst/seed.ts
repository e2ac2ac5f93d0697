// A seed names one world. It may be given as a decimal number, as 0x and hex digits, or as a git hash,
// and is always shown as 16 hex digits.

import { Prng } from "./prng.ts";

declare const brand: unique symbol;

/** Sixteen hex digits. */
export type Seed = string & { readonly [brand]: "Seed" };

const max = 2n ** 64n - 1n;

/** @returns null if the text is no seed */
export function parseSeed(text: string): Seed | null {
  if (/^\d{1,20}$/.test(text)) return BigInt(text) <= max ? toSeed(BigInt(text)) : null;
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) return toSeed(BigInt(text));
  if (/^[0-9a-f]{40}$/i.test(text)) return toSeed(BigInt(`0x${text.slice(0, 16)}`));
  return null;
}

/** The seed at `index` of the range that begins with `base`. */
export function seedAt(base: Seed, index: number): Seed {
  const draw = new Prng(`${base}/seed/${index}`);
  return toSeed((BigInt(draw.word()) << 32n) | BigInt(draw.word()));
}

function toSeed(value: bigint): Seed {
  return value.toString(16).padStart(16, "0") as Seed; // in range, checked by the callers
}
