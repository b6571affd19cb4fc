// Clients that read slowly, and clients that send much, each at a fixed rate. `npm run attack` has a row for each, and
// `npm run bench -- attack` measures honest requests beside them.

import { connect as connectH2 } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../client.ts';
import { HOST, type World } from '../world.ts';

/** What an attack needs of a world, so that other servers can stand in the gate's place. */
export type Attacked = Pick<World, 'port' | 'path' | 'connect'> & {
  readonly origin: Pick<World['origin'], 'answerUnder'>;
};

/** Not the address of honest clients. */
const FROM = '127.0.0.2';

export interface Flood {
  readonly name: string;
  readonly rule: string;
  /** Left out of the short form of `npm run attack`. */
  readonly long?: boolean;
  /** Goes on until that time of `performance.now()`. */
  run(world: Attacked, untilMs: number): Promise<void>;
}

function head(path: string, fields: readonly string[] = [], method = 'GET'): string {
  return [`${method} ${path} HTTP/1.1`, `Host: ${HOST}`, ...fields, '', ''].join('\r\n');
}

function attacker(world: Attacked): RawClient {
  return world.connect({ from: FROM });
}

/** So many times a second; what is late is left out. */
async function atRate(perSecond: number, untilMs: number, step: (turn: number) => void): Promise<void> {
  const began = performance.now();
  let done = 0;
  while (performance.now() < untilMs) {
    const due = Math.floor(((performance.now() - began) * perSecond) / 1000);
    for (; done < due; done++) step(done);
    await sleep(10);
  }
}

/** Attackers do not come all at once: the first second would show what they cost this machine. */
const COME_PER_SECOND = 200;

/** So many clients, which come at a fixed rate; each is greeted by `first`. */
async function come(world: Attacked, count: number, first: (client: RawClient, at: number) => void) {
  return await atComingRate(count, (at) => {
    const client = attacker(world);
    first(client, at);
    return client;
  });
}

/** What so many calls made, at the rate at which attackers come. */
export async function atComingRate(count: number, make: (at: number) => RawClient): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  const beganMs = performance.now();
  for (let at = 0; at < count; at++) {
    clients.push(make(at));
    const dueMs = beganMs + ((at + 1) / COME_PER_SECOND) * 1_000;
    if (dueMs > performance.now()) await sleep(dueMs - performance.now());
  }
  return clients;
}

/** Requests over a few kept connections, which are made again when the gate ends them. */
function requests(
  perSecond: number,
  bytesOf: (turn: number, world: Attacked) => string,
  connections = 10,
): Flood['run'] {
  return async (world, untilMs) => {
    const clients = Array.from({ length: connections }, () => attacker(world));
    await atRate(perSecond, untilMs, (turn) => {
      const at = turn % connections;
      if (clients[at]?.state !== 'open') clients[at] = attacker(world);
      void clients[at]?.send(bytesOf(turn, world));
    });
    for (const client of clients) client.destroy();
  };
}

const BIG = 'b'.repeat(2 ** 20);

/** Clients that ask for a megabyte, and take so many bytes of it each second. */
function readers(count: number, bytesPerSecond: number, shared: boolean): Flood['run'] {
  return async (world, untilMs) => {
    const path = world.path('/big');
    world.origin.answerUnder(path, { fields: { 'cache-control': 'max-age=60', etag: '"1"' }, body: BIG });
    const clients = await come(world, count, (client, at) => {
      client.socket.pause();
      void client.send(head(shared ? path : `${path}/${at}`));
    });
    while (performance.now() < untilMs) {
      await sleep(1_000);
      if (bytesPerSecond > 0) for (const { socket } of clients) socket.read(bytesPerSecond);
    }
    for (const client of clients) client.destroy();
  };
}

/** Connections that send that, then a byte of a field each second. */
function slowHeads(count: number, first: string): Flood['run'] {
  return async (world, untilMs) => {
    const clients = await come(world, count, (client) => void client.send(first));
    while (performance.now() < untilMs) {
      await sleep(1_000);
      if (first !== '') for (const client of clients) void client.send('a');
    }
    for (const client of clients) client.destroy();
  };
}

/** Connections made and left at once. */
function connections(perSecond: number, first: string): Flood['run'] {
  return async (world, untilMs) => {
    const open: RawClient[] = [];
    await atRate(perSecond, untilMs, () => {
      const client = attacker(world);
      void client.send(first);
      open.push(client);
      if (open.length > 50) open.shift()?.destroy();
    });
    for (const client of open) client.destroy();
  };
}

