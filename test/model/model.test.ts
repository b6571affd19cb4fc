// The searches of the models that take seconds, where spin is there; `npm run model` has them all.

import { beforeEach, expect, test } from 'vitest';
import { CHECKS } from './checks.ts';
import { checkModel, hasSpin, INSTALL } from './spin.ts';

beforeEach((context) => context.skip(!hasSpin(), `no spin: ${INSTALL}`));

test.each(CHECKS.filter(({ isQuick }) => isQuick))(
  '$model: $name: $expected',
  async (check) => {
    expect((await checkModel(check, 100)).got).toBe(check.expected);
  },
  120_000,
);
