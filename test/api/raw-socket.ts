// A client that sends bytes and keeps what comes back, whatever a proper one would do.

import { connect, type Socket } from "node:net";

const open: Socket[] = [];

/** To be called after each test. */
export function destroySockets(): void {
  for (const socket of open.splice(0)) socket.destroy();
}

export class RawSocket {
  readonly socket: Socket;
  received = "";
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    open.push(this.socket);
    this.socket.setEncoding("latin1");
    this.socket.on("data", (text: string) => {
      this.received += text;
    });
    this.socket.on("error", () => {});
    this.socket.on("end", () => this.socket.end());
    this.closed = new Promise((resolve) => {
      this.socket.on("close", () => resolve());
    });
  }

  send(bytes: string): this {
    this.socket.write(bytes, "latin1");
    return this;
  }

  async until(pattern: RegExp): Promise<void> {
    await until(
      () => pattern.test(this.received),
      () => `received only: ${this.received}`,
    );
  }

  get statuses(): readonly string[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = ""]) => status);
  }
}

export async function until(isSo: () => boolean, otherwise = () => "never so"): Promise<void> {
  const started = performance.now();
  while (!isSo()) {
    if (performance.now() - started > 5_000) throw new Error(otherwise());
    await pause(3);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
