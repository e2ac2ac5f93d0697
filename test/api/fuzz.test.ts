// Whatever is sent, there is an answer: never a 5xx, always the envelope of promise-api.md §3.1 when it
// is refused, and a refused request stores nothing.

import { fc, test as property } from "@fast-check/vitest";
import { expect } from "vitest";
import { components } from "../../api/answers.ts";
import { type Ask, conforms, start } from "./client.ts";

const routes = fc.constantFrom(
  "POST /promises",
  "POST /promises/{}/create",
  "POST /promises/{}/resolve",
  "POST /promises/{}/reject",
  "POST /promises/{}/cancel",
  "PATCH /promises/{}",
  "GET /promises/{}",
  "GET /promises?{}",
  "GET /promises?cursor={}",
  "GET /events?{}",
  "GET /events?id={}",
  "PUT /promises/{}",
  "GET /{}",
);

const odd = fc.constantFrom(
  "%",
  "%00",
  "%ff",
  "%C3%A9",
  "%2F",
  "/",
  "..",
  "+",
  " ",
  "tags[",
  "]",
  "&",
);
const words = fc.oneof(
  fc.constantFrom("a", "q=*", "limit=5", "state=pending", "tags[a]=b", "after=1"),
  fc.array(fc.oneof(odd, fc.string({ unit: "grapheme" })), { maxLength: 5 }).map((p) => p.join("")),
);

const names = fc.constantFrom(
  "id",
  "timeout",
  "param",
  "value",
  "tags",
  "state",
  "headers",
  "data",
);
const keys = fc.oneof(names, fc.string({ unit: "binary" }), fc.constant("__proto__"));
const scalars = fc.oneof(
  fc.constantFrom(
    0,
    5,
    -1,
    1.5,
    2 ** 60,
    null,
    true,
    "resolved",
    "aGVsbG8=",
    "YQ",
    "a\0",
    "\ud800",
  ),
  fc.string({ unit: "binary" }),
  fc.double(),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalars,
    fc.array(tie("json"), { maxLength: 3 }),
    fc.dictionary(keys, tie("json"), { maxKeys: 6 }),
  ),
}));
const bodies = fc.oneof(
  fc.dictionary(names, json, { maxKeys: 6 }),
  json,
  fc.string({ unit: "binary" }),
);
/** What a header may hold at all: any byte that HTTP lets through. */
const bytes = fc
  .string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) })
  .map((text) => text.replace("\x7f", "").trim());
const headers = fc.record(
  {
    "idempotency-key": bytes,
    strict: fc.oneof(bytes, fc.constantFrom("true", "0")),
    "request-id": bytes,
    "content-type": fc.constantFrom("text/plain", "application/json"),
  },
  { requiredKeys: [] },
);

property.prop([routes, words, bodies, headers], { numRuns: 3_000 })(
  "fuzz: every request is answered, and a refused one stores nothing",
  async (route, word, body, sent) => {
    const { client, server } = start();
    const [method = "", template = ""] = route.split(" ");
    const hasBody = method !== "GET";
    const ask: Ask = { headers: defined(sent), ...(hasBody && { body }) };
    const answer = await client.ask(method, template.replace("{}", word.replaceAll("#", "")), ask);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get("request-id")).not.toBeNull();
    if (answer.status >= 400 && answer.text !== "") {
      conforms(components.Error, answer.json);
      expect(Math.floor((answer.code ?? 0) / 10)).toBe(answer.status);
    }
    const [page] = server.store.log([{ of: null, after: 0, limit: 1, weightMax: 1 }]);
    expect(page?.end === 0).toBe(answer.status !== 201);
  },
);

const valid = {
  timeout: 5_000,
  param: { headers: { a: "b" }, data: "aGVsbG8=" },
  tags: { a: "b" },
};

property.prop([fc.string({ unit: "binary", minLength: 1, maxLength: 20 })], { numRuns: 500 })(
  "fuzz: an id in a body is the same one in a path",
  async (id) => {
    const { client } = start();
    const made = await client.ask("POST", "/promises", { body: { ...valid, id } });
    if (id.includes("\0")) {
      expect(made.code).toBe(4000);
      return;
    }
    expect(made.status).toBe(201);
    const segments = id.split("/");
    const collapses = segments.some((segment) => /^\.{1,2}$/.test(segment)); // promise-api.md §1.2
    if (collapses) return;
    expect((await client.ask("GET", `/promises/${encodeURIComponent(id)}`)).text).toBe(made.text);
  },
);

property.prop([fc.nat(), fc.string({ unit: "binary", maxLength: 1 }), fc.nat({ max: 3 })], {
  numRuns: 2_000,
})("fuzz: an edited body is read or refused, and never half of it", async (at, letter, cut) => {
  const text = JSON.stringify(valid);
  const place = at % text.length;
  const body = text.slice(0, place) + letter + text.slice(place + cut);
  const { client } = start();
  const answer = await client.ask("POST", "/promises/p/create", { body });
  expect([200, 201, 400]).toContain(answer.status);
  const read = await client.ask("GET", "/promises/p");
  expect(read.status).toBe(answer.status === 201 ? 200 : 404);
});

function defined(sent: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(sent);
  return Object.fromEntries(entries.flatMap(([name, value]) => (value ? [[name, value]] : [])));
}
