import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import type { Invalidation } from '../../src/cache/contract.ts';
import { etagOf } from '../../src/cache/keys/digest.ts';
import { createRepository } from '../../src/cache/repository/repository.ts';
import { transaction, UnitOfWork } from '../../src/cache/repository/unit-of-work.ts';
import { cacheBench, codeOf, errorOf, settle } from './bench.ts';

interface User {
  readonly id: number;
  readonly name: string;
  readonly age: number;
}

/** Users in a database of their own, and what was asked of it. */
function users(alsoInvalidates?: Invalidation) {
  const bench = cacheBench();
  const database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER NOT NULL)');
  for (const name of ['Ada', 'Bob', 'Cleo'])
    database.prepare('INSERT INTO users (name, age) VALUES (?, ?)').run(name, 30);
  const asked: string[] = [];
  const one = (id: number) => database.prepare('SELECT * FROM users WHERE id = ?').get(id) as User | undefined;
  const repository = createRepository({
    cache: bench.cache,
    entity: 'user',
    item: { ttl: '1h', nullTtl: '1s' },
    ...(alsoInvalidates !== undefined && { alsoInvalidates }),
    idOf: (user: User) => user.id,
    findById: (id: number) => {
      asked.push(`one ${id}`);
      return one(id);
    },
    findMany: ({ minAge }: { minAge?: number | undefined }) => {
      asked.push(`many ${minAge}`);
      return database.prepare('SELECT * FROM users WHERE age >= ? ORDER BY id').all(minAge ?? 0) as unknown as User[];
    },
    create: ({ name, age }: Omit<User, 'id'>) => {
      const sql = 'INSERT INTO users (name, age) VALUES (?, ?) RETURNING *';
      return database.prepare(sql).get(name, age) as unknown as User;
    },
    update: (id: number, { age }: Partial<User>) => {
      const sql = 'UPDATE users SET age = coalesce(?, age) WHERE id = ? RETURNING *';
      return database.prepare(sql).get(age ?? null, id) as User | undefined;
    },
    remove: (id: number) => database.prepare('DELETE FROM users WHERE id = ?').run(id).changes > 0,
  });
  const run = (sql: string) => () => database.exec(sql);
  const control = { begin: run('BEGIN'), commit: run('COMMIT'), rollback: run('ROLLBACK'), isConnectionShared: false };
  return { ...bench, repository, database, asked, control };
}

const ages = async (repository: ReturnType<typeof users>['repository']) =>
  (await repository.findMany({})).map(({ age }) => age);

