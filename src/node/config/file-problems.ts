// Checks the files and folders that a configuration names before a start: certificates, the folder of the disk tier,
// lists of URLs. It writes nothing.

import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isFolder } from '../../store/disk/node-folder.ts';
import { certificateProblems } from '../front/connection/certificates.ts';
import { readAuthorities } from '../origin/origin.ts';
import type { ResolvedConfig } from './config.ts';

/** Every problem as `path: what is wrong`; empty when a start finds everything it needs. */
export function fileProblems({ listen, origins, disk, log, populate, schedule, sources }: ResolvedConfig): string[] {
  return [
    ...(log.file === 'stdout' ? [] : logProblem(log.file)),
    ...certificateProblems(listen.tls?.certificates ?? []),
    ...Object.entries(origins).flatMap(([name, { tls }]) => problemOf(() => void readAuthorities(name, tls.ca))),
    ...(disk === undefined ? [] : folderProblem(disk.path)),
    ...unreadable('populate.onStart.file', 'URLs', populate.onStart?.file),
    ...schedule.flatMap(({ file }, at) => unreadable(`schedule[${at}].file`, 'URLs', file)),
    ...Object.entries(sources).flatMap(([name, { sqlite }]) =>
      unreadable(`sources.${name}.sqlite`, 'a database', sqlite),
    ),
  ];
}

/** The start makes a missing folder in the nearest existing one. */
function folderProblem(path: string): string[] {
  const say = (got: string) => `disk.path: expected a folder that can be written to, or be made, got ${path}: ${got}`;
  let nearest = path;
  while (!exists(nearest)) nearest = dirname(nearest);
  if (!isFolder(nearest)) return [say(nearest === path ? 'a file' : `${nearest} is a file`)];
  return problemOf(() => accessSync(nearest, constants.W_OK | constants.X_OK), say);
}

function logProblem(file: string): string[] {
  const say = (got: string) => `log.file: expected a file that can be written, got ${got}`;
  if (isFolder(file)) return [say(`a folder: ${file}`)];
  return problemOf(() => accessSync(exists(file) ? file : dirname(file), constants.W_OK), say);
}

function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined || dirname(path) === path;
  } catch (error) {
    // A parent is a file, or may not be read; the check of that parent finds it.
    if ((error as NodeJS.ErrnoException).code !== undefined) return false;
    throw error;
  }
}

/** `of`: what it is a file of. */
function unreadable(place: string, of: string, file: string | undefined): string[] {
  if (file === undefined) return [];
  const say = (got: string) => `${place}: expected a readable file of ${of}, got ${got}`;
  if (isFolder(file)) return [say(`a folder: ${file}`)];
  return problemOf(() => accessSync(file, constants.R_OK), say);
}

function problemOf(look: () => void, say = (got: string) => got): string[] {
  try {
    look();
    return [];
  } catch (error) {
    if (error instanceof Error) return [say(error.message)];
    throw error;
  }
}
