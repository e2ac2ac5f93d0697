// Where messages may be pushed to (protocol.md §1.4). Judged twice: by the URL, when an address is
// accepted and when it is used, and by the addresses to which its name resolves, just before one of
// them is connected to, so a name that resolves otherwise by then is no way round.
//
//   T1. If hosts or URL prefixes are listed, everything else is refused. A prefix is compared with the
//       parsed URL, so it ends neither in the middle of a host nor before a port.
//   T2. Link-local and cloud-metadata addresses are never pushed to, however they are written, and
//       whatever is listed.

import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import type { PushPolicy } from "../kernel/ports.ts";

/** Null: any, which is of a port that was not named. */
export type Permission =
  | { readonly kind: "host"; readonly hostname: string; readonly port: string | null }
  | { readonly kind: "prefix"; readonly origin: string; readonly path: string };

/** @returns null for what is neither a host, with or without a port, nor an http(s) URL */
export function parsePermission(text: string): Permission | null {
  const isUrl = /^https?:\/\//i.test(text);
  const url = URL.parse(isUrl ? text : `http://${text}`);
  if (url === null || url.username !== "" || url.password !== "" || url.hash !== "") return null;
  const path = `${url.pathname}${url.search}`;
  if (isUrl) return { kind: "prefix", origin: url.origin, path };
  if (path !== "/" || /[/\\?*\s]/.test(text)) return null; // a wildcard would be no wildcard
  const [, port = null] = /:(\d+)$/.exec(text) ?? []; // as written: parsing drops the usual one
  return { kind: "host", hostname: url.hostname, port: port === null ? null : `${Number(port)}` };
}

export class PushTargets implements PushPolicy {
  readonly #permissions: readonly Permission[];

  /** @param permissions empty: any target */
  constructor(permissions: readonly Permission[]) {
    this.#permissions = permissions;
  }

  permits(text: string): boolean {
    const url = URL.parse(text);
    if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return false;
    if (isForbidden(url.hostname.replace(/^\[|\]$/g, ""))) return false; // T2
    const permissions = this.#permissions;
    return permissions.length === 0 || permissions.some((each) => covers(each, url)); // T1
  }
}

function covers(permission: Permission, url: URL): boolean {
  if (permission.kind === "prefix") {
    const { origin, path } = permission;
    return url.origin === origin && `${url.pathname}${url.search}`.startsWith(path);
  }
  const { hostname, port } = permission;
  return url.hostname === hostname && (port === null || portOf(url) === port);
}

function portOf({ port, protocol }: URL): string {
  if (port !== "") return port;
  return protocol === "https:" ? "443" : "80";
}

/** They resolve to addresses that are blocked below; here they are refused before that. */
const metadataNames = new Set(["metadata.google.internal", "metadata.goog"]);

/** T2. An address, or a name without looking it up. */
function isForbidden(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return metadataNames.has(host.replace(/\.$/, ""));
  return blocked.check(host, family === 4 ? "ipv4" : "ipv6");
}

/** Those of clouds that are not link-local, as the clouds document them. */
const metadataAddresses = [
  "100.100.100.200", // Alibaba
  "168.63.129.16", // Azure's host
  "192.0.0.192", // Oracle, old
] as const;

const blocked = toBlockList();

function toBlockList(): BlockList {
  const list = new BlockList();
  for (const [address, bits] of [["169.254.0.0", 16], ...metadataAddresses.map(whole)] as const) {
    list.addSubnet(address, bits, "ipv4"); // as `::ffff:…`, too
    const groups = hexGroups(address);
    list.addSubnet(`::${groups}`, 96 + bits, "ipv6"); // the old way to carry it in IPv6
    list.addSubnet(`64:ff9b::${groups}`, 96 + bits, "ipv6"); // NAT64
    list.addSubnet(`2002:${groups}::`, 16 + bits, "ipv6"); // 6to4
  }
  list.addSubnet("fe80::", 10, "ipv6");
  list.addAddress("fd00:ec2::254", "ipv6"); // AWS
  list.addAddress("fd20:ce::254", "ipv6"); // Google
  return list;
}

function whole(address: string): readonly [address: string, bits: number] {
  return [address, 32];
}

function hexGroups(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** What `guarded` fails with. */
export const forbiddenAddress = "EFORBIDDEN";

export type Resolve = (
  hostname: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Resolves names for a socket, and fails if a single one of the addresses is forbidden (T2). It is not
 * asked about addresses: of those the URL says enough.
 */
export function guarded(resolve: Resolve = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const isBad = error === null && addresses.some(({ address }) => isForbidden(address));
      const failure = isBad ? forbidden(hostname) : error;
      const [first] = addresses ?? [];
      if (failure !== null || first === undefined) callback(failure ?? unresolved(hostname), []);
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function forbidden(hostname: string): NodeJS.ErrnoException {
  const error = new Error(`${hostname} resolves to an address that is never pushed to`);
  return Object.assign(error, { code: forbiddenAddress });
}

function unresolved(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${hostname} resolves to nothing`), { code: "ENOTFOUND" });
}
