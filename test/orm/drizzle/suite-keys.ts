// What must hold of keys, options and a failing cache: each test runs on a real database.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Cache, createCache } from '../../../src/index.ts';
import type { SoundOptions } from '../../../src/orm/drizzle/options.ts';
import { type Base, type Failing, failingCache, type SoundDb, type World, worldOf } from './wrapped-kit.ts';

export function soundKeysSuite(name: string, open: () => Promise<Base>): void {
  describe(name, () => {
    let world: World = undefined as never;
    const start = async (options: Partial<SoundOptions> = {}) => {
      await world?.close();
      world = worldOf(await open(), options);
      await world.sound.insert(world.schema.users).values({ id: 1, name: 'one' });
      return world;
    };
    beforeEach(() => start());
    afterEach(async () => await world.close());

    const names = async (db: Pick<SoundDb, 'select'> = world.sound) =>
      (await db.select().from(world.schema.users)).map((user) => user.name).join();
    const rename = (to: string) => world.sound.update(world.schema.users).set({ name: to });
    const hits = () => world.sound.$cacheStats().hits;

    describe('keys', () => {
      test('rows of one tenant, role or schema are not given to another', async () => {
        const who = { tenant: 'a', role: 'r', schema: 's' };
        await start({ tenant: () => who.tenant, role: () => who.role, schema: () => who.schema });
        for (const name of ['tenant', 'role', 'schema'] as const) {
          await names();
          await names();
          who[name] = 'other';
          const before = hits();
          await names();
          expect(hits(), name).toBe(before);
        }
      });

      test('a tenant that cannot be told is no reason to fail, nor to cache', async () => {
        await start({
          tenant: () => {
            throw new Error('nobody');
          },
        });
        expect(await names()).toBe('one');
        expect(await names()).toBe('one');
        expect(hits()).toBe(0);
      });

      test('two queries under one tag have two entries, and go together', async () => {
        await start({ strategy: 'explicit' });
        const { sound, schema } = world;
        const one = () => sound.select().from(schema.users).$withCache({ tag: 'both' });
        const two = () => sound.select({ id: schema.users.id }).from(schema.users).$withCache({ tag: 'both' });
        await one();
        expect(await two()).toEqual([{ id: 1 }]);
        expect(await one()).toHaveLength(1);
        await two();
        expect(hits()).toBe(2);
        await sound.$cache.invalidate({ tags: 'both' });
        await one();
        await two();
        expect(hits()).toBe(2);
      });

      test('explicit: only what asks is cached, and what says no is not', async () => {
        await start({ strategy: 'explicit' });
        await names();
        await names();
        expect(hits()).toBe(0);
        await names(world.sound.$cached());
        await names(world.sound.$cached());
        expect(hits()).toBe(1);
        await world.sound.select().from(world.schema.users).$withCache();
        expect(hits()).toBe(2);
        await world.sound.$cached().select().from(world.schema.users).$withCache(false);
        expect(hits()).toBe(2);
      });

      test('tables are invalidated by name and by object', async () => {
        for (const table of ['users', world.schema.users, [world.schema.users]]) {
          await names();
          const before = hits();
          await world.sound.$cache.invalidate({ tables: table });
          await names();
          expect(hits()).toBe(before);
        }
      });
    });

    describe('a failing cache', () => {
      test.each<keyof Failing>(['stamp', 'get', 'set'])('%s: every query is answered', async (what) => {
        const failing: Failing = { [what]: true };
        const cache: Cache = failingCache(createCache({ name: 'failing' }), failing);
        await start({ cache });
        expect(await names()).toBe('one');
        expect(await names()).toBe('one');
        await rename('two');
        expect(await names()).toBe('two');
        expect(world.faults.length).toBeGreaterThan(0);
      });

      test('an invalidation that fails fences its tables until one succeeds', async () => {
        const failing: Failing = {};
        await start({ cache: failingCache(createCache({ name: 'failing' }), failing) });
        await names();
        failing.invalidate = true;
        await rename('two');
        expect(await names()).toBe('two');
        await rename('three');
        expect(await names()).toBe('three');
        failing.invalidate = false;
        expect(await names()).toBe('three');
        await names();
        const before = hits();
        expect(await names()).toBe('three');
        expect(hits()).toBe(before + 1);
      });
    });
  });
}
