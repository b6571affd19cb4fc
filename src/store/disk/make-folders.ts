// Makes a folder and those above it.
//
// `mkdirSync` with `recursive` never returns where the system says that a folder cannot be found
// though the one above it is there, as for all that would stand in /proc. Here each folder is tried twice at most.

import fs from 'node:fs';
import { dirname } from 'node:path';

/** `mode`: of each folder that is made. Throws what the system says. */
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
