// The rim around the operations: routes and methods, ids in paths, headers, the size of bodies, what
// is observed, CORS, probes, and what happens when something is thrown.

import { describe, expect, test } from "vitest";
import { components } from "../../api/answers.ts";
import type { Answered, Ask } from "./client.ts";
import { bodyLimit, Client, conforms, start } from "./client.ts";

const timeout = 5_000;
const body = { timeout };

describe("H4 routes: every path has its methods", () => {
  const readOnly = ["GET", "HEAD", "OPTIONS"];
  const named = ["GET", "HEAD", "OPTIONS", "PATCH"];
  const all = ["GET", "HEAD", "OPTIONS", "PATCH", "POST"];
  const unknown: readonly string[] = [];

  test.each([
    ["/promises", ["GET", "HEAD", "OPTIONS", "POST"]],
    ["/promises?q=a", ["GET", "HEAD", "OPTIONS", "POST"]],
    ["/promises/", named],
    ["/promises/a", named],
    ["/promises/a/", named],
    ["/promises/a/b", named],
    ["/promises/create", named],
    ["/promises/a/created", named],
    ["/promises/a/b/create", named],
    ["/promises/a/create/", named],
    ["/promises/a%2Fcreate", named],
    ["/promises/a/%63reate", named],
    ["/promises/a/create", all],
    ["/promises//create", all],
    ["/promises/a%2Fb/resolve", all],
    ["/promises/a/reject", all],
    ["/promises/a/cancel?x", all],
    ["/events", readOnly],
    ["/openapi.json", readOnly],
    ["/docs", readOnly],
    ["/health", readOnly],
    ["/ready", readOnly],
    ["/", ["OPTIONS", "POST"]],
    ["/events/", unknown],
    ["/promise", unknown],
    ["/promises%2Fa", unknown],
    ["/Promises", unknown],
    ["//promises", unknown],
    ["/tasks", unknown],
    ["/unknown", unknown],
    ["/promise/create", unknown],
  ])("%s", async (path, methods) => {
    const { client } = start();
    const allow = methods.join(", ");
    for (const method of ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "PROPFIND"]) {
      const writes = method !== "GET" && method !== "HEAD";
      const answer = await client.ask(method, path, writes ? { body: {} } : {});
      const because = `${method} ${path}: ${answer.status} ${answer.text}`;
      if (methods.length === 0) {
        expect(answer.status, because).toBe(404);
        if (method !== "HEAD") expect(answer.code, because).toBe(4049);
      } else if (method === "OPTIONS") {
        expect([answer.status, answer.text], because).toEqual([204, ""]);
        expect(answer.headers.get("allow"), because).toBe(allow);
      } else if (!methods.includes(method)) {
        const code = method === "HEAD" ? null : 4050; // which has no body to show it
        expect([answer.status, answer.code], because).toEqual([405, code]);
        expect(answer.headers.get("allow"), because).toBe(allow);
      } else {
        expect(answer.status, because).not.toBe(405);
        expect(answer.code, because).not.toBe(4049);
      }
    }
  });
});

