// Child process: bare node:http, the least that a cache on it can do. Prints its URL once it serves.

import type { AddressInfo } from 'node:net';
import { createBareServer } from './bare-server.ts';

const server = createBareServer();
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
