// Clients of one gate that read at full speed, or slowly, or leave; over HTTP/1, with TLS, and over HTTP/2.

import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectPlain } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

export type Protocol = 'plain' | 'tls' | 'http2';

/** Told once, of all that an answer brings. */
interface Told {
  readonly bytes: number;
  readonly isWhole: boolean;
}

const TICK_MS = 100;
const STREAMS_OF_CONNECTION = 20;

export class Clients {
  readonly #url: URL;
  readonly #protocol: Protocol;
  readonly #open = new Set<Duplex>();
  readonly #slow = new Set<() => void>();
  readonly #sessions: ClientHttp2Session[] = [];
  readonly #timer = setInterval(() => {
    for (const read of this.#slow) read();
  }, TICK_MS);
  #streams = 0;

  constructor(url: string, protocol: Protocol) {
    this.#url = new URL(url);
    this.#protocol = protocol;
  }

  /** So many are connected. */
  get open(): number {
    return this.#open.size;
  }

  /** Reads the whole answer at full speed. */
  fast(path: string, bytes: number): Promise<Told> {
    const stream = this.#ask(path);
    return new Promise((resolve) => {
      let got = 0;
      stream.on('data', (chunk: Buffer) => {
        got += chunk.length;
        if (got < bytes) return;
        resolve({ bytes: got, isWhole: true });
        stream.destroy();
      });
      stream.on('close', () => resolve({ bytes: got, isWhole: got >= bytes }));
    });
  }

  /** Reads so many bytes a second, until the end of the scenario. */
  slow(path: string, bytesPerSecond: number): void {
    const stream = this.#ask(path);
    const most = Math.ceil((bytesPerSecond * TICK_MS) / 1_000);
    const read = () => void stream.read(Math.min(most, stream.readableLength));
    // Nothing flows by itself where somebody listens to this.
    stream.on('readable', () => {});
    this.#slow.add(read);
    stream.on('close', () => this.#slow.delete(read));
  }

  /** Leaves as the answer begins. */
  leave(path: string): Promise<void> {
    const stream = this.#ask(path);
    return new Promise((resolve) => {
      stream.once('data', () => stream.destroy());
      stream.on('close', resolve);
    });
  }

  /** Has an answer, and stays connected. */
  idle(path: string): Promise<void> {
    const stream = this.#ask(path);
    return new Promise((resolve) => {
      stream.once('data', () => resolve());
      stream.on('close', resolve);
    });
  }

  close(): void {
    clearInterval(this.#timer);
    for (const stream of this.#open) stream.destroy();
    for (const session of this.#sessions) session.destroy();
  }

  #ask(path: string): Duplex {
    const stream = this.#protocol === 'http2' ? this.#stream(path) : this.#connection(path);
    this.#open.add(stream);
    stream.on('error', () => stream.destroy());
    stream.on('close', () => this.#open.delete(stream));
    return stream;
  }

  #connection(path: string): Duplex {
    const { hostname: host, port } = this.#url;
    const at = { host, port: Number(port) };
    const socket =
      this.#protocol === 'tls'
        ? connectTls({ ...at, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
        : connectPlain(at);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    return socket;
  }

  #stream(path: string): Duplex {
    if (this.#streams++ % STREAMS_OF_CONNECTION === 0) {
      const session = connectHttp2(this.#url, { rejectUnauthorized: false });
      session.on('error', () => session.destroy());
      this.#sessions.push(session);
    }
    return this.#sessions.at(-1)!.request({ ':path': path });
  }
}