describe("ids in paths", () => {
  const made = async (path: string, ask: Ask = { body }) => {
    const { client } = start();
    const answer = await client.ask("POST", path, ask);
    return { client, answer, id: (answer.json as { readonly id?: string }).id };
  };

  test.each([
    ["/promises/a%2Fb/create", "a/b"],
    ["/promises/a+b/create", "a+b"],
    ["/promises/%C3%A9/create", "é"],
    ["/promises/%25/create", "%"],
    ["/promises/a%252Fb/create", "a%2Fb"],
    ["/promises/create/create", "create"],
    ["/promises/a%3Fb%23c/create", "a?b#c"],
  ])("POST %s creates %s", async (path, id) => {
    expect((await made(path)).id).toBe(id);
  });

  test("a slash means the same, raw or escaped, where the id is the rest of the path", async () => {
    const { client } = await made("/promises", { body: { ...body, id: "a/b/create" } });
    for (const path of [
      "/promises/a/b/create",
      "/promises/a%2Fb%2Fcreate",
      "/promises/a%2Fb/create",
    ]) {
      expect((await client.ask("GET", path)).status, path).toBe(200);
    }
    const end = await client.ask("PATCH", "/promises/a/b/create", { body: { state: "resolved" } });
    expect(end.status).toBe(201);
  });

  test("a trailing slash is part of the id, letter case and normal form are, too", async () => {
    const { client } = await made("/promises", { body: { ...body, id: "é/" } });
    expect((await client.ask("GET", "/promises/%C3%A9/")).status).toBe(200);
    for (const other of ["%C3%A9", "%C3%89/", "e%CC%81/"]) {
      expect((await client.ask("GET", `/promises/${other}`)).code, other).toBe(4040);
    }
  });

  test.each([
    ["POST", "/promises//create", { body }],
    ["GET", "/promises/", {}],
    ["PATCH", "/promises/", { body: { state: "resolved" } }],
    ["POST", "/promises", { body: { ...body, id: "" } }],
  ])("an empty id is refused: %s %s", async (method, path, ask) => {
    const { client, server } = start();
    const answer = await client.ask(method, path, ask);
    expect(answer).toMatchObject({ code: 4000, details: ["id must be 1 to 2048 bytes long"] });
    expect(server.store.log([{ of: null, after: 0, limit: 1, weightMax: 1 }])[0]?.end).toBe(0);
  });

  test("a bad escape is refused", async () => {
    const { client } = start();
    const answer = await client.ask("GET", "/promises/%ff");
    expect(answer).toMatchObject({ code: 4000, details: ["id must be percent-encoded UTF-8"] });
  });
});

describe("HEAD", () => {
  test("is a GET without the body", async () => {
    const { client } = start();
    await client.ask("POST", "/promises/p/create", { body });
    for (const path of ["/promises/p", "/promises", "/events", "/docs", "/openapi.json"]) {
      const [get, head] = [await client.ask("GET", path), await client.ask("HEAD", path)];
      expect([head.status, head.text], path).toEqual([200, ""]);
      expect(head.headers.get("content-length"), path).toBe(`${Buffer.byteLength(get.text)}`);
      expect(head.headers.get("content-type"), path).toBe(get.headers.get("content-type"));
    }
    expect((await client.ask("HEAD", "/promises/q")).status).toBe(404);
  });
});

describe("headers", () => {
  test("an answer is compact JSON, and says so", async () => {
    const { client } = start();
    const { headers, text, json } = await client.ask("POST", "/promises/p/create", { body });
    expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(text).toBe(JSON.stringify(json));
  });

  test("the request id is sent back byte for byte, or made", async () => {
    const { client } = start();
    const sent = "\u00c3\u00a9 x".repeat(50);
    for (const path of ["/promises", "/nowhere", "/health", "/docs"]) {
      const answer = await client.ask("GET", path, { headers: { "request-id": sent } });
      expect(answer.headers.get("request-id"), path).toBe(sent);
    }
    expect((await client.ask("GET", "/promises")).headers.get("request-id")).toBe("made-1");
    const empty = await client.ask("GET", "/promises", { headers: { "request-id": "" } });
    expect(empty.headers.get("request-id")).toBe("made-2");
    const [, , , made] = client.records;
    expect(made?.tid).toBe("made-2");
    expect(client.records[0]?.tid).toBe("é x".repeat(50).slice(0, 128));
  });

  test("a key is one string over HTTP, whatever its characters", async () => {
    const { client } = start();
    const headers = { "Idempotency-Key": "\u00c3\u00a9" };
    const { json } = await client.ask("POST", "/promises/p/create", { headers, body });
    expect(json).toMatchObject({ idempotencyKeyForCreate: "é" });
    expect((await client.ask("POST", "/promises/p/create", { headers, body })).status).toBe(200);
  });

  test("an empty key is none: it is not kept and matches nothing", async () => {
    const { client } = start();
    const headers = { "idempotency-key": "" };
    const { text } = await client.ask("POST", "/promises/p/create", { headers, body });
    expect(text).not.toContain("idempotencyKey");
    expect((await client.ask("POST", "/promises/p/create", { headers, body })).code).toBe(4090);
  });

  test("the content type is not looked at", async () => {
    const { client } = start();
    const headers = { "content-type": "text/plain" };
    expect((await client.ask("POST", "/promises/p/create", { headers, body })).status).toBe(201);
  });
});

