// Which commands of a batch depend on each other: those that share a stream, directly or through
// others. They land whole or not at all, since each may rest on what another one wrote.

import type { StreamKey } from "./stream.ts";
import { StreamMap } from "./stream-map.ts";

/**
 * Groups commands by the streams they share.
 *
 * @param touched the keys of each command
 * @returns indexes into `touched`; groups and members in the order of first appearance
 */
export function components(touched: readonly (readonly StreamKey[])[]): readonly number[][] {
  const parent = touched.map((_, index) => index);
  const owner = new StreamMap<number>();
  for (const [index, keys] of touched.entries()) {
    for (const key of keys) {
      const other = owner.get(key);
      if (other === undefined) owner.set(key, index);
      else union(parent, other, index);
    }
  }
  const groups = new Map<number, number[]>();
  for (const index of parent.keys()) {
    const root = find(parent, index);
    const group = groups.get(root);
    if (group === undefined) groups.set(root, [index]);
    else group.push(index);
  }
  return [...groups.values()];
}

/** The smaller index becomes the root, so a group is found under its first command. */
function union(parent: number[], left: number, right: number): void {
  const a = find(parent, left);
  const b = find(parent, right);
  parent[Math.max(a, b)] = Math.min(a, b);
}

function find(parent: number[], index: number): number {
  let root = index;
  for (;;) {
    const next = parent[root] ?? root;
    if (next === root) break;
    root = next;
  }
  parent[index] = root; // the next walk from here is short
  return root;
}
