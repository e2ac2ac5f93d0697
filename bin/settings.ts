// Every setting of the server, in one table: its flag, its key in a file, its variable, its kind, its
// default and its meaning. Flags, environment, files and help texts are all read from here, so a
// setting is added by adding a row (promise-api.md §6.1, protocol.md §0).

import {
  address,
  choice,
  count,
  countUpTo,
  duration,
  headerName,
  interval,
  origins,
  permissions,
  port,
  size,
  textOrNone,
  toggle,
  token,
  urlOrNone,
} from "./kinds.ts";
import type { Setting } from "./setting.ts";
import { storeSettings } from "./store-settings.ts";

export type { Setting } from "./setting.ts";

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
    kind: urlOrNone,
    usual: "",
    meaning:
      "where workers are told to find this server; empty: http://localhost and its HTTP port",
  },
  taskRetryMs: {
    flag: "task-retry-timeout",
    key: "tasks.retryTimeout",
    kind: interval,
    usual: "30s",
    meaning: "when a task that nobody took is offered again",
  },
  taskPreloadLimit: {
    flag: "task-preload-limit",
    key: "tasks.preloadLimit",
    kind: countUpTo(1000),
    usual: "10",
    meaning: "promises of the same branch that come with a task, at most 1000; 0: none",
  },
  protocolStrict: {
    flag: "protocol-strict",
    key: "protocol.strict",
    kind: toggle,
    usual: "false",
    meaning: "refuses what SDKs send and the specification of the protocol forbids",
  },
  protocolAwaitAny: {
    flag: "protocol-await-any",
    key: "protocol.awaitAny",
    kind: toggle,
    usual: "false",
    meaning: "lets any promise be awaited, not only those that say so",
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
    kind: interval,
    usual: "15s",
    meaning: "how often a silent stream is kept alive",
  },
  pushTimeoutMs: {
    flag: "push-timeout",
    key: "push.timeout",
    kind: interval,
    usual: "180s",
    meaning: "limit of one HTTP push; a receiver may hold the request while it works",
  },
  pushConnectTimeoutMs: {
    flag: "push-connect-timeout",
    key: "push.connectTimeout",
    kind: interval,
    usual: "10s",
    meaning: "limit of the connection that a push needs",
  },
  pushConcurrency: {
    flag: "push-concurrency",
    key: "push.concurrency",
    kind: count,
    usual: "256",
    meaning: "pushes under way at once",
  },
  pushAuthMode: {
    flag: "push-auth-mode",
    key: "push.auth.mode",
    kind: choice(["none", "bearer", "gcp"]),
    usual: "none",
    meaning: "which token a push carries: none, the one configured, or Google's for its audience",
  },
  pushAuthToken: {
    flag: "push-auth-token",
    key: "push.auth.token",
    kind: token,
    usual: "",
    meaning: "token of the mode bearer; a variable hides it better than a flag",
  },
  pushAuthAudience: {
    flag: "push-auth-audience",
    key: "push.auth.audience",
    kind: textOrNone("audience"),
    usual: "",
    meaning: "audience of the mode gcp; empty: the origin of the target",
  },
  pushAuthHeader: {
    flag: "push-auth-header",
    key: "push.auth.header",
    kind: headerName,
    usual: "Authorization",
    meaning: "header that carries the token of a push",
  },
  pushAllow: {
    flag: "push-allow",
    key: "push.allow",
    kind: permissions,
    usual: "",
    meaning: "hosts and URL prefixes that may be pushed to; empty: any, which every client can use",
  },
  unblockRetentionMs: {
    flag: "unblock-retention",
    key: "messages.unblockRetention",
    kind: duration,
    usual: "24h",
    meaning: "how long a listener that cannot be told is kept, from the first failure",
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
  ...storeSettings,
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
  debug: {
    flag: "debug",
    key: "debug",
    kind: toggle,
    usual: "false",
    meaning: "lets clients stop time, drive it, and erase everything: for tests only",
  },
  debugDeliver: {
    flag: "debug-deliver",
    key: "debugDeliver",
    kind: toggle,
    usual: "false",
    meaning: "sends messages while time is stopped, too",
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
    holds: ({ store, storeWorkers }) =>
      store !== "sqlite" || storeWorkers === "usual" || storeWorkers === 1,
  },
  {
    name: "debug",
    expected:
      "false, because several servers may share a Postgres, and time cannot be stopped for all",
    holds: ({ store, debug }) => store !== "postgres" || !debug,
  },
  {
    name: "postgresTls",
    expected: "disable, because the URL of Postgres says itself how it is spoken to (sslmode)",
    // The driver would go by the URL, and nobody would be told.
    holds: ({ postgresTls, postgresUrl }) => postgresTls === "disable" || !saysTls(postgresUrl),
  },
  {
    name: "pushAuthToken",
    expected: "a token, because --push-auth-mode is bearer",
    holds: ({ pushAuthMode, pushAuthToken }) => pushAuthMode !== "bearer" || pushAuthToken !== "",
  },
];

function saysTls(url: string): boolean {
  const parameters = url === "" ? null : new URL(url).searchParams;
  return parameters !== null && (parameters.has("sslmode") || parameters.has("ssl"));
}

/** The name of the environment variable. */
export function variable({ key }: Setting<unknown>): string {
  return `RESONATE_${key.toUpperCase().replaceAll(".", "__")}`;
}