describe("H1 bodies", () => {
  const padded = (length: number) => JSON.stringify(body).padEnd(length, " ");

  test("Y1 of exactly the limit are accepted, of one byte more refused, declared or not", async () => {
    const { client } = start();
    const declared = (text: string) => ({
      body: text,
      headers: { "content-length": `${Buffer.byteLength(text)}` },
    });
    const [most, more] = [padded(bodyLimit), padded(bodyLimit + 1)];
    expect((await client.ask("POST", "/promises/a/create", { body: most })).status).toBe(201);
    expect((await client.ask("POST", "/promises/b/create", declared(most))).status).toBe(201);
    for (const ask of [{ body: more }, declared(more)]) {
      const answer = await client.ask("POST", "/promises/c/create", ask);
      expect(answer).toMatchObject({ status: 413, code: 4130 });
      expect(answer.headers.get("connection")).toBe("close");
    }
    expect((await client.ask("GET", "/promises/c")).code).toBe(4040);
  });

  test("the size comes before the id and the headers, and the method before the size", async () => {
    const { client } = start();
    const ask = { body: padded(bodyLimit + 1), headers: { strict: "x" } };
    expect((await client.ask("POST", "/promises/%ff/create", ask)).code).toBe(4130);
    expect((await client.ask("PUT", "/promises/a/create", ask)).code).toBe(4050);
    expect((await client.ask("POST", "/nowhere", ask)).code).toBe(4049);
  });

  test.each([
    "POST /promises",
    "POST /promises/p/create",
    "POST /promises/p/resolve",
    "PATCH /promises/p",
  ])("%s needs one", async (route) => {
    const [method = "", path = ""] = route.split(" ");
    const { client } = start();
    expect(await client.ask(method, path)).toMatchObject({
      code: 4000,
      details: ["body is required"],
    });
  });
});

describe("H3 what is observed", () => {
  test("each request of the API once, with its operation and code", async () => {
    const { client, server } = start();
    const seen = async (asked: Promise<Answered>) => {
      await asked;
      return client.records.splice(0).map(({ operation, code }) => `${operation} ${code}`);
    };
    const end = (state: string) => client.ask("PATCH", "/promises/p", { body: { state } });
    const verb = (name: string) => client.ask("POST", `/promises/q/${name}`, { body: {} });
    expect(await seen(client.ask("POST", "/promises", { body: { ...body, id: "p" } }))).toEqual([
      "create-promise 2010",
    ]);
    expect(await seen(end("resolved"))).toEqual(["resolve-promise 2010"]);
    expect(await seen(end("REJECTED"))).toEqual(["reject-promise 4030"]);
    expect(await seen(end("rejected_canceled"))).toEqual(["cancel-promise 4030"]);
    expect(await seen(end("done"))).toEqual(["unknown 4000"]);
    expect(await seen(verb("resolve"))).toEqual(["resolve-promise 4040"]);
    expect(await seen(verb("reject"))).toEqual(["reject-promise 4040"]);
    expect(await seen(verb("cancel"))).toEqual(["cancel-promise 4040"]);
    expect(await seen(client.ask("GET", "/promises/p"))).toEqual(["read-promise 2000"]);
    expect(await seen(client.ask("HEAD", "/promises/p"))).toEqual(["read-promise 2000"]);
    expect(await seen(client.ask("GET", "/promises?limit=0"))).toEqual(["search-promises 4000"]);
    expect(await seen(client.ask("GET", "/events"))).toEqual(["read-events 2000"]);
    expect(await seen(client.ask("GET", "/nowhere"))).toEqual(["unknown 4049"]);
    expect(await seen(client.ask("PUT", "/promises"))).toEqual(["unknown 4050"]);
    for (const path of ["/health", "/ready", "/docs", "/openapi.json"]) {
      expect(await seen(client.ask("GET", path)), path).toEqual([]);
    }
    expect(await seen(client.ask("OPTIONS", "/promises"))).toEqual([]);
    server.turn();
  });

  test("how long it took, and what was thrown", async () => {
    const client = new Client({
      submit() {
        throw new Error("a bug");
      },
    });
    await client.ask("GET", "/promises/p");
    await client.ask("POST", "/promises/p/create", { body });
    const error = new Error("a bug");
    expect(client.records).toMatchObject([
      { api: "http", code: 5000, operation: "read-promise", error },
      { api: "http", code: 5000, operation: "create-promise", error },
    ]);
    for (const { ms } of client.records) expect(ms).toBeGreaterThanOrEqual(0);
  });
});

