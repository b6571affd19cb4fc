// `withTidegate` on PostgreSQL 18 and on D1.

import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll } from 'vitest';
import {
  openD1,
  openNodePostgres,
  openNodePostgresClient,
  openPostgresJs,
  type Server,
  startD1,
  startPostgres,
} from './sound-servers.ts';
import { soundSuite } from './sound-suite.ts';
import { soundKeysSuite } from './sound-suite-keys.ts';
import { soundWritesSuite } from './sound-suite-writes.ts';

let server: Server;
let d1: Miniflare;
beforeAll(async () => {
  [server, d1] = await Promise.all([startPostgres(), startD1()]);
}, 240_000);
afterAll(async () => await Promise.all([server.stop(), d1.dispose()]), 60_000);

soundSuite('node-postgres', () => openNodePostgres(server.url));
soundWritesSuite('node-postgres', () => openNodePostgres(server.url), {
  hasTransactions: true,
  hasBatch: false,
  gate: true,
});
soundKeysSuite('node-postgres', () => openNodePostgres(server.url));
soundWritesSuite('node-postgres, one connection', () => openNodePostgresClient(server.url), {
  hasTransactions: true,
  hasBatch: false,
  gate: false,
});
soundSuite('postgres.js', () => openPostgresJs(server.url));
soundWritesSuite('postgres.js', () => openPostgresJs(server.url), {
  hasTransactions: true,
  hasBatch: false,
  gate: false,
});
soundSuite('D1', () => openD1(d1));
soundWritesSuite('D1', () => openD1(d1), { hasTransactions: false, hasBatch: true, gate: false });
soundKeysSuite('D1', () => openD1(d1));
