// The origin behind the gate. It keeps every request byte for byte, and answers each path as the row says, in whatever bytes.
//
// It reads requests in the strictest way. What it cannot read as one is kept too, with the method `?`: nothing the gate sends
// may look so.

import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { portOf } from '../runtime/node/kit.ts';

export interface Received {
  readonly method: string;
  readonly target: string;
  /** Request line and fields as they came, Latin-1. */
  readonly head: string;
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Grows while it comes. */
  body: string;
  /** Fields after chunked content, as they came. */
  trailers: string;
  whole: boolean;
  /** Number of the connection. */
  readonly connection: number;
  readonly atMs: number;
}

export interface OriginAnswer {
  readonly status?: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** In place of the three: these bytes (Latin-1), with pauses in milliseconds between them. */
  readonly raw?: string | readonly (string | number)[];
  /** Pause before anything is sent. */
  readonly afterMs?: number;
  /** What becomes of the connection; `keep` unless said. */
  readonly ending?: 'keep' | 'close' | 'reset' | 'silence';
  /** True: does not wait for the request's content. */
  readonly early?: boolean;
}

export type OriginRule = OriginAnswer | ((request: Received) => OriginAnswer | Promise<OriginAnswer>);

/** Paths of honest requests; they are counted apart. */
export const HONEST = '/honest/';

export class Origin {
  /** All but honest requests, in their order. */
  readonly received: Received[] = [];
  honest = 0;
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #rules = new Map<string, OriginRule>();
  readonly #under = new Map<string, OriginRule>();

  private constructor() {
    this.#server = createServer((socket) => this.#connected(socket));
  }

  static async start(): Promise<Origin> {
    const origin = new Origin();
    await new Promise<void>((resolve) => origin.#server.listen(0, '127.0.0.1', resolve));
    return origin;
  }

  get port(): number {
    return portOf(this.#server);
  }

  /** Connections open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /**
   * Answers a path, query aside, so. Others are answered by `usualAnswer`: what was asked as text, fresh for a minute to
   * GET and HEAD, so that whatever the gate takes for cacheable is stored.
   */
  answer(path: string, rule: OriginRule): void {
    this.#rules.set(path, rule);
  }

  /** Answers so whatever begins with it. */
  answerUnder(prefix: string, rule: OriginRule): void {
    this.#under.set(prefix, rule);
  }

  #ruleOf(target: string): OriginRule {
    const exact = this.#rules.get(target.split('?')[0] as string);
    if (exact !== undefined) return exact;
    for (const [prefix, rule] of this.#under) if (target.startsWith(prefix)) return rule;
    return usualAnswer;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #connected(socket: Socket): void {
    const number = this.connections++;
    let bytes: Buffer = Buffer.alloc(0);
    let current: Reading | undefined;
    let last: Promise<void> = Promise.resolve();
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      for (;;) {
        if (current === undefined) {
          const end = bytes.indexOf('\r\n\r\n');
          if (end < 0) return;
          current = new Reading(bytes.subarray(0, end + 4).toString('latin1'), number);
          bytes = bytes.subarray(end + 4);
          const { request, done } = current;
          if (request.target.startsWith(HONEST)) this.honest++;
          else this.received.push(request);
          last = last.then(() => this.#respond(socket, request, done)).catch(() => void socket.destroy());
        }
        bytes = current.take(bytes);
        if (!current.request.whole) return;
        current = undefined;
        if (bytes.length === 0) return;
      }
    });
  }

  async #respond(socket: Socket, request: Received, content: Promise<void>): Promise<void> {
    const rule = this.#ruleOf(request.target);
    const answer = typeof rule === 'function' ? await rule(request) : rule;
    if (answer.early !== true) await content;
    if (answer.afterMs !== undefined) await sleep(answer.afterMs);
    if (answer.ending === 'silence') return new Promise(() => {});
    const parts = answer.raw ?? bytesOf(answer, request.method);
    for (const part of typeof parts === 'string' ? [parts] : parts) {
      if (socket.destroyed) return;
      if (typeof part === 'number') await sleep(part);
      else if (!socket.write(part, 'latin1')) await drained(socket);
    }
    if (answer.ending === 'close') socket.end();
    else if (answer.ending === 'reset') socket.resetAndDestroy();
  }
}

