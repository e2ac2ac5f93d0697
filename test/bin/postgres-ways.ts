// Ways to a Postgres through something that understands its protocol: one that counts what is asked, and
// one that is as strict as a pooler in transaction mode: a client has no session of its own.

import { createServer, connect as dial, Socket } from "node:net";
import { Client } from "pg";

export type Way = {
  /** The same database, by this way. */
  readonly url: string;
  close(): Promise<void>;
};

/** What a client asks: statements, and what a pooler would not keep for it. */
export type CountingWay = Way & {
  /** Of all clients so far: a simple query, or a prepared one that is executed. */
  readonly asked: readonly string[];
};

export type PoolingWay = CountingWay & {
  /** Clients that were turned away, and why. */
  readonly refused: readonly string[];
  /** Transactions that were carried out on another backend than the client's one before. */
  readonly moveCount: number;
};

const sslRequest = 80_877_103;
const gssRequest = 80_877_104;

/** Cuts a stream into messages, each with its head. */
class Messages {
  #rest = Buffer.alloc(0);
  /** Only a client's first message has no type. */
  #hasType: boolean;

  constructor(hasType: boolean) {
    this.#hasType = hasType;
  }

  /** The same again: the first was none that begins a session. */
  startAnew(): void {
    this.#hasType = false;
  }

  *of(chunk: Buffer): Generator<Buffer> {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const at = this.#hasType ? 1 : 0;
      if (this.#rest.length < at + 4) return;
      const end = at + this.#rest.readInt32BE(at);
      if (this.#rest.length < end) return;
      const message = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      this.#hasType = true;
      yield message;
    }
  }
}

const typeOf = (message: Buffer) => String.fromCharCode(message[0] ?? 0);

function textsOf(body: Buffer): readonly string[] {
  return body.toString("utf8").split("\0");
}

/** The statement that a message brings to be carried out; null: none. */
function statementOf(message: Buffer): string | null {
  if (typeOf(message) === "Q") return textsOf(message.subarray(5))[0] ?? "";
  return typeOf(message) === "P" ? (textsOf(message.subarray(5))[1] ?? "") : null;
}

async function listen(
  target: string,
  serve: (client: Socket) => void,
): Promise<Way & { readonly own: (socket: Socket) => void }> {
  const sockets = new Set<Socket>();
  const own = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    own(client);
    serve(client);
  });
  await new Promise<void>((listening) => {
    server.listen(0, "127.0.0.1", listening);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the way has no port");
  const url = new URL(target);
  url.port = `${address.port}`;
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((closed) => server.close(closed));
  };
  return { url: url.href, close, own };
}

