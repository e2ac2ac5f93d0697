// Servers on one Postgres, and workers that listen to them: what arrives, and when.

import { directory, freePort, ServerProcess } from "./server-process.ts";

const version = "2026-04-01";
const lifeMs = 60_000;

export type Message = {
  readonly kind: string;
  readonly data: {
    readonly task?: { readonly id: string; readonly version: number };
    readonly promise?: { readonly id: string };
  };
};

export class Node {
  readonly process: ServerProcess;
  readonly #metricsUrl: string;
  readonly #token: string | null;

  private constructor(process: ServerProcess, metricsUrl: string, token: string | null) {
    this.process = process;
    this.#metricsUrl = metricsUrl;
    this.#token = token;
  }

  /** @param url of the database; @param token with which it is asked */
  static async start(
    url: string,
    args: readonly string[] = [],
    token: string | null = null,
  ): Promise<Node> {
    const place = directory();
    const port = await freePort();
    const store = ["--aio-store", "postgres", "--metrics-port", `${port}`];
    const process = await ServerProcess.start({
      ...{ cwd: place.path, lifeMs },
      args: ["serve", ...store, ...args],
      environment: { RESONATE_AIO__SUBSYSTEMS__STORE__CONFIG__POSTGRES__URL: url },
    });
    void process.ended.then(() => place[Symbol.dispose]());
    return new Node(process, `http://127.0.0.1:${port}/metrics`, token);
  }

  get url(): string {
    return this.process.url;
  }

  /** @throws unless it succeeds */
  async ask(kind: string, data: unknown): Promise<void> {
    const { status, body } = await this.answer(kind, data);
    if (status !== 200) throw new Error(`${kind}: ${status} ${JSON.stringify(body)}`);
  }

  answer(kind: string, data: unknown) {
    const head = { corrId: "c", version, ...(this.#token !== null && { auth: this.#token }) };
    return this.process.post("/", { kind, head, data });
  }

  /** By name and labels; null: it is left out. */
  async metric(name: string): Promise<number | null> {
    const text = await (await fetch(this.#metricsUrl)).text();
    const line = text.split("\n").find((each) => each.startsWith(`${name} `));
    return line === undefined ? null : Number(line.slice(name.length + 1));
  }

  /** Questions to the store so far, failed ones included. */
  async submissions(): Promise<number> {
    const counts = ["success", "failure"].map((status) =>
      this.metric(`aio_total_submissions{type="store",status="${status}"}`),
    );
    return (await Promise.all(counts)).reduce<number>((sum, count) => sum + (count ?? 0), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

/** A worker's stream, open until it is disposed of. */
export class Listening {
  readonly messages: Message[] = [];
  readonly #abort = new AbortController();
  #arrival = Promise.withResolvers<void>();

  private constructor(body: ReadableStream<Uint8Array>) {
    void this.#read(body).catch(() => {});
  }

  static async at({ url }: Node, name: string, token?: string): Promise<Listening> {
    const abort = new AbortController();
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/poll/${name}`, { signal: abort.signal, headers });
    if (response.body === null || !response.ok) throw new Error(`no stream: ${response.status}`);
    const listening = new Listening(response.body);
    listening.#abort.signal.addEventListener("abort", () => abort.abort());
    return listening;
  }

  /** The first message that fits. */
  async message(fits: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.messages.find(fits);
      if (found !== undefined) return found;
      await this.#arrival.promise;
    }
  }

  /** Offers of this task so far. */
  offers(id: string): readonly Message[] {
    return this.messages.filter(({ kind, data }) => kind === "execute" && data.task?.id === id);
  }

  execute(id: string, at?: number): Promise<Message> {
    return this.message(({ kind, data: { task } }) => {
      return kind === "execute" && task?.id === id && (at === undefined || task.version === at);
    });
  }

  unblock(id: string): Promise<Message> {
    return this.message(({ kind, data }) => kind === "unblock" && data.promise?.id === id);
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of body) {
      text += Buffer.from(chunk).toString();
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("data: ")) this.messages.push(JSON.parse(line.slice(6)) as Message);
      }
      this.#arrival.resolve();
      this.#arrival = Promise.withResolvers();
    }
  }
}
