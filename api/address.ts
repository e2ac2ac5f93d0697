// Whether a text is an address that a message can be delivered to (protocol.md §1.3). The parser is
// the kernel's; here is what needs a platform: a URL must be one, and be permitted.

import { parseAddress } from "../kernel/address.ts";
import type { PushPolicy } from "../kernel/ports.ts";
import { usualAcceptance } from "./acceptance.ts";

export function isAddress(text: string, policy: PushPolicy = usualAcceptance.targets): boolean {
  const address = parseAddress(text);
  if (address === null || address.kind === "poll") return address !== null;
  return URL.canParse(address.url) && policy.permits(address.url);
}
