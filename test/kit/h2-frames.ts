// Frames of HTTP/2 as bytes (RFC 9113 §4.1).

export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;
export const END_STREAM = 1;
export const END_HEADERS = 4;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frameBytes(type: number, flags: number, [stream, payload]: readonly [number, Uint8Array?]): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload?.length ?? 0, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload ?? Buffer.alloc(0)]);
}

/** Takes whole frames off the bytes; returns what is left. */
export function readFrames(bytes: Buffer, take: (frame: Frame) => void): Buffer {
  let at = 0;
  while (bytes.length >= at + 9) {
    const length = bytes.readUIntBE(at, 3);
    if (bytes.length < at + 9 + length) break;
    const payload = bytes.subarray(at + 9, at + 9 + length);
    take({ type: bytes[at + 3]!, flags: bytes[at + 4]!, stream: bytes.readUInt32BE(at + 5), payload });
    at += 9 + length;
  }
  return bytes.subarray(at);
}

/** A field block of literals that are not indexed (RFC 7541 §6.2.2), so that anything can be said. */
export function fieldBlock(...fields: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value, 'latin1');
    return Buffer.concat([lengthBytes(bytes.length), bytes]);
  };
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

/** RFC 7541 §5.1, with a prefix of 7 bits. */
function lengthBytes(length: number): Buffer {
  if (length < 127) return Buffer.of(length);
  const bytes = [127];
  let rest = length - 127;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.of(...bytes, rest);
}

/** The error code of a RST_STREAM; of a GOAWAY it comes after the last stream. */
export function codeOf({ type, payload }: Frame): number {
  return payload.readUInt32BE(type === GOAWAY ? 4 : 0);
}
