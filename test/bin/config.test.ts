// Settings: what each kind takes and refuses; which of several places counts, for every setting, by
// property; what the operator is told. Files are real ones, in a directory of the test's own.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type Resolution, resolveConfig, type Scope } from "../../bin/config.ts";
import * as kinds from "../../bin/kinds.ts";
import { type SettingName, settingNames, settings, variable } from "../../bin/settings.ts";

const root = mkdtempSync(join(tmpdir(), "resonate-config-"));
const all: Scope = { names: settingNames, usual: {} };
let place = root;

afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  place = mkdtempSync(join(root, "case-"));
});

type Given = {
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** By name; those in the home directory begin with `~/`. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly scope?: Scope;
};

function resolved({ args = [], environment = {}, files = {}, scope = all }: Given): Resolution {
  const home = mkdtempSync(join(root, "home-"));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(name.startsWith("~/") ? join(home, name.slice(2)) : join(place, name), text);
  }
  return resolveConfig({ args, environment, workingDirectory: place, home }, scope);
}

function config(given: Given) {
  const resolution = resolved(given);
  if (resolution.kind !== "config") throw new Error(JSON.stringify(resolution));
  return resolution.config;
}

function errors(given: Given): readonly string[] {
  const resolution = resolved(given);
  if (resolution.kind !== "refused") throw new Error(JSON.stringify(resolution));
  return resolution.errors.map((error) => error.replaceAll(`${place}/`, ""));
}

const MiB = 1024 * 1024;

// biome-ignore format: a table
describe.each<[string, kinds.Kind<unknown>, good: [string, unknown][], bad: string[]]>([
  ["address", kinds.address,
    [["0.0.0.0:8001", { host: "0.0.0.0", port: 8001 }], ["localhost:0", { host: "localhost", port: 0 }],
     [":8001", { host: "0.0.0.0", port: 8001 }], ["[::1]:65535", { host: "::1", port: 65535 }]],
    ["", "8001", "localhost", "localhost:", "localhost:65536", "localhost:-1", "::1:8001", "a b:1", "http://a:1", "[]:1"]],
  ["port", kinds.port, [["0", 0], ["9090", 9090], ["65535", 65535]], ["", "65536", "-1", "1.0", "1e3", "http", " 1"]],
  ["duration", kinds.duration,
    [["250ms", 250], ["10s", 10_000], ["1m30s", 90_000], ["24h", 86_400_000], ["1h1m1s1ms", 3_661_001],
     ["1.5s", 1500], ["1.1s", 1100], ["0s", 0], ["596h", 2_145_600_000]],
    ["", "10", "s", "10 s", "-1s", "1s1m", "10S", "1d", "597h", "99999999999s", ".5s", "1.s"]],
  ["interval", kinds.interval, [["1ms", 1], ["1m30s", 90_000], ["596h", 2_145_600_000]], ["", "0s", "0ms", "0.1ms", "10", "597h"]],
  ["size", kinds.size(256), [["1", 1], ["65536", 65536], ["64KiB", 65536], ["4MiB", 4 * MiB], ["256MiB", 256 * MiB]],
    ["", "0", "0MiB", "4MB", "4mib", "4 MiB", "1.5MiB", "-1", "257MiB", "268435457", "MiB"]],
  ["count", kinds.count, [["1", 1], ["4096", 4096], ["1000000", 1_000_000]], ["", "0", "-1", "1.0", "1e3", "0x10", "1000001", "many", "1_000"]],
  ["text", kinds.text("file"), [["a", "a"], [" ", " "], ["a,b=c", "a,b=c"]], ["", "a\0b"]],
  ["choice", kinds.choice(["debug", "info"]), [["debug", "debug"], ["INFO", "info"]], ["", "inf", "information", " info"]],
  ["toggle", kinds.toggle, [["true", true], ["False", false]], ["", "1", "yes", "on"]],
  ["origins", kinds.origins,
    [["", []], ["*", ["*"]], ["https://a.example", ["https://a.example"]],
     ["https://a.example, http://localhost:3000", ["https://a.example", "http://localhost:3000"]]],
    ["a.example", "https://a.example/", "https://a.example/path", "https://A.example", "https://a.example,", "https://a.example:443"]],
  ["url", kinds.urlOrNone, [["", ""], ["http://a", "http://a"], ["HTTPS://a.example:1/b", "HTTPS://a.example:1/b"]], ["a", "localhost:8001", "ftp://a", "http://", "http://a b"]],
  ["header", kinds.headerName, [["Authorization", "Authorization"], ["x-token", "x-token"]], ["", "a b", "a:", "é", "a\n"]],
  ["token", kinds.token, [["", ""], ["a.b-c_d", "a.b-c_d"]], ["a b", "a\n", "a\0b", "\u2026"]],
  ["permissions", kinds.permissions,
    [["", []],
     ["a.example", [{ kind: "host", hostname: "a.example", port: null }]],
     ["a.example:80, https://b.example/c", [{ kind: "host", hostname: "a.example", port: "80" }, { kind: "prefix", origin: "https://b.example", path: "/c" }]]],
    ["a b", "*", "*.example", "a.example/path", "a.example,", "http://"]],
])("a setting of the kind %s", (_name, kind, good, bad) => {
  test.each(good)("takes %j as %j", (text, value) => expect(kind.parse([text])).toEqual(value));
  test.each(bad)("refuses %j", (text) => expect(kind.parse([text])).toBeNull());
});

