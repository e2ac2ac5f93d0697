// From the text of a token to a grant (protocol.md §8). Owns the clock by which tokens expire, and
// what is configured to be trusted; what a grant then covers is told in reach.ts.
//
//   A1. Only a token that verifies is granted anything. Whatever goes wrong on the way is a refusal.
//   A2. Of a token, and of what it says, nothing leaves but the grant: a refusal has one of the words
//       below, and no error of jose's, which carry the claims, is passed on.
//   A3. With a key, only the algorithms of its type count: no HMAC, no `none`.
//   A4. `none` in place of a key accepts any signature. The claims are held to the same rules.

import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, UnsecuredJWT } from "jose";
import { type Grant, toGrant } from "./grant.ts";
import { isUrl, type KeyConfig, type Keys, type Misconfigured, readKeys } from "./keys.ts";
import { KeysUnavailable, type RemoteLimits, remoteLimits } from "./remote.ts";

export type AuthConfig = KeyConfig & {
  /** Null: not compared. */
  readonly iss: string | null;
  readonly aud: string | null;
};

export type VerifierOptions = {
  /** Of keys behind a URL. */
  readonly remote?: Partial<RemoteLimits>;
  /** The time of day, in ms since the Unix epoch. */
  readonly now?: () => number;
};

/** Why a token is refused: for logs and metrics. A client hears 401 and no more. */
export type TokenFault =
  | "missing"
  | "malformed"
  | "algorithm_refused"
  | "signature_invalid"
  | "key_unknown"
  | "keys_unavailable"
  | "expired"
  | "not_yet_valid"
  | "issuer_refused"
  | "audience_refused"
  /** A claim is missing that must be there, or is of the wrong type. */
  | "claim_invalid";

export type Verdict =
  | {
      readonly kind: "granted";
      readonly grant: Grant;
      /** Whether the token has expired since. */
      readonly isOver: () => boolean;
    }
  | { readonly kind: "unauthenticated"; readonly fault: TokenFault };

export type Opened =
  /** Authentication is off: nothing is configured. */
  | { readonly kind: "off" }
  | {
      readonly kind: "verifier";
      readonly verifier: Verifier;
      /** To be logged loudly at the start; usually none. */
      readonly warnings: readonly string[];
    }
  | Misconfigured;

const leewaySeconds = 60; // specified in protocol.md §8

const tokenLengthMax = 32 * 1024; // what fits in the headers of a request; more comes in no header

/** Reads the files that are named. A URL is not fetched yet: it may be up later than we are. */
export async function openVerifier(
  config: AuthConfig,
  { remote, now = Date.now }: VerifierOptions = {},
): Promise<Opened> {
  const { publicKey, jwks, iss, aud } = config;
  if (publicKey === null && jwks === null) {
    if (iss === null && aud === null) return { kind: "off" };
    const error = "--auth-iss and --auth-aud need keys; set --auth-public-key or --auth-jwks, too";
    return { kind: "misconfigured", error };
  }
  const keys = await readKeys(config, { ...remoteLimits, ...remote });
  if (keys.kind === "misconfigured") return keys;
  const verifier = new Verifier(keys, { iss, aud, now });
  return { kind: "verifier", verifier, warnings: warningsOf(config) };
}

type Expected = Pick<AuthConfig, "iss" | "aud"> & { readonly now: () => number };

export class Verifier {
  readonly #keys: Keys;
  readonly #expected: Expected;

  constructor(keys: Keys, expected: Expected) {
    this.#keys = keys;
    this.#expected = expected;
  }

  /** @param token as `tokenOf` finds it */
  async verify(token: string | null): Promise<Verdict> {
    if (token === null) return unauthenticated("missing");
    if (token.length > tokenLengthMax) return unauthenticated("malformed");
    let claims: JWTPayload;
    try {
      claims = await this.#claimsOf(token);
    } catch (error) {
      return unauthenticated(faultOf(error)); // A1, A2
    }
    const endsAt = ((claims.exp ?? 0) + leewaySeconds) * 1_000;
    const isOver = () => this.#expected.now() >= endsAt;
    return { kind: "granted", grant: toGrant(claims), isOver };
  }

