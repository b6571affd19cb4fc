// `tidegate/track`: what is read from a database while a response is made becomes its tags, and a change of the database
// invalidates the responses that it changes, in gates and in data caches.

export type { BetterSqliteDatabase, SqliteRunner } from '../feed/sqlite/sqlite-runner.ts';
export { betterSqliteRunner, libsqlRunner, nodeSqliteRunner } from '../feed/sqlite/sqlite-runner.ts';
export { type CacheTargetOptions, cacheTarget } from './cache-target.ts';
export type {
  CommonTrackerOptions,
  DatabaseTrackerOptions,
  FeedProcessAddress,
  Finished,
  FinishOptions,
  OpenDatabase,
  ProcessTrackerOptions,
  Scope,
  SourceMessage,
  SourceReply,
  TargetStatus,
  TrackedDatabase,
  TrackerCounts,
  TrackerOptions,
  TrackerStatus,
  TrackingTarget,
  Untracked,
} from './contract.ts';
export { feedProcess } from './followed-process.ts';
export { type GateTargetOptions, gateTarget } from './gate-target.ts';
export type { LoadBatch, Loader, LoaderOptions } from './loader.ts';
export type { MemoOptions } from './memo.ts';
export { type PostgresDatabaseOptions, postgresDatabase } from './postgres-database.ts';
export type { FeedProcess, FeedProcessOptions, FeedProcessStatus } from './process-contract.ts';
export { startFeedProcess } from './process-server.ts';
export { type SqliteDatabaseOptions, sqliteDatabase } from './sqlite-database.ts';
export { createTracker, type Tracker } from './tracker.ts';
