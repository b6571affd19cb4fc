import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createCache } from '../../src/index.ts';
import { openDiskTier } from '../../src/node/disk-tier.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tidegate-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const MAX_BYTES = 2 ** 24;
const open = async (path: string) =>
  createCache({ memory: false, tiers: [await openDiskTier({ path, maxBytes: MAX_BYTES })] });

test('values survive the end of the process, as they were', async () => {
  const path = folder();
  const value = { at: new Date(5), n: 12n, of: new Map([['a', new Set([1])]]), none: undefined, zero: -0 };
  const first = await open(path);
  expect(await first.set('k', value, { ttl: '1h', tags: ['red'] })).toBe(true);
  await first.close();
  const second = await open(path);
  expect(await second.get('k')).toStrictEqual(value);
  await second.close();
});

test.each([
  ['key', { keys: ['k'] }],
  ['tag', { tags: ['red'] }],
  ['table', { tables: ['users'] }],
  ['pattern', { pattern: 'k*' }],
  ['everything', { all: true }],
] as const)('what was invalidated by %s stays so after a restart', async (_, what) => {
  const path = folder();
  const first = await open(path);
  await first.set('k', 1, { ttl: '1h', tags: ['red'], tables: ['users'] });
  await first.set('other', 2, { ttl: '1h' });
  await first.invalidate(what);
  await first.close();
  const second = await open(path);
  expect(await second.get('k')).toBeUndefined();
  expect(await second.get('other')).toBe('all' in what ? undefined : 2);
  await second.close();
});

test('a value is promoted to memory, and found there', async () => {
  const path = folder();
  const first = await open(path);
  await first.set('k', { a: 1 }, { ttl: '1h' });
  await first.close();
  const cache = createCache({ tiers: [await openDiskTier({ path, maxBytes: MAX_BYTES })] });
  expect(await cache.get('k')).toEqual({ a: 1 });
  const again = cache.get('k');
  expect(again).not.toBeInstanceOf(Promise);
  expect(again).toEqual({ a: 1 });
  await cache.close();
});

test('a folder that another process uses is refused', async () => {
  const path = folder();
  const first = await open(path);
  await expect(open(path)).rejects.toMatchObject({ code: 'E_DISK' });
  await first.close();
});

const versioned = async (path: string, version?: string) =>
  createCache({
    memory: false,
    tiers: [await openDiskTier({ path, maxBytes: MAX_BYTES })],
    ...(version !== undefined && { version }),
  });

test.each([
  ['1', '2'],
  ['1', undefined],
  [undefined, '2'],
])(
  'what was said of a key under another version holds after a restart: stored under %s, said under %s',
  async (own, other) => {
    const path = folder();
    const keys = ['invalidated', 'deleted', 'expired', 'x'.repeat(450), 'kept'];
    const first = await versioned(path, own);
    for (const key of keys) await first.set(key, 'old', { ttl: '1h' });
    await first.close();
    const between = await versioned(path, other);
    await between.invalidate({ keys: ['invalidated', 'x'.repeat(450)] });
    expect(await between.delete('deleted')).toBe(false);
    await between.expire('expired');
    await between.close();
    const again = await versioned(path, own);
    expect([...(await again.getMany(keys)).keys()]).toEqual(['kept']);
    expect([await again.delete('kept'), await again.delete('kept')]).toEqual([true, false]);
    await again.close();
  },
);

test.each([
  [{ maxByte: 1e9 }],
  [{ maxBytes: '1gb' }],
  [{ maxBytes: 10 }],
  [{ maxBytes: Number.NaN }],
  [{ maxBytes: undefined }],
  [{ path: '' }],
  [{ path: 5 }],
  [{ name: '' }],
  [{ onFault: 'log' }],
])('options that are wrong are refused, and nothing is opened: %o', async (wrong) => {
  const path = join(folder(), 'disk');
  const opened = openDiskTier({ path, maxBytes: MAX_BYTES, ...(wrong as object) });
  await expect(opened).rejects.toMatchObject({ code: 'E_CONFIG' });
  expect(existsSync(path)).toBe(false);
});

test('a value that there is no room for shows in the figures', async () => {
  const cache = createCache({ memory: false, tiers: [await openDiskTier({ path: folder(), maxBytes: 2 ** 20 })] });
  await cache.set('small', 1);
  expect(cache.stats().tierDeclined).toEqual({ disk: 0 });
  await cache.set('k', 'x'.repeat(2 ** 21));
  expect(await cache.get('k')).toBeUndefined();
  expect(cache.stats().tierDeclined).toEqual({ disk: 1 });
  await cache.close();
});

test('a tier that is closed, or has a cache, is refused by another', async () => {
  const tier = await openDiskTier({ path: folder(), maxBytes: MAX_BYTES });
  const cache = createCache({ tiers: [tier] });
  expect(() => createCache({ tiers: [tier] })).toThrow(/is of another cache/);
  await cache.close();
  expect(() => createCache({ tiers: [tier] })).toThrow(/is closed/);
  const unused = await openDiskTier({ path: folder(), maxBytes: MAX_BYTES });
  await unused.close();
  expect(() => createCache({ tiers: [unused] })).toThrow(/is closed/);
});
