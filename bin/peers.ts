// The other servers on our Postgres: what they tell goes through a channel of notifications, unless a
// pooler stands between; then there is the poll alone.

import { Peers, type PeersOptions } from "../aio/peers.ts";
import { PostgresChannel } from "../store/postgres-channel.ts";
import type { PoolOptions } from "../store/postgres-pool.ts";
import type { Logger } from "./logger.ts";

export type JoinOptions = Omit<PeersOptions, "send"> & {
  readonly place: PoolOptions;
  readonly logger: Logger;
};

export type Joined = { readonly peers: Peers; readonly close: () => Promise<void> };

export function join({ place, logger, ...options }: JoinOptions): Joined {
  const peers = new Peers({ ...options, send: (texts) => channel?.send(texts) });
  const channel =
    place.isPooled === true
      ? null
      : new PostgresChannel({
          place,
          onText: (text) => peers.hear(text),
          onOpen: () => {
            logger.debug("notifications heard");
            void peers.poll(); // what was told while nobody listened
          },
          onLost: (cause) => logger.warn("notifications lost", { cause }),
        });
  const close = async () => {
    peers.close();
    await channel?.close();
  };
  return { peers, close };
}
