// Bugs in the decoders of the two APIs.

import type { Mutant } from "../mutants.ts";

const file = "api/rpc/messages.ts";

export const codecs: readonly Mutant[] = [
  {
    name: "http-strict-lost",
    fault: "Over HTTP no request is strict.",
    file: "api/decode.ts",
    find: 'strict: strict === null || strict === "" ? false : readFlag(strict, findings),',
    replace: "strict: false,",
    oracles: ["X"],
    seedsMax: 50,
  },
  {
    name: "rpc-key-lost",
    fault: "Over gRPC no idempotency key is read.",
    file,
    find: 'return key === "" ? null : readKeyText(key, "idempotencyKey", findings);',
    replace: "return null;",
    oracles: ["X"],
    seedsMax: 50,
  },
  {
    name: "rpc-payload-as-text",
    fault: "The bytes of a payload over gRPC are kept as text, not as base64.",
    file,
    find: "data: data.length === 0 ? null : base64Of(data),",
    replace: "data: data.length === 0 ? null : Buffer.from(data).toString(),",
    oracles: ["X"],
    seedsMax: 50,
  },
  {
    name: "rpc-state-shifted",
    fault: "A search over gRPC for resolved promises finds rejected ones.",
    file,
    find: '[ProtoSearchState.SEARCH_RESOLVED, "resolved"],',
    replace: '[ProtoSearchState.SEARCH_RESOLVED, "rejected"],',
    oracles: ["X"],
    seedsMax: 50,
  },
  {
    name: "rpc-timeout-rounded",
    fault: "A deadline over gRPC goes through a float.",
    file,
    find: 'timeout: deadline.read(message.timeout, "timeout", findings),',
    replace: 'timeout: deadline.read(BigInt(Number(message.timeout)), "timeout", findings),',
    oracles: ["X"],
    seedsMax: 50,
  },
];
