// What the rim adds to the kernel's parser of addresses: URLs that are none, and those that may not be
// pushed to.

import { expect, test } from "vitest";
import { isAddress } from "../../api/address.ts";

test.each([
  ["poll://any@g", true],
  ["poll://uni@g/a b", true],
  ["https://example.com/x?y", true],
  ["http://[::1]:80", true],
  ["", false],
  ["workers", false],
  ["poll://all@g", false],
  ["http:///path", false],
  ["http://h:port/", false],
  ["http://h:99999/", false],
  ["http://a b/", false],
  ["http://[::1/", false],
  ["http://user@/", false],
  ["http://%00/", false],
])("%j: %s", (text, expected) => {
  expect(isAddress(text)).toBe(expected);
});

test("a URL must be permitted as well, and is shown as it was written; workers need no permission", () => {
  const asked: string[] = [];
  const policy = { permits: (url: string) => asked.push(url) > 1 };
  expect(isAddress("http://A.net", policy)).toBe(false);
  expect(isAddress("http://b.net", policy)).toBe(true);
  expect(isAddress("poll://any@g", policy)).toBe(true);
  expect(asked).toEqual(["http://A.net", "http://b.net"]);
});
