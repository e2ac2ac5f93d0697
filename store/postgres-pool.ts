// Connections to Postgres, as many as are allowed, and what a transaction on one of them is. Every
// wait has an end, and no error of a connection can end the process (simulation.md §10.1, 6).
//
//   K1. Whoever cannot get a connection in time is told so: the store is overloaded.
//   K2. A connection on which anything went wrong is never used again.
//   K3. Nothing is known to be committed until the server has said COMMIT.
//   K4. A 64-bit integer arrives as one.

import type { ConnectionOptions } from "node:tls";
import {
  type ClientConfig,
  Pool,
  type PoolClient,
  type PoolConfig,
  type QueryConfig,
  type QueryResult,
  types,
} from "pg";
import { type Phase, translate, unconnected } from "./postgres-errors.ts";
import { StoreError } from "./store.ts";

/** Where a Postgres is: a connection string, or its parts. */
export type PostgresAddress =
  | string
  | {
      readonly host: string;
      readonly port?: number;
      readonly database: string;
      /** Absent: the user of the system. */
      readonly user?: string;
      readonly password?: string;
    };

export type PoolOptions = {
  readonly address: PostgresAddress;
  /** Absent: as the connection string says. */
  readonly tls?: boolean | ConnectionOptions;
  readonly connectionsMax?: number;
  /** To get a connection, a new one or one that another call gives back. */
  readonly connectTimeoutMs?: number;
  /** After which the server gives up a statement. */
  readonly statementTimeoutMs?: number;
  /** After which we give up a server that does not answer; longer than the server's own. */
  readonly queryTimeoutMs?: number;
  /** After which a connection that nobody uses is closed. */
  readonly idleTimeoutMs?: number;
  /** A pooler hands out a connection for one transaction: nothing holds for a session (DESIGN.md). */
  readonly isPooled?: boolean;
  /** Of the program, as others at the server see it; a server's own if it is absent. */
  readonly name?: string;
};

export const serverName = "resonate";

/** Arbitrary, all of them: for a server that is near and not alone with its database. */
export const poolDefaults = {
  connectionsMax: 10,
  connectTimeoutMs: 5_000,
  statementTimeoutMs: 10_000,
  queryTimeoutMs: 15_000,
  idleTimeoutMs: 60_000,
} as const;

const keepAliveMs = 10_000;

/** The longest that a timer of Node can be set to. */
export const longestMs = 2 ** 31 - 1;

/** Connections now: in all, of those idle, and calls that wait for one. */
export type PoolFigures = {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
};

export class PostgresPool {
  readonly #pool: Pool;
  readonly #lost = new WeakSet<PoolClient>();
  /** What each transaction sets for itself; empty: its session has. */
  readonly localSettings: string;
  /** Whether a statement that was prepared is there the next time. */
  readonly keepsPrepared: boolean;

  constructor(options: PoolOptions) {
    this.keepsPrepared = options.isPooled !== true;
    this.localSettings = options.isPooled === true ? localSettings(options) : "";
    this.#pool = new Pool(configOf(options));
    // Without listeners an error ends the process. That of an idle connection concerns nobody; of one
    // in use, the call that uses it fails.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => this.#lost.add(client)));
  }

  get figures(): PoolFigures {
    const { totalCount: total, idleCount: idle, waitingCount: waiting } = this.#pool;
    return { total, idle, waiting };
  }

  /** @throws StoreError, or a bug */
  async use<Answer>(
    phase: Exclude<Phase, "commit">,
    work: (session: Session) => Promise<Answer>,
  ): Promise<Answer> {
    const client = await this.#connect();
    const session = new Session(client, phase);
    try {
      const answer = await work(session);
      client.release();
      return answer;
    } catch (error) {
      client.release(true); // K2
      throw translate(error, session.phase, this.#lost.has(client));
    }
  }

  /** Waits for the calls that are under way. */
  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw unconnected(error); // K1
    }
  }
}

/** As pg hands it out. */
type Notice = { readonly code?: string | undefined; readonly message?: string | undefined };

/** One connection for the length of one call. */
export class Session {
  readonly #client: PoolClient;
  #phase: Phase;

  constructor(client: PoolClient, phase: Phase) {
    this.#client = client;
    this.#phase = phase;
  }

