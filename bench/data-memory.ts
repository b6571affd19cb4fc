// Of the bench `data`: what `maxBytes` counts of values, beside the memory that they really take. Run as a program it is
// the child that stores one kind of values, with --expose-gc.
//
// What values are made from must be gone when the memory is looked at, pages and answers of drivers
// too. So each is made, stored and forgotten before the next.

import { spawnSync } from 'node:child_process';
import { createCache } from '../src/cache/create-cache.ts';
import { atMost } from './data-goals.ts';
import { type Goal, printTable } from './report.ts';

export interface MemoryFigure {
  readonly kind: MemoryKind;
  readonly entries: number;
  readonly counted: number;
  readonly held: number;
}

interface Kind {
  readonly entries: number;
  readonly make: (at: number) => unknown;
}

const PAGE_LENGTH = 200_000;

function page(at: number, wide: boolean): string {
  return `<title>${at} Lamps and rugs${wide ? ' \u2013 ' : ' - '}the shop</title>`.padEnd(PAGE_LENGTH, `<p>${at}</p>`);
}

/** A part of a page, which is all of it to V8. */
function titleOf(text: string): string {
  return text.slice('<title>'.length, text.indexOf('</title>'));
}

function user(id: number) {
  return { id, name: `User ${id}`, email: `user${id}@shop.example`, score: id + 0.5, roles: ['reader', 'writer'] };
}

function dated(id: number) {
  return { ...user(id), createdAt: new Date(id * 1000), deletedAt: id % 2 === 0 ? null : new Date(id) };
}

function list<T>(length: number, make: (at: number) => T): T[] {
  return Array.from({ length }, (_, at) => make(at));
}

function byId(at: number, length: number): [string, number][] {
  return list(length, (each) => [`product-${at}-${each}`, each]);
}

export const MEMORY_KINDS = {
  'texts of 2 KB': { entries: 2000, make: (at) => `${at} `.padEnd(2000, 'lorem ipsum ') },
  'texts of 2 KB, wide': { entries: 2000, make: (at) => `${at} `.padEnd(2000, 'лорем ипсум ') },
  'titles cut from pages': { entries: 5000, make: (at) => titleOf(page(at, false)) },
  'titles cut from pages, wide': { entries: 5000, make: (at) => titleOf(page(at, true)) },
  'objects with such titles': { entries: 5000, make: (at) => ({ at, title: titleOf(page(at, at % 2 === 0)) }) },
  'texts joined of parts': {
    entries: 2000,
    make: (at) => list(50, (part) => `<li>${at} ${part}</li>`).reduce((all, part) => all + part),
  },
  rows: { entries: 10_000, make: user },
  'lists of 50 rows': { entries: 300, make: (at) => list(50, (each) => user(at * 50 + each)) },
  'lists of 50 rows with dates': { entries: 300, make: (at) => list(50, (each) => dated(at * 50 + each)) },
  'dictionaries of 10': { entries: 5000, make: (at) => Object.fromEntries(byId(at, 10)) },
  'dictionaries of 300': { entries: 200, make: (at) => Object.fromEntries(byId(at, 300)) },
  'dictionaries by number': {
    entries: 500,
    make: (at) => Object.fromEntries(list(100, (each) => [at * 1000 + each * 7, each])),
  },
  'objects of JSON': {
    entries: 3000,
    make: (at) =>
      JSON.parse(
        JSON.stringify({
          ...user(at),
          address: { street: `${at} Main Street`, city: 'Springfield' },
          tags: list(5, (each) => `tag-${at}-${each}`),
        }),
      ),
  },
  'lists of numbers': { entries: 1000, make: (at) => list(100, (each) => at + each / 7) },
  'Maps of 50': { entries: 500, make: (at) => new Map(byId(at, 50)) },
  'Sets of 50': { entries: 500, make: (at) => new Set(list(50, (each) => `member-${at}-${each}`)) },
  'bytes of 1 KB': { entries: 2000, make: () => Buffer.alloc(1024, 1) },
  'big integers': { entries: 1000, make: (at) => list(50, (each) => 2n ** 70n + BigInt(at * 50 + each)) },
} satisfies Readonly<Record<string, Kind>>;

export type MemoryKind = keyof typeof MEMORY_KINDS;

export function memoryFigures(kinds = Object.keys(MEMORY_KINDS) as readonly MemoryKind[]): MemoryFigure[] {
  return kinds.map((kind) => {
    const child = spawnSync(process.execPath, ['--expose-gc', import.meta.filename, kind], { encoding: 'utf8' });
    if (child.status === 0) return { kind, ...(JSON.parse(child.stdout) as Omit<MemoryFigure, 'kind'>) };
    throw new Error(
      `expected data-memory to exit with 0 for ${kind}; got ${child.status ?? child.signal}\n${child.stderr}`,
    );
  });
}

export function printMemory(figures: readonly MemoryFigure[]): void {
  if (figures.length === 0) return;
  printTable({
    title: 'memory of values: bytes of an entry as maxBytes counts them, and as they are held',
    columns: ['', 'entries', 'counted', 'held', 'held by counted'],
    rows: figures.map(({ kind, entries, counted, held }) => [
      kind,
      String(entries),
      ...[counted, held].map((bytes) => (bytes / entries).toFixed(0)),
      (held / counted).toFixed(2),
    ]),
  });
}

/** The kind that is counted worst, in whichever direction. */
export function memoryGoal(figures: readonly MemoryFigure[]): Goal {
  const ratios = figures.map(({ counted, held }) => Math.max(held / counted, counted / held));
  const worst = figures.length === 0 ? undefined : Math.max(...ratios);
  return atMost(`memory of ${figures.length} kinds of values: held by counted, or counted by held`, 1.25, worst);
}

function heldBytes(): number {
  for (let times = 0; times < 4; times++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Compiled code and what an empty cache takes is no memory of values: some are there before it is looked at. */
const WARM_ENTRIES = 200;

function measure({ entries, make }: Kind): Omit<MemoryFigure, 'kind'> {
  const cache = createCache({ memory: { maxBytes: 2 ** 40, maxEntries: 2 * entries } });
  for (let at = 0; at < WARM_ENTRIES; at++) void cache.set(`warm:${at}`, make(entries + at));
  const { bytes: countedBefore } = cache.stats().memory;
  const heldBefore = heldBytes();
  for (let at = 0; at < entries; at++) void cache.set(`entry:${at}`, make(at));
  const held = heldBytes() - heldBefore;
  const { entries: stored, bytes } = cache.stats().memory;
  if (stored !== entries + WARM_ENTRIES) throw new Error(`expected all of ${entries} entries, got ${stored}`);
  return { entries, counted: bytes - countedBefore, held };
}

if (import.meta.main) console.log(JSON.stringify(measure(MEMORY_KINDS[process.argv[2] as MemoryKind])));
