// Conditional refresh: a source that can say "nothing has changed" need not send all again.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createCache } from 'tidegate';

const server = createServer((request, response) => {
  const isSame = request.headers['if-none-match'] === '"v1"';
  console.log(isSame ? '304, no body' : '200, all of it');
  response.writeHead(isSame ? 304 : 200, { etag: '"v1"' }).end(isSame ? undefined : '{"rows":3}');
});
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/report`;

const cache = createCache();
const report = () =>
  cache.getOrSet<unknown>(
    'report',
    async (fill) => {
      const validator = fill.previous?.validator;
      const headers = validator === undefined ? {} : { 'if-none-match': validator };
      const response = await fetch(url, { headers, signal: fill.signal });
      if (response.status === 304) return fill.notModified();
      if (!response.ok) fill.fail(`status ${response.status}`);
      fill.setValidator(response.headers.get('etag') ?? '');
      return response.json();
    },
    { ttl: '50ms' },
  );

console.log(await report());
await wait(100);
console.log(await report());
server.close();
server.closeAllConnections();
