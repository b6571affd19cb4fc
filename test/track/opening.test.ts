// How it is told that a database could not be opened.

import { expect, it } from 'vitest';
import { TidegateError } from '../../src/errors.ts';
import { opening } from '../../src/track/follow/open-database.ts';

const WHAT = 'the database shop at db.example';
const ofServer = (message: string, code: string) => Object.assign(new Error(message), { code, severity: 'ERROR' });

it.each([
  [
    ofServer('password authentication failed for user "ada"', '28P01'),
    `${WHAT}: password authentication failed for user "ada"`,
  ],
  [new TidegateError('E_FEED', 'expected a right, got none'), `${WHAT}: expected a right, got none`],
  [new TidegateError('E_FEED', `expected ${WHAT}, got none`), `expected ${WHAT}, got none`],
  [Object.assign(new Error('connect ECONNREFUSED'), { code: 'EPERM' }), `expected ${WHAT}, got: connect ECONNREFUSED`],
  [new AggregateError([new Error('a'), new Error('b')]), `expected ${WHAT}, got: a; b`],
  ['odd', `expected ${WHAT}, got: odd`],
])('%s', async (cause, message) => {
  const failed = opening(WHAT, () => Promise.reject(cause));
  await expect(failed).rejects.toMatchObject({ code: 'E_FEED', message });
});
