// Requests as they are read: every rule of promise-api.md §1.2 to §1.5 with the text of its detail, the
// order of details, and what valid requests mean. Then that reading undoes writing.

import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { decodeComplete, decodeCreate, decodeGet, type WireWrite } from "../../api/decode.ts";
import { printable } from "../../api/int64.ts";
import type { CreatePromise, SettlePromise } from "../../kernel/command.ts";
import { deadlineMs, int64Max, promiseId } from "../../kernel/ids.ts";
import { emptyValue, noPairs, type Value } from "../../kernel/value.ts";

const fine = { timeout: 5 };
const text = "must not contain NUL or unpaired surrogates";

type Wire = Partial<Omit<WireWrite, "body">> & { readonly body?: unknown };

function toWire({ key = null, strict = null, body = fine }: Wire): WireWrite {
  const json = typeof body === "string" ? body : JSON.stringify(body);
  return { key, strict, body: body instanceof Uint8Array ? body : Buffer.from(json) };
}

function create(wire: Wire, encodedId: string | null = "p"): unknown {
  const decoded = decodeCreate(encodedId, toWire(wire));
  return decoded.kind === "invalid" ? decoded.details : decoded.request;
}

function complete(wire: Wire, outcome: SettlePromise["outcome"] | null = null): unknown {
  const decoded = decodeComplete("p", toWire(wire), outcome);
  return decoded.kind === "invalid" ? decoded.details : decoded.request;
}

function get(encodedId: string): unknown {
  const decoded = decodeGet(encodedId);
  return decoded.kind === "invalid" ? decoded.details : decoded.request.id;
}

const long = (bytes: number) => "é".repeat(bytes / 2);

describe("ids", () => {
  test.each([
    ["V4 is decoded once", "a%2520b", "a%20b"],
    ["has a raw slash", "a/b", "a/b"],
    ["has an escaped slash", "a%2Fb", "a/b"],
    ["ends in a slash", "a/", "a/"],
    ["keeps a plus sign", "a+b", "a+b"],
    ["is UTF-8", "%C3%A9", "é"],
    ["is not normalised", "e%CC%81", "e\u0301"],
    ["is as long as may be", "a".repeat(2048), "a".repeat(2048)],
    ["counts bytes: as long as may be", encodeURIComponent(long(2048)), long(2048)],
    ["has ordinary characters", "%20%25*.:", " %*.:"],
  ])("an id %s", (_what, encoded, id) => {
    expect(get(encoded)).toBe(id);
  });

  test.each([
    ["is empty", "", ["id must be 1 to 2048 bytes long"]],
    ["is too long", "a".repeat(2049), ["id must be 1 to 2048 bytes long"]],
    ["counts bytes: too long", encodeURIComponent(long(2050)), ["id must be 1 to 2048 bytes long"]],
    ["has a bad escape", "a%2", ["id must be percent-encoded UTF-8"]],
    ["has another bad escape", "%zz", ["id must be percent-encoded UTF-8"]],
    ["is not UTF-8", "%ff", ["id must be percent-encoded UTF-8"]],
    ["is an escaped surrogate", "%ED%A0%80", ["id must be percent-encoded UTF-8"]],
    ["is UTF-8 that is too long", "%C0%AF", ["id must be percent-encoded UTF-8"]],
    ["has a NUL", "a%00", [`id ${text}`]],
    [
      "breaks two rules",
      `${"a".repeat(2049)}%00`,
      ["id must be 1 to 2048 bytes long", `id ${text}`],
    ],
  ])("an id is refused that %s", (_what, encoded, details) => {
    expect(get(encoded)).toEqual(details);
    expect(create({}, encoded)).toEqual(details);
  });

  test.each([
    [undefined, ["id is required"]],
    [null, ["id is required"]],
    [5, ["id must be a string"]],
    [["a"], ["id must be a string"]],
    ["", ["id must be 1 to 2048 bytes long"]],
    ["\0", [`id ${text}`]],
    ["\ud800", [`id ${text}`]],
  ])("an id in a body is refused: %j", (id, details) => {
    expect(create({ body: { ...fine, id } }, null)).toEqual(details);
  });

  test("V3 an id in a body is not looked at where the path has one", () => {
    expect(create({ body: { ...fine, id: 5 } })).toMatchObject({ id: "p" });
    expect(create({ body: { ...fine, id: "a%20b" } }, null)).toMatchObject({ id: "a%20b" });
  });
});

