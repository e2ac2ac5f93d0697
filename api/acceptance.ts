// What an operator may choose about what the rim accepts, whichever API brings it (protocol.md §0,
// settings).

import type { PushPolicy } from "../kernel/ports.ts";

export type Acceptance = {
  /** Decisions 5 and 7 are refused here; 6 needs what is stored, so the kernel judges it (rules.ts). */
  readonly isStrict: boolean;
  /** Which URLs may be addresses. */
  readonly targets: PushPolicy;
};

export const usualAcceptance: Acceptance = { isStrict: false, targets: { permits: () => true } };
