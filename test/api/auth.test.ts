// Who may do what. First tokens: each kind of key with each algorithm, the classic forgeries, the
// claims at their very second, keys in files and behind a URL that fails in every way. Tokens are
// signed here by hand, so that no library agrees with itself. Then what a grant covers: one row for
// each row of the contract's tables, and a property that nothing outside a prefix is ever covered.

import {
  constants,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { fc, test as property } from "@fast-check/vitest";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { type Grant, toGrant } from "../../api/auth/grant.ts";
import {
  type AuthorizedKind,
  coversOperation,
  coversRequest,
  mayDriveTime,
  mayListen,
  mayReceive,
  type OriginalRequest,
} from "../../api/auth/reach.ts";
import type { RemoteLimits } from "../../api/auth/remote.ts";
import {
  type AuthConfig,
  type Opened,
  openVerifier,
  tokenOf,
  type Verdict,
  type Verifier,
} from "../../api/auth/verifier.ts";
import { deadlineMs, promiseId } from "../../kernel/ids.ts";

const folder = mkdtempSync(join(tmpdir(), "auth-"));
afterAll(() => rmSync(folder, { recursive: true }));

let fileCount = 0;

function file(text: string): string {
  fileCount += 1;
  const path = join(folder, `${fileCount}`);
  writeFileSync(path, text);
  return path;
}

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const otherRsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const shortRsa = generateKeyPairSync("rsa", { modulusLength: 1024 });
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const otherP256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const p521 = generateKeyPairSync("ec", { namedCurve: "P-521" });
const koblitz = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
const ed25519 = generateKeyPairSync("ed25519");
const ed448 = generateKeyPairSync("ed448");

function pem({ publicKey }: Pair): string {
  return publicKey.export({ type: "spki", format: "pem" }).toString();
}

type Jwk = Readonly<Record<string, unknown>>;

function jwk({ publicKey }: Pair, more: Jwk = {}): Jwk {
  return { ...publicKey.export({ format: "jwk" }), ...more };
}

function jwks(...keys: readonly Jwk[]): string {
  return JSON.stringify({ keys });
}

const nowSeconds = 1_800_000_000;
const claims = { exp: nowSeconds + 3_600, prefix: "a" };

type Signed = { readonly header?: Jwk; readonly claims?: unknown };

function encoded(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

function join3(signed: Signed, alg: string, signature: (bytes: Buffer) => Buffer): string {
  const header = encoded({ alg, ...signed.header });
  const head = `${header}.${encoded("claims" in signed ? signed.claims : claims)}`;
  return `${head}.${signature(Buffer.from(head)).toString("base64url")}`;
}

function sign(alg: string, { privateKey: key }: Pair, signed: Signed = {}): string {
  const hash = alg.startsWith("Ed") ? null : `sha${alg.slice(2)}`;
  const padding = alg.startsWith("PS")
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(alg.slice(2)) / 8 }
    : {};
  const dsaEncoding = "ieee-p1363"; // what JWS has for ECDSA; others ignore it
  return join3(signed, alg, (bytes) => signBytes(hash, bytes, { key, dsaEncoding, ...padding }));
}

function hmac(alg: string, secret: string | Buffer, signed: Signed = {}): string {
  const hash = `sha${alg.slice(2)}`;
  return join3(signed, alg, (bytes) => createHmac(hash, secret).update(bytes).digest());
}

function unsigned(alg: string, signature = "", signed: Signed = {}): string {
  return join3(signed, alg, () => Buffer.from(signature));
}

const off: AuthConfig = { publicKey: null, jwks: null, iss: null, aud: null };

type Options = { readonly now?: number; readonly remote?: Partial<RemoteLimits> };

function opened(config: Partial<AuthConfig>, options: Options = {}): Promise<Opened> {
  const { now = nowSeconds * 1_000, remote = {} } = options;
  return openVerifier({ ...off, ...config }, { now: () => now, remote });
}

async function verifier(config: Partial<AuthConfig>, options: Options = {}): Promise<Verifier> {
  const result = await opened(config, options);
  if (result.kind !== "verifier") throw new Error(JSON.stringify(result));
  return result.verifier;
}

const words = new Set([
  "missing",
  "malformed",
  "algorithm_refused",
  "signature_invalid",
  "key_unknown",
  "keys_unavailable",
  "expired",
  "not_yet_valid",
  "issuer_refused",
  "audience_refused",
  "claim_invalid",
]);

/** Holds every refusal of this file to A2: it is one of a few words, and nothing besides. */
function outcomeOf(verdict: Verdict): string {
  if (verdict.kind === "granted") return "granted";
  expect(Object.entries(verdict)).toEqual([
    ["kind", "unauthenticated"],
    ["fault", verdict.fault],
  ]);
  expect(words).toContain(verdict.fault);
  return verdict.fault;
}

async function told(by: Verifier, token: string | null): Promise<string> {
  return outcomeOf(await by.verify(token));
}

const byKey: readonly (readonly [string, Pair, readonly string[]])[] = [
  ["RSA", rsa, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]],
  ["P-256", p256, ["ES256"]],
  ["P-384", p384, ["ES384"]],
  ["Ed25519", ed25519, ["EdDSA"]],
];
const algorithms = byKey.flatMap(([, , own]) => own);
const notOurs = ["ES512", "ES256K", "Ed25519", "Ed448", "HS256", "none", "", "rs256", "toString"];

describe("keys: the type of a key decides the algorithms", () => {
  describe.each(byKey)("%s", (_name, pair, own) => {
    const sources = [
      ["PEM", { publicKey: file(pem(pair)) }],
      ["JWKS", { jwks: file(jwks(jwk(pair))) }],
    ] as const;

    describe.each(sources)("as a %s", (source, config) => {
      test.each(own)("accepts %s", async (alg) => {
        const verdict = await (await verifier(config)).verify(sign(alg, pair));
        const grant = { isAdmin: false, prefix: "a", groups: null };
        expect(verdict).toMatchObject({ kind: "granted", grant });
      });

      test("A3 refuses every other algorithm, whatever the signature", async () => {
        const by = await verifier(config);
        for (const alg of [...algorithms, ...notOurs].filter((each) => !own.includes(each))) {
          const signature = sign(own[0] ?? "", pair, { header: { alg } });
          const isOfOtherKey = source === "JWKS" && algorithms.includes(alg);
          const expected = isOfOtherKey ? "key_unknown" : "algorithm_refused";
          expect(await told(by, signature), alg).toBe(alg === "" ? "malformed" : expected);
        }
      });
    });

    test.each(own)("refuses %s by a key that is not configured", async (alg) => {
      const stranger = generateKeyPairSync(...generating(pair)) as Pair;
      const by = await verifier({ publicKey: file(pem(pair)) });
      expect(await told(by, sign(alg, stranger))).toBe("signature_invalid");
    });
  });

  test("an Ed25519 key that signs under the newer name of its algorithm is refused", async () => {
    const token = sign("Ed25519", ed25519);
    expect(await told(await verifier({ publicKey: file(pem(ed25519)) }), token)).toBe(
      "algorithm_refused",
    );
    expect(await told(await verifier({ jwks: file(jwks(jwk(ed25519))) }), token)).toBe(
      "algorithm_refused",
    );
  });

  test("PKCS#1 is as good as SPKI", async () => {
    const text = rsa.publicKey.export({ type: "pkcs1", format: "pem" }).toString();
    expect(await told(await verifier({ publicKey: file(text) }), sign("RS256", rsa))).toBe(
      "granted",
    );
  });
});

