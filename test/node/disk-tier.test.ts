import { mkdtempSync, rmSync } from 'node:fs';
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
