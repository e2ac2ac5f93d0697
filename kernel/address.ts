// Where a message can be delivered (protocol.md §1.3): to a connected worker, or by HTTP push. The
// only parser of addresses, so whoever accepts one and whoever delivers to it agree. By hand, because
// URL parsers disagree on what the host of `poll://any@group` is.

import type { Receiver } from "./ids.ts";

export type { Receiver } from "./ids.ts";

/** Who holds a stream open, by the name under which addresses find it. Any text but an empty one. */
export type Worker = { readonly group: string; readonly id: string };

export type PollAddress = {
  readonly kind: "poll";
  /** `uni`: that worker and no other. `any`: that worker if it is there, else one of its group. */
  readonly cast: "uni" | "any";
  /** Decoded, as a worker's name is; so is the id. */
  readonly group: string;
  readonly id: string | null;
};

/** Its URL has a host, or something in its place: that it can be parsed is for the rim to find out. */
export type PushAddress = { readonly kind: "push"; readonly url: string };

export type Address = PollAddress | PushAddress;

const casts = [
  ["poll://uni@", "uni"],
  ["poll://any@", "any"],
] as const;

/** The first character of a host. URL parsers skip slashes and white space to find one. */
const push = /^https?:\/\/[^/\\?#\s]+(?:[/\\?#]|$)/i;

/** @returns null for what is no address */
export function parseAddress(text: string): Address | null {
  for (const [start, cast] of casts) {
    if (text.startsWith(start)) return parsePoll(cast, text.slice(start.length));
  }
  return push.test(text) ? { kind: "push", url: text } : null;
}

function parsePoll(cast: PollAddress["cast"], rest: string): PollAddress | null {
  const slash = rest.indexOf("/");
  const group = slash === -1 ? rest : rest.slice(0, slash);
  const id = slash === -1 ? "" : rest.slice(slash + 1);
  if (group === "") return null;
  return {
    kind: "poll",
    cast,
    group: decodeSegment(group),
    id: id === "" ? null : decodeSegment(id),
  };
}

/**
 * Decodes percents, once. What they do not decode to UTF-8 stands for itself: SDKs put names into
 * addresses as they are, and a name such as `100%` must find its worker.
 */
export function decodeSegment(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Whose arrival is of use to the address: anybody's of its group, or that worker's alone. A tuple as
 * text, so that no two are the same. Null: nobody's.
 */
export function receiverOf({ cast, group, id }: PollAddress): Receiver | null {
  if (cast === "any") return receiver(group);
  return id === null ? null : receiver(group, id);
}

/** All that are of use to the worker's addresses. */
export function receiversOf({ group, id }: Worker): readonly Receiver[] {
  return [receiver(group, id), receiver(group)];
}

function receiver(...names: readonly string[]): Receiver {
  return JSON.stringify(names) as Receiver;
}