function generating({ publicKey }: Pair): Parameters<typeof generateKeyPairSync> {
  const { namedCurve, modulusLength } = publicKey.asymmetricKeyDetails ?? {};
  const type = publicKey.asymmetricKeyType as "ec";
  return [type, { namedCurve: namedCurve ?? "", modulusLength }] as never;
}

const pemText = pem(rsa);
const secrets: readonly (readonly [string, string | Buffer])[] = [
  ["its PEM", pemText],
  ["its PEM without the last line's end", pemText.trim()],
  ["its PEM without lines", pemText.replaceAll("\n", "")],
  ["its DER", rsa.publicKey.export({ type: "spki", format: "der" })],
  ["its JWK", JSON.stringify(jwk(rsa))],
  ["its JWKS", jwks(jwk(rsa))],
  ["nothing", ""],
];

const good = sign("RS256", rsa);
const [header = "", payload = "", signature = ""] = good.split(".");
const withKey = verifier({ publicKey: file(pemText) });
const withSet = verifier({ jwks: file(jwks(jwk(rsa), jwk(p256), jwk(otherRsa))) });
const text = fc.oneof(fc.string({ unit: "binary" }), fc.json().map(encoded), fc.base64String());
const parts = fc.array(text, { maxLength: 5 }).map((each) => each.join("."));
const ours = fc.tuple(fc.constantFrom(header, payload, signature), text).map((each) => {
  return `${header}.${each.join("")}.${signature}`;
});
describe("forgeries: of algorithms", () => {
  test.each(secrets)("A3 the public key is no secret of HMAC: %s", async (_name, secret) => {
    for (const config of [{ publicKey: file(pemText) }, { jwks: file(jwks(jwk(rsa))) }]) {
      const by = await verifier(config);
      for (const alg of ["HS256", "HS384", "HS512"]) {
        expect(await told(by, hmac(alg, secret))).toBe("algorithm_refused");
        const renamed = hmac(alg, secret, { header: { alg: "RS256" } });
        expect(await told(by, renamed)).toBe("signature_invalid");
      }
    }
  });

  test.each(["none", "None", "NONE", "nOnE"])("A3 alg %s is never accepted", async (alg) => {
    for (const config of [{ publicKey: file(pemText) }, { jwks: file(jwks(jwk(rsa))) }]) {
      const by = await verifier(config);
      for (const signature of ["", "x"]) {
        expect(await told(by, unsigned(alg, signature))).toBe("algorithm_refused");
      }
    }
  });
});

describe("forgeries: of parts", () => {
  test("a key that the token brings along, or points to, is not trusted", async () => {
    const header = {
      jwk: jwk(otherRsa),
      x5c: ["MIIB"],
      jku: "http://127.0.0.1:1/jwks",
      kid: "../",
    };
    const token = sign("RS256", otherRsa, { header });
    expect(await told(await verifier({ publicKey: file(pemText) }), token)).toBe(
      "signature_invalid",
    );
    expect(await told(await verifier({ jwks: file(jwks(jwk(rsa))) }), token)).toBe("key_unknown");
  });

  test("what was signed is what counts: no part of a token can be changed", async () => {
    const by = await verifier({ publicKey: file(pemText) });
    const token = sign("RS256", rsa);
    const [header, , signature] = token.split(".");
    const admin = encoded({ ...claims, role: "admin" });
    const [, , ofOther] = sign("RS256", rsa, { claims: { ...claims, role: "x" } }).split(".");
    expect(await told(by, token)).toBe("granted");
    expect(await told(by, `${header}.${admin}.${signature}`)).toBe("signature_invalid");
    expect(await told(by, `${header}.${admin}.`)).toBe("signature_invalid");
    expect(await told(by, token.replace(`${signature}`, `${ofOther}`))).toBe("signature_invalid");
    expect(await told(by, token.slice(0, -8))).toBe("signature_invalid");
    expect(await told(by, sign("RS256", rsa, { header: { typ: "x" } }))).toBe("granted");
  });

  test("an ECDSA signature of zeros is none, nor is one in DER", async () => {
    const by = await verifier({ publicKey: file(pem(p256)) });
    const zeros = join3({}, "ES256", () => Buffer.alloc(64));
    const der = join3({}, "ES256", (bytes) => signBytes("sha256", bytes, p256.privateKey));
    expect(await told(by, zeros)).toBe("signature_invalid");
    expect(await told(by, der)).toBe("signature_invalid");
  });

  test("an extension that is critical and unknown is refused, and so is a payload in the clear", async () => {
    const by = await verifier({ publicKey: file(pemText) });
    const unknown = sign("RS256", rsa, { header: { crit: ["x"], x: 1 } });
    const clear = sign("RS256", rsa, { header: { crit: ["b64"], b64: false } });
    expect(await told(by, unknown)).toBe("malformed");
    expect(await told(by, clear)).toBe("malformed");
  });
});

describe("forgeries: of nothing", () => {
  test.each([
    ["nothing", ""],
    ["a word", "token"],
    ["two parts", `${header}.${payload}`],
    ["four parts", `${good}.x`],
    ["five parts, as encrypted ones have", `${good}.x.y`],
    ["no header", `.${payload}.${signature}`],
    ["a header that is no JSON", `AAAA.${payload}.${signature}`],
    ["a header that is null", `${encoded(null)}.${payload}.${signature}`],
    ["a header that is an array", `${encoded([])}.${payload}.${signature}`],
    ["a header without an algorithm", `${encoded({})}.${payload}.${signature}`],
    ["an algorithm that is no text", `${encoded({ alg: ["RS256"] })}.${payload}.${signature}`],
    ["a signature that is no base64url", `${header}.${payload}.*`],
    ["base64 in place of base64url", `${header}=.${payload}.${signature}`],
    ["NUL", `\0${good}`],
    ["too long a token", `${header}.${"A".repeat(32 * 1024)}.${signature}`],
  ])("A1 garbage is refused: %s", async (_name, token) => {
    for (const publicKey of [file(pemText), "none"]) {
      const isSigned = publicKey !== "none" || token !== `${header}.${payload}.*`;
      const lacksAlgorithm = publicKey === "none" && /algorithm/.test(_name);
      if (!isSigned || lacksAlgorithm) continue; // there the signature and its algorithm are nothing
      expect(await told(await verifier({ publicKey }), token)).toBe("malformed");
    }
  });

  test("A1 no token at all is refused", async () => {
    expect(await told(await verifier({ publicKey: file(pemText) }), null)).toBe("missing");
    expect(await told(await verifier({ publicKey: "none" }), null)).toBe("missing");
  });

  property.prop([fc.oneof(parts, ours)])("A1 what is made up is never granted", async (token) => {
    fc.pre(token !== good);
    expect(await told(await withKey, token)).not.toBe("granted");
    expect(await told(await withSet, token)).not.toBe("granted");
  });
});