test("a switch needs no value, and may be given one", () => {
  expect(config({}).protocolStrict).toBe(false);
  expect(config({ args: ["--protocol-strict", "--protocol-await-any=false"] })).toMatchObject({
    protocolStrict: true,
    protocolAwaitAny: false,
  });
  const environment = { RESONATE_PROTOCOL__STRICT: "true" };
  expect(config({ environment }).protocolStrict).toBe(true);
});

test("of a flag given twice the last counts, and a list takes all", () => {
  const args = ["--api-size", "1", "--cors-allow-origin", "https://a.example", "--api-size=2"];
  const { apiSize, corsOrigins } = config({
    args: [...args, "--cors-allow-origin=https://b.example"],
  });
  expect(apiSize).toBe(2);
  expect(corsOrigins).toEqual(["https://a.example", "https://b.example"]);
});

/** Two texts of each setting that differ from its default, and from each other. */
const samples: Readonly<Record<SettingName, readonly [string, string, string]>> = {
  logLevel: ["debug", "warn", "error"],
  logFormat: ["json", "JSON", "Json"],
  apiSize: ["1", "2", "3"],
  apiBodyLimit: ["1", "2KiB", "3MiB"],
  httpAddress: ["a:1", "b:2", "[::1]:3"],
  grpcAddress: ["a:1", "b:2", "[::1]:3"],
  serverUrl: ["http://a", "http://b", "http://c"],
  taskRetryMs: ["1ms", "2s", "3m"],
  taskPreloadLimit: ["0", "1000", "3"],
  protocolStrict: ["true", "TRUE", "True"],
  protocolAwaitAny: ["true", "TRUE", "True"],
  pollConnections: ["1", "2", "3"],
  pollBuffer: ["1", "2", "3"],
  pollKeepAliveMs: ["1ms", "2s", "3m"],
  pushTimeoutMs: ["1ms", "2s", "3m"],
  pushConnectTimeoutMs: ["1ms", "2s", "3m"],
  pushConcurrency: ["1", "2", "3"],
  pushAuthMode: ["gcp", "GCP", "Gcp"],
  pushAuthToken: ["a", "b", "c"],
  pushAuthAudience: ["a", "b", "c"],
  pushAuthHeader: ["a", "b", "c"],
  pushAllow: ["a.example", "b.example:1", "http://c"],
  unblockRetentionMs: ["1ms", "2s", "3m"],
  authPublicKey: ["a.pem", "b.pem", "none"],
  authJwks: ["a.json", "http://b", "c.json"],
  authIss: ["a", "b", "c"],
  authAud: ["a", "b", "c"],
  shutdownMs: ["1ms", "2s", "3m"],
  corsOrigins: ["https://a.example", "https://b.example", "*"],
  aioSize: ["1", "2", "3"],
  store: ["SQLITE", "SQLite", "Sqlite"],
  storeSize: ["1", "2", "3"],
  storeWorkers: ["1", "01", "001"],
  storeBatchSize: ["1", "2", "3"],
  sqlitePath: ["a.db", ":memory:", "/c.db"],
  sqliteTxTimeoutMs: ["1ms", "2s", "3m"],
  postgresUrl: ["postgres://a", "postgresql://b:1/c", "POSTGRES://u:p@d/e?options=-cgeqo%3Doff"],
  postgresHost: ["a", "b", "/run/postgresql"],
  postgresPort: ["1", "2", "3"],
  postgresUsername: ["a", "b", "c"],
  postgresPassword: ["a", "b", "c"],
  postgresDatabase: ["a", "b", "c"],
  postgresTls: ["require", "verify", "Verify"],
  postgresTxTimeoutMs: ["1ms", "2s", "3m"],
  postgresPollMs: ["1ms", "2s", "3m"],
  postgresPooler: ["true", "TRUE", "True"],
  submissionBatchSize: ["1", "2", "3"],
  completionBatchSize: ["1", "2", "3"],
  metricsPort: ["0", "1", "2"],
  debug: ["true", "TRUE", "True"],
  debugDeliver: ["true", "TRUE", "True"],
};

