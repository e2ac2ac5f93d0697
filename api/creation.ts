// The rules that a promise's tags must keep when it is created, whichever API creates it
// (protocol.md §2.3). They look across members, so they are judged once every member is valid.

import { int64Max } from "../kernel/ids.ts";
import type { Tags } from "../kernel/value.ts";
import { isAddress } from "./address.ts";

export type Creation = { readonly id: string; readonly timeoutAt: bigint; readonly tags: Tags };

const noText: readonly string[] = [];

/** The text of every rule that is broken, in the order of the table. */
export function brokenCreationRules(creation: Creation): readonly string[] {
  if (creation.tags.size === 0) return noText;
  return [...lineage(creation), ...delay(creation), ...target(creation)];
}

/** Decision 2: SDKs that send a prefix give nested calls a parent that they do not extend. */
function lineage({ id, tags }: Creation): readonly string[] {
  const names = tags.has("resonate:prefix") ? ["origin"] : ["origin", "branch", "parent"];
  return names.flatMap((name) => {
    const ancestor = tags.get(`resonate:${name}`);
    if (ancestor === undefined || extendsId(id, ancestor)) return [];
    return [`Promise ID must be prefixed by resonate:${name}`];
  });
}

function extendsId(id: string, ancestor: string): boolean {
  if (!id.startsWith(ancestor)) return false;
  const separator = id[ancestor.length]; // decision 1: both separators are accepted
  return separator === undefined || separator === ":" || separator === ".";
}

function delay({ timeoutAt, tags }: Creation): readonly string[] {
  const text = tags.get("resonate:delay");
  if (text === undefined) return noText;
  const texts: string[] = [];
  const [, digits] = /^0*([0-9]{1,19})$/.exec(text) ?? [];
  const delayAt = digits === undefined ? null : BigInt(digits);
  if (delayAt === null || delayAt > int64Max) {
    texts.push("resonate:delay must be a non-negative integer");
  } else if (delayAt >= timeoutAt) {
    texts.push("resonate:delay must be less than timeoutAt");
  }
  if (!tags.has("resonate:target")) texts.push("resonate:delay requires a resonate:target tag");
  return texts;
}

function target({ tags }: Creation): readonly string[] {
  const address = tags.get("resonate:target");
  return address === undefined || isAddress(address) ? noText : ["Invalid resonate:target address"];
}
