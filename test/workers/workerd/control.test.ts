// The race can fail in real workerd, too.

import { expect, test } from 'vitest';
import { raceInWorkerd } from './workerd-race.ts';

test('finds outdated answers of two isolates that know nothing of each other', async () => {
  const { checker } = await raceInWorkerd(
    {
      name: 'control',
      settings: { app: 'hono', mode: 'lease', leaseMs: 0, tiers: ['memory'] },
      load: { reads: 15, writes: 5, ways: ['PUT'] },
      quietMs: 100,
    },
    1,
  );
  expect(checker.counts.hits).toBeGreaterThan(10);
  expect(checker.findings.filter(({ fault }) => fault === 'outdated').length).toBeGreaterThan(5);
});
