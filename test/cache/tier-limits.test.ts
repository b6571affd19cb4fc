// The limits of a tier as programs write them.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import { openDiskTier } from '../../src/node/disk-tier.ts';
import type { ByteStore } from '../../src/ports.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { errorOf, settle } from './bench.ts';

const HANGING: ByteStore = {
  get: () => new Promise(() => {}),
  put: () => new Promise(() => {}),
  delete: () => new Promise(() => {}),
};

test('hold for that tier alone', async () => {
  const time = new SimulatedTime();
  const tiers = [
    storeTier({ name: 'near', store: HANGING, timeout: '50ms', pause: '1s' }),
    storeTier({ name: 'far', store: HANGING }),
  ];
  const platform = { clock: time, tasks: time, random: () => 0.5, epoch: 'e' };
  const cache = createCacheOn({ memory: false, tiers }, platform);
  const paused = () => cache.stats().tierPaused;
  void cache.get('k');
  time.advance(50);
  await settle();
  expect(paused()).toEqual({ near: true, far: false });
  time.advance(1_999);
  await settle();
  expect(paused().far).toBe(false);
  time.advance(1);
  await settle();
  expect(paused().far).toBe(true);
  expect(cache.stats().tierFaults).toEqual({ near: 1, far: 1 });
});

test.each([
  [{ timeout: 0 }, 'timeout to be above 0, got 0'],
  [{ timeout: '5' }, 'timeout to be a number of ms'],
  [{ pause: -1 }, 'pause to be a number of ms'],
  [{ pause: Number.NaN }, 'pause to be a number of ms'],
  [{ pauseAfter: 0 }, 'pauseAfter to be a whole number of at least 1, or Infinity, got 0'],
  [{ pauseAfter: 1.5 }, 'pauseAfter to be a whole number of at least 1, or Infinity, got 1.5'],
  [{ pauseAfter: '3' }, 'pauseAfter to be a whole number of at least 1, or Infinity, got "3"'],
])('that are wrong are refused at once: %o', async (limits, message) => {
  const given = { name: 'far', ...(limits as object) };
  const parent = mkdtempSync(join(tmpdir(), 'tidegate-'));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const path = join(parent, 'disk');
  const makers = [
    () => storeTier({ store: HANGING, ...given }),
    () => openDiskTier({ path, maxBytes: 2 ** 24, ...given }),
  ];
  for (const make of makers) {
    const error = await errorOf(make);
    expect(error.code).toBe('E_CONFIG');
    expect(error.message).toContain(`expected ${message}`);
  }
  expect(existsSync(path)).toBe(false);
});
