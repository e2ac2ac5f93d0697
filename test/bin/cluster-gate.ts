// A way from one server to its Postgres that can break at one commit. Its beginning can be held back: then
// the server has decided on what it has read, and others may be faster. Or the connection is cut, before
// the COMMIT arrives or before its answer does.

import { createServer, connect as dial, type Socket } from "node:net";
import { assert } from "../../kernel/assert.ts";

/** A transaction that writes begins with these words. */
const begins = "BEGIN ISOLATION LEVEL READ COMMITTED";

/** A simple query of the protocol, and what says that it is done: type, length, text, zero. */
const commits = "Q\0\0\0\x0bCOMMIT\0";
const committed = "C\0\0\0\x0bCOMMIT\0";
/** The answer to it if a statement before it has failed, as where a rival was faster. */
const rolledBack = "C\0\0\0\x0dROLLBACK\0";

export type Cut = "answer_lost" | "request_lost";

export class Gate {
  /** The same database, by this way. */
  url = "";
  /** Commits that were held back. */
  heldCount = 0;
  /** Of the next COMMIT, and of no other; null: of none, or it has been cut. */
  cut: Cut | null = null;
  cutCount = 0;
  #isShut = false;
  readonly #waiting: (() => void)[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer();

  static async to(target: string): Promise<Gate> {
    const gate = new Gate();
    const url = new URL(target);
    gate.#server.on("connection", (client) => gate.#join(client, url));
    await new Promise<void>((listening) => {
      gate.#server.listen(0, "127.0.0.1", listening);
    });
    const address = gate.#server.address();
    assert(address !== null && typeof address === "object", "the gate has no port");
    url.port = `${address.port}`;
    gate.url = url.href;
    url.port = new URL(target).port;
    return gate;
  }

  shut(): void {
    this.#isShut = true;
  }

  /** What was held back arrives, late. */
  open(): void {
    this.#isShut = false;
    for (const pass of this.#waiting.splice(0)) pass();
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((closed) => {
      this.#server.close(closed);
    });
  }

  #join(client: Socket, target: URL): void {
    const upstream = dial(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    let answer: string | null = null; // of a COMMIT, which is to be lost
    upstream.on("data", (chunk: Buffer) => {
      if (answer === null) {
        client.write(chunk);
        return;
      }
      answer += chunk.toString("latin1");
      const said = answer;
      if ([committed, rolledBack].some((each) => said.includes(each))) client.destroy();
    });
    const pass = (chunk: Buffer) => {
      if (this.cut !== null && chunk.toString("latin1").includes(commits)) {
        const { cut } = this;
        this.cut = null;
        this.cutCount += 1;
        if (cut === "request_lost") {
          client.destroy();
          return;
        }
        answer = "";
      }
      upstream.write(chunk);
    };
    let held: Buffer[] | null = null; // from the first message that is held, all wait behind it
    client.on("data", (chunk: Buffer) => {
      if (held === null && this.#isShut && chunk.toString("latin1").includes(begins)) {
        held = [];
        this.heldCount += 1;
        this.#waiting.push(() => {
          const late = held ?? [];
          held = null;
          for (const each of late) pass(each);
        });
      }
      if (held === null) pass(chunk);
      else held.push(chunk);
    });
  }
}
