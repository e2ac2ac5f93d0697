// A server that answers whatever a test wants, and remembers what it was asked.

import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

export type Asked = {
  readonly kind: string;
  readonly head: Readonly<Record<string, unknown>>;
  readonly data: Readonly<Record<string, unknown>>;
};

/** The text of the whole answer, or the data of one that succeeds. */
export type Told = { readonly status: number; readonly text: string } | object;
export type Tell = (asked: Asked) => Told;

export class ClientServer {
  readonly asked: Asked[] = [];
  readonly #server;

  constructor(tell: Tell) {
    this.#server = createServer(async (request: IncomingMessage, response) => {
      const asked = JSON.parse(await text(request)) as Asked; // sent by the commands under test
      this.asked.push(asked);
      const told = tell(asked);
      const isWhole = "status" in told && "text" in told;
      const answer = isWhole ? told : { status: 200, text: JSON.stringify({ data: told }) };
      response.writeHead(Number(answer.status), { location: "/elsewhere" });
      response.end(String(answer.text));
    });
  }

  static async start(tell: Tell): Promise<ClientServer> {
    const server = new ClientServer(tell);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return server;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("a port has no number");
    return `http://127.0.0.1:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
