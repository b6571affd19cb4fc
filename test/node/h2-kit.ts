// A front with TLS and HTTP/2 before a gate that the test plays, a client of HTTP/2, and one of bare frames.

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type SecureClientSessionOptions,
} from 'node:http2';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { ArrivalOptions } from '../../src/node/front/connection/arrival.ts';
import { Certificates } from '../../src/node/front/connection/certificates.ts';
import { certificateFiles } from '../kit/certificates.ts';
import {
  END_HEADERS,
  END_STREAM,
  type Frame,
  fieldBlock,
  frameBytes,
  HEADERS,
  readFrames,
  SETTINGS,
} from '../kit/h2-frames.ts';
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
export async function h2Client(front: TlsFront, options: SecureClientSessionOptions = {}): Promise<ClientHttp2Session> {
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

export * from '../kit/h2-frames.ts';

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
