// What a verified token grants, and what a request needs (protocol.md §8). Pure: no keys, no clock,
// and nothing of a token but these three claims.
//
//   G1. A grant without a prefix, which is no admin's, reaches nothing at all.
//   G2. An id is reached if it begins with the prefix; the empty prefix reaches every id.
//   G3. What debugs the server needs an admin, whatever the prefix.
//   G4. What is no string names nothing: it passes here, and validation refuses it afterwards.

import { unreachable } from "../../kernel/assert.ts";

export type Grant = {
  /** Everything, debug included. */
  readonly isAdmin: boolean;
  /** Null: no reach (G1). "": all ids. */
  readonly prefix: string | null;
  /** The only groups on which may be listened; null: any. */
  readonly groups: readonly string[] | null;
};

/** What one request names, before it is validated. */
export type Reach =
  /** Each of them (G4). */
  | { readonly kind: "ids"; readonly ids: readonly unknown[] }
  /** All ids that begin with this; no string: all ids there are. */
  | { readonly kind: "ids_under"; readonly idPrefix: unknown }
  /** All ids there are, or none that anybody knows. */
  | { readonly kind: "all_ids" }
  /** The server itself (G3). */
  | { readonly kind: "server" };

/**
 * A claim of the wrong type grants less, never more: such a prefix counts as absent, such groups as
 * an empty list.
 */
export function toGrant(claims: Readonly<Record<string, unknown>>): Grant {
  const { role, prefix, groups } = claims;
  return {
    isAdmin: typeof role === "string" && role.toLowerCase() === "admin",
    // Ids are compared as UTF-8, in which half of a surrogate pair is no beginning of anything.
    prefix: typeof prefix === "string" && prefix.isWellFormed() ? prefix : null,
    groups: groups === undefined ? null : stringsOf(groups),
  };
}

export function covers(grant: Grant, reach: Reach): boolean {
  const { isAdmin, prefix } = grant;
  if (isAdmin) return true;
  if (prefix === null) return false; // G1
  switch (reach.kind) {
    case "ids":
      return reach.ids.every((id) => typeof id !== "string" || id.startsWith(prefix)); // G2, G4
    case "ids_under":
      return prefix === "" || isUnder(reach.idPrefix, prefix);
    case "all_ids":
      return prefix === "";
    case "server":
      return false; // G3
    default:
      return unreachable(reach);
  }
}

function isUnder(idPrefix: unknown, prefix: string): boolean {
  return typeof idPrefix === "string" && idPrefix.startsWith(prefix);
}

function stringsOf(claim: unknown): readonly string[] {
  return Array.isArray(claim) ? claim.filter((group) => typeof group === "string") : [];
}
