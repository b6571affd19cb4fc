// `tidegate/testing`: what a store of a third party must do, as tests that it can run; and a clock for tests of programs.

export type { ByteStore } from '../ports.ts';
export { type ByteStoreContract, byteStoreContract } from './byte-store-contract.ts';
export { createTestClock, type TestClock } from './test-clock.ts';
