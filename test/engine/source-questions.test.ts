// What operators ask about a source goes to its tracker with the gate's answers, and comes back with its reports.

import { expect, it } from 'vitest';
import type { SourceReport } from '../../src/engine/source-leases.ts';
import { gateBench } from '../kit/gate-bench.ts';

const ABOUT = { kind: 'tags', tags: ['q1'] } as const;

function bench() {
  const { gate, time } = gateBench();
  let sequence = 0;
  const report = (change: Partial<SourceReport> = {}) =>
    gate.reportSource({ source: 'shop', session: 's1', sequence: ++sequence, leaseMs: 2_000, tags: [], ...change });
  return { gate, time, report };
}

it('is asked with each answer until there is one to it', async () => {
  const { gate, report } = bench();
  expect(await report()).not.toHaveProperty('questions');
  const asked = gate.askSource('shop', ABOUT);
  const { questions = [] } = await report();
  expect(questions).toEqual([{ id: expect.any(String), about: ABOUT }]);
  expect((await report()).questions).toEqual(questions);
  // Of another source none is taken, nor one to what was not asked.
  const answer = { id: questions[0]?.id as string, described: [], isWhole: true };
  await report({ source: 'other', answers: [answer] });
  expect((await report({ answers: [{ ...answer, id: 'none' }] })).questions).toEqual(questions);
  expect(await report({ answers: [answer] })).not.toHaveProperty('questions');
  expect(await asked).toEqual({ kind: 'answered', answer });
});

it('waits two seconds', async () => {
  const { gate, time, report } = bench();
  await report();
  const asked = gate.askSource('shop', ABOUT);
  time.advance(2_000);
  expect(await asked).toEqual({ kind: 'silent' });
  expect(await report()).not.toHaveProperty('questions');
});

it('goes to no source that was never heard of, and not beyond sixteen at once', async () => {
  const { gate, report } = bench();
  expect(await gate.askSource('shop', ABOUT)).toEqual({ kind: 'unknown-source' });
  await report();
  const asked = Array.from({ length: 17 }, () => gate.askSource('shop', ABOUT));
  expect(await asked[16]).toEqual({ kind: 'busy' });
  expect((await report()).questions).toHaveLength(16);
});

it('shows how far a source was told, and how far its feed is behind', async () => {
  const { gate, time, report } = bench();
  await report({ position: '07', lagMs: 40 });
  time.advance(100);
  expect(gate.sources()).toMatchObject([{ position: '07', lagMs: 40, heardMs: 100 }]);
  await report({ lagMs: 9 });
  expect(gate.sources()).toMatchObject([{ position: '07', lagMs: 9, heardMs: 0 }]);
  // Of another life of the tracker, with another log perhaps.
  await report({ session: 's2', sequence: 1 });
  expect(gate.sources()[0]).not.toHaveProperty('position');
});
