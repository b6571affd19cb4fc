// The drop-in cache as Drizzle's own tests look at it, on the databases that need no server.

import { afterAll, expect, it } from 'vitest';
import type { TidegateCache } from '../../../src/orm/drizzle/index.ts';
import { hookSuite, SPIES } from './hook-suite.ts';
import { backends, closeBackends, warm } from './kit.ts';
import { openNodeSqlite } from './worlds.ts';
import { worldOf } from './wrapped-kit.ts';

afterAll(closeBackends);
for (const backend of backends) hookSuite(backend, () => warm(backend));

it.each(Object.entries(SPIES))('$cache.invalidate of withTidegate is spied on by %s too', async (_, spyOn) => {
  const { sound, schema, behind, close } = worldOf(await openNodeSqlite());
  const names = async () => (await sound.select().from(schema.users)).map(({ name }) => name);
  await sound.insert(schema.users).values({ id: 1, name: 'Ada' });
  await names();
  behind("update users set name = 'Grace'");
  expect(await names()).toEqual(['Ada']);
  const spy = spyOn(sound.$cache as unknown as TidegateCache, 'invalidate');
  await sound.$cached().$cache.invalidate({ tables: schema.users });
  expect(spy.calls()).toEqual([[{ tables: schema.users }]]);
  expect(await names()).toEqual(['Grace']);
  spy.restore();
  await close();
});
