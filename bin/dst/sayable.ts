// What of the simulation's requests can be said through the original API at all: its promises are
// external and keep its rules for tags, and its payloads are base64.

import { toCanonical } from "../../api/base64.ts";
import { brokenCreationRules } from "../../api/creation.ts";
import type { CreatePromise } from "../../kernel/command.ts";
import type { Position } from "../../kernel/ids.ts";
import type { Value } from "../../kernel/value.ts";

/** No server makes cursors beyond it (api/cursor.ts). */
const cursorMax = 1e15;

export function isSayable({ isExternal, id, timeoutAt, tags, param }: CreatePromise): boolean {
  const isAllowed = brokenCreationRules({ id, timeoutAt, tags }).length === 0;
  return isExternal && isAllowed && isCarried(param);
}

/** Empty and absent are one thing there. */
export function isCarried({ data, headers }: Value): boolean {
  const isBase64 = data === null || (data !== "" && toCanonical(data) === data);
  return isBase64 && headers?.size !== 0;
}

export function isCursor(before: Position): boolean {
  return before < cursorMax;
}
