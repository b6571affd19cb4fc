// Stores that are wrong in one way each, with the fact of the contract that each breaks.

import type { ByteStore } from '../../src/ports.ts';

interface Broken {
  readonly name: string;
  readonly breaks: string;
  readonly make: () => ByteStore;
}

type Changes = (map: Map<string, Uint8Array>) => Partial<ByteStore>;

export function rightStore(map = new Map<string, Uint8Array>()): ByteStore {
  return {
    get: (key) => map.get(key)?.slice(),
    put: (key, bytes) => void map.set(key, bytes.slice()),
    delete: (keys) => keys.filter((key) => map.delete(key)).length,
    keys: () => [...map.keys()],
  };
}

/** A right store, but for the changes. */
function broken(name: string, breaks: string, changes: Changes): Broken {
  const make = () => {
    const map = new Map<string, Uint8Array>();
    return { ...rightStore(map), ...changes(map) };
  };
  return { name, breaks, make };
}

/** Keys that become one. */
function confused(name: string, breaks: string, as: (key: string) => string): Broken {
  return broken(name, breaks, (map) => ({
    get: (key) => map.get(as(key))?.slice(),
    put: (key, bytes) => void map.set(as(key), bytes.slice()),
    delete: (keys) => keys.filter((key) => map.delete(as(key))).length,
  }));
}

const APART = 'tells keys apart, whatever is in them';
const LONG = 'takes keys of up to 512 bytes of UTF-8';
const BYTES = 'keeps every byte as it is, be it text or not';
const REMOVED = 'removes what it is told to, and nothing else';
const COUNT = 'says how many it removed, or 0';
const LISTED = 'lists the keys that are there, if it lists any';
const TIMES = 'takes every time to live above 0, and keeps what has one';

const later = (work: () => void, ms: number) => setTimeout(work, ms).unref();

const KEYS: readonly Broken[] = [
  confused('takes no notice of case', APART, (key) => key.toLowerCase()),
  confused('normalises keys', APART, (key) => key.normalize('NFC')),
  confused('trims keys', APART, (key) => key.trim()),
  confused('makes paths of keys', APART, (key) => new URL(`http://a/${key.replaceAll('#', '%23')}`).pathname),
  confused('replaces what a file name may not have', APART, (key) => key.replace(/[^\w.-]/g, '_')),
  confused('cuts long keys', LONG, (key) => key.slice(0, 255)),
  confused('takes bytes for characters', LONG, (key) => Buffer.from(key).subarray(0, 511).toString('latin1')),
  broken('keeps keys in a plain object', APART, () => {
    const entries: Record<string, Uint8Array> = {};
    return {
      get: (key) => entries[key],
      put: (key, bytes) => {
        entries[key] = bytes.slice();
      },
      delete: (keys) => keys.filter((key) => key in entries && delete entries[key]).length,
      keys: () => Object.keys(entries),
    };
  }),
  broken('removes by prefix', REMOVED, (map) => ({
    delete: (keys) =>
      [...map.keys()].filter((key) => keys.some((one) => key.startsWith(one)) && map.delete(key)).length,
  })),
  broken('removes the first key alone', REMOVED, (map) => ({ delete: ([key = '']) => Number(map.delete(key)) })),
  broken('marks what is removed for good', REMOVED, (map) => {
    const gone = new Set<string>();
    return {
      get: (key) => (gone.has(key) ? undefined : map.get(key)?.slice()),
      delete: (keys) => {
        for (const key of keys) gone.add(key);
        return 0;
      },
    };
  }),
  broken('takes keys for patterns', 'removes keys that look like patterns as what they are', (map) => ({
    delete: ([glob = '']) => (glob.includes('*') ? Number(map.clear()) * 0 : Number(map.delete(glob))),
  })),
  broken('counts what was not there', COUNT, (map) => ({
    delete: (keys) => {
      for (const key of keys) map.delete(key);
      return keys.length;
    },
  })),
  broken('gives true instead of a number', COUNT, (map) => ({
    delete: (keys) => keys.every((key) => map.delete(key)) as unknown as number,
  })),
  broken('removes a hundred at most', 'removes many at once', (map) => ({
    delete: (keys) => keys.slice(0, 100).filter((key) => map.delete(key)).length,
  })),
  broken('lists half of the keys', LISTED, (map) => ({ keys: () => [...map.keys()].filter((_, at) => at % 2 === 0) })),
  broken('lists its own names of keys', LISTED, (map) => ({
    keys: () => [...map.keys()].map((key) => `cache:${key}`),
  })),
  broken('lists what was removed', LISTED, (map) => {
    const seen = new Set<string>();
    return {
      put: (key, bytes) => {
        seen.add(key);
        map.set(key, bytes.slice());
      },
      keys: () => [...seen],
    };
  }),
  broken('lists a key once for each put', LISTED, (map) => {
    const puts: string[] = [];
    return {
      put: (key, bytes) => {
        puts.push(key);
        map.set(key, bytes.slice());
      },
      keys: () => puts.filter((key) => map.has(key)),
    };
  }),
  broken('lists by place, which moves', 'may be changed while its keys are listed', (map) => ({
    *keys() {
      for (let at = 0; at < map.size; at++) yield [...map.keys()][at] as string;
    },
  })),
];

