// The small codecs of the rim, each against what it must agree with: exact integers, base64, cursors.

import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { shownAsBase64, toCanonical } from "../../api/base64.ts";
import { decodeCursor, encodeCursor } from "../../api/cursor.ts";
import { JsonNumber, parseByReviver, parseExact, printable } from "../../api/int64.ts";
import { int64Max, position } from "../../kernel/ids.ts";
import type { SearchPromises } from "../../kernel/search.ts";

describe("int64", () => {
  const timeout = (text: string) => {
    const parsed = parseExact(text, "timeout");
    expect(parsed).toEqual(parseByReviver(text, "timeout"));
    return parsed;
  };
  const exactly = (source: string) => new JsonNumber(source);

  test.each([
    ['{"timeout":9007199254740993}', { timeout: exactly("9007199254740993") }],
    ['{"timeout":1.0}', { timeout: exactly("1.0") }],
    ['{"timeout" \t\r\n:\n 1e3 }', { timeout: exactly("1e3") }],
    ['{"x":"timeout","timeout":2}', { x: "timeout", timeout: exactly("2") }],
    ['{"timeout":1,"timeout":2}', { timeout: exactly("2") }],
    ['{"timeout":1,"timeout":"a"}', { timeout: "a" }],
    ['{"\\u0074imeout":3}', { timeout: exactly("3") }],
    ['{"a":"\\"timeout\\":4","timeout":5}', { a: '"timeout":4', timeout: exactly("5") }],
    ['{"a":{"timeout":6}}', { a: { timeout: exactly("6") } }],
    ['{"a":[{"timeout":7}],"timeout":null}', { a: [{ timeout: exactly("7") }], timeout: null }],
    ['[{"timeout":8}]', [{ timeout: exactly("8") }]],
    ['{"timeouts":9}', { timeouts: 9 }],
    ['"timeout"', "timeout"],
    ['{"x":"timeout"}', { x: "timeout" }],
    ["null", null],
    ["5", 5],
  ])("N1 %s is read with its source", (text, parsed) => {
    expect(timeout(text)).toEqual(parsed);
  });

  const names = fc.constantFrom("timeout", "a", "__proto__", 'q"', "b\\", "time", ":");
  const numbers = fc.constantFrom(
    "0",
    "-1",
    "1.0",
    "1e3",
    "9007199254740993",
    "9223372036854775807",
  );
  const blank = fc.constantFrom("", " ", "\n\t ");
  const texts = fc.letrec<{ value: string; member: string }>((tie) => ({
    member: fc
      .tuple(names, blank, blank, tie("value"))
      .map(([name, before, behind, value]) => `${JSON.stringify(name)}${before}:${behind}${value}`),
    value: fc.oneof(
      { maxDepth: 3 },
      numbers,
      names.map((name) => JSON.stringify(name)),
      fc.constantFrom("null", "true", '"\\u0074imeout"', '{"\\u0074imeout":8.0}'),
      fc.array(tie("member"), { maxLength: 3 }).map((members) => `{${members}}`),
      fc.array(tie("value"), { maxLength: 2 }).map((values) => `[${values}]`),
    ),
  }));
  property.prop([texts.value], { numRuns: 2_000 })(
    "N2 the quick way reads as the reviver does",
    (text) => {
      expect(parseExact(text, "timeout")).toEqual(parseByReviver(text, "timeout"));
    },
  );

  property.prop([fc.bigInt({ min: -int64Max, max: int64Max })])(
    "what is printed is the integer itself",
    (integer) => {
      expect(JSON.stringify(printable(integer))).toBe(`${integer}`);
    },
  );
});