const secrets = new Set<SettingName>(["pushAuthToken", "postgresUrl", "postgresPassword"]);

/** Which places give which settings a value. */
const places = fc.record({
  flags: fc.subarray([...settingNames]),
  environment: fc.subarray([...settingNames]),
  file: fc.subarray([...settingNames]),
  format: fc.constantFrom("toml", "yaml", "yml"),
  isUpper: fc.boolean(),
});

property.prop([places])(
  "flags count before the environment, that before the file, that before defaults",
  ({ flags, environment, file, format, isUpper }) => {
    const spelled = (key: string) => (isUpper ? key.toUpperCase() : key);
    const line = format === "toml" ? (key: string, text: string) => `${key} = "${text}"` : nested;
    const lines = file.map((name) => line(spelled(settings[name].key), samples[name][2]));
    const resolution = resolved({
      args: flags.map((name) => `--${settings[name].flag}=${samples[name][0]}`),
      environment: Object.fromEntries(
        environment.map((name) => [variable(settings[name]), samples[name][1]]),
      ),
      files: {
        [`resonate.${format}`]: format === "toml" ? lines.join("\n") : `{${lines.join(",")}}`,
      },
    });
    if (resolution.kind !== "config") throw new Error(JSON.stringify(resolution));
    for (const [index, name] of settingNames.entries()) {
      const [text, from] = flags.includes(name)
        ? [samples[name][0], "flag"]
        : environment.includes(name)
          ? [samples[name][1], "environment"]
          : file.includes(name)
            ? [samples[name][2], join(place, `resonate.${format}`)]
            : [settings[name].usual, "default"];
      const shown = secrets.has(name) && text !== "" ? "(secret)" : text;
      expect(resolution.origins[index]).toEqual({ key: settings[name].key, text: shown, from });
      expect(resolution.config[name]).toEqual(settings[name].kind.parse([text]));
    }
    rmSync(join(place, `resonate.${format}`));
  },
);

/** A key of YAML's flow style; dots in one key are levels as well. */
function nested(key: string, text: string): string {
  return `"${key}": "${text}"`;
}

test("levels may be nested, values may be numbers, and an empty level is no mistake", () => {
  const toml = "[api]\nsize = 7\n[api.subsystems.http]\naddr = ':1'\n[metrics]\nport = 0\n[log]\n";
  const yaml = "API:\n  Size: 7\n  subsystems:\n    http: {addr: ':1'}\nmetrics: {port: 0}\nlog:\n";
  const want = {
    apiSize: 7,
    httpAddress: { host: "0.0.0.0", port: 1 },
    metricsPort: 0,
    logLevel: "info",
  };
  expect(config({ files: { "resonate.toml": toml } })).toMatchObject(want);
  rmSync(join(place, "resonate.toml"));
  expect(config({ files: { "resonate.yaml": yaml } })).toMatchObject(want);
  expect(config({ files: { "resonate.yaml": "" } })).toMatchObject({ apiSize: 4096 });
});

test("the working directory counts before the home directory, TOML before YAML, and none is fine", () => {
  const sized = (size: number) => ({ toml: `api.size = ${size}`, yaml: `api: {size: ${size}}` });
  expect(config({}).apiSize).toBe(4096);
  expect(config({ files: { "~/resonate.yml": sized(1).yaml } }).apiSize).toBe(1);
  expect(
    config({ files: { "~/resonate.toml": sized(2).toml, "resonate.yml": sized(3).yaml } }).apiSize,
  ).toBe(3);
  expect(config({ files: { "resonate.yaml": sized(4).yaml } }).apiSize).toBe(4);
  expect(config({ files: { "resonate.toml": sized(5).toml } }).apiSize).toBe(5);
  const chosen = { args: ["--config", "other.yml"], files: { "other.yml": sized(6).yaml } };
  expect(config(chosen).apiSize).toBe(6);
});

