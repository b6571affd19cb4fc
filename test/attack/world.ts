// What a row has to work with: a gate as a process of its own, its origin, and words for what they did.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GateProcess } from '../crash/gate-process.ts';
import { makeCertificate } from '../kit/make-certificate.ts';
import { ROOT, tempFolder } from '../runtime/node/kit.ts';
import { fieldOf, type Reply, repliesOf } from './answers.ts';
import { type ConnectTo, type Part, RawClient } from './client.ts';
import { Origin, type Received, uncleanness } from './origin.ts';
import { forwardedWord, type Group } from './rows.ts';

/** Host of requests; every gate here takes any. */
export const HOST = 'attack.example';

export interface SendOptions {
  /** Time for the answers, and for the end of the connection; 600 ms unless said. */
  readonly withinMs?: number;
  /** Answers after which only a short silence is waited for; 1 unless said. */
  readonly answers?: number;
  /** Methods of the requests sent, where HEAD is among them. */
  readonly methods?: readonly string[];
  /** Time after the last byte in which nothing more must come; 40 ms unless said. */
  readonly quietMs?: number;
  readonly connect?: Partial<ConnectTo>;
}

export interface Sent {
  readonly replies: readonly Reply[];
  /** Ended, or announced to end by the last answer. */
  readonly closed: boolean;
  readonly forwarded: readonly Received[];
  /** Such as `400, closed, nothing forwarded`, or `no answer, open, 1 forwarded`; then what is unclean in those, if anything. */
  readonly words: string;
  readonly text: string;
}

export interface GetOptions {
  readonly method?: string;
  readonly host?: string;
  /** Lines without their ends, such as `Accept: text/html`. */
  readonly fields?: readonly string[];
  readonly body?: string;
  readonly withinMs?: number;
}

/** The gate of a group with all that belongs to it. */
export class World {
  readonly tls: boolean;
  readonly origin: Origin;
  readonly folder: string;
  readonly gate: GateProcess;
  /** Port of the gate. */
  port = 0;
  adminUrl = '';
  readonly #remove: () => void;
  readonly #clients = new Set<RawClient>();
  #rowBegan = 0;
  #paths = 0;

  private constructor(group: Group, origin: Origin, folder: ReturnType<typeof tempFolder>) {
    this.tls = group.listener === 'tls';
    this.origin = origin;
    this.folder = folder.path;
    this.#remove = folder.remove;
    const bin = join(ROOT, 'src/node/bin.ts');
    this.gate = new GateProcess({ bin, cwd: folder.path, life: 0, execArgv: [], env: {} });
  }

  static async start(group: Group): Promise<World> {
    const origin = await Origin.start();
    const folder = tempFolder();
    const pem = await makeCertificate('localhost', '127.0.0.1', HOST);
    writeFileSync(join(folder.path, 'cert.pem'), pem.cert);
    writeFileSync(join(folder.path, 'key.pem'), pem.key);
    const places = { originUrl: `http://127.0.0.1:${origin.port}`, folder: folder.path };
    const config = { ...baseConfig(group.listener === 'tls', places.originUrl), ...group.config?.(places) };
    writeFileSync(join(folder.path, 'tidegate.config.json'), JSON.stringify(config));
    const world = new World(group, origin, folder);
    const listening = await world.gate.listening;
    if (listening === undefined) throw new Error(`expected a gate that listens, got ${world.gate.lines.join('\n')}`);
    world.port = Number(new URL(listening.url).port);
    world.adminUrl = listening.adminUrl;
    // The first request compiles code; rows wait for less than that may take.
    await world.ask(world.path('/first'), { withinMs: 20_000 });
    return world;
  }

  /** From here on `forwarded` counts; the runner calls it before each row. */
  beginRow(): void {
    this.#rowBegan = this.origin.received.length;
  }

