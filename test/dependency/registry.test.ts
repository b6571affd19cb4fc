// What is read and what is changed meet in the registry, in whatever order they come.

import { describe, expect, it } from 'vitest';
import type { Change, ChangeSet, TableShape } from '../../src/dependency/change.ts';
import { Registry, type RegistryOptions } from '../../src/dependency/registry.ts';
import type { Instance, TableRead, Template } from '../../src/dependency/template.ts';

const integer = { family: 'sqlite', affinity: 'integer', collation: 'binary' } as const;
const users: TableShape = {
  name: 'users',
  columns: [
    { name: 'id', type: integer, isNotNull: true },
    { name: 'age', type: integer, isNotNull: false },
  ],
  key: [0],
};

const read: TableRead = {
  table: users,
  alias: 'users',
  predicate: { kind: 'compare', column: 1, operator: '=', operand: { kind: 'parameter', index: 0 } },
  valueColumns: 'all',
  keyOutputs: undefined,
  window: undefined,
};
const template: Extract<Template, { kind: 'tracked' }> = {
  kind: 'tracked',
  id: 'byage',
  text: 'SELECT * FROM users WHERE age = ?',
  reads: [read],
  output: ['id', 'age'],
  fallbacks: [],
};

function ofAge(age: number): Instance {
  const operand = { kind: 'value', value: age } as const;
  const predicate = { kind: 'compare', column: 1, operator: '=', operand } as const;
  return { template, reads: [{ read, predicate, keys: undefined, bound: undefined }] };
}

const inserted = (id: number, age: number): Change => ({ kind: 'insert', table: users, new: [id, age] });
const setAt = (position: string, ...changes: Change[]): ChangeSet => ({ position, changes });

function makeRegistry(options: Partial<RegistryOptions> = {}): Registry {
  return new Registry({ position: '00', seed: 1, ...options });
}

