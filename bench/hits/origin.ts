// Child process: the origin. Prints its URL once it serves.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { body, originFields } from './resource.ts';

const server = createServer((_request, response) => {
  response.writeHead(200, [...originFields]);
  response.end(body);
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
