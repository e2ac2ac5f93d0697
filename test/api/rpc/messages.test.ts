// Messages as they are read and written: every rule that a message can break with the text of its
// detail, their order, and what valid messages mean; what the codec of the transport refuses before
// that; cursors, which are those of HTTP; then that reading undoes writing.

import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { fc, test as property } from "@fast-check/vitest";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import type { Decoded } from "../../../api/decode.ts";
import {
  type CompleteRequest,
  decodeComplete,
  decodeCreate,
  decodeRead,
  decodeSearch,
  encodePage,
  encodePromise,
} from "../../../api/rpc/messages.ts";
import type { Request, SettlePromise } from "../../../kernel/command.ts";
import { deadlineMs, instantMs, int64Max, position, promiseId } from "../../../kernel/ids.ts";
import type { PromiseRecord } from "../../../kernel/promise.ts";
import { emptyValue, noPairs } from "../../../kernel/value.ts";
import {
  CreatePromiseRequestSchema,
  PromiseSchema,
  ReadPromiseRequestSchema,
  ResolvePromiseRequestSchema,
  SearchPromisesRequestSchema,
  SearchState,
  State,
} from "../../../proto/gen/promise/promise_pb.ts";
import { InProcess } from "../../in-process.ts";
import { askHttp1, field, openForTest, requestBytes, responseOf, type Stage } from "./client.ts";

const text = "must not contain NUL or unpaired surrogates";
const idRule = "id must be 1 to 2048 bytes long";
const keyRule = "idempotencyKey must be at most 2048 bytes long";
const timeoutRule = "timeout must be 0 to 9223372036854775807";
const stateRule = "state must be pending, resolved or rejected";
const tagsRule = "tags must be at most 4096 bytes together";

const told = (decoded: Decoded<Request>): unknown => {
  return decoded.kind === "invalid" ? decoded.details : decoded.request;
};

const read = (id: string) => told(decodeRead(create(ReadPromiseRequestSchema, { id })));

const createWith = (init: MessageInitShape<typeof CreatePromiseRequestSchema>) => {
  const message = create(CreatePromiseRequestSchema, { id: "p", timeout: 5n, ...init });
  return told(decodeCreate(message));
};

const complete = (
  init: { readonly id?: string; readonly idempotencyKey?: string; readonly strict?: boolean } & {
    readonly value?: { readonly headers?: Record<string, string>; readonly data?: Uint8Array };
  },
  outcome: SettlePromise["outcome"] = "resolved",
) => {
  const message: CompleteRequest = create(ResolvePromiseRequestSchema, { id: "p", ...init });
  return told(decodeComplete(message, outcome));
};

type Search = Omit<MessageInitShape<typeof SearchPromisesRequestSchema>, "$typeName" | "state">;

const search = ({ state = 0, ...init }: Search & { readonly state?: number }) => {
  // On the wire any number may come.
  const known = { ...init, state: state as SearchState };
  return told(decodeSearch(create(SearchPromisesRequestSchema, known)));
};

const long = (bytes: number) => "é".repeat(bytes / 2);

describe("ids", () => {
  test.each(["p", "a/b", "..", "a%2Fb", "a+b", " %*.:", "e\u0301", long(2048)])(
    "an id is read as it stands (%#)",
    (id) => {
      expect(read(id)).toEqual({ kind: "get_promise", id });
      expect(createWith({ id })).toMatchObject({ kind: "create_promise", id });
      expect(complete({ id })).toMatchObject({ kind: "settle_promise", id });
    },
  );

  test.each([
    ["", [idRule]],
    [long(2050), [idRule]],
    ["\0", [`id ${text}`]],
    ["\ud800", [`id ${text}`]],
    [`${long(2050)}\0`, [idRule, `id ${text}`]],
  ])("an id is refused (%#)", (id, details) => {
    expect(read(id)).toEqual(details);
    expect(createWith({ id })).toEqual(details);
    expect(complete({ id })).toEqual(details);
  });
});

