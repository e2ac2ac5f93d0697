// A process that runs plans and tells their hashes or records. Its first argument is the module of the
// lab.

import type { Lab } from "./lab.ts";
import { endWithParent } from "./orphan.ts";
import { type Answered, type Asked, hashed, recorded } from "./sites.ts";

endWithParent();

const [, , labModule = ""] = process.argv;
const { lab }: { readonly lab: Lab } = await import(labModule);

process.on("message", ({ plan, window }: Asked) => {
  const answered: Answered =
    window === null ? { hashed: hashed(lab, plan) } : { records: recorded(lab, plan, window) };
  process.send?.(answered);
});
