// Every setting of the server, in one table: its flag, its key in a file, its variable, its kind, its
// default and its meaning. Flags, environment, files and help texts are all read from here, so a
// setting is added by adding a row (promise-api.md §6.1, protocol.md §0).

import {
  address,
  choice,
  count,
  duration,
  type Kind,
  origins,
  port,
  size,
  text,
  textOrNone,
} from "./kinds.ts";

export type Setting<Value> = {
  /** Without the dashes. */
  readonly flag: string;
  /** In a file; dots are levels. */
  readonly key: string;
  readonly kind: Kind<Value>;
  /** As one would write it; empty: none. */
  readonly usual: string;
  readonly meaning: string;
};

/** A body is held in memory, as text as well; no promise should be larger. Arbitrary. */
const bodyMaxMib = 256;

export const settings = {
  logLevel: {
    flag: "log-level",
    key: "log.level",
    kind: choice(["debug", "info", "warn", "error"]),
    usual: "info",
    meaning: "the least important lines that are logged",
  },
  logFormat: {
    flag: "log-format",
    key: "log.format",
    kind: choice(["text", "json"]),
    usual: "text",
    meaning: "how log lines are written",
  },
  apiSize: {
    flag: "api-size",
    key: "api.size",
    kind: count,
    usual: "4096",
    meaning: "requests that may wait for the kernel; one more is refused with 503",
  },
  apiBodyLimit: {
    flag: "api-body-limit",
    key: "api.bodyLimit",
    kind: size(bodyMaxMib),
    usual: "4MiB",
    meaning: "largest body of a request; a larger one is refused with 413",
  },
  httpAddress: {
    flag: "api-http-addr",
    key: "api.subsystems.http.addr",
    kind: address,
    usual: "0.0.0.0:8001",
    meaning: "where HTTP is served; port 0 takes a free one",
  },
  grpcAddress: {
    flag: "api-grpc-addr",
    key: "api.subsystems.grpc.addr",
    kind: address,
    usual: "0.0.0.0:50051",
    meaning: "where gRPC, gRPC-Web and Connect are served; port 0 takes a free one",
  },
  serverUrl: {
    flag: "server-url",
    key: "server.url",
    kind: text("url"),
    usual: "http://localhost:8001",
    meaning: "where workers are told to find this server",
  },
  taskRetryMs: {
    flag: "task-retry-timeout",
    key: "tasks.retryTimeout",
    kind: duration,
    usual: "30s",
    meaning: "when a task that nobody took is offered again",
  },
  pollConnections: {
    flag: "poll-max-connections",
    key: "poll.maxConnections",
    kind: count,
    usual: "1000",
    meaning: "workers that may be connected",
  },
  pollBuffer: {
    flag: "poll-buffer-size",
    key: "poll.bufferSize",
    kind: count,
    usual: "100",
    meaning: "messages that may wait for one worker",
  },
  pollKeepAliveMs: {
    flag: "poll-keep-alive",
    key: "poll.keepAlive",
    kind: duration,
    usual: "15s",
    meaning: "how often a silent stream is kept alive",
  },
  authPublicKey: {
    flag: "auth-public-key",
    key: "auth.publicKey",
    kind: textOrNone("file"),
    usual: "",
    meaning: "PEM file whose key tokens are signed with; empty: no token is needed",
  },
  authJwks: {
    flag: "auth-jwks",
    key: "auth.jwks",
    kind: textOrNone("file|url"),
    usual: "",
    meaning: "JWKS with the keys of tokens, in place of a PEM file",
  },
  authIss: {
    flag: "auth-iss",
    key: "auth.iss",
    kind: textOrNone("issuer"),
    usual: "",
    meaning: "who must have issued a token; empty: anybody",
  },
  authAud: {
    flag: "auth-aud",
    key: "auth.aud",
    kind: textOrNone("audience"),
    usual: "",
    meaning: "whom a token must be meant for; empty: anybody",
  },
  shutdownMs: {
    flag: "api-http-timeout",
    key: "api.subsystems.http.timeout",
    kind: duration,
    usual: "10s",
    meaning: "limit of a graceful shutdown",
  },
  corsOrigins: {
    flag: "cors-allow-origin",
    key: "cors.allowOrigins",
    kind: origins,
    usual: "",
    meaning: "web origins that may call the server from a browser",
  },
  aioSize: {
    flag: "aio-size",
    key: "aio.size",
    kind: count,
    usual: "4096",
    meaning: "completions that may wait for the kernel",
  },
  store: {
    flag: "aio-store",
    key: "aio.subsystems.store.config.kind",
    kind: {
      ...choice(["sqlite"]),
      expected: "sqlite, as this version has no other store",
    },
    usual: "sqlite",
    meaning: "where promises are kept",
  },
  storeSize: {
    flag: "aio-store-size",
    key: "aio.subsystems.store.subsystem.size",
    kind: count,
    usual: "4096",
    meaning: "submissions that may wait for the store",
  },
  storeWorkers: {
    flag: "aio-store-workers",
    key: "aio.subsystems.store.subsystem.workers",
    kind: count,
    usual: "1",
    meaning: "connections to the store; SQLite takes 1",
  },
  storeBatchSize: {
    flag: "aio-store-batch-size",
    key: "aio.subsystems.store.subsystem.batchSize",
    kind: count,
    usual: "1024",
    meaning: "commands in one transaction",
  },
  sqlitePath: {
    flag: "aio-store-sqlite-path",
    key: "aio.subsystems.store.config.sqlite.path",
    kind: text("file"),
    usual: "resonate.db",
    meaning: "data file, or :memory:",
  },
  sqliteTxTimeoutMs: {
    flag: "aio-store-sqlite-tx-timeout",
    key: "aio.subsystems.store.config.sqlite.txTimeout",
    kind: duration,
    usual: "10s",
    meaning: "limit of a transaction's wait for the lock",
  },
  submissionBatchSize: {
    flag: "system-submission-batch-size",
    key: "system.submissionBatchSize",
    kind: count,
    usual: "1024",
    meaning: "commands in one batch of the kernel",
  },
  completionBatchSize: {
    flag: "system-completion-batch-size",
    key: "system.completionBatchSize",
    kind: count,
    usual: "1024",
    meaning: "completions in one step of the kernel",
  },
  metricsPort: {
    flag: "metrics-port",
    key: "metrics.port",
    kind: port,
    usual: "9090",
    meaning: "where metrics are served, on all interfaces; 0 turns them off",
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type SettingName = keyof typeof settings;

export const settingNames = Object.keys(settings) as readonly SettingName[]; // a const has no others

type ValueOf<Row> = Row extends Setting<infer Value> ? Value : never;

export type Config = { readonly [Name in SettingName]: ValueOf<(typeof settings)[Name]> };

/** What a value alone cannot tell: whether it fits the others. */
export type Relation = {
  readonly name: SettingName;
  readonly expected: string;
  readonly holds: (config: Config) => boolean;
};

export const relations: readonly Relation[] = [
  {
    name: "storeWorkers",
    expected: "1, because SQLite has one writer",
    holds: ({ store, storeWorkers }) => store !== "sqlite" || storeWorkers === 1,
  },
];

/** The name of the environment variable. */
export function variable({ key }: Setting<unknown>): string {
  return `RESONATE_${key.toUpperCase().replaceAll(".", "__")}`;
}
