// A client of bytes: sends what no library would, and reads what comes back until a condition, an end or a time limit.

import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';

export interface ConnectTo {
  readonly port: number;
  readonly tls: boolean;
  /** Protocols offered in TLS; `http/1.1` alone unless said. */
  readonly alpn?: readonly string[];
  /** Address of this end, such as `127.0.0.2`. */
  readonly from?: string;
}

/** The end of what the client sends; it goes on reading. */
export const FIN = Symbol('FIN');

/** Bytes as Latin-1 text or as they are; a number is a pause in milliseconds. */
export type Part = string | Uint8Array | number | typeof FIN;

export class RawClient {
  readonly socket: Socket;
  /** How the connection ended; `reset` also when it could not be made. */
  state: 'open' | 'closed' | 'reset' = 'open';
  lastByteMs = performance.now();
  readonly #chunks: Buffer[] = [];
  #changed: () => void = () => {};

  constructor({ port, tls, alpn = ['http/1.1'], from }: ConnectTo) {
    const to = { port, host: '127.0.0.1', ...(from !== undefined && { localAddress: from }) };
    this.socket = tls
      ? tlsConnect({ ...to, servername: 'localhost', ALPNProtocols: [...alpn], rejectUnauthorized: false })
      : connect(to);
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.lastByteMs = performance.now();
      this.#changed();
    });
    this.socket.on('error', () => this.#end('reset'));
    this.socket.on('close', () => this.#end('closed'));
  }

  #end(state: 'closed' | 'reset'): void {
    if (this.state === 'open') this.state = state;
    this.#changed();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** What was received, as Latin-1. */
  get text(): string {
    return this.bytes.toString('latin1');
  }

  /** Sends part after part; returns when the last is handed over, or when the connection has ended. */
  async send(...parts: readonly Part[]): Promise<this> {
    for (const part of parts) {
      if (this.state !== 'open') return this;
      if (typeof part === 'number') await sleep(part);
      else if (part === FIN) this.socket.end();
      else this.socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part);
    }
    return this;
  }

  /** A byte at a time, until all is sent, the connection ends or the time is over. */
  async trickle(text: string, everyMs: number, withinMs = 60_000): Promise<this> {
    const deadline = performance.now() + withinMs;
    for (const byte of Buffer.from(text, 'latin1')) {
      if (this.state !== 'open' || performance.now() > deadline) break;
      this.socket.write(Uint8Array.of(byte));
      await sleep(everyMs);
    }
    return this;
  }

  /** True once the condition holds; false when the connection ends or the time is over before. */
  async until(holds: (client: this) => boolean, withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (!holds(this)) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || this.state !== 'open') return holds(this);
      await this.#change(leftMs);
    }
    return true;
  }

  /** True when the gate ended the connection in time. */
  async untilEnded(withinMs: number): Promise<boolean> {
    await this.until(() => false, withinMs);
    return this.state !== 'open';
  }

  /** Until nothing has come for `quietMs`, the connection has ended or the time is over. */
  async untilQuiet(quietMs: number, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (this.state === 'open' && performance.now() < deadline) {
      const leftMs = this.lastByteMs + quietMs - performance.now();
      if (leftMs <= 0) return;
      await this.#change(Math.min(leftMs, deadline - performance.now()));
    }
  }

  /** From now on nothing is taken off the connection. */
  stopReading(): this {
    this.socket.pause();
    return this;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #change(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, withinMs));
      this.#changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