const leeway = 60;
const withExp = (more: Jwk) => ({ exp: nowSeconds + 1, ...more });
const both = { iss: "us", aud: "them" };

/** [what, claims, configured, outcome] */
// biome-ignore format: a table is read down its columns
const claimRows: readonly (readonly [string, unknown, Partial<AuthConfig>, string])[] = [
  ["no exp",                          { prefix: "a" },                              {},             "claim_invalid"],
  ["an exp that is null",             { exp: null },                                {},             "claim_invalid"],
  ["an exp that is text",             { exp: `${nowSeconds + 9}` },                 {},             "claim_invalid"],
  ["an exp ahead",                    { exp: nowSeconds + 1 },                      {},             "granted"],
  ["an exp just within the leeway",   { exp: nowSeconds - leeway + 1 },             {},             "granted"],
  ["an exp that has passed",          { exp: nowSeconds - leeway },                 {},             "expired"],
  ["an exp of long ago",              { exp: 0 },                                   {},             "expired"],
  ["a negative exp",                  { exp: -1 },                                  {},             "expired"],
  ["an nbf that is reached",          withExp({ nbf: nowSeconds }),                 {},             "granted"],
  ["an nbf just within the leeway",   withExp({ nbf: nowSeconds + leeway }),        {},             "granted"],
  ["an nbf that is not reached",      withExp({ nbf: nowSeconds + leeway + 1 }),    {},             "not_yet_valid"],
  ["an nbf that is text",             withExp({ nbf: "0" }),                        {},             "claim_invalid"],
  ["iss, aud that nobody asked for",  withExp({ iss: "any", aud: 5 }),              {},             "granted"],
  ["the iss",                         withExp({ iss: "us" }),                       { iss: "us" },  "granted"],
  ["another iss",                     withExp({ iss: "US" }),                       { iss: "us" },  "issuer_refused"],
  ["an iss that is a list",           withExp({ iss: ["us"] }),                     { iss: "us" },  "issuer_refused"],
  ["no iss",                          withExp({}),                                  { iss: "us" },  "claim_invalid"],
  ["the aud",                         withExp({ aud: "them" }),                     { aud: "them" }, "granted"],
  ["the aud among others",            withExp({ aud: ["x", "them"] }),              { aud: "them" }, "granted"],
  ["another aud",                     withExp({ aud: "the" }),                      { aud: "them" }, "audience_refused"],
  ["other auds",                      withExp({ aud: ["x", "y"] }),                 { aud: "them" }, "audience_refused"],
  ["an empty list of auds",           withExp({ aud: [] }),                         { aud: "them" }, "audience_refused"],
  ["an aud that is an object",        withExp({ aud: { them: 1 } }),                { aud: "them" }, "audience_refused"],
  ["no aud",                          withExp({}),                                  { aud: "them" }, "claim_invalid"],
  ["iss and aud",                     withExp({ iss: "us", aud: "them" }),          both,           "granted"],
  ["the iss but not the aud",         withExp({ iss: "us", aud: "us" }),            both,           "audience_refused"],
  ["claims that are an array",        [],                                           {},             "malformed"],
  ["claims that are null",            null,                                         {},             "malformed"],
];

describe.each([
  ["with a key", { publicKey: file(pem(p256)) }],
  ["with a set of keys", { jwks: file(jwks(jwk(otherP256), jwk(p256))) }],
  ["A4 without a signature that counts", { publicKey: "none" }],
] as const)("claims, %s", (_name, config) => {
  test.each(claimRows)("%s", async (_what, wanted, configured, expected) => {
    const token = sign("ES256", p256, { claims: wanted });
    expect(await told(await verifier({ ...config, ...configured }), token)).toBe(expected);
  });
});

test("claims: what was granted is over when the same token would be refused", async () => {
  let now = nowSeconds * 1_000;
  const opened = await openVerifier({ ...off, publicKey: file(pem(p256)) }, { now: () => now });
  if (opened.kind !== "verifier") throw new Error(opened.kind);
  const token = sign("ES256", p256, { claims: { exp: nowSeconds + 5 } });
  const verdict = await opened.verifier.verify(token);
  if (verdict.kind !== "granted") throw new Error(verdict.fault);
  now = (nowSeconds + 5 + leeway) * 1_000 - 1;
  expect(verdict.isOver()).toBe(false);
  expect(await told(opened.verifier, token)).toBe("granted");
  now += 1;
  expect(verdict.isOver()).toBe(true);
  expect(await told(opened.verifier, token)).toBe("expired");
});

test("claims: the clock is the machine's unless another is given", async () => {
  const result = await openVerifier({ ...off, publicKey: "none" });
  if (result.kind !== "verifier") throw new Error(result.kind);
  const at = (exp: number) => sign("ES256", p256, { claims: { exp } });
  expect(await told(result.verifier, at(Date.now() / 1_000 - 3_600))).toBe("expired");
  expect(await told(result.verifier, at(Date.now() / 1_000 + 3_600))).toBe("granted");
});

test.each([
  ["another key's", sign("RS256", otherRsa)],
  ["none", unsigned("none")],
  ["text", unsigned("RS256", "x")],
  ["an HMAC", hmac("HS256", "secret")],
  ["of an unknown algorithm", unsigned("x", "y")],
])("A4 without a key any signature is accepted: %s", async (_name, token) => {
  expect(await told(await verifier({ publicKey: "none" }), token)).toBe("granted");
});

test("A2 a refusal tells nothing of the token, however closely it is looked at", async () => {
  const said = { iss: "said-iss", aud: "said-aud", prefix: "said-prefix", groups: ["said-group"] };
  const wanted = { ...said, exp: nowSeconds + 1 };
  const by = await verifier({ publicKey: file(pem(p256)), iss: "us", aud: "them" });
  const tokens = [
    sign("ES256", p256, { claims: { ...wanted, exp: 0, iss: "us", aud: "them" } }),
    sign("ES256", p256, { claims: { ...wanted, exp: "said-exp" } }),
    sign("ES256", p256, { claims: wanted }),
    sign("ES256", p256, { claims: { ...wanted, iss: "us" } }),
    sign("ES256", p256, { claims: { ...wanted, nbf: nowSeconds + 90, iss: "us", aud: "them" } }),
    sign("ES256", otherP256, { claims: wanted }),
    sign("ES256", p256, { claims: wanted, header: { alg: "said-alg" } }),
    sign("ES256", p256, { claims: wanted, header: { crit: ["said-crit"] } }),
    "said-token",
  ];
  const faults = new Set<string>();
  for (const token of tokens) {
    const verdict = await by.verify(token);
    faults.add(outcomeOf(verdict));
    const shown = inspect(verdict, { showHidden: true, depth: null });
    for (const part of ["said-", ...token.split(".")]) expect(shown).not.toContain(part);
  }
  expect(faults.size).toBe(7);
});

