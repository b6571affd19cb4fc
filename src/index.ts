// The package's main entry: the data cache, and what a configuration file and a program that talks about entries need.
// Loads no platform.

export type {
  Cache,
  CacheClock,
  CacheEntry,
  CacheLog,
  CacheOptions,
  CacheStats,
  CacheTier,
  CloseOptions,
  DefaultOptions,
  EntryOptions,
  EventData,
  EventReach,
  EventResult,
  Fill,
  FillContext,
  FillOptions,
  GetOptions,
  Invalidation,
  KindPolicy,
  NamespaceOptions,
  ReadStamp,
  SetOptions,
} from './cache/contract.ts';
export { createCache } from './cache/create-cache.ts';
export { etagOf } from './cache/keys/digest.ts';
export { listKey } from './cache/keys/key-space.ts';
export { cacheOptionsFromEnvironment } from './cache/options/environment.ts';
export {
  CachedRepository,
  createRepository,
  type RecordId,
  type RecordSource,
  type RepositoryOptions,
} from './cache/repository/repository.ts';
export { type TransactionControl, transaction, UnitOfWork } from './cache/repository/unit-of-work.ts';
export type { Schema } from './cache/schema.ts';
export type { Flush } from './cache/views/flusher.ts';
export type { ViewAnswer, ViewFailure } from './cache/views/slot.ts';
export type { ViewStats } from './cache/views/stats.ts';
export {
  type View,
  type ViewContext,
  type ViewEvent,
  type ViewOptions,
  type ViewParameters,
  view,
} from './cache/views/view.ts';
export { createViews, type Views, type ViewsOptions } from './cache/views/views.ts';
export type { ValueClass } from './entry/owned-value.ts';
export { ERROR_CODES, type ErrorCode, TidegateError } from './errors.ts';
export type { Selector } from './ledger/selector.ts';
export { defineConfig, type TidegateConfig } from './node/config/config-types.ts';
export type { Duration } from './options/durations.ts';
export type { Eventually } from './ports.ts';