describe("headers", () => {
  const key = (bytes: string) => create({ key: bytes });

  test("V5 an empty key is no key, and absent strictness is none", () => {
    expect(key("")).toMatchObject({ key: null, strict: false });
    expect(create({ key: null, strict: "" })).toMatchObject({ key: null, strict: false });
  });

  test("a key is read as UTF-8", () => {
    expect(key("\u00c3\u00a9")).toMatchObject({ key: "é" });
    expect(key("k")).toMatchObject({ key: "k" });
    expect(key("k".repeat(2048))).toMatchObject({ key: "k".repeat(2048) });
  });

  test.each([
    ["\u00ff", ["idempotency-key must be UTF-8"]],
    ["k".repeat(2049), ["idempotency-key must be at most 2048 bytes long"]],
    ["\u00c3\u00a9".repeat(1025), ["idempotency-key must be at most 2048 bytes long"]],
    ["\0", [`idempotency-key ${text}`]],
  ])("a key is refused (%#)", (bytes, details) => {
    expect(key(bytes)).toEqual(details);
  });

  test.each(["1", "t", "T", "true", "True", "TRUE"])("strict may be %s", (strict) => {
    expect(create({ strict })).toMatchObject({ strict: true });
    expect(complete({ strict, body: { state: "resolved" } })).toMatchObject({ strict: true });
  });

  test.each(["0", "f", "F", "false", "False", "FALSE"])("not strict may be %s", (strict) => {
    expect(create({ strict })).toMatchObject({ strict: false });
  });

  test.each(["yes", "tRUE", "2", "true, true", " true"])("strict may not be %j", (strict) => {
    expect(create({ strict })).toEqual(["strict must be true or false"]);
  });
});

describe("bodies", () => {
  test.each([
    ["nothing", "", ["body is required"]],
    ["no JSON", "{", ["body must be JSON"]],
    ["a BOM first", "\ufeff{}", ["body must be JSON"]],
    ["something after it", "{}x", ["body must be JSON"]],
    ["two values", '{"timeout":5}{}', ["body must be JSON"]],
    ["blanks", "  ", ["body must be JSON"]],
    ["NaN", '{"timeout":NaN}', ["body must be JSON"]],
    ["a number cut short", '{"timeout":1e}', ["body must be JSON"]],
    ["null", "null", ["body must be an object"]],
    ["an array", "[]", ["body must be an object"]],
    ["a string", '"a"', ["body must be an object"]],
    ["a number", "5", ["body must be an object"]],
    ["true", "true", ["body must be an object"]],
  ])("a body is refused that is %s", (_what, body, details) => {
    expect(create({ body })).toEqual(details);
    expect(complete({ body })).toEqual(details);
  });

  test("a body is refused that is not UTF-8, even inside a string", () => {
    const body = Buffer.from([...Buffer.from('{"timeout":5,"x":"'), 0xff, ...Buffer.from('"}')]);
    expect(create({ body })).toEqual(["body must be JSON"]);
  });

  test("a body is refused that is nested too deeply for the parser", () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    expect(create({ body: `{"timeout":1,"timeout":2,"x":${deep}}` })).toEqual([
      "body must be JSON",
    ]);
    expect(create({ body: `{"timeout":1,"x":${deep}}` })).toMatchObject({ timeoutAt: 1n });
  });

  test("names are exact, unknown ones are ignored, of equal ones the last counts", () => {
    expect(create({ body: { Timeout: 5 } })).toEqual(["timeout is required"]);
    expect(create({ body: { ...fine, state: 7, createdOn: [], PARAM: 1 } })).toMatchObject({
      timeoutAt: 5n,
    });
    expect(create({ body: '{"timeout":"x","timeout":6}' })).toMatchObject({ timeoutAt: 6n });
    expect(create({ body: '{"timeout":6,"timeout":"x"}' })).toEqual(["timeout must be an integer"]);
  });

  test("null is absent, and missing where the member is required", () => {
    const body = { ...fine, param: null, tags: null };
    expect(create({ body })).toMatchObject({ param: emptyValue, tags: noPairs });
    const empty = { ...fine, param: { headers: null, data: null } };
    expect(create({ body: empty })).toMatchObject({ param: emptyValue });
    expect(complete({ body: { value: null } }, "resolved")).toMatchObject({ value: emptyValue });
    expect(create({ body: { timeout: null } })).toEqual(["timeout is required"]);
    expect(complete({ body: { state: null } })).toEqual(["state is required"]);
  });
});