describe("base64", () => {
  property.prop([fc.uint8Array()])("bytes are canonical as Node writes them", (bytes) => {
    const text = Buffer.from(bytes).toString("base64");
    expect(toCanonical(text)).toBe(text);
    expect(shownAsBase64(text)).toBe(text);
  });

  const alphabet = [..."ABCDQRSTYZabcwxyz0189+/=\r\n-_ é"];
  property.prop([fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 })], {
    numRuns: 2_000,
  })("a text is refused, or means the bytes of its canonical form", (text) => {
    const bare = text.replace(/[\r\n]/g, "");
    const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(bare);
    const canonical = isBase64 ? Buffer.from(bare, "base64").toString("base64") : null;
    expect(toCanonical(text)).toBe(canonical);
  });

  test.each([
    ["hello", Buffer.from("hello").toString("base64")],
    ["é", "w6k="],
    ["YQ==", "YQ=="],
    ["YR==", "YQ=="],
    ['{"a":1}', Buffer.from('{"a":1}').toString("base64")],
  ])("a stored text is shown as bytes: %s", (stored, shown) => {
    expect(shownAsBase64(stored)).toBe(shown);
  });

  test("a long text is read in linear time", () => {
    const text = `${"A".repeat(8_000_000)}!`;
    const started = performance.now();
    expect(toCanonical(text)).toBeNull();
    expect(toCanonical(`${text}AA=`)).toBeNull();
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe("cursors", () => {
  const words = fc
    .string({ unit: "binary", maxLength: 8 })
    .filter((word) => !word.includes("\0") && word.isWellFormed());
  const searches: fc.Arbitrary<SearchPromises> = fc.record({
    kind: fc.constant("search_promises" as const),
    pattern: words.filter((word) => word !== ""),
    state: fc.constantFrom(null, "pending", "resolved", "rejected"),
    tags: fc.array(fc.tuple(words, words), { maxLength: 3 }).map((entries) => new Map(entries)),
    limit: fc.integer({ min: 1, max: 100 }),
    before: fc.nat().map(position),
  });

  property.prop([searches])("U1 decode(encode(cursor)) is that cursor", (search) => {
    expect(decodeCursor(encodeCursor(search))).toEqual(search);
  });

  property.prop([searches])("U2 no beginning of a cursor is a cursor", (search) => {
    const cursor = encodeCursor(search);
    for (let length = 0; length < cursor.length; length++) {
      expect(decodeCursor(cursor.slice(0, length))).toBeNull();
    }
  });

  property.prop([searches, fc.nat(), fc.constantFrom("A", "_", "=", "+", "é", "\0")])(
    "U1 an edited cursor is none, or one that says itself",
    (search, at, letter) => {
      const cursor = encodeCursor(search);
      const place = at % (cursor.length + 1);
      const edited = cursor.slice(0, place) + letter + cursor.slice(place);
      const decoded = decodeCursor(edited);
      expect(decoded === null || encodeCursor(decoded) === edited).toBe(true);
    },
  );

  const forged = (...fields: readonly string[]) => {
    return Buffer.from(["p1", ...fields, ""].join("\0")).toString("base64url");
  };

  test("a forged cursor may ask what a search may ask", () => {
    expect(decodeCursor(forged("5", "10", "", "*", "0"))).toMatchObject({
      pattern: "*",
      limit: 10,
    });
  });

  test.each([
    ["no limit", forged("5", "", "", "*", "0")],
    ["a limit that is too large", forged("5", "101", "", "*", "0")],
    ["a limit of another form", forged("5", "010", "", "*", "0")],
    ["an unknown state", forged("5", "10", "done", "*", "0")],
    ["a state in capitals", forged("5", "10", "PENDING", "*", "0")],
    ["no pattern", forged("5", "10", "", "", "0")],
    ["a pattern that is too long", forged("5", "10", "", "a".repeat(2049), "0")],
    ["a position of another form", forged("-5", "10", "", "*", "0")],
    ["a position past all", forged("9007199254740993", "10", "", "*", "0")],
    ["fewer tags than it says", forged("5", "10", "", "*", "1")],
    ["more tags than it says", forged("5", "10", "", "*", "0", "a", "b")],
    ["half a tag", forged("5", "10", "", "*", "1", "a")],
    ["a tag twice", forged("5", "10", "", "*", "2", "a", "b", "a", "b")],
    ["tags that are too long", forged("5", "10", "", "*", "1", "a", "b".repeat(4096))],
    ["bytes that are not UTF-8", Buffer.from([0x70, 0x31, 0, 0xff]).toString("base64url")],
    ["another version", Buffer.from("p2\x005\x0010\0\0*\x000\0").toString("base64url")],
    ["JSON", Buffer.from('{"pattern":"*"}').toString("base64url")],
    ["nothing in base64", "!"],
  ])("a cursor is none that has %s", (_what, cursor) => {
    expect(decodeCursor(cursor)).toBeNull();
  });
});