/** One connection of HTTP/2 that asks for a megabyte on each of many streams and gives no window. */
async function windowless(world: Attacked, untilMs: number): Promise<void> {
  const path = world.path('/big');
  world.origin.answerUnder(path, { fields: { 'cache-control': 'max-age=60' }, body: BIG });
  // Node takes `localAddress` as well, which its types do not say.
  const options = { rejectUnauthorized: false, localAddress: FROM, settings: { initialWindowSize: 0 } };
  const session = connectH2(`https://127.0.0.1:${world.port}`, options);
  session.on('error', () => {});
  await atRate(50, untilMs, (turn) => {
    if (session.destroyed) return;
    const stream = session.request({ ':path': `${path}/${turn}` });
    stream.on('error', () => {});
  });
  session.destroy();
}

const RANGES = `Range: bytes=${Array.from({ length: 1_000 }, (_, at) => `${at * 7}-${at * 7 + 1}`).join(',')}`;
const FIELDS = Array.from({ length: 90 }, (_, at) => `X-Field-${at}: ${'a'.repeat(100)}`);

export const FLOODS: readonly Flood[] = [
  { name: '140 clients that read nothing, a miss each', rule: 'slow readers', run: readers(140, 0, false) },
  { name: '140 clients that read nothing of one URL', rule: 'slow readers', run: readers(140, 0, true) },
  {
    name: '140 clients that read 1,000 bytes a second, a miss each',
    rule: 'slow readers',
    run: readers(140, 1_000, false),
  },
  { name: 'HTTP/2: 50 streams a second without a window', rule: 'slow readers', run: windowless },
  { name: '300 connections that send nothing', rule: 'idle connections', run: slowHeads(300, '') },
  {
    name: '300 heads that never end',
    rule: 'slowloris',
    run: slowHeads(300, `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-A: `),
  },
  { name: '100 connections a second', rule: 'connection flood', run: connections(100, '') },
  {
    name: '50 connections a second, with a request each',
    rule: 'connection flood',
    run: connections(50, head('/flood')),
  },
  { name: '50 connections a second that speak no TLS', rule: 'connection flood', run: plainFlood },
  { name: '200 hits a second', rule: 'request flood', run: requests(200, () => head('/flood')) },
  { name: '100 misses a second', rule: 'request flood', run: requests(100, (_, world) => head(world.path('/flood'))) },
  {
    name: '100 queries a second of one path',
    rule: 'request flood',
    run: requests(100, (turn) => head(`/flood?${turn}`)),
  },
  {
    name: '20 pipelines a second of 10 requests',
    rule: 'request flood',
    run: requests(20, () => head('/flood').repeat(10)),
  },
  { name: '50 requests a second of 90 fields', rule: 'field flood', run: requests(50, () => head('/flood', FIELDS)) },
  {
    name: '20 requests a second of 100,000 bytes of fields',
    rule: 'field flood',
    run: requests(20, () => head('/flood', [`X-Long: ${'a'.repeat(100_000)}`])),
  },
  { name: '50 requests a second of 1,000 ranges', rule: 'range flood', run: rangeFlood },
  { name: '100 unknown methods a second', rule: 'method flood', run: requests(100, () => head('/flood', [], 'EVIL')) },
  {
    name: '100 malformed requests a second',
    rule: 'error flood',
    run: requests(100, () => 'GET /\x00 HTTP/1.1\r\n\r\n'),
  },
  { name: '100 variants a second', rule: 'variant flood', run: variantFlood },
];

function plainFlood(world: Attacked, untilMs: number): Promise<void> {
  return atRate(50, untilMs, () => {
    const client = world.connect({ from: FROM, tls: false });
    void client.send(head('/flood')).then(() => setTimeout(() => client.destroy(), 500));
  });
}

function rangeFlood(world: Attacked, untilMs: number): Promise<void> {
  const path = world.path('/big');
  world.origin.answerUnder(path, { fields: { 'cache-control': 'max-age=60', etag: '"1"' }, body: BIG });
  return requests(50, () => head(path, [RANGES]))(world, untilMs);
}

function variantFlood(world: Attacked, untilMs: number): Promise<void> {
  const path = world.path('/varying');
  world.origin.answerUnder(path, { fields: { 'cache-control': 'max-age=60', vary: 'X-Own' }, body: 'varies' });
  return requests(100, (turn) => head(path, [`X-Own: ${turn}`]))(world, untilMs);
}
