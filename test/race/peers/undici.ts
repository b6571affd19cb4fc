// undici's cache interceptor, against a server of our own on the loopback interface. The ways to invalidate are the
// unsafe methods, as RFC 9111 §4.4 has them.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, type Dispatcher, interceptors } from 'undici';
import { type Peer, type PeerRow, shiftClock, turns, until } from './peer.ts';

interface Fill {
  readonly name: string;
  /** What is stored, and stale, before the fill. */
  readonly stored?: { readonly version: number; readonly cacheControl: string };
}

const FILLS: readonly Fill[] = [
  { name: 'miss' },
  { name: 'validation, 304', stored: { version: 1, cacheControl: 'max-age=10' } },
  { name: 'validation, 200', stored: { version: 0, cacheControl: 'max-age=10' } },
  { name: 'refresh', stored: { version: 0, cacheControl: 'max-age=10, stale-while-revalidate=86400' } },
];

const METHODS = ['POST', 'PUT', 'DELETE'] as const;

/** Holds every GET until it is told to answer. */
class HoldingServer {
  version = 1;
  cacheControl = 'max-age=3600';
  reads = 0;
  #held: (() => void)[] = [];
  readonly #server = createServer((request, response) => this.#serve(request, response));

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Answers the GETs, those that wait and those to come, in order, until `answer` is there. */
  async answer<Answer>(answer: Promise<Answer>): Promise<Answer> {
    let there = false;
    const mark = () => {
      there = true;
    };
    answer.then(mark, mark);
    await until(() => {
      this.#held.shift()?.();
      return there && this.#held.length === 0;
    });
    await turns();
    return answer;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    response.sendDate = false;
    if (request.method !== 'GET') {
      this.version = 2;
      response.writeHead(204).end();
      return;
    }
    const body = String(this.version);
    const fields = { 'cache-control': this.cacheControl, etag: `"${body}"` };
    this.reads++;
    const same = request.headers['if-none-match'] === fields.etag;
    this.#held.push(
      () => void (same ? response.writeHead(304, fields).end() : response.writeHead(200, fields).end(body)),
    );
  }
}

async function get(client: Dispatcher, origin: string): Promise<string> {
  const { body } = await client.request({ origin, path: '/a', method: 'GET' });
  return body.text();
}

type When = 'during the fill' | 'during the fill, with a late reader' | 'after the fill';

async function raceOnce(fill: Fill, method: (typeof METHODS)[number], when: When) {
  const server = new HoldingServer();
  const origin = await server.listen();
  const agent = new Agent();
  const client = agent.compose(interceptors.cache());
  const clock = shiftClock();
  try {
    if (fill.stored !== undefined) await store(server, fill.stored, { client, origin });
    if (fill.stored !== undefined) clock.advance(20_000);
    const before = server.reads;
    const early = get(client, origin);
    await until(() => server.reads > before);
    if (when === 'after the fill') await server.answer(early);
    const write = await client.request({ origin, path: '/a', method });
    await write.body.dump();
    const late = when === 'during the fill, with a late reader' ? get(client, origin) : undefined;
    // undici does not collapse: the late request is at the server before the fill lands.
    if (late !== undefined) await until(() => server.reads > before + 1);
    await server.answer(Promise.all([early, late]));
    return { late: await late, next: await server.answer(get(client, origin)) };
  } finally {
    clock.restore();
    await agent.close();
    server.close();
  }
}

async function store(
  server: HoldingServer,
  stored: { readonly version: number; readonly cacheControl: string },
  at: { readonly client: Dispatcher; readonly origin: string },
): Promise<void> {
  server.version = stored.version;
  server.cacheControl = stored.cacheControl;
  await server.answer(get(at.client, at.origin));
  server.version = 1;
  server.cacheControl = 'max-age=3600';
}

async function race(): Promise<PeerRow[]> {
  const rows: PeerRow[] = [];
  for (const fill of FILLS) {
    for (const way of METHODS) {
      const control = await raceOnce(fill, way, 'after the fill');
      if (control.next !== '2')
        throw new Error(`expected 2 of undici, ${fill.name}, ${way} without a race, got ${control.next}`);
      const alone = await raceOnce(fill, way, 'during the fill');
      const joined = await raceOnce(fill, way, 'during the fill, with a late reader');
      rows.push({
        system: 'undici',
        fill: fill.name,
        way,
        oldStored: alone.next !== '2',
        lateGotOld: joined.late !== '2',
      });
    }
  }
  return rows;
}

export const undici: Peer = { name: 'undici', race };
