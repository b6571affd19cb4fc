// Of the bench `memory`: bytes of bookkeeping per entry of the data cache, beside lru-cache with ttl and sizes. Run as a
// program it is the child that fills one cache, with --expose-gc.
//
// A value that comes in is copied, and the copy is no bookkeeping. So keys and values are texts here,
// which no cache copies, and they are there before anything is measured.

import { spawnSync } from 'node:child_process';
import { createCache } from '../src/cache/create-cache.ts';
import { Absent, loadPeer } from '../test/race/peers/peer.ts';
import type { LruExports } from './data-plain.ts';
import { printTable } from './report.ts';

export interface ValueFill {
  readonly name: string;
  readonly entries: number;
  /** Of V8's heap and what its objects hold outside of it; undefined: not installed. */
  readonly bytes: number | undefined;
  /** Of those, what an empty cache takes. */
  readonly fixedBytes: number;
}

const TTL_MS = 3_600_000;
const MAX_BYTES = 2 ** 40;
const NAMES = ['tidegate', 'tidegate, 2 tags', 'lru-cache'] as const;
type Name = (typeof NAMES)[number];

export function valueFills(counts: readonly number[]): ValueFill[] {
  return counts.flatMap((entries) => NAMES.map((name) => fillInChild(name, entries)));
}

function fillInChild(name: Name, entries: number): ValueFill {
  const args = ['--expose-gc', import.meta.filename, name, String(entries)];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.status !== 0) throw new Error(`expected memory-values to exit with 0; got ${child.status ?? child.signal}`);
  return { name, entries, ...(JSON.parse(child.stdout) as Pick<ValueFill, 'bytes' | 'fixedBytes'>) };
}

export function printValueFills(fills: readonly ValueFill[]): void {
  printTable({
    title: 'data cache: bytes of bookkeeping per entry, besides key and value',
    columns: ['', 'entries', 'bookkeeping', 'of an empty cache'],
    rows: fills.map(({ name, entries, bytes, fixedBytes }) => [
      name,
      String(entries),
      bytes === undefined ? 'not installed' : ((bytes - fixedBytes) / entries).toFixed(0),
      `${(fixedBytes / entries).toFixed(0)}`,
    ]),
  });
  console.log(
    '  of an empty cache: its tables made in advance, by the same number of entries; lru-cache: with ttl, max,',
  );
  console.log('  maxSize and sizeCalculation. Tags: one its own, one shared by a hundred.');
}

interface Filled {
  set(key: string, value: string, at: number): void;
}

function openCache(name: Name, entries: number): Filled {
  if (name === 'lru-cache') {
    const { LRUCache } = loadPeer<LruExports>('lru-cache');
    const sizeCalculation = (value: string) => value.length;
    const cache = new LRUCache({ max: entries, maxSize: MAX_BYTES, sizeCalculation, ttl: TTL_MS });
    return { set: (key, value) => void cache.set(key, value) };
  }
  const cache = createCache({ memory: { maxEntries: entries, maxBytes: MAX_BYTES } });
  const isTagged = name !== 'tidegate';
  return {
    set: (key, value, at) => {
      const tags = isTagged ? [`item-${at}`, `group-${Math.floor(at / 100)}`] : undefined;
      void cache.set(key, value, tags === undefined ? { ttl: TTL_MS } : { ttl: TTL_MS, tags });
    },
  };
}

function heapBytes(): number {
  for (let times = 0; times < 4; times++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function measure(name: Name, entries: number): Pick<ValueFill, 'bytes' | 'fixedBytes'> {
  const keys = Array.from({ length: entries }, (_, at) => `user:profile:${1_000_000 + at}`);
  const values = keys.map((key) => `{"name":"User of ${key}","email":"user@shop.example"}`);
  // What is compiled or looked up once is no bookkeeping; and texts that are put together are made whole when looked at.
  const warm = openCache(name, 100);
  for (const [at, key] of keys.entries()) warm.set(key, values[at] as string, at);
  const before = heapBytes();
  const cache = openCache(name, entries);
  const empty = heapBytes();
  for (const [at, key] of keys.entries()) cache.set(key, values[at] as string, at);
  const bytes = heapBytes() - before;
  // Else it would be gone by now.
  warm.set(keys[0] as string, values[0] as string, 0);
  cache.set(keys[0] as string, values[0] as string, 0);
  return { bytes, fixedBytes: empty - before };
}

if (import.meta.main) {
  try {
    console.log(JSON.stringify(measure(process.argv[2] as Name, Number(process.argv[3]))));
  } catch (error) {
    if (!(error instanceof Absent)) throw error;
    console.log(JSON.stringify({ fixedBytes: 0 }));
  }
}
