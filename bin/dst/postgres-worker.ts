// The far end of the bridge to a Postgres: a thread that carries out one call after the other.

import { type MessagePort, workerData } from "node:worker_threads";
import { openPostgres } from "../../store/postgres-open.ts";
import { StoreError } from "../../store/store.ts";
import type { BridgeSetup, Call, Outcome, Reply } from "./postgres-messages.ts";

const { port, setup }: { readonly port: MessagePort; readonly setup: BridgeSetup } = workerData;
const answers = new Int32Array(setup.answers);
const opening = openPostgres(setup.options);

port.on("message", async (call: Call) => {
  const outcome = await carryOut(call);
  port.postMessage({ number: call.number, outcome } satisfies Reply);
  Atomics.add(answers, 0, 1);
  Atomics.notify(answers, 0);
  if (call.verb === "close") port.close();
});

async function carryOut({ verb, given }: Call): Promise<Outcome> {
  try {
    const store = await opening;
    const ask: (...given: readonly never[]) => Promise<unknown> = store[verb].bind(store);
    return { kind: "answered", answer: await ask(...(given as readonly never[])) }; // as they were sent
  } catch (error) {
    if (error instanceof StoreError) {
      return { kind: "failed", failure: error.failure, message: error.message };
    }
    return { kind: "broken", message: error instanceof Error ? `${error.stack}` : String(error) };
  }
}