test("a list may be a list in a file, and has commas in a variable", () => {
  const files = {
    "resonate.toml": "cors.allowOrigins = ['https://a.example', 'https://b.example']",
  };
  const environment = { RESONATE_CORS__ALLOWORIGINS: "https://c.example,*" };
  expect(config({ files }).corsOrigins).toEqual(["https://a.example", "https://b.example"]);
  expect(config({ files, environment }).corsOrigins).toEqual(["https://c.example", "*"]);
});

test("an empty variable is not set, and one that only looks like ours is reported", () => {
  const environment = {
    RESONATE_API__SIZE: "",
    RESONATE_API__SZE: "1",
    RESONATE_HOME: "x",
    API_SIZE: "2",
    resonate_api__size: "3",
  };
  expect(resolved({ environment })).toMatchObject({
    kind: "config",
    config: { apiSize: 4096 },
    unknownVariables: ["RESONATE_API__SZE"],
  });
});

test("a command may have defaults of its own, and refuses flags that are not its own", () => {
  const scope: Scope = { names: ["logLevel"], usual: { logLevel: "debug" } };
  expect(config({ scope }).logLevel).toBe("debug");
  expect(config({ scope, args: ["--log-level", "warn"] }).logLevel).toBe("warn");
  expect(errors({ scope, args: ["--api-size", "1"] })).toEqual(["unknown flag --api-size"]);
});

test("help is asked for with --help or -h, whatever else is there", () => {
  expect(resolved({ args: ["--api-size", "0", "--help"] })).toEqual({ kind: "help" });
  expect(resolved({ args: ["-h"], files: { "resonate.toml": "]" } })).toEqual({ kind: "help" });
});

const sizeExpected = "expected a whole number, 1 to 1000000";