describe("configuration", () => {
  test("nothing configured is off", async () => {
    expect(await opened({})).toEqual({ kind: "off" });
  });

  test("what is dangerous is warned about, and nothing else", async () => {
    const warnings = async (config: Partial<AuthConfig>) => {
      const result = await opened(config);
      return result.kind === "verifier" ? result.warnings : result;
    };
    expect(await warnings({ publicKey: "none" })).toEqual([
      "--auth-public-key none accepts any signature, so anybody can be admin; name a PEM file unless this is a test",
    ]);
    expect(await warnings({ jwks: "http://keys.example/jwks" })).toEqual([
      "--auth-jwks is fetched without TLS, so the network decides who is admin; use https",
    ]);
    for (const host of ["http://localhost:1", "http://127.0.0.1", "http://[::1]", "https://x"]) {
      expect(await warnings({ jwks: `${host}/jwks` }), host).toEqual([]);
    }
    expect(await warnings({ publicKey: file(pem(rsa)) })).toEqual([]);
    expect(await warnings({ jwks: file(jwks(jwk(rsa))) })).toEqual([]);
    const [warning] = (await warnings({ jwks: "http://127.example" })) as readonly string[];
    expect(warning).toContain("without TLS");
  });

  const privateText = rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const privateJwk = p256.privateKey.export({ format: "jwk" });
  const secret = "c2VjcmV0LXRleHQ";
  // biome-ignore format: a table is read down its columns
  test.each([
    ["both sources",        { publicKey: file(pem(rsa)), jwks: file(jwks(jwk(rsa))) }, "are both set; remove one"],
    ["none and a set",      { publicKey: "none", jwks: file(jwks(jwk(rsa))) },         "are both set; remove one"],
    ["an iss alone",        { iss: "us" },                                    "need keys; set --auth-public-key or"],
    ["an aud alone",        { aud: "them" },                                  "need keys; set --auth-public-key or"],
    ["no such file",        { publicKey: join(folder, "x") },                 "cannot be read (ENOENT); check the path"],
    ["a folder",            { publicKey: folder },                            "cannot be read (EISDIR); check the path"],
    ["no PEM",              { publicKey: file(secret) },                      "holds no public key in PEM form; export"],
    ["a broken PEM",        { publicKey: file(pem(rsa).replace("A", "!")) },  "holds no public key in PEM form; export"],
    ["K3 a private key",    { publicKey: file(privateText) },                 "holds a private key; give the server"],
    ["a short RSA key",     { publicKey: file(pem(shortRsa)) },               "cannot be verified with; use RSA of 2048"],
    ["P-521",               { publicKey: file(pem(p521)) },                   "cannot be verified with; use RSA of 2048"],
    ["secp256k1",           { publicKey: file(pem(koblitz)) },                "cannot be verified with; use RSA of 2048"],
    ["Ed448",               { publicKey: file(pem(ed448)) },                  "cannot be verified with; use RSA of 2048"],
    ["no such set",         { jwks: join(folder, "x") },                      "cannot be read (ENOENT); check the path"],
    ["a set, no JSON",      { jwks: file(`{${secret}`) },                     "is no JWKS; it must be JSON such as"],
    ["a set, no object",    { jwks: file("null") },                           "is no JWKS; it must be JSON such as"],
    ["a set without keys",  { jwks: file("{}") },                             "is no JWKS; it must be JSON such as"],
    ["a set of texts",      { jwks: file(`{"keys":["${secret}"]}`) },         "is no JWKS; it must be JSON such as"],
    ["a PEM for a set",     { jwks: file(pem(rsa)) },                         "is no JWKS; it must be JSON such as"],
    ["a set with nothing",  { jwks: file(jwks()) },                           "has no key that can verify a token; add"],
    ["a set of others",     { jwks: file(jwks(jwk(p521), jwk(shortRsa))) },   "has no key that can verify a token; add"],
    ["K3 a private JWK",    { jwks: file(jwks(jwk(rsa), privateJwk as Jwk)) }, "holds private or secret keys; list the"],
    ["K3 a secret JWK",     { jwks: file(jwks({ kty: "oct", k: secret })) },  "holds private or secret keys; list the"],
    ["no URL",              { jwks: "https://" },                             "is no valid URL; correct it"],
    ["a password",          { jwks: `https://u:${secret}@host/` },            "has a user or password in its URL; serve"],
  ])("K1 is refused at the start, with what to do: %s", async (_name, config, expected) => {
    const result = await opened(config);
    expect(result).toEqual({ kind: "misconfigured", error: expect.stringContaining(expected) });
    const { error } = result as Extract<Opened, { kind: "misconfigured" }>;
    expect(error).toMatch(/--auth-(public-key|jwks)\b/);
    for (const part of [secret, privateText.slice(100, 140), `${privateJwk.d}`]) {
      expect(error).not.toContain(part);
    }
  });
});

describe("a set of keys in a file", () => {
  const set = jwks(
    { kty: "OKP", crv: "X25519", x: "AAAA", use: "enc" },
    { kty: "unheard-of" },
    jwk(shortRsa, { kid: "short" }),
    jwk(rsa, { kid: "rsa" }),
    jwk(otherRsa, { kid: "other" }),
    jwk(p256, { kid: "p256", alg: "ES256", use: "sig" }),
    jwk(ed25519, { kid: "ed", key_ops: ["verify"] }),
    jwk(p384, { kid: "p384", use: "enc" }),
  );
  const by = verifier({ jwks: file(set) });

  // biome-ignore format: a table is read down its columns
  test.each([
    ["the key that is named",             sign("RS256", otherRsa, { header: { kid: "other" } }), "granted"],
    ["another one that is named",         sign("RS256", otherRsa, { header: { kid: "rsa" } }),   "signature_invalid"],
    ["one that is not there",             sign("RS256", rsa, { header: { kid: "x" } }),          "key_unknown"],
    ["a kid that is no text",             sign("RS256", rsa, { header: { kid: 5 } }),            "key_unknown"],
    ["the first of those unnamed",        sign("RS256", rsa),                                    "granted"],
    ["the last of those unnamed",         sign("PS512", otherRsa),                               "granted"],
    ["none of those unnamed",             sign("RS256", generateKeyPairSync("rsa", { modulusLength: 2048 })), "signature_invalid"],
    ["a short key",                       sign("RS256", shortRsa, { header: { kid: "short" } }), "signature_invalid"],
    ["a short key among those unnamed",   sign("RS256", shortRsa),                               "signature_invalid"],
    ["the only one of its kind",          sign("ES256", p256),                                   "granted"],
    ["Ed25519",                           sign("EdDSA", ed25519, { header: { kid: "ed" } }),     "granted"],
    ["one that is for encryption",        sign("ES384", p384),                                   "key_unknown"],
    ["one of those unnamed, but late",    sign("RS256", otherRsa, { claims: { exp: 5 } }),       "expired"],
  ])("%s", async (_name, token, expected) => {
    expect(await told(await by, token)).toBe(expected);
  });
});

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await stop(server);
});

