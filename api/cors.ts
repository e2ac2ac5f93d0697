// Which pages of other origins may read answers (protocol.md §1.2). Off unless origins are listed.

export type Cors = {
  /** `*` is any. */
  readonly origins: ReadonlySet<string>;
};

export function cors(origins: readonly string[]): Cors | null {
  return origins.length === 0 ? null : { origins: new Set(origins) };
}

/** For every answer. Never with credentials, so `*` gives away nothing but what is public. */
export function corsHeaders(
  { origins }: Cors,
  origin: string | null,
): Readonly<Record<string, string>> {
  if (origins.has("*")) return { "access-control-allow-origin": "*" };
  if (origin === null || !origins.has(origin)) return { vary: "origin" };
  return { "access-control-allow-origin": origin, vary: "origin" };
}

/** For the answer to a preflight, besides those. */
export const preflightHeaders: Readonly<Record<string, string>> = {
  "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
  "access-control-allow-headers":
    "origin, content-type, content-length, authorization, idempotency-key, strict, request-id",
};
