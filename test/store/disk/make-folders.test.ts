import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolders, openFolder } from '../../../src/store/disk/node-folder.ts';

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a folder is made with those above it, for its owner alone; one that is there stays', () => {
  const folder = emptyFolder();
  makeFolders(join(folder, 'a/b/c'), 0o700);
  makeFolders(join(folder, 'a/b/c'), 0o700);
  for (const path of ['a', 'a/b', 'a/b/c']) expect(statSync(join(folder, path)).mode & 0o777).toBe(0o700);
});

test('a file is no folder, nor can one be made below it', () => {
  const folder = emptyFolder();
  writeFileSync(join(folder, 'file'), '');
  for (const path of ['file', 'file/a', 'file/a/b']) {
    expect(() => openFolder(join(folder, path))).toThrow(/expected disk.path to be a folder/);
  }
});

test.skipIf(process.platform !== 'linux')('where nothing can be made, that is said at once', () => {
  expect(() => openFolder('/proc/x/y')).toThrow(expect.objectContaining({ code: 'E_DISK' }));
});
