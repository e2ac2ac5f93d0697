// What the kernel has asked of the outside and not been told yet, by the ticket of the submission.

import type { Batch, Outcome, Reply } from "./batch.ts";
import type { InstantMs } from "./ids.ts";
import type { Message } from "./message.ts";
import type { Read } from "./read.ts";

/** A read, and who waits for it. */
export type Asked = { readonly read: Read; readonly reply: Reply };

/** What a submission is for. */
export type Flight =
  | { readonly kind: "loading"; readonly batch: Batch }
  | { readonly kind: "committing"; readonly batch: Batch; readonly outcome: Outcome }
  | { readonly kind: "looking"; readonly batch: Batch; readonly outcome: Outcome }
  | { readonly kind: "reading"; readonly asked: Asked; readonly since: InstantMs }
  | { readonly kind: "sending"; readonly message: Message; readonly since: number }
  | { readonly kind: "sweeping" };
