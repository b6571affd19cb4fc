// Damage to the files of the disk tier, as bad disks and broken file systems do it, while no gate runs. Which files there
// are is found by looking; what they are is guessed by name, so that kinds of which there are few are hit as often.

import { closeSync, ftruncateSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Dice } from '../sim/dice.ts';

export type FileKind =
  | 'segment'
  | 'large body'
  | 'manifest'
  | 'manifest wal'
  | 'manifest shm'
  | 'journal'
  | 'witness'
  | 'other';

export interface Damage {
  readonly kind: FileKind;
  readonly form: 'flip' | 'zero' | 'truncate' | 'delete';
  readonly file: string;
}

const NAMES: readonly (readonly [RegExp, FileKind])[] = [
  [/^lock/, 'other'],
  [/-wal$/, 'manifest wal'],
  [/-shm$/, 'manifest shm'],
  [/\.(?:db|sqlite)$/, 'manifest'],
  [/witness/, 'witness'],
  [/invalidation|journal|\.log$/, 'journal'],
  [/bod(?:y|ies)|large/, 'large body'],
  [/seg/, 'segment'],
];

/** Files of which more depends are hit more often. */
const WEIGHTS: { readonly [kind in FileKind]: number } = {
  segment: 5,
  'large body': 4,
  manifest: 4,
  'manifest wal': 3,
  'manifest shm': 1,
  journal: 5,
  witness: 2,
  other: 1,
};

export function kindOfFile(name: string): FileKind {
  return NAMES.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
}

/** Files below the folder, relative to it. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Damages one file, of these kinds or of any; undefined: there is none. */
export function damageOne(folder: string, dice: Dice, only?: readonly FileKind[]): Damage | undefined {
  const byKind = Map.groupBy(filesIn(folder), kindOfFile);
  if (only !== undefined) for (const kind of byKind.keys()) if (!only.includes(kind)) byKind.delete(kind);
  if (byKind.size === 0) return undefined;
  const kinds = Object.entries(WEIGHTS).filter(([name]) => byKind.has(name as FileKind));
  const kind = dice.weighted(Object.fromEntries(kinds)) as FileKind;
  const file = dice.pick(byKind.get(kind) as string[]);
  const path = join(folder, file);
  const { size } = statSync(path);
  const form = size === 0 ? 'delete' : dice.weighted({ flip: 45, zero: 15, truncate: 25, delete: 15 });
  if (form === 'delete') rmSync(path);
  else inFile(path, (fd) => CHANGES[form]({ fd, size, dice }));
  return { kind, form, file };
}

interface Opened {
  readonly fd: number;
  readonly size: number;
  readonly dice: Dice;
}

const CHANGES = { flip, zero, truncate };

function inFile(path: string, change: (fd: number) => void): void {
  const fd = openSync(path, 'r+');
  try {
    change(fd);
  } finally {
    closeSync(fd);
  }
}

function flip({ fd, size, dice }: Opened): void {
  const byte = Buffer.alloc(1);
  for (let count = dice.between(1, 8); count > 0; count--) {
    const at = placeIn({ fd, size, dice });
    readSync(fd, byte, 0, 1, at);
    byte[0] = (byte[0] as number) ^ (1 << dice.below(8));
    writeSync(fd, byte, 0, 1, at);
  }
}

/** A block that was allocated and never written. */
function zero({ fd, size, dice }: Opened): void {
  const bytes = dice.pick([512, 4096]);
  const at = Math.floor(placeIn({ fd, size, dice }) / bytes) * bytes;
  writeSync(fd, Buffer.alloc(Math.min(bytes, size - at)), 0, undefined, at);
}

function truncate({ fd, size, dice }: Opened): void {
  ftruncateSync(fd, placeIn({ fd, size, dice }));
}

/** Anywhere, near the beginning or near the end; rather where something stands than in room that is still empty. */
function placeIn({ fd, size, dice }: Opened): number {
  const byte = Buffer.alloc(1);
  let place = 0;
  for (let tries = 0; tries < 6; tries++) {
    const where = dice.weighted({ anywhere: 50, beginning: 20, end: 30 });
    const span = where === 'anywhere' ? size : Math.min(size, where === 'beginning' ? 512 : 4096);
    place = (where === 'end' ? size - span : 0) + dice.below(span);
    readSync(fd, byte, 0, 1, place);
    if (byte[0] !== 0) break;
  }
  return place;
}
