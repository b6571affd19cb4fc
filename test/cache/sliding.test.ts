// Entries that end when they are not used: what counts as use, the limit, and which options are refused.

import { describe, expect, test } from 'vitest';
import type { Cache, FillOptions } from '../../src/cache/contract.ts';
import { createCache } from '../../src/cache/create-cache.ts';
import { codeOf } from './bench.ts';
import { type Shape, world } from './late-tags-world.ts';

const MINUTE = 60_000;
const SLIDING = { ttl: '1h', sliding: '10m' } as const;
const SHAPES: readonly Shape[] = ['memory', 'memory and a store', 'a store'];

async function stateOf(cache: Cache): Promise<string> {
  for await (const { state, ttlMs } of cache.entries()) return `${state} ${ttlMs / MINUTE}`;
  return 'none';
}

describe.each(SHAPES)('over %s, an entry that slides', (shape) => {
  test('ends when it is not used for that long', async () => {
    const { cache, time } = world(shape);
    await cache.set('k', 1, SLIDING);
    time.advance(10 * MINUTE - 1);
    expect(await cache.get('k')).toBe(1);
    time.advance(10 * MINUTE);
    expect(await cache.get('k')).toBeUndefined();
  });

  test('lives while it is used, up to its ttl', async () => {
    const { ask, source, time } = world(shape);
    await ask(SLIDING);
    source.version = 2;
    const given: number[] = [];
    for (let minute = 5; minute <= 60; minute += 5) {
      time.advance(5 * MINUTE);
      given.push(await ask(SLIDING));
    }
    expect(given).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
  });

  test('is the same where its defaults say so', async () => {
    const { cache, time } = world(shape, { defaults: SLIDING });
    const shop = cache.namespace('shop', { defaults: { sliding: '20m' } });
    await cache.set('k', 1);
    await shop.set('k', 1);
    time.advance(10 * MINUTE);
    expect([await cache.get('k'), await shop.get('k')]).toEqual([undefined, 1]);
  });

  test('does not end for want of use where Infinity takes the idle time off', async () => {
    const { cache, time } = world(shape, { defaults: SLIDING, kinds: { page: { sliding: Number.POSITIVE_INFINITY } } });
    await cache.set('k', 1, { sliding: Number.POSITIVE_INFINITY });
    await cache.set('page:1', 1);
    time.advance(60 * MINUTE - 1);
    expect([await cache.get('k'), await cache.get('page:1')]).toEqual([1, 1]);
  });
});

const USES: readonly (readonly [string, (cache: Cache) => unknown])[] = [
  ['get', (cache) => cache.get('k')],
  ['has', (cache) => cache.has('k')],
  ['getMany', (cache) => cache.getMany(['k'])],
  ['getOrSet', (cache) => cache.getOrSet('k', () => 'new')],
  ['getOrSet by a tag that it lacks', (cache) => cache.getOrSet('k', () => 'new', { tags: ['late'] })],
  ['getOrSetMany', (cache) => cache.getOrSetMany(['k'], () => new Map([['k', 'new']]))],
];

test.each(USES)('%s is a use', async (_, use) => {
  const { cache, time } = world();
  await cache.set('k', 'old', SLIDING);
  time.advance(9 * MINUTE);
  await use(cache);
  time.advance(9 * MINUTE);
  expect(await cache.get('k')).toBe('old');
});

const NO_USES: readonly (readonly [string, (cache: Cache) => unknown])[] = [
  ['entries', (cache) => stateOf(cache)],
  ['get of another key', (cache) => cache.get('other')],
  ['stats', (cache) => cache.stats()],
];

test.each(NO_USES)('%s is none', async (_, use) => {
  const { cache, time } = world();
  await cache.set('k', 'old', SLIDING);
  time.advance(9 * MINUTE);
  await use(cache);
  time.advance(MINUTE);
  expect(await cache.get('k')).toBeUndefined();
});

describe('what ended for want of use', () => {
  test('is stale, and in grace from then on; to give it then is no use', async () => {
    const { cache, time } = world();
    await cache.set('k', 'old', { ...SLIDING, grace: '5m' });
    expect(await stateOf(cache)).toBe('fresh 10');
    time.advance(10 * MINUTE);
    expect(await stateOf(cache)).toBe('stale 0');
    const down = () => cache.getOrSet('k', (fill) => fill.fail('down'), { graceBackoff: 0 });
    expect([await down(), cache.get('k', { stale: true })]).toEqual(['old', 'old']);
    expect(cache.get('k')).toBeUndefined();
    time.advance(5 * MINUTE);
    expect([await codeOf(down), cache.get('k', { stale: true })]).toEqual(['E_FILL', undefined]);
  });

  test('may be kept by its fill, for another ttl', async () => {
    const { cache, time } = world();
    await cache.set('k', 'old', { ...SLIDING, validator: 'v1' });
    time.advance(10 * MINUTE);
    expect(await cache.getOrSet('k', (fill) => fill.notModified(), SLIDING)).toBe('old');
    for (let minute = 9; minute < 60; minute += 9) {
      time.advance(9 * MINUTE);
      expect(cache.get('k')).toBe('old');
    }
  });
});

