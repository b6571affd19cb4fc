// What a tracker reports is in force in all workers; each counts its lease from a token of its own.

import { expect, it } from 'vitest';
import { SourceLeases, type SourceReply, type SourceReport } from '../../../src/engine/source-leases.ts';
import { poolSources } from '../../../src/node/workers/pool-admin.ts';
import { SimulatedTime } from '../../kit/simulated-time.ts';

function bench() {
  const time = new SimulatedTime();
  const invalidated: string[] = [];
  const leases = () =>
    new SourceLeases({
      clock: time,
      invalidate: (selectors) => {
        for (const selector of selectors) if (selector.kind === 'tag') invalidated.push(selector.tag);
      },
    });
  const primary = leases();
  const workers = new Set([leases(), leases()]);
  /** Called before each worker is asked. */
  let before: () => void = () => undefined;
  const pool = poolSources(
    {
      reportSource: (report) => primary.report(report),
      sources: () => primary.states(),
      askSource: async () => ({ kind: 'silent' }),
    },
    {
      async askEach(_call, given) {
        const answers: { worker: object; answer: SourceReply }[] = [];
        for (const worker of workers) {
          before();
          answers.push({ worker, answer: await worker.report(given(worker).report) });
        }
        return answers;
      },
    },
  );
  let sequence = 0;
  let token: string | undefined;
  const report = async (change: Partial<SourceReport> = {}) => {
    const own = { source: 'shop', session: 's1', sequence: ++sequence, leaseMs: 2000, tags: [] };
    const reply = await pool.reportSource({ ...own, ...(token !== undefined && { token }), ...change });
    token = reply.token;
    return reply;
  };
  const served = () => [...workers].map((worker) => worker.allows(['q1', 'tg-source:shop'], false));
  const during = (work: () => void) => {
    before = work;
  };
  return { time, workers, invalidated, report, served, leases, during };
}

it('serves in all workers from the second report on, and in none once the lease is over', async () => {
  const { report, served, time } = bench();
  expect((await report()).gap).toBe(true);
  expect(served()).toEqual([false, false]);
  expect((await report()).gap).toBe(false);
  expect(served()).toEqual([true, true]);
  time.advance(1999);
  expect(served()).toEqual([true, true]);
  time.advance(1);
  expect(served()).toEqual([false, false]);
});

it('counts the lease of a worker from its own token, however long it is on its way', async () => {
  const { report, served, time, during } = bench();
  await report();
  during(() => time.advance(400));
  await report();
  // Given at the first report, at 0; the second took until 800.
  time.advance(1199);
  expect(served()).toEqual([true, true]);
  time.advance(1);
  expect(served()).toEqual([false, false]);
});

it('invalidates what is named once, for all', async () => {
  const { report, invalidated } = bench();
  await report();
  await report();
  invalidated.length = 0;
  await report({ tags: ['q1'] });
  expect(invalidated).toEqual(['q1']);
});

it('a worker that begins serves nothing of the source before two reports', async () => {
  const { report, served, workers, leases } = bench();
  await report();
  await report();
  const fresh = leases();
  fresh.expect('shop');
  workers.add(fresh);
  expect(served()).toEqual([true, true, false]);
  expect((await report()).gap).toBe(true);
  expect(served().at(-1)).toBe(false);
  await report();
  expect(served()).toEqual([true, true, true]);
});
