// Values read from a source that a tracker tells of: who may have them while nobody is heard, and afterwards.

import { describe, expect, test } from 'vitest';
import { settle, valueBench } from './value-bench.ts';

const TAGS = ['tg-source:shop'];

function bench() {
  const parts = valueBench();
  const sources = parts.cache.sources();
  let sequence = 0;
  let token: string | undefined;
  const report = async () => {
    const reply = await sources.report({
      ...{ source: 'shop', session: 's1', sequence: ++sequence, leaseMs: 2_000, tags: [] },
      ...(token !== undefined && { token }),
    });
    token = reply.token;
  };
  return { ...parts, report };
}

describe('a fill', () => {
  test('is shared while its source is heard of', async () => {
    const { getOrSet, fill, report } = bench();
    await report();
    await report();
    const [first, second] = [fill(), fill()];
    const both = [getOrSet('k', first, { tags: TAGS }), getOrSet('k', second, { tags: TAGS })];
    await settle();
    await first.give('one');
    expect([await Promise.all(both), second.calls]).toEqual([['one', 'one'], 0]);
  });

  test('is not shared with those who asked while nobody was heard, once somebody is heard again', async () => {
    const { getOrSet, fill, report, time } = bench();
    await report();
    await report();
    const [first, second] = [fill(), fill()];
    const begun = getOrSet('k', first, { tags: TAGS });
    await settle();
    // The lease ends: from here on a change of the source has no position.
    time.advance(2_000);
    const later = getOrSet('k', second, { tags: TAGS });
    await settle();
    await report();
    await report();
    await first.give('old');
    await settle();
    await second.give('new');
    expect([await begun, await later]).toEqual(['old', 'new']);
  });
});
