// Whatever the order in which requests, writes, invalidations and answers meet: who asks after a change was acknowledged
// never sees what was before it.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { body, FRESH, get, simulated, text } from './kit.ts';

test('no order of events serves what an acknowledged change has outdated', { timeout: 60_000 }, async () => {
  const steps = fc.array(fc.constantFrom(...Array(8).fill('get'), 'invalidate', 'write', 'age'), {
    minLength: 4,
    maxLength: 24,
  });
  let hits = 0;
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), steps, async (scheduler, chosen) => {
      const { time, cache } = simulated({ staleWhileRevalidate: 600_000, timeout: Number.POSITIVE_INFINITY });
      let version = 1;
      let acknowledged = 1;
      const serve = cache.wrap(async (request, context) => {
        if (request.method === 'POST') {
          await scheduler.schedule(Promise.resolve(), 'write');
          return text(`${++version}`);
        }
        context.tags('page');
        await scheduler.schedule(Promise.resolve(), 'before the read');
        const read = version;
        await scheduler.schedule(Promise.resolve(), 'after the read');
        return text(`${read}`, FRESH);
      });
      const take = async (step: string) => {
        await scheduler.schedule(Promise.resolve(), step);
        if (step === 'age') return time.advance(61_000);
        if (step === 'get') {
          const atLeast = acknowledged;
          return expect(Number(await body(serve(get('/page'))))).toBeGreaterThanOrEqual(atLeast);
        }
        const changed =
          step === 'write'
            ? Number(await body(serve(new Request('http://app.example/page', { method: 'POST', body: 'x' }))))
            : ++version;
        if (step === 'invalidate') await cache.invalidate({ tags: ['page'] });
        acknowledged = Math.max(acknowledged, changed);
      };
      await scheduler.waitFor(Promise.all(chosen.map(take)));
      hits += cache.stats().requests.hit + cache.stats().requests.stale;
    }),
    { numRuns: 300 },
  );
  expect(hits).toBeGreaterThan(20);
});
