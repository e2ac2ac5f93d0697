// Whom the server lets in, by its settings (protocol.md §8).

import { Guard } from "../api/auth/guard.ts";
import { openVerifier } from "../api/auth/verifier.ts";
import type { Logger } from "./logger.ts";
import type { Config } from "./settings.ts";

/** What is configured cannot be used. */
export class AuthError extends Error {
  override readonly name = "AuthError";
}

/** @throws AuthError, with what the operator should do */
export async function openGuard(config: Config, logger: Logger): Promise<Guard> {
  const onFailure = (problem: string) => logger.error("keys not fetched", { cause: problem });
  const opened = await openVerifier(
    {
      publicKey: config.authPublicKey || null,
      jwks: config.authJwks || null,
      iss: config.authIss || null,
      aud: config.authAud || null,
    },
    { remote: { onFailure } },
  );
  if (opened.kind === "misconfigured") throw new AuthError(opened.error);
  if (opened.kind === "verifier") {
    for (const warning of opened.warnings) logger.warn("authentication is weak", { warning });
  } else if (config.debug) {
    const warning =
      "anybody can stop time and erase everything; set --auth-public-key or --auth-jwks";
    logger.warn("debug surface is open", { warning });
  }
  return new Guard({
    verifier: opened.kind === "verifier" ? opened.verifier : null,
    onRefused: (fault) => logger.debug("token refused", { fault }),
  });
}