describe("state", () => {
  test.each([
    ["resolved", "resolved"],
    ["REJECTED", "rejected"],
    ["Rejected_Canceled", "canceled"],
  ])("%s asks for %s", (state, outcome) => {
    expect(complete({ body: { state } })).toMatchObject({ outcome });
  });

  test.each(["", "pending", "canceled", "REJECTED_TIMEDOUT", 5, {}])("%j is refused", (state) => {
    expect(complete({ body: { state } })).toEqual([
      "state must be resolved, rejected or rejected_canceled",
    ]);
  });

  test("is required where the path does not say it, and ignored where it does", () => {
    expect(complete({ body: {} })).toEqual(["state is required"]);
    expect(complete({ body: { state: 5 } }, "canceled")).toMatchObject({ outcome: "canceled" });
  });
});

describe("timeout", () => {
  const read = (source: string) => create({ body: `{"timeout":${source}}` });

  test.each([
    ["0", 0n],
    ["-0", 0n],
    ["9007199254740993", 9007199254740993n],
    ["9223372036854775807", int64Max],
    [" \t\r\n5 ", 5n],
  ])("%s is read exactly", (source, timeoutAt) => {
    expect(read(source)).toMatchObject({ timeoutAt });
  });

  test.each(['"5"', "1.0", "1e3", "1E3", "0.5", "-0.5", "1e999", "true", "[5]", "{}"])(
    "%s is no integer",
    (source) => {
      expect(read(source)).toEqual(["timeout must be an integer"]);
    },
  );

  test.each(["-1", "9223372036854775808", "-9223372036854775808", `1${"0".repeat(500)}`])(
    "%s is out of range",
    (source) => {
      expect(read(source)).toEqual(["timeout must be 0 to 9223372036854775807"]);
    },
  );

  test("is required", () => {
    expect(create({ body: {} })).toEqual(["timeout is required"]);
  });
});

