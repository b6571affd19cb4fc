// The race can fail, and a seed is all that is needed to see it again.

import { expect, test } from 'vitest';
import { programOf } from './bench.ts';
import { runSeed } from './run-seed.ts';
import { CONTROL } from './scenarios.ts';

test('finds outdated answers of two isolates that know nothing of each other', async () => {
  const program = await programOf('hono');
  const { findings, counts } = await runSeed(CONTROL, { program, seed: 1 });
  expect(counts.hits).toBeGreaterThan(20);
  expect(findings.filter(({ fault }) => fault === 'outdated').length).toBeGreaterThan(5);
});

test('makes the same race of the same seed', async () => {
  const program = await programOf('hono');
  const scenario = { ...CONTROL, faults: { cuts: 0.02, drops: 0.01, fails: { origin: 0.05 } } };
  const linesOf = async (seed: number) => {
    const lines: string[] = [];
    await runSeed(scenario, { program, seed, trace: (line) => void lines.push(line) });
    return lines;
  };
  const [one, other] = [await linesOf(7), await linesOf(7)];
  expect(one.length).toBeGreaterThan(200);
  expect(other).toEqual(one);
  expect(await linesOf(8)).not.toEqual(one);
});