const CONTENT: readonly Broken[] = [
  broken('gives null for nothing', 'gives undefined for what was never put', (map) => ({
    get: (key) => map.get(key) ?? (null as unknown as undefined),
  })),
  broken('gives nothing', 'gives back what was put', () => ({ get: () => undefined })),
  broken('gives it once', 'gives back what was put', (map) => ({
    get: (key) => {
      const found = map.get(key);
      map.delete(key);
      return found;
    },
  })),
  broken('gives an ArrayBuffer', 'gives back what was put', (map) => ({
    get: (key) => map.get(key)?.slice().buffer as unknown as Uint8Array,
  })),
  broken('takes bytes for text', BYTES, (map) => ({
    put: (key, bytes) => void map.set(key, Buffer.from(Buffer.from(bytes).toString('utf8'))),
  })),
  broken('ends at a zero', BYTES, (map) => ({
    put: (key, bytes) => void map.set(key, bytes.slice(0, bytes.includes(0) ? bytes.indexOf(0) : undefined)),
  })),
  broken('takes no bytes for nothing', 'keeps a value of no bytes, and knows it from none', (map) => ({
    get: (key) => (map.get(key)?.length ? map.get(key)?.slice() : undefined),
  })),
  broken('cuts at 64 KiB', 'keeps large values', (map) => ({
    put: (key, bytes) => void map.set(key, bytes.slice(0, 65_536)),
  })),
  broken('keeps the first', 'puts in place of what was there, also what is shorter', (map) => ({
    put: (key, bytes) => void (map.has(key) || map.set(key, bytes.slice())),
  })),
  broken('leaves the rest of what was longer', 'puts in place of what was there, also what is shorter', (map) => ({
    put: (key, bytes) => {
      const kept = new Uint8Array(Math.max(map.get(key)?.length ?? 0, bytes.length));
      kept.set(map.get(key) ?? []);
      kept.set(bytes);
      map.set(key, kept);
    },
  })),
  broken('takes the whole buffer', 'takes a part of a larger buffer as that part alone', (map) => ({
    put: (key, bytes) => void map.set(key, new Uint8Array(bytes.buffer.slice(0) as ArrayBuffer)),
  })),
  broken('keeps the bytes it was given', 'is not changed by what becomes of the bytes it was given', (map) => ({
    put: (key, bytes) => void map.set(key, bytes),
  })),
  broken('gives the bytes it keeps', 'is not changed by what becomes of the bytes it gave', (map) => ({
    get: (key) => map.get(key),
  })),
  broken('mixes up puts at once', 'takes many puts at once', (map) => {
    let last: Uint8Array = new Uint8Array(0);
    return {
      put: async (key, bytes) => {
        last = bytes.slice();
        await undefined;
        map.set(key, last);
      },
    };
  }),
  broken('writes in two halves', 'of several puts at once under one key keeps one, whole', (map) => ({
    put: async (key, bytes) => {
      map.set(key, bytes.slice(0, bytes.length / 2));
      await undefined;
      map.set(key, bytes.slice());
    },
  })),
];

const TIME: readonly Broken[] = [
  broken('refuses a fraction of a ms', TIMES, (map) => ({
    put: (key, bytes, { ttlMs }) => {
      if (ttlMs !== Infinity && !Number.isSafeInteger(ttlMs)) throw new Error('ERR value is not an integer');
      map.set(key, bytes.slice());
    },
  })),
  broken('takes Infinity for no time at all', TIMES, (map) => ({
    put: (key, bytes, { ttlMs }) => void (Number.isFinite(ttlMs) && map.set(key, bytes.slice())),
  })),
  broken('has timers of 31 bits', TIMES, (map) => ({
    put: (key, bytes, { ttlMs }) => {
      map.set(key, bytes.slice());
      later(() => map.delete(key), ttlMs > 2 ** 31 - 1 ? 1 : ttlMs);
    },
  })),
  broken('forgets all when one is over', 'gives what was put or nothing, once its time is over', (map) => ({
    put: (key, bytes, { ttlMs }) => {
      map.set(key, bytes.slice());
      if (ttlMs < 1000) later(() => map.clear(), ttlMs);
    },
  })),
  broken('gives no bytes once it is over', 'gives what was put or nothing, once its time is over', (map) => ({
    put: (key, bytes, { ttlMs }) => {
      map.set(key, bytes.slice());
      if (ttlMs < 1000) later(() => map.set(key, new Uint8Array(0)), ttlMs);
    },
  })),
  broken('lets the timer of what was replaced go on', 'forgets the time to live of what was replaced', (map) => ({
    put: (key, bytes, { ttlMs }) => {
      map.set(key, bytes.slice());
      if (ttlMs < 1000) later(() => map.delete(key), ttlMs);
    },
  })),
];

export const BROKEN: readonly Broken[] = [...KEYS, ...CONTENT, ...TIME];
