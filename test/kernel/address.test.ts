// Addresses: what is one, as whom it names its receiver, and which worker may be handed what is sent
// there. The plan: a table of texts, the properties of the parser, the table of receivers.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import {
  type Address,
  decodeSegment,
  parseAddress,
  receiverOf,
  receiversOf,
} from "../../kernel/address.ts";

const uni = (group: string, id: string | null = null): Address => {
  return { kind: "poll", cast: "uni", group, id };
};
const any = (group: string, id: string | null = null): Address => {
  return { kind: "poll", cast: "any", group, id };
};
const push = (url: string): Address => ({ kind: "push", url });

// biome-ignore format: a table is read down its columns
const texts: readonly (readonly [text: string, address: Address | null])[] = [
  ["poll://uni@g/i",              uni("g", "i")],
  ["poll://any@g/i",              any("g", "i")],
  ["poll://any@g",                any("g")],
  ["poll://uni@g",                uni("g")],
  ["poll://any@g/",               any("g")],
  ["poll://any@g/a/b",            any("g", "a/b")],
  ["poll://any@g//",              any("g", "/")],
  ["poll://any@a@b/c@d",          any("a@b", "c@d")],
  ["poll://any@g?a=b#c",          any("g?a=b#c")],
  ["poll://any@G/I",              any("G", "I")],
  ["poll://any@host:80/i",        any("host:80", "i")],
  ["poll://any@a b/c\nd",         any("a b", "c\nd")],
  ["poll://any@a%20b/c%2Fd",      any("a b", "c/d")],
  ["poll://any@a%2fb/%C3%A9",     any("a/b", "\u00e9")],
  ["poll://any@a%2520b",          any("a%20b")],
  ["poll://any@a+b",              any("a+b")],
  ["poll://any@100%/5%x%20",      any("100%", "5%x%20")],
  ["poll://any@%ff/%C3",          any("%ff", "%C3")],
  ["poll://any@%00",              any("\0")],
  ["poll://any@__proto__/../x",   any("__proto__", "../x")],
  ["http://h",                    push("http://h")],
  ["https://h/p?q#f",             push("https://h/p?q#f")],
  ["HTTPS://H:1",                 push("HTTPS://H:1")],
  ["http://[::1]:80/",            push("http://[::1]:80/")],
  ["http://u:p@h/a b",            push("http://u:p@h/a b")],
  ["http://h?q",                  push("http://h?q")],
  ["",                            null],
  ["g",                           null],
  ["any@g",                       null],
  ["poll://",                     null],
  ["poll://g",                    null],
  ["poll://g/i",                  null],
  ["poll://any@",                 null],
  ["poll://any@/i",               null],
  ["poll://uni@/",                null],
  ["poll://anyg/i",               null],
  ["poll://all@g",                null],
  ["poll://ANY@g",                null],
  ["POLL://any@g",                null],
  ["poll:/any@g",                 null],
  [" poll://any@g",               null],
  ["http://",                     null],
  ["http:///p",                   null],
  ["http://\\h",                  null],
  ["http://?q",                   null],
  ["http://#f",                   null],
  ["http:// h",                   null],
  ["http://\t/h",                 null],
  ["http://\n/h",                 null],
  ["http://a\tb/",                null],
  ["http:/h",                     null],
  [" http://h",                   null],
  ["gcps://h",                    null],
  ["bash://h",                    null],
  ["ftp://h",                     null],
];

test.each(texts)("%j", (text, address) => {
  expect(parseAddress(text)).toEqual(address);
});

const name = fc.string({ unit: "binary", minLength: 1 }).filter((text) => text.isWellFormed());

property.prop([fc.constantFrom("uni", "any"), name, name])(
  "a name that was percent-encoded is found again, whatever it is",
  (cast, group, id) => {
    const text = `poll://${cast}@${encodeURIComponent(group)}/${encodeURIComponent(id)}`;
    expect(parseAddress(text)).toEqual({ kind: "poll", cast, group, id });
  },
);

property.prop([name.filter((text) => !/[%/]/.test(text)), name.filter((text) => !/%/.test(text))])(
  "so is one that was not, if it has no percents, and a group no slashes",
  (group, id) => {
    expect(parseAddress(`poll://any@${group}/${id}`)).toEqual(any(group, id));
  },
);

property.prop([fc.string({ unit: "binary" })])("every text is judged, none throws", (text) => {
  for (const start of ["", "poll://any@", "poll://uni@", "http://", "https://"]) {
    const address = parseAddress(`${start}${text}`);
    expect(address === null || ["poll", "push"].includes(address.kind)).toBe(true);
  }
});

test("percents are decoded once; what is no UTF-8 stands for itself", () => {
  expect(decodeSegment("%2525")).toBe("%25");
  for (const text of ["a", "%", "%zz", "%e9", "%C3%28", "%20%"]) {
    expect(decodeSegment(text)).toBe(text);
  }
});

// biome-ignore format: a table is read down its columns
test.each([
  ["poll://uni@g/i",     true,  "the worker of that name"],
  ["poll://any@g/i",     true,  "the same, as one of a group"],
  ["poll://any@g",       true,  "any of its group"],
  ["poll://any@g/other", true,  "any other of its group"],
  ["poll://any@%67/i",   true,  "its name, encoded"],
  ["poll://uni@g/other", false, "another worker"],
  ["poll://uni@g",       false, "nobody"],
  ["poll://any@other/i", false, "a worker of that name in another group"],
  ["poll://any@G",       false, "a group that is spelt otherwise"],
] as const)("%s may be handed to worker i of group g: %s; it names %s", (text, expected, _whom) => {
  const address = parseAddress(text);
  if (address?.kind !== "poll") throw new Error(`no address: ${text}`);
  const receiver = receiverOf(address);
  const receivers = receiversOf({ group: "g", id: "i" });
  expect(receiver !== null && receivers.includes(receiver)).toBe(expected);
});
