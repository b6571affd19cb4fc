// Checks the options of `createTracker` and `startFeedProcess`, also for callers without types.

import { expected, TidegateError } from '../errors.ts';
import type { InMs } from '../options/durations.ts';
import * as kit from '../options/kit.ts';
import type { DatabaseTrackerOptions, FeedProcessOptions, ProcessTrackerOptions, TrackerOptions } from './contract.ts';

/** A gate grants no longer lease. */
const MAX_LEASE_MS = 60_000;
const MAX_PORT = 65_535;

const targets: kit.Check = (given, name) => {
  if (!Array.isArray(given)) return expected('E_CONFIG', `${name} to be a list of targets`, given);
  const other = given.findIndex((one: unknown) => !kit.has(one, 'deliver'));
  if (other >= 0) expected('E_CONFIG', `each of ${name} to be gateTarget() or cacheTarget()`, given[other]);
};
const database = kit.be('sqliteDatabase() or postgresDatabase()', (given) => kit.has(given, 'open'));
/** Options of each process that follows a database. */
const FOLLOWING = {
  lease: kit.timeout(1, MAX_LEASE_MS),
  maxLag: kit.timeout(1),
  maxInstances: kit.count,
};
const COMMON = {
  source: kit.required(
    kit.be('1 to 64 of a-z, 0-9, - and _', (given) => typeof given === 'string' && /^[a-z0-9_-]{1,64}$/.test(given)),
  ),
  ...FOLLOWING,
  maxTemplates: kit.count,
  onFault: kit.func,
};
const TRACKER: Readonly<Record<keyof DatabaseTrackerOptions | keyof ProcessTrackerOptions, kit.Check>> = {
  ...COMMON,
  ...{ database, targets, feed: kit.anything, caches: targets },
  settle: kit.timeout(0),
  ...{ maxTags: kit.count, maxTagBytes: kit.count },
  share: kit.oneOf('scope', 'union'),
};
const FEED_PROCESS: kit.Checks<FeedProcessOptions> = {
  ...COMMON,
  ...{ database: kit.required(database), targets: kit.required(targets) },
  ...{ host: kit.text, port: kit.required(kit.whole(0, MAX_PORT)), token: kit.text },
};

/** Throws E_CONFIG. */
export function checkFeedProcess(options: unknown): InMs<FeedProcessOptions> {
  return kit.checkOptions('startFeedProcess', options, FEED_PROCESS);
}

/** Throws E_CONFIG. */
export function checkTracker(options: TrackerOptions): InMs<TrackerOptions> {
  const checked = kit.checkOptions<TrackerOptions>('createTracker', options, TRACKER);
  const given: kit.UnknownRecord = { ...options };
  const { feed } = given;
  if ((given.database === undefined) === (feed === undefined)) {
    const got = feed === undefined ? 'neither' : 'both';
    throw new TidegateError('E_CONFIG', `expected one of database and feed, got ${got}`);
  }
  if (feed === undefined) {
    none(given, ['caches'], 'beside database, whose targets they are among');
    targets(given.targets, 'targets');
    return checked;
  }
  none(given, ['targets'], 'beside feed, which tells gates by itself');
  none(given, Object.keys(FOLLOWING), 'beside feed, whose process is given it');
  checkAddress(feed);
  return checked;
}

function none(given: kit.UnknownRecord, names: readonly string[], where: string): void {
  const one = names.find((name) => given[name] !== undefined);
  if (one !== undefined) expected('E_CONFIG', `no ${one} ${where}`, given[one]);
}

/** Checks a feed process's address. Throws E_CONFIG. */
export function checkAddress(feed: unknown): void {
  kit.checkOptions('feedProcess', feed, { url: kit.required(kit.httpUrl), token: kit.text });
}