describe("param, value and tags", () => {
  const param = (given: unknown) => create({ body: { ...fine, param: given } });

  test.each([
    [5, ["param must be an object"]],
    [[], ["param must be an object"]],
    ["a", ["param must be an object"]],
    [{ headers: [] }, ["param.headers must be an object of strings"]],
    [{ headers: { a: 1 } }, ["param.headers must be an object of strings"]],
    [{ headers: { a: null } }, ["param.headers must be an object of strings"]],
    [{ headers: { timeout: 5 } }, ["param.headers must be an object of strings"]],
    [{ data: 5 }, ["param.data must be base64"]],
    [{ data: [1, 2] }, ["param.data must be base64"]],
    [{ data: "YQ" }, ["param.data must be base64"]],
    [{ data: "YQ=" }, ["param.data must be base64"]],
    [{ data: "YQ===" }, ["param.data must be base64"]],
    [{ data: "-_==" }, ["param.data must be base64"]],
    [{ data: "Y Q=" }, ["param.data must be base64"]],
    [{ data: "====" }, ["param.data must be base64"]],
    [
      { headers: 1, data: 1 },
      ["param.headers must be an object of strings", "param.data must be base64"],
    ],
    [{ headers: { a: "\0" } }, [`param.headers ${text}`]],
    [{ headers: { "\ud800": "a" } }, [`param.headers ${text}`]],
    [
      { headers: { a: "\0", b: 1 } },
      ["param.headers must be an object of strings", `param.headers ${text}`],
    ],
  ])("a param is refused: %j", (given, details) => {
    expect(param(given)).toEqual(details);
    const named = details.map((detail) => detail.replace("param", "value"));
    expect(complete({ body: { state: "resolved", value: given } })).toEqual(named);
  });

  test.each([
    ["aGVsbG8=", "aGVsbG8="],
    ["aGVs\r\nbG8\n=\r", "aGVsbG8="],
    ["YR==", "YQ=="],
    ["YWJ=", "YWI="],
    ["", null],
    ["\r\n", null],
  ])("the bytes of %j are kept as %j", (data, kept) => {
    expect(param({ data })).toMatchObject({ param: { headers: null, data: kept } });
  });

  test("empty is absent", () => {
    expect(param({ headers: {}, data: "" })).toMatchObject({ param: emptyValue });
  });

  test("names such as __proto__ are ordinary (V2)", () => {
    const odd = '{"__proto__":"1","constructor":"2","2":"3","toString":"4","":"5"}';
    const body = `{"timeout":5,"tags":${odd},"param":{"headers":${odd}}}`;
    const pairs = new Map([
      ["__proto__", "1"],
      ["constructor", "2"],
      ["2", "3"],
      ["toString", "4"],
      ["", "5"],
    ]);
    expect(create({ body })).toMatchObject({ tags: pairs, param: { headers: pairs } });
    expect(create({ body: '{"__proto__":{"timeout":5}}' })).toEqual(["timeout is required"]);
  });

  test.each([
    [5, ["tags must be an object of strings"]],
    [{ a: 1 }, ["tags must be an object of strings"]],
    [{ a: "\ud800" }, [`tags ${text}`]],
  ])("tags are refused: %j", (tags, details) => {
    expect(create({ body: { ...fine, tags } })).toEqual(details);
  });
});

describe("creation rules of resonate: tags", () => {
  const target = "poll://any@workers";
  const tagged = (tags: object, id = "a:b") => create({ body: { timeout: 100, tags } }, id);

  test.each([
    [{ "resonate:origin": "b" }, ["Promise ID must be prefixed by resonate:origin"]],
    [{ "resonate:branch": "a:" }, ["Promise ID must be prefixed by resonate:branch"]],
    [{ "resonate:parent": "" }, ["Promise ID must be prefixed by resonate:parent"]],
    [
      { "resonate:delay": "x" },
      [
        "resonate:delay must be a non-negative integer",
        "resonate:delay requires a resonate:target tag",
      ],
    ],
    [
      { "resonate:delay": "9223372036854775808", "resonate:target": target },
      ["resonate:delay must be a non-negative integer"],
    ],
    [
      { "resonate:delay": "100", "resonate:target": target },
      ["resonate:delay must be less than timeoutAt"],
    ],
    [{ "resonate:target": "workers" }, ["Invalid resonate:target address"]],
    [{ "resonate:target": "" }, ["Invalid resonate:target address"]],
    [{ "resonate:target": "poll://all@workers" }, ["Invalid resonate:target address"]],
    [{ "resonate:target": "poll://any@/id" }, ["Invalid resonate:target address"]],
    [{ "resonate:target": "http:///path" }, ["Invalid resonate:target address"]],
    [
      { "resonate:target": "x", "resonate:delay": "-1", "resonate:origin": "z" },
      [
        "Promise ID must be prefixed by resonate:origin",
        "resonate:delay must be a non-negative integer",
        "Invalid resonate:target address",
      ],
    ],
  ])("are kept: %j is refused", (tags, details) => {
    expect(tagged(tags)).toEqual(details);
  });

  test.each([
    [{ "resonate:origin": "a", "resonate:branch": "a:b", "resonate:parent": "a" }, "a:b"],
    [{ "resonate:origin": "a" }, "a.b"],
    [{ "resonate:prefix": "x", "resonate:branch": "z", "resonate:parent": "z" }, "a:b"],
    [{ "resonate:delay": "00099", "resonate:target": target }, "a"],
    [{ "resonate:target": "poll://uni@workers/a/b" }, "a"],
    [{ "resonate:target": "https://example.com/x?y" }, "a"],
    [{ "resonate:timer": "true", "resonate:target": target }, "a"],
    [{ "resonate:anything": "else" }, "a"],
  ])("are kept: %j is accepted for %s", (tags, id) => {
    expect(tagged(tags, id)).toMatchObject({ kind: "create_promise", id });
  });

  test("are judged once every member is valid", () => {
    const tags = { "resonate:target": "x" };
    expect(create({ body: { timeout: -1, tags } })).toEqual([
      "timeout must be 0 to 9223372036854775807",
    ]);
  });
});

