// What a reading of the repository found, each at its smallest.

import { describe, expect, test } from 'vitest';
import { createRepository } from '../../src/cache/repository/repository.ts';
import { transaction } from '../../src/cache/repository/unit-of-work.ts';
import { cacheBench, codeOf } from './bench.ts';

describe('a repository that is made wrong', () => {
  const row = {
    ...{ entity: 'row', idOf: () => 1, findById: () => null, findMany: () => [] },
    ...{ create: () => ({}), update: () => null, remove: () => true },
  };
  const bad: [object, string][] = [
    [{ alsoInvalidate: { tags: ['t'] } }, 'E_CONFIG'],
    [{ alsoInvalidates: { tag: 't' } }, 'E_SELECTOR'],
    [{ alsoInvalidates: { tags: [''] } }, 'E_TAG'],
    [{ alsoInvalidates: {} }, 'E_SELECTOR'],
    [{ item: { tll: 1 } }, 'E_CONFIG'],
    [{ list: { ttl: 'x' } }, 'E_TTL'],
    [{ update: undefined }, 'E_CONFIG'],
    [{ cache: undefined }, 'E_CONFIG'],
  ];
  test.each(bad)('is refused before anything is written: %j', async (wrong, code) => {
    const { cache } = cacheBench();
    expect(await codeOf(() => createRepository({ cache, ...row, ...wrong } as never))).toBe(code);
  });
});

describe('an id', () => {
  test('that is neither text nor number is refused before anything is read or written', async () => {
    const { cache } = cacheBench();
    const asked: string[] = [];
    const ask = (what: string) => () => {
      asked.push(what);
      return null;
    };
    const repository = createRepository({
      ...{ cache, entity: 'row', idOf: (): number => 1, findMany: () => [], create: ask('create'), remove: () => true },
      ...{ findById: ask('find'), update: ask('update') },
    });
    for (const id of [undefined, null, {}, Number.NaN, true, Symbol('s')] as unknown as number[]) {
      expect(await codeOf(() => repository.findById(id))).toBe('E_KEY');
      expect(await codeOf(() => repository.update(id, {}))).toBe('E_KEY');
      expect(await codeOf(() => repository.delete(id))).toBe('E_KEY');
      expect(await codeOf(() => repository.changed(id))).toBe('E_KEY');
    }
    expect(asked).toEqual([]);
  });

  test('of any length is read, written and invalidated, each for itself', async () => {
    const { cache } = cacheBench();
    const rows = new Map<string, number>();
    const repository = createRepository({
      ...{ cache, entity: 'row', findMany: () => [], idOf: () => '', create: () => 0, remove: () => true },
      findById: (id: string) => rows.get(id) ?? null,
      update: (id: string, value: number) => {
        rows.set(id, value);
        return null;
      },
    });
    const [one, other] = ['a', 'b'].map((end) => `${'x:'.repeat(300)}${end}`) as [string, string];
    await repository.update(one, 1);
    await repository.update(other, 2);
    expect([await repository.findById(one), await repository.findById(other)]).toEqual([1, 2]);
    await repository.update(one, 3);
    expect([await repository.findById(one), await repository.findById(other)]).toEqual([3, 2]);
  });

  test('that an update changes is found under the new one', async () => {
    const { cache } = cacheBench();
    let row = { id: 1, name: 'Ada' };
    const repository = createRepository({
      ...{ cache, entity: 'row', findMany: () => [row], create: () => row, remove: () => true },
      idOf: ({ id }: typeof row) => id,
      findById: (id: number) => (row.id === id ? row : null),
      update: (_: number, patch: Partial<typeof row>) => {
        row = { ...row, ...patch };
        return row;
      },
    });
    expect([await repository.findById(1), await repository.findById(5)]).toMatchObject([{ name: 'Ada' }, null]);
    await repository.update(1, { id: 5 });
    expect([await repository.findById(1), await repository.findById(5)]).toMatchObject([null, { name: 'Ada' }]);
  });

  test('that a record does not tell leaves nothing outdated behind its creation', async () => {
    const { cache } = cacheBench();
    const rows: number[] = [];
    const repository = createRepository({
      ...{ cache, entity: 'row', findById: () => null, update: () => null, remove: () => true },
      findMany: () => rows,
      idOf: () => undefined as unknown as number,
      create: () => rows.push(1),
    });
    expect(await repository.findMany({})).toEqual([]);
    expect(await codeOf(() => repository.create({}))).toBe('E_KEY');
    expect(await codeOf(() => repository.findMany({}))).toBe('E_KEY');
  });
});

describe('entries of a repository', () => {
  test('have the tags of the defaults, too', async () => {
    const { cache } = cacheBench({ defaults: { tags: ['site'] } });
    let age = 30;
    const repository = createRepository({
      ...{ cache, entity: 'row', create: () => 0, update: () => null, remove: () => true, idOf: () => 1 },
      findById: () => age,
      findMany: () => [age],
    });
    await repository.findById(1);
    await repository.findMany({});
    age = 31;
    await cache.invalidate({ tags: ['site'] });
    expect([await repository.findById(1), await repository.findMany({})]).toEqual([31, [31]]);
  });

  test('are invalidated where the repository is, whatever cache the unit is of', async () => {
    const { cache } = cacheBench();
    const within = cache.namespace('shop');
    const row = { id: 1, age: 30 };
    const repository = createRepository({
      ...{ cache, entity: 'row', alsoInvalidates: { keys: ['report'] }, create: () => row, remove: () => true },
      idOf: ({ id }: typeof row) => id,
      findById: (_: number) => ({ ...row }),
      findMany: () => [],
      update: (_: number, patch: Partial<typeof row>) => Object.assign(row, patch),
    });
    cache.set('report', 1);
    await repository.findById(1);
    const control = { begin: () => {}, commit: () => {}, rollback: () => {} };
    await transaction(within, control, (unit) => repository.within(unit).update(1, { age: 31 }));
    expect([await repository.findById(1), cache.get('report')]).toEqual([{ id: 1, age: 31 }, undefined]);
  });
});