export function usualAnswer({ method, target }: Received): OriginAnswer {
  const reads = method === 'GET' || method === 'HEAD';
  return {
    fields: { 'cache-control': reads ? 'max-age=60' : 'no-store', 'content-type': 'text/plain' },
    body: `${method} ${target}`,
  };
}

function bytesOf({ status = 200, fields = {}, body = '' }: OriginAnswer, method: string): string {
  const lines = Object.entries({ date: new Date().toUTCString(), ...fields }).map((pair) => `${pair.join(': ')}\r\n`);
  const bare = status < 200 || status === 204 || status === 304;
  const length = bare ? '' : `content-length: ${Buffer.byteLength(body, 'latin1')}\r\n`;
  return `HTTP/1.1 ${status} Origin\r\n${lines.join('')}${length}\r\n${bare || method === 'HEAD' ? '' : body}`;
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve);
    socket.once('close', () => resolve());
  });
}

/** One request while it comes. */
class Reading {
  readonly request: Received;
  /** Resolves when its content is here. */
  readonly done: Promise<void>;
  #finish: () => void = () => {};
  /** Bytes of content, or of a chunk, to come. */
  #left = 0;
  #phase: 'length' | 'size' | 'chunk' | 'trailers' = 'length';

  constructor(head: string, connection: number) {
    const [line = '', ...lines] = head.slice(0, -4).split('\r\n');
    const [, method = '?', target = line] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/1\.1$/.exec(line) ?? [];
    const fields = lines.map((each) => {
      const colon = each.indexOf(':');
      return [each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim()] as const;
    });
    const sound = fields.every(([name]) => /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name));
    const message = { head, fields, body: '', trailers: '', whole: false, connection, atMs: performance.now() };
    this.request = { method: sound ? method : '?', target, ...message };
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const value = (name: string) => fields.find(([each]) => each === name)?.[1];
    if (value('transfer-encoding') !== undefined) this.#phase = 'size';
    this.#left = Number(value('content-length') ?? 0);
  }

  /** Takes what is its content off the bytes; returns the rest. */
  take(given: Buffer): Buffer {
    let bytes = given;
    for (;;) {
      if (this.#phase === 'length' || this.#phase === 'chunk') {
        const part = bytes.subarray(0, this.#left);
        this.request.body += part.toString('latin1');
        bytes = bytes.subarray(part.length);
        this.#left -= part.length;
        if (this.#left > 0) return bytes;
        if (this.#phase === 'length') return this.#end(bytes);
        if (bytes.length < 2) return bytes;
        bytes = bytes.subarray(2);
        this.#phase = 'size';
      }
      const lineEnd = bytes.indexOf('\r\n');
      if (lineEnd < 0) return bytes;
      const line = bytes.subarray(0, lineEnd).toString('latin1');
      bytes = bytes.subarray(lineEnd + 2);
      if (this.#phase === 'trailers') {
        if (line === '') return this.#end(bytes);
        this.request.trailers += `${line}\r\n`;
      } else {
        this.#left = Number.parseInt(line, 16);
        this.#phase = this.#left === 0 ? 'trailers' : 'chunk';
      }
    }
  }

  #end(rest: Buffer): Buffer {
    this.request.whole = true;
    this.#finish();
    return rest;
  }
}

const FRAMING = new Set(['content-length', 'transfer-encoding', 'host']);

/** What two readers could take differently in a forwarded request; undefined when there is nothing. */
export function uncleanness({ method, head, fields }: Received): string | undefined {
  const values = (name: string) => fields.filter(([each]) => each === name).map(([, value]) => value);
  if (method === '?') return `no request: ${JSON.stringify(head.slice(0, 200))}`;
  if (/[^\r]\n|\r[^\n]|[\0\v\f]|\n[ \t]/.test(head)) return `bytes in ${JSON.stringify(head)}`;
  for (const name of FRAMING) if (values(name).length > 1) return `${name} repeated`;
  if (values('host').length === 0) return 'no host';
  const [length] = values('content-length');
  const [coding] = values('transfer-encoding');
  if (length !== undefined && (coding !== undefined || !/^\d+$/.test(length)))
    return `content-length ${length} ${coding}`;
  if (coding !== undefined && coding !== 'chunked') return `transfer-encoding ${coding}`;
  const alike = fields.find(([name]) => name.includes('_') && FRAMING.has(name.replaceAll('_', '-')));
  return alike === undefined ? undefined : `the field ${alike[0]}`;
}
