// Every race of `unseen.ts`: no cell shows an outdated answer, and each race sees hits.

import { expect, test } from 'vitest';
import { UNSEEN } from './unseen.ts';

test.each(UNSEEN.map((race) => [race.name, race] as const))('%s', async (_, race) => {
  const problems: string[] = [];
  let hits = 0;
  for await (const cell of race.cells()) {
    hits += cell.hits;
    problems.push(...cell.problems.map((problem) => `${cell.name}: ${problem}`));
  }
  expect(problems).toEqual([]);
  expect(hits).toBeGreaterThan(0);
});

test('no two races have one name', () => {
  expect(new Set(UNSEEN.map(({ name }) => name)).size).toBe(UNSEEN.length);
});