// biome-ignore format: a table
test.each<[string, Given, readonly string[]]>([
  ["a bad flag", { args: ["--api-size", "many"] }, [`--api-size is "many"; ${sizeExpected}`]],
  ["an empty flag", { args: ["--api-size="] }, [`--api-size is ""; ${sizeExpected}`]],
  ["a flag without its value", { args: ["--api-size"] }, ["--api-size needs a value"]],
  ["a flag that takes the next one for its value", { args: ["--api-size", "--log-level", "info"] }, ["--api-size needs a value", "unexpected argument info"]],
  ["an unknown flag", { args: ["--api-sise=1"] }, ["unknown flag --api-sise"]],
  ["an unknown flag with a value", { args: ["--aio-network-size", ":1", "now"] }, ["unknown flag --aio-network-size", "unexpected argument now"]],
  ["an unknown short flag", { args: ["-x"] }, ["unknown flag -x"]],
  ["an argument", { args: ["now"] }, ["unexpected argument now"]],
  ["an argument behind dashes", { args: ["--", "--api-size"] }, ["unexpected argument --api-size"]],
  ["a flag that does not exist yet", { args: ["--aio-network-size=:1"] }, ["unknown flag --aio-network-size"]],
  ["a store that does not exist", { args: ["--aio-store", "mysql"] }, ['--aio-store is "mysql"; expected sqlite or postgres']],
  ["a place that is none of Postgres, and may hold a password", { args: ["--aio-store-postgres-url=http://a:b@c"] }, ['--aio-store-postgres-url is "(secret)"; expected a URL such as postgres://user@host:5432/database, or nothing']],
  ["time that cannot be stopped for all", { args: ["--aio-store=postgres", "--debug"] }, ['--debug is "true"; expected false, because several servers may share a Postgres, and time cannot be stopped for all']],
  ["TLS in two ways", { args: ["--aio-store-postgres-tls=verify", "--aio-store-postgres-url=postgres://a/b?sslmode=disable"] },
    ['--aio-store-postgres-tls is "verify"; expected disable, because the URL of Postgres says itself how it is spoken to (sslmode)']],
  ["two workers for SQLite", { args: ["--aio-store-workers=2"] }, ['--aio-store-workers is "2"; expected 1, because SQLite has one writer']],
  ["two workers for SQLite in a variable", { environment: { RESONATE_AIO__SUBSYSTEMS__STORE__SUBSYSTEM__WORKERS: "2" } },
    ['RESONATE_AIO__SUBSYSTEMS__STORE__SUBSYSTEM__WORKERS is "2"; expected 1, because SQLite has one writer']],
  ["a bad variable", { environment: { RESONATE_API__SIZE: "0" } }, [`RESONATE_API__SIZE is "0"; ${sizeExpected}`]],
  ["a bad key", { files: { "resonate.toml": "api.sise = 1" } }, ["resonate.toml: api.sise is not a setting"]],
  ["a key of a setting, with levels below it", { files: { "resonate.toml": "api.size.max = 1" } }, ["resonate.toml: api.size.max is not a setting"]],
  ["a level with a value", { files: { "resonate.toml": "api = 1" } }, ["resonate.toml: api is not a setting"]],
  ["a level that is unknown and empty", { files: { "resonate.yml": "apii:" } }, ["resonate.yml: apii is not a setting"]],
  ["a bad value of a file", { files: { "resonate.toml": "[API]\nSize = -1" } }, [`resonate.toml: API.Size is "-1"; ${sizeExpected}`]],
  ["a bad value of a file, though a flag counts", { args: ["--api-size=1"], files: { "resonate.toml": "api.size = 0" } }, [`resonate.toml: api.size is "0"; ${sizeExpected}`]],
  ["a date", { files: { "resonate.toml": "api.size = 2026-11-22" } }, [`resonate.toml: api.size cannot be used; ${sizeExpected}`]],
  ["a list where none belongs", { files: { "resonate.toml": "api.size = [1]" } }, [`resonate.toml: api.size cannot be used; ${sizeExpected}`]],
  ["a list of tables", { files: { "resonate.toml": "[[cors.allowOrigins]]" } }, ["resonate.toml: cors.allowOrigins cannot be used; expected origins such as https://app.example.com, or *"]],
  ["one key twice", { files: { "resonate.toml": "api.size = 1\nAPI.size = 1" } }, ["resonate.toml: API.size is given twice"]],
  ["broken TOML", { files: { "resonate.toml": "api.size = 1\napi.size" } }, [expect.stringMatching(/^resonate\.toml cannot be read as a config file: .* at line 2, column \d+$/)]],
  ["broken YAML", { files: { "resonate.yml": "a: [1\nb: 2" } }, [expect.stringMatching(/^resonate\.yml cannot be read as a config file: .* at line 2, column \d+$/)]],
  ["a file that holds a list", { files: { "resonate.yml": "- a" } }, ["resonate.yml cannot be read as a config file: it must hold keys and values"]],
  ["a file that is not UTF-8", { files: { "resonate.toml": Uint8Array.of(0xff) } }, ["resonate.toml cannot be read as a config file: it is not UTF-8"]],
  ["a file that is not there", { args: ["--config", "none.toml"] }, [expect.stringMatching(/^none\.toml cannot be read as a config file: ENOENT/)]],
  ["a file of another kind", { args: ["--config", "x.json"], files: { "x.json": "{}" } }, ["x.json cannot be read as a config file: its name must end in .toml, .yaml or .yml"]],
  ["a task that is offered without a pause", { args: ["--task-retry-timeout=0s"] }, ['--task-retry-timeout is "0s"; expected a duration with its unit, such as 250ms, 10s or 1m30s, at least 1ms, at most 596h']],
  ["a bearer without its token", { args: ["--push-auth-mode=bearer"] }, ['--push-auth-token is ""; expected a token, because --push-auth-mode is bearer']],
  ["a bad token, which is not repeated", { args: ["--push-auth-token=top secret"] }, ['--push-auth-token is "(secret)"; expected a token without spaces, or nothing']],
  ["a wildcard for hosts", { args: ["--push-allow=*.example"] }, ['--push-allow is "*.example"; expected hosts such as a.example or a.example:8080, or URLs such as https://a.example/hooks/']],
  ["several mistakes", { args: ["--api-size=0", "--log-level=loud"], environment: { RESONATE_METRICS__PORT: "x" } },
    [`--api-size is "0"; ${sizeExpected}`, '--log-level is "loud"; expected debug, info, warn or error', 'RESONATE_METRICS__PORT is "x"; expected a port, 0 to 65535']],
])("the operator is told about %s", (_what, given, messages) => {
  expect(errors(given)).toEqual(messages);
});