  /** How far the transaction has come. */
  get phase(): Phase {
    return this.#phase;
  }

  async rows<Row extends object>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<readonly Row[]> {
    const { rows } = await this.#client.query<Row>(text, [...values]);
    return rows;
  }

  async query(statement: QueryConfig): Promise<void> {
    await this.#client.query(statement);
  }

  /** @returns how many rows were written */
  async write(text: string, values: readonly unknown[]): Promise<number> {
    const { rowCount } = await this.#client.query(text, [...values]);
    return rowCount ?? 0;
  }

  /** Several statements without parameters, in one message; the rows of each that has rows. */
  async script(text: string): Promise<readonly QueryResult[]> {
    const results: QueryResult | QueryResult[] = await this.#client.query(text);
    return Array.isArray(results) ? results : [results];
  }

  /** Without an end to our patience; that of the server is set by a statement. */
  async longScript(text: string): Promise<void> {
    const config: QueryConfig & { readonly query_timeout: number } = {
      text,
      query_timeout: longestMs,
    };
    await this.#client.query(config);
  }

  /**
   * Sends these statements and COMMIT without waiting in between: what fails among them undoes all (K3).
   * Only the answer to COMMIT tells so (E4).
   *
   * @throws StoreError if the server has rolled back without a word, or has committed with a warning (E5)
   */
  async commit(statements: readonly QueryConfig[] = []): Promise<void> {
    this.#phase = "commit";
    const sent = [...statements, { text: "COMMIT" }].map((each) => this.#client.query(each));
    const warnings: string[] = [];
    const note = ({ code, message }: Notice) => {
      if (code?.startsWith("00") !== true) warnings.push(message ?? "a warning"); // else it is a mere notice
    };
    this.#client.on("notice", note);
    const answers = await Promise.allSettled(sent);
    this.#client.off("notice", note);
    const failed = answers.find(({ status }) => status === "rejected");
    const last = answers.at(-1);
    const command = last?.status === "fulfilled" ? last.value.command : null;
    if (failed === undefined && command === "COMMIT") {
      if (warnings.length === 0) return;
      throw new StoreError("outcome_unknown", `Postgres, commit: ${warnings.join(", ")}`);
    }
    if (command === "ROLLBACK") this.#phase = "write";
    if (failed?.status === "rejected") throw failed.reason;
    throw new StoreError("store_failed", "Postgres, commit: the transaction was rolled back");
  }

  async rollBack(): Promise<void> {
    await this.#client.query("ROLLBACK");
  }
}

function localSettings({
  statementTimeoutMs = poolDefaults.statementTimeoutMs,
}: PoolOptions): string {
  return `SET LOCAL statement_timeout = ${statementTimeoutMs};
    SET LOCAL idle_in_transaction_session_timeout = ${statementTimeoutMs};`;
}

function configOf(options: PoolOptions): PoolConfig {
  const { connectionsMax: max, idleTimeoutMs } = { ...poolDefaults, ...options };
  return { ...clientConfig(options), max, idleTimeoutMillis: idleTimeoutMs };
}

/** Of any connection to the place. */
export function clientConfig(options: PoolOptions): ClientConfig {
  const { address, tls, isPooled = false, ...bounds } = options;
  const bound = { ...poolDefaults, ...bounds };
  const place = typeof address === "string" ? { connectionString: address } : address;
  return {
    ...place,
    ...(tls === undefined ? {} : { ssl: tls }),
    application_name: options.name ?? serverName,
    connectionTimeoutMillis: bound.connectTimeoutMs,
    ...(isPooled ? {} : sessionSettings(bound.statementTimeoutMs)),
    query_timeout: bound.queryTimeoutMs,
    keepAlive: true,
    pipeline: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    types: { getTypeParser: parserOf },
  };
}

function sessionSettings(timeoutMs: number): ClientConfig {
  return {
    statement_timeout: timeoutMs,
    // A server that stands still in the midst of a transaction holds its locks no longer than that.
    idle_in_transaction_session_timeout: timeoutMs,
  };
}

/** K4. */
function parserOf(type: number, format?: "text" | "binary") {
  if (type === types.builtins.INT8) return BigInt;
  return format === "binary" ? types.getTypeParser(type, format) : types.getTypeParser(type);
}