function stop(server: Server): Promise<unknown> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}

/** Serves what `answer` says, which may change. */
class KeyServer {
  answer: RequestListener;
  requests = 0;
  readonly problems: string[] = [];
  #port = 0;

  constructor(answer: RequestListener) {
    this.answer = answer;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.requests += 1;
      this.answer(request, response);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const server of servers.splice(0)) await stop(server);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/keys?token=in-the-query`;
  }

  verifier(remote: Partial<RemoteLimits> = {}): Promise<Verifier> {
    const onFailure = (problem: string) => void this.problems.push(problem);
    return verifier({ jwks: this.url }, { remote: { retryMs: 0, onFailure, ...remote } });
  }

  /** Each problem has said the same, where to look, and nothing of the token or the query. */
  expectProblem(because: string, token: string): void {
    expect(new Set(this.problems)).toEqual(
      new Set([
        `no keys from http://127.0.0.1:${this.#port}/keys: ${because}; check --auth-jwks and what serves it`,
      ]),
    );
    for (const part of [...token.split("."), "in-the-query"]) {
      expect(this.problems.join()).not.toContain(part);
    }
  }
}

async function serving(answer: RequestListener): Promise<KeyServer> {
  const server = new KeyServer(answer);
  await server.start();
  return server;
}

function body(text: string, status = 200): RequestListener {
  return (_request, response) => {
    response.statusCode = status;
    response.end(text);
  };
}

const named = sign("ES256", p256, { header: { kid: "one" } });
const rotated = sign("ES256", otherP256, { header: { kid: "two" } });
const one = jwk(p256, { kid: "one" });
const two = jwk(otherP256, { kid: "two" });

describe("a set of keys behind a URL", () => {
  test("K2 is fetched with the first token, and then kept", async () => {
    const server = await serving(body(jwks(one)));
    const by = await server.verifier();
    expect(server.requests).toBe(0);
    const outcomes = await Promise.all([told(by, named), told(by, named)]);
    expect([...outcomes, await told(by, named)]).toEqual(["granted", "granted", "granted"]);
    expect(server.requests).toBe(1);
    await server.stop();
    expect(await told(by, named)).toBe("granted");
    expect(server.problems).toEqual([]);
  });

  test("is not fetched for what is no token", async () => {
    const server = await serving(body(jwks(one)));
    const by = await server.verifier();
    for (const each of [null, "x", "a.b.c", unsigned("none"), hmac("HS256", "x")]) {
      expect(await told(by, each)).not.toBe("granted");
    }
    expect(server.requests).toBe(0);
  });
});

describe("a set of keys behind a URL that fails", () => {
  const endless: RequestListener = (_request, response) => {
    const write = (error?: Error | null) => {
      if (!error) response.write(" ".repeat(4_096), write);
    };
    write();
  };
  const trickling: RequestListener = (_request, response) => {
    response.write("{");
  };
  // biome-ignore format: a table is read down its columns
  test.each<[string, RequestListener, string]>([
    ["500",                   body(jwks(one), 500),                        "the answer's status is 500, not 200"],
    ["404",                   body("", 404),                               "the answer's status is 404, not 200"],
    ["204",                   body("", 204),                               "the answer's status is 204, not 200"],
    ["no JSON",               body("<html>"),                              "the answer is no JWKS"],
    ["no set",                body("[]"),                                  "the answer is no JWKS"],
    ["nothing",               body(""),                                    "the answer is no JWKS"],
    ["too much",              endless,                                     "the answer has over 65536 bytes"],
    ["no answer",             () => {},                                    "no answer in time"],
    ["half an answer",        trickling,                                   "no answer in time"],
    ["an end in the middle",  (request) => request.socket.destroy(),       "UND_ERR_SOCKET"],
  ])("that answers with %s refuses tokens, and recovers", async (_name, answer, because) => {
    const server = await serving(answer);
    const by = await server.verifier({ timeoutMs: 200, bytesMax: 65_536 });
    const startedAt = performance.now();
    const outcomes = await Promise.all([told(by, named), told(by, named), told(by, rotated)]);
    expect(outcomes).toEqual(["keys_unavailable", "keys_unavailable", "keys_unavailable"]);
    expect(performance.now() - startedAt).toBeLessThan(4_000); // jose alone would wait for 5 s
    server.expectProblem(because, named);
    server.answer = body(jwks(one));
    expect(await told(by, named)).toBe("granted");
  });

  test("that redirects is not followed", async () => {
    const elsewhere = await serving(body(jwks(one)));
    const server = await serving((_request, response) => {
      response.writeHead(302, { location: elsewhere.url }).end();
    });
    expect(await told(await server.verifier(), named)).toBe("keys_unavailable");
    server.expectProblem("the answer's status is 302, not 200", named);
    expect(elsewhere.requests).toBe(0);
  });

  test("that is down refuses tokens, and recovers", async () => {
    const server = await serving(body(jwks(one)));
    const by = await server.verifier();
    await server.stop();
    expect(await told(by, named)).toBe("keys_unavailable");
    server.expectProblem("ECONNREFUSED", named);
    await server.start();
    expect(await told(by, named)).toBe("granted");
  });

  test("K2 is left alone for a moment after a failure", async () => {
    const server = await serving(body("", 500));
    const by = await server.verifier({ retryMs: 300 });
    for (let count = 0; count < 5; count += 1) {
      expect(await told(by, named)).toBe("keys_unavailable");
    }
    expect(server.requests).toBe(1);
    expect(server.problems.length).toBe(1);
    server.answer = body(jwks(one));
    await sleep(310);
    expect(await told(by, named)).toBe("granted");
  });
});

