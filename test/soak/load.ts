// Mixed load on a gate, and its origin: pages have versions, so an answer older than an acknowledged change is seen.

import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher, request } from 'undici';
import { portOf } from '../runtime/node/kit.ts';

const HOT = 200;
const BODY = 'x'.repeat(20_000);
const CLIENTS = 10;

/** Connections of each kind; the certificate is the gate's own. */
const AGENT = { connections: CLIENTS / 2, connect: { rejectUnauthorized: false } };

/** How often the origin errs, or ends the connection. */
const ERRS = 0.02;

export class Origin {
  readonly versions = new Map<string, number>();
  readonly #server: Server = createServer((incoming, response) => {
    const path = incoming.url ?? '/';
    const isWrite = incoming.method !== 'GET';
    incoming.resume();
    incoming.on('end', () => {
      if (isWrite) this.bump(path);
      const version = this.versions.get(path) ?? 0;
      if (Math.random() < ERRS)
        return void (Math.random() < 0.5 ? incoming.socket.destroy() : response.writeHead(500).end());
      response.writeHead(200, { 'cache-control': 'max-age=60', 'x-version': String(version), 'cache-tag': 'soak' });
      response.end(isWrite ? 'done' : BODY);
    });
  });

  bump(path: string): number {
    const version = (this.versions.get(path) ?? 0) + 1;
    this.versions.set(path, version);
    return version;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${portOf(this.#server)}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

export class Load {
  readonly counts = { hits: 0, others: 0, errors: 0, writes: 0, aborted: 0, slow: 0, invalidations: 0, outdated: 0 };
  readonly #urls: { readonly url: string; readonly adminUrl: string };
  readonly #origin: Origin;
  /** Of HTTP/1.1, and of HTTP/2. */
  readonly #agents = [false, true].map((allowH2) => new Agent({ ...AGENT, allowH2 }));
  /** The version of each page of which the gate has acknowledged the change. */
  readonly #acknowledged = new Map<string, number>();
  #count = 0;

  constructor(urls: { readonly url: string; readonly adminUrl: string }, origin: Origin) {
    this.#urls = urls;
    this.#origin = origin;
  }

  async run(untilMs: number): Promise<void> {
    const client = async (agent: Agent) => {
      while (performance.now() < untilMs) {
        await this.#step(agent).catch(() => this.counts.errors++);
        await sleep(5);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, at) => client(this.#agents[at % 2] as Agent)));
    await Promise.all(this.#agents.map((agent) => agent.destroy()));
  }

  async #step(agent: Agent): Promise<void> {
    const dice = Math.random();
    const hot = `/hot/${Math.floor(Math.random() ** 2 * HOT)}`;
    if (dice < 0.05) return this.#write(agent, hot);
    if (dice < 0.06) return this.#invalidate(hot);
    if (dice < 0.1) return this.#abort(agent, `/cold/${this.#count++}`);
    if (dice < 0.11) return this.#read(agent, `/cold/${this.#count++}`, 200);
    if (dice < 0.25) return this.#read(agent, `/cold/${this.#count++}`);
    return this.#read(agent, hot);
  }

  async #write(agent: Agent, path: string): Promise<void> {
    const { status, version } = await this.#ask(agent, path, { method: 'PUT' });
    this.counts.writes++;
    if (status === 200) this.#acknowledge(path, version);
  }

  async #invalidate(path: string): Promise<void> {
    const version = this.#origin.bump(path);
    const body = JSON.stringify({ url: this.#urls.url + path });
    const response = await fetch(`${this.#urls.adminUrl}/invalidate`, { method: 'POST', body });
    await response.text();
    this.counts.invalidations++;
    if (response.status === 200) this.#acknowledge(path, version);
  }

  #acknowledge(path: string, version: number): void {
    this.#acknowledged.set(path, Math.max(version, this.#acknowledged.get(path) ?? 0));
  }

  async #read(agent: Agent, path: string, slowMs = 0): Promise<void> {
    const least = this.#acknowledged.get(path) ?? 0;
    const { status, version, isHit } = await this.#ask(agent, path, { slowMs });
    if (slowMs > 0) this.counts.slow++;
    if (status !== 200) this.counts.errors++;
    else if (version < least) this.counts.outdated++;
    this.counts[isHit ? 'hits' : 'others']++;
  }

  async #abort(dispatcher: Dispatcher, path: string): Promise<void> {
    const client = new AbortController();
    setTimeout(() => client.abort(), Math.random() * 5);
    try {
      const { body } = await request(this.#urls.url + path, { dispatcher, signal: client.signal });
      await body.dump();
    } catch {
      if (client.signal.aborted) this.counts.aborted++;
    }
  }

  /** `slowMs`: how long its content is left unread. */
  async #ask(dispatcher: Dispatcher, path: string, { method = 'GET', slowMs = 0 }) {
    const { statusCode, headers, body } = await request(this.#urls.url + path, {
      ...{ dispatcher, method: method as Dispatcher.HttpMethod },
      ...{ headersTimeout: 15_000, bodyTimeout: 15_000 },
    });
    if (slowMs > 0) await sleep(slowMs);
    // The whole is read: a connection that is left in the middle of an answer ends.
    await body.text();
    const isHit = /; hit/.test(String(headers['cache-status']));
    return { status: statusCode, version: Number(headers['x-version']), isHit };
  }
}
