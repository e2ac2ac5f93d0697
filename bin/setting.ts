// What a setting is: a row of the table in settings.ts.

import type { Kind } from "./kinds.ts";

export type Setting<Value> = {
  /** Without the dashes. */
  readonly flag: string;
  /** In a file; dots are levels. */
  readonly key: string;
  readonly kind: Kind<Value>;
  /** As one would write it; empty: none. */
  readonly usual: string;
  readonly meaning: string;
};
