// `tidegate/track`: what is read from a database while a response is made becomes its tags, and a change of the database
// invalidates the responses that it changes, in gates and in data caches.

export type { BetterSqliteDatabase, SqliteRunner } from '../feed/sqlite/runner.ts';
export { betterSqliteRunner, libsqlRunner, nodeSqliteRunner } from '../feed/sqlite/runner.ts';
export { feedProcess } from './client/feed-client.ts';
export type {
  CommonTrackerOptions,
  DatabaseTrackerOptions,
  FeedProcess,
  FeedProcessAddress,
  FeedProcessOptions,
  FeedProcessStatus,
  Finished,
  FinishOptions,
  ProcessTrackerOptions,
  Scope,
  SourceMessage,
  SourceReply,
  TargetStatus,
  TrackerCounts,
  TrackerOptions,
  TrackerStatus,
  TrackingTarget,
  Untracked,
} from './contract.ts';
export type { OpenDatabase, TrackedDatabase } from './follow/open-database.ts';
export { type PostgresDatabaseOptions, postgresDatabase } from './follow/postgres-database.ts';
export { type SqliteDatabaseOptions, sqliteDatabase } from './follow/sqlite-database.ts';
export type { LoadBatch, Loader, LoaderOptions, MemoOptions } from './scope/shared-work.ts';
export { startFeedProcess } from './server/feed-server.ts';
export { type CacheTargetOptions, cacheTarget } from './target/cache-target.ts';
export { type GateTargetOptions, gateTarget } from './target/gate-target.ts';
export { createTracker, type Tracker } from './tracker.ts';
