// Which tables foreign keys move, as the database tells of them, and in how many steps it is found.

import { describe, expect, test, vi } from 'vitest';
import { type RowFacts, readRowFacts } from '../../../src/orm/drizzle/catalogue/row-facts.ts';
import { Dice } from '../../sim/dice.ts';

interface Key {
  readonly child: string;
  readonly parent: string;
}

function movingOf(keys: readonly Key[], triggers: readonly string[] = []): ReadonlySet<string> {
  const facts = readRowFacts('sqlite', (sql) => {
    if (sql.includes('schema_version')) return [{ version: 1 }];
    if (sql.includes('on_delete')) return keys;
    return sql.includes('isReached') ? triggers.map((name) => ({ name, isReached: 1 })) : [];
  });
  return (facts as RowFacts).moving;
}

/** How often sets are added to, and asked. */
function stepsOf(keys: readonly Key[], triggers: readonly string[]): number {
  const spies = [vi.spyOn(Set.prototype, 'add'), vi.spyOn(Set.prototype, 'has')];
  movingOf(keys, triggers);
  const steps = spies.map(({ mock }) => mock.calls.length);
  for (const spy of spies) spy.mockRestore();
  return steps.reduce((sum, each) => sum + each);
}

const chain = (length: number) => Array.from({ length }, (_, at) => ({ child: `t${at + 1}`, parent: `t${at}` }));
const cycle = (length: number) => [...chain(length - 1), { child: 't0', parent: `t${length - 1}` }];

/** By its meaning: the write of a table reaches one with a trigger, or the table itself. */
function movingByMeaning(keys: readonly Key[], triggers: readonly string[]): ReadonlySet<string> {
  const below = (table: string) => {
    const reached = new Set<string>();
    const open = [table];
    for (const at of open) {
      const fresh = keys.filter(({ child, parent }) => parent === at && !reached.has(child)).map(({ child }) => child);
      for (const child of new Set(fresh)) {
        reached.add(child);
        open.push(child);
      }
    }
    return reached;
  };
  const moves = (table: string) => triggers.some((name) => below(table).has(name)) || below(table).has(table);
  return new Set([...triggers, ...keys.map(({ parent }) => parent).filter(moves)]);
}

describe('tables that foreign keys move', () => {
  test('are those whose write reaches a trigger, or comes back', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const dice = new Dice(seed);
      const table = () => `t${dice.below(8)}`;
      const keys = Array.from({ length: dice.below(12) }, () => ({ child: table(), parent: table() }));
      const triggers = dice.chance(0.3) ? [table()] : [];
      expect([...movingOf(keys, triggers)].sort()).toEqual([...movingByMeaning(keys, triggers)].sort());
    }
  });

  test.each([
    ['a chain', chain],
    ['a cycle', cycle],
  ])('are found in steps that grow as the tables do, in %s', (_, keysOf) => {
    const few = stepsOf(keysOf(20), ['t20']);
    expect(stepsOf(keysOf(80), ['t80'])).toBeLessThan(5 * few);
  });

  test('are found in a chain and a cycle of 1,000', () => {
    expect(movingOf(chain(1_000))).toEqual(new Set());
    expect(movingOf(chain(1_000), ['t1000']).size).toBe(1_001);
    expect(movingOf(cycle(1_000)).size).toBe(1_000);
  });
});
