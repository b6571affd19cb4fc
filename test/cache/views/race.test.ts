// Views of a process under everything at once, from a seed: computations of any length that fail at times, readers, invalidations by
// every name, signals. Who asks after an invalidation has returned gets no value that was read before it.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Invalidation, TidegateError, view } from '../../../src/index.ts';
import { viewWorld } from './world.ts';

const NAMES: readonly Invalidation[] = [
  { tags: ['posts'] },
  { tables: ['votes'] },
  { keys: ['view:top:n=1', 'view:top:n=2', 'view:open:user=a', 'view:open:user=b'] },
  { pattern: 'view:*' },
  { all: true },
];

const step = fc.record({
  what: fc.constantFrom('read', 'read', 'read', 'invalidate', 'signal', 'fail', 'mend', 'mend'),
  which: fc.nat(9),
  ms: fc.nat(700),
});

test('nobody gets what an invalidation has outdated', async () => {
  let answers = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      const world = viewWorld();
      let version = 1;
      let isDown = false;
      let nth = 0;
      const compute = async () => {
        const read = version;
        await world.wait([20, 900, 100, 300][nth++ % 4] as number);
        if (isDown) throw new Error('down');
        return read;
      };
      const shared = { compute, tags: ['posts'], tables: ['votes'], every: '2s', atMost: '100ms' } as const;
      const top = view('top', { ...shared, params: { n: [1, 2] }, when: { signal: 'now' } });
      const open = view('open', {
        ...shared,
        params: { user: 'text' },
        maxOpen: 1,
        backoff: { from: '100ms', to: '1s' },
      });
      const views = world.open([top, open]);
      const wrong: string[] = [];
      const read = async (which: number) => {
        const least = version;
        try {
          const { value } = await (which < 5
            ? views.get(top, { n: which < 3 ? 1 : 2 })
            : views.get(open, { user: which < 8 ? 'a' : 'b' }));
          answers++;
          if (value < least) wrong.push(`${which}: ${value}, not ${least}`);
        } catch (error) {
          if (!(error instanceof TidegateError)) throw error;
        }
      };
      const under: Promise<void>[] = [];
      for (const { what, which, ms } of steps) {
        if (what === 'read') under.push(read(which));
        if (what === 'fail') isDown = true;
        if (what === 'mend') isDown = false;
        if (what === 'signal') views.signal('now');
        if (what === 'invalidate') {
          version++;
          await world.cache.invalidate(NAMES[which % 5] as Invalidation);
        }
        await world.pass(ms);
      }
      await world.pass(5_000);
      await Promise.all(under);
      expect(wrong).toEqual([]);
      const closed = views.close();
      await world.pass(2_000);
      await closed;
    }),
    { numRuns: 60 },
  );
  expect(answers).toBeGreaterThan(200);
}, 60_000);
