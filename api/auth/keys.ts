// The keys that verify tokens, as the operator names them: a PEM file, a set of keys in a file or
// behind a URL, or none. The type of a key decides which algorithms it may be used with, never the
// token (protocol.md §8).
//
//   K1. A file is read once, and judged at the start: what could verify no token is refused there,
//       with what the operator can do. Nothing of a file's content is ever repeated.
//   K2. A set behind a URL is fetched when a token needs it, then kept; a fetch is bounded in time
//       and size, and after one that failed there is none for a moment.
//   K3. A private key is never taken, nor a secret one: whoever verifies must not be able to sign.

import { createPublicKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createLocalJWKSet, type JWK, type JWTVerifyGetKey } from "jose";
import { type RemoteLimits, remoteKeys, toKeySet } from "./remote.ts";

export type KeyConfig = {
  /** Path of a PEM file, or `none`: any signature is accepted; null: not configured. */
  readonly publicKey: string | null;
  /** Path or http(s) URL of a JWKS; null: not configured. */
  readonly jwks: string | null;
};

export type Keys =
  | { readonly kind: "any_signature" }
  | { readonly kind: "one"; readonly key: KeyObject; readonly algorithms: readonly string[] }
  | {
      readonly kind: "set";
      readonly find: JWTVerifyGetKey;
      readonly algorithms: readonly string[];
    };

/** What the operator must change. */
export type Misconfigured = { readonly kind: "misconfigured"; readonly error: string };

const byType = {
  rsa: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  p256: ["ES256"],
  p384: ["ES384"],
  ed25519: ["EdDSA"],
} as const;

const everyAlgorithm: readonly string[] = Object.values(byType).flat();

const rsaBitsMin = 2048; // RFC 7518 §3.3; jose refuses less, too, but only with the first token

const wanted = "RSA of 2048 bits or more, EC on P-256 or P-384, or Ed25519";

export async function readKeys(
  { publicKey, jwks }: KeyConfig,
  limits: RemoteLimits,
): Promise<Keys | Misconfigured> {
  if (publicKey !== null && jwks !== null) {
    return misconfigured("--auth-public-key and --auth-jwks are both set; remove one of them");
  }
  if (publicKey === "none") return { kind: "any_signature" };
  if (publicKey !== null) return readPem(publicKey);
  if (jwks === null) return misconfigured("neither --auth-public-key nor --auth-jwks is set");
  return isUrl(jwks) ? readUrl(jwks, limits) : readSet(jwks);
}

export function isUrl(jwks: string): boolean {
  return /^https?:\/\//i.test(jwks);
}

async function readPem(path: string): Promise<Keys | Misconfigured> {
  const flag = `--auth-public-key ${path}`;
  const pem = await readText(path, flag);
  if (typeof pem !== "string") return pem;
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    return misconfigured(`${flag} holds a private key; give the server the public one only`); // K3
  }
  const key = publicKeyOf(pem);
  if (key === null) return misconfigured(`${flag} holds no public key in PEM form; export one`);
  const algorithms = algorithmsOf(key);
  if (algorithms === null) {
    return misconfigured(`${flag} is a key that tokens cannot be verified with; use ${wanted}`);
  }
  return { kind: "one", key, algorithms };
}

async function readSet(path: string): Promise<Keys | Misconfigured> {
  const flag = `--auth-jwks ${path}`;
  const text = await readText(path, flag);
  if (typeof text !== "string") return text;
  const set = toKeySet(text);
  if (set === null) {
    return misconfigured(`${flag} is no JWKS; it must be JSON such as {"keys": [...]}`);
  }
  if (set.keys.some(isSecret)) {
    return misconfigured(`${flag} holds private or secret keys; list the public ones only`); // K3
  }
  if (!set.keys.some(isUsable)) {
    return misconfigured(`${flag} has no key that can verify a token; add one: ${wanted}`);
  }
  return { kind: "set", find: createLocalJWKSet(set), algorithms: everyAlgorithm };
}

function readUrl(jwks: string, limits: RemoteLimits): Keys | Misconfigured {
  const url = URL.parse(jwks);
  if (url === null) return misconfigured("--auth-jwks is no valid URL; correct it");
  if (url.username !== "" || url.password !== "") {
    return misconfigured("--auth-jwks has a user or password in its URL; serve the keys without");
  }
  return { kind: "set", find: remoteKeys(url, limits), algorithms: everyAlgorithm };
}

/** By the contract's table; null: no token can be verified with the key. */
function algorithmsOf(key: KeyObject): readonly string[] | null {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "rsa":
      return (modulusLength ?? 0) >= rsaBitsMin ? byType.rsa : null;
    case "ec":
      if (namedCurve === "prime256v1") return byType.p256;
      return namedCurve === "secp384r1" ? byType.p384 : null;
    case "ed25519":
      return byType.ed25519;
    default:
      return null;
  }
}

function isSecret(jwk: JWK): boolean {
  return jwk.kty === "oct" || jwk.d !== undefined;
}

function isUsable(jwk: JWK): boolean {
  const key = publicKeyOf({ key: jwk, format: "jwk" });
  return key !== null && algorithmsOf(key) !== null;
}

function publicKeyOf(source: Parameters<typeof createPublicKey>[0]): KeyObject | null {
  try {
    return createPublicKey(source);
  } catch {
    return null;
  }
}

async function readText(path: string, flag: string): Promise<string | Misconfigured> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    return misconfigured(`${flag} cannot be read (${code}); check the path and its permissions`);
  }
}

function misconfigured(error: string): Misconfigured {
  return { kind: "misconfigured", error };
}