describe("keys", () => {
  test("M1 an empty key is no key", () => {
    expect(createWith({})).toMatchObject({ key: null, strict: false });
    expect(createWith({ idempotencyKey: "", strict: true })).toMatchObject({
      ...{ key: null, strict: true },
    });
    expect(complete({ idempotencyKey: "" })).toMatchObject({ key: null, strict: false });
    expect(complete({ idempotencyKey: "k", strict: true })).toMatchObject({
      ...{ key: "k", strict: true },
    });
  });

  test.each([
    [long(2050), [keyRule]],
    ["a\0", [`idempotencyKey ${text}`]],
    ["\udc00", [`idempotencyKey ${text}`]],
    [`${long(2050)}\0`, [keyRule, `idempotencyKey ${text}`]],
  ])("a key is refused by the name of its field (%#)", (idempotencyKey, details) => {
    expect(createWith({ idempotencyKey })).toEqual(details);
    expect(complete({ idempotencyKey })).toEqual(details);
  });

  test("a key is as long as may be", () => {
    expect(createWith({ idempotencyKey: long(2048) })).toMatchObject({ key: long(2048) });
  });
});

describe("timeout", () => {
  test.each([0n, 5n, 2n ** 53n + 1n, int64Max])("%s is read exactly", (timeout) => {
    expect(createWith({ timeout })).toMatchObject({ timeoutAt: timeout });
  });

  test.each([-1n, -(2n ** 63n)])("%s is out of range", (timeout) => {
    expect(createWith({ timeout })).toEqual([timeoutRule]);
  });

  test("unset is 0", () => {
    const decoded = decodeCreate(create(CreatePromiseRequestSchema, { id: "p" }));
    expect(told(decoded)).toMatchObject({ timeoutAt: 0n });
  });

  test("unset is 0, so such a promise is born settled", async () => {
    const { rpc } = await openForTest(new InProcess());
    const { response } = await rpc.call("CreatePromise", { id: "p" });
    expect(response).toMatchObject({
      noop: false,
      promise: { state: "REJECTED_TIMEDOUT", timeout: "0", createdOn: "0", completedOn: "0" },
    });
  });
});

describe("param, value and tags", () => {
  test("M4 the bytes of a payload are kept as the base64 that HTTP shows", () => {
    const data = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const kept = { headers: new Map([["h", "1"]]), data: Buffer.from(data).toString("base64") };
    const headers = { h: "1" };
    expect(createWith({ param: { headers, data } })).toMatchObject({ param: kept });
    expect(complete({ value: { headers, data } })).toMatchObject({ value: kept });
  });

  test("M4 of the memory around the bytes nothing is kept", () => {
    const data = Buffer.from("around it").subarray(2, 4);
    expect(complete({ value: { data } })).toMatchObject({ value: { data: "b3U=" } });
  });

  test.each([
    ["nothing", undefined],
    ["an empty value", {}],
    ["empty members", { headers: {}, data: Buffer.of() }],
  ])("empty is absent: %s", (_what, given) => {
    const init = given === undefined ? {} : { param: given, value: given };
    expect(createWith(init)).toMatchObject({ param: emptyValue, tags: noPairs });
    expect(complete(init)).toMatchObject({ value: emptyValue });
  });

  test("names such as __proto__ are ordinary", () => {
    const odd: Record<string, string> = JSON.parse(
      '{"__proto__":"1","constructor":"2","2":"","":"4"}',
    );
    const map = new Map(Object.entries(odd));
    expect(map.size).toBe(4);
    const bytes = requestBytes("CreatePromise", { id: "p", tags: odd, param: { headers: odd } });
    const decoded = decodeCreate(fromBinary(CreatePromiseRequestSchema, bytes));
    expect(told(decoded)).toMatchObject({ tags: map, param: { headers: map } });
  });

  test.each([
    [{ tags: { a: "\0" } }, [`tags ${text}`]],
    [{ tags: { "\0": "a" } }, [`tags ${text}`]],
    [{ tags: { a: "\ud800" } }, [`tags ${text}`]],
    [{ param: { headers: { a: "\0" } } }, [`param.headers ${text}`]],
    [{ param: { headers: { "\udc00": "" } } }, [`param.headers ${text}`]],
    [{ tags: { "resonate:target": "x" } }, ["Invalid resonate:target address"]],
    [
      { tags: { "resonate:target": "x", "resonate:origin": "z" } },
      ["Promise ID must be prefixed by resonate:origin", "Invalid resonate:target address"],
    ],
  ])("a creation is refused: %j", (init, details) => {
    expect(createWith(init)).toEqual(details);
  });

  test("a value's headers are refused by the name of their field", () => {
    expect(complete({ value: { headers: { a: "\0" } } })).toEqual([`value.headers ${text}`]);
  });
});

