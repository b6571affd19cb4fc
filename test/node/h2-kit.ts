// A front with TLS and HTTP/2 before a gate that the test plays, a client of HTTP/2, and one of bare frames.

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { ArrivalOptions } from '../../src/node/front/connection/arrival.ts';
import { Certificates } from '../../src/node/front/connection/certificates.ts';
import { certificateFiles } from '../kit/certificates.ts';
import { type FrontSetup, type FrontUnderTest, startFront } from './front-kit.ts';

export interface TlsSetup extends FrontSetup {
  readonly proxyProtocol?: boolean;
  readonly http2?: boolean;
}

export interface TlsFront extends FrontUnderTest {
  /** What a client trusts. */
  readonly ca: string;
}

/** A front that speaks TLS for localhost. */
export async function startTlsFront(setup: TlsSetup = {}): Promise<TlsFront> {
  const { proxyProtocol = false, http2 = true, ...rest } = setup;
  const { pem, ...files } = await certificateFiles('a.example');
  const certificates = new Certificates({
    files: [files],
    minVersion: 'TLSv1.2',
    renewed() {},
    failed(error) {
      throw error;
    },
  });
  onTestFinished(() => certificates.close());
  const arrival: ArrivalOptions = { proxyProtocol, tls: { certificates, minVersion: 'TLSv1.2', http2 } };
  return Object.assign(await startFront({ ...rest, arrival }), { ca: pem.cert });
}

export interface H2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly interims: readonly number[];
  readonly body: Buffer;
  /** How the stream closed; 0: in order. */
  readonly code: number;
}

/** The whole answer on a stream, whatever its end. */
export function answerOn(stream: ClientHttp2Stream): Promise<H2Answer> {
  let headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
  let trailers: IncomingHttpHeaders | undefined;
  const interims: number[] = [];
  const body: Buffer[] = [];
  stream.on('response', (got) => {
    headers = got;
  });
  stream.on('headers', (got) => interims.push(Number(got[':status'])));
  stream.on('trailers', (got) => {
    trailers = got;
  });
  stream.on('data', (chunk: Buffer) => body.push(chunk));
  // The code tells.
  stream.on('error', () => stream.destroy());
  return new Promise((resolve) => {
    stream.on('close', () => {
      const status = headers[':status'] ?? 0;
      resolve({ status, headers, trailers, interims, body: Buffer.concat(body), code: stream.rstCode ?? 0 });
    });
  });
}

/** A client of HTTP/2 that is connected. */
export async function h2Client(front: TlsFront, options: ConnectionOptions = {}): Promise<ClientHttp2Session> {
  const session = connect(`https://localhost:${front.port}`, { ca: front.ca, ...options });
  session.on('error', () => session.destroy());
  onTestFinished(() => session.destroy());
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve());
    session.once('error', reject);
  });
  return session;
}

/** One request without content, or with it. */
export function ask(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string | readonly string[]>>,
  content?: string | Buffer,
): Promise<H2Answer> {
  const stream = session.request(headers as Record<string, string>, { endStream: content === undefined });
  const answer = answerOn(stream);
  if (content !== undefined) stream.end(content);
  return answer;
}

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
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

export const GET_ROOT = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'localhost'],
  [':path', '/'],
] as const;

/** A client of frames. */
export class FrameClient {
  readonly socket: TLSSocket;
  readonly frames: Frame[] = [];
  closed = false;
  #rest = Buffer.alloc(0);
  #changed: (() => void) | undefined;

  constructor(front: TlsFront, options: ConnectionOptions & { readonly allowHalfOpen?: boolean } = {}) {
    this.socket = tlsConnect({
      port: front.port,
      host: '127.0.0.1',
      ca: front.ca,
      ALPNProtocols: ['h2'],
      ...options,
    });
    this.socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    this.send(SETTINGS, 0, [0]);
    this.socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.from(readFrames(Buffer.concat([this.#rest, chunk]), (frame) => this.frames.push(frame)));
      this.#changed?.();
    });
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('close', () => {
      this.closed = true;
      this.#changed?.();
    });
    onTestFinished(() => void this.socket.destroy());
  }

  send(type: number, flags: number, content: readonly [number, Uint8Array?]): this {
    this.socket.write(frameBytes(type, flags, content));
    return this;
  }

  /** A request without content. */
  get(stream: number, ...more: readonly (readonly [string, string])[]): this {
    return this.send(HEADERS, END_HEADERS | END_STREAM, [stream, fieldBlock(...GET_ROOT, ...more)]);
  }

  async frame(what: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(what);
      if (found !== undefined) return found;
      if (this.closed) throw new Error(`closed after frames of types ${this.frames.map(({ type }) => type)}`);
      await this.#change();
    }
  }

  async untilClosed(): Promise<readonly Frame[]> {
    while (!this.closed) await this.#change();
    return this.frames;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}

/** The error code of a RST_STREAM; of a GOAWAY it comes after the last stream. */
export function codeOf({ type, payload }: Frame): number {
  return payload.readUInt32BE(type === GOAWAY ? 4 : 0);
}
