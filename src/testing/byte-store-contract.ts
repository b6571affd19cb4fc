// What every ByteStore must do, as tests for whatever runner there is.
//
// A store may lose what it was given. But one that loses a few small entries at once is of no use,
// and would pass every other test; so what was put with an hour to live must be there right after.

import type { ByteStore, Eventually } from '../ports.ts';
import { bytesFacts, timeFacts } from './facts-about-bytes.ts';
import { keyFacts } from './facts-about-keys.ts';

export interface ByteStoreContract {
  /** Takes a test: `test` of node:test, of vitest, or any function like them. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** An empty store, for each test a new one. */
  readonly makeStore: () => Eventually<ByteStore>;
  /** Called after each test, also after one that failed. Default: nothing. */
  readonly closeStore?: (store: ByteStore) => Eventually<void>;
  /** The largest value that the store takes. Default 1 MiB. */
  readonly maxValueBytes?: number;
  /** The store declines what has less time to live, in milliseconds. Default 0. */
  readonly minTtlMs?: number;
}

const MEBIBYTE = 2 ** 20;

/** Hands each fact to `test`, under a name that begins with `ByteStore`. */
export function byteStoreContract(contract: ByteStoreContract): void {
  const { test, makeStore, closeStore = () => undefined, maxValueBytes = MEBIBYTE, minTtlMs = 0 } = contract;
  for (const [name, holds] of Object.entries({ ...bytesFacts, ...keyFacts, ...timeFacts })) {
    // Without parameters, for runners look at their number.
    test(`ByteStore: ${name}`, async () => {
      const store = await makeStore();
      try {
        await holds(store, { maxValueBytes, minTtlMs });
      } finally {
        await closeStore(store);
      }
    });
  }
}