describe("H2 what is thrown", () => {
  test("is answered with 5000 and tells nothing of the inside", async () => {
    const client = new Client({
      submit() {
        throw new Error("secret");
      },
    });
    for (const [method, path, ask] of [
      ["GET", "/promises/p", {}],
      ["GET", "/promises", {}],
      ["POST", "/promises/p/create", { body }],
    ] as const) {
      const answer = await client.ask(method, path, ask);
      expect(answer).toMatchObject({ status: 500, code: 5000 });
      expect(answer.text).not.toContain("secret");
    }
  });

  test("even outside of an operation", async () => {
    const { gateway } = start().client;
    const { createApp } = await import("../../api/app.ts");
    const app = createApp({
      gateway,
      readiness: () => {
        throw new Error("secret");
      },
      bodyLimit,
      corsOrigins: [],
      observe: () => {},
      newRequestId: () => "r",
    });
    const answer = await app.request("http://localhost/ready");
    expect(answer.status).toBe(500);
    conforms(components.Error, await answer.json());
  });
});

describe("CORS", () => {
  const origin = "https://app.example";
  const ask = { headers: { origin } };
  const allowed = ({ headers }: Answered) => [
    headers.get("access-control-allow-origin"),
    headers.get("vary"),
  ];

  test("is off unless origins are given", async () => {
    const { client } = start();
    for (const method of ["GET", "OPTIONS"]) {
      expect(allowed(await client.ask(method, "/promises", ask))).toEqual([null, null]);
    }
  });

  test("echoes a listed origin, on refusals too, and no other", async () => {
    const client = new Client(start().server, [origin]);
    for (const path of ["/promises", "/nowhere", "/health", "/promises?limit=0"]) {
      expect(allowed(await client.ask("GET", path, ask)), path).toEqual([origin, "origin"]);
    }
    const other = { headers: { origin: "https://evil.example" } };
    expect(allowed(await client.ask("GET", "/promises", other))).toEqual([null, "origin"]);
    expect(allowed(await client.ask("GET", "/promises"))).toEqual([null, "origin"]);
  });

  test("with * lets any page read, without credentials", async () => {
    const client = new Client(start().server, ["*"]);
    const answer = await client.ask("GET", "/promises", ask);
    expect(allowed(answer)).toEqual(["*", null]);
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  });

  test("answers a preflight with methods and headers", async () => {
    const client = new Client(start().server, [origin]);
    const answer = await client.ask("OPTIONS", "/promises/p/create", {
      headers: { origin, "access-control-request-method": "POST" },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-methods")).toBe(
      "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    );
    expect(answer.headers.get("access-control-allow-headers")).toBe(
      "origin, content-type, content-length, authorization, idempotency-key, strict, request-id",
    );
  });
});

describe("probes", () => {
  test("the process is well as long as it answers, and ready as long as it says so", async () => {
    const { client } = start();
    const status = async (path: string) => {
      const { status, text } = await client.ask("GET", path);
      expect(text).toBe("");
      return status;
    };
    expect([await status("/health"), await status("/ready")]).toEqual([200, 200]);
    client.stopBeingReady();
    expect([await status("/health"), await status("/ready")]).toEqual([200, 503]);
  });
});
