// Frames of HTTP/2 (RFC 9113 §4) as bytes, so that a test can send what no client would.

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const types = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, acknowledged: 1, endHeaders: 4 } as const;

export type Frame = {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
};

export function frame(
  { type, flags = 0, stream = 0, payload = Buffer.alloc(0) }: Partial<Frame>,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type ?? 0, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The frames that have wholly come. */
export function parse(bytes: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, end),
    });
    at = end;
  }
  return frames;
}

/** A header as HPACK has it without tables and without Huffman's code (RFC 7541 §6.2.2). */
export function header(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  const length = bytes.length < 127 ? [bytes.length] : [127];
  for (let rest = bytes.length - 127; rest >= 0; rest = Math.floor(rest / 128)) {
    length.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** The header block of a request. */
export function request(path: string, ...more: readonly Buffer[]): Buffer {
  return Buffer.concat([
    header(":method", "POST"),
    header(":scheme", "http"),
    header(":authority", "a"),
    header(":path", path),
    ...more,
  ]);
}

export const settings = frame({ type: types.settings });
export const acknowledge = frame({ type: types.settings, flags: flags.acknowledged });
export const opening = Buffer.concat([preface, settings]);

/** A request that has no body, or, if it is left open, one that is to come. */
export function headers(stream: number, block: Buffer, isOpen = false): Buffer {
  const all = flags.endHeaders | flags.endStream;
  const payload = block;
  return frame({ type: types.headers, flags: isOpen ? flags.endHeaders : all, stream, payload });
}

export function data(stream: number, body: string, isLast: boolean): Buffer {
  const payload = Buffer.from(body);
  return frame({ type: types.data, flags: isLast ? flags.endStream : 0, stream, payload });
}

export function reset(stream: number): Buffer {
  return frame({ type: types.reset, stream, payload: Buffer.of(0, 0, 0, 8) });
}
