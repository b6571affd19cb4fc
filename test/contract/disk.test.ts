import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe } from 'vitest';
import { DiskStore } from '../../src/store/disk/disk-store.ts';
import { SqliteManifest } from '../../src/store/disk/manifest/manifest.ts';
import { openFolder } from '../../src/store/disk/node-folder.ts';
import { DiskBench } from '../kit/disk-bench.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { testStoreContract } from './store-contract.ts';

describe('disk store on a disk in memory', () => {
  testStoreContract(() => new DiskBench().store);
});

describe('disk store on files and SQLite', () => {
  let end = async () => {};
  afterEach(() => end());

  testStoreContract(async () => {
    const path = mkdtempSync(join(tmpdir(), 'tidegate-disk-'));
    const manifest = new SqliteManifest(path);
    const faults: unknown[] = [];
    const store = new DiskStore({
      folder: openFolder(path),
      manifest,
      maxBytes: 64 * 1024 * 1024,
      tasks: new SimulatedTime(),
      random: () => 0.5,
      fault: (error) => faults.push(error),
    });
    end = async () => {
      await store.close();
      await manifest.close();
      rmSync(path, { recursive: true });
      if (faults.length > 0) throw faults[0];
    };
    return store;
  });
});