describe("searches", () => {
  const all = { kind: "search_promises", pattern: "*", state: null, tags: noPairs, limit: 100 };

  test("M1 what is empty or zero is absent: the pattern, the limit and the cursor", () => {
    expect(search({})).toEqual({ ...all, before: null });
    expect(search({ q: "", limit: 0, cursor: "", state: SearchState.SEARCH_ALL })).toEqual({
      ...{ ...all, before: null },
    });
  });

  test.each([
    [{ q: "a*" }, { pattern: "a*" }],
    [{ limit: 1 }, { limit: 1 }],
    [{ limit: 100 }, { limit: 100 }],
    [{ state: SearchState.SEARCH_PENDING }, { state: "pending" }],
    [{ state: SearchState.SEARCH_RESOLVED }, { state: "resolved" }],
    [{ state: SearchState.SEARCH_REJECTED }, { state: "rejected" }],
    [{ tags: { a: "1", "": "2" } }, { tags: new Map(Object.entries({ a: "1", "": "2" })) }],
    [{ tags: { a: "1".repeat(4095) } }, { tags: new Map([["a", "1".repeat(4095)]]) }],
  ])("a search is read (%#)", (init, wanted) => {
    expect(search(init)).toEqual({ ...all, before: null, ...wanted });
  });

  test.each([
    [{ limit: 101 }, ["limit must be 1 to 100"]],
    [{ limit: -1 }, ["limit must be 1 to 100"]],
    [{ limit: 2 ** 31 - 1 }, ["limit must be 1 to 100"]],
    [{ state: 4 }, [stateRule]],
    [{ state: -1 }, [stateRule]],
    [{ state: 2 ** 31 - 1 }, [stateRule]],
    [{ q: long(2050) }, ["q must be 1 to 2048 bytes long"]],
    [{ q: "\0" }, [`q ${text}`]],
    [{ tags: { a: "1".repeat(4096) } }, [tagsRule]],
    [{ tags: { a: "\0" } }, [`tags ${text}`]],
    [{ cursor: "x" }, ["cursor is not valid"]],
    [{ cursor: "\0" }, ["cursor is not valid"]],
  ])("a search is refused (%#)", (init, details) => {
    expect(search(init)).toEqual(details);
  });
});

describe("M2 every broken rule of a message is told, in the order of the table", () => {
  const bad = { "\0": "" };
  const key = `${"k".repeat(2049)}\0`;

  test("of a create", () => {
    const init = { id: "", idempotencyKey: key, timeout: -1n, param: { headers: bad }, tags: bad };
    expect(createWith(init)).toEqual([
      ...[idRule, keyRule, timeoutRule],
      ...[`idempotencyKey ${text}`, `param.headers ${text}`, `tags ${text}`],
    ]);
  });

  test("of a completion", () => {
    expect(complete({ id: "", idempotencyKey: key, value: { headers: bad } })).toEqual([
      ...[idRule, keyRule, `idempotencyKey ${text}`, `value.headers ${text}`],
    ]);
  });

  test("of a search", () => {
    const tags = { ...bad, a: "1".repeat(4096) };
    expect(search({ q: `${long(2050)}\0`, state: 9, tags, limit: 101, cursor: "x" })).toEqual([
      ...[`q ${text}`, `tags ${text}`, "q must be 1 to 2048 bytes long", stateRule, tagsRule],
      ...["limit must be 1 to 100", "cursor is not valid"],
    ]);
  });

  test("but what the members say together is judged once each of them is valid", () => {
    const tags = { "resonate:target": "x" };
    expect(createWith({ timeout: -1n, tags })).toEqual([timeoutRule]);
  });
});

