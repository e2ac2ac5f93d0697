// The HTTP side of the original API: both generations of its routes, the event history, the
// description, and the probes. Decode, submit, encode, and nothing else (promise-api.md §1).
//
//   H1. The first failing stage answers: route, method, size of the body, then those of decode.ts.
//   H2. Whatever is thrown here is answered with 5000 and ends nothing.
//   H3. Every answer to a request of the API is observed, once.
//   H4. A path and its method count before anything else: 404 and 405 are in the envelope, too.

import { type Context, Hono } from "hono";
import { assert, unreachable } from "../kernel/assert.ts";
import type { Request } from "../kernel/command.ts";
import { type Acceptance, usualAcceptance } from "./acceptance.ts";
import type { Grant } from "./auth/grant.ts";
import { type Guard, openToAll } from "./auth/guard.ts";
import { coversRequest, type OriginalRequest } from "./auth/reach.ts";
import { cors, preflightHeaders } from "./cors.ts";
import { type Decoded, decodeComplete, decodeCreate, decodeGet, type WireWrite } from "./decode.ts";
import { docsPage } from "./docs.ts";
import { encodeEvents, encodePage, encodePromise } from "./encode.ts";
import { type Bindings, Exchange, type ExchangeOptions } from "./exchange.ts";
import {
  type Gateway,
  type Operation,
  ofPromises,
  operationOf,
  type PromiseAnswer,
} from "./gateway.ts";
import { openapiText } from "./openapi.ts";
import type { Poll } from "./poll.ts";
import { EnvelopeRim } from "./protocol/rim.ts";
import { decodeEvents, decodeSearch } from "./query.ts";
import type { RequestRecord } from "./record.ts";
import {
  allowed,
  pathOf,
  queryOf,
  segmentId,
  shapeOf,
  shapes,
  unknownShape,
  wholeId,
} from "./route.ts";
import { promiseRefusal } from "./status.ts";

export type AppOptions = {
  readonly gateway: Gateway;
  /** Whether the server can answer requests now. */
  readonly readiness: () => boolean | Promise<boolean>;
  /** Bytes of a body; exactly so many are accepted. */
  readonly bodyLimit: number;
  /** Empty: CORS is off. `*`: any origin. */
  readonly corsOrigins: readonly string[];
  /** Called as each request of the API is answered; must not throw. */
  readonly observe: (record: RequestRecord) => void;
  /** For requests that bring no id. */
  readonly newRequestId: () => string;
  /** Absent: everybody may do everything. */
  readonly guard?: Guard;
  /** Where requests of the current protocol go, if not where those of the original API do. */
  readonly protocol?: Gateway;
  /** The streams of workers; without it there is no such route. */
  readonly poll?: Poll;
  /** Absent: the usual. */
  readonly acceptance?: Acceptance;
  /** Told what was thrown, and by which operation of the current protocol; must not throw. */
  readonly onFailure?: (error: unknown, kind: string) => void;
};

type HttpContext = Context<Bindings>;
type HttpResponse = globalThis.Response;
type DecodeUrl = (url: string) => Decoded<OriginalRequest>;
type DecodeWrite = (
  url: string,
  wire: WireWrite,
  acceptance: Acceptance,
) => Decoded<OriginalRequest>;

export function createApp(options: AppOptions): Hono<Bindings> {
  const rim = new Rim(options);
  const app = new Hono<Bindings>({ getPath: ({ url }) => shapeOf(pathOf(url)) });
  app.get(shapes.promises, (context) => rim.read(context, "search-promises", search));
  app.post(shapes.promises, (context) => rim.write(context, "create-promise", createNamed));
  app.post(shapes.create, (context) => rim.write(context, "create-promise", create));
  app.post(shapes.resolve, (context) => rim.write(context, "resolve-promise", resolve));
  app.post(shapes.reject, (context) => rim.write(context, "reject-promise", reject));
  app.post(shapes.cancel, (context) => rim.write(context, "cancel-promise", cancel));
  for (const shape of namedShapes) {
    app.get(shape, (context) => rim.read(context, "read-promise", get));
    app.patch(shape, (context) => rim.write(context, "unknown", complete));
  }
  app.get(shapes.events, (context) => rim.read(context, "read-events", events));
  app.get(shapes.openapi, (context) => rim.describe(context));
  app.get(shapes.docs, (context) => rim.explain(context));
  app.post(shapes.envelope, (context) => rim.envelope(context));
  app.get(shapes.poll, (context) => rim.stream(context));
  app.get(shapes.health, (context) => rim.probe(context, true));
  app.get(shapes.ready, async (context) => rim.probe(context, await options.readiness()));
  app.notFound((context) => rim.elsewhere(context));
  app.onError((error, context) => rim.fail(context, error)); // H2
  return app;
}

/** Where everything after `/promises/` may be an id. */
const namedShapes = [
  shapes.promise,
  shapes.create,
  shapes.resolve,
  shapes.reject,
  shapes.cancel,
] as const;

const search: DecodeUrl = (url) => decodeSearch(queryOf(url));
const events: DecodeUrl = (url) => decodeEvents(queryOf(url));
const get: DecodeUrl = (url) => decodeGet(wholeId(pathOf(url)));
const createNamed: DecodeWrite = (_url, wire, rules) => decodeCreate(null, wire, rules);
const create: DecodeWrite = (url, wire, rules) => {
  return decodeCreate(segmentId(pathOf(url)), wire, rules);
};
const resolve: DecodeWrite = (url, wire) =>
  decodeComplete(segmentId(pathOf(url)), wire, "resolved");
