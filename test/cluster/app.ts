// A data cache of a program, as a process of its own: GET reads a key through the cache, POST writes it and invalidates.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from 'redis';
import { storeTier } from '../../src/cache/store-tier.ts';
import { createCache } from '../../src/index.ts';
import { openRedisLog, redisStore } from '../../src/node/redis-log.ts';

const [redisUrl, originUrl, name, lease] = process.argv.slice(2) as [string, string, string, string];
const client = createClient({ url: redisUrl, socket: { reconnectStrategy: () => 100 } });
client.on('error', () => {});
await client.connect();
const log = await openRedisLog({ client, name, lease: Number(lease) });
const store = redisStore({ client, name });
const cache = createCache({
  log,
  memory: { maxEntries: 20 },
  tiers: [storeTier({ name: 'redis', store, timeout: '500ms', pause: '1s' })],
});

const asked = async (key: string, init?: RequestInit) =>
  Number(await (await fetch(`${originUrl}/${key}`, init)).text());

const server = createServer((request, response) => {
  const key = (request.url ?? '').slice(1);
  answer(request.method === 'POST', key).then(
    ({ version, how }) => response.setHeader('cache-status', how).end(String(version)),
    (error: unknown) => response.writeHead(503).end(String(error)),
  );
});

async function answer(isWrite: boolean, key: string) {
  if (isWrite) {
    const version = await asked(key, { method: 'POST', body: 'x' });
    await cache.invalidate({ tags: [key] });
    return { version, how: 'write' };
  }
  let how = 'app; hit';
  const version = await cache.getOrSet(
    key,
    () => {
      how = 'app; fwd=miss';
      return asked(key);
    },
    { tags: [key] },
  );
  return { version, how };
}

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`gate: http://127.0.0.1:${(server.address() as AddressInfo).port}\nadmin: none\n`);
});
