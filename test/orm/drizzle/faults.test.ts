// What is left in doubt, and what hears of faults: a database that may commit late, a cache that fails, a listener that throws.

import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { drizzle } from 'drizzle-orm/sqlite-proxy';
import { expect, test, vi } from 'vitest';
import { createCache } from '../../../src/index.ts';
import { Texts } from '../../../src/orm/drizzle/catalogue/texts.ts';
import { Tally } from '../../../src/orm/drizzle/tally.ts';
import { assembled } from '../../../src/orm/drizzle/with-tidegate.ts';
import { Guard } from '../../../src/orm/drizzle/writes/guard.ts';
import { SimulatedTime } from '../../kit/simulated-time.ts';
import { openBetterSqlite } from './drizzle-next.ts';
import { openNodeSqlite } from './worlds.ts';
import { type Failing, failingCache, LITE_TABLES, liteSchema, worldOf } from './wrapped-kit.ts';

const { users } = liteSchema;

test('at the end of a doubt the cache is told, also where nobody asks this object', async () => {
  const raw = new DatabaseSync(':memory:');
  for (const statement of LITE_TABLES) raw.exec(statement);
  raw.exec("insert into users (id, name) values (1, 'Ada')");
  const time = new SimulatedTime();
  const cache = createCache({ name: 'doubt' });
  const open = () =>
    assembled(
      drizzle(async (query) => {
        if (query.startsWith('update')) throw new Error('connection lost');
        const statement = raw.prepare(query);
        statement.setReturnArrays(true);
        return { rows: statement.all() };
      }),
      { cache, database: 'app', doubt: 200, clock: time },
      { guard: (options) => new Guard({ ...options, tasks: time }) },
    );
  const [writer, reader] = [open(), open()];
  await expect((async () => await writer.update(users).set({ name: 'late' }))()).rejects.toThrow();
  const page = () => cache.getOrSet('page', () => raw.prepare('select name from users').all(), { tables: ['users'] });
  const byReader = () => reader.$cached().select({ name: users.name }).from(users);
  expect(await page()).toEqual([{ name: 'Ada' }]);
  expect(await byReader()).toEqual([{ name: 'Ada' }]);
  raw.exec("update users set name = 'late'");
  time.advance(199);
  await turn();
  expect(await byReader()).toEqual([{ name: 'Ada' }]);
  time.advance(1);
  await turn();
  expect(await page()).toEqual([{ name: 'late' }]);
  expect(await byReader()).toEqual([{ name: 'late' }]);
  expect(time.idle).toBe(true);
});

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('the log is down');
    },
  ],
  ['rejects', () => Promise.reject(new Error('the log is down'))],
])('an onFault that %s fails no read and no write, and leaves nothing open', async (_name, onFault) => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  try {
    for (const open of [openNodeSqlite, openBetterSqlite]) {
      const failing: Failing = {};
      const cache = failingCache(createCache({ name: 'failing' }), failing);
      const { sound, schema } = worldOf(await open(), { cache, onFault });
      const read = async () => await sound.select().from(schema.users);
      Object.assign(failing, { get: true, invalidate: true });
      await sound.insert(schema.users).values({ id: 1, name: 'one' });
      expect(await read()).toHaveLength(1);
      Object.assign(failing, { get: false, invalidate: false });
      for (let at = 0; at < 3; at++) {
        expect(await read()).toHaveLength(1);
        await turn();
      }
      expect(sound.$cacheStats().hits).toBeGreaterThan(0);
    }
  } finally {
    process.off('unhandledRejection', unhandled);
  }
  expect(unhandled).not.toHaveBeenCalled();
});

test('where the parser of PostgreSQL cannot be loaded, a text may read and write anything, and its fault is told once', async () => {
  const faults: unknown[] = [];
  const refused = new Error('no WebAssembly here');
  const texts = new Texts('postgres', new Tally((fault) => faults.push(fault)), () => Promise.reject(refused));
  const facts = () => texts.whenReady(() => texts.of('select 1 from users').facts);
  expect(await facts()).toMatchObject({ isUnreadable: true, isOpaque: true, isWrite: true });
  expect(await facts()).toMatchObject({ isUnreadable: true });
  expect(faults).toEqual([refused]);
});
