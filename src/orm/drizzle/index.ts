// `tidegate/drizzle`: the data cache behind drizzle-orm.

export { TidegateCache, tidegateCache } from './hook/hook-cache.ts';
export { type KeyedQuery, type KeyScope, queryKey } from './key.ts';
export type {
  DropInInvalidation,
  DropInOptions,
  DropInStats,
  PassReason,
  ReadOptions,
  Sound,
  SoundOptions,
  SoundStats,
} from './options.ts';
export { withTidegate } from './with-tidegate.ts';
