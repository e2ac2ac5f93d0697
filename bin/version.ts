// The version, as package.json has it.

import { readFileSync } from "node:fs";

const manifest: unknown = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
);

export const version: string = (manifest as { version: string }).version; // npm refuses one without