describe("answers", () => {
  const born = {
    ...{ param: emptyValue, tags: noPairs, timeoutAt: deadlineMs(5_000n), createKey: null },
    ...{ createdAt: instantMs(1_000), isExternal: true },
  };
  const pending = { kind: "pending", ...born } as PromiseRecord;
  const value = { headers: new Map([["__proto__", "1"]]), data: "dg==" };
  const settled = {
    ...{ kind: "settled", ...born, createKey: "c", settleKey: "s", value },
    ...{ outcome: "canceled", settledAt: instantMs(2_000) },
  } as PromiseRecord;

  test("M3 a pending promise has an empty param and value, no keys, and no date of completion", () => {
    expect(encodePromise("p", pending)).toEqual({
      ...{ id: "p", state: State.PENDING, timeout: 5_000n, createdOn: 1_000n, completedOn: 0n },
      ...{ param: { headers: {}, data: Buffer.of() }, value: { headers: {}, data: Buffer.of() } },
      ...{ idempotencyKeyForCreate: "", idempotencyKeyForComplete: "", tags: {} },
    });
  });

  test("M3 the value is the value, and not the param", () => {
    const message = create(PromiseSchema, encodePromise("p", settled));
    const bytes = toBinary(PromiseSchema, message);
    const { promise } = responseOf("ReadPromise", field(2, bytes));
    const headers = JSON.parse('{"__proto__":"1"}');
    expect(promise).toMatchObject({
      ...{ state: "REJECTED_CANCELED", completedOn: "2000" },
      ...{ idempotencyKeyForCreate: "c", idempotencyKeyForComplete: "s" },
      ...{ param: { headers: {}, data: Buffer.of() }, value: { data: Buffer.from("v") } },
    });
    expect(Object.entries(promise?.value?.headers ?? {})).toEqual(Object.entries(headers));
  });

  test.each([
    ["resolved", State.RESOLVED],
    ["rejected", State.REJECTED],
    ["canceled", State.REJECTED_CANCELED],
    ["timedout", State.REJECTED_TIMEDOUT],
  ] as const)("%s is told as %i", (outcome, state) => {
    expect(encodePromise("p", { ...settled, outcome } as PromiseRecord).state).toBe(state);
  });

  test("M4 what is no base64 is shown as the bytes of its text", () => {
    const odd = { ...pending, param: { headers: null, data: "é?" } };
    expect(encodePromise("p", odd).param?.data).toEqual(Buffer.from("é?"));
  });

  test("a last page has an empty cursor, another page one that carries the search on", () => {
    const asked = decodeSearch(create(SearchPromisesRequestSchema, { q: "a*", limit: 7 }));
    if (asked.kind === "invalid") throw new Error("a valid search is refused");
    const { request } = asked;
    expect(encodePage({ promises: [], before: null }, request).cursor).toBe("");
    const promises = [{ id: promiseId("p"), promise: pending }];
    const page = encodePage({ promises, before: position(9) }, request);
    expect(page.promises).toEqual([encodePromise("p", pending)]);
    expect(search({ cursor: page.cursor ?? "" })).toEqual({ ...request, before: 9 });
  });
});

