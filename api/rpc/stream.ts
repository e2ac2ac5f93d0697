// How an answer that streams is written: piece by piece, each only once the last has reached the
// socket. The package's own way asks for the next as soon as Node has taken the last, and a client
// that does not read would have messages confirmed that it never sees.

import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import { Code, ConnectError, createContextKey } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { respell } from "./errors.ts";

/** Cuts the call: what is under way is lost. */
export const cut = createContextKey<() => void>(() => {}, { description: "cut" });

/** @throws what the client, or the connection, ended it with */
export async function writeStream(
  { status, header, body, trailer }: UniversalServerResponse,
  response: ServerResponse | Http2ServerResponse,
): Promise<void> {
  for (const [name, value] of header ?? []) response.setHeader(name, value);
  // Said now, or an end without a body would take the trailers with it.
  if ("stream" in response) response.writeHead(status);
  else response.writeHead(status);
  for await (const piece of body ?? []) await written(piece, response);
  respell(trailer); // an end that is an error is known only now
  const trailers = Object.fromEntries(trailer ?? []);
  if (Object.keys(trailers).length > 0) response.addTrailers(trailers);
  response.end();
}

function written(piece: Uint8Array, response: ServerResponse | Http2ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new ConnectError("the client is gone", Code.Canceled));
    response.once("close", gone);
    const done = (error: Error | null | undefined) => {
      response.off("close", gone);
      if (error) reject(error);
      else resolve();
    };
    if ("stream" in response) response.write(piece, "binary", done);
    else response.write(piece, "binary", done);
  });
}
