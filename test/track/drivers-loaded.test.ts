// Drivers that are loaded and not wrapped are told of: in the status, and to `onFault` with the first request.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import { createTracker, sqliteDatabase } from '../../src/track/index.ts';
import { Drivers } from '../../src/track/wrap/drivers.ts';
import { atEnd, shopFile } from './world.ts';

/** A package of CommonJS that goes by the name of a driver which no tracker can wrap. */
function loadPackage(name: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-driver-'));
  atEnd(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'node_modules', name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'index.js'), 'exports.createConnection = () => undefined;');
  createRequire(join(folder, 'application.js'))(name);
}

async function tracked() {
  const path = shopFile();
  const faults: unknown[] = [];
  const tracker = createTracker({
    source: 'shop',
    database: sqliteDatabase({ path, install: true }),
    targets: [],
    onFault: (error) => faults.push(error),
  });
  await tracker.start();
  atEnd(() => tracker.stop());
  return { path, tracker, faults };
}

const told = (driver: string) =>
  `expected connections of ${driver}, which is loaded, to be wrapped (tracker.wrap), got none`;

it('a driver that is loaded and not wrapped is told of once, before the first response is made', async () => {
  const { tracker, faults } = await tracked();
  expect(tracker.status().problems.join()).toContain(told('better-sqlite3'));
  expect(faults).toEqual([]);
  for (let requests = 0; requests < 3; requests++) tracker.openScope().end();
  expect(faults).toMatchObject([{ code: 'E_UNSEEN' }]);
  expect(String(faults[0])).toContain(told('better-sqlite3'));
});

it('one that is wrapped after the start is not', async () => {
  const { path, tracker, faults } = await tracked();
  const raw = new BetterSqlite(path);
  atEnd(() => raw.close());
  tracker.wrap(raw);
  tracker.openScope().end();
  expect(faults).toEqual([]);
  expect(tracker.status().problems).toEqual([]);
});

it('of one that no tracker wraps it is told what else helps, also where it is loaded later', async () => {
  const { path, tracker } = await tracked();
  const raw = new BetterSqlite(path);
  atEnd(() => raw.close());
  tracker.wrap(raw);
  loadPackage('mysql2');
  expect(tracker.status().problems).toEqual([
    `${told('mysql2')}: what is read by it is not seen. No tracker wraps this driver: refuse what is made of it, by tracker.current()?.refuse`,
  ]);
});

it('of what the feed alone may have loaded nothing is told', async () => {
  const [feedHere, feedElsewhere] = [new Drivers(true), new Drivers(false)];
  await import('pg');
  expect([...feedHere.unwrapped().keys()]).not.toContain('pg');
  expect([...feedElsewhere.unwrapped().keys()]).toContain('pg');
  expect([...new Drivers(true).unwrapped().keys()]).toContain('pg');
});