describe("a set of keys behind a URL that changes", () => {
  test("K2 is fetched again for a key that it lacks, but not at once", async () => {
    const server = await serving(body(jwks(one)));
    const by = await server.verifier({ cooldownMs: 300 });
    expect(await told(by, named)).toBe("granted");
    server.answer = body(jwks(one, two));
    expect(await told(by, rotated)).toBe("key_unknown");
    expect(server.requests).toBe(1);
    await sleep(310);
    expect(await told(by, rotated)).toBe("granted");
    expect(await told(by, named)).toBe("granted");
    expect(server.requests).toBe(2);
  });

  test("K2 no longer trusts a key that was withdrawn, once the set is old", async () => {
    const server = await serving(body(jwks(one)));
    const by = await server.verifier({ maxAgeMs: 200, cooldownMs: 0 });
    expect(await told(by, named)).toBe("granted");
    server.answer = body(jwks(two));
    await sleep(210);
    expect(await told(by, named)).toBe("key_unknown");
    expect(await told(by, rotated)).toBe("granted");
    await server.stop();
    await sleep(210);
    expect(await told(by, rotated)).toBe("keys_unavailable");
  });

  test("A3 may list a secret: nothing is verified with it", async () => {
    const secret = Buffer.alloc(32, 7);
    const oct = { kty: "oct", k: secret.toString("base64url"), kid: "one", alg: "HS256" };
    const server = await serving(body(jwks(oct, two)));
    const by = await server.verifier();
    const header = { kid: "one" };
    expect(await told(by, hmac("HS256", secret, { header }))).toBe("algorithm_refused");
    expect(await told(by, rotated)).toBe("granted");
  });

  test("K3 may list a private key: nothing is verified with it", async () => {
    const { privateKey } = p256;
    const server = await serving(
      body(jwks({ ...privateKey.export({ format: "jwk" }), kid: "one" })),
    );
    expect(await told(await server.verifier(), named)).not.toBe("granted");
  });
});

// biome-ignore format: a table is read down its columns
test.each<[string, string | null, string | null, string | null]>([
  ["neither",                       null,   null,               null],
  ["an empty head.auth",            "",     null,               null],
  ["head.auth",                     "a",    null,               "a"],
  ["head.auth before the header",   "a",    "Bearer b",         "a"],
  ["the header",                    null,   "Bearer b",         "b"],
  ["the header behind an empty one", "",    "Bearer b",         "b"],
  ["a scheme in lower case",        null,   "bearer b",         "b"],
  ["a scheme in upper case",        null,   "BEARER b",         "b"],
  ["spaces around",                 null,   "Bearer   b  ",     "b"],
  ["a scheme alone",                null,   "Bearer",           null],
  ["a scheme without a token",      null,   "Bearer ",          null],
  ["another scheme",                null,   "Basic b",          null],
  ["a scheme that begins alike",    null,   "BearerX b",        null],
  ["a scheme in the middle",        null,   "Basic Bearer b",   null],
  ["no scheme",                     null,   "b",                null],
  ["two words",                     null,   "Bearer b c",       null],
  ["two headers, joined",           null,   "Bearer b, Bearer c", null],
  ["no header's text",              null,   "",                 null],
])("tokens are taken from head.auth, else the header: %s", (_name, auth, header, token) => {
  expect(tokenOf(auth, header)).toBe(token);
});

describe("grants", () => {
  const none: Grant = { isAdmin: false, prefix: null, groups: null };

  // biome-ignore format: a table is read down its columns
  test.each<[string, Record<string, unknown>, Partial<Grant>]>([
    ["nothing",                       {},                               {}],
    ["a prefix",                      { prefix: "a" },                  { prefix: "a" }],
    ["an empty prefix",               { prefix: "" },                   { prefix: "" }],
    ["a prefix that is null",         { prefix: null },                 {}],
    ["a prefix that is a number",     { prefix: 5 },                    {}],
    ["a prefix that is a list",       { prefix: ["a"] },                {}],
    ["a prefix that is true",         { prefix: true },                 {}],
    ["half a character as a prefix",  { prefix: "\ud83d" },             {}],
    ["a whole character",             { prefix: "\ud83d\ude00" },       { prefix: "\ud83d\ude00" }],
    ["a prefix in upper case",        { Prefix: "a", PREFIX: "a" },     {}],
    ["admin",                         { role: "admin" },                { isAdmin: true }],
    ["admin in upper case",           { role: "ADMIN" },                { isAdmin: true }],
    ["admin in any case",             { role: "aDmIn" },                { isAdmin: true }],
    ["admin with a prefix",           { role: "admin", prefix: "a" },   { isAdmin: true, prefix: "a" }],
    ["admin with a space",            { role: "admin " },               {}],
    ["admin in Turkish",              { role: "ADM\u0130N" },           {}],
    ["another role",                  { role: "administrator" },        {}],
    ["a role that is a list",         { role: ["admin"] },              {}],
    ["groups",                        { groups: ["g", "h"] },           { groups: ["g", "h"] }],
    ["no groups",                     { groups: [] },                   { groups: [] }],
    ["groups that are no texts",      { groups: ["g", 5, null] },       { groups: ["g"] }],
    ["groups that are null",          { groups: null },                 { groups: [] }],
    ["groups that are one text",      { groups: "g" },                  { groups: [] }],
  ])("%s", (_name, given, expected) => {
    expect(toGrant(given)).toEqual({ ...none, ...expected });
  });
});

const admin: Grant = { isAdmin: true, prefix: null, groups: null };
const everyId: Grant = { isAdmin: false, prefix: "", groups: null };
const within: Grant = { isAdmin: false, prefix: "a", groups: null };
const nowhere: Grant = { isAdmin: false, prefix: null, groups: null };

const create = (id: unknown) => ({ kind: "promise.create", data: { id } });
const callback = (awaited: unknown, awaiter: unknown) => {
  return { kind: "promise.register_callback", data: { awaited, awaiter } };
};

/** For each kind: data that names these ids in all places that the contract lists. */
// biome-ignore format: a table is read down its columns
const naming: Readonly<Record<Exclude<AuthorizedKind, "promise.search" | "task.search" | "schedule.search">, readonly [count: number, (ids: readonly unknown[]) => unknown]>> = {
  "promise.get":               [1, ([id]) => ({ id })],
  "promise.create":            [1, ([id]) => ({ id, timeoutAt: 1 })],
  "promise.settle":            [1, ([id]) => ({ id, state: "resolved" })],
  "promise.register_callback": [2, ([awaited, awaiter]) => ({ awaited, awaiter })],
  "promise.register_listener": [1, ([awaited]) => ({ awaited, address: "poll://any@b" })],
  "task.get":                  [1, ([id]) => ({ id })],
  "task.create":               [1, ([id]) => ({ pid: "b", ttl: 1, action: create(id) })],
  "task.acquire":              [1, ([id]) => ({ id, version: 0, pid: "b", ttl: 1 })],
  "task.release":              [1, ([id]) => ({ id, version: 0 })],
  "task.fulfill":              [1, ([id]) => ({ id, version: 0, action: { kind: "promise.settle", data: { id } } })],
  "task.suspend":              [4, ([id, ...all]) => ({ id, version: 0, actions: all.map((each) => callback(each, id)) })],
  "task.fence":                [2, ([id, other]) => ({ id, version: 0, action: create(other) })],
  "task.heartbeat":            [3, (all) => ({ pid: "b", tasks: all.map((id) => ({ id, version: 0 })) })],
  "task.halt":                 [1, ([id]) => ({ id })],
  "task.continue":             [1, ([id]) => ({ id })],
  "schedule.get":              [1, ([id]) => ({ id })],
  "schedule.create":           [2, ([id, promiseId]) => ({ id, promiseId, cron: "* * * * *" })],
  "schedule.delete":           [1, ([id]) => ({ id })],
};
const namingKinds = Object.entries(naming);

