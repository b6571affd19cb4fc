import { describe, expect, it } from 'vitest';
import { KINDS } from './kinds.ts';
import { memberCells } from './members.ts';
import { isReusedWithoutInvalidation, runCell } from './race.ts';
import { restartCellName, restartCells, runRestart } from './restarts.ts';
import { cellName, cellsOf, cellsOnDisk } from './scenarios.ts';
import { WAYS } from './ways.ts';

describe('an undisturbed fill is reused', () => {
  it.each(KINDS.map((kind) => [kind.name, kind] as const))('%s', async (_, kind) => {
    for (const tiers of ['memory', 'disk', 'memory+disk'] as const) {
      expect({ tiers, reused: await isReusedWithoutInvalidation(kind, tiers) }).toEqual({ tiers, reused: true });
    }
  });
});

it('holds after a kill at every instant', async () => {
  const failures: string[] = [];
  for (const cell of restartCells()) {
    for (const failure of await runRestart(cell)) failures.push(`${restartCellName(cell)}: ${failure}`);
  }
  expect(failures).toEqual([]);
}, 60_000);

it('holds between two members, whichever message comes first', async () => {
  const failures: string[] = [];
  for await (const { order, problems } of memberCells()) {
    for (const failure of problems) failures.push(`${order.join(', ')}: ${failure}`);
  }
  expect(failures).toEqual([]);
});

describe.each(WAYS.map((way) => [way.name, way] as const))('%s during', (_, way) => {
  it.each(KINDS.map((kind) => [kind.name, kind] as const))('%s: nobody gets what is outdated', async (_, kind) => {
    const failures: string[] = [];
    for (const cell of [...cellsOf(way, kind), ...cellsOnDisk(way, kind)]) {
      const { outdated, lateOld, broken, exercised } = await runCell(cell);
      for (const failure of [...outdated, ...lateOld, ...broken]) failures.push(`${cellName(cell)}: ${failure}`);
      if (!exercised) failures.push(`${cellName(cell)}: not exercised`);
    }
    expect(failures).toEqual([]);
  });
});
