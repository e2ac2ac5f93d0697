// The workers that are connected to this server, and which of them a message is handed to
// (protocol.md §1.3, §8). Owns who is there; the streams are the rim's (api/poll.ts).
//
//   M1. Under one name the newest stream counts that may receive the message, and no older one: that
//       may be a dead socket.
//   M2. `uni` reaches the worker of that name; `any` reaches it if it is there, else another of its
//       group, in turn. Without a name `uni` reaches nobody, `any` whoever's turn it is.
//   M3. A worker whose buffer is full is not there.
//   M4. A message is delivered once its frame has been written, not when it is handed over.
//   M5. Connections are bounded, and what has left leaves nothing behind.

import { type PollAddress, type Receiver, receiversOf, type Worker } from "../kernel/address.ts";
import { assert } from "../kernel/assert.ts";
import type { PromiseId } from "../kernel/ids.ts";
import type { Delivery, Mailbox, WorkerStream } from "../kernel/ports.ts";

export type MailboxOptions = {
  readonly connectionsMax: number;
  /** Messages handed to one stream and not yet written. */
  readonly bufferMax: number;
  /**
   * A stream has opened: what waits for an address that the worker satisfies can be sent now. Called
   * soon, but not from within `connect`; must not throw.
   */
  readonly onConnect: (worker: Worker) => void;
};

export type Letter = {
  readonly address: PollAddress;
  /** The promise or task that the message tells of. */
  readonly subject: PromiseId;
  /** JSON without a line break. */
  readonly message: string;
};

/** Characters that may wait for one stream besides its first message. Arbitrary: a page of a search. */
const bufferWeightMax = 16 * 1024 * 1024;

const delivered: Delivery = { kind: "delivered" };
const noReceiver: Delivery = { kind: "failed", reason: "no_receiver", cause: "" };
const streamLost: Delivery = { kind: "failed", reason: "stream_lost", cause: "" };

/** A stream and what it has not written yet. */
type Connection = { readonly stream: WorkerStream; waiting: number; weight: number };

/** Who is to have a message: by name, or because it is its turn. */
type Found = { readonly connection: Connection; readonly isItsTurn: boolean };

/** Streams of one name, the newest last; never empty. */
type Namesakes = Connection[];

export class WorkerMailbox implements Mailbox {
  readonly #options: MailboxOptions;
  /** By group, then by id. The ids stand in the order in which their turn comes. */
  readonly #groups = new Map<string, Map<string, Namesakes>>();
  #count = 0;

  constructor(options: MailboxOptions) {
    assert(options.connectionsMax >= 1, "a mailbox for nobody");
    assert(options.bufferMax >= 1, "a mailbox without a buffer");
    this.#options = options;
  }

  get connectionCount(): number {
    return this.#count;
  }

  /** Groups of which somebody is connected. */
  get groupCount(): number {
    return this.#groups.size;
  }

  /** Of all who are connected, each once. */
  receivers(): readonly Receiver[] {
    const all = [...this.#groups].flatMap(([group, workers]) => {
      return [...workers.keys()].flatMap((id) => receiversOf({ group, id }));
    });
    return [...new Set(all)];
  }

  /** Whether a short message about the subject could be handed over now. */
  reaches(address: PollAddress, subject: PromiseId): boolean {
    return this.#find({ address, subject, message: "" }) !== null;
  }

  connect(stream: WorkerStream): boolean {
    if (this.#count >= this.#options.connectionsMax) return false; // M5
    const { worker } = stream;
    const group = this.#groups.get(worker.group) ?? new Map<string, Namesakes>();
    const namesakes = group.get(worker.id) ?? [];
    assert(
      namesakes.every((each) => each.stream !== stream),
      "a stream is connected twice",
    );
    namesakes.push({ stream, waiting: 0, weight: 0 });
    group.set(worker.id, namesakes);
    this.#groups.set(worker.group, group);
    this.#count += 1;
    queueMicrotask(() => this.#options.onConnect(worker));
    return true;
  }

  disconnect(stream: WorkerStream): void {
    const { worker } = stream;
    const group = this.#groups.get(worker.group);
    const namesakes = group?.get(worker.id) ?? [];
    const at = namesakes.findIndex((each) => each.stream === stream);
    assert(group !== undefined && at !== -1, "a stream is disconnected that was not connected");
    namesakes.splice(at, 1); // M5
    if (namesakes.length === 0) group.delete(worker.id);
    if (group.size === 0) this.#groups.delete(worker.group);
    this.#count -= 1;
  }

  /** Fails with `no_receiver`, before which nothing has happened, or with `stream_lost`. */
  deliver(letter: Letter): Promise<Delivery> {
    const found = this.#find(letter);
    if (found === null) return Promise.resolve(noReceiver);
    if (found.isItsTurn) this.#served(found.connection.stream.worker);
    return hand(found.connection, letter.message);
  }

  #find(letter: Letter): Found | null {
    const { group: name, id, cast } = letter.address;
    const group = this.#groups.get(name);
    if (group === undefined) return null;
    const named = id === null ? null : this.#ready(group.get(id), letter);
    if (named !== null) return { connection: named, isItsTurn: false };
    if (cast === "uni") return null; // M2
    for (const namesakes of group.values()) {
      const next = this.#ready(namesakes, letter);
      if (next !== null) return { connection: next, isItsTurn: true };
    }
    return null;
  }

  /** M2: whoever's turn it was goes behind all the others. */
  #served({ group: name, id }: Worker): void {
    const group = this.#groups.get(name);
    const namesakes = group?.get(id);
    if (group === undefined || namesakes === undefined) return;
    group.delete(id);
    group.set(id, namesakes);
  }

  #ready(namesakes: Namesakes | undefined, { subject, message }: Letter): Connection | null {
    const newest = namesakes?.findLast(({ stream }) => stream.mayReceive(subject)); // M1
    if (newest === undefined) return null;
    return this.#hasRoom(newest, message) ? newest : null; // M3
  }

  #hasRoom({ waiting, weight }: Connection, message: string): boolean {
    if (waiting === 0) return true;
    return waiting < this.#options.bufferMax && weight + message.length <= bufferWeightMax;
  }
}

function hand(connection: Connection, message: string): Promise<Delivery> {
  connection.waiting += 1;
  connection.weight += message.length;
  return new Promise((resolve) => {
    connection.stream.write(message, (isWritten) => {
      connection.waiting -= 1;
      connection.weight -= message.length;
      resolve(isWritten ? delivered : streamLost); // M4
    });
  });
}
