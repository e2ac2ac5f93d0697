// Texts between the servers on one database, by LISTEN and NOTIFY, over a connection of their own. They
// are a courtesy: whoever misses one finds what it told of with its next poll.
//
//   H1. Nothing is awaited and nothing fails: as long as there is no connection, nothing is heard and
//       what is sent is dropped. A lost connection is opened again, ever more slowly. Whoever closes
//       does not wait for a server that does not answer.
//   H2. Texts are heard by the servers of one schema, the sender included.
//   H3. A notification waits for no disk, and for no commit of ours.
//   H4. What Postgres cannot carry (8000 bytes) is dropped.

import { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Client, type Notification } from "pg";
import { words } from "./postgres-errors.ts";
import { clientConfig, type PoolOptions } from "./postgres-pool.ts";

export type ChannelOptions = {
  readonly place: PoolOptions;
  readonly onText: (text: string) => void;
  /** Whenever texts are heard from here on. */
  readonly onOpen: () => void;
  /** Whenever they no longer are. */
  readonly onLost: (cause: string) => void;
};

const bytesMax = 7_999; // of Postgres, and a byte that ends it

/** Pauses before another connection, ms. Arbitrary: not felt, then not hot. */
const firstPauseMs = 100;
const lastPauseMs = 10_000;

/** How long a server may take to say goodbye, ms. Arbitrary: enough for one that is there. */
const closingMs = 200;

export class PostgresChannel {
  readonly #options: ChannelOptions;
  #client: Client | null = null;
  /** Of the client: it can be closed whatever the server does. */
  #socket = new Socket();
  /** Null: nobody listens yet. */
  #name: string | null = null;
  #pauseMs = firstPauseMs;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    void this.#open();
  }

  get isOpen(): boolean {
    return this.#name !== null;
  }

  /** H1. */
  send(texts: readonly string[]): void {
    const short = texts.filter((text) => Buffer.byteLength(text) <= bytesMax); // H4
    if (this.#client === null || this.#name === null || short.length === 0) return;
    const sending = this.#client.query(
      `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, told.text)
        FROM unnest($2::text[]) AS told (text)`, // H3
      [this.#name, short],
    );
    sending.catch(() => {}); // if the connection is lost, it says so
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#name = null;
    clearTimeout(this.#timer);
    const ended = this.#client?.end().catch(() => {});
    await Promise.race([ended, pause(closingMs)]);
    this.#socket.destroy();
  }

  async #open(): Promise<void> {
    const socket = new Socket();
    const client = new Client({ ...clientConfig(this.#options.place), stream: () => socket });
    this.#client = client;
    this.#socket = socket;
    client.on("error", (error) => this.#lost(client, error.message));
    client.on("end", () => this.#lost(client, "the connection has ended"));
    client.on("notification", ({ payload = "" }: Notification) => this.#options.onText(payload));
    try {
      await client.connect();
      const { rows } = await client.query<{ readonly name: string }>(
        "SELECT 'resonate_' || md5(current_schema()) AS name", // H2
      );
      const name = rows[0]?.name ?? "resonate";
      await client.query(`LISTEN ${name}`);
      if (this.#client !== client || this.#isClosed) return;
      this.#name = name;
      this.#pauseMs = firstPauseMs;
      this.#options.onOpen();
    } catch (error) {
      this.#lost(client, error instanceof Error ? words(error) : String(error));
    }
  }

  /** Once for each connection. */
  #lost(client: Client, cause: string): void {
    if (this.#client !== client) return;
    this.#client = null;
    this.#name = null;
    client.end().catch(() => {});
    this.#socket.destroy();
    if (this.#isClosed) return;
    this.#options.onLost(cause);
    this.#timer = setTimeout(() => void this.#open(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, lastPauseMs);
  }
}
