import { describe, expect, it } from 'vitest';
import { KINDS } from './kinds.ts';
import { isReusedWithoutInvalidation, runCell } from './race.ts';
import { cellName, cellsOf, cellsOnDisk } from './scenarios.ts';
import { WAYS } from './ways.ts';

describe('an undisturbed fill is reused', () => {
  it.each(KINDS.map((kind) => [kind.name, kind] as const))('%s', async (_, kind) => {
    for (const tiers of ['memory', 'disk', 'memory+disk'] as const) {
      expect({ tiers, reused: await isReusedWithoutInvalidation(kind, tiers) }).toEqual({ tiers, reused: true });
    }
  });
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