describe('a registry', () => {
  it('names the tags that a change affects, once', () => {
    const registry = makeRegistry();
    expect(registry.register('q-30', ofAge(30), registry.mark())).toBeUndefined();
    expect(registry.register('q-40', ofAge(40), registry.mark())).toBeUndefined();
    expect(registry.apply(setAt('01', inserted(1, 30), inserted(2, 30))).tags).toEqual(['q-30']);
    expect(registry.apply(setAt('02', inserted(3, 30))).tags).toEqual([]);
    expect(registry.size).toBe(1);
  });

  it('outdates what reads a table in parts, ahead of a change of all of it', () => {
    const registry = makeRegistry();
    for (const age of [1, 2, 3, 4, 5]) registry.register(`q-${age}`, ofAge(age), registry.mark());
    const first = registry.outdateReads('users', 2)?.tags ?? [];
    const late = registry.mark();
    const second = registry.outdateReads('users', 2)?.tags ?? [];
    expect(registry.outdateReads('users', 2)).toBeUndefined();
    expect([first.length, second.length, registry.size]).toEqual([2, 2, 1]);
    expect(registry.register('q-late', ofAge(9), late)).toBeUndefined();
    const rest = registry.apply(setAt('01', { kind: 'truncate', table: users })).tags;
    expect([...first, ...second, ...rest].sort()).toEqual(['q-1', 'q-2', 'q-3', 'q-4', 'q-5', 'q-late']);
    expect(registry.register('q-before', ofAge(9), late)?.tags).toEqual(['q-before']);
  });

  it.each(['of rows', 'of the source'])('goes by the read that saw less, where two reads are the same: %s', (what) => {
    const registry = makeRegistry();
    const watched = what === 'of rows' ? ofAge(30) : 'source';
    const seeing = (position: string) => registry.mark({ kind: 'up-to', position });
    expect(registry.register('tag', watched, seeing('01'))).toBeUndefined();
    expect(registry.register('tag', watched, seeing('00'))).toBeUndefined();
    expect(registry.apply(setAt('01', inserted(1, 30))).tags).toEqual(['tag']);
  });

  it('knows less of a read that is narrowed later, and then as much as that', () => {
    const registry = makeRegistry();
    const any: Instance = {
      template,
      reads: [{ read, predicate: { kind: 'always' }, keys: undefined, bound: undefined }],
    };
    const narrow = (tag: string) => registry.narrow(registry.registrationOf(tag, any) as number, ofAge(30));
    registry.register('tag', any, registry.mark());
    narrow('tag');
    // Read once more, and found out once more.
    registry.register('tag', any, registry.mark());
    narrow('tag');
    expect(registry.size).toBe(1);
    expect(registry.apply(setAt('01', inserted(1, 40))).tags).toEqual([]);
    expect(registry.apply(setAt('02', inserted(2, 30))).tags).toEqual(['tag']);
  });

  it('what was looked up for a read that is outdated says nothing of the next one', () => {
    const registry = makeRegistry();
    const any: Instance = {
      template,
      reads: [{ read, predicate: { kind: 'always' }, keys: undefined, bound: undefined }],
    };
    registry.register('tag', any, registry.mark());
    const first = registry.registrationOf('tag', any) as number;
    expect(registry.apply(setAt('01', inserted(1, 40))).tags).toEqual(['tag']);
    registry.narrow(first, ofAge(30));
    expect(registry.size).toBe(0);
    registry.register('tag', any, registry.mark());
    registry.narrow(first, ofAge(30));
    expect(registry.apply(setAt('02', inserted(2, 40))).tags).toEqual(['tag']);
  });

  it('a read that saw less keeps that when it is narrowed to what is there already', () => {
    const registry = makeRegistry();
    const any: Instance = {
      template,
      reads: [{ read, predicate: { kind: 'always' }, keys: undefined, bound: undefined }],
    };
    registry.register('tag', ofAge(30), registry.mark({ kind: 'up-to', position: '01' }));
    registry.register('tag', any, registry.mark({ kind: 'up-to', position: '00' }));
    registry.narrow(registry.registrationOf('tag', any) as number, ofAge(30));
    expect(registry.size).toBe(1);
    expect(registry.apply(setAt('01', inserted(1, 30))).tags).toEqual(['tag']);
  });

  it('finds a change that came while the read was under way', () => {
    const registry = makeRegistry();
    const mark = registry.mark();
    registry.apply(setAt('01', inserted(1, 30)));
    expect(registry.register('q-30', ofAge(30), mark)?.tags).toEqual(['q-30']);
    expect(registry.register('q-40', ofAge(40), mark)).toBeUndefined();
    expect(registry.register('q-30', ofAge(30), registry.mark())).toBeUndefined();
  });

  it('spares a read what it saw, whether that was told before or comes later', () => {
    const registry = makeRegistry();
    const mark = registry.mark({ kind: 'up-to', position: '02' });
    registry.apply(setAt('01', inserted(1, 30)));
    expect(registry.register('q-30', ofAge(30), mark)).toBeUndefined();
    expect(registry.apply(setAt('02', inserted(2, 30))).tags).toEqual([]);
    expect(registry.apply(setAt('03', inserted(3, 30))).tags).toEqual(['q-30']);
  });

  it('knows by a snapshot which transactions a read saw, in whatever order they come', () => {
    const registry = makeRegistry();
    const mark = registry.mark({ kind: 'snapshot', below: 10n, running: new Set([7n]) });
    expect(registry.register('q-30', ofAge(30), mark)).toBeUndefined();
    expect(registry.apply({ ...setAt('01', inserted(1, 30)), transaction: 9n }).tags).toEqual([]);
    expect(registry.apply({ ...setAt('02', inserted(2, 30)), transaction: 7n }).tags).toEqual(['q-30']);
  });

  it('takes what saw less where one tag is registered twice', () => {
    const registry = makeRegistry();
    registry.register('q-30', ofAge(30), registry.mark());
    registry.register('q-30', ofAge(30), registry.mark({ kind: 'up-to', position: '05' }));
    expect(registry.size).toBe(1);
    expect(registry.apply(setAt('03', inserted(1, 30))).tags).toEqual(['q-30']);
  });

  it('keeps answers that differ side by side until one of them is affected', () => {
    const registry = makeRegistry();
    const listed = (key: string): Instance => {
      const [bound] = ofAge(30).reads;
      return { template, reads: [{ ...(bound as NonNullable<typeof bound>), keys: new Set([key]) }] };
    };
    registry.register('q-30', listed('1'), registry.mark());
    registry.register('q-30', listed('2'), registry.mark());
    expect(registry.size).toBe(2);
    expect(registry.apply(setAt('01', inserted(1, 30))).tags).toEqual(['q-30']);
    expect(registry.size).toBe(0);
  });

  it('gives up a read that began before what it still keeps', () => {
    const registry = makeRegistry({ maxChanges: 4 });
    const mark = registry.mark();
    for (let at = 1; at <= 8; at++) registry.apply(setAt(`0${at}`, inserted(at, 99)));
    expect(registry.register('q-30', ofAge(30), mark)?.tags).toEqual(['q-30']);
    const { position } = registry.mark();
    const seen = registry.mark({ kind: 'up-to', position });
    expect(registry.register('q-30', ofAge(30), { ...seen, position: '00' })).toBeUndefined();
  });

  it('gives up what was read before a gap, though the position is the same', () => {
    const registry = makeRegistry();
    const mark = registry.mark();
    registry.register('q-40', ofAge(40), mark);
    registry.restart('00');
    expect(registry.size).toBe(0);
    expect(registry.register('q-30', ofAge(30), mark)?.tags).toEqual(['q-30']);
    expect(registry.register('q-30', ofAge(30), registry.mark())).toBeUndefined();
  });

  it('invalidates what it forgets for want of room', () => {
    const registry = makeRegistry({ maxInstances: 8 });
    const forgotten: string[] = [];
    for (let age = 0; age < 20; age++) {
      forgotten.push(...(registry.register(`q-${age}`, ofAge(age), registry.mark())?.forgotten ?? []));
    }
    const affected = registry.apply(setAt('01', ...Array.from({ length: 20 }, (_, age) => inserted(age, age)))).tags;
    expect([...forgotten, ...affected].sort()).toEqual(Array.from({ length: 20 }, (_, age) => `q-${age}`).sort());
    expect(affected.length).toBeLessThanOrEqual(8);
  });

  it('takes any change for one of a statement whose tables are not known', () => {
    const registry = makeRegistry();
    expect(registry.register('s', 'source', registry.mark())).toBeUndefined();
    expect(registry.apply(setAt('01')).tags).toEqual([]);
    expect(registry.apply(setAt('02', inserted(1, 1))).tags).toEqual(['s']);
    expect(registry.apply(setAt('03', inserted(2, 2))).tags).toEqual([]);
  });

  it('goes on where the feed says that nothing was changed', () => {
    const registry = makeRegistry();
    registry.reached('05');
    expect(registry.mark().position).toBe('05');
    expect(() => registry.apply(setAt('04'))).toThrow('expected a change set after position 05, got 04');
  });
});
