// What carries the requests of a load: plain sockets for HTTP, streams of one connection for gRPC. A
// lane has one request at a time.

import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import type { Job } from "./load.ts";
import { call, request } from "./requests.ts";

export type Lane = {
  /** From when the open request counts, ms. */
  sinceMs: number;
  /** @param number of the request, in the whole load */
  readonly send: (number: number) => void;
  readonly close: () => void;
};

type OnAnswer = (lane: Lane, isOk: boolean) => void;

export function openConnections(job: Job, onAnswer: OnAnswer): readonly Lane[] {
  return lanes(job, (number) => new Connection(job, number, onAnswer));
}

export function openStreams(job: Job, onAnswer: OnAnswer): readonly Lane[] {
  const session = connectHttp2(`http://127.0.0.1:${portOf(job, 0)}`);
  return lanes(job, (number) => new Stream(session, { job, number, onAnswer }));
}

function portOf({ ports }: Job, number: number): number {
  const port = ports[number % ports.length];
  if (port === undefined) throw new Error("a load for no server");
  return port;
}

function lanes({ connections: length }: Job, open: (number: number) => Lane): readonly Lane[] {
  return Array.from({ length }, (_, number) => open(number));
}

const answerHead = /^HTTP\/1\.1 (\d{3})[\s\S]*?\r\ncontent-length: (\d+)\r\n/i;

/** The answer must carry its length, as ours do. */
class Connection {
  readonly #socket: Socket;
  readonly #job: Job;
  readonly #number: number;
  readonly #onAnswer: OnAnswer;
  #received = "";
  #turn = 0;
  sinceMs = 0;

  constructor(job: Job, number: number, onAnswer: OnAnswer) {
    this.#job = job;
    this.#number = number;
    this.#onAnswer = onAnswer;
    this.#socket = connect({ port: portOf(job, number), host: "127.0.0.1", noDelay: true });
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (text) => this.#read(String(text)));
  }

  send(number: number): void {
    const place = { number, connection: this.#number, turn: this.#turn++ };
    this.#socket.write(request(this.#job.plan, place), "latin1");
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd === -1) return;
    const [, status, length] = answerHead.exec(this.#received) ?? [];
    if (status === undefined) throw new Error(`not an answer: ${this.#received.slice(0, 200)}`);
    if (this.#received.length < headEnd + 4 + Number(length)) return;
    this.#received = "";
    this.#onAnswer(this, status.startsWith("2"));
  }
}

type StreamOptions = {
  readonly job: Job;
  readonly number: number;
  readonly onAnswer: OnAnswer;
};

class Stream {
  readonly #session: ClientHttp2Session;
  readonly #options: StreamOptions;
  #turn = 0;
  sinceMs = 0;

  constructor(session: ClientHttp2Session, options: StreamOptions) {
    this.#session = session;
    this.#options = options;
  }

  send(number: number): void {
    const { job, number: connection, onAnswer } = this.#options;
    const { path, frame } = call(job.plan, { number, connection, turn: this.#turn++ });
    const stream = this.#session.request({
      ...{ ":method": "POST", ":path": path },
      ...{ "content-type": "application/grpc", te: "trailers" },
    });
    let isOk = false;
    stream.on("trailers", (trailers) => {
      isOk = trailers["grpc-status"] === "0";
    });
    stream.on("close", () => onAnswer(this, isOk));
    stream.resume().end(frame);
  }

  /** All streams are of one session. */
  close(): void {
    this.#session.destroy();
  }
}