describe('a repository', () => {
  test('reads each record and list once', async () => {
    const { repository, asked } = users();
    for (let time = 0; time < 3; time++) {
      expect(await repository.findById(1)).toMatchObject({ name: 'Ada' });
      expect(await repository.findMany({ minAge: 20 })).toHaveLength(3);
      expect(await repository.findById(99)).toBeNull();
    }
    expect(asked).toEqual(['one 1', 'many 20', 'one 99']);
    await repository.findMany({ minAge: 21 });
    expect(asked).toHaveLength(4);
  });

  test('gives what was written, once the write has resolved', async () => {
    const { repository } = users();
    expect([await repository.findById(1), await repository.findById(4)]).toMatchObject([{ age: 30 }, null]);
    expect(await ages(repository)).toEqual([30, 30, 30]);
    expect(await repository.update(1, { age: 31 })).toMatchObject({ age: 31 });
    expect(await repository.findById(1)).toMatchObject({ age: 31 });
    expect(await ages(repository)).toEqual([31, 30, 30]);
    expect(await repository.create({ name: 'Dan', age: 5 })).toMatchObject({ id: 4 });
    expect(await repository.findById(4)).toMatchObject({ name: 'Dan' });
    expect(await ages(repository)).toEqual([31, 30, 30, 5]);
    expect(await repository.delete(4)).toBe(true);
    expect(await repository.delete(4)).toBe(false);
    expect(await repository.findById(4)).toBeNull();
    expect(await repository.update(99, { age: 1 })).toBeNull();
    expect(await ages(repository)).toEqual([31, 30, 30]);
  });

  test('keeps other records when one is written', async () => {
    const { repository, asked } = users();
    await repository.findById(1);
    await repository.findById(2);
    await repository.update(1, { age: 31 });
    asked.length = 0;
    await repository.findById(2);
    expect(asked).toEqual([]);
  });

  test('gives lists the tags of their records, and has tags of its own beside those of the options', async () => {
    const { repository, cache, asked } = users();
    await repository.findMany({});
    await cache.invalidate({ tags: ['user:2'] });
    await repository.findMany({});
    expect(asked).toEqual(['many undefined', 'many undefined']);
  });

  test('invalidates what it is told to besides', async () => {
    const { repository, cache } = users({ tags: ['report'] });
    cache.set('report', 1, { tags: ['report'] });
    await repository.update(1, { age: 31 });
    expect(cache.get('report')).toBeUndefined();
  });

  test('hears of a change from elsewhere', async () => {
    const { repository, database } = users();
    await repository.findById(1);
    database.exec('UPDATE users SET age = 77 WHERE id = 1');
    expect(await repository.findById(1)).toMatchObject({ age: 30 });
    await repository.changed(1);
    expect(await repository.findById(1)).toMatchObject({ age: 77 });
  });

  test('never takes an id for a list', async () => {
    const { cache } = cacheBench();
    const fill = { create: () => null, update: () => null, remove: () => true, idOf: () => '' };
    const repository = createRepository({
      ...{ cache, entity: 'e', ...fill },
      findById: (id: string) => `one ${id}`,
      findMany: () => ['list'],
    });
    const id = repository.listKey({}).slice('e:'.length);
    expect(await repository.findMany({})).toEqual(['list']);
    expect(await repository.findById(id)).toBe(`one ${id}`);
    expect(repository.itemKey('a:b')).not.toBe(repository.itemKey('a%3ab'));
    expect(await codeOf(() => createRepository({ ...repository, entity: 'a:b' } as never))).toBe('E_KEY');
  });

  test('invalidates also when a write fails, and rejects with what failed', async () => {
    const { repository, database, failNext } = users();
    await repository.findById(1);
    await repository.findById(4);
    database.exec(`CREATE TRIGGER t AFTER UPDATE ON users BEGIN SELECT RAISE(FAIL, 'half done'); END`);
    expect((await errorOf(() => repository.update(1, { age: 50 }))).message).toContain('half done');
    // FAIL keeps what the statement has changed before it.
    expect(await repository.findById(1)).toMatchObject({ age: 50 });
    const log = new Error('log');
    failNext(log);
    const error = await errorOf(() => repository.update(1, { age: 51 }));
    expect((error as AggregateError).errors).toMatchObject([{ message: 'half done' }, log]);
  });

  test('asks again for what was not there after a creation that failed: nobody knows what it wrote', async () => {
    const { cache } = cacheBench();
    const rows = new Map<number, string>();
    const repository = createRepository({
      ...{ cache, entity: 'row', idOf: () => 1, findMany: () => [], update: () => null, remove: () => true },
      findById: (id: number) => rows.get(id),
      create: () => {
        rows.set(1, 'written');
        throw new Error('connection lost');
      },
    });
    expect(await repository.findById(1)).toBeNull();
    expect((await errorOf(() => repository.create({}))).message).toBe('connection lost');
    expect(await repository.findById(1)).toBe('written');
  });

  test('does not keep what was read while a write ran', async () => {
    const { cache } = cacheBench();
    const row = { id: 1, age: 30 };
    const held = Promise.withResolvers<void>();
    const repository = createRepository({
      ...{ cache, entity: 'row', idOf: () => 1, findMany: () => [], create: () => row, remove: () => true },
      findById: async (_: number) => {
        const read = { ...row };
        await held.promise;
        return read;
      },
      update: (_: number, { age }: { age: number }) => Object.assign(row, { age }),
    });
    const before = repository.findById(1);
    await settle();
    await repository.update(1, { age: 31 });
    const after = repository.findById(1);
    held.resolve();
    expect([await before, await after]).toMatchObject([{ age: 30 }, { age: 31 }]);
    expect(await repository.findById(1)).toMatchObject({ age: 31 });
  });
});

