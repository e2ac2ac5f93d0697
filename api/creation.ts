// The rules that a promise's tags must keep when it is created, whichever API creates it
// (protocol.md §2.3). They look across members, so they are judged once every member is valid. The rule
// of strict mode is told apart, since a fence judges it later than the others.

import { int64Max } from "../kernel/ids.ts";
import type { PushPolicy } from "../kernel/ports.ts";
import { isTargeted, isTimer, type Tags } from "../kernel/value.ts";
import { type Acceptance, usualAcceptance } from "./acceptance.ts";
import { isAddress } from "./address.ts";

export type Creation = { readonly id: string; readonly timeoutAt: bigint; readonly tags: Tags };

const noText: readonly string[] = [];

/** The text of every rule that is broken, in the order of the table. */
export function brokenCreationRules(
  creation: Creation,
  acceptance: Acceptance = usualAcceptance,
): readonly string[] {
  if (creation.tags.size === 0) return noText;
  const isBroken = acceptance.isStrict && isTimerWithTarget(creation.tags);
  const strict = isBroken ? [timerWithTarget] : noText;
  return [...brokenBirthRules(creation, acceptance), ...strict];
}

/** The same without the rule of strict mode. */
export function brokenBirthRules(creation: Creation, { targets }: Acceptance): readonly string[] {
  if (creation.tags.size === 0) return noText;
  return [...lineage(creation), ...delay(creation), ...target(creation, targets)];
}

/** Decision 5. */
export const timerWithTarget = "resonate:timer and resonate:target must not be combined";

export function isTimerWithTarget(tags: Tags): boolean {
  return isTimer(tags) && isTargeted(tags);
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

function target({ tags }: Creation, targets: PushPolicy): readonly string[] {
  const address = tags.get("resonate:target");
  if (address === undefined || isAddress(address, targets)) return noText;
  return [invalidTarget];
}

export const invalidTarget = "Invalid resonate:target address";