describe("stages", () => {
  const worst = { timeout: "x", param: { headers: 1, data: 1 }, tags: 1, id: "\0" };

  test("V1 every broken rule of a stage is told, in the order of the table", () => {
    expect(create({ body: worst }, null)).toEqual([
      "timeout must be an integer",
      "param.headers must be an object of strings",
      "param.data must be base64",
      "tags must be an object of strings",
      `id ${text}`,
    ]);
    expect(create({ key: "\u00ff", strict: "x" })).toEqual([
      "idempotency-key must be UTF-8",
      "strict must be true or false",
    ]);
    expect(complete({ body: { state: 1, value: 1 } })).toEqual([
      "state must be resolved, rejected or rejected_canceled",
      "value must be an object",
    ]);
  });

  test("V1 only the first failing stage is told", () => {
    expect(create({ strict: "x", body: "{" }, "%ff")).toEqual(["id must be percent-encoded UTF-8"]);
    expect(create({ strict: "x", body: "{" })).toEqual(["strict must be true or false"]);
    expect(create({ body: "[]" })).toEqual(["body must be an object"]);
  });
});

const words = fc.string({ unit: "binary" }).filter((word) => !word.includes("\0"));
const ids = words.filter((id) => id !== "" && Buffer.byteLength(id) <= 2048);
const pairs = fc.array(fc.tuple(words, words)).map((entries) => new Map(entries));
const values: fc.Arbitrary<Value> = fc.record({
  headers: fc.option(pairs.filter(({ size }) => size > 0)),
  data: fc.option(
    fc.uint8Array({ minLength: 1 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  ),
});
const timeouts = fc.bigInt({ min: 0n, max: int64Max }).map(deadlineMs);
const keys = fc.option(ids);
const creates: fc.Arbitrary<CreatePromise> = fc.record({
  kind: fc.constant("create_promise" as const),
  id: ids.map(promiseId),
  timeoutAt: timeouts,
  param: values,
  tags: pairs,
  key: keys,
  strict: fc.boolean(),
  isExternal: fc.constant(true),
  isShared: fc.constant(false),
});

const toJson = ({ headers, data }: Value) => ({
  ...(headers !== null && { headers: Object.fromEntries(headers) }),
  ...(data !== null && { data }),
});
const latin1 = (key: string | null) => (key === null ? null : Buffer.from(key).toString("latin1"));

property.prop([creates, fc.boolean()])(
  "decode(encode(create)) is that create",
  (create, inBody) => {
    const { id, timeoutAt, param, tags, key, strict } = create;
    const members = {
      timeout: printable(timeoutAt),
      param: toJson(param),
      tags: Object.fromEntries(tags),
      ...(inBody && { id }),
    };
    const body = Buffer.from(JSON.stringify(members));
    const wire = { key: latin1(key), strict: `${strict}`, body };
    const decoded = decodeCreate(inBody ? null : encodeURIComponent(id), wire);
    expect(decoded).toEqual({ kind: "decoded", request: create });
  },
);

property.prop([
  ids,
  values,
  keys,
  fc.boolean(),
  fc.constantFrom("resolved", "rejected", "canceled"),
])("decode(encode(complete)) is that complete", (id, value, key, strict, outcome) => {
  const state = outcome === "canceled" ? "rejected_canceled" : outcome;
  const body = Buffer.from(JSON.stringify({ state, value: toJson(value) }));
  const wire = { key: latin1(key), strict: strict ? "t" : "F", body };
  const request = { kind: "settle_promise", id, outcome, value, key, strict, isShared: false };
  expect(decodeComplete(encodeURIComponent(id), wire, null)).toEqual({ kind: "decoded", request });
});
