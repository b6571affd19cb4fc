// `tidegate/testing`: what a store or a log of a third party must do, as tests that it can run; and a clock for tests of
// programs.

export type { LogChange, LogEvent, Position } from '../ledger/log.ts';
export type { Selector } from '../ledger/selector.ts';
export type { ByteStore, InvalidationLog } from '../ports.ts';
export { type ByteStoreContract, byteStoreContract } from './byte-store-contract.ts';
export { type InvalidationLogContract, invalidationLogContract } from './invalidation-log-contract.ts';
export { createTestClock, type TestClock } from './test-clock.ts';
