// Which commands of a batch depend on each other: those that share a stream, directly or through
// others. They land whole or not at all, since each may rest on what another one wrote.

import type { StreamKey } from "./stream.ts";
import { StreamMap } from "./stream-map.ts";

/** Commands, by index, and all streams that they touch; both in the order of first appearance. */
export type Tied = { readonly commands: number[]; readonly keys: StreamKey[] };

export type Ties = {
  /** Ordered by their first command. */
  readonly groups: readonly Tied[];
  /** Every stream that is touched at all. */
  readonly streams: StreamMap<number>;
};

/**
 * Groups commands by the streams they share.
 *
 * @param touched the keys of each command
 */
export function tie(touched: readonly (readonly StreamKey[])[]): Ties {
  const parent = touched.map((_, index) => index);
  const owner = new StreamMap<number>(); // the first command on each stream
  const claimed: [StreamKey, number][] = [];
  for (const [index, keys] of touched.entries()) {
    for (const key of keys) {
      const other = owner.get(key);
      if (other === undefined) {
        owner.set(key, index);
        claimed.push([key, index]);
      } else {
        union(parent, other, index);
      }
    }
  }
  const groups = new Map<number, Tied>();
  const groupOf = (index: number): Tied => {
    const root = find(parent, index);
    const group = groups.get(root) ?? { commands: [], keys: [] };
    groups.set(root, group);
    return group;
  };
  for (const index of parent.keys()) groupOf(index).commands.push(index);
  for (const [key, index] of claimed) groupOf(index).keys.push(key);
  return { groups: [...groups.values()], streams: owner };
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