test('expired, it is used in vain', async () => {
  const { cache, time } = world();
  await cache.set('k', 'old', SLIDING);
  await cache.expire('k');
  time.advance(MINUTE);
  expect([cache.get('k'), await stateOf(cache)]).toEqual([undefined, 'expired 9']);
});

test('an early refresh goes by the ttl, not by the idle time', async () => {
  const { ask, source, time } = world();
  const options: FillOptions = { ...SLIDING, earlyRefresh: 0.5 };
  await ask(options);
  for (let minute = 9; minute < 30; minute += 9) {
    time.advance(9 * MINUTE);
    await ask(options);
  }
  expect(source.reads).toBe(1);
  time.advance(3 * MINUTE);
  await ask(options);
  expect(source.reads).toBe(2);
});

test('jitter is taken off the ttl alone', async () => {
  const { cache, time } = world();
  await cache.set('k', 1, { ttl: '12m', sliding: '10m', jitter: 0.5 });
  expect(await stateOf(cache)).toBe('fresh 9');
  await cache.set('k', 1, { ttl: '40m', sliding: '10m', jitter: 0.5 });
  time.advance(10 * MINUTE - 1);
  expect(cache.get('k')).toBe(1);
  time.advance(10 * MINUTE);
  expect(cache.get('k')).toBeUndefined();
});

test('a clock that is set back takes nothing off what was used', () => {
  let now = 1e12;
  const cache = createCache({ clock: { now: () => now } });
  cache.set('k', 1, SLIDING);
  now += 9 * MINUTE;
  cache.get('k');
  now -= 5 * MINUTE;
  cache.get('k');
  now += 14 * MINUTE;
  expect(cache.get('k')).toBe(1);
});

describe('refused is', () => {
  const REFUSED: readonly (readonly [FillOptions, string])[] = [
    [{ sliding: '10m' }, 'expected sliding to be at most the ttl, which is 300000 ms, got 600000'],
    [{ ttl: '1m', sliding: 60_001 }, 'expected sliding to be at most the ttl, which is 60000 ms, got 60001'],
    [
      { ttl: Number.POSITIVE_INFINITY, sliding: '10m' },
      'expected ttl to have an end with sliding of 600000 ms, got Infinity',
    ],
    [
      { nullTtl: Number.POSITIVE_INFINITY, sliding: '1m' },
      'expected nullTtl to have an end with sliding of 60000 ms, got Infinity',
    ],
    [{ sliding: 0 }, 'expected sliding to be above 0 ms, got 0'],
    [{ sliding: '10 m' as '10m' }, 'expected sliding to be a number of ms of at least 0'],
  ];

  test.each(REFUSED)('%o', async (options, message) => {
    const { cache } = world();
    const calls = [
      () => cache.getOrSet('k', () => 1, options),
      () => createCache({ defaults: options }),
      () => cache.namespace('shop', { defaults: options }),
    ];
    for (const call of calls) expect(call).toThrow(expect.objectContaining({ code: 'E_TTL' }));
    for (const call of calls) expect(call).toThrow(message);
  });

  test('a ttl without an end that a call or a fill says, where the defaults slide', async () => {
    const { cache } = world('memory', { defaults: SLIDING });
    const ttl = Number.POSITIVE_INFINITY;
    expect(await codeOf(() => cache.set('k', 1, { ttl }))).toBe('E_TTL');
    const fill = async () => cache.getOrSet('k', (context) => context.setTtl(ttl));
    await expect(fill()).rejects.toMatchObject({ code: 'E_TTL' });
  });
});

test('a shorter ttl of a call or a fill ends what the defaults have slide', async () => {
  const { cache, time } = world('memory', { defaults: { ...SLIDING, nullTtl: '1m' } });
  await cache.set('set', 1, { ttl: '5m' });
  await cache.set('none', 1, { ttl: 0 });
  await cache.getOrSet('fill', (fill) => {
    fill.setTtl('5m');
    return 1;
  });
  await cache.getOrSet('null', () => null);
  const left = async () => [...(await cache.getMany(['set', 'none', 'fill', 'null'])).keys()];
  time.advance(MINUTE - 1);
  expect(await left()).toEqual(['set', 'fill', 'null']);
  time.advance(4 * MINUTE);
  expect(await left()).toEqual(['set', 'fill']);
  time.advance(1);
  expect(await left()).toEqual([]);
});
