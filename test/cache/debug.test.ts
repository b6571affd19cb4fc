// A line for each event.

import { afterEach, expect, test, vi } from 'vitest';
import type { CacheOptions } from '../../src/cache/contract.ts';
import { createCache, createCacheOn } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { codeOf, settle } from './bench.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function linesBench(options: CacheOptions = {}) {
  const time = new SimulatedTime();
  const lines: string[] = [];
  const platform = { clock: time, tasks: time, random: () => 0.5, epoch: 'e' };
  const cache = createCacheOn({ name: 'shop', debug: (line) => lines.push(line), ...options }, platform);
  return { cache, time, lines };
}

test('says what happens, in order', async () => {
  const { cache, time, lines } = linesBench();
  const lamp = cache.getOrSet('lamp', () => new Promise<number>((done) => void time.later(12, () => done(40))));
  await settle();
  void cache.getOrSet('lamp', () => 41);
  time.advance(12);
  await lamp;
  await cache.get('lamp');
  await cache.set('rug', 7, { tags: ['prices'] });
  await cache.set('rug', 7, { ttl: 0 });
  await cache.invalidate({ tags: ['prices'], keys: ['lamp'], pattern: 'l*', soft: true });
  await cache.invalidate({ all: true });
  await cache.getOrSet('lamp', () => Promise.reject(new Error('no database'))).then(undefined, () => {});
  expect(lines).toEqual([
    'shop: miss lamp',
    'shop: collapsed lamp',
    'shop: fill lamp stored after 12 ms',
    'shop: hit lamp',
    'shop: set rug stored',
    'shop: set rug not stored',
    'shop: expire key lamp, tag prices, pattern l*',
    'shop: invalidate all',
    'shop: miss lamp',
    expect.stringMatching(/^shop: fill lamp failed after 0 ms: .*no database$/),
  ]);
});

test('says what a tier does', async () => {
  const failing = () => Promise.reject(new Error('connection refused'));
  const store = { get: failing, put: failing, delete: failing };
  const { cache, time, lines } = linesBench({
    memory: false,
    tiers: [storeTier({ name: 'far', store, pauseAfter: 1 })],
  });
  await cache.get('k');
  store.get = () => Promise.resolve(undefined) as unknown as Promise<never>;
  time.advance(10_000);
  await cache.get('k');
  expect(lines).toEqual([
    'shop: tier far fault: connection refused',
    'shop: tier far paused',
    'shop: miss k',
    'shop: tier far asked again',
    'shop: miss k',
  ]);
});

test('keeps to one line, whatever a tag holds', async () => {
  const { cache, lines } = linesBench();
  await cache.invalidate({ tags: ['a\nb\u202ec', 'x'.repeat(256), 'y'.repeat(256)] });
  await cache.namespace('n').invalidate({ tags: ['t'] });
  expect(lines[0]).toMatch(/^shop: invalidate tag a\ufffdb\ufffdc, tag x+, tag y+…$/);
  expect(lines[1]).toMatch(/^[\x20-\x7e]+$/);
});

test('is printed by the console where no function is given, and not at all by default', async () => {
  const print = vi.spyOn(globalThis.console, 'debug').mockImplementation(() => {});
  await createCache({ debug: true }).get('k');
  await createCache({ debug: false }).get('k');
  await createCache().get('k');
  expect(print.mock.calls).toEqual([['default: miss k']]);
});

test('costs no caller anything when the function throws', async () => {
  const faults: unknown[] = [];
  const { cache } = linesBench({
    onFault: (error) => faults.push(error),
    debug: () => {
      throw new Error('no paper');
    },
  });
  expect(await cache.getOrSet('k', () => 1)).toBe(1);
  expect(faults).toEqual([new Error('no paper'), new Error('no paper')]);
});

test('is refused when it is none', async () => {
  expect(await codeOf(() => createCache({ debug: 'yes' as unknown as true }))).toBe('E_CONFIG');
});
