// A disk tier: what is stored, and what was invalidated, survives the end of the process.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCache } from 'tidegate';
import { openDiskTier } from 'tidegate/node';

const path = mkdtempSync(join(tmpdir(), 'cache-'));
const open = async () => {
  const tiers = [await openDiskTier({ path, maxBytes: 100_000_000 })];
  return createCache({ tiers, defaults: { ttl: '1d' }, onFault: (error) => console.error(error) });
};

const first = await open();
await first.set('report:2025', { rows: 3, made: new Date(0) }, { tags: ['reports'] });
await first.set('user:7', { name: 'Ada' }, { tags: ['users'] });
await first.invalidate({ tags: ['users'] });
await first.close();

// As if the program had been started again.
const second = await open();
console.log(await second.get('report:2025'));
console.log(await second.get('user:7'));
await second.close();
rmSync(path, { recursive: true });
