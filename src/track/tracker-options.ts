// What `createTracker` and `startFeedProcess` are given, checked: also for callers without types.

import { TidegateError } from '../errors.ts';
import type { TrackerOptions } from './contract.ts';

const SOURCE = /^[a-z0-9_-]{1,64}$/;

/** Throws E_CONFIG. */
export function checkSource(source: unknown): void {
  if (typeof source === 'string' && SOURCE.test(source)) return;
  refuse(`source: expected 1 to 64 of a-z, 0-9, - and _, got ${JSON.stringify(source)}`);
}

/** Throws E_CONFIG. */
export function checkTracker(options: TrackerOptions): void {
  const { source, database, targets, feed, caches } = options as Readonly<
    Partial<Record<keyof TrackerOptions, unknown>>
  >;
  checkSource(source);
  const got = database === undefined ? 'neither' : 'both';
  if ((database === undefined) === (feed === undefined)) refuse(`expected one of database and feed, got ${got}`);
  if (feed !== undefined) {
    if (targets !== undefined) refuse('targets: expected none beside feed, which tells gates by itself, got some');
    checkTargets('caches', caches ?? []);
    checkAddress(feed);
    return;
  }
  if (caches !== undefined) refuse('caches: expected none beside database, whose targets they are among, got some');
  checkTargets('targets', targets);
  checkDatabase(database);
}

/** Throws E_CONFIG. */
export function checkTargets(name: string, targets: unknown): void {
  const isTarget = (one: unknown) => typeof (one as { readonly deliver?: unknown } | null)?.deliver === 'function';
  if (!Array.isArray(targets)) refuse(`${name}: expected a list of targets, got ${typeof targets}`);
  else if (!targets.every(isTarget)) refuse(`${name}: expected gateTarget() or cacheTarget(), got something else`);
}

/** Throws E_CONFIG. */
export function checkDatabase(database: unknown): void {
  if (typeof (database as { readonly open?: unknown } | null)?.open === 'function') return;
  refuse(`database: expected sqliteDatabase() or postgresDatabase(), got ${typeof database}`);
}

function checkAddress(feed: unknown): void {
  const { url, token } = (feed ?? {}) as { readonly url?: unknown; readonly token?: unknown };
  const base = typeof url === 'string' ? URL.parse(url) : null;
  if (base === null || !/^https?:$/.test(base.protocol)) {
    refuse(`feed: expected feedProcess() with a URL of http or https, got ${JSON.stringify(url)}`);
  }
  if (token !== undefined && (typeof token !== 'string' || token === '')) {
    refuse(`feed: expected a token as text, got ${typeof token}`);
  }
}

function refuse(what: string): never {
  throw new TidegateError('E_CONFIG', what);
}