/** Passes everything on, and writes down what is asked. */
export async function countingWay(target: string): Promise<CountingWay> {
  const { hostname, port } = new URL(target);
  const asked: string[] = [];
  const way = await listen(target, (client) => {
    const upstream = dial(Number(port), hostname);
    way.own(upstream);
    const messages = new Messages(false);
    client.on("data", (chunk: Buffer) => {
      upstream.write(chunk);
      for (const message of messages.of(chunk)) {
        const statement = statementOf(message);
        if (statement !== null) asked.push(statement);
      }
    });
    upstream.on("data", (chunk) => client.write(chunk));
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  return { ...way, asked };
}

/** What a pooler knows of a client's start (PgBouncer: whatever else there is is refused). */
const known = new Set(["user", "database", "application_name", "client_encoding"]);

/** Begins a message to the client, as its server would. */
function reply(type: string, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const zero = Buffer.alloc(4);
const welcome = Buffer.concat([
  reply("R", zero),
  reply("S", "client_encoding\0UTF8\0"),
  reply("K", zero, zero),
  reply("Z", "I"),
]);

const refusal = (text: string) => reply("E", `SFATAL\0VFATAL\0C08P01\0M${text}\0\0`);

/** A session at the server, lent out for one transaction at a time. */
type Backend = { readonly socket: Socket; readonly messages: Messages; borrower: Borrower | null };

type Borrower = {
  readonly client: Socket;
  backend: Backend | null;
  /** Answers that are still to come. */
  openCount: number;
  /** Messages that wait for a backend. */
  waiting: Buffer[];
  last: Backend | null;
};

class Pooler {
  readonly asked: string[] = [];
  readonly refused: string[] = [];
  moveCount = 0;
  /** The one that rested longest is lent out next. */
  readonly #idle: Backend[] = [];
  readonly #line: Borrower[] = [];

  add(socket: Socket): void {
    const backend: Backend = { socket, messages: new Messages(true), borrower: null };
    socket.on("data", (chunk: Buffer) => {
      for (const message of backend.messages.of(chunk)) this.#answered(backend, message);
    });
    this.#release(backend);
  }

  serve(client: Socket): void {
    const messages = new Messages(false);
    const borrower: Borrower = { client, backend: null, openCount: 0, waiting: [], last: null };
    let isIn = false;
    client.on("data", (chunk: Buffer) => {
      for (const message of messages.of(chunk)) {
        if (isIn) this.#asks(borrower, message);
        else if ([sslRequest, gssRequest].includes(message.readInt32BE(4))) {
          messages.startAnew();
          client.write("N");
        } else isIn = this.#greet(client, message);
      }
    });
    client.on("close", () => {
      const place = this.#line.indexOf(borrower);
      if (place !== -1) this.#line.splice(place, 1);
      borrower.backend?.socket.destroy(); // in the midst of a transaction
    });
  }

  #greet(client: Socket, message: Buffer): boolean {
    const pairs = textsOf(message.subarray(8));
    const names = pairs.filter((name, index) => index % 2 === 0 && name !== "");
    const stranger = names.find((name) => !known.has(name));
    if (stranger === undefined) {
      client.write(welcome);
      return true;
    }
    const because = `unsupported startup parameter: ${stranger}`;
    this.refused.push(because);
    client.end(refusal(because));
    return false;
  }

  #asks(borrower: Borrower, message: Buffer): void {
    const type = typeOf(message);
    if (type === "X") {
      borrower.client.end();
      return;
    }
    const statement = statementOf(message);
    if (statement !== null) this.asked.push(statement);
    if (type === "P" && textsOf(message.subarray(5))[0] !== "") this.asked.push("a prepared name");
    borrower.waiting.push(message);
    if (borrower.backend === null && !this.#line.includes(borrower)) this.#line.push(borrower);
    this.#lend();
    this.#pass(borrower);
  }

  #lend(): void {
    while (this.#idle.length > 0 && this.#line.length > 0) {
      const [backend] = this.#idle.splice(0, 1);
      const borrower = this.#line.shift();
      if (backend === undefined || borrower === undefined) return;
      if (borrower.last !== null && borrower.last !== backend) this.moveCount += 1;
      borrower.backend = backend;
      borrower.last = backend;
      backend.borrower = borrower;
      this.#pass(borrower);
    }
  }

  #pass(borrower: Borrower): void {
    if (borrower.backend === null) return;
    for (const message of borrower.waiting.splice(0)) {
      if ("QS".includes(typeOf(message))) borrower.openCount += 1;
      borrower.backend.socket.write(message);
    }
  }

  #answered(backend: Backend, message: Buffer): void {
    const { borrower } = backend;
    borrower?.client.write(message);
    if (borrower === null || typeOf(message) !== "Z") return;
    borrower.openCount -= 1;
    if (borrower.openCount > 0 || message.toString("latin1", 5) !== "I") return;
    borrower.backend = null;
    backend.borrower = null;
    this.#release(backend);
  }

  #release(backend: Backend): void {
    this.#idle.push(backend);
    this.#lend();
  }
}

/** A pooler in transaction mode: each transaction may get another one of so many backends. */
export async function poolingWay(target: string, backendCount: number): Promise<PoolingWay> {
  const pooler = new Pooler();
  const way = await listen(target, (client) => pooler.serve(client));
  for (let count = 0; count < backendCount; count++) {
    const socket = new Socket();
    const backend = new Client({ connectionString: target, stream: () => socket });
    backend.on("error", () => {});
    await backend.connect();
    socket.removeAllListeners("data"); // from here on what it says is for others
    way.own(socket);
    pooler.add(socket);
  }
  return Object.assign(pooler, { url: way.url, close: way.close });
}
