// The far end of the bridge to a Postgres: a thread that carries out one call after the other. While it
// asks whether a probe strikes it sleeps, and the other end, which waits for its answer, is awake.

import { type MessagePort, workerData } from "node:worker_threads";
import { openPostgres } from "../../store/postgres-open.ts";
import type { ProbeSite } from "../../store/probe.ts";
import { StoreError } from "../../store/store.ts";
import { type BridgeSetup, type Call, type Outcome, said } from "./postgres-messages.ts";
import { testServer } from "./postgres-server.ts";

const { port, setup }: { readonly port: MessagePort; readonly setup: BridgeSetup } = workerData;
const shared = new Int32Array(setup.shared);
const opening = open();
opening.catch(() => {}); // the first call tells

let current = 0;

port.on("message", async (call: Call) => {
  current = call.number;
  reply(call.number, await carryOut(call));
  if (call.verb === "close") port.close();
});

async function open() {
  const server = setup.address === null ? await testServer() : null;
  const address = setup.address ?? (await server?.database()) ?? "";
  return { server, store: await openPostgres({ address, probe }) };
}

function probe(site: ProbeSite): boolean {
  Atomics.store(shared, 1, said.nothing);
  reply(current, { kind: "probed", site });
  Atomics.wait(shared, 1, said.nothing);
  return Atomics.load(shared, 1) === said.yes;
}

function reply(number: number, outcome: Outcome): void {
  port.postMessage({ number, outcome });
  Atomics.add(shared, 0, 1);
  Atomics.notify(shared, 0);
}

async function carryOut({ verb, given }: Call): Promise<Outcome> {
  try {
    const { server, store } = await opening;
    const ask: (...given: readonly never[]) => Promise<unknown> = store[verb].bind(store);
    const answer = await ask(...(given as readonly never[])); // as they were sent
    if (verb === "close") await server?.stop();
    return { kind: "answered", answer };
  } catch (error) {
    if (error instanceof StoreError) {
      return { kind: "failed", failure: error.failure, message: error.message };
    }
    return { kind: "broken", message: error instanceof Error ? `${error.stack}` : String(error) };
  }
}
