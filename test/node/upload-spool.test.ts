import type * as files from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { UploadSpool } from '../../src/node/front/upload-spool.ts';

const seen = vi.hoisted(() => ({ handles: [] as files.FileHandle[] }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof files>();
  return {
    ...real,
    open: async (...given: Parameters<typeof real.open>) => {
      const handle = await real.open(...given);
      seen.handles.push(handle);
      return handle;
    },
    unlink: () => Promise.reject(new Error('read-only file system')),
  };
});

test('a file whose name cannot be removed is closed, not left open', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'spool-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const faults: unknown[] = [];
  const spool = new UploadSpool({ folder, maxBytes: 1e6, fault: (error) => faults.push(error) });
  const file = spool.create();
  expect(await file.append(Buffer.from('content'))).toBe(false);
  file.discard();
  expect(faults).toEqual([new Error('read-only file system')]);
  expect(seen.handles.map(({ fd }) => fd)).toEqual([-1]);
  expect(spool.bytes).toBe(0);
});
