import { describe } from 'vitest';
import { createMemoryStore } from '../../src/store/memory.ts';
import { testStoreContract } from './store-contract.ts';

describe('memory store', () => {
  testStoreContract(() => createMemoryStore({ maxBytes: 1_000_000 }));
});
