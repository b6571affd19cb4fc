// What a get and a put cost in the memory store, beside a plain Map and lru-cache bounded in bytes.
//
// The store looks at no time, for the gate decides what is fresh. So lru-cache has no ttl here.

import type { StoredResponse } from '../src/entry/stored-response.ts';
import { createMemoryStore, entryCost } from '../src/store/memory.ts';
import { Absent, loadPeer } from '../test/race/peers/peer.ts';
import { makeEntry } from './memory-fill.ts';

const ENTRIES = 100_000;
const OPERATIONS = 200_000;
const ROUNDS = 5;

/** Median ns of a get, a replacement and a put that evicts; no `ns`: not installed. */
export interface Speed {
  readonly name: string;
  readonly ns: readonly (number | undefined)[] | undefined;
}

interface Peer {
  readonly name: string;
  get(key: string): unknown;
  put(entry: StoredResponse): void;
  /** False: it does not evict. */
  readonly bounded: boolean;
}

/** What is used of lru-cache. */
interface LruCacheModule {
  readonly LRUCache: new (options: {
    maxSize: number;
    sizeCalculation: (entry: StoredResponse) => number;
  }) => { get(key: string): unknown; set(key: string, entry: StoredResponse): unknown };
}

export function speeds(): Speed[] {
  const entries = Array.from({ length: ENTRIES }, (_, number) => smallEntry(number));
  const maxBytes = entries.reduce((sum, entry) => sum + entryCost(entry), 0);
  const lruCache = lruCachePeer(maxBytes);
  const peers = [ourPeer(maxBytes), mapPeer(), ...(lruCache === undefined ? [] : [lruCache])];
  for (const peer of peers) for (const entry of entries) peer.put(entry);
  const rounds = peers.map((): number[][] => []);
  for (let round = 0; round < ROUNDS; round++) {
    // Another is first in each.
    for (let turn = 0; turn < peers.length; turn++) {
      const at = (round + turn) % peers.length;
      rounds[at]!.push(measureRound(peers[at]!, entries, round));
    }
  }
  const measured = peers.map((peer, at) => ({ name: peer.name, ns: mediansOf(peer, rounds[at]!) }));
  return lruCache === undefined ? [...measured, { name: 'lru-cache', ns: undefined }] : measured;
}

/** The body does not matter here. */
function smallEntry(number: number): StoredResponse {
  return { ...makeEntry(number, 0), bytes: new Uint8Array(8) };
}

function ourPeer(maxBytes: number): Peer {
  const store = createMemoryStore({ maxBytes });
  return { name: 'tidegate', bounded: true, get: (key) => store.get(key), put: (entry) => store.put(entry) };
}

function mapPeer(): Peer {
  const map = new Map<string, StoredResponse>();
  return { name: 'Map', bounded: false, get: (key) => map.get(key), put: (entry) => void map.set(entry.key, entry) };
}

/** Undefined: not installed. */
function lruCachePeer(maxSize: number): Peer | undefined {
  try {
    const { LRUCache } = loadPeer<LruCacheModule>('lru-cache');
    const cache = new LRUCache({ maxSize, sizeCalculation: entryCost });
    const put = (entry: StoredResponse) => void cache.set(entry.key, entry);
    return { name: 'lru-cache', bounded: true, get: (key) => cache.get(key), put };
  } catch (error) {
    if (error instanceof Absent) return undefined;
    throw error;
  }
}

/** Most accesses go to few numbers. Each round has its own, the same for all peers. */
function skewedNumbers(round: number): Int32Array {
  let state = round + 1;
  return Int32Array.from({ length: OPERATIONS }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(ENTRIES * (state / 2 ** 32) ** 4);
  });
}

function measureRound(peer: Peer, entries: readonly StoredResponse[], round: number): number[] {
  const numbers = skewedNumbers(round);
  // As a proxy makes keys: from the bytes of a request.
  const wire = entries.map((entry) => Buffer.from(entry.key, 'latin1'));
  const get = nsPerOperation(numbers, (number) => peer.get(wire[number]!.toString('latin1')));
  const replace = nsPerOperation(numbers, (number) => peer.put(entries[number]!));
  if (!peer.bounded) return [get, replace];
  const first = ENTRIES * (round + 1);
  const fresh = Array.from({ length: ENTRIES }, (_, at) => smallEntry(first + at));
  const order = Int32Array.from({ length: ENTRIES }, (_, at) => at);
  const evict = nsPerOperation(order, (at) => peer.put(fresh[at]!));
  for (const entry of entries) peer.put(entry);
  return [get, replace, evict];
}

function nsPerOperation(numbers: Int32Array, operation: (number: number) => void): number {
  const start = process.hrtime.bigint();
  for (const number of numbers) operation(number);
  return Number(process.hrtime.bigint() - start) / numbers.length;
}

function mediansOf(peer: Peer, rounds: readonly (readonly number[])[]): (number | undefined)[] {
  return [0, 1, 2].map((at) => {
    if (at === 2 && !peer.bounded) return undefined;
    const sorted = rounds.map((round) => round[at]!).sort((a, b) => a - b);
    return sorted[sorted.length >> 1];
  });
}
