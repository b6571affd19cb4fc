// Mixed load on a gate, and its origin: pages have versions, so an answer older than an acknowledged change is seen.

import { Agent, createServer, request, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { portOf } from '../runtime/node/kit.ts';

const HOT = 200;
const BODY = 'x'.repeat(20_000);
const CLIENTS = 10;

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
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  /** The version of each page of which the gate has acknowledged the change. */
  readonly #acknowledged = new Map<string, number>();
  #count = 0;

  constructor(urls: { readonly url: string; readonly adminUrl: string }, origin: Origin) {
    this.#urls = urls;
    this.#origin = origin;
  }

  async run(untilMs: number): Promise<void> {
    const client = async () => {
      while (performance.now() < untilMs) {
        await this.#step().catch(() => this.counts.errors++);
        await sleep(5);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    this.#agent.destroy();
  }

  async #step(): Promise<void> {
    const dice = Math.random();
    const hot = `/hot/${Math.floor(Math.random() ** 2 * HOT)}`;
    if (dice < 0.05) return this.#write(hot);
    if (dice < 0.06) return this.#invalidate(hot);
    if (dice < 0.1) return this.#abort(`/cold/${this.#count++}`);
    if (dice < 0.11) return this.#read(`/cold/${this.#count++}`, 200);
    if (dice < 0.25) return this.#read(`/cold/${this.#count++}`);
    return this.#read(hot);
  }

  async #write(path: string): Promise<void> {
    const { status, version } = await this.#ask(path, { method: 'PUT' });
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

  async #read(path: string, slowMs = 0): Promise<void> {
    const least = this.#acknowledged.get(path) ?? 0;
    const { status, version, isHit } = await this.#ask(path, { slowMs });
    if (slowMs > 0) this.counts.slow++;
    if (status !== 200) this.counts.errors++;
    else if (version < least) this.counts.outdated++;
    this.counts[isHit ? 'hits' : 'others']++;
  }

  #abort(path: string): Promise<void> {
    this.counts.aborted++;
    return new Promise((resolve) => {
      const asked = request(this.#urls.url + path, { agent: this.#agent }, (response) => response.destroy());
      asked.on('error', () => resolve()).on('close', () => resolve());
      asked.end();
      setTimeout(() => asked.destroy(), Math.random() * 5);
    });
  }

  #ask(path: string, { method = 'GET', slowMs = 0 }) {
    return new Promise<{ status: number; version: number; isHit: boolean }>((resolve, reject) => {
      const asked = request(this.#urls.url + path, { method, agent: this.#agent }, (response) => {
        const { statusCode: status = 0, headers } = response;
        const isHit = /; hit/.test(String(headers['cache-status']));
        response.on('end', () => resolve({ status, version: Number(headers['x-version']), isHit }));
        response.on('error', reject);
        setTimeout(() => response.resume(), slowMs);
      });
      asked.setTimeout(15_000, () => asked.destroy(new Error('no answer within 15 s')));
      asked.on('error', reject).end();
    });
  }
}
