// examples/fly as three processes, 0, 80 and 150 ms there and back from the engine: what one region writes is in force in all, and one that is
// cut off serves nothing outdated.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { MemberProcess } from '../cluster/member-process.ts';
import { ask } from '../drill/client.ts';
import { NO_REDIS, Redis, START_MS } from '../kit/redis.ts';
import { Relay } from '../kit/relay.ts';

const BIN = fileURLToPath(new URL('../../src/node/bin.ts', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../examples/fly/tidegate.config.ts', import.meta.url));
const REGIONS = { fra: 0, iad: 80, syd: 150 } as const;
type Region = keyof typeof REGIONS;
const LEASE_MS = 2_000;

let redis: Redis | undefined;
let version = 0;
const links = new Map<Region, Relay>();
const gates = new Map<Region, MemberProcess>();
const urls = new Map<Region, string>();

const origin = createServer((request, response) => {
  if (request.method === 'POST') version++;
  response.writeHead(200, { 'cache-control': 'max-age=3600' }).end(String(version));
});

beforeAll(async () => {
  redis = await Redis.start();
  if (redis === undefined) return;
  const { port } = redis;
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  for (const [region, tripMs] of Object.entries(REGIONS) as [Region, number][]) {
    const link = new Relay(() => port, tripMs / 2);
    await link.listen();
    links.set(region, link);
    const env = {
      ORIGIN_URL: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
      TIDEGATE_CLUSTER_URL: `redis://127.0.0.1:${link.port}`,
      FLY_REGION: region,
    };
    const args = [BIN, 'serve', CONFIG, '--host', '127.0.0.1', '--port', '0', '--admin-port', '0'];
    const gate = new MemberProcess({ args, cwd: fileURLToPath(new URL('.', import.meta.url)), env });
    gates.set(region, gate);
    urls.set(region, (await gate.listening) ?? expect.unreachable(gate.lines.join('\n')));
  }
}, START_MS);
beforeEach((context) => context.skip(redis === undefined, NO_REDIS));
afterAll(async () => {
  for (const gate of gates.values()) gate.signal('SIGKILL');
  await Promise.all([...gates.values()].map(({ ended }) => ended));
  for (const link of links.values()) link.close();
  origin.close();
  await redis?.end();
});

async function read(region: Region) {
  const reply = await ask({ url: `${urls.get(region)}/a`, timeoutMs: 5_000, host: 'shop.example' });
  return { text: reply?.text, how: reply?.field('cache-status') ?? '' };
}

async function write(region: Region) {
  const beganMs = performance.now();
  const reply = await ask({ url: `${urls.get(region)}/a`, timeoutMs: 9_000, host: 'shop.example', body: 'x' });
  return { status: reply?.status, tookMs: performance.now() - beganMs };
}

const regions = Object.keys(REGIONS) as Region[];

async function stored(): Promise<void> {
  for (const region of regions) {
    await expect
      .poll(
        async () => {
          await read(region);
          return (await read(region)).how;
        },
        { timeout: 8_000 },
      )
      .toContain('; hit');
  }
}

test('what any region writes is in force in all when its client is answered', async () => {
  for (const writer of regions) {
    await stored();
    expect((await write(writer)).status).toBe(200);
    for (const region of regions) expect((await read(region)).text).toBe(String(version));
  }
}, 60_000);

test('a region that is cut off is waited for once, and serves nothing outdated', async () => {
  await stored();
  links.get('iad')?.become('held');
  const first = await write('fra');
  expect(first.status).toBe(200);
  expect(first.tookMs).toBeLessThan(LEASE_MS + 1_000);
  expect(await read('iad')).toEqual({ text: String(version), how: expect.stringContaining('detail=no-lease') });
  const next = await write('syd');
  expect(next.status).toBe(200);
  expect(next.tookMs).toBeLessThan(LEASE_MS);
  expect((await write('iad')).status).toBe(503);
  links.get('iad')?.become('open');
  await sleep(1_000);
  expect((await read('iad')).text).toBe(String(version));
  await stored();
}, 60_000);
