// The Durable Object that drains a database: its options.

import { expect, test } from 'vitest';
import { d1DrainClass } from '../../src/workers/d1/drain-object.ts';

test.each([0, 0.4, '99ms', Number.POSITIVE_INFINITY] as const)(
  'an alarm every %s would be lost, or is none',
  (drainEvery) => {
    const config = { source: 'shop', database: 'DB', drainEvery };
    expect(() => d1DrainClass(Object as never, config, () => 0)).toThrow(/drainEvery/);
  },
);
