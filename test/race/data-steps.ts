// Random histories for the model of the data cache.

import fc from 'fast-check';
import { KEYS, type Step, TTL_MS } from './data-model.ts';

const key = fc.nat({ max: KEYS.length - 1 });
const turns = fc.oneof(fc.constant('all' as const), fc.nat({ max: 6 }));

const terms = fc.record(
  {
    graceMs: fc.constant(5_000),
    softMs: fc.constant(100),
    earlyRefresh: fc.constantFrom(0.5, 'probabilistic' as const),
    refresh: fc.constant(true),
    memoryOnly: fc.constant(true),
  },
  { requiredKeys: [] },
);

const scope = fc.constantFrom('key', 'tag', 'found tag', 'shared tag', 'prefix', 'pattern', 'all');

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('get', 'getMany', 'set', 'delete', 'evict'), key, turns }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('getOrSet'), key, terms, turns }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('end'),
      which: fc.nat({ max: 3 }),
      ending: fc.constantFrom('value', 'value', 'failure', 'skip', 'same'),
      turns,
    }),
  },
  fc.record({ kind: fc.constant('invalidate'), by: scope, key, soft: fc.boolean(), turns }),
  fc.record({ kind: fc.constant('advance'), ms: fc.constantFrom(50, 100, TTL_MS / 2, TTL_MS, 5 * TTL_MS), turns }),
) as fc.Arbitrary<Step>;

export const dataSteps = fc.array(step, { minLength: 1, maxLength: 30, size: 'max' });