describe("the current protocol", () => {
  describe.each(namingKinds)("%s", (kind, [count, dataOf]) => {
    const inside = Array.from({ length: count }, (_, index) => `a${index}`);

    test("is covered if every id begins with the prefix", () => {
      expect(coversOperation(within, kind, dataOf(inside))).toBe(true);
      expect(coversOperation(within, kind, dataOf(inside.map(() => "a")))).toBe(true);
    });

    test.each(inside.map((_, index) => index))("G2 is not if id %d does not", (place) => {
      for (const foreign of ["", "b", "A", "ba", " a", "\u00e4", "\u0000a"]) {
        const data = dataOf(inside.map((id, index) => (index === place ? foreign : id)));
        expect(coversOperation(within, kind, data), foreign).toBe(false);
        expect(coversOperation(everyId, kind, data)).toBe(true);
        expect(coversOperation(admin, kind, data)).toBe(true);
      }
    });

    test.each(inside.map((_, index) => index))("G4 passes without id %d", (place) => {
      for (const absent of [undefined, null, 5, true, {}, ["b"], { id: "b" }]) {
        const data = dataOf(inside.map((id, index) => (index === place ? absent : id)));
        expect(coversOperation(within, kind, data)).toBe(true);
      }
    });

    test("G1 is not covered by a token without a prefix, not even when it names nothing", () => {
      for (const data of [dataOf(inside), {}]) {
        expect(coversOperation(nowhere, kind, data)).toBe(false);
      }
    });

    test("G4 passes whatever the shape of its data", () => {
      for (const data of [undefined, null, 5, "b", [], ["b"], {}, { action: 5, actions: {} }]) {
        expect(coversOperation(within, kind, data)).toBe(true);
      }
      const hollow = { action: null, actions: [null, 5, { data: null }, []], tasks: [null, "b"] };
      expect(coversOperation(within, kind, hollow)).toBe(true);
    });
  });
});

describe("the current protocol: searches", () => {
  test.each(["promise.search", "task.search", "schedule.search"])(
    "%s needs an idPrefix",
    (kind) => {
      const covered = (grant: Grant, data: unknown) => coversOperation(grant, kind, data);
      for (const idPrefix of ["a", "ab", "a*"]) expect(covered(within, { idPrefix })).toBe(true);
      for (const idPrefix of ["", "b", "A", "*a", null, 5, undefined, ["a"], { a: 1 }]) {
        expect(covered(within, { idPrefix })).toBe(false);
        expect(covered(everyId, { idPrefix })).toBe(true);
        expect(covered(admin, { idPrefix })).toBe(true);
        expect(covered(nowhere, { idPrefix })).toBe(false);
      }
      for (const data of [undefined, null, {}, [], "a"]) {
        expect(covered(within, data)).toBe(false);
        expect(covered(everyId, data)).toBe(true);
      }
      expect(covered(within, { idPrefix: "a", id: "b", cursor: "b" })).toBe(true);
      expect(covered({ ...within, prefix: "ab" }, { idPrefix: "a" })).toBe(false);
    },
  );
});

describe("the current protocol: schedules", () => {
  // biome-ignore format: a table is read down its columns
  test.each([
    ["the SDK's template",                "a1",          "{{.id}}-{{.timestamp}}",  true],
    ["the older SDK's",                   "a1",          "{{.id}}.{{.timestamp}}",  true],
    ["a text that begins so",             "a1",          "a2",                      true],
    ["the placeholder of a foreign id",   "b1",          "{{.id}}-{{.timestamp}}",  false],
    ["a foreign text",                    "a1",          "b-{{.id}}",               false],
    ["an instant in front",               "a1",          "{{.timestamp}}a",         false],
    ["nothing",                           "a1",          "",                        false],
    ["another placeholder",               "a1",          "{{.ID}}",                 false],
    ["an id that looks like a pattern",   "a$`$'$&",     "{{.id}}",                 true],
    ["a foreign id by a pattern",         "$'",          "{{.id}}a",                false],
    ["an instant within the id",          "a{{.timestamp}}", "{{.id}}",             true],
  ])("W2 a schedule may fire under the prefix only: %s", (_name, id, promiseId, expected) => {
    expect(coversOperation(within, "schedule.create", { id, promiseId })).toBe(expected);
  });

  test("W2 an instant is no part of a prefix", () => {
    const covered = (prefix: string, id: string, promiseId: string) => {
      return coversOperation({ ...within, prefix }, "schedule.create", { id, promiseId });
    };
    expect(covered("a{{", "a{{", "a{{.timestamp}}")).toBe(false);
    expect(covered("a{{.timestamp}}", "a{{.timestamp}}", "a{{.timestamp}}")).toBe(false);
    expect(covered("stamp}}", "stamp}}", "{{.time{{.id}}")).toBe(false);
    expect(covered("{{.time", "{{.time", "{{.id}}stamp}}")).toBe(false);
    expect(covered("1", "1", "{{.timestamp}}")).toBe(false);
  });

  test.each(["a$$", "a$&", "a$`", "a$'"])("W2 an id is put in its place as it is: %s", (prefix) => {
    const data = { id: `${prefix}1`, promiseId: "{{.id}}-{{.timestamp}}" };
    expect(coversOperation({ ...within, prefix }, "schedule.create", data)).toBe(true);
  });

  test("G4 a template without an id to put in its place says nothing yet", () => {
    const covered = (promiseId: unknown) =>
      coversOperation(within, "schedule.create", { promiseId });
    expect(covered("{{.id}}-{{.timestamp}}")).toBe(true);
    expect(covered("a")).toBe(true);
    expect(covered("b")).toBe(false);
  });
});