  /** Ends the connections of a row. */
  endRow(): void {
    for (const client of this.#clients) client.destroy();
    this.#clients.clear();
  }

  /** A path that no other row has. */
  path(prefix = '/a'): string {
    return `${prefix}/${this.#paths++}`;
  }

  connect(how: Partial<ConnectTo> = {}): RawClient {
    const client = new RawClient({ port: this.port, tls: this.tls, ...how });
    this.#clients.add(client);
    return client;
  }

  /** Sends the parts on a connection of their own, and reads until it ends or nothing more comes. */
  async send(parts: Part | readonly Part[], options: SendOptions = {}): Promise<Sent> {
    const { withinMs = 600, answers = 1, methods = [], quietMs = 40 } = options;
    const client = this.connect(options.connect);
    await client.send(...(Array.isArray(parts) ? (parts as Part[]) : [parts as Part]));
    await client.until(() => finals(client, methods).length >= answers, withinMs);
    await client.untilQuiet(quietMs, Math.max(quietMs, withinMs));
    const ended = client.state !== 'open';
    const replies = repliesOf(client.text, methods, ended);
    // After `Connection: close` the gate may go on reading for a while, so that the answer is not lost (RFC 9112 §9.6).
    const closed = ended || /\bclose\b/i.test(fieldOf(replies.at(-1) ?? NO_REPLY, 'connection'));
    const forwarded = this.forwarded();
    const statuses = replies.map(({ status }) => String(status)).join(' ') || 'no answer';
    client.destroy();
    const unclean = forwarded.map(uncleanness).filter((what) => what !== undefined);
    const tail = unclean.length === 0 ? '' : `, unclean: ${unclean.join('; ')}`;
    const words = `${statuses}, ${closed ? 'closed' : 'open'}, ${forwardedWord(forwarded.length)}${tail}`;
    return { replies, closed, forwarded, words, text: client.text };
  }

  /** One sound request on a connection of its own; throws without a whole answer. */
  async ask(target: string, options: GetOptions = {}): Promise<Reply> {
    const { method = 'GET', host = HOST, fields = [], body, withinMs = 5_000 } = options;
    const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`];
    const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...fields, ...length];
    const client = this.connect();
    await client.send(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
    await client.untilEnded(withinMs);
    const reply = repliesOf(client.text, [method, method], true).find(({ status }) => status >= 200);
    client.destroy();
    if (reply?.whole !== true) throw new Error(`expected an answer to ${method} ${target}, got ${client.text}`);
    return reply;
  }

  /** Asks for it again: `stored` when that is a hit, else `not stored`. */
  async stored(target: string, options: GetOptions = {}): Promise<'stored' | 'not stored'> {
    return isHit(await this.ask(target, options)) ? 'stored' : 'not stored';
  }

  /** What reached the origin since the row began, honest requests aside. */
  forwarded(): Received[] {
    return this.origin.received.slice(this.#rowBegan);
  }

  /** An answer of the admin API as JSON. */
  async admin(path: string, init?: RequestInit): Promise<unknown> {
    return (await fetch(`${this.adminUrl}${path}`, init)).json();
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.adminUrl}/metrics`)).text();
  }

  /** The gate's log so far, access log included. */
  log(): string {
    return readFileSync(join(this.folder, 'gate.log'), 'utf8');
  }

  /** Resident memory of the gate. */
  rssBytes(): number {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.gate.pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  }

  async close(): Promise<void> {
    this.endRow();
    this.gate.terminate();
    await Promise.race([this.gate.ended, sleep(3_000, undefined, { ref: false })]);
    this.gate.kill();
    await this.gate.ended;
    this.origin.close();
    this.#remove();
  }
}

const NO_REPLY: Pick<Reply, 'fields'> = { fields: [] };

/** Whether an answer came from the cache, as its Cache-Status says (RFC 9211). */
export function isHit(reply: Reply): boolean {
  return /(?:^|;)\s*hit\b/.test(fieldOf(reply, 'cache-status'));
}

function finals(client: RawClient, methods: readonly string[]): Reply[] {
  return repliesOf(client.text, methods, client.state !== 'open').filter(({ status, whole }) => status >= 200 && whole);
}

function baseConfig(tls: boolean, originUrl: string): Readonly<Record<string, unknown>> {
  return {
    listen: {
      host: '127.0.0.1',
      port: 0,
      ...(tls && { tls: { certificates: [{ cert: 'cert.pem', key: 'key.pem' }] } }),
    },
    origins: { app: { url: originUrl } },
    memory: { maxBytes: 64 * 2 ** 20 },
    disk: { path: 'cache', maxBytes: 256 * 2 ** 20 },
    log: { level: 'info', file: 'gate.log' },
  };
}
