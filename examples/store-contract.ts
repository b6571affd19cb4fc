// The contract suite on stores of one's own, as tests of Node: `node --test store-contract.ts`.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { byteStoreContract } from 'tidegate/testing';
import { FileByteStore } from './file-tier.ts';
import { MapByteStore } from './own-tier.ts';

describe('MapByteStore', () => {
  byteStoreContract({ test, makeStore: () => new MapByteStore() });
});

describe('FileByteStore', () => {
  const folder = mkdtempSync(join(tmpdir(), 'files-'));
  after(() => rmSync(folder, { recursive: true }));
  byteStoreContract({ test, makeStore: () => new FileByteStore(mkdtempSync(join(folder, 'store-'))) });
});
