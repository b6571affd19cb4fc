// `tidegate/drizzle`: the data cache behind drizzle-orm.

export { TidegateCache, tidegateCache } from './drop-in.ts';
export { type KeyedQuery, type KeyScope, queryKey } from './key.ts';
export type { DropInInvalidation, DropInOptions, DropInStats } from './options.ts';
export { withTidegate } from './sound-db.ts';
export type { PassReason, ReadOptions, Sound, SoundOptions, SoundStats } from './sound-options.ts';
