// Vitest's settings; the npm scripts name this file. The one default export of the tree.

import { defineConfig } from "vitest/config";

// biome-ignore lint/style/noDefaultExport: vitest wants one
export default defineConfig({ test: { include: ["test/**/*.test.ts"], testTimeout: 30_000 } });