describe("what the transport reads", () => {
  const refused = async (stage: Stage, message: object): Promise<unknown> => {
    const { code, info } = await stage.rpc.call("SearchPromises", message);
    const { envelope = "{}" } = info?.metadata ?? {};
    const { details } = JSON.parse(envelope).error;
    return [code, ...details.map(({ message: detail }: { readonly message: string }) => detail)];
  };

  test("a number of a state that no name stands for comes through, and is refused", async () => {
    const stage = await openForTest(new InProcess());
    expect(await refused(stage, Buffer.from([0x10, 4]))).toEqual([
      ...[status.INVALID_ARGUMENT, stateRule],
    ]);
    const minusOne = Buffer.from([0x10, ...Array<number>(9).fill(0xff), 0x01]);
    expect(await refused(stage, minusOne)).toEqual([status.INVALID_ARGUMENT, stateRule]);
    expect(await refused(stage, { limit: -1 })).toEqual([
      ...[status.INVALID_ARGUMENT, "limit must be 1 to 100"],
    ]);
  });

  test("NUL is refused", async () => {
    const stage = await openForTest(new InProcess());
    expect(await refused(stage, { q: "\0" })).toEqual([status.INVALID_ARGUMENT, `q ${text}`]);
  });

  test.each([
    ["an id", field(1, Buffer.from([0xff]))],
    ["a surrogate", field(1, Buffer.from([0xed, 0xa0, 0x80]))],
    ["a tag", field(7, field(1, Buffer.from([0xc0, 0xaf])))],
    ["a header", field(4, field(1, field(2, Buffer.from([0x80]))))],
  ])("what is not UTF-8 is refused: %s", async (_what, bytes) => {
    const stage = await openForTest(new InProcess());
    const { code, message, info } = await stage.rpc.call("CreatePromise", Buffer.from(bytes));
    expect({ code, info }).toEqual({ code: status.INTERNAL, info: null });
    expect(message).toContain("parse binary");
    expect((await stage.rpc.call("ReadPromise", { id: "p" })).code).toBe(status.NOT_FOUND);
  });

  test.each([
    ["half of a surrogate pair", Buffer.from('{"id":"\\ud800"}')],
    ["bytes that are not UTF-8", Buffer.from('{"id":"\xff"}', "latin1")],
    ["what is no id", Buffer.from('{"id":5}')],
    ["what is no object", Buffer.from("null")],
  ])("of JSON %s is refused", async (_what, body) => {
    const stage = await openForTest(new InProcess());
    const path = "/promise.PromiseService/ReadPromise";
    const headers = { "content-type": "application/json" };
    const answer = await askHttp1(stage, { path, headers, body });
    const { code, details } = JSON.parse(answer.body.toString());
    expect([answer.status, code, details]).toEqual([400, "invalid_argument", undefined]);
    expect(stage.records).toMatchObject([{ operation: "read-promise", code: 4000 }]);
  });

  test("of JSON a deadline is exact as a string of digits", async () => {
    const stage = await openForTest(new InProcess());
    const path = "/promise.PromiseService/CreatePromise";
    const headers = { "content-type": "application/json" };
    const body = Buffer.from('{"id":"p","timeout":"9007199254740993"}');
    const { status: code, body: answered } = await askHttp1(stage, { path, headers, body });
    const { promise } = JSON.parse(answered.toString());
    expect([code, promise.timeout]).toEqual([200, "9007199254740993"]);
  });

  test("unknown fields and repeated ones are no harm: of the latter the last counts", async () => {
    const { rpc } = await openForTest(new InProcess());
    const bytes = [field(1, Buffer.from("a")), field(99, Buffer.from("?"))];
    const message = Buffer.concat([...bytes, field(1, Buffer.from("b"))]);
    const { response } = await rpc.call("CreatePromise", message);
    expect(response?.promise).toMatchObject({ id: "b" });
  });
});

