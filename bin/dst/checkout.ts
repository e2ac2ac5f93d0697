// Which commit this is: it names a run, and is the seed of its range.

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { parseSeed, type Seed } from "../../dst/seed.ts";

export type Checkout = { readonly hash: string; readonly short: string };

const root = join(import.meta.dirname, "..", "..");

/** For a copy without its history. Arbitrary. */
const fixed = seedOf("0x1");

/** @returns null in a copy without its history */
export function checkout(): Checkout | null {
  try {
    const hash = execFileSync("git", ["rev-parse", "HEAD"], {
      ...{ cwd: root, encoding: "utf8" },
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
    return { hash, short: hash.slice(0, 7) };
  } catch {
    return null;
  }
}

/** @param wished null: the commit */
export function baseSeed(wished: Seed | "random" | null, commit: Checkout | null): Seed {
  if (wished === "random") return randomSeed();
  return wished ?? (commit === null ? fixed : seedOf(commit.hash));
}

export function randomSeed(): Seed {
  return seedOf(`0x${randomBytes(8).toString("hex")}`);
}

function seedOf(text: string): Seed {
  const seed = parseSeed(text);
  if (seed === null) throw new Error(`${text} is no seed`);
  return seed;
}
