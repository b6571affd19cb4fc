// `tidegate/workers/d1`: exact invalidation of what handlers read of D1. Apart from the gate, since it brings a parser of SQL.

import { DurableObject, env, withEnv } from 'cloudflare:workers';
import { platformClock } from '../../cache/platform.ts';
import { installSqliteFeed, planSqliteFeed } from '../../feed/sqlite/install.ts';
import { d1Runner } from '../../feed/sqlite/runner.ts';
import type { Bindings } from '../platform.ts';
import type { D1Database } from './binding.ts';
import { type D1DrainConfig, type DrainObject, d1DrainClass } from './drain-object.ts';
import { type D1HandlerOptions, type OriginHandler, trackedHandler } from './handler.ts';
import { d1Shapes } from './tables.ts';
import type { D1Tracker } from './tracker.ts';

export type { D1Database, TaggedRequest } from './binding.ts';
export type { D1DrainConfig } from './drain-object.ts';
export { createD1Tracker, type D1Tracker, type D1TrackerOptions, type D1TrackerStats } from './tracker.ts';

/**
 * The handler of an origin of the gate, with the bindings of these names tracked, also in the `env` of `cloudflare:workers`. A
 * response that may not be stored gets `CDN-Cache-Control: no-store` and says why in `Tidegate-Untracked`.
 */
export function withD1<Env extends Bindings = Bindings>(
  handler: OriginHandler<Env>,
  trackers: Readonly<Record<string, D1Tracker>>,
  options: D1HandlerOptions = {},
): OriginHandler<Env> {
  return trackedHandler<Env>(handler, trackers, { ...options, scope: { env, withEnv } });
}

/** The class of the Durable Object that drains a database, for the Worker's module to export. Throws E_CONFIG. */
export function d1Drain(config: D1DrainConfig): new (state: never, env: never) => DrainObject {
  return d1DrainClass(DurableObject as never, config, () => platformClock.now()) as never;
}

/** Installs the change log and the triggers of all tables, all or nothing. Resolves to what is less than exact, as sentences. */
export async function installD1Feed(database: D1Database): Promise<readonly string[]> {
  return (await installSqliteFeed(d1Runner(database), await d1Shapes(database))).problems;
}

/** The statements that `installD1Feed` would run now, for a migration. */
export async function planD1Feed(database: D1Database): Promise<readonly string[]> {
  return planSqliteFeed(d1Runner(database), await d1Shapes(database));
}
