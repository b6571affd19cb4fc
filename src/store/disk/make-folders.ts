// Makes a folder and those above it.
//
// In some places `mkdirSync` with `recursive` never returns: where the system reports a folder as missing although its
// parent exists, as everywhere in /proc. Here each folder is tried twice at most.

import fs from 'node:fs';
import { dirname } from 'node:path';

/** `mode`: of each new folder. Throws the system's error. */
export function makeFolders(path: string, mode: number): void {
  try {
    fs.mkdirSync(path, { mode });
  } catch (error) {
    if (isFolder(path)) return;
    const above = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || isFolder(above)) throw error;
    makeFolders(above, mode);
    fs.mkdirSync(path, { mode });
  }
}

export function isFolder(path: string): boolean {
  return fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