  async #claimsOf(token: string): Promise<JWTPayload> {
    const keys = this.#keys;
    if (keys.kind === "any_signature") return this.#claimsUnsigned(token);
    const options = { ...this.#claimRules(), algorithms: [...keys.algorithms] }; // A3
    if (keys.kind === "one") return (await jwtVerify(token, keys.key, options)).payload;
    try {
      return (await jwtVerify(token, keys.find, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      return await verifyWithAny(token, error, options);
    }
  }

  /** A4. The token's claims within a token that has no signature, which jose then judges as usual. */
  #claimsUnsigned(token: string): JWTPayload {
    const { length, 1: claims } = token.split(".");
    if (length !== 3 || !hasHeader(token)) throw new errors.JWTInvalid();
    return UnsecuredJWT.decode(`${unsecuredHeader}.${claims}.`, this.#claimRules()).payload;
  }

  #claimRules() {
    const { iss, aud, now } = this.#expected;
    return {
      requiredClaims: ["exp"],
      clockTolerance: leewaySeconds,
      currentDate: new Date(now()),
      ...(iss === null ? {} : { issuer: iss }),
      ...(aud === null ? {} : { audience: aud }),
    };
  }
}

function hasHeader(token: string): boolean {
  try {
    decodeProtectedHeader(token);
    return true;
  } catch {
    return false;
  }
}

const unsecuredHeader = Buffer.from('{"alg":"none"}').toString("base64url");

/** A token that does not say which of several keys has signed it is tried with each that fits. */
async function verifyWithAny(
  token: string,
  keys: errors.JWKSMultipleMatchingKeys,
  options: NonNullable<Parameters<typeof jwtVerify>[2]>,
): Promise<JWTPayload> {
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (isAboutClaims(error)) throw error; // so the signature was good
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

function isAboutClaims(error: unknown): boolean {
  const { JWTInvalid, JWTExpired, JWTClaimValidationFailed } = errors;
  return [JWTInvalid, JWTExpired, JWTClaimValidationFailed].some((each) => error instanceof each);
}

function faultOf(error: unknown): TokenFault {
  if (error instanceof KeysUnavailable) return "keys_unavailable";
  if (error instanceof errors.JWTClaimValidationFailed) return claimFaultOf(error);
  if (error instanceof errors.JOSEError) return faults.get(error.code) ?? "malformed";
  return "signature_invalid"; // a key that does not fit what the token claims to be
}

const faults: ReadonlyMap<string, TokenFault> = new Map([
  [errors.JOSEAlgNotAllowed.code, "algorithm_refused"],
  [errors.JWKSNoMatchingKey.code, "key_unknown"],
  [errors.JWSSignatureVerificationFailed.code, "signature_invalid"],
  [errors.JWTExpired.code, "expired"],
]);

function claimFaultOf({ claim, reason }: errors.JWTClaimValidationFailed): TokenFault {
  if (reason !== "check_failed") return "claim_invalid";
  if (claim === "nbf") return "not_yet_valid";
  if (claim === "iss") return "issuer_refused";
  return claim === "aud" ? "audience_refused" : "claim_invalid";
}

function unauthenticated(fault: TokenFault): Verdict {
  return { kind: "unauthenticated", fault };
}

function warningsOf({ publicKey, jwks }: AuthConfig): readonly string[] {
  if (publicKey === "none") {
    const change = "name a PEM file unless this is a test";
    return [`--auth-public-key none accepts any signature, so anybody can be admin; ${change}`];
  }
  const url = jwks !== null && isUrl(jwks) ? URL.parse(jwks) : null;
  if (url?.protocol !== "http:" || isLoopback(url.hostname)) return [];
  return ["--auth-jwks is fetched without TLS, so the network decides who is admin; use https"];
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.[\d.]+$/.test(hostname);
}

/**
 * What a request brings as its token; null: nothing.
 *
 * @param auth of the envelope's head, where there is one; it counts first (protocol.md, decision 18)
 * @param authorization the header or metadata of that name
 */
export function tokenOf(auth: string | null, authorization: string | null): string | null {
  if (auth !== null && auth !== "") return auth;
  const [, token = null] = /^bearer +([^ ]+) *$/i.exec(authorization ?? "") ?? [];
  return token;
}
