// What `createTracker` and `startFeedProcess` are given, checked: also for callers without types.

import { shown } from '../errors.ts';
import type { DatabaseTrackerOptions, ProcessTrackerOptions, TrackerOptions } from './contract.ts';
import {
  ANY,
  COUNT,
  checkOptions,
  FUNCTION,
  msFrom,
  type Rule,
  refuseOption,
  TEXT,
  wholeFrom,
} from './option-rules.ts';
import type { FeedProcessOptions } from './server/process-contract.ts';

const SOURCE = /^[a-z0-9_-]{1,64}$/;
/** A gate grants no longer lease. */
const MAX_LEASE_MS = 60_000;
const MAX_PORT = 65_535;

/** Of whoever follows a database. */
const FOLLOWING = { leaseMs: msFrom(1, MAX_LEASE_MS), maxLagMs: msFrom(1), maxInstances: COUNT };
const TRACKER: Readonly<Record<keyof DatabaseTrackerOptions | keyof ProcessTrackerOptions, Rule>> = {
  ...{ source: ANY, database: ANY, targets: ANY, feed: ANY, caches: ANY },
  ...FOLLOWING,
  settleMs: msFrom(0),
  ...{ maxTags: COUNT, maxTagBytes: COUNT, maxTemplates: COUNT },
  share: ['scope or union', (value) => value === 'scope' || value === 'union'],
  onFault: FUNCTION,
};
const FEED_PROCESS: Readonly<Record<keyof FeedProcessOptions, Rule>> = {
  ...{ source: ANY, database: ANY, targets: ANY },
  ...{ host: TEXT, port: wholeFrom(0, MAX_PORT), token: TEXT },
  ...FOLLOWING,
  ...{ maxTemplates: COUNT, onFault: FUNCTION },
};

/** Throws E_CONFIG. */
export function checkFeedProcess(options: unknown): void {
  checkOptions('startFeedProcess', options, FEED_PROCESS);
  const { source, database, targets, port } = options as Readonly<Partial<Record<keyof FeedProcessOptions, unknown>>>;
  checkSource(source);
  checkDatabase(database);
  checkTargets('targets', targets);
  if (port === undefined) refuseOption(`port: expected ${FEED_PROCESS.port[0]}, got none`);
}

function checkSource(source: unknown): void {
  if (typeof source === 'string' && SOURCE.test(source)) return;
  refuseOption(`source: expected 1 to 64 of a-z, 0-9, - and _, got ${shown(source)}`);
}

/** Throws E_CONFIG. */
export function checkTracker(options: TrackerOptions): void {
  checkOptions('createTracker', options, TRACKER);
  const given = options as Readonly<Partial<Record<keyof TrackerOptions, unknown>>>;
  const { source, database, targets, feed, caches } = given;
  checkSource(source);
  const got = database === undefined ? 'neither' : 'both';
  if ((database === undefined) === (feed === undefined)) refuseOption(`expected one of database and feed, got ${got}`);
  if (feed !== undefined) {
    if (targets !== undefined)
      refuseOption('targets: expected none beside feed, which tells gates by itself, got some');
    const own = Object.keys(FOLLOWING).find((name) => given[name as keyof TrackerOptions] !== undefined);
    if (own !== undefined) refuseOption(`${own}: expected none beside feed, whose process is given it, got one`);
    checkTargets('caches', caches ?? []);
    checkAddress(feed);
    return;
  }
  if (caches !== undefined)
    refuseOption('caches: expected none beside database, whose targets they are among, got some');
  checkTargets('targets', targets);
  checkDatabase(database);
}

function checkTargets(name: string, targets: unknown): void {
  const isTarget = (one: unknown) => typeof (one as { readonly deliver?: unknown } | null)?.deliver === 'function';
  if (!Array.isArray(targets)) refuseOption(`${name}: expected a list of targets, got ${shown(targets)}`);
  const others = (targets as readonly unknown[]).filter((one) => !isTarget(one));
  if (others.length > 0) refuseOption(`${name}: expected gateTarget() or cacheTarget(), got ${shown(others[0])}`);
}

function checkDatabase(database: unknown): void {
  if (typeof (database as { readonly open?: unknown } | null)?.open === 'function') return;
  refuseOption(`database: expected sqliteDatabase() or postgresDatabase(), got ${shown(database)}`);
}

/** Of a feed process. Throws E_CONFIG. */
export function checkAddress(feed: unknown): void {
  checkOptions('feedProcess', feed, { url: ANY, token: ANY });
  const { url, token } = feed as { readonly url?: unknown; readonly token?: unknown };
  const base = typeof url === 'string' ? URL.parse(url) : null;
  if (base === null || !/^https?:$/.test(base.protocol)) {
    refuseOption(`feed: expected feedProcess() with a URL of http or https, got ${shown(url)}`);
  }
  if (token !== undefined && !TEXT[1](token)) refuseOption(`feed: expected a token as text, got ${shown(token)}`);
}