const reject: DecodeWrite = (url, wire) => decodeComplete(segmentId(pathOf(url)), wire, "rejected");
const cancel: DecodeWrite = (url, wire) => decodeComplete(segmentId(pathOf(url)), wire, "canceled");
const complete: DecodeWrite = (url, wire) => decodeComplete(wholeId(pathOf(url)), wire, null);

class Rim {
  readonly #gateway: Gateway;
  readonly #options: ExchangeOptions;
  readonly #protocol: EnvelopeRim;
  readonly #acceptance: Acceptance;
  readonly #poll: Poll | undefined;
  readonly #guard: Guard;

  constructor(options: AppOptions) {
    const { gateway, bodyLimit, corsOrigins, observe, newRequestId, poll } = options;
    const { guard = openToAll, acceptance = usualAcceptance, onFailure = () => {} } = options;
    this.#gateway = gateway;
    const protocol = options.protocol ?? gateway;
    this.#protocol = new EnvelopeRim({ gateway: protocol, guard, acceptance, onFailure });
    this.#acceptance = acceptance;
    this.#poll = poll;
    this.#guard = guard;
    this.#options = { bodyLimit, cors: cors(corsOrigins), observe, newRequestId };
  }

  async read(context: HttpContext, operation: Operation, decode: DecodeUrl): Promise<HttpResponse> {
    const exchange = new Exchange(context, this.#options, operation);
    try {
      const grant = await this.#admit(exchange);
      if (grant === null) return exchange.refuse("unauthenticated");
      return await this.#ask(exchange, grant, decode(exchange.url));
    } catch (error) {
      return exchange.fail(error); // H2
    }
  }

  async write(
    context: HttpContext,
    operation: Operation,
    decode: DecodeWrite,
  ): Promise<HttpResponse> {
    const exchange = new Exchange(context, this.#options, operation);
    try {
      const grant = await this.#admit(exchange);
      if (grant === null) return exchange.refuse("unauthenticated"); // H1
      const body = await exchange.readBody();
      if (body.kind === "gone") return exchange.abandon();
      if (body.kind === "too_large") return exchange.refuse("body_too_large"); // H1
      const key = exchange.header("idempotency-key");
      const strict = exchange.header("strict");
      const wire = { key, strict, body: body.bytes };
      return await this.#ask(exchange, grant, decode(exchange.url, wire, this.#acceptance));
    } catch (error) {
      return exchange.fail(error); // H2
    }
  }

  probe(context: HttpContext, isWell: boolean): HttpResponse {
    return this.#exchange(context).send(isWell ? 200 : 503, null, {});
  }

  describe(context: HttpContext): HttpResponse {
    const type = "application/json; charset=utf-8";
    return this.#exchange(context).send(200, openapiText(), { "content-type": type });
  }

  explain(context: HttpContext): HttpResponse {
    return this.#exchange(context).send(200, docsPage(), {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    });
  }

  /** The current protocol, which has statuses and texts of its own. */
  async envelope(context: HttpContext): Promise<HttpResponse> {
    const exchange = this.#exchange(context);
    const body = await exchange.readBody();
    if (body.kind === "gone") return exchange.abandon();
    const isRead = body.kind === "read";
    const answer = isRead
      ? await this.#protocol.answer(body.bytes, exchange.header("authorization"))
      : this.#protocol.tooLarge();
    return exchange.tell(answer);
  }

  async stream(context: HttpContext): Promise<HttpResponse> {
    const exchange = this.#exchange(context);
    if (this.#poll === undefined) return exchange.refuse("route_not_found");
    return await this.#poll.open(exchange);
  }

  /** H4. No route has this path and this method together. */
  elsewhere(context: HttpContext): HttpResponse {
    const exchange = this.#exchange(context);
    const shape = shapeOf(pathOf(exchange.url));
    if (shape === unknownShape) return exchange.refuse("route_not_found");
    const allow = allowed[shape];
    if (context.req.method !== "OPTIONS") return exchange.refuseMethod(allow);
    const isPreflight = this.#options.cors !== null;
    return exchange.send(204, null, { allow, ...(isPreflight && preflightHeaders) });
  }

  fail(context: HttpContext, error: unknown): HttpResponse {
    return this.#exchange(context).fail(error);
  }

  #admit(exchange: Exchange): Promise<Grant | null> {
    return this.#guard.admit(null, exchange.header("authorization"));
  }

  async #ask(
    exchange: Exchange,
    grant: Grant,
    decoded: Decoded<OriginalRequest>,
  ): Promise<HttpResponse> {
    if (decoded.kind === "invalid") return exchange.refuse("invalid_request", decoded.details);
    const { request } = decoded;
    exchange.operation = operationOf(request);
    if (!coversRequest(grant, request)) return exchange.refuse("forbidden");
    return answer(exchange, request, ofPromises(await this.#gateway.ask(request)));
  }

  #exchange(context: HttpContext): Exchange {
    return new Exchange(context, this.#options, "unknown");
  }
}

function answer(exchange: Exchange, request: Request, said: PromiseAnswer): HttpResponse {
  switch (said.kind) {
    case "promise": {
      const { id, promise, changed } = said;
      return exchange.succeed(changed ? "changed" : "unchanged", encodePromise(id, promise));
    }
    case "promises":
      assert(request.kind === "search_promises", "a page is answered that nobody searched for");
      return exchange.succeed("unchanged", encodePage(said.page, request));
    case "events":
      return exchange.succeed("unchanged", encodeEvents(said.page));
    case "refused":
      return exchange.refuse(promiseRefusal(said.refusal));
    case "failed":
      return exchange.refuse(said.failure);
    default:
      return unreachable(said);
  }
}