describe('a transaction', () => {
  test('invalidates after its commit, and reads past the cache until then', async () => {
    const { repository, cache, control, invalidated } = users();
    await repository.findById(1);
    const result = await transaction(cache, control, async (unit) => {
      const inside = repository.within(unit);
      await inside.update(1, { age: 40 });
      expect(await inside.findById(1)).toMatchObject({ age: 40 });
      expect((await inside.findMany({}))[0]).toMatchObject({ age: 40 });
      expect(await inside.findById(99)).toBeNull();
      expect(invalidated).toEqual([]);
      return 'done';
    });
    expect(result).toBe('done');
    expect(await repository.findById(1)).toMatchObject({ age: 40 });
  });

  test('that is rolled back invalidates nothing', async () => {
    const { repository, cache, control, invalidated } = users();
    const refusal = new Error('no');
    const error = await errorOf(() =>
      transaction(cache, control, async (unit) => {
        await repository.within(unit).create({ name: 'Eve', age: 1 });
        throw refusal;
      }),
    );
    expect(error).toBe(refusal);
    expect(invalidated).toEqual([]);
    expect(await ages(repository)).toEqual([30, 30, 30]);
  });

  test('on a connection that others read from leaves nothing of a rollback in the cache', async () => {
    const { repository, cache, control } = users();
    const shared = { ...control, isConnectionShared: true };
    await codeOf(() =>
      transaction(cache, shared, async (unit) => {
        await repository.within(unit).update(1, { age: 99 });
        expect(await repository.findById(1)).toMatchObject({ age: 99 });
        throw new Error('no');
      }),
    );
    expect(await repository.findById(1)).toMatchObject({ age: 30 });
  });

  test('of unknown outcome invalidates: a commit or a rollback that fails', async () => {
    const lost = new Error('connection lost');
    const loses = () => Promise.reject(lost);
    for (const broken of [{ commit: loses }, { rollback: loses }]) {
      const { repository, cache, control, database } = users();
      await repository.findById(1);
      const error = await errorOf(() =>
        transaction(cache, { ...control, ...broken }, async (unit) => {
          await repository.within(unit).update(1, { age: 60 });
          if ('rollback' in broken) throw new Error('work');
        }),
      );
      if ('rollback' in broken) expect((error as AggregateError).errors).toMatchObject([{ message: 'work' }, lost]);
      else expect(error).toBe(lost);
      database.exec('COMMIT');
      expect(await repository.findById(1)).toMatchObject({ age: 60 });
    }
  });

  test('in one batch invalidates what was noted, also when the batch fails', async () => {
    for (const fails of [false, true]) {
      const { cache } = cacheBench();
      cache.set('a', 1, { tags: ['t'] });
      const unit = new UnitOfWork(cache);
      unit.note({ tags: ['t'] });
      const batch = () => (fails ? Promise.reject(new Error('batch')) : 'results');
      if (fails) expect((await errorOf(() => unit.commit(batch))).message).toBe('batch');
      else expect(await unit.commit(batch)).toBe('results');
      expect(cache.get('a')).toBeUndefined();
    }
  });
});

describe('an entity tag', () => {
  test('is strong, and the same for equal content alone', () => {
    expect(etagOf({ a: 1, b: [1, new Date(0)] })).toMatch(/^"[0-9a-f]{32}"$/);
    expect(etagOf({ a: 1, b: 2 })).toBe(etagOf({ b: 2, a: 1 }));
    expect(new Set([etagOf(1), etagOf('1'), etagOf(null), etagOf([1]), etagOf({ a: 1 })]).size).toBe(5);
  });

  test('is refused for what has no content to speak of', async () => {
    expect(await codeOf(() => etagOf({ at: () => 1 }))).toBe('E_VALUE');
  });
});
