// `withTidegate` on databases that run in this process.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { soundSuite } from './suite.ts';
import { soundKeysSuite } from './suite-keys.ts';
import { soundWritesSuite } from './suite-writes.ts';
import { openLibsql, openNodeSqlite, openPglite, startPglite } from './worlds.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-sound-'));
beforeAll(startPglite, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

soundSuite('PGlite', openPglite);
soundSuite('node:sqlite', openNodeSqlite);
soundSuite('libSQL', () => openLibsql(join(folder, 'libsql.db')));

soundWritesSuite('PGlite', openPglite, { hasTransactions: true, hasBatch: false, gate: true });
soundWritesSuite('node:sqlite', openNodeSqlite, { hasTransactions: true, hasBatch: true, gate: true });
soundWritesSuite('libSQL', () => openLibsql(join(folder, 'libsql.db')), {
  hasTransactions: true,
  hasBatch: true,
  gate: true,
});
soundKeysSuite('PGlite', openPglite);
soundKeysSuite('node:sqlite', openNodeSqlite);
soundKeysSuite('libSQL', () => openLibsql(join(folder, 'libsql.db')));
