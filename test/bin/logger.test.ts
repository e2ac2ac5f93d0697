// Log lines, character by character; then what becomes of them when nobody reads.

import { PassThrough, Writable } from "node:stream";
import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { type Fields, Logger, type LoggerOptions, StreamSink } from "../../bin/logger.ts";

const now = () => Date.UTC(2026, 10, 22, 15, 37, 0, 125);

function written(options: Partial<LoggerOptions>, log: (logger: Logger) => void): string {
  let text = "";
  const write = (line: string) => {
    text += line;
    return true;
  };
  log(new Logger({ level: "debug", format: "text", sink: { write }, now, ...options }));
  return text;
}

function line(fields: Fields): string {
  const heading = "time=2026-11-22T15:37:00.125Z level=INFO msg=said ";
  const text = written({}, (logger) => logger.info("said", fields));
  expect(text.startsWith(heading)).toBe(true);
  return text.slice(heading.length, -1);
}

test("a line is a time, a level, a message and fields in their order", () => {
  const text = written({}, (logger) => {
    logger.info("http listening", { addr: "0.0.0.0:8001" });
    logger.error("listen failed", { addr: "0.0.0.0:8001", cause: "EADDRINUSE" });
  });
  expect(text).toBe(
    'time=2026-11-22T15:37:00.125Z level=INFO msg="http listening" addr=0.0.0.0:8001\n' +
      'time=2026-11-22T15:37:00.125Z level=ERROR msg="listen failed" addr=0.0.0.0:8001 cause=EADDRINUSE\n',
  );
});

// biome-ignore format: a table
test.each<[string, Fields[string], string]>([
  ["a plain word", "plain", "x=plain"],
  ["a number", 12.5, "x=12.5"],
  ["a boolean", false, "x=false"],
  ["an empty text", "", 'x=""'],
  ["a space", "a b", 'x="a b"'],
  ["a quote", 'a"b', String.raw`x="a\"b"`],
  ["an equals sign", "a=b", 'x="a=b"'],
  ["a line end", "a\nb", String.raw`x="a\nb"`],
  ["a NUL", "a\0b", String.raw`x="a\u0000b"`],
  ["a DEL", "a\x7fb", String.raw`x="a\u007fb"`],
  ["a control character beyond ASCII", "a\x85b", String.raw`x="a\u0085b"`],
  ["a line separator", "a\u2028b", String.raw`x="a\u2028b"`],
  ["an unpaired surrogate", "a\ud800", String.raw`x="a\ud800"`],
  ["a backslash alone", "C:\\a", "x=C:\\a"],
  ["a backslash beside a space", "C:\\a b", String.raw`x="C:\\a b"`],
  ["letters of the world", "é漢😀", "x=é漢😀"],
])("%s is written so that it can be read back", (_what, value, expected) => {
  expect(line({ x: value })).toBe(expected);
});

property.prop([fc.string({ unit: "binary" })])(
  "no value breaks a line, and each can be read back",
  (value) => {
    const [name, ...rest] = line({ x: value }).split("=");
    const shown = rest.join("=");
    expect(name).toBe("x");
    expect(shown).not.toMatch(/[\n\r]/);
    expect(shown.startsWith('"') ? JSON.parse(shown) : shown).toBe(value);
  },
);

test("a field without a value is left out", () => {
  expect(line({ x: undefined, y: 1 })).toBe("y=1");
});

test("as JSON the same members make one object a line", () => {
  const fields = { addr: "a b", ms: 3, gone: undefined };
  const text = written({ format: "json" }, (logger) => logger.warn("said so", fields));
  expect(text).toBe(
    '{"time":"2026-11-22T15:37:00.125Z","level":"WARN","msg":"said so","addr":"a b","ms":3}\n',
  );
});

test("J1: what is below the level is not written, and not rendered", () => {
  const fields = {
    get x(): string {
      throw new Error("rendered");
    },
  };
  const levelsOf = (level: LoggerOptions["level"]) => {
    const text = written({ level }, (logger) => {
      for (const each of ["debug", "info", "warn", "error"] as const) logger[each]("m");
    });
    return [...text.matchAll(/level=(\w+)/g)].map(([, name]) => name);
  };
  expect(levelsOf("debug")).toEqual(["DEBUG", "INFO", "WARN", "ERROR"]);
  expect(levelsOf("info")).toEqual(["INFO", "WARN", "ERROR"]);
  expect(levelsOf("warn")).toEqual(["WARN", "ERROR"]);
  expect(levelsOf("error")).toEqual(["ERROR"]);
  expect(written({ level: "warn" }, (logger) => logger.info("m", fields))).toBe("");
});

test("J2: a reader that is gone stops nothing", async () => {
  const gone = Object.assign(new Error("gone"), { code: "EPIPE" });
  const stream = new Writable({
    autoDestroy: false,
    write: (_chunk, _encoding, done) => done(gone),
  });
  const sink = new StreamSink(stream);
  const logger = new Logger({ level: "info", format: "text", sink, now });
  logger.info("first");
  await sink.flush();
  expect(sink.write("second\n")).toBe(false);
  logger.info("third");
  await sink.flush();
});

test("J2: a reader that lags behind is written no more than it may owe", () => {
  const stream = new PassThrough({ highWaterMark: 1 });
  const sink = new StreamSink(stream, 100);
  const taken = Array.from({ length: 100 }, () => sink.write("0123456789"));
  expect(taken.indexOf(false)).toBeGreaterThanOrEqual(10);
  expect(taken.lastIndexOf(true)).toBe(taken.indexOf(false) - 1);
});

test("J2: what was dropped is counted in a line of its own, once", () => {
  const lines: string[] = [];
  let isStuck = true;
  const write = (line: string) => !isStuck && lines.push(line) > 0;
  const logger = new Logger({ level: "info", format: "text", sink: { write }, now });
  for (let count = 0; count < 3; count++) logger.info("said");
  isStuck = false;
  logger.info("again");
  logger.info("and again");
  expect(lines.map((each) => each.replace(/^time=\S+ |\n/g, ""))).toEqual([
    'level=WARN msg="log lines dropped" count=3',
    "level=INFO msg=again",
    'level=INFO msg="and again"',
  ]);
});
