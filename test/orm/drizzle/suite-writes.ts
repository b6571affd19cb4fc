// What must hold of transactions, batches and overlapping work: each test runs on a real database.

import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SoundOptions } from '../../../src/orm/drizzle/options.ts';
import { SimulatedTime } from '../../kit/simulated-time.ts';
import { type Base, execute, orm, type SoundDb, type World, worldOf } from './wrapped-kit.ts';

export function soundWritesSuite(
  name: string,
  open: () => Promise<Base>,
  has: Pick<Base, 'hasTransactions' | 'hasBatch'> & { readonly gate: boolean },
): void {
  describe(name, () => {
    let world: World = undefined as never;
    let { sql } = orm;
    const start = async (options: Partial<SoundOptions> = {}) => {
      await world?.close();
      world = worldOf(await open(), options);
      ({ sql } = world.orm);
      await world.sound.insert(world.schema.users).values({ id: 1, name: 'one' });
      return world;
    };
    beforeEach(() => start());
    afterEach(async () => await world.close());

    const names = async (db: Pick<SoundDb, 'select'> = world.sound) =>
      (await db.select().from(world.schema.users)).map((user) => user.name).join();
    const rename = (to: string, db: Pick<SoundDb, 'update'> = world.sound) =>
      db.update(world.schema.users).set({ name: to });
    const hits = () => world.sound.$cacheStats().hits;

    describe.runIf(has.hasTransactions)('transactions', () => {
      test('reads go past the cache and see their own writes; others see them after the commit', async () => {
        await names();
        const before = hits();
        await world.sound.transaction(async (tx) => {
          await rename('two', tx);
          expect(await names(tx)).toBe('two');
          expect(await names(tx)).toBe('two');
        });
        expect(hits()).toBe(before);
        expect(await names()).toBe('two');
        expect(await names()).toBe('two');
        expect(hits()).toBe(before + 1);
      });

      /** On a connection that all share, others may have read and stored what it took back. */
      const expectKept = async (before: number) => {
        expect(await names()).toBe('one');
        if (world.hasOwnConnections) expect(hits()).toBe(before + 1);
        expect(await names()).toBe('one');
        expect(hits()).toBeGreaterThan(before);
      };

      test('a rollback stores nothing it read, and on a connection of its own invalidates nothing', async () => {
        await names();
        const before = hits();
        const failed = new Error('no');
        await expect(
          world.sound.transaction(async (tx) => {
            await rename('two', tx);
            await names(tx);
            throw failed;
          }),
        ).rejects.toBe(failed);
        await expectKept(before);
      });

      test('tx.rollback() is a rollback', async () => {
        await names();
        const before = hits();
        await expect(
          world.sound.transaction(async (tx) => {
            await rename('two', tx);
            tx.rollback();
          }),
        ).rejects.toThrow();
        await expectKept(before);
      });

      test('raw SQL in a transaction invalidates at the commit', async () => {
        await names();
        await world.sound.transaction(async (tx) => {
          await execute(tx, sql`update users set name = 'raw'`);
        });
        expect(await names()).toBe('raw');
      });

      test('a transaction in a transaction: its writes count, and its rollback does not undo those around it', async () => {
        await names();
        await world.sound.transaction(async (tx) => {
          await rename('outer', tx);
          await tx
            .transaction(async (inner) => {
              await rename('inner', inner);
              expect(await names(inner)).toBe('inner');
              throw new Error('inner');
            })
            .catch(() => undefined);
          expect(await names(tx)).toBe('outer');
          await tx.transaction(async (inner) => {
            await inner.insert(world.schema.audit).values({ id: 1, what: 'kept' });
            await inner.transaction(
              async (innermost) =>
                void (await innermost.insert(world.schema.posts).values({ id: 1, userId: 1, title: 'deep' })),
            );
          });
        });
        expect(await names()).toBe('outer');
        expect(await world.sound.select().from(world.schema.audit)).toHaveLength(1);
        expect(await world.sound.select().from(world.schema.posts)).toHaveLength(1);
      });

      test('what only an inner transaction wrote is invalidated at the commit', async () => {
        const posts = () => world.sound.select().from(world.schema.posts);
        expect(await posts()).toHaveLength(0);
        await world.sound.transaction((tx) =>
          tx.transaction(
            async (inner) => void (await inner.insert(world.schema.posts).values({ id: 1, userId: 1, title: 'x' })),
          ),
        );
        expect(await posts()).toHaveLength(1);
      });

      test('a transaction through a handle of other options invalidates as any other', async () => {
        await names();
        await world.sound.$uncached().transaction(async (tx) => void (await rename('two', tx)));
        expect(await names()).toBe('two');
      });
    });

    describe.runIf(has.hasBatch)('batches', () => {
      test('a batch with a write invalidates; one of reads alone does not', async () => {
        const batched = world.sound as unknown as { batch(queries: readonly unknown[]): Promise<unknown[]> };
        const { users } = world.schema;
        await names();
        const results = await batched.batch([
          world.sound.select().from(users),
          world.sound.select({ id: users.id }).from(users),
        ]);
        expect(results[1]).toEqual([{ id: 1 }]);
        const before = hits();
        await names();
        expect(hits()).toBe(before + 1);
        await batched.batch([rename('batched'), world.sound.insert(users).values({ id: 2, name: 'more' })]);
        expect(await names()).toBe('batched,more');
      });
    });

    describe.runIf(has.gate)('what overlaps', () => {
      const held = () => {
        const gate = world.gate;
        if (gate === undefined) throw new Error('expected a gate');
        return gate;
      };
      /** Statements that match wait here until `open` is called. */
      const barrier = (at: 'before' | 'after', pattern: RegExp) => {
        const reached = Promise.withResolvers<void>();
        const opened = Promise.withResolvers<void>();
        held()[at] = (text) => {
          if (!pattern.test(text)) return undefined;
          held()[at] = undefined;
          reached.resolve();
          return opened.promise;
        };
        return { reached: reached.promise, open: () => opened.resolve() };
      };

      test('a read that a write overtook is not stored', async () => {
        const { reached, open } = barrier('after', /^select/);
        const slow = names();
        await reached;
        await rename('two');
        open();
        expect(await slow).toBe('one');
        expect(await names()).toBe('two');
      });

      test('a read during a write is neither stored nor served from the cache', async () => {
        await names();
        const before = hits();
        const { reached, open } = barrier('after', /^update/);
        const write = (async () => await rename('two'))();
        await reached;
        expect(await names()).toBe('two');
        expect(hits()).toBe(before);
        open();
        await write;
        const { misses } = world.sound.$cacheStats();
        expect(await names()).toBe('two');
        expect(world.sound.$cacheStats().misses).toBe(misses + 1);
      });

      test('a write whose answer is lost, though it was done, invalidates, and again when it could be done late', async () => {
        const time = new SimulatedTime();
        await start({ clock: time });
        await names();
        held().after = (text) => (text.startsWith('update') ? Promise.reject(new Error('connection lost')) : undefined);
        await expect((async () => await rename('two'))()).rejects.toThrow();
        held().after = undefined;
        expect(await names()).toBe('two');
        await world.behind("update users set name = 'late'");
        expect(await names()).toBe('late');
        time.advance(10_000);
        await names();
        await turn();
        await names();
        const before = hits();
        expect(await names()).toBe('late');
        expect(hits()).toBe(before + 1);
      });

      test.runIf(has.hasTransactions)('what others read on the connection of a transaction is not stored', async () => {
        if (world.hasOwnConnections || world.kind === 'pg') return;
        await expect(
          world.sound.transaction(async (tx) => {
            await rename('dirty', tx);
            expect(await names()).toBe('dirty');
            throw new Error('no');
          }),
        ).rejects.toThrow('no');
        expect(await names()).toBe('one');
      });

      test.runIf(has.hasTransactions)(
        'a read that began before a transaction wrote, and ends after its rollback, is not stored',
        async () => {
          if (world.hasOwnConnections || world.kind === 'pg') return;
          const { reached, open } = barrier('before', /^select/);
          const slow = names();
          await reached;
          const done = world.sound
            .transaction(async (tx) => {
              await rename('dirty', tx);
              open();
              expect(await slow).toBe('dirty');
              throw new Error('no');
            })
            .catch((error: unknown) => error);
          expect(await done).toMatchObject({ message: 'no' });
          expect(await names()).toBe('one');
        },
      );

      test('a transaction begun by hand is one', async () => {
        if (world.hasOwnConnections) return;
        await names();
        await execute(world.sound, sql`begin`);
        await rename('two');
        expect(await names()).toBe('two');
        await execute(world.sound, sql`rollback`);
        expect(await names()).toBe('one');
        await execute(world.sound, sql`begin`);
        await rename('three');
        await execute(world.sound, sql`commit`);
        expect(await names()).toBe('three');
        const before = hits();
        await names();
        expect(hits()).toBe(before + 1);
      });
    });
  });
}
