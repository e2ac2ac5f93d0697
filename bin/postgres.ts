// A Postgres as the settings name it: for the server, and for the tools that look into its database.

import type { PoolOptions, PostgresAddress } from "../store/postgres-pool.ts";
import type { Config, SettingName } from "./settings.ts";

/** What says where it is. */
export const addressNames = [
  "postgresUrl",
  "postgresHost",
  "postgresPort",
  "postgresUsername",
  "postgresPassword",
  "postgresDatabase",
  "postgresTls",
  "postgresTxTimeoutMs",
  "postgresPooler",
] as const satisfies readonly SettingName[];

export type AddressConfig = Pick<Config, (typeof addressNames)[number]>;

/** A server that does not answer is given up somewhat later than it should have given up itself. */
const graceMs = 5_000;

export function toPoolOptions(config: AddressConfig, connectionsMax: number): PoolOptions {
  const { postgresTls, postgresTxTimeoutMs: statementTimeoutMs, postgresPooler } = config;
  const queryTimeoutMs = statementTimeoutMs + graceMs;
  return {
    address: toAddress(config),
    ...(postgresTls === "disable" ? {} : { tls: { rejectUnauthorized: postgresTls === "verify" } }),
    ...{ connectionsMax, statementTimeoutMs, queryTimeoutMs, isPooled: postgresPooler },
  };
}

function toAddress(config: AddressConfig): PostgresAddress {
  const { postgresUrl, postgresUsername: user, postgresPassword: password } = config;
  if (postgresUrl !== "") return postgresUrl;
  const { postgresHost: host, postgresPort: port, postgresDatabase: database } = config;
  return {
    ...{ host, port, database },
    ...(user === "" ? {} : { user }),
    ...(password === "" ? {} : { password }),
  };
}

/** For the log: where it is, and no secret. */
export function shownPlace(config: AddressConfig): string {
  const { postgresUrl, postgresHost: host, postgresPort, postgresDatabase } = config;
  if (postgresUrl === "") return `${host}:${postgresPort}/${postgresDatabase}`;
  const { host: place, pathname } = new URL(postgresUrl);
  return `${place}${pathname}`;
}
