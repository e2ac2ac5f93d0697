// The reference store against the contract.

import { MemoryStore } from "../../store/memory.ts";
import { conformance } from "./conformance.ts";

conformance("memory", () => ({ store: new MemoryStore(), close: () => {} }));
