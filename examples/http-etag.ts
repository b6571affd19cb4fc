// An HTTP answer from an entry, with an ETag: a client that has it already gets 304.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCache, etagOf } from 'tidegate';

const cache = createCache();
const article = () => cache.getOrSet('article:1', () => ({ title: 'Tides', words: 1200 }), { ttl: '10m' });

const server = createServer(async (request, response) => {
  const value = await article();
  const etag = etagOf(value);
  response.setHeader('etag', etag).setHeader('cache-control', 'no-cache');
  const known = (request.headers['if-none-match'] ?? '').split(',').map((each) => each.trim());
  if (known.includes(etag)) return void response.writeHead(304).end();
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
});
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

const first = await fetch(url);
console.log(first.status, await first.text());
const etag = first.headers.get('etag') ?? '';
const second = await fetch(url, { headers: { 'if-none-match': etag } });
console.log(second.status, (await second.text()).length);
server.close();
server.closeAllConnections();
