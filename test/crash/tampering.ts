// What no disk does by chance: the files of an earlier time put back, or what guards them removed with it. A gate cannot
// see that all of its files are old; of anything less it must not believe a word too many.

import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { invalidate, read } from './clients.ts';
import { type FileKind, filesIn, kindOfFile } from './damage.ts';
import type { Resource } from './resources.ts';
import { urlSelection } from './selections.ts';
import type { Session } from './session.ts';
import type { Running, World } from './world.ts';

export interface Tampering {
  readonly name: string;
  /** Put back as they were before the invalidations. */
  readonly restored: readonly FileKind[] | 'all';
  readonly removed: readonly FileKind[];
  /**
   * `old`: the gate must be caught with old answers, which shows that the harness sees them. `none`: it gives none.
   * `either`: what no gate can know for certain, since the files agree with each other.
   */
  readonly expected: 'old' | 'none' | 'either';
}

const MANIFEST: readonly FileKind[] = ['manifest', 'manifest wal', 'manifest shm'];

export const TAMPERINGS: readonly Tampering[] = [
  { name: 'nothing', restored: [], removed: [], expected: 'none' },
  { name: 'all files of an earlier time', restored: 'all', removed: [], expected: 'old' },
  { name: 'the manifest of an earlier time', restored: MANIFEST, removed: [], expected: 'none' },
  { name: 'the journal of an earlier time', restored: ['journal'], removed: [], expected: 'none' },
  { name: 'the witness of an earlier time', restored: ['witness'], removed: [], expected: 'none' },
  { name: 'journal and witness of an earlier time', restored: ['journal', 'witness'], removed: [], expected: 'either' },
  { name: 'segments of an earlier time', restored: ['segment', 'large body'], removed: [], expected: 'none' },
  { name: 'no journal', restored: [], removed: ['journal'], expected: 'none' },
  { name: 'no witness', restored: [], removed: ['witness'], expected: 'none' },
  { name: 'no journal, no witness', restored: [], removed: ['journal', 'witness'], expected: 'none' },
  {
    name: 'no write-ahead log of the manifest',
    restored: [],
    removed: ['manifest wal', 'manifest shm'],
    expected: 'none',
  },
  { name: 'no journal, an earlier manifest', restored: MANIFEST, removed: ['journal'], expected: 'none' },
];

const SIZES = { memoryBytes: 0, diskBytes: 400 * 1024 ** 2 };
const READS = 3;
const SETTLED_MS = 250;
const MAX_RESOURCES = 12;

/** What came of it: how many were hits before the tampering (none: it says nothing), and old answers after it. */
export interface Tampered {
  readonly hits: number;
  readonly old: number;
  readonly others: number;
}

/** Fills, restarts, invalidates, kills, tampers, and asks again. */
export async function tamper(session: Session, tampering: Tampering): Promise<Tampered> {
  const { world, diskFolder } = session;
  const earlier = `${diskFolder}-earlier`;
  const chosen = world.resources.filter(({ freshness }) => freshness === 'long').slice(0, MAX_RESOURCES);
  session.replaceDisk();
  await inLife(session, async (running) => {
    for (let count = 0; count < READS; count++) await readAll(world, running, chosen);
  });
  rmSync(earlier, { recursive: true, force: true });
  cpSync(diskFolder, earlier, { recursive: true });
  const hits = await inLife(session, async (running) => {
    const had = await readAll(world, running, chosen);
    for (const resource of chosen) {
      await invalidate(world, running, urlSelection(resource), { purge: false, change: [resource] });
    }
    return had;
  });
  change(tampering, { diskFolder, earlier });
  const before = world.figures.found.length;
  await inLife(session, (running) => readAll(world, running, chosen));
  const found = world.figures.found.slice(before);
  const old = found.filter(({ fault }) => fault === 'lost invalidation').length;
  return { hits: hits ?? 0, old, others: world.figures.found.length - old };
}

async function inLife<T>(session: Session, work: (running: Running) => Promise<T>): Promise<T | undefined> {
  session.world.kept.restart({ lost: true, endMs: 0 });
  const running = await session.start(SIZES);
  if (running === undefined) return undefined;
  const result = await work(running);
  await sleep(SETTLED_MS);
  running.process.kill();
  await session.over(running, SETTLED_MS);
  return result;
}

async function readAll(world: World, running: Running, resources: readonly Resource[]): Promise<number> {
  const ends = await Promise.all(resources.map((resource) => read(world, running, resource)));
  return ends.filter(({ hit, first }) => hit && first).length;
}

function change({ restored, removed }: Tampering, at: { readonly diskFolder: string; readonly earlier: string }): void {
  const { diskFolder, earlier } = at;
  const names = new Set([...filesIn(diskFolder), ...filesIn(earlier)]);
  for (const name of names) {
    const kind = kindOfFile(name);
    const path = join(diskFolder, name);
    if (removed.includes(kind)) rmSync(path, { force: true });
    else if (restored === 'all' || restored.includes(kind)) putBack(join(earlier, name), path);
  }
}

function putBack(from: string, to: string): void {
  rmSync(to, { force: true });
  if (!existsSync(from)) return;
  mkdirSync(join(to, '..'), { recursive: true });
  cpSync(from, to);
}
