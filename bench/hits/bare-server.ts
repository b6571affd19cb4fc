// A node:http server that answers from a Map what a gate answers on a hit: the same fields, ready made, and the same body.

import { createServer, type Server } from 'node:http';
import { body, originFields, TARGET } from './resource.ts';

interface Ready {
  readonly fields: string[];
  readonly body: Buffer;
}

/** Date of the stored response and the fields that a cache adds. */
const cacheFields = [
  ...['date', 'Tue, 05 Mar 2024 10:12:31 GMT'],
  ...['age', '0'],
  ...['cache-status', 'tidegate; hit; ttl=3600'],
];

export function createBareServer(): Server {
  const stored = new Map<string, Ready>([[TARGET, { fields: [...originFields, ...cacheFields], body }]]);
  return createServer((request, response) => {
    const ready = stored.get(request.url ?? '');
    if (ready === undefined) {
      response.writeHead(404);
      response.end();
      return;
    }
    response.writeHead(200, ready.fields);
    response.end(ready.body);
  });
}