describe("cursors", () => {
  const ids = ["a1", "a2", "a3", "b"];

  async function filled(): Promise<Stage> {
    const stage = await openForTest(new InProcess());
    const tags = { t: "é" };
    for (const id of ids) await stage.rpc.call("CreatePromise", { id, timeout: 5_000, tags });
    return stage;
  }

  const overHttp = async ({ http }: Stage, query: string) => {
    const { json } = await http.ask("GET", `/promises?${query}`);
    return json as { readonly cursor: string | null; readonly promises: { readonly id: string }[] };
  };
  const overRpc = async ({ rpc }: Stage, message: object) => {
    const { response } = await rpc.call("SearchPromises", message);
    const found = response?.promises?.map(({ id }) => id);
    return { cursor: response?.cursor, found };
  };

  test("a page of gRPC goes on over HTTP", async () => {
    const stage = await filled();
    const first = await overRpc(stage, { q: "a*", limit: 2, state: 1, tags: { t: "é" } });
    expect(first.found).toEqual(["a3", "a2"]);
    const next = await overHttp(stage, `cursor=${first.cursor}`);
    expect(next.promises.map(({ id }) => id)).toEqual(["a1"]);
    expect(next.cursor).toBe(null);
  });

  test("a page of HTTP goes on over gRPC, whatever else is asked there", async () => {
    const stage = await filled();
    const first = await overHttp(stage, `q=a*&limit=2&tags[t]=${encodeURIComponent("é")}`);
    expect(first.promises.map(({ id }) => id)).toEqual(["a3", "a2"]);
    const next = await overRpc(stage, { cursor: first.cursor, q: "b", limit: 1 });
    expect(next).toEqual({ cursor: "", found: ["a1"] });
  });

  test("a last page that is full has none", async () => {
    const stage = await filled();
    expect(await overRpc(stage, { limit: 4 })).toEqual({ cursor: "", found: ids.toReversed() });
  });

  test.each([
    ["no base64", () => "%%%"],
    ["another version", () => encodeText("p9\0" + "1\0" + "2\0\0*\0" + "0\0")],
    ["too large a limit", () => encodeText("p1\0" + "1\0" + "101\0\0*\0" + "0\0")],
    ["an unknown state", () => encodeText("p1\0" + "1\0" + "2\0timedout\0*\0" + "0\0")],
    ["a negative position", () => encodeText("p1\0" + "-1\0" + "2\0\0*\0" + "0\0")],
    ["the end of it missing", (cursor: string) => cursor.slice(0, -2)],
    ["something after it", (cursor: string) => `${cursor}AA`],
    ["padding", (cursor: string) => `${cursor}=`],
    ["very much", () => "A".repeat(900)],
  ])("a forged cursor is refused: %s", async (_what, forge) => {
    const stage = await filled();
    const { cursor = "" } = await overRpc(stage, { limit: 2 });
    const { code, info } = await stage.rpc.call("SearchPromises", { cursor: forge(cursor) });
    expect(code).toBe(status.INVALID_ARGUMENT);
    const envelope = expect.stringContaining('"message":"cursor is not valid"');
    expect(info?.metadata).toMatchObject({ code: "4000", envelope });
    expect((await overRpc(stage, { cursor })).found).toEqual(["a2", "a1"]);
  });

  const encodeText = (of: string) => Buffer.from(of).toString("base64url");
});

const words = fc.string({ unit: "binary" }).filter((word) => !word.includes("\0"));
const ids = words.filter((id) => id !== "" && Buffer.byteLength(id) <= 2048);
const pairs = fc.array(fc.tuple(words, words)).map((entries) => Object.fromEntries(entries));
const payloads = fc.record({ headers: pairs, data: fc.uint8Array().map(Buffer.from) });

property.prop([
  fc.record({
    ...{ id: ids, idempotencyKey: fc.oneof(fc.constant(""), ids), strict: fc.boolean() },
    ...{ timeout: fc.bigInt({ min: 0n, max: int64Max }), param: payloads, tags: pairs },
  }),
])("what another's codec writes of a create is read as it was meant", (message) => {
  const bytes = requestBytes("CreatePromise", { ...message, timeout: `${message.timeout}` });
  const { id, idempotencyKey, strict, timeout, param, tags } = message;
  const decoded = decodeCreate(fromBinary(CreatePromiseRequestSchema, bytes));
  const headers = new Map(Object.entries(param.headers));
  expect(told(decoded)).toEqual({
    ...{ kind: "create_promise", id, key: idempotencyKey || null, strict, timeoutAt: timeout },
    isShared: false,
    param: {
      headers: headers.size === 0 ? null : headers,
      data: param.data.toString("base64") || null,
    },
    ...{ tags: new Map(Object.entries(tags)), isExternal: true },
  });
});