describe("the current protocol: the server, and what nobody knows", () => {
  test.each(["debug.start", "debug.stop", "debug.reset", "debug.tick", "debug.snap", "debug.x"])(
    "G3 %s needs an admin",
    (kind) => {
      expect(coversOperation(admin, kind, {})).toBe(true);
      for (const grant of [everyId, within, nowhere, { ...everyId, groups: [] }]) {
        expect(coversOperation(grant, kind, { id: "a" })).toBe(false);
      }
    },
  );

  test("G3 a debug time needs an admin", () => {
    expect([admin, everyId, within, nowhere].map(mayDriveTime)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  test.each([
    "",
    "x",
    "promise",
    "promise.GET",
    "promise.get ",
    "__proto__",
    "constructor",
    "debug",
  ])("W1 an unknown kind needs an admin or the empty prefix: %j", (kind) => {
    const covered = (grant: Grant) => coversOperation(grant, kind, { id: "a" });
    expect([admin, everyId, within, nowhere].map(covered)).toEqual([true, true, false, false]);
  });

  test("members that every object has are no members of a request", () => {
    const inherited = Object.create({ id: "b", idPrefix: "a" });
    expect(coversOperation(within, "promise.get", inherited)).toBe(true);
    expect(coversOperation(within, "promise.search", inherited)).toBe(false);
    const own = JSON.parse('{"__proto__":{"id":"b"},"id":"a"}');
    expect(coversOperation(within, "promise.get", own)).toBe(true);
  });
});

describe("the current protocol: whatever is asked", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 4 }),
    fc.constantFrom("a", "ab", "$&", "{{.id}}"),
  );
  const prefix = text.filter((each) => each.length > 0 && each.isWellFormed());
  const request = fc.record({
    kind: fc.constantFrom(...namingKinds),
    prefix,
    tails: fc.array(text, { minLength: 4, maxLength: 4 }),
    foreign: text,
    place: fc.nat(3),
  });

  property.prop([request])(
    "nothing outside the prefix is covered, whatever the kind, and all within is",
    ({ kind: [kind, [count, dataOf]], prefix, tails, foreign, place }) => {
      fc.pre(
        !foreign.startsWith(prefix) && !(kind === "schedule.create" && foreign.includes("{{")),
      );
      const grant: Grant = { isAdmin: false, prefix, groups: null };
      const inside = tails.slice(0, count).map((tail) => `${prefix}${tail}`);
      const outside = inside.map((id, index) => (index === place % count ? foreign : id));
      if (kind !== "schedule.create")
        expect(coversOperation(grant, kind, dataOf(inside))).toBe(true);
      expect(coversOperation(grant, kind, dataOf(outside))).toBe(false);
      expect(coversOperation(everyId, kind, dataOf(outside))).toBe(true);
    },
  );

  const pieces = fc.constantFrom(
    "{{.id}}",
    "{{.timestamp}}",
    "a",
    "{{.",
    "}}",
    "id",
    "time",
    "stamp",
    "$'",
    "1",
  );
  const spelled = fc.array(pieces, { maxLength: 5 }).map((each) => each.join(""));
  const scheduled = fc.record({
    prefix: spelled.filter((each) => each !== ""),
    tail: spelled,
    promiseId: spelled,
    time: fc.nat(9),
  });

  property.prop([scheduled], { numRuns: 2_000 })(
    "W2 whatever a covered schedule fires begins with the prefix",
    ({ prefix, tail, promiseId, time }) => {
      const id = `${prefix}${tail}`;
      const isCovered = coversOperation({ ...within, prefix }, "schedule.create", {
        id,
        promiseId,
      });
      if (!isCovered) return;
      const withId = (template: string) => template.split("{{.id}}").join(id);
      const withTime = (template: string) => template.split("{{.timestamp}}").join(`${time}`);
      const atOnce = promiseId.replace(/\{\{\.(id|timestamp)\}\}/g, (each) => {
        return each === "{{.id}}" ? id : `${time}`;
      });
      for (const fired of [withTime(withId(promiseId)), withId(withTime(promiseId)), atOnce]) {
        expect(fired.startsWith(prefix), fired).toBe(true);
      }
    },
  );
});

describe("the original API", () => {
  const [a, b] = [promiseId("a1"), promiseId("b1")];
  const value = { headers: new Map(), data: null } as never;
  const tags = new Map() as never;
  const key = { key: null, strict: false, isShared: false };
  const creating = { timeoutAt: deadlineMs(1n), param: value, tags, isExternal: true, ...key };
  const range = { after: 0, limit: 1 };
  const stream = (id: typeof a) => ({ kind: "promise", id }) as const;
  const searching = { state: null, tags, limit: 1, before: null };

  // biome-ignore format: a table is read down its columns
  test.each<[string, OriginalRequest, boolean]>([
    ["a read within",                 { kind: "get_promise", id: a },                                        true],
    ["a read outside",                { kind: "get_promise", id: b },                                        false],
    ["a creation within",             { kind: "create_promise", id: a, ...creating },                        true],
    ["a creation outside",            { kind: "create_promise", id: b, ...creating },                        false],
    ["a completion within",           { kind: "settle_promise", id: a, outcome: "resolved", value, ...key }, true],
    ["a completion outside",          { kind: "settle_promise", id: b, outcome: "canceled", value, ...key }, false],
    ["a callback within",             { kind: "register_callback", awaited: a, awaiter: a },                 true],
    ["a callback on another's",       { kind: "register_callback", awaited: b, awaiter: a },                 false],
    ["a callback for another's",      { kind: "register_callback", awaited: a, awaiter: b },                 false],
    ["any search",                    { kind: "search_promises", pattern: "*", ...searching },               false],
    ["a search by a pattern within",  { kind: "search_promises", pattern: "a*", ...searching },              false],
    ["a history within",              { kind: "read_events", of: stream(a), ...range },                      true],
    ["a history outside",             { kind: "read_events", of: stream(b), ...range },                      false],
    ["the whole log",                 { kind: "read_events", of: null, ...range },                           false],
  ])("%s", (_name, request, expected) => {
    expect(coversRequest(within, request)).toBe(expected);
    expect(coversRequest(everyId, request)).toBe(true);
    expect(coversRequest(admin, request)).toBe(true);
    expect(coversRequest(nowhere, request)).toBe(false); // G1
  });
});

describe("workers that listen", () => {
  const only = (groups: readonly string[], grant = within): Grant => ({ ...grant, groups });

  // biome-ignore format: a table is read down its columns
  test.each<[string, Grant, boolean]>([
    ["an admin",                              admin,              true],
    ["an admin with other groups",            only(["h"], admin), true],
    ["a prefix",                              within,             true],
    ["the empty prefix",                      everyId,            true],
    ["no prefix",                             nowhere,            false],
    ["no prefix, but the group",              only(["g"], nowhere), false],
    ["the group",                             only(["h", "g"]),   true],
    ["other groups",                          only(["h", "G"]),   false],
    ["other groups with the empty prefix",    only(["h"], everyId), false],
    ["no groups",                             only([]),           false],
  ])("may listen on a group: %s", (_name, grant, expected) => {
    expect(mayListen(grant, "g")).toBe(expected);
  });

  // biome-ignore format: a table is read down its columns
  test.each<[string, Grant, string, boolean]>([
    ["an admin",            admin,    "b",  true],
    ["the empty prefix",    everyId,  "b",  true],
    ["within",              within,   "ab", true],
    ["outside",             within,   "b",  false],
    ["shorter",             within,   "",   false],
    ["no prefix",           nowhere,  "a",  false],
  ])("W3 may receive what is about an id: %s", (_name, grant, id, expected) => {
    expect(mayReceive(grant, id)).toBe(expected);
  });

  property.prop([fc.string({ minLength: 1 }), fc.string()])(
    "W3 receive exactly what they could read",
    (prefix, id) => {
      const grant: Grant = { ...within, prefix };
      expect(mayReceive(grant, id)).toBe(coversOperation(grant, "task.get", { id }));
      expect(mayReceive(grant, id)).toBe(id.slice(0, prefix.length) === prefix);
    },
  );
});
