// The reads of one response, as the registry knows of them.

import { expect, test } from 'vitest';
import { Registrations, type RegistrationsParts } from '../../src/track/scope/registrations.ts';
import { Tally } from '../../src/track/tally.ts';

const registry = {
  session: 'new',
  position: '9',
  register: () => undefined,
} as unknown as RegistrationsParts['registry'];
const watched = { template: { reads: [] }, parameters: [] } as never;
const mark = { session: 'new', generation: 1, position: '9', gaps: 0, seen: undefined };
const ofEarlierLife = { ...mark, session: 'old', position: '5', gaps: 2 };

function registrations(): Registrations {
  return new Registrations({
    registry,
    source: 's',
    budget: { maxTags: 200, maxBytes: 9_999 },
    ownTag: 's1',
    tasks: { soon() {}, later: () => () => {} },
    tally: new Tally(() => undefined),
    refused() {},
  });
}

test.each([
  ['an earlier life of the registry', [ofEarlierLife]],
  ['an earlier life, and again in this one', [ofEarlierLife, mark]],
  ['this life, and one kept from an earlier one', [mark, ofEarlierLife]],
])('a statement read in %s is not confirmed', (_, marks) => {
  const reads = registrations();
  for (const one of marks) reads.add('q1', { watched, mark: one });
  expect(reads.unconfirmed()).toEqual({ kind: 'not-registered', what: 'the feed process has begun anew' });
});

test('a statement read twice in one life is confirmed, by the earlier position', () => {
  const reads = registrations();
  for (const position of ['9', '7', '8']) reads.add('q1', { watched, mark: { ...mark, position } });
  expect([reads.unconfirmed(), reads.position]).toEqual([undefined, '7']);
});
