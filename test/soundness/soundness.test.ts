import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ConnectionWorld } from './connection-world.ts';
import { MUTANTS } from './mutants.ts';
import { isStoredOf, SESSION_FEATURES } from './session-kinds.ts';
import { SESSION_MUTANTS } from './session-mutants.ts';
import { SQLITE_MUTANTS } from './sqlite-mutants.ts';
import { Tally } from './tally.ts';
import { World } from './world.ts';
import { connectionKinds, postgresWorlds } from './worlds.ts';

const ROOT = new URL('../../', import.meta.url);

it('misses no change in some worlds', () => {
  const tally = new Tally();
  let changes = 0;
  for (let seed = 1; seed <= 3; seed++) {
    const world = new World({ seed, tally });
    for (let step = 0; step < 150; step++) changes += world.step();
    world.close();
  }
  expect(tally.misses).toEqual([]);
  expect(changes).toBeGreaterThan(200);
});

it.each(await connectionKinds())(
  'misses no change, and stores, in worlds about connections: $name',
  async (kind) => {
    const tally = new Tally();
    for (let seed = 1; seed <= 4; seed++) {
      const world = await ConnectionWorld.open({ seed, tally }, kind);
      for (let step = 0; step < 100; step++) await world.step();
      await world.close();
    }
    expect(tally.misses).toEqual([]);
    for (const state of kind.stored) expect(tally.features.get(`${kind.name}: ${state}`)?.tracked).toBeGreaterThan(0);
  },
  60_000,
);

it('misses no change in some worlds of PostgreSQL', async () => {
  const tally = new Tally();
  let changes = 0;
  const worlds = await postgresWorlds(undefined);
  try {
    for (let seed = 1; seed <= 2; seed++) {
      const world = await worlds.open({ seed, tally });
      for (let step = 0; step < 50; step++) changes += await world.step();
      await world.close();
    }
  } finally {
    await worlds.close();
  }
  expect(tally.misses).toEqual([]);
  expect(changes).toBeGreaterThan(60);
}, 60_000);

it('misses no change in some worlds of sessions, and stores of each kind that it should', async () => {
  const tally = new Tally();
  const worlds = await postgresWorlds(undefined);
  try {
    for (let seed = 3; seed <= 12; seed += 3) {
      const world = await worlds.open({ seed, tally });
      for (let step = 0; step < 20; step++) await world.step();
      await world.close();
    }
  } finally {
    await worlds.close();
  }
  expect(tally.misses).toEqual([]);
  expect([...tally.features.keys()].sort()).toEqual([...SESSION_FEATURES].sort());
  const stored = SESSION_FEATURES.filter((feature) => (tally.features.get(feature)?.tracked ?? 0) > 0);
  expect(stored).toEqual(SESSION_FEATURES.filter(isStoredOf));
}, 120_000);

it('has mutants of the source as it is', () => {
  for (const { name, edits } of [...MUTANTS, ...SESSION_MUTANTS, ...SQLITE_MUTANTS]) {
    for (const { file, find } of edits) {
      const found = readFileSync(new URL(file, ROOT), 'utf8').split(find).length - 1;
      expect({ name, found }).toEqual({ name, found: 1 });
    }
  }
});
