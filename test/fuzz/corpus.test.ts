// What `npm run fuzz` has found, run again: no rule is broken, and what broke one is mended.

import { describe, expect, test } from 'vitest';
import { Dice } from '../sim/dice.ts';
import { readInputs } from './corpus.ts';
import { Coverage } from './coverage.ts';
import { fuzz } from './fuzzer.ts';
import { bytesTarget, holds } from './target.ts';
import { TARGETS } from './targets.ts';

describe.each(TARGETS.map((target) => [target.name, target] as const))('%s', (name, { seeds, run }) => {
  test('breaks no rule', () => {
    const inputs = [...seeds, ...readInputs('corpus', name), ...readInputs('failures', name)];
    expect(inputs.length).toBeGreaterThan(0);
    for (const text of inputs) expect(() => run(text), JSON.stringify(text)).not.toThrow();
  });
});

test('the fuzzer finds a fault behind three conditions that it has no words for', () => {
  const hidden = bytesTarget({
    name: 'hidden',
    seeds: ['aaaa'],
    words: [],
    run(bytes) {
      const steps = [97 ^ 1, 97 ^ 2, 97 ^ 4].filter((byte, at) => bytes[at] === byte).length;
      holds('three bytes', steps < 3);
      return String(steps);
    },
  });
  const coverage = new Coverage();
  const found = fuzz(hidden, {
    coverage,
    dice: new Dice(1),
    corpus: [],
    endMs: Number.POSITIVE_INFINITY,
    maxInputs: 200_000,
  });
  coverage.close();
  expect(found.failures.size).toBeGreaterThan(0);
  expect([...found.failures.values()][0]).toContain('three bytes');
  expect(found.shapes.size).toBe(3);
});
